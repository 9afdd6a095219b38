"""What the rules say at once, without search, for a whole batch: legal values, visible signs of a dead end.

    >>> problem = sudoku.board(4)
    >>> near = Near(*(array[None] for array in reference_search.compiled(problem)))     # all boards share one problem
    >>> allowed, clash, inconsistent = inspect(boards, near, problem.d, level=1)        # boards (batch, 16)

`inspect` asks propagation; `supported` asks a search, so its answers are exact and its price has no bound.
"""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Int

from csp.difficulty import kernels

propagation, search = kernels.propagate, kernels.search  # plain names: numba resolves them when it compiles

NO_BUDGET = 1 << 60  # more branchings than any search lives to see: "supported" is exact or it does not end


class Near(NamedTuple):
    """Who must differ from whom, as the compiled loops here want it; a batch axis of 1 where all boards share it.

    Cell i's neighbours are neighbours[b, starts[b, i]:starts[b, i + 1]]; covers are scopes of d cells that hold each
    value once, -1 in rows that are not used.
    """

    starts: Int[np.ndarray, "shared N+1"]
    neighbours: Int[np.ndarray, "shared E"]
    covers: Int[np.ndarray, "shared G d"]


def inspect(
    assignments: Int[np.ndarray, "batch N"], near: Near, d: int, level: int = 0
) -> tuple[Bool[np.ndarray, "batch N d"], Bool[np.ndarray, "batch N"], Bool[np.ndarray, " batch"]]:
    """(allowed, clash, inconsistent): values that may be committed, cells in conflict, boards that cannot be right.

    level 0: a value is allowed unless a neighbour holds it; 1: nor if unit propagation (naked singles to a fixpoint)
    finds a contradiction once it is committed; 2: the same with hidden singles. inconsistent: two cells clash, a blank
    cell has no legal value, or (from level 1 on) propagation finds a contradiction without any further commit; where
    that is before any look ahead, allowed is what level 0 says.
    """
    allowed = np.ones((*assignments.shape, d), dtype=bool)
    clash = np.zeros(assignments.shape, dtype=bool)
    inconsistent = np.zeros(len(assignments), dtype=bool)
    _inspect(assignments, *near, d, level, allowed, clash, inconsistent)
    return allowed, clash, inconsistent


def supported(assignments: Int[np.ndarray, "batch N"], near: Near, d: int) -> Bool[np.ndarray, "batch N d"]:
    """Whether some solution extends each assignment with that value there, decided by search: all False on a dead one.

    For committed cells, their own value if the assignment is alive. Cells that no rule relates to any other (padding)
    support every value of an assignment that is alive.
    """
    found = np.zeros((*assignments.shape, d), dtype=bool)
    _supported(assignments, *near, d, found)
    return found


@numba.njit(cache=True)
@no_type_check
def _in_use(covers):
    """The rows of covers that hold a scope."""
    groups = 0
    while groups < len(covers) and covers[groups, 0] >= 0:
        groups += 1
    return covers[:groups]


@numba.njit(cache=True)
@no_type_check
def _inspect(assignments, starts, neighbours, covers, d, level, allowed, clash, inconsistent):
    """See inspect, whose three answers are written in place: allowed starts as all True, the others as all False."""
    n = assignments.shape[1]
    full = (1 << d) - 1
    domains, scratch = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    fixed, known = np.empty(n, dtype=np.bool_), np.empty(n, dtype=np.bool_)
    for row in range(len(assignments)):
        b = row if len(starts) > 1 else 0  # which problem: each board's own, or the one that all share

        # level 0: what neighbours hold is not legal; an equal neighbour, or no legal value left, shows at a glance
        for cell in range(n):
            own = assignments[row, cell]
            for place in range(starts[b, cell], starts[b, cell + 1]):
                value = assignments[row, neighbours[b, place]]
                if value:
                    allowed[row, cell, value - 1] = False
                    if value == own:
                        clash[row, cell] = True
                        inconsistent[row] = True
            if own == 0 and not allowed[row, cell].any():
                inconsistent[row] = True
        if level == 0 or inconsistent[row]:
            continue

        # propagate the board as it stands, once: every look ahead below goes on from this state
        scopes = _in_use(covers[b])
        for cell in range(n):
            domains[cell] = 1 << (assignments[row, cell] - 1) if assignments[row, cell] else full
            fixed[cell] = False
        if not propagation(domains, fixed, starts[b], neighbours[b], scopes, full, level > 1):
            inconsistent[row] = True
            continue

        # look ahead: commit each value that is left to each blank cell, and propagate again
        for cell in range(n):
            if assignments[row, cell] or starts[b, cell] == starts[b, cell + 1]:  # without neighbours: padding
                continue
            several = domains[cell] & (domains[cell] - 1)  # 0 where one is left: its consequences are drawn already
            for value in range(d):
                bit = 1 << value
                if not domains[cell] & bit:
                    allowed[row, cell, value] = False
                elif several:
                    scratch[:] = domains
                    known[:] = fixed
                    scratch[cell] = bit
                    fine = propagation(scratch, known, starts[b], neighbours[b], scopes, full, level > 1)
                    allowed[row, cell, value] = fine
            if not allowed[row, cell].any():
                inconsistent[row] = True


@numba.njit(cache=True)
@no_type_check
def _supported(assignments, starts, neighbours, covers, d, found):
    """See supported, whose answer is written to found, all False at the start.

    A solution supports all of its values at once, so most of them are never asked for.
    """
    n = assignments.shape[1]
    full = (1 << d) - 1
    order = np.empty((n, d), dtype=np.int64)  # values in rising order, for every cell
    for value in range(d):
        order[:, value] = value
    solution = np.zeros(n, dtype=np.int64)
    domains = np.empty(n, dtype=np.int64)
    for row in range(len(assignments)):
        b = row if len(starts) > 1 else 0  # which problem: each board's own, or the one that all share
        scopes = _in_use(covers[b])

        # cell -1 asks for any solution (once, by "value" 0): without one, no value needs a search
        for cell in range(-1, n):
            if cell >= 0 and (assignments[row, cell] or starts[b, cell] == starts[b, cell + 1]):
                continue
            for value in range(1 if cell < 0 else d):
                if cell >= 0 and found[row, cell, value]:
                    continue
                for other in range(n):
                    domains[other] = 1 << (assignments[row, other] - 1) if assignments[row, other] else full
                if cell >= 0:
                    domains[cell] &= 1 << value
                count, _, _, _ = search(
                    domains, starts[b], neighbours[b], scopes, d, order, 1, False, NO_BUDGET, solution
                )
                if count:
                    for other in range(n):
                        found[row, other, solution[other] - 1] = True
                elif cell < 0:
                    break
            if cell < 0 and not found[row].any():
                break

        # padding has no neighbours, so whatever it holds a solution stays one
        if found[row].any():
            for cell in range(n):
                if starts[b, cell] == starts[b, cell + 1] and not assignments[row, cell]:
                    found[row, cell, :] = True
