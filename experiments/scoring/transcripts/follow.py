"""Statements become events: the assignment as far as it has been said, and what of it could not be followed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from csp.families import sudoku
from csp.problem import Instance
from csp.trace import Event, rewrites
from experiments.scoring.transcripts.counting import Counting
from experiments.scoring.transcripts.statements import Pairs, Place, Statement, Undo, Unread, Whole


class Follower:
    """Follows statements one by one. An event's call is the number of the statement that it is of."""

    def __init__(self, instance: Instance, counting: Counting, graph: bool):
        self.instance, self.counting, self.graph = instance, counting, graph
        self.n, self.d = instance.problem.n, instance.problem.d
        self.givens = instance.givens
        self.state = instance.givens.copy()
        self.events: list[Event] = []
        self.unread: list[Unread] = []
        self.calls = 0
        self.followed = 0  # statements
        self.written: list[int] = []  # cells in the order of their commits, for a bare "undo"
        self.altered = False  # the last whole board that was said changes a given
        self.claims: list[int | None] = []  # of each take-back that is said: the event that does it, if one does

    def all(self, statements: Sequence[Statement]) -> None:
        """Follow them in order. A full board that alters a given counts if no full board comes after it."""
        last = max((k for k, s in enumerate(statements) if isinstance(s, Whole) and "." not in s.values), default=-1)
        for number, statement in enumerate(statements):
            if isinstance(statement, Unread):
                self.unread.append(statement)
                continue
            before = len(self.unread)
            for why in self._follow(statement, number == last):
                self.unread.append(Unread(statement.line, statement.text, why))
            self.followed += len(self.unread) == before

    def _follow(self, statement: Statement, final: bool) -> list[str]:
        """Why a statement, or some of it, could not be followed."""
        if isinstance(statement, Whole):
            return self._whole(statement, final)
        if isinstance(statement, Pairs):
            return self._pairs(statement)
        if isinstance(statement, Undo):
            before = len(self.events)
            faults = self._undo(statement)
            self.claims.append(before if len(self.events) > before else None)
            return faults
        cell = self._cell(statement.place)
        value = self._value(statement.value)
        if isinstance(cell, str) or isinstance(value, str):
            return [cell if isinstance(cell, str) else f"{statement.text}: {value}"]
        if self.givens[cell]:
            return [] if value == self.givens[cell] else [f"{statement.text}: {self._given(cell)}"]
        after = self.state.copy()
        after[cell] = value
        self._to(after)
        return []

    def _given(self, cell: int) -> str:
        return f"that cell is given; contradicts the given at {self.spot(cell)}"

    def spot(self, cell: int) -> str:
        """What messages call a cell."""
        names = getattr(self.instance.problem, "names", ())
        if self.graph:
            return f"node {names[cell] if names else cell + self.counting.places}"
        return f"r{cell // self.d + 1}c{cell % self.d + 1}"

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
            self.written.remove(event.cell)

    def _undo(self, statement: Undo) -> list[str]:
        if statement.place is None:
            if not self.written:
                return ["nothing to undo"]
            cell: int | str = self.written[-1]
        else:
            cell = self._cell(statement.place)
        if isinstance(cell, str):
            return [cell]
        if self.givens[cell]:
            return [f"{statement.text}: that cell is given"]
        held = None if statement.held is None else self._value(statement.held)
        if held is not None and held != self.state[cell]:
            return [f"{statement.text}: may strike a candidate out"]
        if not self.state[cell]:
            return [f"{statement.text}: that cell is blank already"]
        after = self.state.copy()
        after[cell] = 0
        self._to(after)
        return []

    def _cell(self, place: Place) -> int | str:
        """The cell that a place is, or why there is none."""
        if place.kind == "name":
            return place.a
        if self.counting.fault:
            return self.counting.fault
        base = self.counting.places
        if place.kind in ("node", "flat"):
            if place.kind == "node" and not self.graph:
                return f"node {place.a}: a board has rows and columns"
            inside = base <= place.a < self.n + base
            word = "nodes" if self.graph else "cells"
            return place.a - base if inside else f"node {place.a}: {word} are {base} to {self.n - 1 + base}"
        if self.graph:
            return f"row {place.a}, column {place.b}: a graph has nodes"
        if not all(base <= k < self.d + base for k in (place.a, place.b)):
            return f"row {place.a}, column {place.b}: rows and columns are {base} to {self.d - 1 + base}"
        return (place.a - base) * self.d + place.b - base

    def _value(self, token: str) -> int | str:
        """The value that a token is, or why it is none."""
        word = token.lower()
        if self.graph and not token.isdecimal():
            value = self.counting.words.get(word)
            if value is None:
                return self.counting.unsure or f"{token[:20]!r} is no colour"
            return value if value <= self.d else f"{token[:20]!r} is one colour too many; values are 1 to {self.d}"
        value = int(token) if token.isdecimal() else sudoku.SYMBOLS.find(token.upper())
        base = self.counting.colours if self.graph else 1
        if not base <= value < self.d + base:
            return f"values are {base} to {self.d - 1 + base}"
        return value - base + 1

    def _pairs(self, statement: Pairs) -> list[str]:
        """Take values over in the order written, as one call."""
        faults, pairs = [], []
        for place, token in statement.pairs:
            cell, value = self._cell(place), self._value(token)
            if isinstance(cell, str) or isinstance(value, str):
                faults.append(cell if isinstance(cell, str) else f"{place.text}: {value}")
            elif self.givens[cell] and value != self.givens[cell]:
                faults.append(f"{place.text}: {self._given(cell)}")
                self.altered |= len(statement.pairs) >= self.n
            else:
                pairs.append((cell, value))
        if pairs:
            self._in_order(pairs)
            if len(pairs) == self.n:
                self.altered = False
        return list(dict.fromkeys(faults))[:5]

    def _in_order(self, pairs: list[tuple[int, int]]) -> None:
        """Write (cell, value) one after the other, as one call."""
        self.calls += 1
        for cell, value in pairs:
            single = self.state.copy()
            single[cell] = value
            for event in rewrites(self.state, single, self.calls):
                self._event(event)

    def _whole(self, statement: Whole, final: bool) -> list[str]:
        """Take a whole assignment over; what differs is rewritten, and the givens stay."""
        values = self._values(statement.values)
        if isinstance(values, str):
            return [values]
        contradicted = np.nonzero((values > 0) & (self.givens > 0) & (values != self.givens))[0]
        full = bool((values > 0).all())
        faults = []
        if len(contradicted):
            cell = int(contradicted[0])
            more = f", and {len(contradicted) - 1} more" if len(contradicted) > 1 else ""
            shown = f"contradicts the given at {self.spot(cell)} ({self.givens[cell]}, not {values[cell]}){more}"
            if not (full and final):
                return [f"{shown}; the grid is not taken over"]
            faults = [f"{shown}; the attempt ends wrong"]
        self.altered = bool(len(contradicted))
        # the puzzle again, or the board as it stands, says nothing new
        after = np.where(self.givens > 0, self.givens, values)
        if (after == self.givens).all() and not full:
            return faults
        if self.graph:
            blanked = [(int(cell), 0) for cell in np.nonzero((after == 0) & (self.state > 0))[0]]
            self._in_order(blanked + [(cell, int(value)) for cell, value in enumerate(after) if value])
        else:
            self._to(after)
        return faults

    def _values(self, tokens: Sequence[str]) -> np.ndarray | str:
        """The values of a whole assignment, 0 where blank, or why it is none."""
        if self.graph:
            if self.counting.unsure and ("0" in tokens or not all(t == "." or t.isdecimal() for t in tokens)):
                return self.counting.unsure
            zero = self.counting.colours == 1
            said = [0 if token == "." or (zero and token == "0") else self._value(token) for token in tokens]
            faults = [value for value in said if isinstance(value, str)]
            return faults[0] if faults else np.array(said, dtype=np.int64)
        numbers = [0 if t == "." else int(t) if t.isdecimal() else sudoku.SYMBOLS.find(t) for t in tokens]
        dotted = np.array([token == "." for token in tokens])
        plain = np.array(numbers, dtype=np.int64)
        letters = plain - 9 if all(t == "." or t.isalpha() for t in tokens) else plain  # A = 1
        readings = [plain, np.where(dotted, 0, letters), np.where(dotted, 0, plain + 1)]  # the last: values from 0
        fits = [r for r in readings if ((r >= 0) & (r <= self.d)).all()]
        if not fits:
            return f"values are 1 to {self.d}"
        known = self.givens > 0
        for reading in fits:
            blanks = int((reading[~known] == 0).sum())
            if known.any() and (reading[known] == self.givens[known]).all() and (reading is plain or not blanks):
                return reading
        return fits[0]
