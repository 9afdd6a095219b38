"""Where an attempt counts from, and which number its colours' words are: found from what it says, never guessed.

Rows, columns and nodes count from 0 if one of them is 0, from 1 if one is the side of the board or the number of nodes
("zero-based" and "1-indexed" say the same); where both occur the places are not followed. Without a sign, rows and
columns count from 1 and nodes as in the puzzle's file. Colours count from 0 if one is 0 and none is the highest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from csp.problem import Instance
from experiments.scoring.transcripts.statements import (
    COLOURS,
    INITIALS,
    SPELLED,
    Commit,
    Pairs,
    Place,
    Statement,
    Undo,
    Whole,
)

_SAID = re.compile(
    r"\b(?:(0|zero)|(1|one))[- ]?(?:index\w*|based)\b"
    r"|\b(?:index\w*|count\w*|number\w*)\s+(?:starts?\s+)?(?:from|at)\s+(?:(0|zero)|(1|one))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Counting:
    """What an attempt counts from. why: the sign of it, "" if there was none; fault: why its places are not followed.

    usual: what places count from without a sign. numbered: it names places by number. colours: what its colours count
    from; words: the number of each word; unsure: why a 0 in a list is not read.
    """

    places: int
    usual: int
    graph: bool
    why: str = ""
    fault: str = ""
    numbered: bool = False
    colours: int = 1
    words: dict[str, int] = field(default_factory=dict)
    unsure: str = ""


def find(
    statements: Sequence[Statement],
    mentioned: Iterable[tuple[int, Place]],
    text: str,
    instance: Instance,
    graph: bool,
    settled: int | None,
    from_file: int,
) -> Counting:
    """Where the attempt counts from. settled: --index-from; from_file: what nodes count from in the puzzle's file."""
    signs: dict[int, str] = {}
    most = {"cell": instance.problem.d, "node": instance.problem.n, "flat": instance.problem.n}
    for line, place in [*_places(statements), *mentioned]:
        if place.kind == "name":
            continue
        numbers = (place.a, place.b) if place.kind == "cell" else (place.a,)
        size = most[place.kind]
        zero, one = all(k < size for k in numbers), all(1 <= k <= size for k in numbers)
        if zero != one:  # there is such a place by one way of counting alone
            signs.setdefault(int(one), f"{place.text.strip()[:30]!r} in line {line}")
    for match in _SAID.finditer(text[:100_000]):
        signs.setdefault(0 if match[1] or match[3] else 1, repr(match.group()))
    numbered = any(place.kind != "name" for _, place in _places(statements))
    flat = any(place.kind == "flat" for _, place in _places(statements))
    usual = from_file if graph else 1
    base, why, fault = usual, "", ""
    if settled is not None:
        base, why = settled, "--index-from"
    elif len(signs) == 2:
        fault = f"counts from 0 ({signs[0]}) and from 1 ({signs[1]}); --index-from 0 or 1 settles it"
    elif signs:
        ((base, why),) = signs.items()
    elif flat and not graph:
        fault = "cells by number, and no sign whether they count from 0 or 1; --index-from settles it"
    if not graph:
        return Counting(base, usual, graph, why, fault, numbered)
    colours, unsure = _colours(statements, instance, settled)
    words, lost = _words(statements, instance, base)
    return Counting(base, usual, graph, why, fault, numbered, colours, words, unsure or lost)


def _places(statements: Iterable[Statement]) -> Iterator[tuple[int, Place]]:
    for statement in statements:
        if isinstance(statement, (Commit, Undo)) and statement.place is not None:
            yield statement.line, statement.place
        elif isinstance(statement, Pairs):
            yield from ((statement.line, place) for place, _ in statement.pairs)


def _tokens(statements: Iterable[Statement]) -> Iterator[str]:
    """Every value that is written, in order."""
    for statement in statements:
        if isinstance(statement, Commit):
            yield statement.value
        elif isinstance(statement, Pairs):
            yield from (token for _, token in statement.pairs)
        elif isinstance(statement, Whole):
            yield from (token for token in statement.values if token != ".")


def _colours(statements: Sequence[Statement], instance: Instance, settled: int | None) -> tuple[int, str]:
    """What colours count from, and why a 0 in a list is not read, if it is not."""
    numbers = {int(token) for token in _tokens(statements) if token.isdecimal()}
    if 0 not in numbers or instance.problem.d in numbers:
        return 1, ""
    if settled is not None:
        return 1 - (settled == 0), ""
    lists = [[token if token != "." else "0" for token in s.values] for s in statements if isinstance(s, Whole)]
    single = [s for s in statements if not isinstance(s, Whole)]
    if not lists or "0" in _tokens(single):
        return 0, ""
    if "0" not in lists[-1]:
        return 1, ""  # lists that fill up: a 0 was a blank
    grows = len(lists) > 1 and all(
        all(a in ("0", b) for a, b in zip(one, two)) and one != two for one, two in zip(lists, lists[1:])
    )
    if grows:
        return 1, "0 may be a blank or the first colour; --index-from 0 or 1 settles it"
    return 0, ""


def _words(statements: Sequence[Statement], instance: Instance, base: int) -> tuple[dict[str, int], str]:
    """The number of each colour's word, and why there is none: given nodes say which is which, where there are any."""
    d, givens = instance.problem.d, instance.givens
    said = list(dict.fromkeys(token.lower() for token in _tokens(statements) if not token.isdecimal()))
    if not said:
        return {}, ""
    single = all(len(token) == 1 for token in said)
    if single and all(ord(token) - ord("a") < d for token in said):
        return {token: ord(token) - ord("a") + 1 for token in said}, ""
    colour = {token: SPELLED.get(token) or (INITIALS.get(token) if single else None) or token for token in said}
    named = list(dict.fromkeys(colour.values()))
    if not givens.any():
        # colours are alike: the usual order, or that in which they occur
        usual = all(name in COLOURS[:d] for name in named)
        number = {name: COLOURS.index(name) + 1 if usual else k for k, name in enumerate(named, 1)}
        return {token: number[colour[token]] for token in said}, ""
    known: dict[str, int] = {}
    for place, token in _stated(statements):
        node = place.a - (base if place.kind == "node" else 0)
        if not token.isdecimal() and 0 <= node < len(givens) and givens[node]:
            known.setdefault(colour[token.lower()], int(givens[node]))
    free = [value for value in range(1, d + 1) if value not in givens]
    rest = [name for name in named if name not in known]
    if rest and not set(np.unique(givens[givens > 0]).tolist()) <= set(known.values()):
        return {}, f"no given node says which colour {rest[0]!r} is"
    known |= {name: free[k] if k < len(free) else d + 1 for k, name in enumerate(rest)}
    return {token: known[colour[token]] for token in said}, ""


def _stated(statements: Iterable[Statement]) -> Iterator[tuple[Place, str]]:
    for statement in statements:
        if isinstance(statement, Commit):
            yield statement.place, statement.value
        elif isinstance(statement, Pairs):
            yield from statement.pairs
        elif isinstance(statement, Whole):
            yield from ((Place("name", k, 0, str(k)), token) for k, token in enumerate(statement.values))
