"""A sampler's traces of some puzzles, and what a network says of clean and of wrong cells: the work of shards.

>>> Sampled(...)()           # a record a puzzle
>>> Said(...)()              # a record a puzzle
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import torch

from csp.seeds import stream
from experiments.engine.study_networks import HELD_OUT
from experiments.samplers.grid import Puzzles
from experiments.scoring.scorer import score
from generators import checkpoint
from generators.boards import Boards
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from generators.models.masked_diffusion import MaskedDiffusion
from generators.models.transformer import pairs
from generators.models.uniform import Uniform
from generators.training.datasets import dataset
from solvers.oracles.pick import pick

TEXT, WHOLE, FLOAT, BOOL = pyarrow.string(), pyarrow.int64(), pyarrow.float64(), pyarrow.bool_()
NOISE = {"noise": "uniform=1", "drafts": "own=1"}  # states whose wrong cells a network is asked about


@dataclass(frozen=True)
class _Of:
    """Of which network: path and sha256 of its checkpoint; empty: none."""

    puzzles: Puzzles
    net: str
    seed: int
    path: str
    sha256: str

    def identified(self, what: str) -> dict[str, Any]:
        """What the records are a function of, in part."""
        of = {"family": self.puzzles.family, "network": self.sha256, "seed": self.seed}
        return {"what": what, **of, "takeback": metadata.version("takeback")}

    def record(self, index: int) -> dict[str, Any]:
        return {"family": self.puzzles.name, "net": self.net, "seed": self.seed, "index": index}


@dataclass(frozen=True)
class Sampled(_Of):
    """A decoder on the first `count` puzzles. head, head_sha256: of its quality head, empty where it needs none."""

    schema = pyarrow.schema(
        [
            ("family", TEXT), ("net", TEXT), ("seed", WHOLE), ("index", WHOLE), ("sampler", TEXT), ("variant", TEXT),
            ("budget", WHOLE), ("solved", BOOL), ("calls", WHOLE), ("flops", FLOAT), ("commits", WHOLE),
            ("retractions", WHOLE), ("needless", WHOLE), ("need", BOOL),
        ]
    )  # fmt: skip

    sampler: str
    variant: str
    budget: int
    decoder: str
    count: int
    head: str
    head_sha256: str

    @property
    def title(self) -> str:
        who = f"{self.net}, seed {self.seed}" if self.net else f"seed {self.seed}"
        return f"{self.puzzles.name}, {who}, {self.sampler}, {self.variant}, {self.budget} calls"

    @property
    def config(self) -> dict[str, Any]:
        return self.identified("sampled") | {
            "sampler": [self.sampler, self.variant],  # placebos of several samplers are spelled alike
            "decoder": self.decoder,
            "head": self.head_sha256,
            "puzzles": self.count,
        }

    def __call__(self) -> list[dict[str, Any]]:
        instances = [self.puzzles.instance(index) for index in range(self.count)]
        model = _loaded(self.path, self.puzzles.family) if self.path else Uniform()
        quality = _loaded(self.head, self.puzzles.family) if self.head else None
        traces = decode(parse(self.decoder), model, instances, self.seed, quality)
        where = {"sampler": self.sampler, "variant": self.variant, "budget": self.budget}
        kept = ("solved", "calls", "flops", "commits", "retractions", "needless", "need")
        made = []
        for index, (trace, instance) in enumerate(zip(traces, instances)):
            figures = score(trace, instance, pick(instance))
            made.append(self.record(index) | where | {name: getattr(figures, name) for name in kept})
        return made


@dataclass(frozen=True)
class Said(_Of):
    """What a network says of held-out states. clean: nats per free cell of clean states, with the same masks for every
    network. Of states with wrong cells, by uniform noise and by the network's own drafts: how many visible cells are
    wrong and right, of how many of either the likeliest value is the solution's.
    """

    schema = pyarrow.schema(
        [
            ("family", TEXT), ("net", TEXT), ("seed", WHOLE), ("index", WHOLE), ("clean", FLOAT),
            *((f"{noise} {what}", WHOLE) for noise in NOISE for what in ("wrong", "caught", "right", "kept")),
        ]
    )  # fmt: skip

    count: int

    @property
    def title(self) -> str:
        return f"{self.puzzles.name}, {self.net}, seed {self.seed}, clean and wrong cells"

    @property
    def config(self) -> dict[str, Any]:
        return self.identified("said") | {"states": self.count}

    @torch.no_grad()
    def __call__(self) -> list[dict[str, Any]]:
        model = _loaded(self.path, self.puzzles.family)
        boards, solutions = _held_out(self.puzzles.family, self.count)
        clean = model.loss(model.corrupt(boards, solutions, stream("clean states"))).tolist()
        counts = {noise: _caught(model, boards, solutions, wrong) for noise, wrong in NOISE.items()}
        return [
            self.record(index)
            | {"clean": nats}
            | {f"{noise} {what}": int(many[index]) for noise, of in counts.items() for what, many in of.items()}
            for index, nats in enumerate(clean)
        ]


def _caught(model: MaskedDiffusion, boards: Boards, solutions: np.ndarray, wrong: str) -> dict[str, np.ndarray]:
    """Of each board's visible cells: wrong, caught, right, kept."""
    examples = model.corrupt(boards, solutions, stream("wrong cells", wrong), wrong=wrong)
    related, real = pairs(torch.as_tensor(boards.relations)), torch.as_tensor(boards.real)
    shown = model.with_errors(examples, examples["masked"], related, real)
    said = model(boards.d, torch.as_tensor(shown), related, real).argmax(-1).numpy() + 1
    visible = boards.free(slice(None)) & (shown > 0)
    off, named = visible & (shown != solutions), said == solutions
    on = visible & ~off
    return {
        name: cells.sum(1)
        for name, cells in zip(("wrong", "caught", "right", "kept"), (off, off & named, on, on & named))
    }


@lru_cache(maxsize=8)
def _loaded(path: str, family: str) -> checkpoint.Network:
    return checkpoint.load(Path(path), family, dtype=torch.float32).model


@lru_cache(maxsize=2)
def _held_out(family: str, count: int) -> tuple[Boards, np.ndarray]:
    """The first puzzles of the validation split with their solutions."""
    return dataset(family, 0, "validation", min(count, HELD_OUT)).batch(np.arange(min(count, HELD_OUT)), None)
