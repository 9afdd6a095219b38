"""What a puzzle's places and values look like: names of its nodes, tokens of its cells.

>>> cell("7", Shape(81, 9, Names(9, False)))
'7'
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from csp.families import sudoku
from experiments.scoring.transcripts.statements import BLANK, is_value


@dataclass(frozen=True)
class Names:
    """What the puzzle calls things: d values, whether it is a graph, and its nodes' names (lower case to number)."""

    d: int
    graph: bool
    nodes: dict[str, int] = field(default_factory=dict)

    @cached_property
    def pattern(self) -> re.Pattern | None:
        """Names of two letters or more, as they stand in prose; shorter ones are words too often."""
        words = sorted((name for name in self.nodes if len(name) > 1 and not name.isdecimal()), key=len, reverse=True)
        # one capital letter, unless it is an English word or may be a colour
        words = [f"(?i:{re.escape(word)})" for word in words]
        alike = "ai" + "rgb" + "abcdefghijklmnop"[: self.d]
        words += [name.upper() for name in self.nodes if len(name) == 1 and name.isalpha() and name not in alike]
        return re.compile(rf"(?<![\w'-])(?:{'|'.join(words)})(?![\w'-])") if words else None

    def marked(self, text: str) -> str:
        """The text with each node's name as a mark that no text holds, \\x01 number \\x02."""
        if self.pattern is None:
            return text
        return self.pattern.sub(lambda match: f"\x01{self.nodes[match.group().lower()]}\x02", text)

    def shown(self, text: str) -> str:
        """The inverse of `marked`, names in lower case."""
        if "\x01" not in text:
            return text
        called = {number: name for name, number in self.nodes.items()}
        return re.sub(r"\x01(\d+)\x02", lambda match: called.get(int(match[1]), "?"), text)


@dataclass(frozen=True)
class Shape:
    """What an answer to this puzzle looks like."""

    n: int
    d: int
    names: Names
    edge: Callable[[int, int], bool] = lambda a, b: False  # whether two nodes, from 0, are joined

    @property
    def graph(self) -> bool:
        """Whether the puzzle is a graph."""
        return self.names.graph


def cell(atom: object, shape: Shape) -> str | None:
    """A cell's value as a token, "." where blank; None for what is none."""
    if not isinstance(atom, str):
        return None
    token = atom.strip().removesuffix(".0") if atom != "." else atom
    if token.lower() in BLANK:
        return "."
    if is_value(token, shape.d, shape.graph) and len(token) < 13:
        return token
    if shape.d <= 9 or shape.graph:
        return None
    return token.upper() if len(token) == 1 and token.upper() in sudoku.SYMBOLS else None


def symbols(text: str, shape: Shape) -> list[str] | None:
    """The cells of a board, or of a graph of some size, that are written as one symbol each."""
    if len(text) not in (shape.n, shape.d) or (shape.graph and len(text) < 6):
        return None
    known = sudoku.SYMBOLS[: min(shape.d, 25) + 1] + "0_*-?xX·□"
    if not shape.graph and any(symbol.upper() not in known for symbol in text):
        return None
    if shape.graph and not re.fullmatch(r"\d+|[A-Z]+|[RGBYOP]+", text):
        return None
    return ["." if symbol.lower() in BLANK else symbol.upper() for symbol in text]
