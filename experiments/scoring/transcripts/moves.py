"""Moves in a line of prose: commits and retractions that can be read in one way only.

    >>> [move.value for move in moves("So cell r1c2 gets 3.", 1, Names(9, False))]
    ['3']
    >>> moves("Row 1, column 2 is 2 or 3.", 1, Names(9, False))[0].why
    'may be no move'

A place, a sign and a value make a commit if what comes before is no doubt, question or condition, and what comes after
ends the statement. An undo is a command that names its places, or one of grammar.UNDONE alone on its line.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace

from experiments.scoring.transcripts import grammar
from experiments.scoring.transcripts.lines import plain
from experiments.scoring.transcripts.shapes import Names
from experiments.scoring.transcripts.statements import (
    NOTHING,
    Commit,
    Place,
    Statement,
    Undo,
    Unread,
    is_value,
)


def moves(line: str, number: int, names: Names) -> list[Statement]:
    """The statements of a line in the order written; an Unread for prose and for what may be read in two ways."""
    if not names.graph:
        line = re.sub(r"_\{(\d)(\d)\}", r"(\1,\2)", line)  # x_{12}
    text = plain(line).translate({1: None, 2: None}).strip()
    if not text:
        return []
    if grammar.UNDONE.fullmatch(text):
        return [] if line.lstrip().startswith("#") else [Undo(number, text, None)]
    bare = _bare(text, number, names)
    if bare is not None:
        return bare
    text = names.marked(text)
    if not grammar.TELLS.search(text):  # no digit, no name: the patterns need not be tried
        return [Unread(number, line.strip()[:80], NOTHING)]
    found = [(match, False) for pattern in grammar.COMMITS for match in pattern.finditer(text)]
    found += [(match, True) for pattern in (grammar.UNDO, grammar.BACK) for match in pattern.finditer(text)]
    found.sort(key=lambda pair: (pair[0].start(), -pair[0].end()))
    clauses = _Clauses(text)
    made: list[Statement] = []
    until = 0
    for match, undone in found:
        if match.start() < until:
            continue
        said = list(_undo(match, clauses, number)) if undone else _commit(match, clauses, number, names)
        if not said:
            continue
        until = match.end()
        made += said
    if not made:
        why = NOTHING
        if not names.graph and grammar.LETTERED.search(text):
            why = "a letter and a number may be row and column, or column and row"
        return [Unread(number, line.strip()[:80], why)]
    return [replace(statement, text=names.shown(statement.text)) for statement in made]


def places(line: str) -> Iterator[Place]:
    """Every place that a line names, said of it what may be: evidence of where counting begins."""
    for match in grammar.ANY_PLACE.finditer(line):
        said = match.groupdict()
        if said["x"] is None and said["i"] is None and said["name"] is None:
            yield _place(said, match.group())


def _place(said: dict[str, str | None], text: str) -> Place:
    """The place of a match's groups."""
    if said.get("name") is not None:
        return Place("name", int(said["name"] or 0), 0, text)
    node = said.get("node") or said.get("v") or said.get("called")
    if node is not None:
        return Place("node", int(node), 0, text)
    row = said.get("row") or said.get("row2") or said.get("x") or said.get("i") or said.get("i2")
    column = said.get("col") or said.get("col2") or said.get("y") or said.get("j") or said.get("j2")
    return Place("cell", int(row or 0), int(column or 0), text)


class _Clauses:
    """Where the clauses of a line begin and end."""

    def __init__(self, text: str):
        self.text = text
        self.bounds = [(match.start(), match.end()) for match in grammar.BOUND.finditer(text)]
        self.starts = [start for start, _ in self.bounds]

    def around(self, start: int, end: int) -> tuple[str, str, bool]:
        """What of its clause stands before and after a move (REACH characters at most), and whether a supposition of
        the clause or sentence before reaches it.
        """
        k = bisect_left(self.starts, start)
        while k and self.bounds[k - 1][1] > start:
            k -= 1
        opened = self.bounds[k - 1][1] if k else 0
        stop = next((begin for begin in self.starts[k : k + 20] if begin >= end), len(self.text))
        before = self.text[max(opened, start - grammar.REACH) : start]
        after = self.text[end : min(stop, end + grammar.REACH) + 1]
        if not k:
            return before, after, False
        earlier = self.bounds[k - 2][1] if k > 1 else 0
        supposed = bool(grammar.HYPOTHESIS.search(self.text, max(earlier, opened - grammar.REACH), opened))
        ended = self.text[self.bounds[k - 1][0]] in ".!?;"
        return before, after, supposed and (not ended or bool(grammar.FOLLOWS.match(before)))


def _commit(match: re.Match, clauses: _Clauses, number: int, names: Names) -> list[Statement]:
    """A commit, or why it may be none; nothing if it is not even like one."""
    said = match.groupdict()
    value = said.get("value")
    if "first" in said:
        value = said["third"] or said["second"].strip("\"'")
        if (said["third"] is None) != names.graph:
            return []
        first, second = int(said["first"]), said["second"]
        place = (
            Place("node", first, 0, match.group())
            if names.graph
            else Place("cell", first, _whole(second), match.group())
        )
    else:
        place = _place(said, match.group())
    if value is None or not is_value(value, names.d, names.graph):
        return []
    called = re.search(r"colou?r", match.group(), re.IGNORECASE)
    if len(value) == 1 and value.isalpha() and not _symbolic(said.get("sign")) and not called:
        return []
    chain = list(_chained(clauses.text, match, number, names))
    last = chain[-1][1] if chain else match.end()  # doubt at the chain's end is doubt of all of it
    before, after, supposed = clauses.around(match.start(), last)
    end = clauses.text[last : last + grammar.REACH]
    listed = bool(grammar.LEFT.search(before)) and bool(grammar.ANY_PLACE.search(before)) and not _has_move(before)
    sure = grammar.AFTER.match(end) or (grammar.ANY_PLACE.match(end.lstrip()) and end[:1].isspace())
    asked = after.rstrip().endswith("?") or end.lstrip().startswith("?")
    doubted = grammar.DOUBT.search(grammar.ONLY.sub("", _since_move(before))) or grammar.REFUTED.search(
        _until_place(after)
    )
    if not sure or asked or doubted or listed or supposed:
        return [Unread(number, match.group().strip()[:80], grammar.AMBIGUOUS)]
    return [Commit(number, match.group().strip()[:80], place, value), *(commit for commit, _ in chain)]


def _chained(text: str, match: re.Match, number: int, names: Names) -> Iterator[tuple[Commit, int]]:
    """The moves that go on from "put 2 in r1c2" without a verb of their own, and where each ends."""
    end = match.end()
    while match.re.pattern == grammar.INTO and (more := grammar.CHAINED.match(text, end)):
        said, end = more.groupdict(), more.end()
        if not is_value(said["value"], names.d, names.graph):
            return
        words = more.group().strip(" ,")
        yield Commit(number, words[:80], _place(said, words), said["value"]), end


def _symbolic(sign: str | None) -> bool:
    return sign is not None and not re.search(r"[a-z]", sign, re.IGNORECASE)


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else -1


def _has_move(text: str) -> bool:
    """Whether a move stands in it, so that a comma after it ends that move and lists no places."""
    return any(pattern.search(text) for pattern in grammar.COMMITS) or bool(grammar.UNDO.search(text))


def _since_move(before: str) -> str:
    """What stands between the last move of the clause and this one: doubt does not reach over a move and a comma."""
    cut = 0
    if "," in before and not grammar.HYPOTHESIS.search(before):
        for pattern in grammar.COMMITS[:1]:
            for match in pattern.finditer(before):
                cut = match.end()
    return before[cut:]


def _until_place(after: str) -> str:
    """What follows a move up to the next place that is written."""
    match = grammar.ANY_PLACE.search(after)
    return after[: match.start()] if match else after


def _undo(match: re.Match, clauses: _Clauses, number: int) -> Iterator[Statement]:
    """The places that a command takes back, or why it may be no command; nothing if it is plainly none."""
    before, after, supposed = clauses.around(match.start(), match.end())
    text = clauses.text
    if match.re is not grammar.BACK and not grammar.COMMAND.search(_since_move(before)):
        return
    said = match.groupdict()
    listed, end = [_place(said, match.group())], match.end()
    while more := grammar.MORE.match(text, end):
        listed.append(_place(more.groupdict(), more.group().strip(" ,")))
        end = more.end()
    rest = text[end : end + grammar.REACH]
    doubted = grammar.DOUBT.search(_since_move(before)) or supposed
    if rest.startswith("'") or not grammar.AFTER.match(rest) or doubted or after.rstrip().endswith("?"):
        yield Unread(number, match.group().strip()[:80], grammar.AMBIGUOUS)
        return
    for place in listed:
        yield Undo(number, match.group().strip()[:80], place, said.get("held"))


def _bare(text: str, number: int, names: Names) -> list[Statement] | None:
    """A line of nothing but pairs, "2: 3, NSW -> red" on a graph and "1,2: 3" on a board; None if it is none."""
    if not names.graph:
        two = grammar.TWO.fullmatch(text)
        if two and is_value(two["value"], names.d, False):
            return [Commit(number, text[:80], Place("cell", int(two["x"]), int(two["y"]), text[:80]), two["value"])]
        return None
    at, made = 0, list[Statement]()
    text = text.strip("{}[]| \t")
    while at < len(text):
        match = grammar.BARE.match(text, at)
        if not match:
            return None
        key, value = match["key"].strip().strip("\"'"), match["value"]
        place = node(key, names)
        if place is None or not is_value(value, names.d, True):
            return None
        parted = grammar.PARTED.match(text, match.end())
        if not parted:
            return None
        made.append(Commit(number, match.group().strip()[:80], place, value))
        at = max(parted.end(), match.end())
    numbered = [s.place.text for s in made]
    if len(set(numbered)) < len(numbered):
        return [Unread(number, text[:80], "a node has several values, so this lists neighbours or candidates")]
    return made or None


def node(key: str, names: Names) -> Place | None:
    """The node that a key of a pair means: a number, "node 3", "v3", or a name of the puzzle's; None if it is none."""
    key = key.strip().strip("\"'")
    if names.nodes and key.lower() in names.nodes:
        return Place("name", names.nodes[key.lower()], 0, key)
    match = re.fullmatch(r"(?:node|vertex|region|v|n)?[\s_#]{0,3}(\d{1,6})", key, re.IGNORECASE)
    return Place("node", int(match[1]), 0, key) if match else None
