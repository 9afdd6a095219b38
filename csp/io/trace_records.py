"""Traces as JSON Lines and Parquet, and traces of somebody else's decoder read leniently.

{"instance": ..., "decoder": "ar", "seed": 0, "end": "wrong", "calls": 26, "tokens": 36, "flops": ..., "events": [...]}
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import get_args

import numpy as np
import pyarrow.parquet

from csp.errors import BadInput
from csp.io.files import from_parquet, to_parquet
from csp.io.json_values import decode, encode, lines, whole
from csp.problem import Instance
from csp.trace import Costs, End, Event, Trace

MOST = 2**53  # of calls and tokens: what a float holds exactly
MOST_FLOPS = 1e30
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
        events = tuple(Event(*map(bounded, event)) for event in record["events"])
        if record["end"] not in get_args(End):
            raise ValueError(f"unknown end {record['end']!r}")
        costs = Costs(bounded(record["calls"]), bounded(record["tokens"]), _flops(record["flops"]))
        names = record["instance"], record["decoder"]
        if not all(isinstance(name, str) for name in names):
            raise ValueError("instance and decoder are not text")
        return Trace(*names, whole(record["seed"], -(2**63), 2**63 - 1), events, record["end"], costs)
    except KeyError as fault:
        raise BadInput(f"{where}: no {fault.args[0]!r} in the trace") from None
    except (ValueError, TypeError) as fault:
        raise BadInput(f"{where}: not a trace ({str(fault)[:120]})") from None


def from_lenient(record: dict, instance: Instance, where: str = "trace") -> Trace:
    """A trace of somebody else's: only events are needed, each [call, cell, value], or [cell, value] where every event
    is a call of its own. What is not said is "anonymous", seed 0, and an end and costs that the events show.

    Raises BadInput, naming `where`, for anything else.
    """
    events = record.get("events")
    if not isinstance(events, list) or not all(isinstance(event, list) and len(event) in (2, 3) for event in events):
        raise BadInput(f"{where}: events are a list of [call, cell, value] or [cell, value]")
    events = [event if len(event) == 3 else [number, *event] for number, event in enumerate(events, 1)]
    last = _followed(events, instance, where)
    end = "solved" if instance.solved(last) else ("wrong" if (last > 0).all() else "stuck")
    plain = {"decoder": "anonymous", "seed": 0, "end": end, "tokens": 0, "flops": 0.0}
    calls = max((event[0] for event in events), default=0)
    return from_record(plain | {"calls": calls} | record | {"instance": instance.id, "events": events}, where)


def _followed(events: list[list], instance: Instance, where: str) -> np.ndarray:
    """The assignment after the events: one board in memory, whatever their number. Raises BadInput for one that does
    not fit, naming it.
    """
    last = instance.givens.copy()
    n, d, givens = instance.problem.n, instance.problem.d, instance.givens
    for number, event in enumerate(events, 1):
        try:
            _, cell, value = map(bounded, event)
        except ValueError as fault:
            raise BadInput(f"{where}: not a trace (event {number}: {fault})") from None
        fault = ""
        if not 0 <= cell < n:
            fault = f"cell {cell} of {n}"
        elif givens[cell]:
            fault = f"cell {cell} is given"
        elif not 0 <= value <= d:
            fault = f"value {value} of 1 to {d}"
        elif (value == 0) == (last[cell] == 0):
            fault = f"cell {cell} is blank already" if value == 0 else f"cell {cell} is not blank"
        if fault:
            raise BadInput(f"{where}: event {number}: {fault}")
        last[cell] = value
    return last


def to_json(trace: Trace) -> str:
    """One line of JSON, equal for equal traces; seconds are left out."""
    return encode(to_record(trace))


def from_json(line: str, where: str = "trace") -> Trace:
    """The inverse of to_json (seconds 0). Raises BadInput, naming `where`, for anything else."""
    return from_record(decode(line, where, "not a trace"), where)


def bounded(number: object) -> int:
    """A whole number of at most MOST either way, which 64 bits hold. Raises ValueError for anything else."""
    return whole(number, -MOST, MOST)


def _flops(number: object) -> float:
    """A count of operations. Raises ValueError for what is none."""
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 <= number <= MOST_FLOPS:
        raise ValueError(f"flops are a number from 0 to {MOST_FLOPS:g}")
    return float(number)


def write_jsonl(traces: Iterable[Trace]) -> str:
    """Traces as JSON Lines."""
    return "".join(to_json(trace) + "\n" for trace in traces)


def read_jsonl(text: str, where: str = "traces") -> list[Trace]:
    """The traces of JSON Lines; blank lines are skipped. Raises BadInput, naming the line."""
    return [from_json(line, spot) for line, spot in lines(text, where)]


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
