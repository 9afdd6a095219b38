"""What instances and traces as JSON share: one line a record, and numbers that must be whole.

>>> whole(7), whole(7, 0, 9)
(7, 7)
>>> whole(True)
Traceback (most recent call last):
ValueError: True is not a whole number
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from csp.errors import BadInput, shown

MOST_JSON = 16_000_000
MOST_PARTS = 600_000


def whole(number: object, low: int | None = None, high: int | None = None) -> int:
    """The number, if it is a whole one (from low to high, where both are given). Raises ValueError otherwise.

    JSON's true is refused: Python would count it as 1.
    """
    integer = isinstance(number, int) and not isinstance(number, bool)
    if low is None or high is None:
        if not integer:
            raise ValueError(f"{shown(number)} is not a whole number")
    elif not integer or not low <= number <= high:
        raise ValueError(f"{shown(number)} is no whole number from {low} to {high}")
    return number


def wholes(numbers: Sequence[object], low: int, high: int) -> Sequence[int]:
    """The numbers, if each is a whole one from low to high: as whole() says it of the first that is not."""
    if set(map(type, numbers)) <= {int} and (not numbers or low <= min(numbers) <= max(numbers) <= high):
        return numbers  # nearly always, and a tenth of the time
    return [whole(number, low, high) for number in numbers]


def decode(text: str, where: str, problem: str = "not JSON") -> object:
    """What a piece of JSON holds. Raises BadInput, "`where`: `problem` (reason)", for anything else, and for one that
    is too deep or too large.
    """
    if len(text) > MOST_JSON:
        raise BadInput(f"{where}: {len(text)} characters of JSON in one piece; up to {MOST_JSON} are read")
    if (parts := text.count("[") + text.count("{")) > MOST_PARTS:
        raise BadInput(f"{where}: {parts} lists and objects in one piece of JSON; up to {MOST_PARTS} are read")
    try:
        return json.loads(text)
    except RecursionError:
        raise BadInput(f"{where}: {problem} (JSON nested too deep for what is read here)") from None
    except ValueError as fault:
        raise BadInput(f"{where}: {problem} ({str(fault)[:120]})") from None


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
