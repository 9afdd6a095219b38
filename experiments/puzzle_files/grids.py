"""Rows of grids made into boards: which lines belong together, which are labels, where the boxes are.

>>> entries = [Entry("row", n, line, row_of(n, line)) for n, line in enumerate(lines, 1)]
>>> list(boards(entries, "f.txt"))
[Sketch(...)]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from csp.errors import BadInput
from csp.families import sudoku
from experiments.puzzle_files.boards import Sketch
from experiments.puzzle_files.drawing import BARS, LEVEL, Row, below, between, region_map, regions
from experiments.puzzle_files.symbols import BLANKS, candidates

HELD = "a row holds a symbol a cell (. 0 _ ? X * blank), a number or candidates between spaces"


class Entry(NamedTuple):
    """A line of a block. kind: row, rule (drawn), gap (blank)."""

    kind: str
    number: int = 0
    raw: str = ""
    row: Row | None = None


GAP = Entry("gap")


class Cells(NamedTuple):
    """A row read one way: (token, column) a cell, its number in the block's entries, and the row."""

    cells: list[tuple[str, int]]
    at: int
    row: Row


def boards(entries: Sequence[Entry], where: str, latin: int = 0, sixteen: bool = False) -> Iterator[Sketch | BadInput]:
    """The boards of a block of lines, or what is wrong with them. latin: side of Latin squares, if they are."""
    at = [place for place, entry in enumerate(entries) if entry.kind == "row"]
    if not at:
        return
    best: list[Sketch | BadInput] = []
    for heads, labels in ((False, False), (True, False), (False, True), (True, True)):
        rows = [(place, entries[place].row) for place in at]
        if labels:
            rows = _without_labels(_without_heads(rows) if heads else rows)
        elif heads:
            rows = _without_heads(rows)
        if not rows or ((heads or labels) and rows == [(place, entries[place].row) for place in at]):
            continue
        found = _greedy(rows, entries, where, latin)
        good = not any(isinstance(one, BadInput) for one in found)
        if good or not best:
            best = found
        if good:
            break
    else:
        aligned = _aligned(entries, at, where)
        best = [aligned] if aligned is not None else best
    yield from best


def _greedy(
    rows: Sequence[tuple[int, Row]], entries: Sequence[Entry], where: str, latin: int
) -> list[Sketch | BadInput]:
    """Boards one after the other: as many rows as the first has cells. After a fault it goes on behind the next gap."""
    found: list[Sketch | BadInput] = []
    start = 0
    while start < len(rows):
        grid = next(filter(None, (_grid(rows[start:], mode, latin) for mode in ("flat", "fields"))), None)
        if grid:
            try:
                found.append(_board(grid, entries, where, latin))
            except BadInput as fault:
                found.append(fault)
            start += len(grid)
            continue
        stop = start + 1
        while stop < len(rows) and not any(e.kind == "gap" for e in entries[rows[stop - 1][0] : rows[stop][0]]):
            stop += 1
        while stop < len(rows) and len(rows[stop][1].flat) == len(rows[start][1].flat) and stop - start < 25:
            stop += 1  # bands of one grid
        if stop - start > 1 or not rows[start][1].raw.strip().isalpha():  # one word alone is a heading
            found.append(BadInput(_misfit([row for _, row in rows[start:stop]], where)))
        start = stop
    return found


def _grid(rows: Sequence[tuple[int, Row]], mode: str, latin: int) -> list[Cells] | None:
    """The first board of the rows, read so; None if its rows do not fit."""
    made = []
    side = _cells_in(rows[0][1], mode)
    if not (side == latin if latin else 4 <= side <= 25) or len(rows) < side:
        return None
    for place, row in rows[:side]:
        if _cells_in(row, mode) != side:
            return None
        made.append(Cells(row.flat if mode == "flat" and not row.single else list(row.fields), place, row))
    texts = [text for line in made for text, _ in line.cells]
    if any(len(text) > 1 for text in texts):
        numbers = side > 9 and all(text in BLANKS or (text.isdigit() and len(text) < 3) for text in texts)
        marked = side <= 9 and all(len(text) == 1 or candidates(text, side) for text in texts)
        if not numbers and not marked:
            return None
    return made


def _cells_in(row: Row, mode: str) -> int:
    return len(row.fields) if mode == "fields" or row.single else sum(len(text) for text, _ in row.fields)


def _board(grid: Sequence[Cells], entries: Sequence[Entry], where: str, latin: int) -> Sketch:
    """The board of these rows and of the lines drawn between their cells."""
    side = len(grid)
    spot = f"{where}, line {grid[0].row.number}"
    tokens = tuple(text for line in grid for text, _ in line.cells)
    if latin:
        return Sketch(tokens, spot)
    across = np.array([between(line.row, line.cells) for line in grid])
    down = np.zeros((side - 1, side), dtype=np.int64)
    for place, (upper, lower) in enumerate(zip(grid, grid[1:])):
        drawn = [entry.raw for entry in entries[upper.at + 1 : lower.at] if entry.kind == "rule"]
        if drawn:
            columns = [start + len(text) // 2 for text, start in upper.cells]
            down[place] = np.max([below(rule, columns) for rule in drawn], axis=0)
    if region_map(tokens):
        return Sketch(tokens, spot)  # a map of regions needs no lines
    areas, shape = regions(across, down, spot)
    return Sketch(tokens, spot, regions=areas, shape=shape)


def _without_heads(rows: list[tuple[int, Row]]) -> list[tuple[int, Row]]:
    """The rows less those that number or letter the columns."""
    return [(place, row) for place, row in rows if not _is_head([text for text, _ in row.fields])]


def _is_head(fields: Sequence[str]) -> bool:
    """Whether fields count: 1 2 3 ..., A B C ..., C1 C2 C3 ..., or 123 456 789."""
    fields = list(fields[1:] if fields and fields[0] == "." else fields)  # nothing stands above the rows' labels
    joined = "".join(fields)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXY"
    return len(joined) > 3 and (
        "123456789".startswith(joined)
        or "0123456789".startswith(joined)
        or letters.startswith(joined)
        or fields in ([f"{c}{k + 1}" for k in range(len(fields))] for c in ("", "C", "COL"))
    )


def _without_labels(rows: list[tuple[int, Row]]) -> list[tuple[int, Row]]:
    """The rows less a label that each begins with (1 2 3, A B C, R1 R2, with : or ) behind), and ends with, if it does.

    The rows as they are if some row has none. Labels begin anew with each grid.
    """
    firsts = [row.fields[0][0].rstrip(":).") if len(row.fields) > 1 else "" for _, row in rows]
    if len(rows) < 4 or firsts[0] not in ("0", "1", "A", "R0", "R1", "ROW1"):
        return rows
    period = next((place for place in range(1, len(rows)) if firsts[place] == firsts[0]), len(rows))
    for place, label in enumerate(firsts):
        nth = place % period - (firsts[0] in ("0", "R0"))  # some count from 0
        if label not in (str(nth + 1), chr(65 + nth), f"R{nth + 1}", f"ROW{nth + 1}"):
            return rows
    made = []
    for (place, row), label in zip(rows, firsts):
        fields = row.fields[1:]
        twice = len(fields) > 1 and fields[-1][0] == label and len(row.flat) > period + len(label)
        made.append((place, Row(row.number, row.raw, fields[:-1] if twice else fields, row.single)))
    return made


def _aligned(entries: Sequence[Entry], at: Sequence[int], where: str) -> Sketch | None:
    """A framed board whose blanks are drawn as spaces: cells stand in the same columns in all rows."""
    lines = [
        (place, entry)
        for place, entry in enumerate(entries)
        if entry.kind == "row"
        or (entry.kind == "rule" and set(entry.raw) & set(BARS) and not set(entry.raw) & set(LEVEL))
    ]
    side = len(lines)
    rows = [entry.row for _, entry in lines if entry.row]
    columns = sorted({start for row in rows for _, start in row.flat})
    if len(columns) != side or not 4 <= side <= 25 or not all(set(row.raw) & set(BARS) for row in rows):
        return None
    if any(len(text) > 1 and " " not in row.raw for row in rows for text, _ in row.fields):
        return None
    grid = []
    for place, entry in lines:
        row = entry.row or Row(entry.number, entry.raw, ())
        held = {start: symbol for symbol, start in row.flat}
        grid.append(Cells([(held.get(column, "."), column) for column in columns], place, row))
    try:
        return _board(grid, entries, where, 0)
    except BadInput:
        return None


def _misfit(rows: Sequence[Row], where: str) -> str:
    """What is wrong with rows that make no board."""
    first = rows[0]
    side = len(first.flat)
    spot = f"{where}, line {first.number}"
    if not 4 <= side <= 25 or (len(rows) == 1 and side not in sudoku.BOXES):
        shown = first.raw.strip()[:30]
        return (
            f"{spot}: {side} characters ({shown!r}) read as Sudoku text; a puzzle of one line has 16, 36, 64, 81, 100, "
            f"144, 256 or 625, a grid as many rows as a row has cells"
        )
    good = next((place for place, row in enumerate(rows) if len(row.flat) != side), len(rows))
    tail = f"{good}, then a line of {len(rows[good].flat)}" if good < len(rows) else f"{good}"
    return f"{spot}: a grid with rows of {side} symbols has {side} of them; found {tail}; {HELD}"
