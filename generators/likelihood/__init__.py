"""How likely a network is to write a filling: exactly, and as reinforcement learning for diffusion estimates it.

conditionals.py      what a network says about the free cells of boards, with gradients
order_policies.py    which free cell is committed next: at random, the surest, by learned scores
order_marginal.py    the likelihood over all orders, by a recursion over subsets; the bound (ELBO) from the same table
rollouts.py          fillings and orders drawn from the process that has this likelihood
estimators.py        what papers put in the likelihood's place, by one protocol
"""
