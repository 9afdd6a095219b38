"""What every oracle answers: is this partial assignment alive, and how much must be taken back? Exact, never guessed.

    >>> oracle = pick(instance)             # solvers/oracles/pick.py: the fastest one that is exact for this instance
    >>> oracle.alive(states)                # (batch, n) -> (batch,) bool
    >>> oracle.repair(state)                # fewest commits to blank so that it is alive again; debt counts them
    >>> oracle.core(state)                  # commits that cannot stand together, none of them to spare

An assignment's givens are never blanked and never changed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Bool, Int

from csp.errors import Undecided as Undecided  # what oracles raise over a limit
from csp.problem import Instance


class Oracle(ABC):
    """Exact answers about one instance. `assignment` arguments are (n,), 0 = blank, givens included.

    To add one: a subclass with solve, count and repair (alive where a batch can be answered at once) in a file of its
    own, and a name in pick. tests/properties/test_oracle.py holds every oracle against brute force.
    """

    name: str
    instance: Instance

    def alive(self, assignments: Int[np.ndarray, "batch n"]) -> Bool[np.ndarray, " batch"]:
        """Whether some solution extends each assignment."""
        return np.array([self.solve(assignment) is not None for assignment in assignments], dtype=bool)

    @abstractmethod
    def solve(self, assignment: Int[np.ndarray, " n"] | None = None) -> Int[np.ndarray, " n"] | None:
        """A solution that extends the assignment (default: the givens), or None if there is none."""

    @abstractmethod
    def count(self, limit: int, assignment: Int[np.ndarray, " n"] | None = None) -> int:
        """How many solutions extend the assignment (default: the givens), exact up to `limit`."""

    @abstractmethod
    def repair(self, assignment: Int[np.ndarray, " n"]) -> Int[np.ndarray, " cells"]:
        """Fewest committed cells that must be blanked for the assignment to be alive, rising; none if it is alive.

        Raises ValueError if the instance has no solution (then nothing helps), Undecided over a limit.
        """

    def debt(self, assignment: Int[np.ndarray, " n"]) -> int:
        """How many cells repair blanks. Raises as it does."""
        return len(self.repair(assignment))

    def core(
        self, assignment: Int[np.ndarray, " n"], order: Int[np.ndarray, " commits"] | None = None
    ) -> Int[np.ndarray, " cells"]:
        """Committed cells, rising, that cannot stand together (with the givens): no part of them is dead by itself.

        order: the committed cells in the sequence in which it is tried to do without them (default: rising); every
        oracle finds the same core in the same order. Empty if the instance has no solution. Raises ValueError if the
        assignment is alive.
        """
        if self._alive(assignment):
            raise ValueError(f"{self.instance.provenance}: the assignment is alive, so it has no core")
        rest = (self.committed(assignment) if order is None else order).tolist()

        # deletion (Marques-Silva 2010): drop cells in sequence while what is left stays dead. The first cell that
        # cannot be dropped belongs to the core; bisection finds it in log2(commits) questions instead of one a cell.
        kept: list[int] = []
        while True:
            # without the first `low` of the rest it is dead; without the first `high` alive, or there are not so many
            low, high = 0, len(rest) + 1
            while high - low > 1:
                middle = (low + high) // 2
                fewer = self.keep(assignment, np.array([*kept, *rest[middle:]], dtype=np.int64))
                low, high = (low, middle) if self._alive(fewer) else (middle, high)
            if low == len(rest):  # dead without any of them: what is kept is the whole core
                return np.array(sorted(kept), dtype=np.int64)
            kept.append(rest[low])
            rest = rest[low + 1 :]

    def _alive(self, assignment: Int[np.ndarray, " n"]) -> bool:
        return bool(self.alive(assignment[None])[0])

    def committed(self, assignment: Int[np.ndarray, " n"]) -> Int[np.ndarray, " cells"]:
        """The cells that hold a value and are not given, rising."""
        return np.nonzero((assignment > 0) & (self.instance.givens == 0))[0]

    def keep(self, assignment: Int[np.ndarray, " n"], cells: Int[np.ndarray, " cells"]) -> Int[np.ndarray, " n"]:
        """The givens and, of the commits, only those of the cells."""
        kept = self.instance.givens.copy()
        kept[cells] = assignment[cells]
        return kept
