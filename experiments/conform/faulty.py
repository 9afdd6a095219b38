"""Solvers with a planted fault each, which the properties must catch: a check of the checks.

    takeback conform solver experiments.conform.faulty:misses_boxes                     # fails "checker"
    takeback conform solver experiments.conform.faulty:loses_a_given                    # fails "givens"
    takeback conform solver experiments.conform.faulty:calls_unknown_unsolvable         # fails "unsolvable"

tests/experiments/test_conform.py sees that each is caught within 200 draws.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from csp.problem import Instance
from solvers.oracles.pick import settle
from solvers.search.depth_first import depth_first


def misses_boxes(puzzle: Instance) -> np.ndarray | None:
    """Right of a Sudoku without its boxes, of a graph without its last edge: (n,), or None.

    One box alone could be missed without a fault: rows, columns and the boxes beside it imply it.
    """
    rules = puzzle.problem.constraints
    plain = tuple(rule for rule in rules if rule.relation != "box")
    fewer = replace(puzzle.problem, constraints=plain if len(plain) < len(rules) else rules[:-1])
    return settle(replace(puzzle, problem=fewer))


def loses_a_given(puzzle: Instance) -> np.ndarray | None:
    """Right of the puzzle without its first given: (n,), or None."""
    givens = puzzle.givens.copy()
    givens[np.nonzero(givens)[0][:1]] = 0
    return settle(replace(puzzle, givens=givens))


def calls_unknown_unsolvable(puzzle: Instance) -> np.ndarray | None:
    """Searches for twenty commits, and says that there is no solution where it found none by then:
    (n,), or None.
    """
    trace = depth_first(puzzle, 0, budget=20)
    if trace.end != "solved":
        return None
    grid = puzzle.givens.copy()
    for _, cell, value in trace.events:
        grid[cell] = value
    return grid
