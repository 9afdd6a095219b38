"""Numbers and shares of attempts, counted one by one: their size does not grow with the attempts.

>>> tally = Tally()
>>> tally.add(3)
>>> tally.estimate("mean").value
3.0
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from csp.seeds import stream
from experiments.scoring.statistics import Estimate, proportion

RESAMPLES = 1000


@dataclass
class Tally:
    """How often each number was seen; numbers are kept to four significant digits."""

    seen: Counter = field(default_factory=Counter)

    def add(self, number: float | int | None) -> None:
        """None is not counted."""
        if number is not None:
            self.seen[float(f"{number:.4g}")] += 1

    def merge(self, other: Tally) -> None:
        """Count in what another has counted."""
        self.seen.update(other.seen)

    def estimate(self, statistic: str) -> Estimate:
        """The mean or median with a percentile bootstrap interval; the same numbers, the same interval."""
        n = sum(self.seen.values())
        if not n:
            return Estimate(None, None, None, 0)
        values = np.array(sorted(self.seen))
        counts = np.array([self.seen[value] for value in values])
        point = float(_of(values, counts[None], statistic)[0])
        if n == 1:
            return Estimate(point, None, None, 1)
        drawn = stream("bootstrap", n).multinomial(n, counts / n, size=RESAMPLES)
        low, high = np.percentile(_of(values, drawn, statistic), [2.5, 97.5])
        return Estimate(point, float(low), float(high), n)


def _of(values: np.ndarray, counts: np.ndarray, statistic: str) -> np.ndarray:
    """Mean or median of each row of counts over the rising values."""
    n = counts.sum(1)
    if statistic == "mean":
        return counts @ values / n
    upto = counts.cumsum(1)
    low = values[(upto > ((n - 1) // 2)[:, None]).argmax(1)]
    high = values[(upto > (n // 2)[:, None]).argmax(1)]
    return (low + high) / 2


@dataclass
class Ratio:
    """A share of things that several attempts did: (part, whole) of each attempt, counted."""

    seen: Counter = field(default_factory=Counter)

    def add(self, part: int, whole: int) -> None:
        """Count one attempt; one without any such thing does not count."""
        if whole:
            self.seen[part, whole] += 1

    def merge(self, other: Ratio) -> None:
        """Count in what another has counted."""
        self.seen.update(other.seen)

    def estimate(self) -> Estimate:
        """Sum of parts by sum of wholes; n is the latter. The interval takes attempts as drawn, not what they did:
        bootstrap over attempts, or, where all attempts agree on 0 or 1, Wilson's with an observation an attempt.
        """
        attempts = sum(self.seen.values())
        if not attempts:
            return Estimate(None, None, None, 0)
        pairs = np.array(sorted(self.seen))  # (kinds, 2)
        counts = np.array([self.seen[tuple(pair)] for pair in pairs.tolist()])
        part, whole = (int(total) for total in counts @ pairs)
        if attempts == 1:
            return Estimate(part / whole, None, None, whole)
        if part in (0, whole):
            return proportion(attempts if part else 0, attempts)._replace(n=whole)
        drawn = stream("ratio", attempts).multinomial(attempts, counts / attempts, size=RESAMPLES) @ pairs
        low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
        return Estimate(part / whole, float(low), float(high), whole)
