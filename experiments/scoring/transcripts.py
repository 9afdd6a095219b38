"""A lenient reader of language-model transcripts: text in which a puzzle is filled, with or without second thoughts.

What is read, wherever it stands in a line (see docs/bring-your-own.md for examples):

    r3c4 = 7   R3C4: 7   (3, 4) = 7   row 3, column 4 is 7       a cell of a board, rows and columns from 1
    node 5 = 2   v5 -> 2   5: 2                                  a node of a graph, numbered as in the instance (from 0)
    undo r3c4   erase node 5   take back (3, 4)   undo           blank that cell, or the one written last
    a grid, one row a line; {"0": 1, "1": 2}; [1, 2, 3, ...]     the whole assignment again: what differs is rewritten

Every statement becomes commits and retractions in the order written; overwriting is a retraction and a commit, and
saying the same again is nothing. Lines that say nothing of this kind are given back, with their numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from csp.errors import BadInput
from csp.families import sudoku
from csp.io.board_text import BLANKS, RULE
from csp.io.instance_records import is_board
from csp.problem import Instance
from csp.trace import Costs, Event, Trace, rewrites

IS = r"\s*(?:=|:=|:|->|→|<-|←|\bis\b|\bbecomes\b|\bgets\b|\bto\b)\s*"
PLACE = r"(?:r(?:ow)?\s*(?P<row>\d+)\s*,?\s*c(?:ol(?:umn)?)?\s*(?P<col>\d+)|\(\s*(?P<x>\d+)\s*,\s*(?P<y>\d+)\s*\))"
NODE = r"(?:(?:node|vertex|v)\s*(?P<node>\d+))"
VALUE = r"(?:an?\s+)?(?:colou?r\s*)?(?P<value>\d{1,2}|[A-P])(?![0-9A-Za-z])"
UNDO = r"(?:undo|erase|clear|remove|retract|delete|unset|blank|take\s+back|backtrack\s+on)"
COMMIT = re.compile(rf"(?:{PLACE}|{NODE}|(?<![\w.])(?P<bare>\d+)(?=\s*(?::|->|→))){IS}{VALUE}", re.IGNORECASE)
RETRACT = re.compile(rf"\b{UNDO}\b(?:\s+(?:the\s+)?(?:cell\s+)?(?:{PLACE}|{NODE})|(?=\s*(?:[.,;!]|$)))", re.IGNORECASE)
HEADER = re.compile(r"===\s*(?P<instance>\S+)(?:\s+(?P<decoder>(?:(?!===).)*[^\s=]))?\s*(?:===)?")


@dataclass(frozen=True)
class Unread:
    """A line that could not be read, or a statement in it that could not be followed, and why."""

    line: int
    text: str
    why: str


@dataclass(frozen=True)
class Transcript:
    """A trace made from a text, and what of the text is not in it."""

    trace: Trace
    unread: tuple[Unread, ...]


def read(text: str, instance: Instance, decoder: str = "transcript", seed: int = 0, first_line: int = 1) -> Transcript:
    """The transcript of one attempt at the instance. An event's `call` is the number of the statement it is of."""
    reader = _Reader(instance)
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        used = reader.grid(lines[at:]) or reader.whole(lines[at:])
        if not used:
            used = 1
            why = reader.line(lines[at])
            if why:
                reader.unread.append(Unread(first_line + at, lines[at].strip()[:80], why))
        at += used
    state = reader.state
    end = "solved" if instance.solved(state) else ("wrong" if (state > 0).all() else "stuck")
    trace = Trace(instance.id, decoder, seed, tuple(reader.events), end, Costs(reader.calls, len(text.split())))
    return Transcript(trace, tuple(reader.unread))


def sections(text: str, where: str) -> Iterator[tuple[str, str, str, int]]:
    """(instance, decoder, text, first line) of each part of a file, parted by lines "=== INSTANCE DECODER".

    Raises BadInput if there is no such line before the first text.
    """
    now: tuple[str, str, int] | None = None
    body: list[str] = []
    for number, line in enumerate([*text.splitlines(), "=== end"], 1):
        header = HEADER.fullmatch(line.strip())
        if not header:
            if now is None and line.strip():
                raise BadInput(f"{where}, line {number}: a transcript begins with a line like '=== INSTANCE DECODER'")
            body.append(line)
            continue
        if now is not None:
            yield now[0], now[1], "\n".join(body), now[2]
        now, body = (header["instance"], header["decoder"] or "transcript", number + 1), []


class _Reader:
    """The assignment as far as it has been read, and the events so far."""

    def __init__(self, instance: Instance):
        self.instance = instance
        self.n, self.d = instance.problem.n, instance.problem.d
        self.board = is_board(instance.problem)
        self.state = instance.givens.copy()
        self.events: list[Event] = []
        self.unread: list[Unread] = []
        self.calls = 0
        self.written: list[int] = []  # cells in the order of their commits, for a bare "undo"

    def _to(self, after: np.ndarray) -> None:
        """Rewrite what differs, as one statement."""
        self.calls += 1
        for event in rewrites(self.state, after, self.calls):
            self._event(event)

    def _event(self, event: Event) -> None:
        self.events.append(event)
        self.state[event.cell] = event.value
        if event.value:
            self.written.append(event.cell)
        else:
            self.written = [cell for cell in self.written if cell != event.cell]

    def line(self, line: str) -> str | None:
        """Follow every statement in a line; why it, or some of it, could not be, or None."""
        found = sorted([*COMMIT.finditer(line), *RETRACT.finditer(line)], key=lambda m: m.start())
        if not found:
            return "no statement" if line.strip() and not RULE.fullmatch(line.strip()) else None
        faults, until = [], 0
        for match in found:
            if match.start() >= until:
                until = match.end()
                faults.append(self._follow(match))
        return "; ".join(fault for fault in faults if fault) or None

    def _follow(self, match: re.Match) -> str | None:
        said = match.groupdict()
        if "value" not in said and not any(said.values()):
            if not self.written:
                return "nothing to undo"
            cell: int | str = self.written[-1]
        else:
            cell = self._cell(said)
        if isinstance(cell, str):
            return cell
        if self.instance.givens[cell]:
            same = "value" in said and _value(said["value"]) == self.instance.givens[cell]
            return None if same else f"{match.group().strip()}: that cell is given"
        value = _value(said["value"]) if "value" in said else 0
        if "value" in said and not 1 <= value <= self.d:
            return f"{match.group().strip()}: values are 1 to {self.d}"
        if value == 0 and self.state[cell] == 0:
            return f"{match.group().strip()}: that cell is blank already"
        after = self.state.copy()
        after[cell] = value
        self._to(after)
        return None

    def _cell(self, said: dict[str, str | None]) -> int | str:
        """The cell that a match names, or why there is none."""
        node = said.get("node") or said.get("bare")
        if node is not None:
            if self.board:
                return f"node {node}: a board has rows and columns"
            return int(node) if int(node) < self.n else f"node {node}: nodes are 0 to {self.n - 1}"
        row, column = int(said["row"] or said["x"] or 0), int(said["col"] or said["y"] or 0)
        if not self.board:
            return f"row {row}, column {column}: a graph has nodes"
        if not (1 <= row <= self.d and 1 <= column <= self.d):
            return f"row {row}, column {column}: rows and columns are 1 to {self.d}"
        return (row - 1) * self.d + column - 1

    def grid(self, lines: list[str]) -> int:
        """Read a grid that begins at the first line; how many lines it took, 0 if there is none."""
        if not self.board:
            return 0
        rows: list[str] = []
        for used, line in enumerate(lines, 1):
            if rows and RULE.fullmatch(line.strip()) and line.strip():
                continue
            row = re.sub(r"[\s|,\[\]]", "", line).upper().translate(BLANKS)
            if len(row) != self.d or any(symbol not in sudoku.SYMBOLS[: self.d + 1] for symbol in row):
                return 0
            rows.append(row)
            if len(rows) == self.d:
                return self._whole([sudoku.SYMBOLS.index(symbol) for symbol in "".join(rows)], used)
        return 0

    def whole(self, lines: list[str]) -> int:
        """Read a JSON map or list that begins at the first line; how many lines it took, 0 if there is none."""
        if lines[0].strip()[:1] not in ("{", "["):
            return 0
        for used in range(1, min(len(lines), self.n + 3) + 1):
            try:
                said = json.loads("\n".join(lines[:used]))
            except (ValueError, RecursionError):
                continue
            if isinstance(said, list):
                said = dict(enumerate(said)) if len(said) == self.n else {}
            if not isinstance(said, dict) or not said:
                return 0
            values = self.state.tolist()
            for node, value in said.items():  # in the order they were written
                if not (str(node).isdecimal() and int(node) < self.n and isinstance(value, int)):
                    return 0
                values[int(node)] = int(value)
            return self._whole(values, used, [int(node) for node in said])
        return 0

    def _whole(self, values: list[int], used: int, order: list[int] | None = None) -> int:
        """Take a whole assignment over, cell by cell in the order written; 0 if a given or a value is not kept."""
        after = np.array(values, dtype=np.int64)
        given = self.instance.givens
        if ((after < 0) | (after > self.d)).any() or ((after != given) & (given > 0)).any():
            return 0
        if order is None:
            self._to(after)
            return used
        self.calls += 1
        for cell in order:
            single = self.state.copy()
            single[cell] = after[cell]
            for event in rewrites(self.state, single, self.calls):
                self._event(event)
        return used


def _value(text: str | None) -> int:
    """A value as it is written: a number, or a letter from A = 10; 0 for none."""
    if text is None:
        return 0
    if text.isdecimal():
        return int(text)
    return sudoku.SYMBOLS.find(text.upper()) if len(text) == 1 else -1
