"""Puzzles with few blank cells, and half-trained networks for them: where a likelihood over all orders can be computed.

>>> SUDOKU4.instance("test", k=6, index=0).blanks
6
>>> SUDOKU4.training("diffusion", seed=0, updates=SUDOKU4.halfway, at=folder).path
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from csp.generate import draw
from csp.problem import Instance
from experiments.engine.study_networks import Size, Training, file_of
from generators.likelihood.ambiguous import TRIED, with_blank
from solvers.oracles.pick import settle

LOOPS, DIM, TRAINED_ON = 3, 64, 2000  # of the networks; puzzles that they are trained on


@dataclass(frozen=True)
class SmallPuzzles:
    """name: as tables say it. family: as `takeback instances families` has it. halfway: updates after which a network
    is right about some fillings and wrong about others, as reinforcement learning needs. most: blank cells.
    """

    name: str
    family: str
    halfway: int
    most: int

    def instance(self, split: str, k: int, index: int) -> Instance:
        """The index-th puzzle of a split, with k cells blank whose values can be exchanged."""
        return _with_blank(self.family, split, k, index, TRIED)

    def training(self, kind: str, seed: int, updates: int, at: Path) -> Training:
        """How a network is trained, and where it is kept."""
        size = Size(DIM, updates, TRAINED_ON, updates // 4)
        title = f"{self.name}, {kind}, {updates} updates, seed {seed}"
        path = file_of(at, kind, self.family, size, seed)
        return Training(title, size.training(kind, self.family, seed, LOOPS), path)


@lru_cache(maxsize=2000)
def _with_blank(family: str, split: str, k: int, index: int, tries: int) -> Instance:
    return with_blank(draw(family, 0, split, index, settle), k, tries)


SUDOKU4 = SmallPuzzles("4x4 Sudoku", "sudoku4:clues=6", 120, 8)
SUDOKU6 = SmallPuzzles("6x6 Sudoku", "sudoku6", 300, 10)
COLOURING = SmallPuzzles("3-colouring, 12 nodes", "gnp:n=12,degree=4.6,solvable=yes", 150, 10)
