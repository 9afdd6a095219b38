"""Answers found by trying everything, to hold quicker ones against: all solutions of a small problem, debts.

    >>> extending(instance.problem, state)          # (solutions, n): the solutions that extend an assignment

Nothing here shares code with a solver, an oracle or the checker: rules are read naively, value by value.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
from jaxtyping import Int

from csp.constraints import Constraint
from csp.families import sudoku
from csp.global_constraints import Allowed, Among, Increasing, NValues, Sum
from csp.problem import Instance, Problem

MOST = 100_000  # assignments that are tried


def is_small(problem: Problem) -> bool:
    """Whether solutions_of takes the problem: the 4x4 board, or d ** n of at most MOST."""
    return _is_sudoku4(problem) or problem.d**problem.n <= MOST


def _is_sudoku4(problem: Problem) -> bool:
    return problem.constraints == sudoku.board(4).constraints


@lru_cache(maxsize=512)
def solutions_of(problem: Problem) -> Int[np.ndarray, "solutions n"]:
    """All solutions of a small problem, by plain enumeration; see is_small."""
    if _is_sudoku4(problem):
        return _sudoku4()
    boards = np.array(list(product(range(1, problem.d + 1), repeat=problem.n)), dtype=np.int64)
    for rule in problem.constraints:
        boards = boards[np.array([keeps(rule, held) for held in boards[:, rule.scope].tolist()], dtype=bool)]
    return boards


def keeps(rule: Constraint, held: list[int] | tuple[int, ...]) -> bool:
    """Whether the values of its scope, none of them blank, keep a rule."""
    if isinstance(rule, Among):
        return rule.low <= len([value for value in held if value in rule.values]) <= rule.high
    if isinstance(rule, Allowed):
        return held[0] in rule.values
    if isinstance(rule, Sum):
        return sum(held) == rule.total
    if isinstance(rule, Increasing):
        return list(held) == sorted(set(held))
    if isinstance(rule, NValues):
        return rule.low <= len(set(held)) <= rule.high
    return len(set(held)) == len(held)


def _sudoku4() -> Int[np.ndarray, "288 16"]:
    """The 288 grids: two rows that fill two boxes, above two such rows with which all columns hold 1 to 4."""
    rows = [row for row in product((1, 2, 3, 4), repeat=4) if len(set(row)) == 4]
    bands = [a + b for a, b in product(rows, rows) if not set(a[:2]) & set(b[:2]) and not set(a[2:]) & set(b[2:])]
    grids = [
        top + bottom
        for top, bottom in product(bands, bands)
        if all(len({top[c], top[c + 4], bottom[c], bottom[c + 4]}) == 4 for c in range(4))
    ]
    return np.array(grids, dtype=np.int64)


def extending(problem: Problem, assignment: Int[np.ndarray, " n"]) -> Int[np.ndarray, "solutions n"]:
    """The solutions that extend an assignment."""
    every = solutions_of(problem)
    return every[((every == assignment) | (assignment == 0)).all(1)]


def brute_debt(instance: Instance, assignment: Int[np.ndarray, " n"]) -> int:
    """Fewest committed cells to blank, by trying every solution. Raises ValueError if the instance has none."""
    every = extending(instance.problem, instance.givens)
    return int(((every != assignment) & (assignment > 0)).sum(1).min())
