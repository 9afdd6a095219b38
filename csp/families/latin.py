"""Latin squares with holes (quasigroup completion, Gomes and Selman 1997): rules, symmetries, the family of puzzles.

Rows and columns hold each of 1..side once; there are no boxes. Hard near 42 % holes when any completion will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from csp.constraints import AllDifferent
from csp.difficulty import reference_search
from csp.errors import BadInput
from csp.families.base import Family, Symmetry
from csp.problem import Difficulty, Instance, Problem
from csp.specs import one_of

SIDES = range(2, 26)


@cache
def board(side: int) -> Problem:
    """The empty square. Raises BadInput for a side that is not in SIDES."""
    if side not in SIDES:
        raise BadInput(f"no Latin square of side {side}; sides are {SIDES[0]} to {SIDES[-1]}")
    cells = np.arange(side * side).reshape(side, side)
    groups = [("row", cells), ("column", cells.T)]
    rules = [AllDifferent(tuple(scope.tolist()), name) for name, scopes in groups for scope in scopes]
    return Problem(side * side, side, tuple(rules), f"latin {side}x{side}")


@dataclass(frozen=True)
class Latin(Family):
    """A random Latin square with holes.

    side: 2 to 25. holes: share of cells blanked. solutions: any = holes fall anywhere; unique = only where the solution
    stays the only one (as many of the holes as it can spare); several = more than one, certified.
    """

    side: int = 8
    holes: float = 0.42
    solutions: str = "any"

    about: ClassVar[str] = "Latin square with holes"

    def __post_init__(self) -> None:
        """Raises BadInput for words out of range."""
        board(self.side)
        one_of("solutions", self.solutions, ("any", "unique", "several"))
        if not 0 < self.holes <= 1:
            raise BadInput("holes is a share above 0, at most 1")

    @property
    def kind(self) -> str:
        """latin8 and so on."""
        return f"latin{self.side}"

    def symmetry(self, rng: np.random.Generator, cells: int) -> Symmetry:
        """Rows, columns and values are permuted; half the time the square is transposed."""
        moved = np.arange(self.side**2).reshape(self.side, self.side)
        moved = moved[rng.permutation(self.side)][:, rng.permutation(self.side)]
        moved = moved.T if rng.random() < 0.5 else moved
        return moved.reshape(-1), np.concatenate([[0], 1 + rng.permutation(self.side)])

    def accepts(self, difficulty: Difficulty) -> bool:
        if self.solutions == "any":
            return True
        return difficulty.unique == (self.solutions == "unique") and difficulty.solutions is not None

    def propose(self, rng: np.random.Generator) -> Instance | None:
        problem = board(self.side)
        grid = self._filled(problem, rng)
        if grid is None:
            return None

        # unique: a hole is made only where the solution stays the only one; otherwise wherever it falls
        order, most = rng.permutation(problem.n), max(1, round(self.holes * problem.n))
        if self.solutions == "unique":
            return self._candidate(problem, reference_search.thin(problem, grid, order, most), grid)
        givens = grid.copy()
        givens[order[:most]] = 0
        return self._candidate(problem, givens, grid)
