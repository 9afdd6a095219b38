"""The exceptions for what a user can put right and for what stays undecided, and how messages quote what others wrote.

Commands print it as one line and exit non-zero.
"""

from __future__ import annotations

import reprlib

MOST_MESSAGE = 800  # characters of a message: ten lines of a terminal, whatever a file's line held
TAIL = 200  # of them at its end, where it says what would put it right


class BadInput(ValueError):
    """Input that cannot be used; the message says what is wrong and where, in one line of at most MOST_MESSAGE."""

    def __init__(self, message: object = ""):
        super().__init__(one_line(str(message)))


class Undecided(RuntimeError):
    """A limit was reached before the answer was known: neither yes nor no."""


def one_line(text: str) -> str:
    """The text without line ends and control characters, its middle left out if it is longer than MOST_MESSAGE."""
    if len(text) > MOST_MESSAGE:
        text = f"{text[: MOST_MESSAGE - TAIL - 5]} ... {text[-TAIL:]}"
    if text.isprintable():
        return text
    # Line ends would make one refusal look like several; escape sequences would be obeyed by the terminal.
    return "".join(c if c.isprintable() else ("?" if c.isalnum() or ord(c) > 127 else " ") for c in text)


_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 2, 40, 40, 40


def shown(value: object) -> str:
    """What messages show of a value that was read: its repr, cut, however long or deep it is."""
    return _SHORT.repr(value)
