"""Cages of killer Sudokus in text: a map of cages with their sums, cells with a sum, or generators' codes.

    A=15 B=7 C: 22               sums of a map of letters, one a cell, that stands before them
    r1c1 + r1c2 = 15             cells and their sum; also 15: r1c1, r1c2
    3x3::k:2816:2816:3841:...    of each cell 256 x the sum + the cage's number

A puzzle right before the map or the cells has these cages; without one the board is empty.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from csp.errors import BadInput
from experiments.puzzle_files.boards import Sketch

Cage = tuple[int, tuple[int, ...]]
CELL = re.compile(r"R(\d{1,2})C(\d{1,2})", re.IGNORECASE)
OF_CELLS = re.compile(r"(?:\d{1,3}\s*[=:]?\s*)?(?:R\d{1,2}C\d{1,2}[\s+,]*)+(?:[=:]?\s*\d{1,3})?", re.IGNORECASE)
OF_LABELS = re.compile(r"(?:([A-Za-z0-9])\s*[=:]\s*(\d{1,3})[\s,;]*)+")
LABEL = re.compile(r"([A-Za-z0-9])\s*[=:]\s*(\d{1,3})")


class Sums(NamedTuple):
    """A line of sums, and how many boards stood before it."""

    at: int
    line: str
    where: str


def is_sums(line: str) -> bool:
    """Whether a line says sums of cages."""
    return bool(OF_LABELS.fullmatch(line) or (OF_CELLS.fullmatch(line) and re.search(r"[=:]", line)))


def caged(found: Sequence[Sketch | BadInput], sums: Sequence[Sums]) -> list[Sketch | BadInput]:
    """The boards, with the cages that lines after them say."""
    made: list[Sketch | BadInput | None] = list(found)
    by_place: dict[int, list[Sums]] = {}
    for one in sums:
        by_place.setdefault(one.at, []).append(one)
    extra: list[Sketch | BadInput] = []
    for at, lines in by_place.items():
        try:
            if OF_LABELS.fullmatch(lines[0].line):
                _mapped(made, at, lines)
            else:
                _listed(made, at, lines, extra)
        except BadInput as fault:
            extra.append(fault)
    return [one for one in made if one is not None] + extra


def _mapped(made: list, at: int, lines: Sequence[Sums]) -> None:
    """Cages of the map before the lines, given to the board before the map."""
    spot = lines[0].where
    totals = {label.upper(): int(total) for one in lines for label, total in LABEL.findall(one.line)}
    plan = made[at - 1] if at else None
    if not isinstance(plan, Sketch):
        raise BadInput(f"{spot}: read as sums of cages; a map with a letter a cell stands before them")
    labels = [token.upper() for token in plan.tokens]
    unknown = sorted({label for label in labels if label not in totals and label not in ".0"})
    if unknown:
        raise BadInput(f"{spot}: no sum for cage {unknown[0]!r} of the map before; write {unknown[0]}=SUM")
    inside = tuple(
        (total, tuple(cell for cell, label in enumerate(labels) if label == name)) for name, total in totals.items()
    )
    absent = [name for name, cage in zip(totals, inside) if not cage[1]]
    if absent:
        raise BadInput(f"{spot}: a sum for cage {absent[0]!r}, which the map before does not hold")
    before = made[at - 2] if at > 1 else None
    if isinstance(before, Sketch) and before.side == plan.side and not before.cages:
        made[at - 2], made[at - 1] = replace(before, cages=inside), None
    else:
        made[at - 1] = Sketch((".",) * len(labels), plan.where, diagonals=plan.diagonals, cages=inside)


def _listed(made: list, at: int, lines: Sequence[Sums], extra: list) -> None:
    """Cages by their cells, given to the board before them; without one to an empty board of 9 (or 6, 4) rows."""
    inside: list[Cage] = []
    before = made[at - 1] if at else None
    largest = max(int(number) for one in lines for pair in CELL.findall(one.line) for number in pair)
    side = before.side if isinstance(before, Sketch) else next((s for s in (4, 6, 9, 16, 25) if largest <= s), 25)
    for one in lines:
        places = [(int(row), int(column)) for row, column in CELL.findall(one.line)]
        left = re.findall(r"\d+", CELL.sub(" ", one.line))
        if len(left) != 1:
            raise BadInput(f"{one.where}: read as a cage: {len(left)} sums; write r1c1 + r1c2 = 15")
        if not all(1 <= row <= side and 1 <= column <= side for row, column in places):
            raise BadInput(f"{one.where}: a cage with a cell off the board of {side}x{side}")
        inside.append((int(left[0]), tuple((row - 1) * side + column - 1 for row, column in places)))
    if isinstance(before, Sketch) and not before.cages:
        made[at - 1] = replace(before, cages=tuple(inside))
    else:
        extra.append(Sketch((".",) * side**2, lines[0].where, cages=tuple(inside)))


def coded(codes: Sequence[str], side: int, where: str) -> tuple[tuple[str, ...], tuple[Cage, ...]]:
    """(blank tokens, cages) from a code a cell. Raises BadInput for codes that are none."""
    if len(codes) != side * side or not all(code.isascii() and code.isdigit() and len(code) < 7 for code in codes):
        raise BadInput(
            f"{where}: read as cages' codes: {len(codes)} of them; {side * side} numbers of 256 x sum + cage"
        )
    numbers = [int(code) for code in codes]
    cells: dict[int, list[int]] = {}
    for cell, number in enumerate(numbers):
        if number >= 256:
            cells.setdefault(number, []).append(cell)
    return (".",) * side**2, tuple((number >> 8, tuple(inside)) for number, inside in cells.items())
