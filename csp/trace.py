"""Traces: what a generator or solver did, commit by commit, and what it took back; JSON Lines and Parquet.

    >>> trace = Trace("toy", "me", 0, (Event(1, 0, 2), Event(2, 0, 0), Event(3, 0, 1)), "solved", Costs(3, 3))
    >>> replay(trace, np.array([0, 2])).tolist()
    [[0, 2], [2, 2], [0, 2], [1, 2]]

An Event is (call, cell, value): value 1..d commits, value 0 takes back. Overwriting a committed cell is a
retraction and a commit. `call` is how many network (or solver) calls had been made, so several events can
share one. An irrevocable decoder is one whose traces hold no value 0: a fact to be checked, not a flag.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

import numpy as np
import pyarrow
import pyarrow.parquet
from jaxtyping import Int

from csp.errors import BadInput
from csp.files import from_parquet, to_parquet
from csp.problem import Instance

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
        return int((self.events.values > 0).sum())

    @property
    def retractions(self) -> int:
        return int((self.events.values == 0).sum())


def replay(trace: Trace, givens: Int[np.ndarray, " n"], d: int | None = None) -> Int[np.ndarray, "states n"]:
    """The assignment before any event and after each: shape (events + 1, n).

    Raises BadInput, naming the event, if it touches a given, leaves the board, writes a value above d (where d is
    told), retracts a blank cell or overwrites a committed one (which must be written as a retraction and a commit).
    """
    states = np.empty((len(trace.events) + 1, len(givens)), dtype=np.int64)
    states[0] = givens
    state = states[0].copy()
    for number, (_, cell, value) in enumerate(trace.events):
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
    """The events that turn one assignment into another: retractions first, cells in rising order."""
    for cell in np.nonzero((before != after) & (before > 0))[0]:
        yield Event(call, int(cell), 0)
    for cell in np.nonzero((before != after) & (after > 0))[0]:
        yield Event(call, int(cell), int(after[cell]))


def to_record(trace: Trace) -> dict:
    """The trace as plain data; seconds are left out, so that equal traces are equal."""
    return {
        "instance": trace.instance,
        "decoder": trace.decoder,
        "seed": trace.seed,
        "end": trace.end,
        "calls": trace.costs.calls,
        "tokens": trace.costs.tokens,
        "flops": trace.costs.flops,
        "events": trace.events.array.tolist(),
    }


def from_record(record: object, where: str = "trace") -> Trace:
    """The inverse of to_record (seconds 0). Raises BadInput, naming `where`, for anything else."""
    try:
        events = tuple(Event(*map(_whole, event)) for event in record["events"])
        if record["end"] not in get_args(End):
            raise ValueError(f"unknown end {record['end']!r}")
        costs = Costs(_whole(record["calls"]), _whole(record["tokens"]), float(record["flops"]))
        names = record["instance"], record["decoder"]
        if not all(isinstance(name, str) for name in names):
            raise ValueError("instance and decoder are not text")
        return Trace(*names, _whole(record["seed"]), events, record["end"], costs)
    except KeyError as fault:
        raise BadInput(f"{where}: no {fault.args[0]!r} in the trace") from None
    except (ValueError, TypeError) as fault:
        raise BadInput(f"{where}: not a trace ({fault})") from None


def from_lenient(record: dict, instance: Instance, where: str = "trace") -> Trace:
    """A trace of somebody else's: only events are needed, each [call, cell, value], or [cell, value] where every event
    is a call of its own. What is not said is "anonymous", seed 0, and an end and costs that the events show.

    Raises BadInput, naming `where`, for anything else.
    """
    events = record.get("events")
    if not isinstance(events, list) or not all(isinstance(event, list) and len(event) in (2, 3) for event in events):
        raise BadInput(f"{where}: events are a list of [call, cell, value] or [cell, value]")
    events = [event if len(event) == 3 else [number, *event] for number, event in enumerate(events, 1)]
    last = instance.givens.copy()
    for _, cell, value in events:
        if isinstance(cell, int) and isinstance(value, int) and 0 <= cell < len(last):
            last[cell] = min(max(value, 0), instance.problem.d + 1)
    end = "solved" if instance.solved(last) else ("wrong" if (last > 0).all() else "stuck")
    plain = {"decoder": "anonymous", "seed": 0, "end": end, "tokens": 0, "flops": 0.0}
    calls = max((event[0] for event in events if isinstance(event[0], int)), default=0)
    return from_record(plain | {"calls": calls} | record | {"instance": instance.id, "events": events}, where)


def to_json(trace: Trace) -> str:
    """One line of JSON, equal for equal traces; seconds are left out."""
    return json.dumps(to_record(trace), separators=(",", ":"))


def from_json(line: str, where: str = "trace") -> Trace:
    """The inverse of to_json (seconds 0). Raises BadInput, naming `where`, for anything else."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as fault:
        raise BadInput(f"{where}: not a trace ({fault})") from None
    return from_record(record, where)


def _whole(number: object) -> int:
    if not isinstance(number, int) or isinstance(number, bool):
        raise ValueError(f"{number!r} is not a whole number")
    return number


def write_jsonl(traces: Iterable[Trace]) -> str:
    """Traces as JSON Lines."""
    return "".join(to_json(trace) + "\n" for trace in traces)


def read_jsonl(text: str, where: str = "traces") -> list[Trace]:
    """The traces of JSON Lines; blank lines are skipped. Raises BadInput, naming the line."""
    lines = enumerate(text.split("\n"), 1)
    return [from_json(line, f"{where}, line {number}") for number, line in lines if line.strip()]


PARQUET = pyarrow.schema(
    [
        ("instance", pyarrow.string()),
        ("decoder", pyarrow.string()),
        ("seed", pyarrow.int64()),
        ("end", pyarrow.string()),
        ("calls", pyarrow.int64()),
        ("tokens", pyarrow.int64()),
        ("flops", pyarrow.float64()),
        ("seconds", pyarrow.float64()),
        ("events", pyarrow.list_(pyarrow.list_(pyarrow.int64(), 3))),
    ]
)


def write_parquet(traces: Iterable[Trace]) -> bytes:
    """Traces as a Parquet file, one row each, seconds included; events are lists of [call, cell, value]."""
    return to_parquet([{**to_record(trace), "seconds": trace.costs.seconds} for trace in traces], PARQUET)


def read_parquet(data: bytes, where: str = "traces") -> list[Trace]:
    """The inverse of write_parquet. Raises BadInput, naming `where`, for anything else."""
    made = []
    for number, record in enumerate(from_parquet(data, where), 1):
        trace = from_record(record, f"{where}, row {number}")
        made.append(replace(trace, costs=trace.costs._replace(seconds=float(record.get("seconds") or 0.0))))
    return made
