"""Which puzzles, networks and numbers of blank cells `takeback likelihood` goes through.

>>> PRESETS["quick"].cases()[0].k
4
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.engine.small_puzzles import COLOURING, SUDOKU4, SUDOKU6, SmallPuzzles

STAGES_AT = 8  # blank cells, where networks of other numbers of updates are compared


@dataclass(frozen=True)
class Case:
    """Puzzles with k blank cells, for networks of so many updates."""

    puzzles: SmallPuzzles
    updates: int
    k: int


@dataclass(frozen=True)
class Preset:
    """seeds: networks of each kind. instances: of each case. group: fillings of a puzzle. draws: estimates of each.
    sizes: numbers of blank cells. stages: for how many times as many updates further networks are trained. shipped: the
    networks come with the package.
    """

    families: tuple[SmallPuzzles, ...] = (SUDOKU4, SUDOKU6, COLOURING)
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
