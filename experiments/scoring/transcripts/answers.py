"""Answers and moves as data: what a literal says about the puzzle.

    [[4, 3, 2, 1], ...]   {"0": "red", "1": "blue"}   {"solution": "4321..."}   {"row": 1, "col": 2, "value": 3}
    {"name": "undo", "arguments": {"cell": "r1c2"}}   place(row=1, col=2, value=3)

What has the shape of no answer is left to the other recognisers.
"""

from __future__ import annotations

import re

from experiments.scoring.transcripts.grammar import LISTING
from experiments.scoring.transcripts.literals import Mapping, literal
from experiments.scoring.transcripts.moves import node, places
from experiments.scoring.transcripts.shapes import Shape, cell, symbols
from experiments.scoring.transcripts.statements import (
    Commit,
    Pairs,
    Place,
    Statement,
    Undo,
    Unread,
    Whole,
    is_value,
)

_KEYS = (
    "solution final_answer final answer grid board output result response completed filled solved state "
    "coloring colouring colors colours colour_map color_map assignment assignments solution_grid final_grid sudoku"
)
KEYS = tuple(_KEYS.split())
MOVES = ("nodes", "vertices", "moves", "steps", "actions", "cells", "fills", "calls", "tool_calls")
ARGUMENTS = ("arguments", "args", "parameters", "params", "input", "kwargs")
_TAKES = re.compile(
    r"(?:undo|erase|clear|remove|retract|delete|unset|unassign|take_?back|backtrack|uncolou?r|revert)", re.IGNORECASE
)
_GIVES = re.compile(
    r"(?:set|place|fill|put|write|assign|commit|colou?r|move|play|enter|guess|try|update)", re.IGNORECASE
)
_LABEL = re.compile(r"[^:=]{0,80}(?::|=|\bis|\bare)\s*")


def literals(text: str, number: int, shape: Shape) -> tuple[list[Statement], int] | None:
    """The statements of the literals that begin in a text's first line, and where the last of them ends in the text.

    None if none of them has the shape of an answer or a move.
    """
    first = text.find("\n") if "\n" in text else len(text)
    at, made, end = 0, list[Statement](), 0
    tries = 0
    while tries < 40:
        match = re.compile(r"[\[{(]").search(text, at, first)
        if not match:
            break
        tries += 1
        begin = match.start()
        if match.group() == "(":  # the name of a call
            begin -= len(re.search(r"[A-Za-z_][\w.]{0,40}$|$", text[max(0, begin - 41) : begin]).group())
        found = literal(text, begin)
        said = [] if found is None else data(found[0], text[at:begin], number, shape)
        if found is not None and said:
            made += said
            at = end = found[1]
        else:
            at = match.end()
    if not made:  # rows or pairs side by side, without a bracket around them
        begin = re.search(r"[\[{(]", text[:first])
        last = max(text.rfind(close, 0, first) for close in "]})")
        if begin and last > begin.start() and not text[last + 1 : first].strip(" .,;"):
            found = literal(f"[{text[begin.start() : last + 1]}]", 0)
            if found and isinstance(found[0], list) and len(found[0]) > 1:
                made, end = data(found[0], text[: begin.start()], number, shape), first
    return (made, end) if made else None


def data(value: object, before: str, number: int, shape: Shape) -> list[Statement]:
    """The statements of a literal; `before` is what the line says before it. Empty if it has the shape of none."""
    prose = before.strip(" \t-*>#`|\"'\\$,.[({")
    if LISTING.search(prose):
        return []
    named = not prose or bool(_LABEL.fullmatch(before.strip(" \t*`")))
    text = _short(value)
    if isinstance(value, Mapping):
        return _mapping(value, number, shape, text, 0)
    if isinstance(value, list):
        whole = _board(value, shape)
        if whole and (named or not shape.graph or shape.n > 8):
            return [Whole(number, text, tuple(whole))]
        return _sequence(value, number, shape, text, 0) if named else []
    return []


def _short(value: object) -> str:
    return str(value.pairs if isinstance(value, Mapping) else value)[:80]


def _board(value: object, shape: Shape) -> list[str] | None:
    """The n tokens of a list, of a list of rows, or of a string; None if it is none of them."""
    if isinstance(value, str):
        return symbols(re.sub(r"[\s|+,]|-{2,}", "", value), shape) if len(value) >= shape.n else None
    if not isinstance(value, list) or not value:
        return None
    if len(value) == 1:
        return _board(value[0], shape)
    if all(isinstance(item, str) for item in value):
        if len(value) == shape.n:
            tokens = [cell(item, shape) for item in value]
            return [token for token in tokens if token] if all(tokens) else None
        if len(value) == shape.d and not shape.graph:
            rows = [symbols(re.sub(r"[\s|,]", "", item), shape) for item in value]
            return [t for row in rows for t in row or ()] if all(row and len(row) == shape.d for row in rows) else None
        return None
    if shape.graph or len(value) != shape.d or not all(isinstance(row, list) and len(row) == shape.d for row in value):
        return None
    tokens = [cell(item, shape) for row in value for item in row]
    return [token for token in tokens if token] if all(tokens) else None


def _place(key: object, shape: Shape) -> Place | None:
    """The place that a key or a field means."""
    if isinstance(key, list) and len(key) == 2 and not shape.graph:
        a, b = (item if isinstance(item, str) and item.isdecimal() and len(item) < 7 else None for item in key)
        return Place("cell", int(a), int(b), f"({a}, {b})") if a is not None and b is not None else None
    if not isinstance(key, str):
        return None
    if shape.graph:
        return node(key, shape.names)
    if key.isdecimal() and len(key) < 7:
        return Place("flat", int(key), 0, f"cell {key}")
    pair = re.fullmatch(r"\(?\s*(\d{1,6})\s*[,_ ]\s*(\d{1,6})\s*\)?", key)
    if pair:
        return Place("cell", int(pair[1]), int(pair[2]), key)
    found = list(places(key))
    return found[0] if len(found) == 1 and found[0].text.strip() == key.strip() else None


def _mapping(value: Mapping, number: int, shape: Shape, text: str, depth: int) -> list[Statement]:
    """A move, a call of a tool, a map of places, rows or colour classes, or one of these under a name for an answer."""
    if depth > 4:
        return []
    move = _move(value, number, shape, text)
    if move:
        return move
    inner = value.get(*ARGUMENTS)
    name = value.get("name", "tool", "function", "action", "type", "tool_name")
    if isinstance(inner, str) and inner.lstrip()[:1] in ("{", "["):  # arguments as a string of JSON
        found = literal(inner, len(inner) - len(inner.lstrip()))
        inner = found[0] if found else inner
    if isinstance(inner, (Mapping, list)) and isinstance(name, str):
        call = Mapping(name=name)
        if isinstance(inner, Mapping):
            call.pairs, call.rest = inner.pairs, inner.rest
        else:
            call.rest = inner
        move = _move(call, number, shape, text)
        return move or _mapping(call, number, shape, text, depth + 1)
    pairs = [(_place(key, shape), said) for key, said in value.pairs]
    if pairs and not value.rest and all(place is not None for place, _ in pairs):
        tokens = [cell(said, shape) for _, said in pairs]
        if all(tokens):
            kept = tuple((place, token) for (place, _), token in zip(pairs, tokens) if place and token and token != ".")
            return [Pairs(number, text, kept)] if kept else []
    rows = [said for _, said in value.pairs]
    if (
        not shape.graph
        and len(rows) == shape.d
        and all(re.fullmatch(r"(?:r|row)?[\s_]?\d+", str(k), re.I) for k, _ in value.pairs)
    ):
        whole = _board([row if isinstance(row, list) else str(row) for row in rows], shape)
        if whole:
            return [Whole(number, text, tuple(whole))]
    grouped = classes([(key, said) for key, said in value.pairs], number, shape, text)
    if grouped:
        return grouped
    for key in (*KEYS, *MOVES, *ARGUMENTS, "function"):
        inner = value.get(key)
        if inner is None:
            continue
        whole = _board(inner, shape)
        if whole:
            return [Whole(number, text, tuple(whole))]
        if isinstance(inner, str) and inner.lstrip()[:1] in ("{", "["):
            found = literal(inner, len(inner) - len(inner.lstrip()))
            inner = found[0] if found else None
        if isinstance(inner, Mapping):
            made = _mapping(inner, number, shape, text, depth + 1)
        elif isinstance(inner, list):
            whole = _board(inner, shape)
            made = [Whole(number, text, tuple(whole))] if whole else _sequence(inner, number, shape, text, depth + 1)
        else:
            continue
        if made:
            return made
    return []


def _move(value: Mapping, number: int, shape: Shape, text: str) -> list[Statement]:
    """One move of {"row": 1, "col": 2, "value": 3}, of a call with such arguments, or of undo with a place."""
    action = value.name or value.get("name", "tool", "function", "action", "op", "type", "move", "command")
    action = action if isinstance(action, str) else ""
    takes, gives = bool(_TAKES.match(action)), not action or bool(_GIVES.match(action))
    row, column = value.get("row", "r", "i", "y"), value.get("col", "column", "c", "j", "x")
    spot = value.get(
        "node", "vertex", "v", "region", "cell", "position", "pos", "coord", "coordinates", "location", "index", "id"
    )
    said = value.get("value", "val", "digit", "number", "color", "colour", "v", "to", "num")
    place = None
    if row is not None and column is not None and not shape.graph:
        place = _place([row, column], shape)
    elif spot is not None:
        place = _place(spot, shape)
    rest = [item for item in value.rest if isinstance(item, str)]
    if place is None and value.name and not value.pairs and len(rest) == len(value.rest):
        places_, wanted = (rest[:1], 1) if shape.graph else (rest[:2], 2)
        if len(rest) == wanted + (not takes):
            place = _place(places_[0] if shape.graph else list(places_), shape)
            said = None if takes else rest[-1]
    if takes:
        if place is not None:
            return [Undo(number, text, place)]
        return [Undo(number, text, None)] if not value.rest and not _other(value) else []
    token = cell(said, shape)
    if place is None or not gives or token in (None, "."):
        return []
    return [Commit(number, text, place, token)]


def _other(value: Mapping) -> bool:
    """Whether a call has arguments, besides its name and a reason."""
    about = {"name", "tool", "function", "action", "op", "type", "move", "command", "id", "reason", "why", "comment"}
    return any(not isinstance(key, str) or key.lower() not in about for key, _ in value.pairs)


def _sequence(value: list, number: int, shape: Shape, text: str, depth: int) -> list[Statement]:
    """A list of moves, of (node, colour) or (row, column, value), or of colour classes."""
    if depth > 4 or not value:
        return []
    if all(isinstance(item, Mapping) for item in value):
        said = [_mapping(item, number, shape, _short(item), depth + 1) for item in value]
        return [statement for part in said for statement in part] if all(said) else []
    if not all(isinstance(item, list) for item in value):
        return []
    width = 2 if shape.graph else 3
    if all(len(item) == width for item in value) and len(value) > 1:
        made: list[Statement] = []
        for item in value:
            place, token = _place(item[0] if shape.graph else item[:2], shape), cell(item[-1], shape)
            if place is None or token in (None, "."):
                return []
            made.append(Commit(number, str(item)[:80], place, token or ""))
        keys = [statement.place.text for statement in made if isinstance(statement, Commit)]
        pairs = [(int(a), int(b)) for a, b in value if str(a).isdecimal() and str(b).isdecimal()] if shape.graph else []
        edges = len(pairs) == len(value) and any(all(shape.edge(a - k, b - k) for a, b in pairs) for k in (0, 1))
        if len(set(keys)) == len(keys) and not edges:
            return made
        return [Unread(number, text, "a list of edges, or of values for a place twice")] if edges else []
    return classes([(str(k), item) for k, item in enumerate(value, 1)], number, shape, text) if shape.graph else []


def classes(groups: list[tuple[object, object]], number: int, shape: Shape, text: str) -> list[Statement]:
    """Nodes by colour: as many lists as colours at most, which hold every node once."""
    if not shape.graph or not groups or len(groups) > shape.d or not all(isinstance(g, list) for _, g in groups):
        return []
    pairs = []
    for key, group in groups:
        match = re.fullmatch(r"(?:colou?r|class|group)?[\s_]?(\w{1,12})", str(key), re.IGNORECASE)
        if not match or not is_value(match[1], shape.d, True):
            return []
        for item in group if isinstance(group, list) else ():
            place = _place(item, shape)
            if place is None:
                return []
            pairs.append((place, match[1]))
    if len({place.a for place, _ in pairs}) != shape.n or len(pairs) != shape.n or len(groups) >= shape.n:
        return []
    return [Pairs(number, text, tuple(pairs))]
