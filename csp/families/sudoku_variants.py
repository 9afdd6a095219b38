"""Sudoku boards with other rules than the plain one: box shapes, jigsaw regions, diagonals, cages, candidates.

    >>> six = Variant(6, boxes(6, 3, 2))            # 3 rows x 2 columns a box
    >>> problem(six).name
    'sudoku 6x6 boxes 3x2'
    >>> variant_of(problem(six)) == six
    True

A Variant says what a board is; `problem` makes the board, `variant_of` reads it back from a problem's constraints.
Networks know three relations on a board: row, column, box. A jigsaw's regions are its boxes; cells of one diagonal
differ as cells of one box do, so they are told as box too, and networks that were trained on plain boards can be run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from csp.constraints import AllDifferent
from csp.errors import BadInput
from csp.families import sudoku
from csp.global_constraints import Allowed, Sum
from csp.problem import Problem

Cells = tuple[int, ...]


@dataclass(frozen=True)
class Variant:
    """What a Sudoku board is beside its size.

    regions: of each cell, numbered from 0 in the order in which they begin; side of them with side cells each.
    diagonals: whether both hold each value once. cages: (sum, cells) whose values differ and make that sum.
    allowed: (cell, values that rise), at most one a cell. Raises BadInput for what is no such board.
    """

    side: int
    regions: Cells
    diagonals: bool = False
    cages: tuple[tuple[int, Cells], ...] = ()
    allowed: tuple[tuple[int, Cells], ...] = ()

    def __post_init__(self) -> None:
        side, n = self.side, self.side**2
        if side not in sudoku.SIDES or len(self.regions) != n:
            raise BadInput(f"a board of side {side} with {len(self.regions)} cells; sides are from 2 to 25")
        sizes = np.bincount(np.array(self.regions))
        if list(dict.fromkeys(self.regions)) != list(range(side)) or (sizes != side).any():
            raise BadInput(
                f"regions of sizes {sorted(set(sizes.tolist()))}; a board of side {side} has {side} of {side}"
            )
        for cells in (cage for _, cage in self.cages):
            if not cells or len(set(cells)) < len(cells) or not all(0 <= cell < n for cell in cells):
                raise BadInput(f"a cage of cells {list(cells)[:9]}; a cage holds different cells of the board")
            if len(cells) > side:
                raise BadInput(f"a cage of {len(cells)} cells; its values differ, so it has up to {side}")

    @property
    def shape(self) -> tuple[int, int] | None:
        """(rows, columns) of its boxes, None for a jigsaw."""
        wide = 1
        while wide < self.side and self.regions[wide] == self.regions[0]:
            wide += 1
        high = self.side // wide
        return (high, wide) if high * wide == self.side and self.regions == boxes(self.side, high, wide) else None

    @property
    def plain(self) -> bool:
        """Whether it is nothing but a board with the boxes that its side usually has."""
        return self.shape == sudoku.BOXES.get(self.side) and not (self.diagonals or self.cages or self.allowed)

    @property
    def header(self) -> str | None:
        """What a comment says before boards of this kind, "sudoku" for plain ones; None if no comment can hold it."""
        if self.cages or self.allowed:
            return None
        if self.plain:
            return "sudoku"
        words = f"sudoku {self.side}x{self.side}"
        if self.shape is None:
            words += f" regions {''.join(sudoku.SYMBOLS[region + 1] for region in self.regions)}"
        elif self.shape != sudoku.BOXES.get(self.side):
            words += f" boxes {self.shape[0]}x{self.shape[1]}"
        return words + " diagonals" * self.diagonals


def boxes(side: int, high: int, wide: int) -> Cells:
    """Regions of `high` rows x `wide` columns. Raises BadInput if those do not tile the board."""
    if high < 1 or wide < 1 or high * wide != side:
        raise BadInput(f"boxes of {high}x{wide} cells; on a board of side {side} a box has {side}")
    row, column = np.divmod(np.arange(side * side), side)
    return tuple((row // high * (side // wide) + column // wide).tolist())


def plain(side: int) -> Variant:
    """The board with its usual boxes. Raises BadInput for a side that has none."""
    if side not in sudoku.BOXES:
        raise BadInput(f"no usual boxes on a board of side {side}")
    return Variant(side, boxes(side, *sudoku.BOXES[side]))


def numbered(labels: tuple) -> Cells:
    """Regions from any labels of the cells, numbered in the order in which they begin."""
    order = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    return tuple(order[label] for label in labels)


def diagonals(side: int) -> tuple[Cells, Cells]:
    """The cells of both diagonals."""
    return tuple(i * side + i for i in range(side)), tuple(i * side + side - 1 - i for i in range(side))


@lru_cache(maxsize=512)
def problem(variant: Variant) -> Problem:
    """The empty board; of a plain one, the same object as sudoku.board's. Raises BadInput for sums out of reach."""
    side = variant.side
    if variant.plain:
        return sudoku.board(side)
    cells = np.arange(side * side).reshape(side, side)
    rules: list = [AllDifferent(tuple(scope.tolist()), "row") for scope in cells]
    rules += [AllDifferent(tuple(scope.tolist()), "column") for scope in cells.T]
    of_region = np.argsort(np.array(variant.regions), kind="stable").reshape(side, side)
    rules += [AllDifferent(tuple(scope.tolist()), "box") for scope in of_region]
    if variant.diagonals:
        rules += [AllDifferent(scope, "box") for scope in diagonals(side)]
    for total, scope in variant.cages:
        rules += [Sum(scope, total, side), AllDifferent(scope, "")]
    rules += [Allowed((cell,), values) for cell, values in variant.allowed]
    return Problem(side * side, side, tuple(rules), _name(variant))


def _name(variant: Variant) -> str:
    """What messages call it."""
    name = f"sudoku {variant.side}x{variant.side}"
    if variant.shape is None:
        name = f"jigsaw {name}"
    elif variant.shape != sudoku.BOXES.get(variant.side):
        name += f" boxes {variant.shape[0]}x{variant.shape[1]}"
    name += " diagonals" * variant.diagonals
    name += f" with {len(variant.cages)} cages" * bool(variant.cages)
    return name + f" with candidates of {len(variant.allowed)} cells" * bool(variant.allowed)


def variant_of(board: Problem) -> Variant | None:
    """The variant that a problem is, None if it is no Sudoku board."""
    side = board.d
    if side not in sudoku.SIDES or board.n != side**2 or len(board.constraints) < 3 * side:
        return None
    scopes = [rule.scope for rule in board.constraints[2 * side : 3 * side] if isinstance(rule, AllDifferent)]
    labels = np.full(board.n, -1)
    for number, scope in enumerate(scopes):
        labels[list(scope)] = number
    rest = board.constraints[3 * side :]
    crossed = tuple(rule.scope for rule in rest[:2] if isinstance(rule, AllDifferent)) == diagonals(side)
    cages = tuple((rule.total, rule.scope) for rule in rest if isinstance(rule, Sum))
    allowed = tuple((rule.scope[0], rule.values) for rule in rest if isinstance(rule, Allowed))
    try:
        variant = Variant(side, numbered(tuple(labels.tolist())), crossed, cages, allowed)
        made = problem(variant)
    except BadInput:
        return None
    return variant if made.constraints == board.constraints else None
