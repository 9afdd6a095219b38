"""Training a network on chosen items of a pool, epoch by epoch.

    >>> flops = tune(model, pool, rows, TuneConfig(updates=250, seed=0))
    >>> flops = tune(model, pool, rows, config, keep={32: path})         # a checkpoint after 32 updates

Every epoch has its own order of the items, and every update its own masks, both hashed from the seed. A checkpoint
holds the weights, and of those that learn what AdamW remembers: the running means of gradients and of their squares.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from csp.errors import BadInput
from csp.io.files import read_bytes, write_atomically
from csp.seeds import stream
from generators.selection.gradients import learned
from generators.selection.pool import Pool
from generators.training.resume import WeightTracker, load_state, save_state
from generators.training.trainer import BETAS, CLIP

SAVE = 500  # updates after which a run that is stopped goes on from there


@dataclass(frozen=True)
class TuneConfig:
    """lr: the peak, reached after a share `warm` of the updates, from which it falls to 0 in a line."""

    updates: int
    batch: int = 32
    lr: float = 1e-3
    warm: float = 0.05
    seed: int = 0

    def rate(self, update: int) -> float:
        """The learning rate of an update."""
        warm = max(1, round(self.warm * self.updates))
        return self.lr * min((update + 1) / warm, (self.updates - update) / max(1, self.updates - warm))


def batch_rows(rows: Int[np.ndarray, " items"], config: TuneConfig, update: int) -> Int[np.ndarray, " batch"]:
    """The items of an update: the next ones of the epochs, which follow each other without a gap."""
    places = np.arange(update * config.batch, (update + 1) * config.batch)
    epochs = {
        int(epoch): stream("epoch", config.seed, epoch).permutation(len(rows)) for epoch in set(places // len(rows))
    }
    return rows[[epochs[int(place // len(rows))][place % len(rows)] for place in places]]


def updates_of(items: int, epochs: float | int, batch: int) -> int:
    """How many updates so many epochs are."""
    return math.ceil(items * epochs / batch)


def tune(
    model: nn.Module,
    pool: Pool,
    rows: Int[np.ndarray, " items"],
    config: TuneConfig,
    keep: Mapping[int, Path] | None = None,
    resume: Path | None = None,
) -> float:
    """Train the parameters that have gradients, in place; the FLOPs.

    keep: after which updates a checkpoint is kept where. resume: where the state of a run that was stopped is. Raises
    BadInput for a loss that is no number, and a state of another run.
    """
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    optimiser = torch.optim.AdamW(named.values(), lr=config.lr, betas=BETAS, weight_decay=0.0)
    tracker = WeightTracker(0.0, False, named)
    about = {**asdict(config), "items": hashlib.sha256(rows.astype(np.int64).tobytes()).hexdigest()}
    state = load_state(about, model, optimiser, tracker, resume) if resume else {}
    flops = state.get("flops", 0.0)
    for update in range(state.get("update", 0), config.updates):
        for group in optimiser.param_groups:
            group["lr"] = config.rate(update)
        optimiser.zero_grad()
        total, chosen = 0.0, batch_rows(rows, config, update)
        rng = stream("tuning masks", config.seed, update)
        for _, boards, labels in pool.groups(chosen):
            loss = model.loss(model.corrupt(boards, labels, rng)).sum() / len(chosen)
            loss.backward()
            total += loss.item()
            flops += model.training_flops(boards)
        if not math.isfinite(total):
            raise BadInput(f"update {update + 1}: the loss is {total}; a lower rate may help")
        nn.utils.clip_grad_norm_(named.values(), CLIP)
        optimiser.step()
        if keep and update + 1 in keep:
            save_checkpoint(model, optimiser, keep[update + 1])
        if resume and (update + 1) % SAVE == 0 and update + 1 < config.updates:
            save_state(about, model, optimiser, tracker, {"update": update + 1, "flops": flops}, resume)
    if resume:
        resume.unlink(missing_ok=True)
    return flops


def save_checkpoint(model: nn.Module, optimiser: torch.optim.Optimizer, path: Path) -> None:
    """Write weights and moments."""
    tensors = {f"weight {name}": p.detach().contiguous() for name, p in model.state_dict().items()}
    for moment in ("exp_avg", "exp_avg_sq"):
        tensors[moment] = torch.cat([optimiser.state[p][moment].flatten() for p in learned(model).values()])
    write_atomically(path, safetensors.torch.save(tensors, {"names": json.dumps(list(learned(model)))}))


def load_checkpoint(model: nn.Module, path: Path) -> tuple[Float[Tensor, " P"], Float[Tensor, " P"]]:
    """Put a checkpoint's weights into the model; its moments. Raises BadInput for what is no checkpoint of it."""
    try:
        tensors = safetensors.torch.load(read_bytes(path))
        weights = {name.removeprefix("weight "): t for name, t in tensors.items() if name.startswith("weight ")}
        model.load_state_dict(weights)
        return tensors["exp_avg"], tensors["exp_avg_sq"]
    except (safetensors.SafetensorError, KeyError, RuntimeError) as fault:
        raise BadInput(f"{path}: no checkpoint of this network ({str(fault).splitlines()[0]}); delete it") from None
