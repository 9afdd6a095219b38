"""Which networks learn from what in `takeback reinforcement`.

>>> RECIPES[0].name
'diffusion: grpo, exact'
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.engine.small_puzzles import COLOURING, SUDOKU4, SUDOKU6, SmallPuzzles
from generators.reinforcement.trainer import ReinforceConfig


@dataclass(frozen=True)
class Recipe:
    """kind: of network. method, likelihood, shuffled, learn, only: see ReinforceConfig; the likelihoods of an AR
    network and of a learned order are exact. pool: another family to learn from. lr: 0 for the preset's.
    """

    kind: str
    method: str
    likelihood: str = "exact"
    shuffled: bool = False
    learn: str = "weights"
    pool: str = ""
    lr: float = 0.0
    only: str = ""

    @property
    def name(self) -> str:
        words = [self.method, *["order alone"] * (self.learn == "order")]
        words += [self.likelihood] * (self.kind == "diffusion" and self.learn == "weights")
        words += ["shuffled rewards"] * self.shuffled
        words += [f"from {self.pool}"] * bool(self.pool) + [f"rate {self.lr:g}"] * bool(self.lr)
        words += [f"only {Path(self.only).stem}"] * bool(self.only)
        return f"{self.kind}: {', '.join(words)}"


LIKELIHOODS = (
    "exact", "trajectory", "elbo-count-4", "elbo-count-1", "elbo-time-1", "coupled", "mean-field-prompt", "raster"
)  # fmt: skip
RECIPES = (
    *(Recipe("diffusion", "grpo", likelihood) for likelihood in LIKELIHOODS),
    Recipe("diffusion", "wd1", "mean-field-prompt"),
    Recipe("diffusion", "dpo", "exact"),
    Recipe("diffusion", "dpo", "elbo-count-4"),
    Recipe("diffusion", "expert", "elbo-count-4"),
    Recipe("diffusion", "supervised", "elbo-count-4"),
    Recipe("diffusion", "grpo", "exact", shuffled=True),
    Recipe("diffusion", "grpo", learn="order"),
    Recipe("diffusion", "grpo", learn="order", shuffled=True),
    *(Recipe("ar", method) for method in ("grpo", "dpo", "expert", "supervised")),
    Recipe("ar", "grpo", shuffled=True),
)
QUICK = (
    *(Recipe("diffusion", "grpo", likelihood) for likelihood in ("exact", "elbo-count-1", "mean-field-prompt")),
    Recipe("diffusion", "expert", "elbo-count-4"),
    Recipe("diffusion", "grpo", "exact", shuffled=True),
)
#: What the others are compared with, by kind.
REFERENCE = {"diffusion": RECIPES[0], "ar": Recipe("ar", "grpo")}


@dataclass(frozen=True)
class Preset:
    """blank: cells of a puzzle. seeds: starting networks, each with a run of each recipe. pool: puzzles to learn from.
    updates, puzzles, group, lr: see ReinforceConfig; order_lr: of an order head. tests: puzzles; samples: fillings of
    each, before and after.
    """

    families: tuple[SmallPuzzles, ...] = (SUDOKU4, SUDOKU6, COLOURING)
    recipes: tuple[Recipe, ...] = RECIPES
    blank: int = 6
    seeds: int = 3
    pool: int = 200
    updates: int = 60
    puzzles: int = 8
    group: int = 8
    lr: float = 3e-4
    order_lr: float = 1e-2
    tests: int = 40
    samples: int = 64
    shipped: bool = False

    def config(self, recipe: Recipe, puzzles: SmallPuzzles, seed: int, start: str) -> ReinforceConfig:
        """How a network learns."""
        return ReinforceConfig(
            start,
            puzzles.family,
            recipe.method,
            recipe.likelihood,
            shuffled=recipe.shuffled,
            learn=recipe.learn,
            updates=self.updates,
            puzzles=self.puzzles,
            group=self.group,
            lr=recipe.lr or (self.lr if recipe.learn == "weights" else self.order_lr),
            only=recipe.only,
            seed=seed,
            validate_every=max(1, self.updates // 6),
        )

    @property
    def kinds(self) -> list[str]:
        """Of the starting networks."""
        return list(dict.fromkeys(recipe.kind for recipe in self.recipes))


PRESETS = {
    "quick": Preset(
        (SUDOKU4,),
        QUICK,
        blank=4,
        seeds=1,
        pool=50,
        updates=30,
        tests=24,
        samples=16,
        shipped=True,
    ),
    "standard": Preset(),
}
