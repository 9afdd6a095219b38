"""Boards as text: one line a puzzle, or grids.

One line: 16, 36, 64, 81, ... symbols. Grid: as many lines as a line has symbols; spaces, `|`, and lines of `-+=` are
decoration, `.`, `0`, `_` and `*` blank. `#` begins a comment; `# latin 8x8` says that what follows are Latin squares of
that side (2 to 25, no boxes), `# sudoku 6x6 boxes 3x2` that they are Sudokus with boxes of 3 rows x 2 columns (also
`regions 111222...`, a symbol a cell, and `diagonals`), `# sudoku` that it is plain Sudokus again. Lines of 16 symbols
are 4x4 puzzles, unless one of them holds a symbol above 4: then they are rows of 16x16 grids.

This is the text that is written here, and its reader; other people's text: experiments/puzzle_files/sudoku_text.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from csp.errors import BadInput
from csp.families import latin, sudoku, sudoku_variants
from csp.families.sudoku_variants import Variant
from csp.io.instance_records import is_board
from csp.problem import Instance

DECORATION = re.compile(r"[\s|]")
KIND = re.compile(
    r"# ?(?:(?P<latin>latin (?P<side>\d{1,9})x(?P=side))"
    r"|sudoku(?: (?P<wide>\d{1,2})x(?P=wide)(?: boxes (?P<box>\d{1,2}x\d{1,2})| regions (?P<regions>\w{4,625}))?"
    r"(?P<cross> diagonals)?)?)"
)
RULE = re.compile(r"[-+=|\s]*")
BLANKS = str.maketrans("0_*", "...")


class Kind(NamedTuple):
    """What a comment says of the boards after it. latin: side of Latin squares, 0 for Sudokus. variant: None: plain."""

    latin: int = 0
    variant: Variant | None = None


def kind_of(comment: str, spot: str) -> Kind | None:
    """What a comment says of the boards after it; None if it says nothing of them.

    Raises BadInput, naming `spot`, for boards that there are none of.
    """
    match = KIND.fullmatch(comment)
    if not match:
        return None
    if match["latin"]:
        if int(match["side"]) not in latin.SIDES:
            raise BadInput(f"{spot}: Latin squares have sides from 2 to 25")
        return Kind(latin=int(match["side"]))
    if not match["wide"]:
        return Kind()
    side = int(match["wide"])
    try:
        if match["regions"]:
            regions = sudoku_variants.numbered(tuple(match["regions"]))
        else:
            box = match["box"] and tuple(map(int, match["box"].split("x")))
            regions = sudoku_variants.boxes(side, *box) if box else sudoku_variants.plain(side).regions
        return Kind(variant=Variant(side, regions, bool(match["cross"])))
    except BadInput as fault:
        raise BadInput(f"{spot}: {fault}") from None


def read(text: str, where: str) -> list[Instance]:
    """The puzzles of a text, in order. Raises BadInput, naming the line, for anything malformed."""
    kind, made = Kind(), []
    lines: list[tuple[int, str]] = []
    for number, raw in enumerate([*text.splitlines(), "# sudoku"], 1):
        line = raw.strip()
        if line.startswith("#") or re.match(r"grid\b", line, re.IGNORECASE):
            new = kind_of(line, f"{where}, line {number}")
            if new:
                made += _puzzles(kind, lines, where)
                kind, lines = new, []
        elif line and not RULE.fullmatch(line):
            lines.append((number, DECORATION.sub("", line).upper().translate(BLANKS)))
        elif line and len(line) > 40 and set(line) == {"-"}:
            raise BadInput(f"{where}, line {number}: {len(line)} dashes; a blank cell is '.' or '0'")
    if not made:
        raise BadInput(f"{where}: no puzzle in it")
    return made


def _puzzles(kind: Kind, lines: list[tuple[int, str]], where: str) -> list[Instance]:
    """Puzzles of one kind from cleaned lines."""
    latin_side = kind.latin or (kind.variant.side if kind.variant else 0)
    sides = (latin_side,) if latin_side else tuple(sudoku.BOXES)
    sixteen = any(len(line) == 16 and set(line) & set(sudoku.SYMBOLS[5:17]) for _, line in lines)
    made, at = [], 0
    while at < len(lines):
        number, line = lines[at]
        side, height = len(line), 1
        if side in sides and (side != 16 or sixteen or latin_side):
            height = side
        rows = [row for _, row in lines[at : at + height]]
        spot = f"{where}, line {number}"
        if height > 1 and [len(row) for row in rows] != [side] * side:
            raise BadInput(f"{spot}: a grid with rows of {side} symbols has {side} of them; found {_runs(rows, side)}")
        made.append(puzzle(kind, "".join(rows), spot))
        at += height
    return made


def _runs(rows: list[str], side: int) -> str:
    good = next((i for i, row in enumerate(rows) if len(row) != side), len(rows))
    return f"{good}, then a line of {len(rows[good])}" if good < len(rows) else f"{good}"


def puzzle(kind: Kind, cells: str, spot: str) -> Instance:
    """The puzzle of a kind whose cells are these symbols. Raises BadInput, naming `spot`, for anything malformed."""
    if kind == Kind():
        return sudoku.parse(cells, spot)
    side = kind.latin or kind.variant.side
    what = "Latin square" if kind.latin else "Sudoku"
    if side * side != len(cells):
        raise BadInput(f"{spot}: {len(cells)} symbols; a {what} of side {side} has rows of {side}")
    for place, symbol in enumerate(cells):
        if symbol not in sudoku.SYMBOLS[: side + 1]:
            most = sudoku.SYMBOLS[side]
            raise BadInput(f"{spot}: {symbol!r} at cell {place + 1}; a {what} of side {side} has 1-{most}")
    givens = np.array([sudoku.SYMBOLS.index(symbol) for symbol in cells])
    board = latin.board(side) if kind.latin else sudoku_variants.problem(kind.variant)
    instance = Instance(board, givens, f"{'latin' if kind.latin else 'sudoku'}{side}", spot)
    sudoku.check_givens(instance)
    return instance


def _header(instance: Instance) -> str:
    """The comment that says its kind of board. Raises BadInput if it is none, or has rules that no comment holds."""
    name = instance.problem.name
    if not is_board(instance.problem):
        raise BadInput(f"{instance.provenance}: a {name} is no board; write .jsonl, .col or .cnf")
    variant = sudoku_variants.variant_of(instance.problem)
    if variant is None:
        return f"# {name}"
    if variant.header is None:
        raise BadInput(f"{instance.provenance}: text holds no cages and no candidates; write .jsonl or .parquet")
    return f"# {variant.header}"


def write_lines(instances: Iterable[Instance]) -> str:
    """One line a puzzle. Raises BadInput for a graph."""
    said, kind = [], "# sudoku"
    for instance in instances:
        if _header(instance) != kind:
            said.append(kind := _header(instance))
        said.append(sudoku.write(instance.problem, instance.givens))
    return "\n".join(said) + "\n"


def write_grids(instances: Iterable[Instance]) -> str:
    """Grids with lines between boxes, each under a comment with its id and search need. Raises BadInput for a graph."""
    said, kind = [], "# sudoku"
    for number, instance in enumerate(instances, 1):
        if _header(instance) != kind:
            said.append(kind := _header(instance))
        need = instance.difficulty
        about = "" if need is None else f", {need.guesses} guess{'es' * (need.guesses != 1)}"
        said.append(f"# {number}: {instance.id}{about}")
        said.append(grid(instance, instance.givens) + "\n")
    return "\n".join(said)


def grid(instance: Instance, assignment: np.ndarray) -> str:
    """An assignment (n,) of a board as a grid."""
    side = instance.problem.d
    variant = sudoku_variants.variant_of(instance.problem)
    high, wide = (variant and variant.shape) or (side, side)
    rows = []
    for r, row in enumerate(assignment.reshape(side, side)):
        symbols = [sudoku.SYMBOLS[v] for v in row]
        boxes = [" ".join(symbols[c : c + wide]) for c in range(0, side, wide)]
        if r and r % high == 0:
            rows.append("-+-".join("-" * len(box) for box in boxes))
        rows.append(" | ".join(boxes))
    return "\n".join(rows)
