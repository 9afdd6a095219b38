"""`takeback factors`: which of order, workspace, reading, supervision, depth and search closes the gap?

networks    which networks are compared: words, depth, how long they train
cells       how they decode: order x veto x retraction, one cell a call
plan        the planned comparisons
"""
