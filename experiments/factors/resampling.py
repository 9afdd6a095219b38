"""Comparisons of tables whose rows are networks and whose columns are puzzles, both samples.

A *statistic* here is an array (resamples + 1,): the figure itself, then the same figure of every resample. Sums,
differences and logits of such arrays are statistics again, so that a comparison of comparisons is plain arithmetic.

    >>> draw = Resampling(networks=5, puzzles={"0": 200, "4-10": 200})
    >>> gap = draw.mean(solved_by_one, "0") - draw.mean(solved_by_other, "0")       # tables (networks, puzzles)
    >>> estimate(gap, n=2000), p_value(gap)

The pigeonhole bootstrap (Owen 2007): each resample draws networks and puzzles anew. Networks of the same seed were
trained on the same puzzles and batches, so seeds are drawn, alike for all kinds of network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import factorial

import numpy as np
from jaxtyping import Float

from csp.seeds import stream
from experiments.scoring.statistics import Estimate, proportion

RESAMPLES = 10_000
Statistic = Float[np.ndarray, " resamples"]


class Resampling:
    """How often each network and each puzzle of each stratum is drawn, (resamples + 1, size); the first draw is all."""

    def __init__(self, networks: int, puzzles: Mapping[str, int], resamples: int = RESAMPLES):
        rng = stream("factors", networks, *sorted(puzzles.items()), resamples)

        def draws(size: int) -> np.ndarray:
            counts = rng.multinomial(size, np.full(size, 1 / size), size=resamples)
            return np.concatenate([np.ones((1, size)), counts]) / size

        self.networks = draws(networks)
        self.puzzles = {name: draws(size) for name, size in puzzles.items()}

    def mean(self, table: Float[np.ndarray, "networks puzzles"], stratum: str) -> Statistic:
        """The table's mean, over what of it is no NaN: where each network has puzzles of its own the others are NaN."""
        there = ~np.isnan(table)
        total = ((self.networks @ np.where(there, table, 0.0)) * self.puzzles[stratum]).sum(1)
        if there.all():
            return total
        return total / np.maximum(((self.networks @ there) * self.puzzles[stratum]).sum(1), np.finfo(float).tiny)


def logit(share: Statistic, n: int) -> Statistic:
    """Log-odds of a share of n, half a success and half a failure added (Haldane 1955)."""
    hits = share * n
    return np.log((hits + 0.5) / (n - hits + 0.5))


def estimate(statistic: Statistic, n: int) -> Estimate:
    """The figure with its 95 % percentile interval; none of either if it is not defined (a share of nothing)."""
    if not np.isfinite(statistic[0]):
        return Estimate(None, None, None, 0)
    statistic = statistic[np.isfinite(statistic)]
    low, high = np.percentile(statistic[1:], [2.5, 97.5])
    return Estimate(float(statistic[0]), float(low), float(high), n)


def estimate_share(statistic: Statistic, n: int) -> Estimate:
    """`estimate` of a share. Where all of n traces ended alike no resample differs, and Wilson's interval stands in."""
    made = estimate(statistic, n)
    if made.low == made.high and made.value in (0.0, 1.0):
        return proportion(round(made.value * n), n)
    return made


def p_value(statistic: Statistic) -> float:
    """Two-sided: twice the smaller share of resamples on either side of 0, at least 1 in the number of resamples."""
    resamples = statistic[1:]
    tail = min(np.mean(resamples <= 0), np.mean(resamples >= 0))
    return float(min(1.0, max(2 * tail, 1 / len(resamples))))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p of each of several tests (Holm 1979): significant at 5 % where it is at most .05."""
    order = np.argsort(p_values, kind="stable")
    adjusted, most = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        most = max(most, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = most
    return adjusted


def shapley(values: Mapping[frozenset[str], Statistic], factors: Sequence[str]) -> dict[str, Statistic]:
    """What each factor adds on average over all sequences in which they can be added (Shapley 1953).

    values: of every set of factors. The sum is what all of them together add to none.
    """
    count = len(factors)
    added: dict[str, Statistic] = {}
    for factor in factors:
        rest = [other for other in factors if other != factor]
        total = np.zeros_like(values[frozenset()])
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            for before in map(frozenset, combinations(rest, size)):
                total = total + weight * (values[before | {factor}] - values[before])
        added[factor] = total
    return added
