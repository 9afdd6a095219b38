"""The one training loop: `takeback train diffusion --family sudoku6`, and the kinds of KINDS.

All kinds get the same backbone, puzzles, augmentation, batches and number of updates; only the mask, the order and the
loss differ. Each update's batch is a hash of (data seed, update), so a run that was stopped and resumed sees what an
unbroken one would have seen. State is kept beside the result as NAME.resume.safetensors.

A family is trained on its own puzzles or on a mixture of sources (mix): each update's batch is of one of them.
Under torchrun every process takes its share of each batch, and the gradients are added up.

    >>> train(config, datasets(config, "train", 20_000), datasets(config, "validation", 1024), path, print)

A new kind is a network with corrupt() and loss() (generators/models/examples.py), an entry in KINDS of
generators/checkpoint.py and, where its backbone reads or answers with other tokens, in backbone_config() here.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from csp.errors import BadInput
from csp.io import files
from csp.seeds import key, stream
from generators import checkpoint
from generators.boards import Boards
from generators.models import backtracking_ar
from generators.models.backbone_config import BackboneConfig
from generators.models.examples import Examples
from generators.models.latent_diffusion import LATENT
from generators.training.config import CORRUPTION_OPTIONS, UNITS, TrainConfig
from generators.training.datasets import Dataset, dataset, with_fewer_givens
from generators.training.processes import ALONE, Share
from generators.training.resume import RESUME, WeightTracker, load_state, save_state, state_bytes

#: AdamW's: the second moment forgets after about 50 updates instead of 1,000, a run here having only some thousand.
BETAS = (0.9, 0.98)
CLIP = 1.0  # the longest gradient: an early batch that the net finds absurd may not throw it off
FLOOR = 0.05  # of the learning rate's peak, where the cosine ends
VALIDATION_BATCH = 128  # held-out puzzles at once


class Diverged(BadInput):
    """The loss of a training is no number any more."""


def datasets(config: TrainConfig, split: str, count: int, tick: Callable[[], None] = lambda: None) -> list[Dataset]:
    """`count` puzzles of a split in all, shared evenly among the config's sources."""
    sources = config.sources
    each = -(-count // len(sources))
    return [dataset(name, config.data_seed, split, each, tick, config.uniform) for name in sources]


def learning_rate(config: TrainConfig, update: int) -> float:
    """Linear warm-up, then cosine down to a twentieth of the peak."""
    warm = min(1.0, (update + 1) / max(1, config.warmup))
    along = update / config.updates
    return config.lr * warm * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * along)))


def open_sources(config: TrainConfig, update: int, sources: int) -> int:
    """How many of the sources batches are drawn from at an update: the first ones of the mixture, in the end all."""
    if update >= config.curriculum * config.updates:
        return sources
    return 1 + int(sources * update / (config.curriculum * config.updates))


def backbone_config(config: TrainConfig, train_sets: Sequence[Dataset]) -> BackboneConfig:
    """The shape that fits the puzzles and the kind. Raises BadInput for what the kind cannot be trained on."""
    sizes = {(one.boards.d, one.boards.width) for one in train_sets}
    d, width = (max(size) for size in zip(*sizes))
    shape = BackboneConfig(d, width, config.dim, config.heads, config.blocks, config.loops, config.bias)
    shape = replace(shape, flexible=len(sizes) > 1, edges=config.edges)
    match config.kind:
        case "ar-written" if shape.flexible:
            raise BadInput("ar-written is trained on puzzles of one size: give one --mix family")
        case "ar-written":
            return replace(shape, **backtracking_ar.vocabulary(shape.d))
        case "latent":
            return replace(shape, answers=LATENT)
        case "future":
            return replace(shape, answers=2 * d)
    return shape


def check_room(config: TrainConfig, train_sets: Sequence[Dataset], path: Path) -> None:
    """Raises BadInput unless there is room for what a run keeps: its state, and a newer one or the weights beside it.

    Of the puzzles only their size counts: one of each source will do.
    """
    model = checkpoint.outline(config.kind, backbone_config(config, train_sets))
    resume = path.with_suffix(RESUME)
    size = state_bytes(model, copies=(config.ema > 0) + (config.patience > 0))
    files.check_room(resume, size if resume.exists() else 2 * size)


def build(config: TrainConfig, train_sets: Sequence[Dataset]) -> torch.nn.Module:
    """A fresh model; the same seed gives the same weights. Raises BadInput for what the kind cannot be trained on."""
    torch.manual_seed(key("weights", config.seed) % 2**63)
    shape = backbone_config(config, train_sets)
    model = checkpoint.network_class(config.kind)(shape, config.kind)

    # A head takes over the weights of the net that it stands on, which must be of its own shape.
    if of := checkpoint.BASES.get(config.kind):
        path = Path(config.base) if config.base else checkpoint.shipped(config.family, of)
        base = checkpoint.load(path, config.family, of)
        if base.model.backbone.config != shape:
            raise BadInput(f"{base.card['family']} {base.card['kind']}: of another shape than dim, heads, ... say")
        model.base.load_state_dict(base.model.state_dict())
    model.backbone.deep_supervision = config.deep_supervision
    return model


def corruption(model: torch.nn.Module, config: TrainConfig) -> Callable[..., Examples]:
    """How training corrupts a batch: the model's corrupt(), with the options that only its kind has."""
    own = CORRUPTION_OPTIONS.get(config.kind, ())
    return partial(model.corrupt, **{name: getattr(config, name) for name in own})


def new_optimiser(config: TrainConfig, learned: Sequence[torch.nn.Parameter]) -> torch.optim.AdamW:
    """AdamW; only matrices decay: norms and biases have no scale that decay should keep small."""
    decay, rest = [p for p in learned if p.ndim == 2], [p for p in learned if p.ndim != 2]
    return torch.optim.AdamW(
        [{"params": decay, "weight_decay": config.weight_decay}, {"params": rest, "weight_decay": 0.0}],
        lr=config.lr,
        betas=BETAS,
    )


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
        for rows in np.array_split(np.arange(len(one.boards)), max(1, len(one.boards) // VALIDATION_BATCH)):
            examples = model.corrupt(*one.batch(rows, None), stream("validation masks", len(losses)))
            losses.append(float(model.loss(examples).mean()))
    return float(np.mean(losses))


def draw_batch(
    config: TrainConfig, train_sets: Sequence[Dataset], update: int
) -> tuple[Boards, np.ndarray, np.random.Generator]:
    """(boards, solutions, rng) of an update: a function of (data seed, update). rng goes on to corrupt them."""
    rng = stream("batch", config.data_seed, update)
    chosen = train_sets[rng.integers(open_sources(config, update, len(train_sets))) if len(train_sets) > 1 else 0]
    rows = rng.integers(0, len(chosen.boards), size=config.batch)
    boards, solutions = chosen.batch(rows, rng if config.symmetries else None)
    if config.drop_givens:
        boards = with_fewer_givens(boards, config.drop_givens, rng)
    return boards, solutions, rng


def train(
    config: TrainConfig,
    train_sets: Sequence[Dataset],
    held_out: Sequence[Dataset],
    path: Path,
    report: Callable[[dict], None],
    device: str = "cpu",
    share: Share = ALONE,
) -> Path:
    """Train, resuming from path's state if there is one, and write the checkpoint; returns its path.

    `report` is called after every update with {update, loss} and, now and then, {validation}. share: this process's
    part of the work; only the first process writes. Raises BadInput for a path that cannot be written, or holds the
    state of another training; Diverged, which is one too, if the loss is no number.
    """
    if share.rank == 0:
        check_room(config, train_sets, path)
    model = build(config, train_sets).to(device)
    corrupt = corruption(model, config)
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    learned = list(named.values())
    tracker = WeightTracker(config.ema, config.patience > 0, named)
    optimiser = new_optimiser(config, learned)
    resume = path.with_suffix(RESUME)
    state = load_state(asdict(config), model, optimiser, tracker, resume)
    state.setdefault("curve", [])
    state.setdefault("best", [0, math.inf])  # update, validation loss
    started = time.monotonic()

    for update in range(state.get("update", 0), config.updates):
        # A run that was stopped after its last validation knows only here that its patience is over.
        if config.patience and len(state["curve"]) - state["best"][0] // config.validate_every >= config.patience:
            break

        # All processes draw the same batch and its corruption; each computes the loss of its own boards.
        boards, solutions, rng = draw_batch(config, train_sets, update)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(config, update)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=config.precision == "bf16"):
            loss = share.mean(model, corrupt(boards, solutions, rng))
        optimiser.zero_grad()
        loss.backward()

        # Loss and gradients are sums over processes: the clipped step is then the same on each of them.
        loss = loss.detach()
        share.add([loss, *(p.grad for p in learned)])
        torch.nn.utils.clip_grad_norm_(learned, CLIP)
        optimiser.step()
        tracker.follow(update)
        state["flops"] = state.get("flops", 0.0) + model.training_flops(boards)
        news = {"update": update + 1, "loss": loss.item()}
        if not math.isfinite(news["loss"]):
            raise Diverged(f"update {update + 1}: the loss is {news['loss']}; a lower --lr may help")

        # Validation is of the weights that would be kept; after it a stopped run may go on from here.
        if (update + 1) % config.validate_every == 0 or update + 1 == config.updates:
            tracker.swap(tracker.average)
            news["validation"] = validate(model, held_out)
            if news["validation"] < state["best"][1]:
                state["best"] = [update + 1, news["validation"]]
                tracker.remember()
            tracker.swap(tracker.average)
            state["curve"].append([update + 1, round(news["loss"], 5), round(news["validation"], 5)])
            seconds = state.get("seconds", 0.0) + time.monotonic() - started
            started = time.monotonic()
            state.update(update=update + 1, seconds=seconds)
            if share.rank == 0:
                save_state(asdict(config), model, optimiser, tracker, state, resume)
        report(news)

    tracker.swap(tracker.average)
    tracker.swap(tracker.best)
    if share.rank == 0:
        checkpoint.save(model.cpu(), path, training_card(config, state, share, device))
        resume.unlink(missing_ok=True)
    return path


def training_card(config: TrainConfig, state: dict, share: Share, device: str) -> dict:
    """What a checkpoint's card says of its training."""
    rows = state["curve"]
    return {
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


def sparkline(losses: Sequence[float]) -> str:
    """A small plot of positive numbers on a log scale, a character each."""
    logs = np.log(np.maximum(losses, 1e-9))
    heights = (logs - logs.min()) / max(1e-9, logs.max() - logs.min())
    return "".join("▁▂▃▄▅▆▇█"[round(7 * height)] for height in heights)
