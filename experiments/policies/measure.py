"""Heads that learn, and what each way to decode solves: the works of `takeback policies`.

>>> Taught(preset, start, head, trained)()         # trains the head; the points of its curve
>>> Solved(preset, start, way, stratum, taught)()  # a record a puzzle
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata
from itertools import count, islice
from pathlib import Path

import pyarrow
import torch

from csp.generate import draw
from csp.problem import Instance
from experiments.engine.study_networks import weights_file
from experiments.policies.grid import Head, Preset, Way
from experiments.puzzle_files import load
from generators import checkpoint
from generators.decoding.loop import decode
from generators.models.interface import Model
from generators.models.uniform import Uniform
from generators.reinforcement.heads import load_order_head, load_retraction_head
from generators.reinforcement.order_head import OrderHead
from generators.reinforcement.retraction_head import RetractionHead
from generators.reinforcement.trainer import reinforce
from solvers.oracles.pick import settle

NO_NET = "no network"
HELD_OUT = 16  # validation puzzles
EVERY = 2  # of the puzzles that are learned from, one in so many needs no guess
TRIED = 20  # puzzles that are looked at for each that is wanted
STRING, WHOLE, FLOAT = pyarrow.string(), pyarrow.int64(), pyarrow.float64()
SCHEMA = pyarrow.schema(
    [
        ("network", STRING), ("seed", WHOLE), ("way", STRING), ("stratum", STRING), ("index", WHOLE),
        ("solved", pyarrow.bool_()), ("calls", WHOLE), ("flops", FLOAT), ("retracted", WHOLE), ("head", STRING),
        ("update", WHOLE), ("read", WHOLE), ("right", FLOAT),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Start:
    """A frozen network, or none. seed: of the network, or of the heads beside one that is always the same."""

    network: str
    seed: int
    path: str = ""
    sha256: str = ""

    @property
    def title(self) -> str:
        return f"{self.network} {self.seed}"

    def model(self, family: str) -> Model:
        """The network."""
        return _loaded(self.path, family) if self.path else Uniform()


@lru_cache(maxsize=4)
def _loaded(path: str, family: str) -> Model:
    return checkpoint.load(Path(path), family, dtype=torch.float32).model


@lru_cache(maxsize=8)
def to_learn_from(family: str, split: str, wanted: int) -> list[Instance]:
    """The first puzzles of a split, half of which need a guess, half none; of a family that has too few of one kind,
    more of the other.
    """
    drawn = [draw(family, 0, split, index, settle) for index in islice(count(), wanted)]
    hard = [puzzle for puzzle in drawn if puzzle.difficulty and puzzle.difficulty.guesses]
    easy = [puzzle for puzzle in drawn if puzzle not in hard]
    for index in range(wanted, wanted * TRIED):
        if len(hard) >= wanted - wanted // EVERY:
            break
        puzzle = draw(family, 0, split, index, settle)
        if puzzle.difficulty and puzzle.difficulty.guesses:
            hard.append(puzzle)
    return (easy[: wanted // EVERY] + hard + easy[wanted // EVERY :])[:wanted]


@dataclass(frozen=True)
class _Work:
    schema = SCHEMA

    preset: Preset
    start: Start

    def about(self, what: str) -> dict:
        """What every record is a function of."""
        network = self.start.sha256 or NO_NET
        return {"what": what, "network": network, "seed": self.start.seed, "takeback": metadata.version("takeback")}

    def record(self, **columns) -> dict:
        """A record with these columns."""
        where = {"network": self.start.network, "seed": self.start.seed}
        return dict.fromkeys(SCHEMA.names) | where | columns


@dataclass(frozen=True)
class Taught(_Work):
    """A head that learns. trained: the folder of what comes out."""

    head: Head
    trained: str

    @property
    def title(self) -> str:
        return f"{self.start.title}: {self.head.name}"

    @property
    def config(self) -> dict:
        """What the head is a function of."""
        options = asdict(self.preset.config(self.head, "", self.start.seed))
        return self.about("taught") | {"options": options, "pool": [self.preset.pool, HELD_OUT, EVERY]}

    @property
    def path(self) -> Path:
        """Of the head."""
        return weights_file(Path(self.trained), f"{self.start.title} {self.head.name}")

    def __call__(self) -> list[dict]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        family = self.preset.puzzles.family
        pool, held_out = to_learn_from(family, "train", self.preset.pool), to_learn_from(family, "validation", HELD_OUT)
        options = self.preset.config(self.head, self.start.path, self.start.seed)
        made = reinforce(options, pool, held_out, self.path, lambda news: None)
        names = ("update", "read", "right")
        return [self.record(head=self.head.name, **dict(zip(names, point))) for point in made.curve]


@dataclass(frozen=True)
class Solved(_Work):
    """taught: the head that the way needs; beside no network it is the one that learned beside a network."""

    way: Way
    stratum: str
    taught: Taught | None = None

    @property
    def title(self) -> str:
        return f"{self.start.title}: {self.way.name}, {self.stratum} guesses"

    @property
    def config(self) -> dict:
        """What the records are a function of."""
        return self.about("solved") | {
            "decoder": str(self.way.decoder(self.preset.calls)),
            "head": self.taught.config if self.taught and not self.way.untaught else "",
            "set": [self.preset.set, self.stratum, self.preset.tests],
        }

    def __call__(self) -> list[dict]:
        puzzles = load.shipped(self.preset.set, self.stratum, self.preset.tests)
        model, decoder = self.start.model(self.preset.puzzles.family), self.way.decoder(self.preset.calls)
        remasker = orderer = None
        if self.way.untaught:
            remasker, orderer = RetractionHead(), OrderHead(puzzles[0].problem.d)
        elif self.taught and self.taught.head.learn == "order":
            orderer, _ = load_order_head(self.taught.path)
        elif self.taught:
            remasker, _ = load_retraction_head(self.taught.path)
        traces = decode(decoder, model, puzzles, self.start.seed, remasker=remasker, orderer=orderer)
        return [
            self.record(
                way=self.way.name,
                stratum=self.stratum,
                index=index,
                solved=trace.end == "solved",
                calls=trace.costs.calls,
                flops=trace.costs.flops,
                retracted=trace.retractions,
            )
            for index, trace in enumerate(traces)
        ]
