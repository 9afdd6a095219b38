"""Items scored by gradients (LESS, Xia et al. 2024): would a step on this item lower the target's loss?

A step of AdamW on an item with gradient g moves the weights along

    Gamma = (b1 m + (1 - b1) g) / sqrt(b2 v + (1 - b2) g^2 + eps)

m, v: the running means of a checkpoint of a warm-up. Gamma and the mean gradients of the target's subtasks are
projected (projection.py). An item's score is the sum over checkpoints, weighted by their learning rates, of the cosine
between the two, and of that the highest over subtasks.

    >>> items = features(model, pool, rows, moments, projection, draws=4, seed=0)
    >>> scores = combined([cosines(items.adam, directions)], rates)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from csp.seeds import uniform
from generators.selection import gradients
from generators.selection.pool import Pool
from generators.selection.projection import Projection
from generators.selection.reading import read
from generators.training.trainer import BETAS

EPSILON = 1e-8
CHUNK = 64  # items whose gradients are there at once
DIGITS = 5  # of a score: coarser than what float32's sums differ by from one size of chunks to another
Moments = tuple[Float[Tensor, " P"], Float[Tensor, " P"]]


class Features(NamedTuple):
    """Of items: the projections of their gradients, and of what AdamW makes of them (the same without moments); their
    losses; the FLOPs of the gradients.
    """

    plain: Float[Tensor, "items k"]
    adam: Float[Tensor, "items k"]
    losses: Float[Tensor, " items"]
    flops: float


def adam_step(gradient: Float[Tensor, "items P"], moments: Moments) -> Float[Tensor, "items P"]:
    """Gamma of each gradient."""
    (b1, b2), (m, v) = BETAS, moments
    return (b1 * m + (1 - b1) * gradient) / (b2 * v + (1 - b2) * gradient**2 + EPSILON).sqrt()


def features(
    model: nn.Module,
    pool: Pool,
    rows: Int[np.ndarray, " rows"],
    moments: Moments | None,
    projection: Projection,
    draws: int,
    seed: int,
    chunk: int = CHUNK,
    own: bool = False,
) -> Features:
    """Of the pool's items at rows, in that order. own: masks of each item's own (a control)."""
    plain = torch.zeros(len(rows), projection.k)
    adam, losses, flops = plain.clone(), torch.zeros(len(rows)), 0.0
    place = {int(row): at for at, row in enumerate(rows)}
    for some, boards, labels in pool.groups(rows, chunk):
        states = read(model, boards, labels, draws, seed, own=some if own else None)
        found, loss = gradients.of_items(model, boards.d, states)
        at = torch.tensor([place[int(row)] for row in some])
        plain[at], losses[at] = projection.of(found), loss
        adam[at] = plain[at] if moments is None else projection.of(adam_step(found, moments))
        flops += states.values.shape[1] * model.training_flops(boards)
    return Features(plain, adam, losses, flops)


def subtasks(pool: Pool, count: int) -> list[Int[np.ndarray, " items"]]:
    """A target's items in so many parts, by how many cells are blank."""
    blanks = np.array([one.instance.blanks for one in pool.items])
    return np.array_split(np.argsort(blanks, kind="stable"), count)


def directions(plain: Float[Tensor, "items k"], parts: Sequence[np.ndarray]) -> Float[Tensor, "subtasks k"]:
    """The mean gradient of each subtask."""
    return torch.stack([plain[torch.from_numpy(part)].mean(0) for part in parts])


def products(items: Float[Tensor, "items k"], to: Float[Tensor, "subtasks k"]) -> Float[np.ndarray, "items subtasks"]:
    """Inner products."""
    return (items @ to.T).double().numpy()


def cosines(items: Float[Tensor, "items k"], to: Float[Tensor, "subtasks k"]) -> Float[np.ndarray, "items subtasks"]:
    """Cosines; 0 where there is no gradient."""
    return products(nn.functional.normalize(items, dim=1), nn.functional.normalize(to, dim=1))


def combined(
    found: Sequence[Float[np.ndarray, "items subtasks"]], rates: Sequence[float]
) -> Float[np.ndarray, " items"]:
    """Scores: the checkpoints' products weighted by their shares of the rates, the highest over subtasks."""
    weights = np.array(rates) / np.sum(rates)
    return sum(weight * one for weight, one in zip(weights, found, strict=True)).max(1)


def highest(scores: Float[np.ndarray, " items"], count: int, seed: int) -> Int[np.ndarray, " count"]:
    """The items with the highest scores, rising; among equal ones a hash of the seed chooses."""
    scale = 10.0 ** (DIGITS - np.ceil(np.log10(max(np.abs(scores).max(), 1e-30))))
    tie = uniform(np.array(seed, dtype=np.uint64), np.arange(len(scores)))
    order = np.lexsort((tie, -np.round(scores * scale)))
    return np.sort(order[:count])
