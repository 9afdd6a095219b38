"""Take-backs that a transcript says, against those that it makes.

    >>> said = read("r1c2 = 3\\nundo r1c2\\nr1c2 = 3", puzzle)
    >>> of_transcript(said, puzzle.givens)
    TakeBacks(claimed=1, done=0, put_back=1, taken=0, needless=None)

A value is **taken back** when it leaves its cell. It is only **put back** if the next value written there is the same
one, while whatever else stood at that time stands again: nothing was revised. A **claim** is a take-back in words
("undo r1c2"); it is **empty** if there was nothing to take: a blank cell, a given, no such cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Int

from experiments.scoring import replay_kernels
from experiments.scoring.scorer import TraceAnalysis
from experiments.scoring.statistics import Estimate
from experiments.scoring.tallies import Ratio, Tally
from experiments.scoring.transcripts import Transcript
from solvers.oracles.base import Undecided


@dataclass(frozen=True)
class TakeBacks:
    """Of one attempt. claimed: said in words; done: of these, a value was taken back; put_back: of these, it was put
    back; the rest are empty. taken: values taken back, said or not; needless: of these, from an alive board (None
    where that is not known).
    """

    claimed: int
    done: int
    put_back: int
    taken: int
    needless: int | None = None

    @property
    def empty(self) -> int:
        """Claims of which there was nothing to take back."""
        return self.claimed - self.done - self.put_back

    @property
    def silent(self) -> int:
        """Values that were taken back without a word: overwritten, or missing from a board that was drawn anew."""
        return self.taken - self.done


def revisions(calls: np.ndarray, cells: np.ndarray, values: np.ndarray, givens: Int[np.ndarray, " n"]) -> np.ndarray:
    """The events (retractions,), rising, that take a value back which is not put back; of a trace's columns (events,).

    The board that a value comes back to is that at the end of the call (statement) which writes it.
    """
    made = []
    following: dict[int, int] = {}  # cell: the first commit to it after the event
    comes_back = np.full(len(values), -1)
    for event in range(len(values) - 1, -1, -1):
        if values[event]:
            following[int(cells[event])] = event
        else:
            comes_back[event] = following.get(int(cells[event]), -1)
    for event in np.nonzero(values == 0)[0].tolist():
        again = int(comes_back[event])
        if again >= 0:
            before = replay_kernels.state_after(cells, values, givens, event)
            last = int(np.searchsorted(calls, calls[again], side="right"))  # events of one call stand together
            after = replay_kernels.state_after(cells, values, givens, last)
            held = before > 0
            if values[again] == before[cells[event]] and (after[held] == before[held]).all():
                continue
        made.append(event)
    return np.array(made, dtype=np.int64)


def of_transcript(said: Transcript, givens: Int[np.ndarray, " n"]) -> TakeBacks:
    """What a transcript claims and does, before anybody asks which boards were alive."""
    calls, cells, values = said.trace.events.array.T
    real = set(revisions(calls, cells, values, givens).tolist())
    done = sum(event in real for event in said.claims)
    put_back = sum(event is not None and event not in real for event in said.claims)
    return TakeBacks(len(said.claims), done, put_back, len(real))


def judged(counts: TakeBacks, life: TraceAnalysis) -> TakeBacks:
    """The same with what the oracle says of the boards from which values were taken back."""
    real = revisions(life.calls, life.cells, life.values, life.givens)
    try:
        return replace(counts, needless=int(life.alive[real].sum()))
    except Undecided:
        return counts


#: Shares that are shown: name: (part, whole) of an attempt.
SHARES = {
    "claims done": ("done", "claimed"),
    "claims put back": ("put_back", "claimed"),
    "claims empty": ("empty", "claimed"),
    "taken unsaid": ("silent", "taken"),
    "taken needless": ("needless", "taken"),
}
#: Numbers an attempt.
MEANS = ("claimed", "taken")


@dataclass
class TakeBackSums:
    """What the take-backs of several attempts come to."""

    numbers: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in MEANS})
    shares: dict[str, Ratio] = field(default_factory=lambda: {name: Ratio() for name in SHARES})

    def add(self, counts: TakeBacks) -> None:
        """Count one attempt."""
        for name, tally in self.numbers.items():
            tally.add(getattr(counts, name))
        for name, (part, whole) in SHARES.items():
            if getattr(counts, part) is not None:
                self.shares[name].add(getattr(counts, part), getattr(counts, whole))

    def merge(self, other: TakeBackSums) -> None:
        """Count in what another has counted."""
        for name, tally in self.numbers.items():
            tally.merge(other.numbers[name])
        for name, ratio in self.shares.items():
            ratio.merge(other.shares[name])

    def plain(self) -> dict:
        """As plain data, for JSON."""
        shares = {name: [[*pair, count] for pair, count in ratio.seen.items()] for name, ratio in self.shares.items()}
        return {"numbers": {name: list(tally.seen.items()) for name, tally in self.numbers.items()}, "shares": shares}

    @classmethod
    def of(cls, plain: dict) -> TakeBackSums:
        """The inverse of plain."""
        made = cls()
        for name, seen in plain["numbers"].items():
            made.numbers[name].seen.update(dict(seen))
        for name, seen in plain["shares"].items():
            made.shares[name].seen.update({(part, whole): count for part, whole, count in seen})
        return made

    def figures(self) -> dict[str, Estimate]:
        """Every figure by name: numbers an attempt, and shares."""
        numbers = {name: tally.estimate("mean") for name, tally in self.numbers.items()}
        return numbers | {name: ratio.estimate() for name, ratio in self.shares.items()}
