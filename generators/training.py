"""The one training loop: `takeback train diffusion --family sudoku6`, and the kinds of KINDS.

All kinds get the same backbone, puzzles, augmentation, batches and number of updates; only the mask, the order and the
loss differ. Each update's batch is a hash of (data seed, update), so a run that was stopped and resumed sees what an
unbroken one would have seen. State is kept beside the result as NAME.resume.safetensors.
"""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import safetensors
import safetensors.torch
import torch

from csp.errors import BadInput
from csp.family import Family
from csp.files import write_atomically
from csp.generate import draw, family
from csp.seeds import key, stream
from generators import checkpoint, written
from generators.boards import Boards, stack
from generators.transformer import BackboneConfig
from solvers.oracle import settle

Kind = Literal["ar", "ar-random", "ar-solver", "ar-written", "diffusion", "quality"]


@dataclass(frozen=True)
class TrainConfig:
    """What a training run depends on."""

    kind: Kind
    family: str = "sudoku6"  # sudoku4, sudoku6, sudoku9 or colouring
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
    base: str = ""  # quality: the diffusion checkpoint under the head (empty: the shipped one)
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
        if self.warmup < 0 or self.weight_decay < 0:
            raise BadInput("warmup and weight_decay are at least 0")


@dataclass(frozen=True)
class Dataset:
    """Puzzles of one family and split as arrays padded to one width, with a solution each."""

    boards: Boards
    solutions: np.ndarray  # (puzzles, N), 0 at padding
    family: Family

    def batch(self, rows: np.ndarray, rng: np.random.Generator | None) -> tuple[Boards, np.ndarray]:
        """Boards and solutions at rows, each moved by a random symmetry of its family (none without rng)."""
        chosen, solutions = self.boards.take(rows), self.solutions[rows]
        if rng is None:
            return chosen, solutions
        pairs = [self.family.symmetry(rng, chosen.width) for _ in rows]
        cells = np.stack([pair[0] for pair in pairs])
        relabel = np.stack([pair[1] for pair in pairs])
        each = np.arange(len(rows))[:, None]
        givens = relabel[each, chosen.givens[each, cells]]
        relations, adjacency = chosen.relations, chosen.adjacency
        if len(relations) > 1:
            spots = each[:, :, None], cells[:, :, None], cells[:, None, :]
            relations, adjacency = relations[spots], adjacency[spots]
        covers = chosen.covers
        if len(covers) > 1:
            places = np.argsort(cells, axis=1)  # where each cell has gone
            covers = np.where(covers < 0, -1, places[each[:, :, None], covers])
        real = chosen.real[each, cells]
        moved = Boards((), chosen.d, givens, real, relations, adjacency, covers, chosen.keys)
        return moved, relabel[each, solutions[each, cells]]


def dataset(name: str, seed: int, split: str, count: int, tick: Callable[[], None] = lambda: None) -> Dataset:
    """The first `count` items of a family's split; `tick` is called after each."""
    instances = []
    for index in range(count):
        instances.append(draw(name, seed, split, index, settle))
        tick()
    boards = stack(instances)
    solutions = np.zeros_like(boards.givens)
    for row, instance in enumerate(instances):
        solutions[row, : instance.problem.n] = instance.witness
    return Dataset(replace(boards, instances=()), solutions, family(name))


#: Of losses, where it is not nats per free cell.
UNITS = {
    "diffusion": "nats per free cell (upper bound)",
    "quality": "nats per filled cell (binary)",
    "ar-written": "nats per written token",
}


def learning_rate(config: TrainConfig, update: int) -> float:
    """Linear warm-up, then cosine down to a twentieth of the peak."""
    warm = min(1.0, (update + 1) / max(1, config.warmup))
    along = update / config.updates
    return config.lr * warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * along)))


def build(config: TrainConfig, train: Dataset) -> torch.nn.Module:
    """A fresh model; the same seed gives the same weights."""
    torch.manual_seed(key("weights", config.seed) % 2**63)
    shape = BackboneConfig(
        train.boards.d, train.boards.width, config.dim, config.heads, config.blocks, config.loops, config.bias
    )
    if config.kind == "ar-written":
        shape = replace(shape, **written.vocabulary(shape.d))
    model = checkpoint.KINDS[config.kind](shape, config.kind)
    if config.kind == "quality":
        base = checkpoint.load(Path(config.base) if config.base else checkpoint.shipped(config.family, "diffusion"))
        if base.model.backbone.config != shape:
            raise BadInput(f"{base.card['family']} {base.card['kind']}: of another shape than dim, heads, ... say")
        model.base.load_state_dict(base.model.state_dict())
    return model


@torch.inference_mode()
def validate(model: torch.nn.Module, held_out: Dataset) -> float:
    """Mean loss on the held-out puzzles, nats per free cell, with the same masks every time."""
    losses = []
    for number, rows in enumerate(np.array_split(np.arange(len(held_out.boards)), len(held_out.boards) // 128)):
        boards, solutions = held_out.batch(rows, None)
        losses.append(float(model.loss(boards, solutions, stream("validation masks", number))))
    return float(np.mean(losses))


def train(
    config: TrainConfig, train_set: Dataset, held_out: Dataset, path: Path, report: Callable[[dict], None]
) -> Path:
    """Train, resuming from path's state if there is one, and write the checkpoint; returns its path.

    `report` is called after every update with {update, loss} and, now and then, {validation}.
    """
    model = build(config, train_set)
    learned = [p for p in model.parameters() if p.requires_grad]
    decay, rest = [p for p in learned if p.ndim == 2], [p for p in learned if p.ndim != 2]
    optimiser = torch.optim.AdamW(
        [{"params": decay, "weight_decay": config.weight_decay}, {"params": rest, "weight_decay": 0.0}],
        lr=config.lr,
        betas=(0.9, 0.98),
    )
    parked = path.with_suffix(".resume.safetensors")
    state = unpark(config, model, optimiser, parked)
    state.setdefault("curve", [])
    started = time.monotonic()
    for update in range(state.get("update", 0), config.updates):
        rng = stream("batch", config.data_seed, update)
        rows = rng.integers(0, len(train_set.boards), size=config.batch)
        boards, solutions = train_set.batch(rows, rng)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(config, update)
        loss = model.loss(boards, solutions, rng)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        state["flops"] = state.get("flops", 0.0) + model.training_flops(len(boards), boards.width)
        news = {"update": update + 1, "loss": loss.item()}
        if (update + 1) % config.validate_every == 0 or update + 1 == config.updates:
            news["validation"] = validate(model, held_out)
            state["curve"].append([update + 1, round(news["loss"], 5), round(news["validation"], 5)])
            seconds = state.get("seconds", 0.0) + time.monotonic() - started
            started = time.monotonic()
            state.update(update=update + 1, seconds=seconds)
            park(config, model, optimiser, state, parked)
        report(news)
    card = {
        "family": config.family,
        "training": asdict(config),
        "examples": config.updates * config.batch,
        "curve": {"columns": ["update", "train loss", "validation loss"], "rows": state["curve"]},
        "unit": UNITS.get(config.kind, "nats per free cell"),
        "flops": state["flops"],
        "seconds": round(state["seconds"], 1),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    }
    checkpoint.save(model, path, card)
    parked.unlink(missing_ok=True)
    return path


MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # what AdamW keeps of every parameter


def park(config: TrainConfig, model, optimiser, state: dict, parked: Path) -> None:
    """Keep all that is needed to go on: weights, optimiser moments, and the run's state as JSON."""
    tensors = {f"weight {name}": p.detach() for name, p in model.named_parameters()}
    for name, p in model.named_parameters():
        for moment in MOMENTS if p.requires_grad else ():
            tensors[f"{moment} {name}"] = optimiser.state[p][moment]
    about = {"config": json.dumps(asdict(config)), "state": json.dumps(state)}
    write_atomically(parked, safetensors.torch.save(tensors, about))


def unpark(config: TrainConfig, model, optimiser, parked: Path) -> dict:
    """Load what park kept into model and optimiser; the run's state, empty if nothing was kept.

    Raises BadInput if the kept state belongs to another config or is not readable.
    """
    if not parked.exists():
        return {}
    try:
        with safetensors.safe_open(parked, "pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict
        if json.loads(about["config"]) != asdict(config):
            raise BadInput(f"{parked} is of a run with other options; finish that one or delete the file")
        with torch.no_grad():
            for name, p in model.named_parameters():
                p.copy_(tensors[f"weight {name}"])
                if p.requires_grad:
                    optimiser.state[p] = {moment: tensors[f"{moment} {name}"] for moment in MOMENTS}
        return json.loads(about["state"])
    except (safetensors.SafetensorError, KeyError, json.JSONDecodeError) as fault:
        raise BadInput(f"{parked}: not a readable training state ({fault}); delete it to start over") from None
