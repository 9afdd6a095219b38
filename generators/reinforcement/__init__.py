"""Learning from rewards.

advantages.py        what each member of a group of fillings counts for in an update: GRPO's, wd1's
"""
