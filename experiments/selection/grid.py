"""Which items `takeback selection` chooses, by what, and what is trained on them.

>>> [way.name for way in PRESETS["quick"].ways][:2]
['random', 'gradients']
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.engine.study_networks import Size as NetworkSize
from experiments.engine.study_networks import Training, file_of
from generators.selection.skills import SKILLS
from generators.training.config import TrainConfig

LORA = 4  # rank of adapters
FULL = 0  # in a rank's place: the gradient of all weights


def rank_name(rank: int) -> str:
    """What gradients are of."""
    return "all weights" if rank == FULL else f"adapters of rank {rank}"


@dataclass(frozen=True)
class Way:
    """A way to choose. by: what items are scored by. rank: of the adapters whose gradients are taken (FULL: of all
    weights). shared: whether all targets get the same items. epochs: over all of the pool instead of a choice of it.
    """

    name: str
    by: str
    rank: int = LORA
    shared: bool = False
    epochs: bool = False

    @property
    def gradients(self) -> bool:
        """Whether items are scored by gradients."""
        return self.by in GRADIENTS


#: What items are scored by, of gradients: all checkpoints, AdamW's step, cosines; or each of them left out.
GRADIENTS = ("gradients", "no Adam", "dot product", "one checkpoint", "no warm-up")
BEFORE = "nothing"
ORACLE = "true labels (oracle)"
RANDOM, POOL, POOL_EPOCHS, CHOICE = "random", "full pool, equal updates", "full pool, equal epochs", "gradients"


MAIN = 7  # ways that the claim is about; the others explain


def ways(main: int, others: tuple[int, ...] = ()) -> tuple[Way, ...]:
    """All ways, in the order in which they are worth having. main: the rank of the gradients' ways; others: of the
    same once more.
    """
    return (
        Way(RANDOM, "random", shared=True),
        Way(CHOICE, "gradients", main),
        Way(POOL, "pool", shared=True),
        Way(ORACLE, "oracle"),
        Way("surface neighbours", "surface"),
        Way("hidden-state neighbours", "hidden"),
        Way(POOL_EPOCHS, "pool", shared=True, epochs=True),
        Way("highest loss", "high loss", shared=True),
        Way("lowest loss", "low loss", shared=True),
        *(Way(f"gradients: {by}", by, main) for by in GRADIENTS[1:]),
        *(Way(f"gradients: {rank_name(rank)}", "gradients", rank) for rank in others),
    )


@dataclass(frozen=True)
class Preset:
    """pool: items; share of them that is chosen. targets: skills, with so many examples and subtasks each; tests:
    puzzles. seeds: each with a pool and networks of its own. base: of the network that everything begins with.
    warm_epochs: of the warm-up, with a checkpoint after each. epochs: over what was chosen. lr: of both; lora_lr: of
    adapters. draws: masks of an item's gradient. k: numbers that a gradient is projected to. part: items whose
    gradients are one piece of work. curve: (items, most draws) of the curve against draws.
    """

    pool: int
    targets: tuple[str, ...]
    tests: int
    seeds: int
    base: NetworkSize
    ways: tuple[Way, ...]
    kinds: tuple[str, ...] = ("diffusion", "ar-solver")
    share: float = 0.05
    examples: int = 32
    subtasks: int = 4
    warm_epochs: int = 4
    epochs: int = 8
    batch: int = 32
    lr: float = 1e-3
    lora_lr: float = 3e-3
    draws: int = 4
    k: int = 1024
    part: int = 1000
    curve: tuple[int, int] = (1000, 16)

    @property
    def chosen(self) -> int:
        """Items of a choice."""
        return round(self.share * self.pool)

    @property
    def ranks(self) -> tuple[int, ...]:
        """Of the warm-ups, those that all ways need first."""
        return tuple(dict.fromkeys(way.rank for way in self.ways if way.gradients))

    def training(self, kind: str, seed: int, at: Path) -> Training:
        """How the network is trained that everything begins with, and where it is kept: on other puzzles of all skills
        but X-Sudoku, with right labels.
        """
        mix = tuple(skill.family for name, skill in SKILLS.items() if name != "X-Sudoku")
        config = TrainConfig(
            kind,
            "sudoku6",
            self.base.updates,
            puzzles=self.base.puzzles,
            seed=seed,
            data_seed=1000 + seed,
            dim=self.base.dim,
            mix=mix,
            validate_every=self.base.validate_every,
        )
        path = file_of(at, kind, "mixed", self.base, seed)
        return BaseTraining(f"base {kind}, seed {seed}", config, path)


class BaseTraining(Training):
    """A training on a mixture."""

    def run(self) -> None:
        """Train it; a training that was stopped goes on."""
        from generators.training import trainer

        sets = [
            trainer.datasets(self.config, split, n)
            for split, n in (("train", self.config.puzzles), ("validation", 120))
        ]
        trainer.train(self.config, *sets, self.path, lambda news: None)


TARGETS = ("6x6 Sudoku, hard", "Latin square", "dense colouring", "4x4 Sudoku")
PRESETS = {
    "quick": Preset(
        1200,
        ("4x4 Sudoku",),
        100,
        1,
        NetworkSize(48, 250, 1500, 125),
        ways(FULL),
        epochs=24,
        lr=2e-3,
        draws=2,
        part=600,
        curve=(150, 8),
    ),
    "standard": Preset(20_000, TARGETS, 200, 3, NetworkSize(64, 1500, 6000, 250), ways(LORA, (FULL,))),
}
