"""Solver order: the cell that a single settles first, then fewest legal values, then most blank neighbours.

    >>> ranks = solver_rank(boards, near, d)                    # (batch, n); near: see solvers/propagate.py
    >>> next_cell = np.where(boards == 0, ranks, ranks.max() + 1).argmin(1)
    >>> order = solver_sequence(givens, solutions, near, d)     # (batch, n): cells, the givens first

A rank is one number, step * (n + 1) - blank neighbours: the step decides, neighbours only among equal steps, since a
cell has fewer than n + 1 of them. Steps: 0 = no legal value, 1 = naked single, 2 = hidden single, and k + 1 for k >= 2
legal values.
"""

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
    boards or one a board. Ranks of committed cells mean nothing.
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
    """solver_rank of one board, for compiled loops: written to ranks (n,); those of committed cells mean nothing."""
    n = len(assignment)
    step = n + 1  # above any number of blank neighbours
    left = np.empty(n, dtype=np.int64)  # legal values as bits: v - 1 for value v
    full = (1 << d) - 1

    # by number of legal values; from two on a step is kept free below, for hidden singles
    for cell in range(n):
        bits, blank = full, 0
        for place in range(starts[cell], starts[cell + 1]):
            value = assignment[neighbours[place]]
            if value:
                bits &= ~(1 << (value - 1))
            else:
                blank += 1
        left[cell] = bits
        size = _size(bits)
        ranks[cell] = (size if size < 2 else size + 1) * step - blank

    # hidden singles: a cell with several legal values, one of which fits nowhere else in the scope
    for group in range(len(covers)):
        if covers[group, 0] < 0:  # a row that is not used
            continue
        once, twice = 0, 0  # values with at least one, at least two places
        for cell in covers[group]:
            bits = 1 << (assignment[cell] - 1) if assignment[cell] else left[cell]
            twice |= once & bits
            once |= bits
        for cell in covers[group]:
            # above 2 steps: neither a naked single nor a hidden one already, which would be moved twice
            if assignment[cell] == 0 and left[cell] & once & ~twice and ranks[cell] > 2 * step:
                ranks[cell] -= (_size(left[cell]) - 1) * step  # from size + 1 to 2


@numba.njit(cache=True)
@no_type_check
def _size(bits):
    """How many bits are set."""
    size = 0
    while bits:
        bits &= bits - 1
        size += 1
    return size


@numba.njit(cache=True)
@no_type_check
def _solver_ranks(assignments, starts, neighbours, covers, d, ranks):
    """solver_row of every board."""
    for row in range(len(assignments)):
        b = row if len(starts) > 1 else 0  # which problem: each board's own, or the one that all share
        solver_row(assignments[row], starts[b], neighbours[b], covers[b], d, ranks[row])


@numba.njit(cache=True)
@no_type_check
def _sequences(givens, solutions, starts, neighbours, covers, d, made):
    """See solver_sequence; written to made (batch, n)."""
    n = givens.shape[1]
    ranks = np.zeros(n, dtype=np.int64)
    for row in range(len(givens)):
        b = row if len(starts) > 1 else 0  # which problem: each board's own, or the one that all share
        state = givens[row].copy()
        count = 0  # places of the sequence that are filled

        # the givens
        for cell in range(n):
            if givens[row, cell]:
                made[row, count] = cell
                count += 1

        # the blanks: the first in solver order takes its value, then the order is asked again
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

        # padding
        for cell in range(n):
            if solutions[row, cell] == 0:
                made[row, count] = cell
                count += 1
