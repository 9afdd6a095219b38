"""Tables over several lines that are no boards: colour classes, columns under a head, GraphViz nodes, XML tags.

Red: 0, 3, 5       row,col,value      0 [color=red];      <place row="1" col="2" value="3"/>
Green: 1, 4        1,2,3              1 [color=green];
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from experiments.scoring.transcripts.answers import classes, data
from experiments.scoring.transcripts.lines import Line, plain
from experiments.scoring.transcripts.literals import Mapping
from experiments.scoring.transcripts.shapes import Shape
from experiments.scoring.transcripts.statements import SPELLED, Commit, Statement

_CLASS = re.compile(
    r"(?:colou?r|class|group|set)?\s*(?P<colour>\w{1,12})\s*(?::|=|->|→|\s[–—-]\s)\s*(?:nodes?|vertices|regions?)?\s*"
    r"[\[{(]?(?P<nodes>[^\[\]{}()]{1,20000}?)[\]})]?\s*\.?",
    re.IGNORECASE,
)
_HEAD = re.compile(r"\W*(?P<names>[A-Za-z]+(?:\s*[,;|\t]\s*[A-Za-z]+){1,2})\W*")
_DOT = re.compile(
    r"\s*\"?(?P<node>[\w .-]{1,40}?)\"?\s*\[[^\[\]]{0,200}?\b(?:fill)?colou?r\s*=\s*\"?"
    r"(?P<colour>\w{1,12})\"?[^\[\]]{0,200}\]\s*;?\s*"
)
_XML = re.compile(
    r"<(?P<name>[A-Za-z][\w-]{0,20})\s(?P<fields>(?:\s?[\w-]{1,20}\s?=\s?[\"'][^\"'<>]{0,40}[\"']){1,6})\s?(?:/>|>(?P<inside>[^<>]{0,20})</)"
)
_FIELD = re.compile(r"([\w-]{1,20})\s?=\s?[\"']([^\"'<>]{0,40})[\"']")
COLUMNS = {
    "row",
    "r",
    "col",
    "column",
    "c",
    "value",
    "digit",
    "number",
    "node",
    "vertex",
    "color",
    "colour",
    "region",
    "cell",
    "id",
}


def table(lines: Sequence[Line], at: int, shape: Shape) -> tuple[list[Statement], int] | None:
    """The statements of the table that begins at line `at`, and how many lines it takes; None if there is none."""
    text = lines[at].text
    found = _XML.findall(text) if "<" in text and "=" in text else []
    if found:
        said = [s for name, fields, inside in found for s in _element(name, fields, inside, lines[at].number, shape)]
        return (said, 1) if said else None
    head = _HEAD.fullmatch(text)
    if head:
        names = [name.strip().lower() for name in re.split(r"[,;|\t]", head["names"])]
        if set(names) <= COLUMNS and len(set(names)) == len(names):
            return _columns(lines, at, names, shape)
    if not shape.graph:
        return None
    dot = _DOT.fullmatch(text)
    if dot:
        said = data(Mapping([("node", dot["node"]), ("color", dot["colour"])]), "", lines[at].number, shape)
        return (said, 1) if said else None
    return _words(lines, at, shape) or _classes(lines, at, shape)


def _element(name: str, fields: str, inside: str, number: int, shape: Shape) -> list[Statement]:
    pairs: list[tuple[str | list, object]] = list(_FIELD.findall(fields))
    if inside.strip():
        pairs.append(("value", inside.strip()))
    name = name if name.lower() not in ("cell", "node", "vertex") else ""
    return data(Mapping(pairs, name), "", number, shape)


def _columns(lines: Sequence[Line], at: int, names: list[str], shape: Shape) -> tuple[list[Statement], int] | None:
    """Rows of numbers and words under a head that says what they are."""
    made: list[Statement] = []
    used = 1
    for k in range(at + 1, len(lines)):
        text = lines[k].text.strip().strip("|").strip()
        if lines[k].quoted or not text:
            break
        if re.fullmatch(r"[-+|:=\s]+", text):
            used += 1
            continue
        words = [word.strip(" *`\"'") for word in re.split(r"\s*[,;|\t]\s*", text)]
        words = words if len(words) == len(names) else text.split()
        if len(words) != len(names):
            break
        said = data(Mapping(list(zip(names, words))), "", lines[k].number, shape)
        if not said:
            break
        made += said
        used = k - at + 1
    return (made, used) if made else None


def _words(lines: Sequence[Line], at: int, shape: Shape) -> tuple[list[Statement], int] | None:
    """A node and a colour a line, "5 red", for every node; fewer such lines may count something."""
    made: list[Statement] = []
    for k in range(at, min(at + shape.n, len(lines))):
        match = re.fullmatch(r"\s*(\w{1,30})\s+([A-Za-z]{3,12})\s*[.,;]?\s*", lines[k].text)
        if not match or lines[k].quoted or match[2].lower() not in SPELLED:
            return None
        made += data(Mapping([("node", match[1]), ("color", match[2])]), "", lines[k].number, shape)
    places = {statement.place.text for statement in made if isinstance(statement, Commit)}
    return (made, shape.n) if len(places) == len(made) == shape.n else None


def _classes(lines: Sequence[Line], at: int, shape: Shape) -> tuple[list[Statement], int] | None:
    """As many lines as colours at most, each a colour and its nodes, which name every node once."""
    groups: list[tuple[object, object]] = []
    for k in range(at, min(at + shape.d, len(lines))):
        match = _CLASS.fullmatch(plain(lines[k].text).strip()) if not lines[k].quoted else None
        if not match:
            break
        nodes = [word for word in re.split(r"[\s,;&]+|\band\b", match["nodes"]) if word]
        groups.append((match["colour"], [node.strip("\"'") for node in nodes]))
    if not groups or all(len(group) < 2 for _, group in groups if isinstance(group, list)):
        return None
    said = classes(groups, lines[at].number, shape, lines[at].text.strip()[:80])
    return (said, len(groups)) if said else None
