"""The one training loop: `takeback train diffusion --family sudoku6`, and the kinds of KINDS.

All kinds get the same backbone, puzzles, augmentation, batches and number of updates; only the mask, the order and the
loss differ. Each update's batch is a hash of (data seed, update), so a run that was stopped and resumed sees what an
unbroken one would have seen. State is kept beside the result as NAME.resume.safetensors.

A family is trained on its own puzzles or on a mixture of sources (mix): each update's batch is of one of them.
Under torchrun every process takes its share of each batch, and the gradients are added up.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import distributed

from csp.errors import BadInput
from csp.seeds import key, stream
from generators import checkpoint, written
from generators.datasets import Dataset, dataset, thinned
from generators.latent_diffusion import LATENT
from generators.parking import Kept, park, unpark
from generators.transformer import BackboneConfig

#: Mixtures with a name. graphs: 3 to 12 colours, 20 to 200 nodes, mean degrees somewhat below where graphs stop being
#: colourable; easiest first (unfold).
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
Kind = Literal[
    "ar", "ar-random", "ar-solver", "ar-written", "ar-prompted", "future",
    "diffusion", "quality", "latent", "latent-values", "latent-rules",
]  # fmt: skip


@dataclass(frozen=True)
class TrainConfig:
    """What a training run depends on."""

    kind: Kind
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
    unfold: float = 0.0  # share of the updates over which a mixture's sources come in, one after another
    precision: Literal["fp32", "bf16"] = "fp32"  # of matrix products in training; weights are kept in fp32
    ema: float = 0.0  # decay of an exponential moving average of the weights, which is then what is kept (0: off)
    thin: float = 0.0  # share of the puzzles of a batch that lose givens, at a rate of 0 to 0.6: several solutions then
    supervise: bool = False  # learn from the answer after every loop, not only the last
    edges: bool = False  # diffusion: graphs as a token an edge instead of the bias by relations (ablation)
    lowest: float = 0.0  # diffusion: mask rates are drawn from here to 1
    reach: float = 0.0  # diffusion: share of the boards masked as the net's own confidence order would leave them
    patience: int = 0  # stop after so many validations in a row without a new best, which is then kept (0: never)
    base: str = ""  # quality, latent-rules: the checkpoint of the frozen net they stand on (empty: the shipped)
    validate_every: int = 100  # updates between validation losses, printed and kept in the card

    def __post_init__(self) -> None:
        """Raises BadInput for numbers that no run can have."""
        for name in ("updates", "batch", "puzzles", "dim", "heads", "blocks", "loops", "validate_every"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} is {getattr(self, name)}; it is at least 1")
        if self.dim % self.heads:
            raise BadInput(f"dim {self.dim} does not divide into {self.heads} heads")
        if not (math.isfinite(self.lr) and self.lr > 0 and math.isfinite(self.weight_decay)):
            raise BadInput("lr and weight_decay are finite numbers, lr above 0")
        if self.warmup < 0 or self.weight_decay < 0 or self.patience < 0:
            raise BadInput("warmup, weight_decay and patience are at least 0")
        if not (0 <= self.ema < 1 and 0 <= self.lowest < 1 and max(self.thin, self.unfold, self.reach) <= 1):
            raise BadInput("ema, lowest, thin, unfold and reach are shares from 0 to (ema, lowest: below) 1")
        if min(self.thin, self.unfold, self.reach) < 0:
            raise BadInput("thin, unfold and reach are at least 0")
        if (self.lowest or self.edges or self.reach) and self.kind != "diffusion":
            raise BadInput("lowest, reach and edges go with kind diffusion")

    @property
    def sources(self) -> tuple[str, ...]:
        """The families that puzzles are drawn from."""
        return tuple(name for word in self.mix or (self.family,) for name in MIXTURES.get(word, (word,)))


def datasets(config: TrainConfig, split: str, count: int, tick: Callable[[], None] = lambda: None) -> list[Dataset]:
    """`count` puzzles of a split in all, shared evenly among the config's sources."""
    sources = config.sources
    return [dataset(name, config.data_seed, split, -(-count // len(sources)), tick) for name in sources]


#: Of losses, where it is not nats per free cell.
UNITS = {
    "diffusion": "nats per free cell (upper bound)",
    "quality": "nats per filled cell (binary)",
    "ar-written": "nats per written token",
    "latent": "squared error a dimension + rounding nats a cell",
    "latent-values": "nats per cell, mean over noise levels",
    "latent-rules": "nats per rule (binary), mean over noise levels",
    "future": "nats per cell (two binary ones)",
}


def learning_rate(config: TrainConfig, update: int) -> float:
    """Linear warm-up, then cosine down to a twentieth of the peak."""
    warm = min(1.0, (update + 1) / max(1, config.warmup))
    along = update / config.updates
    return config.lr * warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * along)))


def open_sources(config: TrainConfig, update: int, sources: int) -> int:
    """How many of the sources batches are drawn from at an update: the first ones of the mixture, in the end all."""
    if update >= config.unfold * config.updates:
        return sources
    return 1 + int(sources * update / (config.unfold * config.updates))


def build(config: TrainConfig, train_sets: Sequence[Dataset]) -> torch.nn.Module:
    """A fresh model; the same seed gives the same weights. Raises BadInput for what the kind cannot be trained on."""
    torch.manual_seed(key("weights", config.seed) % 2**63)
    sizes = {(one.boards.d, one.boards.width) for one in train_sets}
    d, width = (max(size) for size in zip(*sizes))
    shape = BackboneConfig(d, width, config.dim, config.heads, config.blocks, config.loops, config.bias)
    shape = replace(shape, flexible=len(sizes) > 1, edges=config.edges)
    if config.kind == "ar-written":
        if shape.flexible:
            raise BadInput("ar-written is trained on puzzles of one size: give one --mix family")
        shape = replace(shape, **written.vocabulary(shape.d))
    if config.kind == "latent":
        shape = replace(shape, answers=LATENT)
    if config.kind == "future":
        shape = replace(shape, answers=2 * d)
    model = checkpoint.KINDS[config.kind](shape, config.kind)
    if of := checkpoint.BASES.get(config.kind):
        path = Path(config.base) if config.base else checkpoint.shipped(config.family, of)
        base = checkpoint.load(path, config.family, of)
        if base.model.backbone.config != shape:
            raise BadInput(f"{base.card['family']} {base.card['kind']}: of another shape than dim, heads, ... say")
        model.base.load_state_dict(base.model.state_dict())
    model.backbone.supervise = config.supervise
    return model


def cost_of_half(size: int = 512, repeats: int = 3) -> float:
    """How many times as long as in fp32 a matrix product takes in bf16, here on the CPU: above 1 where the processor
    has no instructions for it, and then far above.
    """
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        one = torch.ones(size, size, dtype=dtype)
        took = []
        for _ in range(repeats):
            started = time.perf_counter()
            one @ one
            took.append(time.perf_counter() - started)
        seconds[dtype] = min(took)
    return seconds[torch.bfloat16] / seconds[torch.float32]


@torch.inference_mode()
def validate(model: torch.nn.Module, held_out: Sequence[Dataset]) -> float:
    """Mean loss on the held-out puzzles, nats per free cell, with the same masks every time."""
    losses: list[float] = []
    for one in held_out:
        for rows in np.array_split(np.arange(len(one.boards)), max(1, len(one.boards) // 128)):
            boards, solutions = one.batch(rows, None)
            losses.append(float(model.loss(boards, solutions, stream("validation masks", len(losses)))))
    return float(np.mean(losses))


@dataclass(frozen=True)
class Share:
    """This process's part of every batch, and adding up over all processes. One process has all of it."""

    rank: int = 0
    size: int = 1

    @property
    def part(self) -> slice:
        """The boards of a batch that are this process's."""
        return slice(self.rank, None, self.size)

    def add(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""
        if self.size > 1:
            flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
            distributed.all_reduce(flat)
            for tensor, summed in zip(tensors, flat.split([tensor.numel() for tensor in tensors])):
                tensor.copy_(summed.view_as(tensor))


def train(
    config: TrainConfig,
    train_sets: Sequence[Dataset],
    held_out: Sequence[Dataset],
    path: Path,
    report: Callable[[dict], None],
    device: str = "cpu",
    share: Share = Share(),
) -> Path:
    """Train, resuming from path's state if there is one, and write the checkpoint; returns its path.

    `report` is called after every update with {update, loss} and, now and then, {validation}. share: this process's
    part of the work; only the first process writes.
    """
    model = build(config, train_sets).to(device)
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    learned = list(named.values())
    kept = Kept(config.ema, config.patience > 0, named)
    decay, rest = [p for p in learned if p.ndim == 2], [p for p in learned if p.ndim != 2]
    optimiser = torch.optim.AdamW(
        [{"params": decay, "weight_decay": config.weight_decay}, {"params": rest, "weight_decay": 0.0}],
        lr=config.lr,
        betas=(0.9, 0.98),
    )
    parked = path.with_suffix(".resume.safetensors")
    state = unpark(asdict(config), model, optimiser, kept, parked)
    state.setdefault("curve", [])
    state.setdefault("best", [0, math.inf])  # update, validation loss
    started = time.monotonic()
    for update in range(state.get("update", 0), config.updates):
        if config.patience and len(state["curve"]) - state["best"][0] // config.validate_every >= config.patience:
            break
        rng = stream("batch", config.data_seed, update)
        chosen = train_sets[rng.integers(open_sources(config, update, len(train_sets))) if len(train_sets) > 1 else 0]
        rows = rng.integers(0, len(chosen.boards), size=config.batch)
        boards, solutions = chosen.batch(rows, rng)
        if config.thin:
            boards = thinned(boards, config.thin, rng)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(config, update)
        options = {name: getattr(config, name) for name in ("lowest", "reach") if getattr(config, name)}
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=config.precision == "bf16"):
            loss = model.loss(boards, solutions, rng, share.part, **options)
        optimiser.zero_grad()
        loss.backward()
        loss = loss.detach()
        share.add([loss, *(p.grad for p in learned)])
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        kept.follow(update)
        state["flops"] = state.get("flops", 0.0) + model.training_flops(boards)
        news = {"update": update + 1, "loss": loss.item()}
        if not math.isfinite(news["loss"]):
            raise BadInput(f"update {update + 1}: the loss is {news['loss']}; a lower --lr may help")
        if (update + 1) % config.validate_every == 0 or update + 1 == config.updates:
            kept.swap(kept.average)
            news["validation"] = validate(model, held_out)
            if news["validation"] < state["best"][1]:
                state["best"] = [update + 1, news["validation"]]
                kept.remember()
            kept.swap(kept.average)
            state["curve"].append([update + 1, round(news["loss"], 5), round(news["validation"], 5)])
            seconds = state.get("seconds", 0.0) + time.monotonic() - started
            started = time.monotonic()
            state.update(update=update + 1, seconds=seconds)
            if share.rank == 0:
                park(asdict(config), model, optimiser, kept, state, parked)
        report(news)
    kept.swap(kept.average)
    kept.swap(kept.best)
    if share.rank:
        return path
    rows = state["curve"]
    card = {
        "family": config.family,
        "training": asdict(config),
        "examples": rows[-1][0] * config.batch,
        "kept": state["best"][0] if config.patience else rows[-1][0],
        "curve": {"columns": ["update", "train loss", "validation loss"], "rows": rows},
        "plot": f"{sparkline([row[2] for row in rows])} validation, {rows[0][2]} to {rows[-1][2]}, log scale",
        "unit": UNITS.get(config.kind, "nats per free cell"),
        "flops": state["flops"],
        "seconds": round(state["seconds"], 1),
        "processes": share.size,
        "device": str(device),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    }
    checkpoint.save(model.cpu(), path, card)
    parked.unlink(missing_ok=True)
    return path


def sparkline(losses: Sequence[float]) -> str:
    """A small plot of positive numbers on a log scale, a character each."""
    logs = np.log(np.maximum(losses, 1e-9))
    heights = (logs - logs.min()) / max(1e-9, logs.max() - logs.min())
    return "".join("▁▂▃▄▅▆▇█"[round(7 * height)] for height in heights)
