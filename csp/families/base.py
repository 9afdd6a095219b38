"""Family: where instances come from. A new one is a file here with a subclass, and an entry in csp/generate.py.

>>> rng = np.random.default_rng(0)
>>> Latin(side=5).propose(rng).problem.name
'latin 5x5'
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from csp.difficulty import reference_search
from csp.problem import Difficulty, Instance, Problem

GRID_BUDGET = 20_000  # guesses for filling an empty board at random; beyond it another try is cheaper than patience

#: (cells (n,), relabel (d + 1,)): relabel[assignment[cells]] obeys the moved rules iff assignment obeys the rules.
Symmetry = tuple[Int[np.ndarray, " n"], Int[np.ndarray, " values"]]


class Family(ABC):
    """Proposes instances. Subclasses are frozen dataclasses whose fields are the words of its spelling.

    kind: `family` of its instances: what a checkpoint is trained for. about: one line for people.
    fixed: fields that cannot be spelled, because the name in the table says them.
    """

    kind: str
    about: ClassVar[str]
    fixed: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def propose(self, rng: np.random.Generator) -> Instance | None:
        """One candidate, not graded yet, with its witness where a solution is known; None for a failed try."""

    def again(self, rejected: Instance, rng: np.random.Generator) -> Instance | None:
        """Another candidate after one of the wrong split; families whose candidates are dear may start from it."""
        return self.propose(rng)

    @abstractmethod
    def symmetry(self, rng: np.random.Generator, cells: int) -> Symmetry:
        """A random symmetry of an instance with that number of cells."""

    @property
    def solvable_all(self) -> bool:
        """Whether every puzzle of the family has a solution, so that a network can be trained on them."""
        return True

    def accepts(self, difficulty: Difficulty) -> bool:
        """Whether a graded candidate is what the family promises."""
        return True

    def _filled(self, problem: Problem, rng: np.random.Generator) -> Int[np.ndarray, " n"] | None:
        """A random solution of an empty board, moved by a random symmetry; None if the search for one was given up.

        The search with shuffled values does not draw solutions uniformly: the symmetry spreads what it prefers.
        """
        try:
            grid = reference_search.complete(problem, np.zeros(problem.n, dtype=np.int64), rng, GRID_BUDGET)
        except reference_search.SearchGivenUp:
            return None
        cells, relabel = self.symmetry(rng, problem.n)
        return None if grid is None else relabel[grid[cells]]

    def _candidate(
        self, problem: Problem, givens: Int[np.ndarray, " n"], witness: Int[np.ndarray, " n"] | None
    ) -> Instance:
        """What propose returns; draw gives it its provenance."""
        return Instance(problem, givens, self.kind, "proposed", witness=witness)
