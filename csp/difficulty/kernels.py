"""The compiled inner loops of csp/difficulty/reference_search.py (numba): propagation, depth-first search, removal of
clues.

    >>> domains = np.array([0b01, 0b11, 0b11])          # cell 0 holds value 1; cells 1 and 2 hold 1 or 2
    >>> fixed, covers = np.zeros(3, bool), np.zeros((0, 2), int)
    >>> propagate(domains, fixed, np.array([0, 1, 3, 4]), np.array([1, 0, 2, 1]), covers, 0b11)     # a path 0 - 1 - 2
    True
    >>> domains.tolist()                                # cell 1 must hold 2, so cell 2 holds 1
    [1, 2, 1]

A domain is an int64 with bit v - 1 set while value v is left. Three idioms recur: `bits & (bits - 1)` drops the lowest
value, so it is 0 where at most one is left; `~bits` is all other values; and a loop that drops values until none is
left counts them. neighbours[starts[i]:starts[i + 1]] are the cells that must differ from cell i; covers (m, d) are
scopes of d cells that must all differ, so that each value has exactly one place in each.
"""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np


@numba.njit(cache=True)
@no_type_check
def propagate(domains, fixed, starts, neighbours, covers, full, hidden=True):
    """Naked and, if asked, hidden singles to a fixpoint, in place; False at a contradiction.

    domains (n,): see the module's text. fixed (n,): cells whose value has been taken from their neighbours already;
    kept by the caller, so that a later call goes on where this one stopped. full: all d values as bits.
    """
    changed = True
    while changed:
        changed = False

        # naked singles: a cell with one value left takes it, and its neighbours lose it
        for cell in range(len(domains)):
            bits = domains[cell]
            if bits == 0:
                return False
            if not fixed[cell] and bits & (bits - 1) == 0:
                fixed[cell] = True
                for place in range(starts[cell], starts[cell + 1]):
                    other = neighbours[place]
                    if domains[other] & bits:
                        domains[other] &= ~bits
                        if domains[other] == 0:
                            return False
                        changed = True

        # hidden singles cost more, so they wait until naked ones find nothing
        if changed or not hidden:
            continue
        for group in range(covers.shape[0]):
            once, twice = 0, 0  # values that have at least one, at least two places in the scope
            for cell in covers[group]:
                twice |= once & domains[cell]
                once |= domains[cell]
            if once != full:  # some value has no place
                return False

            single = once & ~twice
            for cell in covers[group]:
                only = domains[cell] & single
                if only and only != domains[cell]:
                    if only & (only - 1):  # two values have this cell as their only place
                        return False
                    domains[cell] = only
                    changed = True
    return True


@numba.njit(cache=True)
@no_type_check
def search(domains, starts, neighbours, covers, d, order, limit, interchange, budget, solution):
    """Depth-first search. Returns (solutions found up to limit, guesses, pruned, over budget).

    order (n, d): the sequence in which each cell's values are tried, from 0. interchange: of values that stand nowhere
    yet try the first only, and count no guess where they are all that is left; pruned says whether that left any out.
    budget: most values tried at branchings. solution (n,): the last one found, written in place.
    """
    n = len(domains)
    full = (1 << d) - 1
    depth, found, guesses, tried, pruned = 0, 0, 0, 0, False

    # the stack, one entry a depth; the state, and what has become of it:
    stack = np.zeros((n + 1, n), dtype=np.int64)  # domains
    done = np.zeros((n + 1, n), dtype=np.bool_)  # cells that are fixed (see propagate)
    # the branching there:
    branch = np.zeros(n + 1, dtype=np.int64)  # its cell
    nexts = np.zeros(n + 1, dtype=np.int64)  # next place in `order` to try
    used = np.zeros(n + 1, dtype=np.int64)  # values that stand somewhere; without interchange all, so that none is new
    new = np.zeros(n + 1, dtype=np.bool_)  # whether a value that stands nowhere was tried
    stack[0] = domains
    fresh = True  # the state at `depth` has just been made and is not propagated yet

    while depth >= 0:
        # arrive in a new state: it fails, or is a solution, or needs a branching
        if fresh:
            fresh = False
            if not propagate(stack[depth], done[depth], starts, neighbours, covers, full):
                depth -= 1
                continue
            best, standing = _tightest(stack[depth], done[depth], d)
            if best < 0:
                _write(stack[depth], solution)
                found += 1
                if found >= limit:
                    return found, guesses, pruned, False
                depth -= 1
                continue
            branch[depth], nexts[depth], new[depth] = best, 0, False
            used[depth] = standing if interchange else full

        # the next value of the cell's domain; of values that stand nowhere, which are alike, the first alone
        cell, bit = branch[depth], 0
        while nexts[depth] < d:
            candidate = 1 << order[cell, nexts[depth]]
            nexts[depth] += 1
            if not stack[depth, cell] & candidate:
                continue
            if not used[depth] & candidate:
                if new[depth]:
                    pruned = True
                    continue
                new[depth] = True
            bit = candidate
            break
        if bit == 0:  # all have been tried
            depth -= 1
            continue

        # try it; where every value left stands nowhere, this one speaks for all, so nothing was guessed
        if tried >= budget:
            return found, guesses, pruned, True
        tried += 1
        if stack[depth, cell] & used[depth]:
            guesses += 1
        stack[depth + 1] = stack[depth]
        done[depth + 1] = done[depth]
        stack[depth + 1, cell] = bit
        depth += 1
        fresh = True
    return found, guesses, pruned, False


@numba.njit(cache=True)
@no_type_check
def _tightest(domains, fixed, d):
    """(the cell with fewest values left, lowest index among equals, -1 if all are fixed; the fixed cells' values)."""
    best, fewest, standing = -1, d + 1, 0
    for cell in range(len(domains)):
        bits = domains[cell]
        if fixed[cell]:
            standing |= bits
            continue
        size = 0
        while bits:
            bits &= bits - 1
            size += 1
        if size < fewest:
            best, fewest = cell, size
    return best, standing


@numba.njit(cache=True)
@no_type_check
def _write(domains, solution):
    """Write the value of each cell, whose domain holds one: bit v - 1 is value v."""
    for cell in range(len(domains)):
        value, bits = 0, domains[cell]
        while bits:
            bits >>= 1
            value += 1
        solution[cell] = value


@numba.njit(cache=True)
@no_type_check
def settle(domains, starts, neighbours, covers, d, level):
    """Whether propagation at a level settles every cell, or shows a contradiction, in place.

    level: 0 = values that the givens rule out, once; 1 = naked singles to a fixpoint; 2 = hidden singles too.
    """
    n = len(domains)
    fixed = np.zeros(n, dtype=np.bool_)
    full = (1 << d) - 1
    if level > 0:
        if not propagate(domains, fixed, starts, neighbours, covers, full, level > 1):
            return True
    else:
        before = domains.copy()  # a cell that this very pass settles must not rule out more: that is level 1
        for cell in range(n):
            for place in range(starts[cell], starts[cell + 1]):
                bits = before[neighbours[place]]
                if bits & (bits - 1) == 0:
                    domains[cell] &= ~bits
            if domains[cell] == 0:
                return True
    return not (domains & (domains - 1)).any()


@numba.njit(cache=True)
@no_type_check
def thin(givens, cells, starts, neighbours, covers, d, order, most, budget):
    """Blank givens in the sequence `cells`, in place, while the one solution stays the only one.

    Stops when `most` cells are blank. A given whose removal is not settled within `budget` stays. The givens have
    exactly one solution at the start, so one stays the only one if no solution differs from it at the blanked cell.
    """
    full = (1 << d) - 1
    n = len(givens)
    blank = 0
    scratch = np.zeros(n, dtype=np.int64)
    domains = np.zeros(n, dtype=np.int64)
    for cell in range(n):
        blank += givens[cell] == 0

    for cell in cells:
        if blank >= most:
            return
        if givens[cell] == 0:
            continue

        # the puzzle with any other value there: one search for one solution answers, no counting is needed
        for other in range(n):
            domains[other] = 1 << (givens[other] - 1) if givens[other] else full
        domains[cell] = full & ~(1 << (givens[cell] - 1))
        found, _, _, over = search(domains, starts, neighbours, covers, d, order, 1, False, budget, scratch)
        if found == 0 and not over:
            givens[cell] = 0
            blank += 1
