"""Tables of Sudokus: CSV, Parquet and JSON with a puzzle column under its usual names, its solution and its rating.

    >>> found = from_csv('source,question,answer,rating\\nforum,"53..7...",,9\\n', "x.csv")

A cell holds a board as any text that sudoku_text.py reads, or nested lists. JSON may be a list of objects, one object
of lists, objects under any names, JSON Lines, or bare lists of boards.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow
import pyarrow.parquet

from csp.errors import BadInput
from experiments.puzzle_files import drawing, sudoku_text
from experiments.puzzle_files.boards import Sketch

PUZZLE = (
    *("puzzle", "puzzles", "question", "questions", "quizzes", "quiz", "board", "boards", "sudoku", "sudokus", "grid"),
    *("grids", "givens", "unsolved", "problem", "puzzle_string", "value", "mission"),
)
SOLUTION = ("solution", "solutions", "answer", "answers", "solved", "target", "witness", "puzzle_solution")
RATING = ("rating", "difficulty", "level", "score", "se", "er", "tdoku_rating", "class")
NAME = ("id", "name", "source", "hash", "index")
MOST_ROWS = 2_000_000
MOST_DEPTH = 12

Row = Mapping[str, Any]


def column(names: Iterable[str], wanted: Sequence[str]) -> str | None:
    """The first of the wanted names that is there, whatever its case and spaces."""
    there = {re.sub(r"\W+", "_", str(name).strip().lower()).strip("_"): name for name in names}
    return next((there[name] for name in wanted if name in there), None)


def _columns(names: Sequence[str]) -> str:
    """What is wrong with a table without a puzzle column."""
    return f"columns {', '.join(names)[:60]!r}; call the one with the puzzles puzzle, question, quizzes or board"


def is_csv(text: str) -> bool:
    """Whether the first line heads a table with a puzzle column."""
    head = next(iter(text.lstrip("\ufeff").lstrip()[:2000].splitlines()), "")
    if not re.search(r"[,;\t|]", head):
        return head.strip().strip('"').lower() in PUZZLE
    try:
        return column(next(csv.reader([head], delimiter=_delimiter(head)), []), PUZZLE) is not None
    except csv.Error:
        return False


def _delimiter(head: str) -> str:
    return max(",;\t|", key=head.count)


def from_csv(text: str, where: str) -> Iterator[Sketch | BadInput]:
    """The boards of a table. Yields a fault for a row without one; raises BadInput for a table without the column."""
    text = text.lstrip("\ufeff").lstrip()
    head = text.partition("\n")[0]
    old = csv.field_size_limit(10_000_000)
    try:
        reader = csv.reader(io.StringIO(text), delimiter=_delimiter(head))
        names = next(reader, [])
        if column(names, PUZZLE) is None:
            raise BadInput(f"{where}, line 1: read as CSV: {_columns(names)}")
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield from _board(dict(zip(names, cells)), f"{where}, line {reader.line_num}")
    except csv.Error as fault:
        raise BadInput(f"{where}: read as CSV: {fault}") from None
    finally:
        csv.field_size_limit(old)


def parquet_columns(data: bytes, where: str) -> list[str]:
    """The columns of a Parquet file. Raises BadInput for anything else."""
    try:
        return pyarrow.parquet.read_schema(io.BytesIO(data)).names
    except (pyarrow.ArrowException, OSError, ValueError) as fault:
        raise BadInput(f"{where}: read as Parquet: it is none ({str(fault).splitlines()[0][:80]})") from None


def from_parquet(data: bytes, where: str) -> Iterator[Sketch | BadInput]:
    """The boards of a Parquet table, a row group's columns at a time. Raises BadInput for a table without puzzles."""
    names = parquet_columns(data, where)
    wanted = [name for kind in (PUZZLE, SOLUTION, RATING, NAME) if (name := column(names, kind))]
    if column(names, PUZZLE) is None:
        raise BadInput(f"{where}: read as Parquet: {_columns(names)}")
    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(data))
        if file.metadata.num_rows > MOST_ROWS:
            raise BadInput(f"{where}: {file.metadata.num_rows:,} rows; up to {MOST_ROWS:,} are read")
        number = 0
        for batch in file.iter_batches(1000, columns=wanted):
            for row in batch.to_pylist():
                number += 1
                yield from _board(row, f"{where}, row {number}")
    except (pyarrow.ArrowException, OSError, ValueError) as fault:
        if isinstance(fault, BadInput):
            raise
        raise BadInput(f"{where}: read as Parquet: broken ({str(fault).splitlines()[0][:80]})") from None


def from_json(value: Any, where: str, depth: int = 0) -> Iterator[Sketch | BadInput]:
    """The boards in a JSON value, wherever in it they stand."""
    if depth > MOST_DEPTH:
        return
    if isinstance(value, dict):
        name = column(value, PUZZLE)
        inner = value.get(name) if name is not None else None
        if name is not None and (_is_board(inner) or "cages" in value):
            yield from _board(value, where)
        elif isinstance(inner, list) and inner and all(_is_board(one) for one in inner):
            columns = {key: held for key, held in value.items() if isinstance(held, list) and len(held) == len(inner)}
            for number in range(len(inner)):
                yield from _board({key: held[number] for key, held in columns.items()}, f"{where}, puzzle {number + 1}")
        elif "cages" in value:
            yield from _board(value, where)
        else:
            for key, held in value.items():
                if isinstance(held, (dict, list)):
                    yield from from_json(held, f"{where}, {str(key)[:20]!r}", depth + 1)
    elif isinstance(value, list):
        if _is_board(value):
            yield from _board({"puzzle": value}, where)
        else:
            for number, one in enumerate(value, 1):
                if isinstance(one, str):
                    yield from _board({"puzzle": one}, f"{where}, puzzle {number}")
                else:
                    yield from from_json(one, f"{where}, puzzle {number}", depth + 1)


def _is_board(value: Any) -> bool:
    """Whether a value may be a board: text, or rows of cells, or a list of cells."""
    if isinstance(value, str):
        return True
    if not isinstance(value, list) or not value:
        return False
    if all(isinstance(row, list) and len(row) == len(value) for row in value):
        return not any(isinstance(cell, (list, dict)) for row in value for cell in row)
    if all(isinstance(row, str) and len(row) == len(value) for row in value):
        return 4 <= len(value) <= 25
    return len(value) in sudoku_text.LENGTHS and not any(
        isinstance(cell, (list, dict)) or (isinstance(cell, str) and len(cell) > 2) for cell in value
    )


def _board(row: Row, spot: str) -> Iterator[Sketch | BadInput]:
    """The board of one row, with its solution, rating, name, diagonals, regions and cages."""
    name = column(row, PUZZLE)
    notes = [str(row[key])[:60] for key in (column(row, NAME),) if key is not None and row[key] not in (None, "")]
    rating = column(row, RATING)
    if rating is not None and isinstance(row[rating], (str, int, float)) and row[rating] != "":
        notes.append(f"rating {str(row[rating])[:20]}")
    where = ", ".join([spot, *notes])
    try:
        given = None if name is None else tokens(row[name], where)
        inside = _cages(row["cages"], given, where) if "cages" in row else ()
        if given is None:
            side = next((s for s in (4, 6, 9, 16, 25) if all(cell < s * s for _, cells in inside for cell in cells)), 0)
            given = (".",) * side**2
        answer = column(row, SOLUTION)
        solution = None
        if answer is not None and row[answer] not in (None, ""):
            try:
                solution = tokens(row[answer], where)
            except BadInput:
                pass  # an answer in words: the puzzle stands without it
        solution = solution if solution and len(solution) == len(given) else None
        labels = row.get("regions")
        regions = drawing.region_map(tokens(labels, where)) if labels else None
        if labels and (regions is None or len(regions) != len(given)):
            raise BadInput(
                f"{where}: its regions are not as many connected areas of as many cells as the board has rows"
            )
        kind = str(row.get("variant") or row.get("type") or "").lower()
        crossed = bool(row.get("diagonals") or row.get("diagonal")) or kind in ("x", "diagonal", "x-sudoku", "sudoku-x")
        yield Sketch(given, where, solution, regions, diagonals=crossed, cages=inside)
    except BadInput as fault:
        yield fault


def tokens(value: Any, where: str) -> tuple[str, ...]:
    """The cells of a board: text of one board, rows, or a flat list. Raises BadInput for anything else."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("[") and len(text) < 100_000:
            try:
                return tokens(json.loads(text), where)
            except (ValueError, RecursionError):
                pass  # as Python or NumPy print it: text with brackets
        found, _ = sudoku_text.read(text.replace("\\n", "\n"), where)
        if len(found) == 1 and isinstance(found[0], BadInput):
            raise BadInput(f"{where}: {str(found[0]).partition(': ')[2]}")
        if len(found) != 1:
            raise BadInput(
                f"{where}: read as a table of puzzles: {len(found)} boards in {text[:30]!r}; a cell holds one"
            )
        return found[0].tokens
    rows = isinstance(value, list) and value and {type(row) for row in value}
    if rows == {list} or (rows == {str} and all(len(row) == len(value) for row in value)):
        value = [cell for row in value for cell in row]
    if not isinstance(value, list) or len(value) not in {side * side for side in range(4, 26)}:
        size = f"{len(value)} cells" if isinstance(value, list) else type(value).__name__
        raise BadInput(f"{where}: read as a board: {size}; it has 16, 36, 64, 81, 100, ... cells, as text or lists")
    return tuple("." if cell is None else str(_plain(cell))[:40].strip().upper() for cell in value)


def _plain(cell: Any) -> Any:
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _cages(said: Any, given: tuple[str, ...] | None, where: str) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Cages of {"sum": 15, "cells": [[row, column], ...]} or [15, [cell, ...]], from 0, or from 1 where no 0 is."""
    try:
        cages = []
        for cage in said:
            total = (
                next(cage[key] for key in ("sum", "total", "value") if key in cage)
                if isinstance(cage, dict)
                else cage[0]
            )
            cages.append((int(total), cage["cells"] if isinstance(cage, dict) else cage[1]))
        cells = [cell for _, inside in cages for cell in inside]
        if not cells:
            raise ValueError("no cells")
        if all(isinstance(cell, str) for cell in cells):
            pairs = [re.fullmatch(r"[Rr](\d{1,2})[Cc](\d{1,2})", cell) for cell in cells]
            spots = {cell: (int(m[1]) - 1, int(m[2]) - 1) for cell, m in zip(cells, pairs)}
            largest = max(max(spot) for spot in spots.values())
        elif all(isinstance(cell, list) for cell in cells):
            low = min(min(cell) for cell in cells)
            spots = {tuple(cell): (int(cell[0]) - (low > 0), int(cell[1]) - (low > 0)) for cell in cells}
            largest = max(max(spot) for spot in spots.values())
        else:
            spots, largest = {cell: int(cell) for cell in cells}, 0
        side = round(len(given) ** 0.5) if given else next((s for s in (4, 6, 9, 16, 25) if largest < s), 25)
        made = []
        for total, inside in cages:
            held = [spots[tuple(cell) if isinstance(cell, list) else cell] for cell in inside]
            made.append((total, tuple(spot[0] * side + spot[1] if isinstance(spot, tuple) else spot for spot in held)))
        return tuple(made)
    except (KeyError, TypeError, ValueError, IndexError, StopIteration, OverflowError) as fault:
        raise BadInput(f"{where}: cages are a list of {{'sum': 15, 'cells': [[row, column], ...]}} ({fault})") from None
