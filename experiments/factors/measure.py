"""What a network solves and where it fails: the work of a shard.

    >>> Solve(place, cells, puzzles, stratum, indices, temperature)()        # a record a trace
    >>> StartStates(place, puzzles, stratum)()                               # a record a start state

Records are plain data, kept as Parquet (COLUMNS, STATES); a trace is a function of what its shard's config says, and
can be made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import torch

from csp.problem import Instance
from csp.seeds import stream
from csp.trace import Trace
from experiments.factors.grid import ORDERS, TEST, Cell, Puzzles
from experiments.scoring.scorer import TraceAnalysis
from generators import checkpoint
from generators.decoding.loop import decode, next_commits
from generators.decoding.spec import Decoder
from generators.models.interface import Model
from generators.models.uniform import Uniform
from solvers.oracles.pick import pick

PRECISION = "float32"  # that the networks answer in
SHARES = (0.0, 0.25, 0.5, 0.75)  # of the blank cells that a start state has filled
PREFIXES = ("raster", "random")
STRING, WHOLE, TRUTH = pyarrow.string(), pyarrow.int64(), pyarrow.bool_()
PLACE = [("net", STRING), ("size", STRING), ("seed", WHOLE), ("set", STRING), ("stratum", STRING), ("index", WHOLE)]
COLUMNS = pyarrow.schema(
    [
        *PLACE, ("order", STRING), ("veto", STRING), ("search", STRING), ("solved", TRUTH), ("calls", WHOLE),
        ("tokens", WHOLE), ("flops", pyarrow.float64()), ("at_risk", WHOLE), ("dead_ends", WHOLE),
    ]
)  # fmt: skip
STATES = pyarrow.schema(
    [*PLACE, ("prefix", STRING), ("filled", pyarrow.float64()), ("order", STRING), ("killed", TRUTH)]
)


@dataclass(frozen=True)
class Place:
    """A network in the comparison. path: of its checkpoint; "" stands for the uniform network."""

    net: str
    size: str
    seed: int
    path: str = ""
    family: str = ""
    sha256: str = ""

    def model(self) -> Model:
        """The network, in PRECISION."""
        return loaded(self) if self.path else Uniform()

    def title(self, puzzles: Puzzles, stratum: str) -> str:
        """What is measured, in words."""
        return f"{puzzles.set} {stratum}: {self.net}, seed {self.seed}"

    def record(self, puzzles: Puzzles, stratum: str, index: int) -> dict:
        """The columns that say what was measured."""
        where = {"net": self.net, "size": self.size, "seed": self.seed}
        return where | {"set": puzzles.set, "stratum": stratum, "index": index}


@lru_cache(maxsize=4)
def loaded(place: Place, precision: str = PRECISION) -> Any:
    """A place's network."""
    return checkpoint.load(Path(place.path), place.family, dtype=getattr(torch, precision)).model


@lru_cache(maxsize=16)
def puzzles_of(puzzles: Puzzles, stratum: str, part: tuple[int, int]) -> list[Instance]:
    """The puzzles of a part of a stratum, kept."""
    return puzzles.load(stratum, part)


@dataclass(frozen=True)
class Solve:
    """indices: of the puzzles of `part` of the stratum. temperature: of restarts."""

    schema = COLUMNS

    place: Place
    cells: tuple[Cell, ...]
    puzzles: Puzzles
    stratum: str
    indices: tuple[int, ...]
    temperature: float
    part: tuple[int, int] = TEST

    @property
    def title(self) -> str:
        return self.place.title(self.puzzles, self.stratum)

    @property
    def config(self) -> dict:
        """What the records are a function of."""
        return {
            "what": "solve",
            "network": self.place.sha256 or "uniform",
            "seed": self.place.seed,
            "decoders": [str(decoder) for decoder in self.decoders()],
            "set": self.puzzles.set,
            "stratum": self.stratum,
            "items": [self.part[0] + index for index in self.indices],
            "precision": PRECISION,
            "takeback": metadata.version("takeback"),
        }

    def decoders(self) -> list[Decoder]:
        """Of each cell; the budget in tokens grows with the largest board."""
        largest = max(instance.problem.n for instance in self.instances())
        return [cell.decoder(largest, self.temperature) for cell in self.cells]

    def instances(self) -> list[Instance]:
        """The puzzles, as indices has them."""
        every = puzzles_of(self.puzzles, self.stratum, self.part)
        return [every[index] for index in self.indices]

    def __call__(self) -> list[dict]:
        instances, model = self.instances(), self.place.model()
        records = []
        for cell, decoder in zip(self.cells, self.decoders(), strict=True):
            traces = decode(decoder, model, instances, self.place.seed)
            for index, instance, trace in zip(self.indices, instances, traces, strict=True):
                where = self.place.record(self.puzzles, self.stratum, index)
                records.append(where | asdict(cell) | _outcome(trace, instance))
        return records


def _outcome(trace: Trace, instance: Instance) -> dict:
    """Whether and at what cost a trace solved; of traces that take nothing back, or whose instance has one solution,
    how many commits were made on an alive board, and how many of them killed it.
    """
    costs = trace.costs
    made = {"solved": trace.end == "solved", "calls": costs.calls, "tokens": costs.tokens, "flops": costs.flops}
    unique = instance.difficulty is not None and instance.difficulty.unique
    if trace.retractions and not unique:
        return made | {"at_risk": None, "dead_ends": None}
    life = TraceAnalysis(trace, instance, pick(instance))
    return made | {"at_risk": len(life.at_risk), "dead_ends": len(life.dead_ends)}


@dataclass(frozen=True)
class StartStates:
    """One commit, plain, from states that every network is given alike: prefixes of the solution."""

    schema = STATES

    place: Place
    puzzles: Puzzles
    stratum: str
    count: int
    part: tuple[int, int] = TEST

    @property
    def title(self) -> str:
        return self.place.title(self.puzzles, self.stratum)

    @property
    def config(self) -> dict:
        """What the records are a function of."""
        return {
            "what": "start states",
            "network": self.place.sha256 or "uniform",
            "seed": self.place.seed,
            "set": self.puzzles.set,
            "stratum": self.stratum,
            "items": [self.part[0], self.count],
            "shares": SHARES,
            "precision": PRECISION,
            "takeback": metadata.version("takeback"),
        }

    def __call__(self) -> list[dict]:
        instances = puzzles_of(self.puzzles, self.stratum, self.part)[: self.count]
        oracles, model = [pick(instance) for instance in instances], self.place.model()
        records = []
        for prefix, share in product(PREFIXES, SHARES):
            sequences = start_states(instances, prefix, share)
            for order in ORDERS:
                cells, values = next_commits(Decoder("net", order), model, instances, sequences, self.place.seed)
                for index, (instance, oracle) in enumerate(zip(instances, oracles, strict=True)):
                    state = np.where(sequences[index, : instance.problem.n] > 0, instance.witness, instance.givens)
                    state[cells[index]] = values[index]
                    where = self.place.record(self.puzzles, self.stratum, index)
                    killed = not oracle.alive(state[None])[0]
                    records.append(where | {"prefix": prefix, "filled": share, "order": order, "killed": killed})
        return records


def start_states(instances: Sequence[Instance], prefix: str, share: float) -> np.ndarray:
    """(batch, N): which blank cells are filled with the witness's values, and in which sequence; whole cells, rounded
    down. A random prefix is a hash of the instance alone, and a longer one begins as a shorter one does.
    """
    width = max(instance.problem.n for instance in instances)
    sequences = np.zeros((len(instances), width), dtype=np.int64)
    for row, instance in enumerate(instances):
        free = np.flatnonzero(np.asarray(instance.givens) == 0)
        if prefix == "random":
            free = stream("start states", instance.id).permutation(free)
        some = free[: int(share * len(free))]
        sequences[row, some] = np.arange(1, len(some) + 1)
    return sequences
