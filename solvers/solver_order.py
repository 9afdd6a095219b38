"""Solver order: the cell that a single settles first, then fewest legal values, then most blank neighbours."""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Int

from solvers.propagate import Near


def solver_rank(assignments: Int[np.ndarray, "batch N"], near: Near, d: int) -> Int[np.ndarray, "batch N"]:
    """How soon a person would fill each blank cell, lowest first: the solver order.

    A cell without a legal value, one with a single legal value (naked single), one that is the last place of a value
    in a scope (hidden single), then by number of legal values; among equals most blank neighbours. near: one for all
    boards or one a board.
    """
    ranks = np.zeros(assignments.shape, dtype=np.int64)
    _solver_ranks(assignments, *near, d, ranks)
    return ranks


def solver_sequence(
    givens: Int[np.ndarray, "batch N"], solutions: Int[np.ndarray, "batch N"], near: Near, d: int
) -> Int[np.ndarray, "batch N"]:
    """Each board's cells in solver order when the blanks are filled with the solution: givens first, padding (cells
    that are 0 in the solution) last.
    """
    made = np.zeros(givens.shape, dtype=np.int64)
    _sequences(givens, solutions, *near, d, made)
    return made


@numba.njit(cache=True)
@no_type_check
def solver_row(assignment, starts, neighbours, covers, d, ranks):
    """solver_rank of one board, for compiled loops: written to ranks; those of committed cells mean nothing."""
    n = len(assignment)
    left = np.empty(n, dtype=np.int64)  # legal values as bits
    full = (1 << d) - 1
    for cell in range(n):
        bits, blank = full, 0
        for place in range(starts[cell], starts[cell + 1]):
            value = assignment[neighbours[place]]
            if value:
                bits &= ~(1 << (value - 1))
            else:
                blank += 1
        left[cell] = bits
        size = 0
        while bits:
            bits &= bits - 1
            size += 1
        ranks[cell] = (size if size < 2 else size + 1) * (n + 1) - blank
    for group in range(len(covers)):
        if covers[group, 0] < 0:
            continue
        once, twice = 0, 0
        for cell in covers[group]:
            bits = 1 << (assignment[cell] - 1) if assignment[cell] else left[cell]
            twice |= once & bits
            once |= bits
        for cell in covers[group]:
            if assignment[cell] == 0 and left[cell] & once & ~twice and ranks[cell] > 2 * (n + 1):
                bits = left[cell]
                while bits:
                    bits &= bits - 1
                    ranks[cell] -= n + 1
                ranks[cell] += n + 1


@numba.njit(cache=True)
@no_type_check
def _solver_ranks(assignments, starts, neighbours, covers, d, ranks):
    for row in range(len(assignments)):
        b = row if len(starts) > 1 else 0
        solver_row(assignments[row], starts[b], neighbours[b], covers[b], d, ranks[row])


@numba.njit(cache=True)
@no_type_check
def _sequences(givens, solutions, starts, neighbours, covers, d, made):
    n = givens.shape[1]
    ranks = np.zeros(n, dtype=np.int64)
    for row in range(len(givens)):
        b = row if len(starts) > 1 else 0
        state = givens[row].copy()
        count = 0
        for cell in range(n):
            if givens[row, cell]:
                made[row, count] = cell
                count += 1
        while True:
            solver_row(state, starts[b], neighbours[b], covers[b], d, ranks)
            best = -1
            for cell in range(n):
                if state[cell] == 0 and solutions[row, cell] and (best < 0 or ranks[cell] < ranks[best]):
                    best = cell
            if best < 0:
                break
            made[row, count] = best
            state[best] = solutions[row, best]
            count += 1
        for cell in range(n):
            if solutions[row, cell] == 0:
                made[row, count] = cell
                count += 1
