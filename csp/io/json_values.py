"""What instances and traces as JSON share: one line a record, and numbers that must be whole.

>>> whole(7), whole(7, 0, 9)
(7, 7)
>>> whole(True)
Traceback (most recent call last):
ValueError: True is not a whole number
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from csp.errors import BadInput


def whole(number: object, low: int | None = None, high: int | None = None) -> int:
    """The number, if it is a whole one (from low to high, where both are given). Raises ValueError otherwise.

    JSON's true is refused: Python would count it as 1.
    """
    integer = isinstance(number, int) and not isinstance(number, bool)
    if low is None or high is None:
        if not integer:
            raise ValueError(f"{number!r} is not a whole number")
    elif not integer or not low <= number <= high:
        raise ValueError(f"{str(number)[:40]!r} is no whole number from {low} to {high}")
    return number


def decode(line: str, where: str, problem: str = "not JSON") -> object:
    """What one line of JSON holds. Raises BadInput, "`where`: `problem` (reason)", if it is not JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as fault:  # the latter: thousands of nested brackets
        raise BadInput(f"{where}: {problem} ({fault})") from None


def encode(record: dict) -> str:
    """The record as one line without spaces: equal for equal records."""
    return json.dumps(record, separators=(",", ":"))


def lines(text: str, where: str) -> Iterator[tuple[str, str]]:
    """(line, "`where`, line 3") of every line that is not blank.

    Split at newlines alone: text inside JSON may hold other line separators, such as U+2028.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield line, f"{where}, line {number}"
