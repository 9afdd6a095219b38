"""Which value a symbol of somebody's board stands for, told by the symbols that occur.

    >>> alphabet(list("0.FA"), 16).name             # 0 beside another blank, and no G
    '0-F'
    >>> values(["10", ".", "3"], 16, ONE)           # spaced numbers
    [10, 0, 3]

Boards of 4 to 9 values write digits. Larger ones write 1-9 then A, B, ... (16: 1-G), or 0-9 then A, B, ... (16: 0-F),
or letters alone (16: A-P), or numbers from 1 or from 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from string import ascii_uppercase

from csp.errors import BadInput

BLANKS = frozenset("._?*X0") | {"", "-"}  # "X" and "0" where they are no value
LETTERS = ascii_uppercase[:25]
NUMBER = re.compile(r"\d{1,2}")


@dataclass(frozen=True)
class Alphabet:
    """How values 1..side are written. first: the symbol of value 1. name: for messages, with side filled in."""

    first: str
    symbols: str  # of value 1, 2, ...

    def name(self, side: int) -> str:
        """Its first and last symbol."""
        return f"{self.first}-{self.symbols[side - 1]}"


ONE = Alphabet("1", "123456789" + LETTERS)
ZERO = Alphabet("0", "0123456789" + LETTERS)
ALPHA = Alphabet("A", LETTERS)


def alphabet(tokens: Sequence[str], side: int) -> Alphabet | None:
    """The alphabet that a board's tokens show, None if they leave open whether it begins at 0 or 1.

    A 0 beside another blank is a value, unless the largest symbol of the other way (G of 16) occurs.
    """
    if side <= 9:
        return ONE
    there = {token for token in tokens if token}
    numbers = any(len(token) > 1 for token in there)
    top = {str(side)} if numbers else {ONE.symbols[side - 1]}
    zero, blank = "0" in there, bool(there & {".", "_", "?", "*", "X", "-"}) or "" in tokens
    digits = {token for token in there if token.isdigit() and token != "0"}
    if not digits and not numbers and there - BLANKS:
        return ALPHA  # letters and nothing else
    if there & top:
        return ONE
    if zero and blank:
        return ZERO
    return ONE if zero else None


def values(tokens: Sequence[str], side: int, written: Alphabet) -> list[int]:
    """The tokens' values, 0 where blank. Raises BadInput, naming symbol and cell, for one that stands for no value."""
    spelled = _spelled(side, written)
    found = [spelled.get(token, -1) for token in tokens]
    if -1 in found:
        place = found.index(-1)
        blank = ". _ ? X *" if written is ZERO else ". 0 _ ? X *"
        raise BadInput(
            f"{tokens[place][:12]!r} at r{place // side + 1}c{place % side + 1} of a {side}x{side} board, which is "
            f"written {written.name(side)} with {blank} for a blank"
            + " (0 stands beside other blanks)"
            * (written is ZERO)
        )
    return found


@cache
def _spelled(side: int, written: Alphabet) -> dict[str, int]:
    """Every token that stands for a value or a blank. Numbers have up to two digits."""
    start = 0 if written is ZERO else 1
    numbers = {f"{value - 1 + start:{width}}": value for value in range(1, side + 1) for width in ("", "02")}
    numbers = {text: value for text, value in numbers.items() if len(text) > 1}
    symbols = {symbol: value for value, symbol in enumerate(written.symbols[:side], 1)}
    return dict.fromkeys(BLANKS, 0) | numbers | symbols


def candidates(token: str, side: int) -> tuple[int, ...] | None:
    """The values that a group of digits names, None if it names none twice or beyond the side."""
    named = sorted(int(symbol) for symbol in token) if token.isdigit() and token.isascii() else [0]
    rising = all(a < b for a, b in zip(named, named[1:]))
    return tuple(named) if rising and named[0] >= 1 and named[-1] <= side <= 9 else None
