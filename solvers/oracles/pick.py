"""Which oracle answers for an instance: the fastest that is exact for it.

    >>> oracle = pick(instance)

Three that must agree: CpSat (OR-Tools, the reference), Sat (incremental SAT under assumptions, python-sat)
and Unique (comparison with the only solution).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from csp.errors import BadInput
from csp.problem import Instance
from solvers.oracles.base import Oracle
from solvers.oracles.sat import Sat
from solvers.oracles.unique import Unique

LARGE = 200  # cells from which on CP-SAT is asked for a solution: Sat may take minutes where it takes seconds


def settle(instance: Instance) -> Int[np.ndarray, " n"] | None:
    """A solution of the instance, or None if it has none: what csp.generate asks where its own search gives up."""
    return pick(instance, "cp-sat" if instance.problem.n > LARGE else "auto").solve()


def pick(instance: Instance, name: str = "auto") -> Oracle:
    """The oracle of that name. auto: the fastest that is exact for the instance: Unique if it is certified to have
    one solution, else Sat, or CpSat where Sat does not know the rules. Raises BadInput for "unique" and "sat" there.
    """
    # comparison is exact only if no other solution exists; a witness alone does not say that
    certified = instance.difficulty is not None and instance.difficulty.unique and instance.witness is not None

    if name == "cp-sat":
        return _cp_sat(instance)
    if name == "sat" or (name == "auto" and not certified):
        try:
            return Sat(instance)
        except BadInput:  # a rule without clauses
            if name == "sat":
                raise
            return _cp_sat(instance)
    if not certified:
        raise BadInput(f"{instance.provenance} is not certified to have one solution, as oracle {name!r} needs")
    return Unique(instance, instance.witness, checked=True)  # the checker accepted it when it was certified


def _cp_sat(instance: Instance) -> Oracle:
    """CP-SAT, imported when it is asked: OR-Tools takes a second, and most commands need none of it."""
    from solvers.oracles.cp_sat import CpSat

    return CpSat(instance)
