"""Lists and maps as programs print them: JSON, Python, NumPy, with or without quotes and commas.

    >>> literal("np.array([[4 3] [2, 1]])", 0)
    ([['4', '3'], ['2', '1']], 24)
    >>> literal("{1: 'red', NSW: Blue,}", 0)[0].pairs
    [('1', 'red'), ('NSW', 'Blue')]

Every atom is a string, whatever its quotes; what it means is answers.py's business.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

DEEPEST = 8
CLOSING = {"[": "]", "(": ")", "{": "}"}
_ATOM = re.compile(r"[^\s\[\](){},:=\"';|]+")
_SPACE = re.compile(r"\s*")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", re.DOTALL)
_WRAPPERS = {
    "array",
    "np.array",
    "numpy.array",
    "tensor",
    "torch.tensor",
    "list",
    "tuple",
    "matrix",
    "np.matrix",
    "dict",
}


@dataclass
class Mapping:
    """{key: value, ...} or name(key=value, ...), keys as atoms or as lists of atoms, in the order written."""

    pairs: list[tuple[str | list, object]] = field(default_factory=list)
    name: str = ""
    rest: list = field(default_factory=list)  # arguments without a key

    def get(self, *keys: str) -> object:
        """The value of the first of these keys that is there, whatever its case; None if none is."""
        lower = {key.lower(): value for key, value in self.pairs if isinstance(key, str)}
        return next((lower[key] for key in keys if key in lower), None)


class _Broken(Exception):
    """No literal."""


def literal(text: str, at: int) -> tuple[object, int] | None:
    """The literal that begins at `at` with a bracket or a name before one, and where it ends; None if there is none."""
    try:
        value, end = _value(text, at, 0)
    except _Broken:
        return None
    return (value, end) if isinstance(value, (list, Mapping)) else None


def _value(text: str, at: int, depth: int) -> tuple[object, int]:
    at = _SPACE.match(text, at).end()
    if at >= len(text) or depth > DEEPEST:
        raise _Broken
    if text[at] in CLOSING:
        return _items(text, at, depth)
    if text[at] in "\"'":
        quoted = _QUOTED.match(text, at)
        if not quoted:
            raise _Broken
        return _unescaped(quoted), quoted.end()
    atom = _ATOM.match(text, at)
    if not atom:
        raise _Broken
    if text[atom.end() : atom.end() + 1] == "(" and re.fullmatch(r"[A-Za-z_][\w.]*", atom.group()):
        inside, end = _items(text, atom.end(), depth)
        made = inside if isinstance(inside, Mapping) else Mapping(rest=inside)
        if atom.group() in _WRAPPERS and made.rest and isinstance(made.rest[0], (list, Mapping)):
            return made.rest[0], end
        made.name = atom.group()
        return made, end
    return atom.group(), atom.end()


def _items(text: str, at: int, depth: int) -> tuple[list | Mapping, int]:
    """What stands between a bracket and its partner."""
    close = CLOSING[text[at]]
    items: list = []
    keyed = Mapping(rest=items)
    at += 1
    while True:
        at = _SPACE.match(text, at).end()
        if at >= len(text):
            raise _Broken
        if text[at] == close:
            at += 1
            break
        if text[at] in ",;|":  # what parts items, or is drawn between them
            at += 1
            continue
        value, at = _value(text, at, depth + 1)
        sign = _SPACE.match(text, at).end()
        if text[sign : sign + 2] == "=>":
            sign += 1
        if text[sign : sign + 1] in (":", "=") and not isinstance(value, Mapping):
            named, at = _value(text, sign + 1, depth + 1)
            keyed.pairs.append((value, named))
        else:
            items.append(value)
    return (keyed if keyed.pairs else items), at


def _unescaped(quoted: re.Match) -> str:
    inside = quoted[1] if quoted[1] is not None else quoted[2]
    if "\\" not in inside:
        return inside
    try:
        return json.loads(f'"{quoted[1]}"', strict=False) if quoted[1] is not None else inside.replace("\\n", "\n")
    except ValueError:
        return inside.replace("\\n", "\n").replace('\\"', '"')
