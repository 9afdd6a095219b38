"""A network before and after it has learned from rewards: the work of a shard.

>>> Learned(...)()           # trains it, a record a test puzzle, and its curve
>>> Before(...)()            # the network that it started from
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pyarrow
import torch

from csp.io.files import read_bytes
from csp.problem import Instance
from csp.seeds import uniform
from experiments.engine.small_puzzles import SmallPuzzles
from experiments.engine.study_networks import weights_file
from experiments.reinforcement.grid import Preset, Recipe
from generators import checkpoint
from generators.boards import stack
from generators.likelihood.rollouts import groups
from generators.reinforcement.policies import Fillings
from generators.reinforcement.trainer import evaluate, policy_of, reinforce, rewards_of

BEFORE, NO_NET = "before", "no network"  # in a recipe's place, in a kind's
HELD_OUT = 16  # validation puzzles
PATHS = ("start", "only")  # options that hashes stand for
WHOLE, FLOAT = pyarrow.int64(), pyarrow.float64()
SCHEMA = pyarrow.schema(
    [
        ("family", pyarrow.string()), ("recipe", pyarrow.string()), ("kind", pyarrow.string()), ("seed", WHOLE),
        ("index", WHOLE), ("right", WHOLE), ("samples", WHOLE), ("update", WHOLE), ("read", WHOLE), ("pass", FLOAT),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class _Study:
    """start, sha256: the starting network's checkpoint. trained: the folder of what comes out."""

    schema = SCHEMA

    preset: Preset
    puzzles: SmallPuzzles
    kind: str
    seed: int
    start: str
    sha256: str

    def some(self, split: str, count: int) -> list[Instance]:
        """The first puzzles of a split."""
        return [self.puzzles.instance(split, self.preset.blank, index) for index in range(count)]

    def config_of(self, what: str) -> dict:
        """What the records are a function of."""
        return {
            "what": what,
            "network": self.sha256,
            "family": self.puzzles.family,
            "blank": self.preset.blank,
            "seed": self.seed,
            "tests": [self.preset.tests, self.preset.samples],
            "takeback": metadata.version("takeback"),
        }

    def records(self, recipe: str, policy, curve: Sequence[Sequence] = ()) -> list[dict]:
        """Fillings of the test puzzles, counted; the points of a curve."""
        right = evaluate(policy, self.some("test", self.preset.tests), self.preset.samples, "test")
        points = [self._where(recipe) | dict(zip(("update", "read", "pass"), point)) for point in curve]
        return self.counted(recipe, right) + points

    def counted(self, recipe: str, right: Sequence[int | float] | np.ndarray) -> list[dict]:
        """A record a test puzzle: how many of its fillings are right."""
        return [self._where(recipe) | {"index": index, "right": int(count)} for index, count in enumerate(right)]

    def _where(self, recipe: str) -> dict:
        named = {"family": self.puzzles.name, "recipe": recipe, "kind": self.kind}
        return dict.fromkeys(SCHEMA.names) | named | {"seed": self.seed, "samples": self.preset.samples}


@dataclass(frozen=True)
class Before(_Study):
    """The starting network as it is."""

    @property
    def title(self) -> str:
        return f"{self.puzzles.name}, {self.kind} {self.seed} before"

    @property
    def config(self) -> dict:
        return self.config_of("before")

    def __call__(self) -> list[dict]:
        model = checkpoint.load(Path(self.start), self.puzzles.family, dtype=torch.float32).model
        options = self.preset.config(Recipe(self.kind, "grpo"), self.puzzles, self.seed, self.start)
        return self.records(BEFORE, policy_of(options, model))


@dataclass(frozen=True)
class NoNetwork(Before):
    """In a network's place: fillings whose values are all alike likely."""

    def __call__(self) -> list[dict]:
        boards = stack(self.some("test", self.preset.tests), "evaluation")
        rows, keys = groups(boards, self.preset.samples, "no network", self.seed)
        drawn = 1 + np.floor(boards.d * uniform(keys[:, None], np.arange(boards.width)[None])).astype(np.int64)
        free = boards.free(rows)
        filled = Fillings(rows, np.where(free, drawn, boards.givens[rows]), free.cumsum(1) * free)
        right = rewards_of(boards, filled).reshape(len(boards), -1).sum(1)
        return self.counted(BEFORE, right)


@dataclass(frozen=True)
class Learned(_Study):
    """The same network after it has learned."""

    recipe: Recipe
    trained: str

    @property
    def title(self) -> str:
        return f"{self.puzzles.name}, {self.recipe.name}, seed {self.seed}"

    @property
    def options(self):
        """How it learns."""
        return self.preset.config(self.recipe, self.puzzles, self.seed, self.start)

    @property
    def config(self) -> dict:
        return self.config_of("learned") | {
            "recipe": self.recipe.name,
            "options": {name: value for name, value in asdict(self.options).items() if name not in PATHS},
            "only": hashlib.sha256(read_bytes(Path(self.recipe.only))).hexdigest() if self.recipe.only else "",
            "pool": [self.preset.pool, HELD_OUT],
        }

    @property
    def path(self) -> Path:
        """Of the network that comes out."""
        return weights_file(Path(self.trained), f"{self.puzzles.name} {self.recipe.name} seed{self.seed}")

    def __call__(self) -> list[dict]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        source = replace(self.puzzles, family=self.recipe.pool) if self.recipe.pool else self.puzzles
        pool = [source.instance("train", self.preset.blank, index) for index in range(self.preset.pool)]
        held_out = self.some("validation", HELD_OUT)
        made = reinforce(self.options, pool, held_out, self.path, lambda news: None)
        return self.records(self.recipe.name, made.policy, made.curve)
