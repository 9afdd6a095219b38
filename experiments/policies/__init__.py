"""`takeback policies`: does learning the order gain more, or learning what to take back, and on which puzzles?"""
