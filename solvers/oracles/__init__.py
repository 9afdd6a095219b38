"""Oracles: exact answers about partial assignments. Three that must agree, and which one to pick.

    >>> oracle = pick(instance)                                 # from solvers.oracles.pick
    >>> oracle.alive(states)                                    # (batch, n) -> (batch,)

base.py is the interface and what follows from it; cp_sat.py the reference; sat.py the fast one, for instances with
several solutions; unique.py for those with one. To add one: a subclass of base.Oracle, a name in pick.py, and a line in
tests/properties/test_oracle.py, which holds it against brute force.
"""
