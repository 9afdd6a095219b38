"""Traces: what a generator or solver did, commit by commit, and what it took back. csp/io/trace_records.py stores them.

    >>> trace = Trace("toy", "me", 0, (Event(1, 0, 2), Event(2, 0, 0), Event(3, 0, 1)), "solved", Costs(3, 3))
    >>> replay(trace, np.array([0, 2])).tolist()
    [[0, 2], [2, 2], [0, 2], [1, 2]]

An Event is (call, cell, value): value 1..d commits, value 0 takes back. Overwriting a committed cell is a
retraction and a commit. `call` is how many network (or solver) calls had been made, so several events can
share one. An irrevocable decoder is one whose traces hold no value 0: a fact to be checked, not a flag.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int

from csp.errors import BadInput

#: solved: complete and right. wrong: complete, rules broken. stuck: blanks are left and no value is allowed.
#: out of budget: stopped by its limit. refuted: the search proved that no solution exists.
End = Literal["solved", "wrong", "stuck", "out of budget", "refuted"]


class Event(NamedTuple):
    """One commit (value 1..d) or retraction (value 0) of a cell, after `call` calls."""

    call: int
    cell: int
    value: int


class Events(Sequence):
    """A trace's events: a sequence of Event, kept as one array (events, 3) of call, cell, value. Not to be changed."""

    __slots__ = ("array",)

    def __init__(self, events: Sequence[Event] | Int[np.ndarray, "events 3"] = ()):
        """Raises ValueError for what is no table of whole numbers with three columns."""
        array = np.asarray(events, dtype=np.int64).reshape(-1, 3)
        self.array = np.asfortranarray(array)  # its columns are read one by one
        self.array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Iterator[Event]:
        return (Event(*event) for event in self.array.tolist())

    def __getitem__(self, index):
        if isinstance(index, slice):
            return Events(self.array[index])
        return Event(*self.array[index].tolist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Events) and np.array_equal(self.array, other.array)

    def __hash__(self) -> int:
        return hash(self.array.tobytes())

    def __repr__(self) -> str:
        return f"Events({list(self)})"

    @property
    def values(self) -> Int[np.ndarray, " events"]:
        """What each event wrote."""
        return self.array[:, 2]


class Costs(NamedTuple):
    """calls: network passes or solver steps. tokens: tokens processed. flops: of the network.

    seconds is a measurement, not part of what happened: it is not written to traces.jsonl.
    """

    calls: int
    tokens: int = 0
    flops: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Trace:
    """One attempt of one decoder at one instance. Events may be given as any sequence of them."""

    instance: str
    decoder: str
    seed: int
    events: Events | Sequence[Event]
    end: End
    costs: Costs

    def __post_init__(self) -> None:
        if not isinstance(self.events, Events):
            object.__setattr__(self, "events", Events(self.events))

    @property
    def commits(self) -> int:
        """How many events commit a value."""
        return int((self.events.values > 0).sum())

    @property
    def retractions(self) -> int:
        """How many events take one back."""
        return int((self.events.values == 0).sum())


def replay(trace: Trace, givens: Int[np.ndarray, " n"], d: int | None = None) -> Int[np.ndarray, "states n"]:
    """The assignment before any event and after each: shape (events + 1, n).

    Raises BadInput, naming the event, if it touches a given, leaves the board, writes a value above d (where d is
    given), retracts a blank cell or overwrites a committed one (which must be written as a retraction and a commit).
    """
    states = np.empty((len(trace.events) + 1, len(givens)), dtype=np.int64)  # (events + 1, n)
    states[0] = givens
    state = states[0].copy()
    for number, (_, cell, value) in enumerate(trace.events):
        # a trace may come from anybody: the first event that cannot have happened is named
        fault = None
        if not 0 <= cell < len(givens):
            fault = f"cell {cell} of {len(givens)}"
        elif givens[cell]:
            fault = f"cell {cell} is given"
        elif value < 0 or (d is not None and value > d):
            fault = f"value {value}"
        elif (value == 0) == (state[cell] == 0):
            fault = f"cell {cell} is blank already" if value == 0 else f"cell {cell} is not blank"
        if fault:
            raise BadInput(f"trace of {trace.decoder} on {trace.instance}, event {number + 1}: {fault}")
        state[cell] = value
        states[number + 1] = state
    return states


def rewrites(before: Int[np.ndarray, " n"], after: Int[np.ndarray, " n"], call: int) -> Iterator[Event]:
    """The events that make one assignment (n,) into another: retractions first, cells in rising order.

    An overwritten cell is in both halves: taken back, then committed.
    """
    for cell in np.nonzero((before != after) & (before > 0))[0]:
        yield Event(call, int(cell), 0)
    for cell in np.nonzero((before != after) & (after > 0))[0]:
        yield Event(call, int(cell), int(after[cell]))
