"""X-Sudoku: a Sudoku board on which both diagonals hold each value once, too.

>>> XSudoku(side=6).propose(np.random.default_rng(0)).problem.name
'sudoku 6x6 diagonals'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from csp.difficulty import reference_search
from csp.errors import BadInput
from csp.families import sudoku, sudoku_variants
from csp.families.base import Family, Symmetry
from csp.problem import Difficulty, Instance, Problem


@dataclass(frozen=True)
class XSudoku(Family):
    """A random grid loses clues in random order while its solution stays the only one.

    clues: stop at so many (0: at none to spare).
    """

    side: int = 6
    clues: int = 0

    about: ClassVar[str] = "X-Sudoku: both diagonals hold each value once, too"
    fixed: ClassVar[tuple[str, ...]] = ("side",)

    def __post_init__(self) -> None:
        """Raises BadInput for words out of range."""
        if not 0 <= self.clues <= self.side**2:
            raise BadInput(f"clues is from 0 to {self.side**2}")

    @property
    def kind(self) -> str:
        """xsudoku6 and so on."""
        return f"xsudoku{self.side}"

    @property
    def problem(self) -> Problem:
        """The empty board."""
        boxes = sudoku_variants.boxes(self.side, *sudoku.BOXES[self.side])
        return sudoku_variants.problem(sudoku_variants.Variant(self.side, boxes, diagonals=True))

    def symmetry(self, rng: np.random.Generator, cells: int) -> Symmetry:
        """The board is mirrored, or not, in each direction; values are permuted."""
        moved = np.arange(self.side**2).reshape(self.side, self.side)
        moved = moved[::-1] if rng.random() < 0.5 else moved
        moved = moved[:, ::-1] if rng.random() < 0.5 else moved
        return moved.reshape(-1), np.concatenate([[0], 1 + rng.permutation(self.side)])

    def accepts(self, difficulty: Difficulty) -> bool:
        return difficulty.unique

    def propose(self, rng: np.random.Generator) -> Instance | None:
        problem = self.problem
        grid = self._filled(problem, rng)
        if grid is None:
            return None
        givens = reference_search.thin(problem, grid, rng.permutation(problem.n), problem.n - self.clues)
        return self._candidate(problem, givens, grid)
