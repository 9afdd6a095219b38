"""What a training run depends on: TrainConfig, a frozen dataclass that is also `takeback train`'s command line.

>>> TrainConfig("diffusion", family="sudoku6", drop_givens=0.5).sources
('sudoku6',)
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal

from csp.errors import BadInput
from generators import checkpoint
from generators.models import wrong_cells

#: Mixtures with a name. graphs: 3 to 12 colours, 20 to 200 nodes, mean degrees somewhat below where graphs stop being
#: colourable; easiest first (curriculum).
MIXTURES = {
    "graphs": (
        "planted:n=20-50,degree=4.7",
        "planted:n=50-100,degree=4.6,given=0.1",
        "planted:n=60-120,degree=4.4",
        "planted:n=100-200,degree=4.5",
        "planted:n=30-60,colours=4,degree=8.2",
        "planted:n=60-120,colours=4,degree=8.2",
        "planted:n=40-80,colours=5,degree=12",
        "planted:n=40-80,colours=6,degree=16",
        "planted:n=50-100,colours=8,degree=24",
        "planted:n=60-120,colours=12,degree=42",
    )
}

#: Of losses, where it is not nats per free cell.
UNITS = {
    "diffusion": "nats per free cell (upper bound)",
    "quality": "nats per filled cell (binary)",
    "ar-inplace-supervised": "nats per free cell, the next one's and the prompt's",
    "ar-written": "nats per written token",
    "latent": "squared error a dimension + rounding nats a cell",
    "latent-values": "nats per cell, mean over noise levels",
    "latent-rules": "nats per rule (binary), mean over noise levels",
    "future": "nats per cell (two binary ones)",
}

#: Options that only one kind's corrupt() takes, and all options that only one kind has.
CORRUPTION_OPTIONS = {"diffusion": ("lowest", "policy_masks", "wrong", "wrong_rate")}
KIND_OPTIONS = {"diffusion": (*CORRUPTION_OPTIONS["diffusion"], "edges")}

#: Old names of options, each with its new one: on the command line, in cards and in the state of stopped runs.
RENAMED = {"unfold": "curriculum", "reach": "policy_masks", "thin": "drop_givens", "supervise": "deep_supervision"}


def renamed(training: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a card or of a stopped run, under the names that they have now.

    >>> renamed({"kind": "ar", "thin": 0.5})
    {'kind': 'ar', 'drop_givens': 0.5}
    """
    return {RENAMED.get(name, name): value for name, value in training.items()}


def as_now(training: Mapping[str, Any]) -> dict[str, Any]:
    """The same with every option that has come since, at the value that leaves training as it was: its default."""
    defaults = {field.name: field.default for field in fields(TrainConfig) if field.default is not MISSING}
    return json.loads(json.dumps(defaults)) | renamed(training)


@dataclass(frozen=True)
class TrainConfig:
    """What a training run depends on. An option of one kind only is named in KIND_OPTIONS."""

    kind: str  # of KINDS in generators/checkpoint.py, or words: net:WORD=VALUE,... (generators/models/network_words.py)
    family: str = "sudoku6"  # sudoku4, sudoku6, sudoku9, colouring; grid6, graph20 (complete boards)
    updates: int = 1500  # optimiser steps
    batch: int = 128  # puzzles an update
    puzzles: int = 20_000  # puzzles drawn from the train split; symmetries multiply them
    lr: float = 2e-3  # peak of a cosine schedule with linear warm-up
    warmup: int = 100  # updates
    weight_decay: float = 0.05
    seed: int = 0  # of the initial weights
    data_seed: int = 0  # of the puzzles and of what each batch holds
    dim: int = 128
    heads: int = 4
    blocks: int = 2
    loops: int = 3
    bias: bool = True  # structural attention bias
    mix: tuple[str, ...] = ()  # families or MIXTURES to draw puzzles from, equally often (empty: the family itself)
    curriculum: float = 0.0  # share of the updates over which a mixture's sources come in, one after another
    precision: Literal["fp32", "bf16"] = "fp32"  # of matrix products in training; weights are kept in fp32
    ema: float = 0.0  # decay of an exponential moving average of the weights, which is then what is kept (0: off)
    drop_givens: float = 0.0  # share of a batch's puzzles that lose givens, at a rate of 0 to 0.6: several solutions
    deep_supervision: bool = False  # learn from the answer after every loop, not only the last
    edges: bool = False  # diffusion: graphs as a token an edge instead of the bias by relations (ablation)
    lowest: float = 0.0  # diffusion: mask rates are drawn from here to 1
    policy_masks: float = 0.0  # diffusion: share of the boards masked as the net's confidence order would leave them
    wrong: str = ""  # diffusion: shares of the boards that show wrong cells, as uniform=0.25,own=0.25,edits=0.25
    wrong_rate: float = 0.0  # diffusion: at most this share of the visible cells, for uniform and edits (0: 0.3)
    patience: int = 0  # stop after so many validations in a row without a new best, which is then kept (0: never)
    base: str = ""  # quality, latent-rules: the checkpoint of the frozen net they stand on (empty: the shipped)
    symmetries: bool = True  # move each puzzle of a batch by a random symmetry of its family
    uniform: bool = False  # learn from a solution drawn uniformly from all of a puzzle's, not from the one it came with
    validate_every: int = 100  # updates between validation losses, printed and kept in the card

    def __post_init__(self) -> None:
        """Raises BadInput for a kind that there is not, and numbers that no run can have."""
        checkpoint.network_class(self.kind)
        for name in ("updates", "batch", "puzzles", "dim", "heads", "blocks", "loops", "validate_every"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} is {getattr(self, name)}; it is at least 1")
        if self.dim % self.heads:
            raise BadInput(f"dim {self.dim} does not divide into {self.heads} heads")
        if not (math.isfinite(self.lr) and self.lr > 0 and math.isfinite(self.weight_decay)):
            raise BadInput("lr and weight_decay are finite numbers, lr above 0")
        if self.warmup < 0 or self.weight_decay < 0 or self.patience < 0:
            raise BadInput("warmup, weight_decay and patience are at least 0")

        shares = self.drop_givens, self.curriculum, self.policy_masks
        if not (0 <= self.ema < 1 and 0 <= self.lowest < 1 and max(shares) <= 1):
            raise BadInput(
                "ema, lowest, drop_givens, curriculum and policy_masks are shares from 0 to (ema, lowest: below) 1"
            )
        if min(shares) < 0:
            raise BadInput("drop_givens, curriculum and policy_masks are at least 0")
        wrong_cells.shares(self.wrong)
        if not 0 <= self.wrong_rate <= 1 or (self.wrong_rate and not self.wrong):
            raise BadInput("wrong_rate is a share from 0 to 1, and goes with wrong")
        for kind, names in KIND_OPTIONS.items():
            if kind != self.kind and any(getattr(self, name) for name in names):
                raise BadInput(f"{', '.join(names[:-1])} and {names[-1]} go with kind {kind}")

    @property
    def sources(self) -> tuple[str, ...]:
        """The families that puzzles are drawn from."""
        return tuple(name for word in self.mix or (self.family,) for name in MIXTURES.get(word, (word,)))

    def made(self, training: Mapping[str, Any]) -> bool:
        """Whether a card's training options are these."""
        return as_now(training) == json.loads(json.dumps(asdict(self)))
