"""Iso-FLOP fits: a parabola a budget, a power law through their vertices, and intervals by resampling runs.

    >>> curve = isoflop(points)                          # of one family and kind
    >>> law = power_law(curve)
    >>> law.exponent[0], estimate(law.exponent, curve.runs)

log excess is quadratic in log parameters at each budget; its vertex is the best size and what it reaches. Through the
vertices goes excess = A C^-a: the floor is known, so nothing else is fitted. Every array has the fit itself first and
then DRAWS fits to resampled runs: each run gets the deviation of some run of its curve (a residual bootstrap, Freedman
1981), scaled up by what the parabola has taken up of it. Where there are no more runs than a parabola has coefficients
there is nothing to resample, and no interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from csp.seeds import stream
from experiments.scoring.statistics import STUDENT, Estimate

DRAWS = 1000
LEAST = 3  # different sizes that a parabola needs
FLATTEST, FARTHEST = 0.01, 1e6  # an exponent that counts as one, and times as many FLOPs as a law is asked about


class Point(NamedTuple):
    """A run: training FLOPs, parameters, nats above the floor."""

    budget: float
    parameters: float
    excess: float


@dataclass(frozen=True, eq=False)
class Curve:
    """The vertices of one kind of network, budgets rising. at: log parameters; value: log excess; inside: whether the
    vertex is between the sizes that were tried, or else stands at the best end; runs: how many there are in all;
    resampled: whether the columns after the first mean anything.
    """

    budgets: Float[np.ndarray, " budgets"]
    at: Float[np.ndarray, "budgets fits"]
    value: Float[np.ndarray, "budgets fits"]
    inside: Bool[np.ndarray, " budgets"]
    runs: int
    resampled: bool

    def take(self, which: Sequence[int] | Int[np.ndarray, " some"]) -> Curve:
        """Some of the budgets."""
        which = np.asarray(which, dtype=np.int64)
        kept = (part[which] for part in (self.budgets, self.at, self.value, self.inside))
        return Curve(*kept, self.runs, self.resampled)


def isoflop(points: Sequence[Point]) -> Curve:
    """The vertex of each budget at which there are LEAST different sizes."""
    by_budget = {budget: [p for p in points if p.budget == budget] for budget in sorted({p.budget for p in points})}
    enough = {b: some for b, some in by_budget.items() if len({p.parameters for p in some}) >= LEAST}

    # The fits themselves, and what they leave over.
    fitted, residuals = [], []
    for some in enough.values():
        sizes, logs = np.log([p.parameters for p in some]), np.log([p.excess for p in some])
        hat = _design(sizes) @ np.linalg.pinv(_design(sizes))
        fitted.append((sizes, logs, hat @ logs))
        room = 1 - np.diag(hat)
        residuals.append(np.where(room > 1e-9, (logs - hat @ logs) / np.sqrt(np.maximum(room, 1e-9)), np.nan))
    pool = np.concatenate(residuals) if residuals else np.zeros(0)
    pool = pool[np.isfinite(pool)]
    resampled = len(pool) > 0

    at, value, inside = [], [], []
    rng = stream("resampled runs", len(points), *enough)
    for sizes, logs, middle in fitted:
        drawn = np.repeat(logs[:, None], 1 + DRAWS, axis=1)
        if resampled:
            drawn[:, 1:] = middle[:, None] + rng.choice(pool, size=(len(sizes), DRAWS))
        places, heights, between = vertex(sizes, drawn)
        at.append(places)
        value.append(heights)
        inside.append(bool(between[0]))
    shape = (len(fitted), 1 + DRAWS)
    return Curve(
        np.array(list(enough), dtype=float),
        np.reshape(at, shape).astype(float),
        np.reshape(value, shape).astype(float),
        np.array(inside, dtype=bool),
        sum(len(some) for some in enough.values()),
        resampled,
    )


def _design(sizes: Float[np.ndarray, " runs"]) -> Float[np.ndarray, "runs 3"]:
    """1, x, x^2 of the sizes about their middle."""
    x = sizes - sizes.mean()
    return np.stack([np.ones_like(x), x, x**2], axis=1)


def vertex(
    sizes: Float[np.ndarray, " runs"], logs: Float[np.ndarray, "runs fits"]
) -> tuple[Float[np.ndarray, " fits"], Float[np.ndarray, " fits"], Bool[np.ndarray, " fits"]]:
    """(where, how high, between): the lowest point of each column's parabola within the sizes that there are."""
    c0, c1, c2 = np.linalg.pinv(_design(sizes)) @ logs
    low, high = sizes.min() - sizes.mean(), sizes.max() - sizes.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        bottom = np.where(c2 > 0, -c1 / (2 * c2), np.nan)
    between = (bottom >= low) & (bottom <= high)

    def height(x):
        return c0 + c1 * x + c2 * x**2

    end = np.where(height(low) < height(high), low, high)
    x = np.where(between, bottom, end)
    return x + sizes.mean(), height(x), between


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """excess = exp(level) * (C / middle)^-exponent, as arrays over fits."""

    exponent: Float[np.ndarray, " fits"]
    level: Float[np.ndarray, " fits"]
    middle: float

    def log_excess(self, budget: float) -> Float[np.ndarray, " fits"]:
        """What it says of a budget."""
        return self.level - self.exponent * np.log(budget / self.middle)

    def log_budget(self, log_excess: Float[np.ndarray, " fits"]) -> Float[np.ndarray, " fits"]:
        """The logarithm of the FLOPs that reach so much: FARTHEST times the middle at most, a law that hardly falls
        never getting there.
        """
        way = (self.level - log_excess) / np.maximum(self.exponent, FLATTEST)
        return np.log(self.middle) + np.clip(way, -np.log(FARTHEST), np.log(FARTHEST))


def power_law(curve: Curve) -> PowerLaw | None:
    """Least squares through the vertices; None below two budgets."""
    if len(curve.budgets) < 2:
        return None
    logs = np.log(curve.budgets)
    x = logs - logs.mean()
    slope = x @ curve.value / (x @ x)
    return PowerLaw(-slope, curve.value.mean(0), float(np.exp(logs.mean())))


def growth(curve: Curve) -> Float[np.ndarray, " fits"] | None:
    """The exponent b of the best size, parameters = B C^b; None below two budgets."""
    if len(curve.budgets) < 2:
        return None
    x = np.log(curve.budgets) - np.log(curve.budgets).mean()
    return x @ curve.at / (x @ x)


def log_gap(one: PowerLaw, other: PowerLaw) -> Float[np.ndarray, " fits"]:
    """The logarithm of how many times as many FLOPs `one` takes as `other` to reach what `other` reaches at the middle
    of its budgets.
    """
    return one.log_budget(other.level) - np.log(other.middle)


def held_out_errors(curve: Curve) -> dict[str, float]:
    """By which share the law of half of the budgets is off at the others, on average: of the lower half, which has to
    look ahead, and of every second.
    """
    count = len(curve.budgets)
    if count < 3:
        return {}
    halves = {"lower half": np.arange(-(-count // 2)), "every second": np.arange(0, count, 2)}
    made = {}
    for name, known in halves.items():
        law, others = power_law(curve.take(known)), np.setdiff1d(np.arange(count), known)
        if law is not None:
            off = [law.log_excess(curve.budgets[i])[0] - curve.value[i, 0] for i in others]
            made[name] = float(np.expm1(np.mean(np.abs(off))))
    return made


def estimate(fits: Float[np.ndarray, " fits"] | None, runs: int, resampled: bool = True) -> Estimate:
    """The fit and the middle 95 % of the resampled ones. runs: that it rests on."""
    if fits is None or not np.isfinite(fits[0]):
        return Estimate(None, None, None, runs)
    if not resampled:
        return Estimate(float(fits[0]), None, None, runs)
    low, high = np.nanpercentile(fits[1:], [2.5, 97.5])
    return Estimate(float(fits[0]), float(low), float(high), runs)


def predicted(points: Sequence[Point], parameters: float | int) -> Estimate:
    """The excess of one more run of that size at the budget of the points, with its 95 % prediction interval (Student);
    without one if there are no more runs than coefficients.
    """
    sizes, logs = np.log([p.parameters for p in points]), np.log([p.excess for p in points])
    design = _design(sizes)
    inverse = np.linalg.pinv(design)
    x = np.log(parameters) - sizes.mean()
    row = np.array([1.0, x, x**2]) @ inverse
    middle, spare = float(row @ logs), len(sizes) - LEAST
    if spare < 1:
        return Estimate(float(np.exp(middle)), None, None, len(sizes))
    spread = np.sqrt(((logs - design @ (inverse @ logs)) ** 2).sum() / spare * (1 + row @ row))
    half = STUDENT[min(spare, len(STUDENT)) - 1] * spread
    return Estimate(float(np.exp(middle)), float(np.exp(middle - half)), float(np.exp(middle + half)), len(sizes))
