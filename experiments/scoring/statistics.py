"""Counts and 95 % intervals for every number that is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from csp.seeds import stream

Z = 1.959963984540054  # the normal quantile of a two-sided 95 % interval

#: The quantile .975 of Student's distribution with 1, 2, ... degrees of freedom; the last serves for more.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)


class Estimate(NamedTuple):
    """A figure, its 95 % interval, and how many observations it rests on; None where there are too few of them."""

    value: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def hits(self) -> int:
        """Of a share: how many of the n it stands for."""
        return round((self.value or 0) * self.n)


def from_record(record: Mapping[str, Any]) -> Estimate:
    """An estimate as a run's card keeps it, _asdict() in JSON."""
    return Estimate(*(record[part] for part in Estimate._fields))


def proportion(successes: int, n: int) -> Estimate:
    """successes / n with Wilson's interval (Wilson 1927)."""
    if n == 0:
        return Estimate(None, None, None, 0)
    p = successes / n
    middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * ((p * (1 - p) / n + Z**2 / (4 * n**2)) ** 0.5)
    return Estimate(p, min(p, max(0.0, middle - half)), max(p, min(1.0, middle + half)), n)


def sign_flips(differences: Int[np.ndarray, " pairs"]) -> float:
    """Two-sided exact p of paired whole-number differences: how often would signs drawn by fair coins give a sum as far
    from 0 (Fisher 1935)? 1 where all are 0.
    """
    total = int(np.abs(differences).sum())
    chance = np.zeros(2 * total + 1)  # of each sum from -total on
    chance[total] = 1
    for size in np.abs(differences):
        chance = (np.roll(chance, size) + np.roll(chance, -size)) / 2  # nothing is near enough to an end to go round
    far = np.abs(np.arange(-total, total + 1)) >= abs(int(differences.sum()))
    return float(min(1.0, chance[far].sum()))


def mean(numbers: Sequence[float | int]) -> Estimate:
    """Of a few numbers, such as one a training run, with Student's interval (1908); None for an end where there is one.

    A bootstrap of three numbers cannot leave their range; this one is as wide as three numbers deserve.
    """
    n = len(numbers)
    if not n:
        return Estimate(None, None, None, 0)
    middle = float(np.mean(numbers))
    if n == 1:
        return Estimate(middle, None, None, 1)
    half = STUDENT[min(n - 1, len(STUDENT)) - 1] * float(np.std(numbers, ddof=1)) / np.sqrt(n)
    return Estimate(middle, middle - half, middle + half, n)


def bootstrap_crossed(table: Float[np.ndarray, "rows columns"], resamples: int = 1000) -> Estimate:
    """The mean of a table whose rows (networks) and columns (puzzles) are both samples: each resample draws rows and
    columns anew (Owen 2007, the pigeonhole bootstrap). n counts cells; those that are NaN were not measured.
    """
    there = np.isfinite(table)
    if not there.any():
        return Estimate(None, None, None, 0)
    rng = stream("crossed bootstrap", *table.shape)
    rows, columns = (rng.integers(0, size, size=(resamples, size)) for size in table.shape)

    # How often each row and each column is drawn says all: a cell counts as often as both together.
    by_row, by_column = (_counts(drawn, size) for drawn, size in zip((rows, columns), table.shape))
    total, cells = (((by_row @ part) * by_column).sum(1) for part in (np.where(there, table, 0.0), there))
    low, high = np.percentile(total[cells > 0] / cells[cells > 0], [2.5, 97.5])
    return Estimate(float(table[there].mean()), float(low), float(high), int(there.sum()))


def _counts(drawn: Int[np.ndarray, "resamples size"], size: int) -> Float[np.ndarray, "resamples size"]:
    """How often each number below `size` was drawn."""
    flat = drawn + size * np.arange(len(drawn))[:, None]
    return np.bincount(flat.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(float)


def bootstrap(numbers: Sequence[float | int], statistic: Callable = np.mean, resamples: int = 1000) -> Estimate:
    """statistic of the numbers with a percentile bootstrap interval (Efron 1979); the same numbers, the same interval.

    statistic takes an array and axis=.
    """
    sample = np.asarray(numbers, dtype=float)
    if not len(sample):
        return Estimate(None, None, None, 0)
    draws = stream("bootstrap", len(sample)).integers(0, len(sample), size=(resamples, len(sample)))
    if len(sample) < 2:
        return Estimate(float(statistic(sample, axis=0)), None, None, 1)
    low, high = np.percentile(statistic(sample[draws], axis=1), [2.5, 97.5])
    return Estimate(float(statistic(sample, axis=0)), float(low), float(high), len(sample))


def minimum_bayes_risk(boards: Int[np.ndarray, "samples n"]) -> int:
    """The sample that differs in the fewest cells from the others on average (Kumar and Byrne 2004); the first of
    equals."""
    return int((boards[:, None] != boards[None]).sum((1, 2)).argmin())
