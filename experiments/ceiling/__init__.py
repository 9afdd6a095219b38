"""`takeback ceiling`, the main job: who needs to take a token back, and cannot?

command.py has the options and the run, screen.py what is printed, figures.py what is drawn.
"""
