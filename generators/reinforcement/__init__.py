"""Learning from rewards: a checker's word on whole fillings, never a match to one reference.

policies.py          networks that write fillings and say how likely they were: AR exactly, diffusion by an estimator
advantages.py        what each member of a group of fillings counts for in an update: GRPO's, wd1's
order_head.py        a learned order on a frozen network
objectives.py        what an update lowers: GRPO, wd1, DPO, expert iteration, supervised likelihood
trainer.py           the loop; where it starts, what it keeps, pass@k
"""
