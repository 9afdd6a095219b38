"""Moves in a line of prose: commits and retractions that can be read in one way only.

    >>> [move.value for move in moves("So cell r1c2 gets 3.", 1, Names(9, False))]
    ['3']
    >>> moves("Row 1, column 2 is 2 or 3.", 1, Names(9, False))[0].why
    'may be no move'

A place, a sign and a value make a commit if what comes before is no doubt, question or condition, and what comes after
ends the statement. An undo is a command that names its places, or one of UNDONE alone on its line.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from experiments.scoring.transcripts.lines import plain
from experiments.scoring.transcripts.statements import (
    NOTHING,
    Commit,
    Place,
    Statement,
    Undo,
    Unread,
    is_value,
)

AMBIGUOUS = "may be no move"
REACH = 300  # characters around a move that are looked at for doubt
_N = r"\d{1,6}(?!\d)"
_PLACE = (
    rf"(?:(?<![A-Za-z0-9])(?:r(?:ow)?[\s_=#:\"']{{0,4}}(?P<row>{_N})(?:st|nd|rd|th)?[\s,;/\"'-]{{0,4}}(?:(?:of|and|in|&)\s{{1,3}})?"
    rf"c(?:ol(?:umn|\.)?)?[\s_=#:\"']{{0,4}}(?P<col>{_N})(?![A-Za-z])"
    rf"|col(?:umn)?\s{{0,3}}(?P<col2>{_N})\s{{0,3}},?\s{{0,3}}(?:(?:of|and|in)\s{{1,3}})?row\s{{0,3}}(?P<row2>{_N})"
    rf"|cell\s{{1,2}}(?P<i2>{_N})\s?,\s?(?P<j2>{_N})"
    rf"|(?:node|vertex|region|country|state)[\s_#]{{0,3}}(?P<node>{_N})|v_?(?P<v>{_N})(?![A-Za-z])"
    rf"|(?:colou?rs?|c)\s?[\[(]\s?(?:node\s{{0,2}}|v)?(?P<called>{_N})\s?[\])])"
    rf"|[(\[]\s{{0,3}}(?P<x>{_N})\s{{0,3}},\s{{0,3}}(?P<y>{_N})\s{{0,3}}[)\]]|\[\s?(?P<i>{_N})\s?\]\s?\[\s?(?P<j>{_N})\s?\]"
    "|\x01(?P<name>\\d{1,6})\x02)"
)
_SIGN = r"\s{0,4}(?:==?>?|:=|:|-{1,2}>|→|⇒|↦|<--?|←|\s[–—-]\s)\s{0,4}"
_VERB = r"(?:must\s+be|has\s+to\s+be|can\s+only\s+be|is(?:\s+now|\s+then)?|becomes|gets|takes|equals|receives)\s+"
_ARTICLE = r"(?:(?:an?|the)\s+)?(?:(?:value|number|digit|colou?r)\s*)?[\"']?"
_VALUE = rf"{_ARTICLE}(?P<value>\d{{1,9}}|[A-Za-z]{{1,12}})[\"']?(?!\w)"
_OWN = r"(?:'s)?(?:\s+(?:the\s+)?(?:value|colou?r))?"
_COMMIT = rf"{_PLACE}(?P<close>[\"')\]]?){_OWN}\s{{0,3}}(?P<sign>{_SIGN}|\s{_VERB})(?:to\s+be\s+)?{_VALUE}"
_SET = r"\b(?:set|assign|make|mark|fix|change|update|correct|switch|colou?r|paint|fill(?:\s+in)?)"
_TO = rf"{_SET}\s+(?:the\s+)?(?:(?:value|colou?r)\s+(?:of|in|at)\s+)?(?:cell\s+)?{_PLACE}(?:\s+from\s+\w{{1,12}})?\s+(?:to|with|as)\s+{_VALUE}"
_PAINT = (
    rf"\b(?:colou?r|paint|make|give)\s+{_PLACE}\s+(?:the\s+)?(?:colou?r\s+)?(?P<value>\d{{1,9}}|[A-Za-z]{{1,12}})(?!\w)"
)
_INTO = (
    rf"\b(?:put|place|write|enter|insert|set|fill(?:\s+in)?|assign|give)\s+{_VALUE}\s+(?:goes\s+)?(?:in|into|at|to|on)\s+"
    rf"(?:the\s+)?(?:cell\s+|square\s+|position\s+)?\(?{_PLACE}"
)
_HERE = (
    rf"\b(?:in|at|into)\s+{_PLACE},?\s+(?:i|we|you)\s+(?:(?:can|must|now|then)\s+)?(?:place|put|write|enter|set|fill\s+in)\s+"
    rf"{_VALUE}"
)
_GOES = rf"(?<![\w.])(?P<value>\d{{1,9}})\s+(?:goes|belongs)\s+(?:in|into|at|to)\s+(?:the\s+)?(?:cell\s+|square\s+)?{_PLACE}"
_CALL = (
    r"\b(?:place|set|fill|put|assign|write|commit|play|move|colou?r)(?:_?(?:cell|value|node|number|digit|colou?r))?\s?"
    rf"\(\s?(?P<first>{_N})\s?,\s?(?P<second>{_N}|[A-Za-z\"']{{1,14}})\s?(?:,\s?(?P<third>\d{{1,9}})\s?)?\)"
)
_WITH = (  # row 1, col 2, value 3; node 5 (colour 2)
    rf"{_PLACE}[\"')\]]?[\s,;(]{{1,3}}(?:with\s+)?(?:the\s+)?(?:value|val|digit|number|colou?r)\s{{0,2}}[:=]?\s{{0,2}}"
    r"[\"']?(?P<value>\d{1,9}|[A-Za-z]{1,12})[\"')]{0,2}(?!\w)"
)
_ALONE = rf"^{_PLACE}\s?[(\s]\s?(?P<value>\d{{1,9}})\)?\.?$"  # r1c2 3
_AT = rf"^(?P<value>\d{{1,9}})\s?(?:at|in|@)\s?(?:cell\s+)?{_PLACE}\.?$"  # 3 at r1c2
_COMMITS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (_COMMIT, _WITH, _ALONE, _AT, _HERE, _TO, _PAINT, _INTO, _GOES, _CALL)
]
_VERBS = (
    r"(?:undo|erase|clear|remove|retract|delete|unset|unassign|uncolou?r|blank\s+out|revert|reset|cancel|take\s+back|"
    r"backtrack(?:\s+on)?)"
)
_UNDO = re.compile(
    rf"\b{_VERBS}\b\s{{0,3}}\(?\s{{0,3}}(?:the\s+)?(?:(?:value|colou?r|digit|move|commit|assignment|number|cells?|entry)\s+)?"
    rf"(?:(?P<held>\d{{1,9}}|[A-Z])\s+)?(?:(?:of|in|from|at)\s+)?(?:(?:the\s+)?cells?\s+)?"
    rf"(?:[a-z]\w{{0,9}}(?=[\[(]))?{_PLACE}",
    re.IGNORECASE,
)
_BACK = re.compile(rf"\btake\s+(?:the\s+)?(?:(?P<held>\d{{1,9}})\s+(?:from|in|at)\s+)?{_PLACE}\s+back\b", re.IGNORECASE)
_MORE = re.compile(
    rf"\s{{0,3}}(?:,\s{{0,3}}(?:and\s+)?|and\s+|&\s{{0,3}}){_PLACE}(?!{_SIGN}|\s+{_VERB})", re.IGNORECASE
)
#: Alone on its line, this takes back the last commit that still stands.
UNDONE = re.compile(
    r"[\s\[(<]*(?:undo|back-?track|take(?:\s+(?:it|that|this))?\s+back|undo\s+(?:it|that|this)|"
    r"undo(?:\s+(?:the|my))?\s+last(?:\s+(?:move|step|commit|one|assignment))?)(?:\(\s*\))?[\s\])>.!;]*",
    re.IGNORECASE,
)
_COMMAND = re.compile(
    r"(?:^|\b(?:i|we|let\s+me|let's|let\s+us|must|should|will|shall|now|and|then|so|please|i'll|we'll|first|next|also|therefore|"
    r"hence|ok|okay|wait|no|oops|actually|again|(?:need|have|had|going)\s+to))[\s,:.>\-–—(]*$",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"(?<!\be\.g)(?<!\bi\.e)[.!?;](?=\s|$)|:\s|,\s*(?:so|therefore|thus|hence)\b|\b(?:therefore|thus|hence)\b|=>|⇒",
    re.IGNORECASE,
)
#: Before a move, within its clause: then it is no move, or may be none.
_DOUBT = re.compile(
    r"\b(?:if|suppos\w+|assum\w+|unless|whether|would|could|might|may(?:be)?|cannot|can\s+be|not|never|neither|nor|either|or|"
    r"perhaps|possibl[ey]|impossible|was|were|wrong|instead\s+of|rather\s+than|without|avoid|no\s+need|conflict\w*|clash\w*|"
    r"contradict\w*|violat\w*|invalid|illegal|candidates?|options?|choices?|domain|allowed|possibilit\w+|example|format|edges?|"
    r"neighbou?rs?|adjacent|connect\w*|between|imagine|pretend|what|why|how|when|once|until|before|earlier|previous\w*|"
    r"eliminat\w+|exclud\w+|rul\w+\s+out|from)\b|n't\b|\be\.g\b",
    re.IGNORECASE,
)
#: After a move, within its clause.
_ONLY = re.compile(r"\bonly\s+(?:\w+\s+)?(?:candidate|option|choice|possibility)\b", re.IGNORECASE)  # no doubt
_REFUTED = re.compile(
    r"\b(?:or|impossible|wrong|conflicts?|clash\w*|contradict\w*|violat\w*|invalid|illegal|fails?|dead\s+end|candidates?|"
    r"not\s+(?:possible|allowed|work|valid|legal))\b|n't\s+work",
    re.IGNORECASE,
)
_HYPOTHESIS = re.compile(r"\b(?:if|suppos\w+|assum\w+|imagine|pretend)\b", re.IGNORECASE)
_FOLLOWS = re.compile(r"\s*(?:then|this|that|which|but)\b", re.IGNORECASE)
_AFTER = re.compile(
    r"\s*(?:$|[!)\]}>\"'|\[✓✔✅☑]|\.(?!\d)|;|,(?!\s*\d)|[–—#(]|//|--|<(?!=)|"
    r"(?:because|since|as|so|then|now|here|and(?!\s+\d)|by|due|given|for(?!\s+\d)|after|while|next|again|too|instead|therefore|"
    r"undo|erase|clear|remove|take|set|put|place)\b)",
    re.IGNORECASE,
)
_LEFT = re.compile(r"(?:[\])\"'\w]\s*(?:,|\band\b|\bor\b|/)\s*)$", re.IGNORECASE)  # what ends so may list places
_ANY_PLACE = re.compile(_PLACE, re.IGNORECASE)
_TELLS = re.compile(r"[\d\x01]")
_LETTERED = re.compile(r"(?<!\w)(?:[A-P]\d{1,2}|[A-P]\s?,\s?\d{1,2})\s{0,3}(?:=|:|->|→|<-)\s{0,3}\d{1,2}(?!\w)")


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


def moves(line: str, number: int, names: Names) -> list[Statement]:
    """The statements of a line in the order written; an Unread for prose and for what may be read in two ways."""
    if not names.graph:
        line = re.sub(r"_\{(\d)(\d)\}", r"(\1,\2)", line)  # x_{12}
    text = plain(line).translate({1: None, 2: None}).strip()
    if not text:
        return []
    if UNDONE.fullmatch(text):
        return [] if line.lstrip().startswith("#") else [Undo(number, text, None)]
    bare = _bare(text, number, names)
    if bare is not None:
        return bare
    text = names.marked(text)
    if not _TELLS.search(text):  # no digit, no name: the patterns need not be tried
        return [Unread(number, line.strip()[:80], NOTHING)]
    found = [(match, False) for pattern in _COMMITS for match in pattern.finditer(text)]
    found += [(match, True) for pattern in (_UNDO, _BACK) for match in pattern.finditer(text)]
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
        if not names.graph and _LETTERED.search(text):
            why = "a letter and a number may be row and column, or column and row"
        return [Unread(number, line.strip()[:80], why)]
    return [replace(statement, text=names.shown(statement.text)) for statement in made]


def places(line: str) -> Iterator[Place]:
    """Every place that a line names, said of it what may be: evidence of where counting begins."""
    for match in _ANY_PLACE.finditer(line):
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
        self.bounds = [(match.start(), match.end()) for match in _BOUND.finditer(text)]
        self.starts = [start for start, _ in self.bounds]

    def around(self, start: int, end: int) -> tuple[str, str, bool]:
        """What of its clause stands before and after a move (REACH characters at most), and whether a supposition
        of the clause or sentence before reaches it.
        """
        k = bisect_left(self.starts, start)
        while k and self.bounds[k - 1][1] > start:
            k -= 1
        opened = self.bounds[k - 1][1] if k else 0
        stop = next((begin for begin in self.starts[k : k + 20] if begin >= end), len(self.text))
        before = self.text[max(opened, start - REACH) : start]
        after = self.text[end : min(stop, end + REACH) + 1]
        if not k:
            return before, after, False
        earlier = self.bounds[k - 2][1] if k > 1 else 0
        supposed = bool(_HYPOTHESIS.search(self.text, max(earlier, opened - REACH), opened))
        ended = self.text[self.bounds[k - 1][0]] in ".!?;"
        return before, after, supposed and (not ended or bool(_FOLLOWS.match(before)))


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
    before, after, supposed = clauses.around(match.start(), match.end())
    end = clauses.text[match.end() : match.end() + REACH]
    listed = bool(_LEFT.search(before)) and bool(_ANY_PLACE.search(before)) and not _has_move(before)
    sure = _AFTER.match(end) or (_ANY_PLACE.match(end.lstrip()) and end[:1].isspace())
    asked = after.rstrip().endswith("?") or end.lstrip().startswith("?")
    doubted = _DOUBT.search(_ONLY.sub("", _since_move(before))) or _REFUTED.search(_until_place(after))
    if not sure or asked or doubted or listed or supposed:
        return [Unread(number, match.group().strip()[:80], AMBIGUOUS)]
    return [Commit(number, match.group().strip()[:80], place, value)]


def _symbolic(sign: str | None) -> bool:
    return sign is not None and not re.search(r"[a-z]", sign, re.IGNORECASE)


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else -1


def _has_move(text: str) -> bool:
    """Whether a move stands in it, so that a comma after it ends that move and lists no places."""
    return any(pattern.search(text) for pattern in _COMMITS) or bool(_UNDO.search(text))


def _since_move(before: str) -> str:
    """What stands between the last move of the clause and this one: doubt does not reach over a move and a comma."""
    cut = 0
    if "," in before and not _HYPOTHESIS.search(before):
        for pattern in _COMMITS[:1]:
            for match in pattern.finditer(before):
                cut = match.end()
    return before[cut:]


def _until_place(after: str) -> str:
    """What follows a move up to the next place that is written."""
    match = _ANY_PLACE.search(after)
    return after[: match.start()] if match else after


def _undo(match: re.Match, clauses: _Clauses, number: int) -> Iterator[Statement]:
    """The places that a command takes back, or why it may be no command; nothing if it is plainly none."""
    before, after, supposed = clauses.around(match.start(), match.end())
    text = clauses.text
    if match.re is not _BACK and not _COMMAND.search(_since_move(before)):
        return
    said = match.groupdict()
    listed, end = [_place(said, match.group())], match.end()
    while more := _MORE.match(text, end):
        listed.append(_place(more.groupdict(), more.group().strip(" ,")))
        end = more.end()
    rest = text[end : end + REACH]
    doubted = _DOUBT.search(_since_move(before)) or supposed
    if rest.startswith("'") or not _AFTER.match(rest) or doubted or after.rstrip().endswith("?"):
        yield Unread(number, match.group().strip()[:80], AMBIGUOUS)
        return
    for place in listed:
        yield Undo(number, match.group().strip()[:80], place, said.get("held"))


_PAIR = r"(?P<key>\d{1,6}|[A-Za-z][\w .'-]{0,40}?)\s{0,4}(?P<sign>:|=|:=|->|-->|→|=>|⇒|\s[–—-]\s|\|)\s{0,4}[\"']?(?P<value>\w{1,12})[\"']?"
_BARE = re.compile(_PAIR)
_PARTED = re.compile(r"\s*[,;]\s*|\s*\.?\s*$")
_TWO = re.compile(
    r"\(?\s?(?P<x>\d{1,6})\s?[, ]\s?(?P<y>\d{1,6})\s?\)?\s{0,3}(?::|=|->|→|=>)\s{0,3}(?P<value>\w{1,2})\s?[.,;]?"
)


def _bare(text: str, number: int, names: Names) -> list[Statement] | None:
    """A line of nothing but pairs, "2: 3, NSW -> red" on a graph and "1,2: 3" on a board; None if it is none."""
    if not names.graph:
        two = _TWO.fullmatch(text)
        if two and is_value(two["value"], names.d, False):
            return [Commit(number, text[:80], Place("cell", int(two["x"]), int(two["y"]), text[:80]), two["value"])]
        return None
    at, made = 0, list[Statement]()
    text = text.strip("{}[]| \t")
    while at < len(text):
        match = _BARE.match(text, at)
        if not match:
            return None
        key, value = match["key"].strip().strip("\"'"), match["value"]
        place = node(key, names)
        if place is None or not is_value(value, names.d, True):
            return None
        parted = _PARTED.match(text, match.end())
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
