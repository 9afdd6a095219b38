"""Histories of samplers: the board after every step becomes a trace of what was committed and taken back.

    {"instance": 1, "decoder": "llada", "states": [[4, 0, 0, 1, ...], [4, 3, 0, 1, ...], ...]}

A state is n values (or rows of them, or a string of n symbols), 0, null or an id of --mask where blank. What differs
between two states is taken back and committed at the call that made the second. A first state that is not the puzzle
itself is what the first call made. A .npy file of shape (steps, n) is a history of the first puzzle, one of shape
(batch, steps, n) a history of each of the first puzzles; an .npz file holds such arrays by name, each under the id of
its puzzle or under a decoder's name.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from csp.errors import BadInput
from csp.families import sudoku
from csp.io.instance_records import is_board
from csp.problem import Instance
from csp.trace import Costs, Event, Trace, rewrites

KEYS = ("states", "history", "histories", "trajectory")
MOST_BYTES = 200_000_000  # of an array file, unpacked
MOST_EVENTS = 1_000_000


@dataclass(frozen=True)
class History:
    """A trace made from states. notes: what in them was not followed; altered: the last state changes a given."""

    trace: Trace
    notes: tuple[str, ...]
    altered: bool


def states_of(record: dict) -> object:
    """The states of a record, or None."""
    return next((record[key] for key in KEYS if key in record), None)


def read(record: dict, instance: Instance, where: str, decoder: str, seed: int, mask: tuple[int, ...] = ()) -> History:
    """The trace of a record with states. Raises BadInput, naming `where` and the state, for what is no history."""
    states = states_of(record)
    if not isinstance(states, list) or not states:
        raise BadInput(f"{where}: states are a list of at least one board of {instance.problem.n} values")
    n, d, givens = instance.problem.n, instance.problem.d, instance.givens
    table = [_state(state, n, f"{where}, state {k}") for k, state in enumerate(states, 1)]
    shift = _shift(table, instance, mask)
    now, call, notes, events = givens.copy(), 0, list[str](), list[Event]()
    altered = False
    for number, row in enumerate(table, 1):
        after = _values(row, d, shift, mask, f"{where}, state {number}")
        wrong = np.nonzero((after > 0) & (givens > 0) & (after != givens))[0]
        altered = bool(len(wrong))
        if altered and len(notes) < 3:
            cell = int(wrong[0])
            spot = f"r{cell // d + 1}c{cell % d + 1}" if is_board(instance.problem) else f"node {cell}"
            notes.append(f"state {number} contradicts the given at {spot} ({givens[cell]}, not {after[cell]})")
        after = np.where(givens > 0, givens, after)
        if number == 1 and (after == givens).all():
            continue  # the puzzle, before any call
        call += 1
        events += rewrites(now, after, call)
        now = after
        if len(events) > MOST_EVENTS:
            raise BadInput(f"{where}: more than {MOST_EVENTS:,} changes in its states")
    end = "solved" if instance.solved(now) else ("wrong" if (now > 0).all() else "stuck")
    trace = Trace(instance.id, decoder, seed, tuple(events), "wrong" if altered else end, Costs(call))
    return History(trace, tuple(notes), altered)


def _state(state: object, n: int, where: str) -> list[object]:
    """The n entries of one state."""
    if isinstance(state, str):
        entries: list[object] = list("".join(state.split()))
    elif isinstance(state, list) and state and all(isinstance(row, list) for row in state):
        entries = [entry for row in state for entry in row]
    elif isinstance(state, list):
        entries = state
    else:
        raise BadInput(f"{where}: a state is a list of {n} values")
    if len(entries) != n:
        raise BadInput(f"{where}: {len(entries)} values; the puzzle has {n} cells")
    return entries


def _number(entry: object, where: str) -> int | None:
    """An entry as a number; None where it is blank without a number."""
    if entry is None or (isinstance(entry, str) and entry in (".", "_", "*", "?", "")):
        return None
    if isinstance(entry, str):
        value = int(entry) if entry.isdecimal() and len(entry) < 10 else sudoku.SYMBOLS.find(entry.upper() or "!")
        if value < 0 or (len(entry) > 1 and not entry.isdecimal()):
            raise BadInput(f"{where}: {entry[:20]!r} is no value")
        return value
    if isinstance(entry, float) and entry.is_integer() and abs(entry) < 2**53:
        return int(entry)
    if not isinstance(entry, int) or isinstance(entry, bool) or abs(entry) > 2**53:
        raise BadInput(f"{where}: {str(entry)[:20]!r} is no value")
    return entry


def _shift(table: list[list[object]], instance: Instance, mask: tuple[int, ...]) -> int:
    """1 if values count from 0: a mask other than 0 is told, 0 occurs, the highest value does not, givens agree."""
    if not mask or 0 in mask:
        return 0
    last = [entry if isinstance(entry, int) and not isinstance(entry, bool) else None for entry in table[-1]]
    seen = {entry for row in table[-5:] for entry in row if isinstance(entry, int)}
    known = [(int(g), v) for g, v in zip(instance.givens, last) if g and v is not None and v not in mask]
    if known:
        return int(all(v == g - 1 for g, v in known))
    return int(0 in seen and instance.problem.d not in seen - set(mask))


def _values(row: list[object], d: int, shift: int, mask: tuple[int, ...], where: str) -> np.ndarray:
    """A state's values, 0 where blank."""
    made = np.zeros(len(row), dtype=np.int64)
    for cell, entry in enumerate(row):
        number = _number(entry, where)
        if number is None or number in mask or (number == 0 and not shift):
            continue
        if not 1 <= number + shift <= d:
            hint = f"if {number} is the mask's id, say --mask {number}" if not mask else f"--mask has {list(mask)}"
            raise BadInput(f"{where}: {number} at entry {cell + 1} is none of {1 - shift} to {d - shift}; {hint}")
        made[cell] = number + shift
    return made


def arrays(path: Path) -> Iterator[dict]:
    """A record for each history of a .npy or .npz file. Raises BadInput for anything else, and beyond MOST_BYTES."""
    size = path.stat().st_size
    if path.suffix.lower() == ".npz":
        try:
            with zipfile.ZipFile(path) as parts:
                size = sum(part.file_size for part in parts.infolist())
        except (zipfile.BadZipFile, NotImplementedError, ValueError):
            raise BadInput(f"{path}: not a .npz file") from None
    if size > MOST_BYTES:
        raise BadInput(f"{path}: {size:,} bytes of arrays; at most {MOST_BYTES:,} are read, so split it")
    try:
        loaded = np.load(path, allow_pickle=False)
        named = {path.stem: loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except (
        ValueError,
        OSError,
        EOFError,
        KeyError,
        MemoryError,
        zipfile.BadZipFile,
        SyntaxError,
        OverflowError,
    ) as fault:
        reason = (str(fault).splitlines() or [type(fault).__name__])[0][:100]
        raise BadInput(f"{path}: not an array of states ({reason})") from None
    for name, array in named.items():
        yield from _histories(name, array, path)


def _histories(name: str, array: np.ndarray, path: Path) -> Iterator[dict]:
    whole = array.dtype.kind in "iu" or (array.dtype.kind == "f" and np.isfinite(array).all())
    if not whole or array.ndim not in (2, 3):
        what = f"{name[:40]!r} is {array.dtype} of shape {array.shape}"
        raise BadInput(f"{path}: {what}, not whole numbers of shape (steps, n) or (batch, steps, n)")
    for index, states in enumerate(array[None] if array.ndim == 2 else array, 1):
        # an array's name may be the id of its puzzle: whoever knows the ids decides
        about = {"array": name, "file": path.stem} if path.suffix.lower() == ".npz" and array.ndim == 2 else {}
        yield {"instance": index, "decoder": name, "states": states.tolist(), **about}
