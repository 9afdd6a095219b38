"""What can be said of every state along a trace at once: compiled loops over its events, one pass each.

cells, values (events,): what was written where, 0 = taken back. Problems of pairwise constraints, as the arrays of
csp.reference.compiled: cell i must differ from neighbours[starts[i]:starts[i + 1]].
"""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np

from csp.difficulty.kernels import propagate

#: Who sees that a state is dead, weakest first: a broken constraint; a blank cell without a legal value; unit
#: propagation (naked singles to a fixpoint); singles (hidden ones too); nothing short of search.
DETECTORS = ("broken", "empty", "propagation", "singles", "search")
CLEAR = 2  # what `signs` says of a state where neither of the first two shows


@numba.njit(cache=True)
@no_type_check
def fault(cells, values, givens, d):
    """The first event that cannot be replayed (off the board, a given, no value, blank already, filled), or -1."""
    state = givens.copy()
    for event in range(len(cells)):
        cell, value = cells[event], values[event]
        if cell < 0 or cell >= len(givens) or givens[cell] or value < 0 or value > d:
            return event
        if (value == 0) == (state[cell] == 0):
            return event
        state[cell] = value
    return -1


@numba.njit(cache=True)
@no_type_check
def state_after(cells, values, givens, count):
    """The assignment after so many events."""
    state = givens.copy()
    for event in range(count):
        state[cells[event]] = values[event]
    return state


@numba.njit(cache=True)
@no_type_check
def wrong(cells, values, givens, solution):
    """(events + 1,): how many commits differ from the solution before any event and after each."""
    state = givens.copy()
    counts = np.zeros(len(cells) + 1, dtype=np.int64)
    now = 0
    for event in range(len(cells)):
        cell, value = cells[event], values[event]
        now -= state[cell] != 0 and state[cell] != solution[cell]
        now += value != 0 and value != solution[cell]
        state[cell] = value
        counts[event + 1] = now
    return counts


@numba.njit(cache=True)
@no_type_check
def _put(state, held, left, cell, value, starts, neighbours):
    """Overwrite a cell in place; how the number of clashes and of blank cells without a legal value changes."""
    old = state[cell]
    clashes = held[cell, value] * (value > 0) - held[cell, old] * (old > 0)
    empty = (value == 0 and left[cell] == 0) - (old == 0 and left[cell] == 0)
    for place in range(starts[cell], starts[cell + 1]):
        near = neighbours[place]
        blank, before = state[near] == 0, left[near] == 0
        if old:
            held[near, old] -= 1
            left[near] += held[near, old] == 0
        if value:
            held[near, value] += 1
            left[near] -= held[near, value] == 1
        if blank:
            empty += (left[near] == 0) - before
    state[cell] = value
    return clashes, empty


@numba.njit(cache=True)
@no_type_check
def signs(cells, values, givens, starts, neighbours, d):
    """(events + 1,): what shows in each state: 0 a broken constraint, 1 an empty domain, CLEAR neither."""
    n = len(givens)
    held = np.zeros((n, d + 1), dtype=np.int64)  # neighbours of each cell that hold each value
    left = np.full(n, d, dtype=np.int64)  # values that no neighbour holds
    state = np.zeros(n, dtype=np.int64)
    clashes, empty = 0, 0
    seen = np.empty(len(cells) + 1, dtype=np.int64)
    for cell in range(n):
        if givens[cell]:
            more = _put(state, held, left, cell, givens[cell], starts, neighbours)
            clashes, empty = clashes + more[0], empty + more[1]
    seen[0] = 0 if clashes else (1 if empty else CLEAR)
    for event in range(len(cells)):
        more = _put(state, held, left, cells[event], values[event], starts, neighbours)
        clashes, empty = clashes + more[0], empty + more[1]
        seen[event + 1] = 0 if clashes else (1 if empty else CLEAR)
    return seen


@numba.njit(cache=True)
@no_type_check
def detector(state, starts, neighbours, covers, d, begin=None):
    """Index in DETECTORS of the weakest that sees a state (which shows no sign of `signs`) to be dead.

    begin (n,): the domains to begin with, as bits, where rules that are not pairwise leave less than all values.
    """
    full = (1 << d) - 1
    for level in range(2):
        domains = np.empty(len(state), dtype=np.int64)
        for cell in range(len(state)):
            domains[cell] = 1 << (state[cell] - 1) if state[cell] else full
            if begin is not None:
                domains[cell] &= begin[cell]
        if not propagate(domains, np.zeros(len(state), dtype=np.bool_), starts, neighbours, covers, full, level == 1):
            return 2 + level
    return 4
