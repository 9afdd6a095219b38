"""Which weights a run has changed: how many, by what measure, whether other runs change the same ones.

    >>> masks = {name: changed(before[name], after[name]) for name in matrices(before)}
    >>> overlap(masks, others), overlap_by_chance(masks, others, before, rng)

A weight counts as changed if it differs by more than a tolerance, in float32 or after both are rounded to bfloat16: 8
bits of precision, so that a change of less than half a unit in the last place (ULP) is rounded away. "Reinforcement
learning updates sparse subnetworks" (Mukherjee et al. 2025) was said of bfloat16 checkpoints at a tolerance of 1e-5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from csp.errors import BadInput

Weights = Mapping[str, Tensor]
Masks = Mapping[str, Tensor]
SIGNIFICAND = 7  # bits of a bfloat16's fraction that are stored
BINS = 20  # of |w|, within each matrix, in which the matched null deals masks out anew
TINY = float(np.finfo(np.float32).tiny)  # below it floats lose precision bit by bit


def matrices(weights: Weights) -> list[str]:
    """The names of what has rows and columns: norms and biases are too few to be a subnetwork of."""
    return [name for name, weight in weights.items() if weight.ndim == 2]


def check_alike(before: Weights, after: Weights) -> None:
    """Raises BadInput unless both hold the same tensors, of the same shapes."""
    for name in [*before, *after]:
        if name not in before or name not in after:
            raise BadInput(f"only one of the two networks has a tensor {name}")
        if before[name].shape != after[name].shape:
            raise BadInput(f"{name}: of shape {tuple(before[name].shape)} before, {tuple(after[name].shape)} after")


def changed(
    before: Float[Tensor, "*shape"],
    after: Float[Tensor, "*shape"],
    tolerance: float = 0.0,
    dtype: torch.dtype = torch.float32,
) -> Bool[Tensor, "*shape"]:
    """Where two tensors, rounded to a precision, differ by more than the tolerance."""
    one, other = (part.to(dtype).double() for part in (before, after))
    return (other - one).abs() > tolerance


def share_changed(before: Weights, after: Weights, tolerance: float = 0.0, dtype: torch.dtype = torch.float32) -> float:
    """Of all weights, norms and biases too. Raises BadInput for networks that are not alike."""
    check_alike(before, after)
    counts = [int(changed(before[name], after[name], tolerance, dtype).sum()) for name in before]
    return sum(counts) / sum(weight.numel() for weight in before.values())


def ulp(weights: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The distance of bfloat16 numbers around each weight: 2 to the power of its exponent less SIGNIFICAND."""
    exponent = torch.floor(torch.log2(weights.double().abs().clamp_min(TINY)))
    return 2.0 ** (exponent - SIGNIFICAND)


class Prediction(NamedTuple):
    """How well |change| in ULPs tells which weights differ after rounding. right: the share told rightly at the best
    threshold; threshold: that number of ULPs; base: the share that always saying the same gets right.
    """

    right: float
    threshold: float
    base: float


def predicted_by_ulp(before: Weights, after: Weights, thresholds: Float[np.ndarray, " n"]) -> Prediction:
    """Over all matrices, for each threshold that is tried. Raises BadInput for networks that are not alike."""
    check_alike(before, after)
    names = matrices(before)
    differ = torch.cat([changed(before[n], after[n], dtype=torch.bfloat16).flatten() for n in names])
    moved = torch.cat([((after[n].double() - before[n].double()).abs() / ulp(before[n])).flatten() for n in names])
    right = [float(((moved > threshold) == differ).double().mean()) for threshold in thresholds]
    base = float(differ.double().mean())
    best = int(np.argmax(right))
    return Prediction(right[best], float(thresholds[best]), max(base, 1 - base))


def overlap(one: Masks, other: Masks) -> float:
    """Of what the first mask holds, the share that the second holds too; NaN where it holds nothing."""
    both = sum(int((one[name] & other[name]).sum()) for name in one)
    held = sum(int(one[name].sum()) for name in one)
    return both / held if held else float("nan")


def density(masks: Masks) -> float:
    """The share of the weights that a mask holds."""
    return sum(int(mask.sum()) for mask in masks.values()) / sum(mask.numel() for mask in masks.values())


def dealt_anew(
    mask: Bool[Tensor, "m n"], weights: Float[Tensor, "m n"] | None, rng: np.random.Generator
) -> Bool[Tensor, "m n"]:
    """A random mask that holds as many; given weights, as many among those of about the same size."""
    flat = mask.flatten().numpy()
    made = np.zeros_like(flat)
    if weights is None:
        made[rng.permutation(len(flat))[: flat.sum()]] = True
        return torch.from_numpy(made).view_as(mask)
    for part in np.array_split(np.argsort(weights.abs().flatten().numpy(), kind="stable"), BINS):
        made[rng.permutation(part)[: flat[part].sum()]] = True
    return torch.from_numpy(made).view_as(mask)


def overlap_by_chance(
    one: Masks, other: Masks, weights: Weights | None, rng: np.random.Generator, draws: int = 200
) -> Float[np.ndarray, " draws"]:
    """The overlap with masks that hold as many of each matrix as the second does, at random; given weights, as many
    among weights of about the same size (the |w|-matched null).
    """
    made = []
    for _ in range(draws):
        dealt = {name: dealt_anew(other[name], None if weights is None else weights[name], rng) for name in one}
        made.append(overlap(one, dealt))
    return np.array(made)


class Rank(NamedTuple):
    """Of a change, as shares of the most it could be: its rank, and its stable rank (squared Frobenius norm over
    squared spectral norm).
    """

    rank: float
    stable: float


def rank_of(change: Float[Tensor, "m n"]) -> Rank:
    """A change that is 0 has rank 0."""
    values = torch.linalg.svdvals(change.double())
    most = min(change.shape)
    if not values[0]:
        return Rank(0.0, 0.0)
    significant = values > values[0] * max(change.shape) * torch.finfo(torch.float32).eps
    return Rank(int(significant.sum()) / most, float((values**2).sum() / values[0] ** 2) / most)


def rank_of_random(mask: Bool[Tensor, "m n"], rng: np.random.Generator) -> Rank:
    """Of normal numbers in as many places, dealt out at random."""
    places = dealt_anew(mask, None, rng)
    return rank_of(torch.from_numpy(rng.standard_normal(mask.shape)) * places)
