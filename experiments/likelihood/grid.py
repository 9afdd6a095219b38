"""Which puzzles, networks, orders and sizes `takeback likelihood` goes through.

>>> SUDOKU4.instance(k=6, index=0).blanks
6
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from csp.generate import draw
from csp.problem import Instance
from experiments.engine.study_networks import Size, Training, file_of
from generators.likelihood.ambiguous import TRIED, with_blank
from generators.likelihood.order_policies import Confidence, OrderPolicy, Uniform
from solvers.oracles.pick import settle

KIND, LOOPS, DIM, PUZZLES = "diffusion", 3, 64, 2000  # of the networks, and what they are trained on
STAGES_AT = 8  # blank cells, where networks of other numbers of updates are compared
#: In which order fillings are written. A cell is drawn; at a temperature of 0.1 nearly always the surest one.
ORDERS: dict[str, OrderPolicy] = {"random": Uniform(), "confidence": Confidence(0.1)}


@dataclass(frozen=True)
class Puzzles:
    """name: as tables say it. family: as `takeback instances families` has it. halfway: updates after which a network
    is right about some fillings and wrong about others, as reinforcement learning needs. most: blank cells.
    """

    name: str
    family: str
    halfway: int
    most: int

    def instance(self, k: int, index: int) -> Instance:
        """The index-th test puzzle, with k cells blank whose values can be exchanged."""
        return with_blank(_drawn(self.family, index), k, TRIED)

    def training(self, seed: int, updates: int, at: Path) -> Training:
        """How a network is trained, and where it is kept."""
        size = Size(DIM, updates, PUZZLES, updates // 4)
        title = f"{self.name}, {updates} updates, seed {seed}"
        path = file_of(at, KIND, self.family, size, seed)
        return Training(title, size.training(KIND, self.family, seed, LOOPS), path)


@lru_cache(maxsize=1000)
def _drawn(family: str, number: int) -> Instance:
    return draw(family, 0, "test", number, settle)


SUDOKU4 = Puzzles("4x4 Sudoku", "sudoku4:clues=6", 120, 8)
SUDOKU6 = Puzzles("6x6 Sudoku", "sudoku6", 300, 10)
COLOURING = Puzzles("3-colouring, 12 nodes", "gnp:n=12,degree=4.6,solvable=yes", 150, 10)


@dataclass(frozen=True)
class Case:
    """Puzzles with k blank cells, for networks of so many updates."""

    puzzles: Puzzles
    updates: int
    k: int


@dataclass(frozen=True)
class Preset:
    """seeds: networks of each kind. instances: of each case. group: fillings of a puzzle. draws: estimates of each.
    sizes: numbers of blank cells. stages: for how many times as many updates further networks are trained. shipped: the
    networks come with the package.
    """

    families: tuple[Puzzles, ...] = (SUDOKU4, SUDOKU6, COLOURING)
    seeds: int = 3
    instances: int = 10
    group: int = 8
    draws: int = 16
    sizes: tuple[int, ...] = (4, 6, 8, 10)
    stages: tuple[float, ...] = (0.5, 2.5)
    shipped: bool = False

    def cases(self) -> list[Case]:
        """Every number of blank cells for networks halfway, small ones first; the other stages at one of them."""
        by_size = [
            Case(puzzles, puzzles.halfway, k) for puzzles in self.families for k in self.sizes if k <= puzzles.most
        ]
        by_stage = [
            Case(puzzles, round(times * puzzles.halfway), STAGES_AT)
            for puzzles in self.families
            for times in self.stages
        ]
        return by_size + by_stage


PRESETS = {
    "quick": Preset(seeds=1, instances=3, group=6, draws=6, sizes=(4, 8), stages=(), shipped=True),
    "standard": Preset(),
}
