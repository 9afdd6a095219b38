"""The oracle for instances with one solution: comparison with it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int

from csp.problem import Instance
from solvers.oracles.base import Oracle


class Unique(Oracle):
    """For an instance with exactly one solution: alive is agreement with it, debt is disagreement."""

    name = "unique"

    def __init__(self, instance: Instance, solution: Int[np.ndarray, " n"], checked: bool = False):
        """checked: the checker has accepted the solution already. Raises ValueError for one that it does not accept."""
        if not checked and not instance.solved(solution):
            raise ValueError(f"{instance.provenance}: what is called its solution is none")
        self.instance, self.solution = instance, solution

    def alive(self, assignments: Int[np.ndarray, "batch n"]) -> Bool[np.ndarray, " batch"]:
        return ((assignments == self.solution) | (assignments == 0)).all(1)

    def solve(self, assignment: Int[np.ndarray, " n"] | None = None) -> Int[np.ndarray, " n"] | None:
        assignment = self.instance.givens if assignment is None else assignment
        return self.solution.copy() if self.alive(assignment[None])[0] else None

    def count(self, limit: int, assignment: Int[np.ndarray, " n"] | None = None) -> int:
        return min(limit, int(self.solve(assignment) is not None))

    def repair(self, assignment: Int[np.ndarray, " n"]) -> Int[np.ndarray, " cells"]:
        return np.nonzero((assignment != self.solution) & (assignment > 0))[0]
