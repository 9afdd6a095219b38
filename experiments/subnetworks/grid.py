"""Which runs of which networks `takeback subnetworks` compares.

>>> PRESETS["standard"].recipes()[0].name
'diffusion: grpo, exact'
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from experiments.engine.small_puzzles import SUDOKU4, SUDOKU6, SmallPuzzles
from experiments.reinforcement.grid import Preset as Learning
from experiments.reinforcement.grid import Recipe

#: Weights that differ by more count as changed; 1e-5 is that of Mukherjee et al. (2025).
TOLERANCES = (0.0, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
#: Puzzles of another rule on a board of the same size, for supervised updates out of distribution.
ELSEWHERE = {SUDOKU4: "latin:side=4,holes=0.6", SUDOKU6: "latin:side=6,holes=0.6"}
MASKED = ("own mask", "random mask")


@dataclass(frozen=True)
class Preset:
    """learning: how runs go; its seeds are those of runs, which all begin with one network. rates: learning rates, the
    first is the main one, at which all recipes run; the others are for GRPO and supervised updates.
    """

    learning: Learning
    rates: tuple[float, ...] = (3e-4, 3e-5, 3e-6)
    kinds: tuple[str, ...] = ("diffusion", "ar")

    def recipes(self, puzzles: SmallPuzzles = SUDOKU4) -> list[Recipe]:
        """Every way of learning."""
        made = []
        for kind in self.kinds:
            rewarded, estimate = Recipe(kind, "grpo"), "elbo-count-4" if kind == "diffusion" else "exact"
            supervised = Recipe(kind, "supervised", estimate)
            made += [
                rewarded,
                replace(rewarded, shuffled=True),
                Recipe(kind, "expert", estimate),
                supervised,
                replace(supervised, pool=ELSEWHERE[puzzles]),
            ]
            made += [replace(recipe, lr=rate) for rate in self.rates[1:] for recipe in (rewarded, supervised)]
        return made


PRESETS = {
    "quick": Preset(
        Learning((SUDOKU4,), (), 4, 2, pool=50, updates=20, puzzles=4, tests=16, samples=16, shipped=True),
        (3e-4, 3e-6),
        ("diffusion",),
    ),
    "standard": Preset(Learning((SUDOKU4, SUDOKU6), (), blank=6, seeds=3)),
}
