"""Sudoku boards of 4, 6, 8, 9, 10, 12, 16 and 25: rules, reading and writing, symmetries, and the family of puzzles.

    >>> instance = parse("1.3." + "." * 12)     # one line a puzzle; `.` or `0` is blank
    >>> write(instance.problem, instance.givens)
    '1.3.............'

Values above 9 are written A, B, C, ... (A = 10, P = 25). Boxes: 4 has 2x2, 6 has 2 rows x 3 columns, 8 has 2x4,
9 has 3x3, 10 has 2x5, 12 has 3x4, 16 has 4x4, 25 has 5x5. Other boxes and rules: csp/families/sudoku_variants.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from csp.constraints import AllDifferent
from csp.difficulty import reference_search
from csp.errors import BadInput
from csp.families.base import Family, Symmetry
from csp.problem import Difficulty, Instance, Problem
from csp.specs import one_of

#: side: (rows, columns) of a box
BOXES = {4: (2, 2), 6: (2, 3), 8: (2, 4), 9: (3, 3), 10: (2, 5), 12: (3, 4), 16: (4, 4), 25: (5, 5)}
SIDES = range(2, 26)  # of boards of any boxes or regions
SYMBOLS = ".123456789ABCDEFGHIJKLMNOP"
CLIMB_ON = 80  # steps for a climbed puzzle of the wrong split


@cache
def board(side: int) -> Problem:
    """The empty board of that side. Raises BadInput for a side without boxes in BOXES."""
    if side not in BOXES:
        raise BadInput(f"no Sudoku board of side {side}; sides are {', '.join(map(str, BOXES))}")
    high, wide = BOXES[side]
    cells = np.arange(side * side).reshape(side, side)
    boxes = cells.reshape(side // high, high, side // wide, wide).swapaxes(1, 2).reshape(side, side)
    groups = [("row", cells), ("column", cells.T), ("box", boxes)]
    rules = [AllDifferent(tuple(scope.tolist()), name) for name, scopes in groups for scope in scopes]
    return Problem(side * side, side, tuple(rules), f"sudoku {side}x{side}")


def parse(line: str, where: str = "puzzle") -> Instance:
    """One line of 16, 36, 81, 256, ... characters as an Instance.

    Raises BadInput, naming `where`, for a wrong length, a foreign character or contradictory givens.
    """
    text = line.strip().upper().replace("0", ".")
    side = round(len(text) ** 0.5)
    if side * side != len(text) or side not in BOXES:
        lengths = ", ".join(str(s * s) for s in BOXES)
        raise BadInput(f"{where}: {len(text)} characters; a puzzle has {lengths}")
    for place, symbol in enumerate(text):
        if symbol not in SYMBOLS[: side + 1]:
            raise BadInput(
                f"{where}: {symbol!r} at character {place + 1}; "
                f"a {side}x{side} board has '.', '0' and {SYMBOLS[1]}-{SYMBOLS[side]}"
            )
    instance = Instance(board(side), np.array([SYMBOLS.index(s) for s in text]), f"sudoku{side}", where)
    check_givens(instance)
    return instance


def check_givens(instance: Instance) -> None:
    """Raises BadInput, naming the unit and the cells, if the givens break a rule."""
    if said := contradiction(instance.problem, instance.givens):
        raise BadInput(f"{instance.provenance}: givens contradict: {said}")


def contradiction(problem: Problem, assignment: Int[np.ndarray, " n"]) -> str:
    """Which cells of a Sudoku break its first broken rule, "3 at r1c1 and r1c4 of one row", say; "" if none is."""
    side = problem.d
    for index in np.nonzero(problem.violated(assignment))[0]:
        rule = problem.constraints[index]
        if not isinstance(rule, AllDifferent):
            where = " ".join(f"r{c // side + 1}c{c % side + 1}" for c in rule.scope)
            return f"the {type(rule).__name__.lower()} rule of {where}"
        cells = [c for c, bad in zip(rule.scope, rule.culprits(assignment[list(rule.scope)])) if bad]
        twice = [c for c in cells if assignment[c] == assignment[cells[0]]]
        places = " and ".join(f"r{c // side + 1}c{c % side + 1}" for c in twice)
        value = SYMBOLS[assignment[cells[0]]]
        return f"{value} at {places} of one {_unit(rule, side)}"
    return ""


def _unit(rule: AllDifferent, side: int) -> str:
    """What people call the scope: diagonals are boxes for networks only, cages have no relation at all."""
    steps = set(np.diff(rule.scope).tolist())
    diagonal = len(rule.scope) == side and rule.relation == "box" and steps in ({side + 1}, {side - 1})
    return "diagonal" if diagonal else rule.relation or "cage"


def write(problem: Problem, assignment: Int[np.ndarray, " n"]) -> str:
    """The assignment as one line, `.` where blank."""
    return "".join(SYMBOLS[v] for v in assignment)


def symmetry(rng: np.random.Generator, side: int) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " values"]]:
    """A random symmetry: (cells, relabel) such that relabel[assignment[cells]] obeys the rules iff assignment does.

    cells (n,), relabel (side + 1,). Bands, rows in a band, stacks, columns in a stack and values are permuted;
    square boxes also transpose.
    """
    high, wide = BOXES[side]
    rows = _shuffled_lines(rng, side, high)
    columns = _shuffled_lines(rng, side, wide)
    cells = rows[:, None] * side + columns[None, :]
    if high == wide and rng.random() < 0.5:
        cells = cells.T
    relabel = np.concatenate([[0], 1 + rng.permutation(side)])
    return cells.reshape(-1), relabel


def _shuffled_lines(rng: np.random.Generator, side: int, group: int) -> Int[np.ndarray, " side"]:
    """Lines 0..side-1 with groups of `group` shuffled, and the lines within each group."""
    lines = rng.permuted(np.arange(side).reshape(-1, group), axis=1)
    return lines[rng.permutation(side // group)].reshape(-1)


@dataclass(frozen=True)
class Sudoku(Family):
    """Puzzles of one side. A random grid loses clues in random order while its solution stays the only one.

    clues: stop at so many (0: at none to spare). solutions: unique; or several = then 1 to 4 clues more are blanked.
    climb: steps of a hill climb to harder puzzles: blank one clue, put others back until the solution is the only one
      again, keep what needs at least as many guesses. Drawn so, puzzles are hard but not a fair sample of hard ones.
    """

    side: int = 9
    clues: int = 0
    solutions: str = "unique"
    climb: int = 0

    about: ClassVar[str] = "Sudoku, a random grid less the clues it can spare"
    fixed: ClassVar[tuple[str, ...]] = ("side",)

    def __post_init__(self) -> None:
        """Raises BadInput for words that do not go together."""
        one_of("solutions", self.solutions, ("unique", "several"))
        if not 0 <= self.clues <= self.side**2 or self.climb < 0:
            raise BadInput(f"clues is from 0 to {self.side**2}, climb at least 0")
        if self.clues and (self.climb or self.solutions == "several"):
            raise BadInput("clues goes with unique puzzles that are not climbed: others have none to spare")

    @property
    def kind(self) -> str:
        """sudoku9 and so on."""
        return f"sudoku{self.side}"

    def symmetry(self, rng: np.random.Generator, cells: int) -> Symmetry:
        return symmetry(rng, self.side)

    def accepts(self, difficulty: Difficulty) -> bool:
        return difficulty.unique == (self.solutions == "unique")

    def propose(self, rng: np.random.Generator) -> Instance | None:
        problem = board(self.side)
        grid = self._filled(problem, rng)
        if grid is None:
            return None
        givens = reference_search.thin(problem, grid, rng.permutation(problem.n), problem.n - self.clues)
        givens = self._climb(grid, givens, rng, self.climb)
        if self.solutions == "several":
            givens[rng.choice(np.nonzero(givens)[0], size=int(rng.integers(1, 5)), replace=False)] = 0
        return self._candidate(problem, givens, grid)

    def again(self, rejected: Instance, rng: np.random.Generator) -> Instance | None:
        """A climbed puzzle steps aside, whatever that costs, and climbs on from there."""
        if not self.climb or self.solutions == "several":
            return self.propose(rng)
        aside = _neighbour(rejected.witness, rejected.givens, rng)
        givens = self._climb(rejected.witness, aside, rng, CLIMB_ON)
        return self._candidate(rejected.problem, givens, rejected.witness)

    def _climb(self, grid, givens, rng, steps: int) -> Int[np.ndarray, " n"]:
        """The puzzle after so many steps to neighbouring puzzles of its grid, none of which needs fewer guesses."""
        problem = board(self.side)
        need = reference_search.grade(problem, givens).guesses if steps else 0
        for _ in range(steps):
            other = _neighbour(grid, givens, rng)
            guesses = reference_search.grade(problem, other).guesses
            if guesses >= need:
                givens, need = other, guesses
        return givens


@dataclass(frozen=True)
class Grid(Family):
    """Empty boards, to be filled in any way. All are one puzzle, so there are no splits: ask for split any."""

    side: int = 6

    about: ClassVar[str] = "empty Sudoku board, for nets that are trained on complete grids and then controlled"
    fixed: ClassVar[tuple[str, ...]] = ("side",)

    @property
    def kind(self) -> str:
        """grid6 and so on."""
        return f"grid{self.side}"

    def symmetry(self, rng: np.random.Generator, cells: int) -> Symmetry:
        return symmetry(rng, self.side)

    def propose(self, rng: np.random.Generator) -> Instance | None:
        problem = board(self.side)
        return self._candidate(problem, np.zeros(problem.n, dtype=np.int64), self._filled(problem, rng))


def _neighbour(grid, givens, rng: np.random.Generator) -> Int[np.ndarray, " n"]:
    """A puzzle of the same grid without clues to spare: one clue is lost, others come as far as they are needed."""
    shown, blank = np.nonzero(givens)[0], np.nonzero(givens == 0)[0]
    out = rng.choice(shown, size=1, replace=False)
    order = np.concatenate([out, rng.permutation(blank), rng.permutation(np.setdiff1d(shown, out))])
    return reference_search.thin(board(round(len(grid) ** 0.5)), grid, order)
