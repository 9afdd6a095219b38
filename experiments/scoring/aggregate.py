"""Scores added up: figures with counts and intervals by decoder and stratum, the hazard curve, paired comparison.

Everything here takes scores one by one and keeps counts only, so its size does not grow with the number of traces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import comb

import numpy as np
import pyarrow

from csp.seeds import stream
from experiments.scoring.replay_kernels import DETECTORS
from experiments.scoring.scorer import Score, TraceAnalysis
from experiments.scoring.statistics import Estimate, proportion
from experiments.scoring.take_backs import TakeBacks, TakeBackSums
from experiments.scoring.tallies import RESAMPLES, Tally

BINS = 20  # of the share of blanks filled
#: Figures that are numbers, and whether their median or mean is shown.
NUMBERS = {
    "first_dead": "median",
    "lag": "median",
    "lag_calls": "median",
    "core": "mean",
    "birth": "median",
    "distance": "median",
    "debt": "mean",
    "debt_share": "mean",
    "dead_ends": "mean",
    "wasted": "mean",
    "recoveries": "mean",
    "commits": "mean",
    "retractions": "mean",
    "needless": "mean",
    "calls": "mean",
    "tokens": "mean",
    "flops": "mean",
    "seconds": "mean",
}


PARQUET_TYPES = {"str": pyarrow.string(), "int": pyarrow.int64(), "float": pyarrow.float64(), "bool": pyarrow.bool_()}
#: Score's fields as Parquet's, from their annotations.
SCORE_FIELDS = [(name, PARQUET_TYPES[str(a).split(" | ")[0]]) for name, a in Score.__annotations__.items()]


@dataclass
class Hazard:
    """P(commit makes a dead end | alive before it), by the commit's number and by the share of blanks filled."""

    risk: Counter = field(default_factory=Counter)  # commit number: commits made in an alive state
    dead: Counter = field(default_factory=Counter)
    risk_at: np.ndarray = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))
    dead_at: np.ndarray = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))

    def add(self, life: TraceAnalysis) -> None:
        """Count one trace's commits."""
        for events, numbers, bins in (
            (life.at_risk, self.risk, self.risk_at),
            (life.dead_ends, self.dead, self.dead_at),
        ):
            numbers.update(life.commit_numbers[events].tolist())
            share = (life.filled[events] - 1) / max(1, life.instance.blanks)  # filled before the commit
            np.add.at(bins, np.minimum((share * BINS).astype(np.int64), BINS - 1), 1)

    def merge(self, other: Hazard) -> None:
        """Count in what another has counted."""
        self.risk.update(other.risk)
        self.dead.update(other.dead)
        self.risk_at += other.risk_at
        self.dead_at += other.dead_at

    def by_commit(self) -> dict[int, Estimate]:
        """commit number: hazard with Wilson's interval, n = commits at risk."""
        return {number: proportion(self.dead[number], self.risk[number]) for number in sorted(self.risk)}

    def by_share(self) -> list[Estimate]:
        """The same for each of BINS equal shares of blanks filled before the commit."""
        return [proportion(int(dead), int(risk)) for dead, risk in zip(self.dead_at, self.risk_at)]


@dataclass
class Sums:
    """What a set of scores comes to. unread: attempts beside them of which nothing was understood, in no figure.

    in_part: scored attempts of which some statements could not be followed. take_backs: of transcripts alone.
    """

    n: int = 0
    unread: int = 0
    in_part: int = 0
    counts: Counter = field(default_factory=Counter)
    tallies: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in NUMBERS})
    hazard: Hazard = field(default_factory=Hazard)
    take_backs: TakeBackSums | None = None

    def add(self, score: Score, life: TraceAnalysis | None = None, take_backs: TakeBacks | None = None) -> None:
        """Count one trace."""
        self.n += 1
        self.counts["solved"] += score.solved
        if score.need is not None:
            self.counts["decided"] += 1
            for name in ("need", "met", "unmet"):
                self.counts[name] += getattr(score, name)
        if score.detector is not None:
            self.counts[score.detector] += 1
        for name, tally in self.tallies.items():
            tally.add(getattr(score, name))
        if life is not None and score.need is not None:
            self.hazard.add(life)
        if take_backs is not None:
            self.take_backs = self.take_backs or TakeBackSums()
            self.take_backs.add(take_backs)

    def merge(self, other: Sums) -> None:
        """Count in what another has counted."""
        self.n += other.n
        self.unread += other.unread
        self.in_part += other.in_part
        self.counts.update(other.counts)
        for name, tally in self.tallies.items():
            tally.merge(other.tallies[name])
        self.hazard.merge(other.hazard)
        if other.take_backs is not None:
            self.take_backs = self.take_backs or TakeBackSums()
            self.take_backs.merge(other.take_backs)

    def plain(self) -> dict:
        """As plain data, for JSON."""
        return {
            "n": [self.n, self.unread, self.in_part],
            "counts": self.counts,
            "tallies": {name: list(tally.seen.items()) for name, tally in self.tallies.items() if tally.seen},
            "hazard": [list(self.hazard.risk.items()), list(self.hazard.dead.items())],
            "hazard_at": [self.hazard.risk_at.tolist(), self.hazard.dead_at.tolist()],
            "take-backs": None if self.take_backs is None else self.take_backs.plain(),
        }

    @classmethod
    def of(cls, plain: dict) -> Sums:
        """The inverse of plain."""
        made = cls(*plain["n"], counts=Counter(plain["counts"]))
        for name, seen in plain["tallies"].items():
            made.tallies[name].seen = Counter(dict(seen))
        numbers = (Counter(dict(counts)) for counts in plain["hazard"])
        made.hazard = Hazard(*numbers, *(np.array(counts, dtype=np.int64) for counts in plain["hazard_at"]))
        made.take_backs = None if plain["take-backs"] is None else TakeBackSums.of(plain["take-backs"])
        return made

    @property
    def undecided(self) -> int:
        """Traces of which the oracle left open which states were alive: in n and solved, not in need and the like."""
        return self.n - self.counts["decided"]

    def figures(self) -> dict[str, Estimate | int]:
        """Every figure by name: shares with Wilson's interval, numbers with a bootstrap one."""
        made: dict[str, Estimate | int] = {"n": self.n}
        made["solved"] = proportion(self.counts["solved"], self.n)
        for name in ("need", "met", "unmet"):
            made[name] = proportion(self.counts[name], self.counts["decided"])
        made["recovery"] = proportion(self.counts["met"], self.counts["need"])
        for name in DETECTORS:
            made[f"seen by {name}"] = proportion(self.counts[name], self.counts["need"])
        for name, statistic in NUMBERS.items():
            made[name] = self.tallies[name].estimate(statistic)
        if self.take_backs is not None:
            made |= self.take_backs.figures()
        return made


def figures(scores: Iterable[Score]) -> dict[str, Estimate | int]:
    """The figures of some scores."""
    sums = Sums()
    for score in scores:
        sums.add(score)
    return sums.figures()


@dataclass
class Outcomes:
    """Of each decoder, how many of its traces solved each instance: what pairs of decoders are compared by."""

    instances: Sequence[str]
    tried: dict[str, np.ndarray] = field(default_factory=dict)
    solved: dict[str, np.ndarray] = field(default_factory=dict)

    def add(self, decoder: str, index: int, solved: bool) -> None:
        """Count one trace on the instance at `index`."""
        for table, more in ((self.tried, 1), (self.solved, int(solved))):
            table.setdefault(decoder, np.zeros(len(self.instances), dtype=np.int64))[index] += more

    def pair(self, first: str, second: str) -> Paired | None:
        """Both on the instances that both tried; None if there are none."""
        both = (self.tried[first] > 0) & (self.tried[second] > 0)
        if not both.any():
            return None
        shares = [self.solved[name][both] / self.tried[name][both] for name in (first, second)]
        difference = shares[0] - shares[1]
        n = len(difference)
        rate = Estimate(float(difference.mean()), None, None, n)
        if n > 1:
            drawn = stream("paired", n).integers(0, n, size=(RESAMPLES, n))
            low, high = np.percentile(difference[drawn].mean(1), [2.5, 97.5])
            rate = rate._replace(low=float(low), high=float(high))
        wins, losses = int((difference > 0).sum()), int((difference < 0).sum())
        single = all((self.tried[name][both] == 1).all() for name in (first, second))
        p = mcnemar(wins, losses) if single else None
        return Paired(first, second, rate, wins, losses, p)


@dataclass(frozen=True)
class Paired:
    """first minus second on the same instances: difference in solve rate, instances won and lost, McNemar's p.

    p is None where an instance was tried more than once, so that it is no single yes or no.
    """

    first: str
    second: str
    difference: Estimate
    wins: int
    losses: int
    p: float | None


def mcnemar(wins: int, losses: int) -> float:
    """Two-sided exact p of McNemar's test (1947): discordant pairs fall either way like a fair coin."""
    n, k = wins + losses, min(wins, losses)
    return min(1.0, 2 * sum(comb(n, i) for i in range(k + 1)) / 2**n)
