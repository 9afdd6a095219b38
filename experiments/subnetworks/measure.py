"""Of networks that began as one: which weights have changed, whether in the same places, and of what rank.

>>> changes(before, [after_of_seed_0, after_of_seed_1, after_of_seed_2], "diffusion: grpo, exact")["bfloat16"]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from csp.seeds import stream
from experiments.scoring.statistics import mean
from experiments.subnetworks.grid import TOLERANCES
from generators.weights.subnetworks import (
    changed,
    density,
    matrices,
    overlap,
    overlap_by_chance,
    predicted_by_ulp,
    rank_of,
    rank_of_random,
    share_changed,
)

Weights = Mapping[str, Tensor]
THRESHOLDS = np.geomspace(1 / 16, 4, 25)  # in units of the last place
DRAWS = 50  # random masks a pair of runs


def rounded_masks(before: Weights, after: Weights) -> dict[str, Tensor]:
    """Of each matrix, what differs once both are rounded to bfloat16."""
    return {name: changed(before[name], after[name], dtype=torch.bfloat16) for name in matrices(before)}


def changes(before: Weights, runs: Sequence[Weights], name: str) -> dict[str, Any]:
    """All figures of one way of learning, each with its interval over runs, or over ordered pairs of runs."""
    masks = [rounded_masks(before, after) for after in runs]
    rng = stream("random masks", name)

    # Shares of changed weights, by tolerance and precision.
    made: dict[str, Any] = {
        "float32": {str(at): over_runs([share_changed(before, after, at) for after in runs]) for at in TOLERANCES},
        "bfloat16": over_runs([share_changed(before, after, dtype=torch.bfloat16) for after in runs]),
        "bfloat16, 1e-5": over_runs([share_changed(before, after, 1e-5, torch.bfloat16) for after in runs]),
    }

    # What rounding alone tells of them.
    told = [predicted_by_ulp(before, after, THRESHOLDS) for after in runs]
    made["told by ULP"], made["told without"] = over_runs([t.right for t in told]), over_runs([t.base for t in told])

    # The same places from run to run? Against masks dealt out anew, and among weights of the same size.
    pairs = list(permutations(range(len(runs)), 2))
    found = [overlap(masks[one], masks[other]) for one, other in pairs]
    made["overlap"] = over_runs(found)
    for key, weights in (("by chance", None), ("by chance, of a size", before)):
        nulls = [overlap_by_chance(masks[a], masks[b], weights, rng, DRAWS).mean() for a, b in pairs]
        made[key] = over_runs(nulls)

    # Ranks of the change of each matrix, as shares of the highest possible.
    names = matrices(before)
    for key, which in (("rank", 0), ("stable rank", 1)):
        made[key] = over_runs([np.mean([rank_of(after[n] - before[n])[which] for n in names]) for after in runs])
    made["stable rank at random"] = over_runs(
        [np.mean([rank_of_random(mask[n], rng).stable for n in names]) for mask in masks]
    )
    made["density"] = over_runs([density(mask) for mask in masks])
    moved = [torch.cat([(after[n] - before[n]).abs().flatten() for n in names]) for after in runs]
    made["median change"] = over_runs([float(change.median()) for change in moved])
    return made


def distance(one: Weights, other: Weights, before: Weights) -> float:
    """How far apart two runs end, in lengths of the first one's way."""
    way = sum(float((one[n] - before[n]).double().square().sum()) for n in before)
    apart = sum(float((one[n] - other[n]).double().square().sum()) for n in before)
    return float(np.sqrt(apart / way)) if way else float("nan")


def over_runs(numbers: Sequence[float]) -> dict[str, Any]:
    """Their mean with its interval; NaN, of a run that changed nothing, is left out and not counted."""
    finite = [float(number) for number in numbers if np.isfinite(number)]
    return mean(finite)._asdict()
