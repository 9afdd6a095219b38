"""What a line of a transcript may say, before anybody knows where counting begins or which number red is.

    >>> Commit(3, "r1c2 = 3", Place("cell", 1, 2, "r1c2"), "3").value
    '3'

Recognisers (moves.py, grids.py, answers.py) make statements, counting.py finds the base, follow.py applies them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

#: Words for colours, in the order in which they count from 1.
_WORDS = (
    "red green blue yellow orange purple pink brown black white gray cyan magenta violet teal lime navy gold silver"
)
COLOURS = tuple(_WORDS.split())
SPELLED = {"grey": "gray"} | {colour: colour for colour in COLOURS}
INITIALS = {"r": "red", "g": "green", "b": "blue", "y": "yellow", "o": "orange", "p": "purple"}
#: What stands for a blank cell; "0" is kept apart, since it may be a value.
BLANK = {".", "_", "*", "?", "x", "-", "·", "□", "⬜", "none", "null", "nan", "blank", "empty", "__", "--", ""}
NOTHING = "no statement"  # why a line of prose is not in the trace


class Place(NamedTuple):
    """A cell by row and column, a cell by its number, a node by its number, or a node by name, as it was written."""

    kind: Literal["cell", "flat", "node", "name"]
    a: int  # row, or number
    b: int  # column
    text: str


@dataclass(frozen=True)
class Commit:
    """A value for a place; line: where it stands, text: how it is written."""

    line: int
    text: str
    place: Place
    value: str


@dataclass(frozen=True)
class Undo:
    """Take a place back, or the last commit that still stands (place None); held: only if this is what it holds."""

    line: int
    text: str
    place: Place | None
    held: str | None = None


@dataclass(frozen=True)
class Whole:
    """A whole assignment: n values, "." where blank."""

    line: int
    text: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Pairs:
    """Values for several places in one statement, in the order written."""

    line: int
    text: str
    pairs: tuple[tuple[Place, str], ...]


@dataclass(frozen=True)
class Unread:
    """A line that could not be read, or a statement in it that could not be followed, and why."""

    line: int
    text: str
    why: str

    @property
    def prose(self) -> bool:
        """Whether it says nothing about the puzzle, so that nothing of it is missing."""
        return self.why.startswith((NOTHING, "quoted"))


Statement = Commit | Undo | Whole | Pairs | Unread


def is_value(token: str, d: int, graph: bool) -> bool:
    """Whether a word may be a value: a number, a colour, a capital letter that stands for one."""
    if token.isdecimal():
        return True
    if graph:
        return token.lower() in SPELLED or (len(token) == 1 and token.isascii() and token.isupper())
    return d > 9 and len(token) == 1 and token.isascii() and token.isupper()
