"""Rows of drawn grids: the cells of a line, the lines between them, and the regions that those enclose.

    >>> row = row_of(7, "| 5 3 . | . 7 . |")
    >>> [text for text, _ in row.fields]
    ['5', '3', '.', '.', '7', '.']

Frames are drawn in ASCII or in Unicode's box characters, light or heavy. Where some lines are heavier than others
(`=`, double or thick ones), those are the walls.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from csp.errors import BadInput
from csp.families import sudoku_variants

BARS = {"|": 1, "│": 1, "┆": 1, "┊": 1, "╎": 1, "¦": 1, "║": 2, "┃": 2, "‖": 2, "┇": 2, "┋": 2}
LEVEL = {"-": 1, "─": 1, "╌": 1, "┄": 1, "┈": 1, "–": 1, "—": 1, "=": 2, "━": 2, "═": 2, "╍": 2}
DRAWN = set(BARS) | set(LEVEL) | set("+ \t") | {chr(code) for code in range(0x2500, 0x2580)}
CORNERS = DRAWN | set("*:.'`,#/\\")
RUN = re.compile(f"[{re.escape(''.join(LEVEL))}]{{2}}")
FIELD = re.compile(rf"[^\s{re.escape(''.join(BARS))},;\[\](){{}}\"']+")
EDGES = re.compile(rf"[{re.escape(''.join(BARS))}]+")  # two bars side by side are one heavy line


@dataclass(frozen=True)
class Row:
    """A line with cells. fields: (text, column where it begins); single: where every cell has a field of its own,
    blanks that are spaces included.
    """

    number: int
    raw: str
    fields: tuple[tuple[str, int], ...]
    single: bool = False

    @property
    def flat(self) -> list[tuple[str, int]]:
        """Its symbols one by one, with their columns."""
        return [(symbol, start + place) for text, start in self.fields for place, symbol in enumerate(text)]


def is_rule(line: str) -> bool:
    """Whether a line draws and holds no cell."""
    there = set(line)
    return there <= DRAWN or (there <= CORNERS and bool(RUN.search(line)))


def row_of(number: int, raw: str) -> Row:
    """The fields of a line; blanks that are drawn as nothing between two bars or commas become '.'."""
    fields = tuple((match[0].upper(), match.start()) for match in FIELD.finditer(raw))
    for separator in (EDGES, re.compile("\t"), re.compile(",")):
        cuts = [match.span() for match in separator.finditer(raw)]
        if len(cuts) < 3 or (separator is not EDGES and re.search(r"[\[\](){}]", raw)):  # a list has no empty places
            continue
        if separator is not EDGES or raw[: cuts[0][0]].strip():  # a frame has an edge at both ends
            cuts = [(0, 0), *cuts]
        if separator is not EDGES or raw[cuts[-1][1] :].strip():
            cuts = [*cuts, (len(raw), len(raw))]
        parts = [(raw[a:b], a) for (_, a), (b, _) in zip(cuts, cuts[1:])]
        stripped = [FIELD.findall(part) for part, _ in parts]
        if all(len(found) < 2 for found in stripped) and any(not found for found in stripped) and any(stripped):
            cells = [(found[0].upper() if found else ".") for found in stripped]
            starts = [start + (len(part) - len(part.lstrip())) for part, start in parts]
            centred = [s if f else start + len(part) // 2 for s, f, (part, start) in zip(starts, stripped, parts)]
            return Row(number, raw, tuple(zip(cells, centred)), single=True)
    return Row(number, raw, fields)


def between(row: Row, cells: Sequence[tuple[str, int]]) -> list[int]:
    """How heavy the line between each two neighbouring cells of a row is, 0 for none."""
    found = []
    for (text, start), (_, after) in zip(cells, cells[1:]):
        gap = row.raw[start + len(text) : after]
        bars = [BARS[symbol] for symbol in gap if symbol in BARS]
        found.append(2 if len(bars) > 1 else max(bars, default=0))
    return found


def below(rule: str | None, columns: Sequence[int]) -> list[int]:
    """How heavy a drawn line is under each column. A line without wide gaps goes all the way, wherever it begins."""
    if rule is None:
        return [0] * len(columns)
    levels = [LEVEL.get(symbol, 1 if symbol in "┼╋╬┿╂+" else 0) for symbol in rule]
    level = max((LEVEL[symbol] for symbol in rule if symbol in LEVEL), default=0)
    heavy = sum(symbol in LEVEL and LEVEL[symbol] == 2 for symbol in rule)
    light = sum(symbol in LEVEL and LEVEL[symbol] == 1 for symbol in rule)
    if not re.search(r"[^\S\n]{2}", rule.strip()) and not (heavy and light):
        return [level] * len(columns)
    return [levels[at] if at < len(levels) else 0 for at in columns]


def regions(across: np.ndarray, down: np.ndarray, where: str) -> tuple[tuple[int, ...] | None, tuple[int, int] | None]:
    """(regions, shape of boxes) that drawn lines enclose; (None, None) where they say nothing.

    across (side, side - 1): lines between neighbours in a row; down (side - 1, side): below each cell. A table's lines,
    which are between all cells alike, say nothing. Raises BadInput, naming `where`, for other lines that make no
    regions of side cells.
    """
    side = len(across)
    # lines that are the same everywhere are a table's, not a box's
    if across.size and (across == across.flat[0]).all():
        across = np.zeros_like(across)
    if down.size and (down == down.flat[0]).all():
        down = np.zeros_like(down)
    if not across.any() and not (down > 0).sum(0).any():
        return None, None
    for level in (2, 1):
        walls = across >= level, down >= level
        if not (walls[0].any() or walls[1].any()):
            continue
        labels = _flooded(*walls)
        sizes = np.bincount(labels)
        if len(sizes) == side and (sizes == side).all():
            found = sudoku_variants.Variant(side, sudoku_variants.numbered(tuple(labels.tolist())))
            return (None, found.shape) if found.shape else (found.regions, None)
        shape = _one_way(*walls)
        if shape:
            return None, shape
        if level == 1:
            if walls[1][0].all() and not walls[1][1:].any() and not walls[0].any():
                return None, None  # a line under a table's head
            sized = sorted(set(sizes.tolist()))[:5]
            raise BadInput(
                f"{where}: the drawn lines make {len(sizes)} regions of {', '.join(map(str, sized))} cells; "
                f"a {side}x{side} board has {side} of {side}"
            )
    return None, None


def _one_way(across: np.ndarray, down: np.ndarray) -> tuple[int, int] | None:
    """The shape of boxes of which only the vertical or only the horizontal sides are drawn."""
    side = len(across)
    if across.any() and not down.any() and (across == across[0]).all():
        wide = int(np.argmax(across[0])) + 1
        return (side // wide, wide) if side % wide == 0 and _every(across[0], wide) else None
    if down.any() and not across.any() and (down == down[:, :1]).all():
        high = int(np.argmax(down[:, 0])) + 1
        return (high, side // high) if side % high == 0 and _every(down[:, 0], high) else None
    return None


def _every(walls: np.ndarray, step: int) -> bool:
    """Whether exactly every step-th gap has a wall."""
    return bool((walls == ((np.arange(len(walls)) + 1) % step == 0)).all())


def _flooded(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """A label a cell: cells between which no wall stands share it."""
    side = len(across)
    labels = np.full((side, side), -1)
    count = 0
    for start in range(side * side):
        if labels.flat[start] >= 0:
            continue
        stack = [divmod(start, side)]
        labels.flat[start] = count
        while stack:
            r, c = stack.pop()
            near = [(r, c + 1, c + 1 < side and not across[r, c]), (r, c - 1, c > 0 and not across[r, c - 1])]
            near += [(r + 1, c, r + 1 < side and not down[r, c]), (r - 1, c, r > 0 and not down[r - 1, c])]
            for s, t, free in near:
                if free and labels[s, t] < 0:
                    labels[s, t] = count
                    stack.append((s, t))
        count += 1
    return labels.reshape(-1)


def region_map(tokens: Sequence[str]) -> tuple[int, ...] | None:
    """Regions from a board full of labels, each on side connected cells; None for anything else (a solution's equal
    values never touch).
    """
    side = round(len(tokens) ** 0.5)
    if len(set(tokens)) != side:
        return None
    counts: dict[str, int] = {}
    for token in tokens:
        counts[token] = counts.get(token, 0) + 1
    if len(counts) != side or set(counts.values()) != {side}:
        return None
    grid = np.array([list(counts).index(token) for token in tokens]).reshape(side, side)
    if len(set(_flooded(grid[:, 1:] != grid[:, :-1], grid[1:] != grid[:-1]).tolist())) != side:
        return None
    return sudoku_variants.numbered(tuple(tokens))
