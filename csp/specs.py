"""One-line spellings of frozen dataclasses, "name:word=value,...", for families and decoders alike.

>>> parse("gnp:n=100,degree=4.6", FAMILIES, "family")      # FAMILIES["gnp"] with two words changed
>>> format("gnp", changed, FAMILIES["gnp"])
'gnp:n=100,degree=4.6'
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from csp.errors import BadInput

T = TypeVar("T")


@dataclass(frozen=True)
class Span:
    """Whole numbers low..high, both ends counted; written "20-50", or "30" for one number."""

    low: int
    high: int

    @classmethod
    def read(cls, text: str) -> Span:
        """Raises ValueError for anything but "20-50" or "30"."""
        low, _, high = text.partition("-")
        span = cls(int(low), int(high or low))
        if not 0 <= span.low <= span.high:
            raise ValueError(text)
        return span

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"


def _float(text: str) -> float:
    """Raises ValueError for what is no finite number: "nan" and "inf" are floats to Python."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


#: type of a word: how its text is read, and what a message calls it.
READERS = {int: int, float: _float, str: str, Span: Span.read}
KINDS = {int: "a whole number", float: "a finite number", Span: "a number or a range like 20-50"}


#: word: its values that have another name now, each with that name.
Renamed = Mapping[str, Mapping[str, str]]


def modern(text: str, renamed: Renamed) -> tuple[str, list[str]]:
    """(the spelling with every renamed value under its new name, a line for each that was renamed)."""
    name, colon, rest = text.partition(":")
    parts, notices = [], []
    for part in rest.split(","):
        word, _, value = part.partition("=")
        new = renamed.get(word, {}).get(value)
        parts.append(part if new is None else f"{word}={new}")
        if new is not None:
            notices.append(f"{word}={value} is called {word}={new} now; the old name works for one more release")
    return name + colon + ",".join(parts), notices


def parse(
    text: str, prototypes: Mapping[str, T], what: str, fixed: Collection[str] = (), renamed: Renamed | None = None
) -> T:
    """The prototype of that name with the spelled words changed.

    fixed: fields that cannot be spelled. renamed: values that may still be spelled by their old names. Raises BadInput,
    naming `what`, the text and the word that is wrong; a word's value has the type of the prototype's.
    """
    text, _ = modern(text, renamed or {})
    name, _, rest = text.partition(":")
    if name not in prototypes:
        raise BadInput(f"no {what} {name!r}; there are {', '.join(prototypes)}")
    prototype: Any = prototypes[name]

    # the prototype's values, not the annotations, say the types: annotations are text in modules like these
    kinds = {f.name: type(getattr(prototype, f.name)) for f in fields(prototype) if f.name not in fixed}
    words: dict[str, object] = {}
    for part in filter(None, rest.split(",")):
        word, equals, value = part.partition("=")
        if word not in kinds or not equals:
            raise BadInput(f"{what} {text!r}: {part!r} is not one of {', '.join(kinds) or 'no words'} with =VALUE")
        try:
            words[word] = READERS[kinds[word]](value)
        except ValueError:
            raise BadInput(f"{what} {text!r}: {value!r} is not {KINDS[kinds[word]]} for {word}") from None

    # the dataclass itself refuses words that do not go together; what was typed is put before its reason
    try:
        return replace(prototype, **words)
    except BadInput as fault:
        raise BadInput(f"{what} {text!r}: {fault}") from None


def format(name: str, value: Any, prototype: Any) -> str:
    """The spelling that `parse` understands: the words in which value differs from the prototype, in field order."""
    words = [f"{f.name}={getattr(value, f.name)}" for f in fields(value)]
    plain = {f"{f.name}={getattr(prototype, f.name)}" for f in fields(prototype)}
    changed = [word for word in words if word not in plain]
    return name + (":" + ",".join(changed) if changed else "")


def one_of(name: str, value: str, choices: Collection[str]) -> None:
    """Raises BadInput if a word's value is none of its choices."""
    if value not in choices:
        raise BadInput(f"no {name} {value!r}; there are {', '.join(choices)}")


def check_words(value: Any, words: Mapping[str, Collection[str]]) -> None:
    """Raises BadInput if a field of value named in words holds none of its choices."""
    for word, choices in words.items():
        one_of(word, getattr(value, word), choices)
