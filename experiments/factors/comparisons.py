"""The planned comparisons, Shapley shares and verdicts (docs/results/factors-plan.md), from a run's tables.

>>> study = Study(results, "sudoku6", ("0", "4-10"), SMALL.name, seeds=5, puzzles=200)
>>> [(c.name, c.estimate, c.adjusted) for c in study.planned()]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from experiments.factors.grid import NO_NET, ORDERS, PLACEBO, Cell, corner
from experiments.factors.networks import FACTORS, SWITCHES
from experiments.factors.resampling import RESAMPLES, Resampling, Statistic, estimate, holm, logit, p_value, shapley
from experiments.factors.results import Results
from experiments.scoring.statistics import Estimate

WITHIN = 100  # calls, of the planned comparisons of searches


@dataclass(frozen=True)
class Comparison:
    """A difference of shares solved, its unadjusted p, and the adjusted one (None: not tested)."""

    name: str
    is_: str
    estimate: Estimate
    p: float
    adjusted: float | None = None


class Study:
    """The comparisons within a family of puzzles, at one size of network."""

    def __init__(
        self,
        results: Results,
        set_: str,
        strata: Sequence[str],
        size: str,
        seeds: int,
        puzzles: int,
        resamples: int = RESAMPLES,
    ):
        self.results, self.set, self.strata, self.size = results, set_, strata, size
        self.seeds, self.puzzles = seeds, puzzles
        self.draw = Resampling(seeds, dict.fromkeys(strata, puzzles), resamples)

    @property
    def n(self) -> int:
        """Traces a cell."""
        return self.seeds * self.puzzles * len(self.strata)

    def share(self, net: str, cell: Cell, stratum: str, **within: float | int) -> Statistic:
        """Solved by a network in a cell. Raises KeyError if that was not run."""
        table = self.results.solved(net, self.size, cell, self.set, stratum, self.seeds, self.puzzles, **within)
        return self.draw.mean(table, stratum)

    def mean(
        self, net: str, veto: str, search: str, orders: Sequence[str] = ORDERS, **within: float | int
    ) -> Statistic:
        """The mean over orders and strata, each alike."""
        shares = [
            self.share(net, Cell(order, veto, search), stratum, **within) for stratum in self.strata for order in orders
        ]
        return np.mean(shares, axis=0)

    def plain(self, net: str, orders: Sequence[str] = ORDERS) -> Statistic:
        """Nothing vetoed, nothing taken back."""
        return self.mean(net, "none", "none", orders)

    def searched(self, net: str, search: str) -> Statistic:
        """With legality as veto, within WITHIN calls."""
        return self.mean(net, "legal", search, calls=WITHIN)

    def planned(self) -> list[Comparison]:
        """Those of the plan for which there is everything, adjusted together."""
        made = []
        for name, what, compute in PLANNED:
            try:
                statistic = compute(self)
            except KeyError:
                continue
            made.append(Comparison(name, what, estimate(statistic, self.n), p_value(statistic)))
        adjusted = holm([comparison.p for comparison in made])
        return [Comparison(c.name, c.is_, c.estimate, c.p, p) for c, p in zip(made, adjusted, strict=True)]

    def interaction(self) -> Comparison:
        """Order x workspace, on the logit scale: what the surest cell's order adds to diffusion more than to the same
        net without a workspace. The mean over strata.
        """

        def gain(net: str, stratum: str) -> Statistic:
            low, high = (self.share(net, Cell(order, "none", "none"), stratum) for order in SWITCHES["order"])
            return logit(high, self.seeds * self.puzzles) - logit(low, self.seeds * self.puzzles)

        differences = [gain("diffusion", stratum) - gain("diffusion-blind", stratum) for stratum in self.strata]
        statistic = np.mean(differences, axis=0)
        about = "(surest - raster) with workspace, less the same without, log-odds"
        return Comparison("order x workspace", about, estimate(statistic, self.n), p_value(statistic))

    def shapley(self, factors: Sequence[str] = FACTORS) -> dict[str, Statistic]:
        """What each factor adds, in log-odds, mean over strata. Those that are left out are present throughout, depth
        at LOOPS. Raises KeyError if a cell was not run.
        """
        values = {}
        for size in range(len(factors) + 1):
            for present in map(frozenset, combinations(factors, size)):
                net, cell = corner(present | set(FACTORS) - set(factors))
                shares = [self.share(net, cell, stratum) for stratum in self.strata]
                values[present] = np.mean([logit(share, self.seeds * self.puzzles) for share in shares], axis=0)
        return shapley(values, factors)

    @cached_property
    def way(self) -> Statistic:
        """Of the way from plain AR in raster order to diffusion's best-first search, what plain diffusion makes."""
        start = self.plain("ar-random", ["raster"])
        plain = self.plain("diffusion", ["confidence"])
        best = self.mean("diffusion", "legal", "best-first", ["confidence"], calls=WITHIN)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(best > start, (plain - start) / (best - start), np.nan)


def share_of(added: Mapping[str, Statistic], together: Sequence[str]) -> Statistic:
    """What some factors add together, as a share of what all add."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sum([added[factor] for factor in together], axis=0) / np.sum(list(added.values()), axis=0)


Compute = Callable[[Study], Statistic]


def _between(one: str, other: str) -> Compute:
    return lambda study: study.plain(one) - study.plain(other)


def _searches(net: str, one: str, other: str) -> Compute:
    return lambda study: study.searched(net, one) - study.searched(net, other)


#: name, what it is, how it is computed: docs/results/factors-plan.md.
PLANNED: list[tuple[str, str, Compute]] = [
    ("workspace", "diffusion - diffusion-blind, plain", _between("diffusion", "diffusion-blind")),
    ("reading", "diffusion-blind - ar-random, plain", _between("diffusion-blind", "ar-random")),
    ("rescue", "ar-inplace-supervised - ar-random, plain", _between("ar-inplace-supervised", "ar-random")),
    ("depth with workspace", "diffusion, 6 loops - 1, plain", _between("diffusion x6", "diffusion x1")),
    ("depth without", "diffusion-blind, 6 loops - 1, plain", _between("diffusion-blind x6", "diffusion-blind x1")),
]
for _net in ("diffusion", "ar-random"):
    PLANNED += [
        (
            f"net under search, {_net}",
            f"{_net} - no net, best-first",
            lambda study, net=_net: study.searched(net, "best-first") - study.searched(NO_NET, "best-first"),
        ),
        (f"retraction, {_net}", "best-first - restarts", _searches(_net, "best-first", "restart")),
        (f"where, {_net}", "best-first - its placebo", _searches(_net, "best-first", PLACEBO)),
    ]


@dataclass(frozen=True)
class Verdict:
    """A claim, what it comes to here, and the figures that decided."""

    claim: str
    holds: str
    because: str
    figures: dict[str, Estimate]


HOLDS, PARTLY, NOT = "holds", "holds in part", "does not hold here"
NO_GAP = "cannot be said: there is no gap"


def verdicts(study: Study, factors: Sequence[str] = FACTORS) -> list[Verdict]:
    """By the rules of the plan."""
    added = study.shapley(factors)
    part = {factor: estimate(share_of(added, [factor]), study.n) for factor in factors}
    tested = {c.name: c for c in study.planned()}
    back = tested["retraction, ar-random"]
    helps = (back.estimate.low or 0) > 0 and (back.adjusted if back.adjusted is not None else 1) <= 0.05
    largest = max(factors, key=lambda factor: part[factor].value or 0)
    way = estimate(study.way, study.n)

    def by_share(names: Sequence[str]) -> tuple[str, Estimate]:
        figure = estimate(share_of(added, [name for name in names if name in factors]), study.n)
        if figure.low is None:
            return NO_GAP, figure
        return (HOLDS if figure.low > 0.5 else PARTLY if figure.low > 0 else NOT), figure

    made = [
        Verdict(
            "AR cannot because it cannot take back",
            NOT if not helps else HOLDS if largest == "search" else PARTLY,
            f"best-first search for AR instead of restarts, and search's share of the gap; the largest is {largest}'s",
            {"retraction": back.estimate, "search": part["search"]},
        ),
        Verdict(
            "diffusion can because it revises",
            _of_way(way),
            "how much of the way plain diffusion makes, which revises nothing",
            {"way": way},
        ),
    ]
    for claim, names in CLAIMS.items():
        holds, figure = by_share(names)
        made.append(Verdict(claim, holds, f"the Shapley share of {' and '.join(names)}", {"share": figure}))
    return made


def _of_way(way: Estimate) -> str:
    if way.low is None or way.high is None:
        return NO_GAP
    return HOLDS if way.high < 0.5 else NOT if way.low > 0.5 else PARTLY


CLAIMS = {"it is order": ("order",), "it is compute": ("depth", "reading"), "it is the workspace": ("workspace",)}
