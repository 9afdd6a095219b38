"""The compiled inner loops of solvers/counting/sudoku_grids.py (numba): listing, renaming, bisecting grids.

    >>> place_of(np.array([0, 2, 1, 3])), place_of(np.array([0, 3, 2, 1]))      # among the 6 orders of 1, 2, 3
    (2, 5)

base (m, n) are the grids with first row 1..d. A relabelling (d + 1,) is 0 and the new names of 1..d; relabellings are
numbered by place_of, in rising order. The shape of some values is what is left of them when names do not count: they
are renamed 1, 2, ... by first appearance.
"""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np


@numba.njit(cache=True)
@no_type_check
def fill(adjacency, d, grids):
    """Write all grids with first row 1..d, depth first and so in rising order; how many.

    state (n,): the cells up to `cell` are filled; raising the last one's value, or going back to the cell before where
    there is none, visits every assignment that breaks no rule so far.
    """
    n, found, cell = grids.shape[1], 0, d
    state = np.zeros(n, dtype=np.int64)
    state[:d] = np.arange(1, d + 1)
    while cell >= d:
        state[cell] += 1
        if state[cell] > d:
            state[cell] = 0
            cell -= 1
            continue

        fits = True
        for other in range(cell):
            if adjacency[cell, other] and state[other] == state[cell]:
                fits = False
                break

        if fits and cell < n - 1:
            cell += 1
        elif fits:
            grids[found] = state
            found += 1
    return found


@numba.njit(cache=True)
@no_type_check
def place_of(names):
    """The place of a permutation of 1..d (after a 0) among all in rising order (Lehmer code).

    Digit i is how many later names are smaller; the digits' bases are d, d - 1, ..., 1.
    """
    d, place = len(names) - 1, 0
    for i in range(1, d + 1):
        smaller = 0
        for j in range(i + 1, d + 1):
            smaller += names[j] < names[i]
        place = place * (d + 1 - i) + smaller
    return place


@numba.njit(cache=True)
@no_type_check
def compositions(relabellings):
    """[s, r]: the place of relabelling r after s."""
    table = np.empty((len(relabellings), len(relabellings)), dtype=np.int64)
    for s in range(len(relabellings)):
        for r in range(len(relabellings)):
            table[s, r] = place_of(relabellings[r][relabellings[s]])
    return table


@numba.njit(cache=True)
@no_type_check
def shapes_of(values, d):
    """(shapes (m, k), under (m,)): values renamed by first appearance, and the place of the relabelling back.

    The relabelling back gives the new names 1, 2, ... their values, then the values that do not appear, rising.
    """
    shapes, under = np.empty_like(values), np.empty(len(values), dtype=np.int64)
    for row in range(len(values)):
        new, names, used = np.zeros(d + 1, dtype=np.int64), np.zeros(d + 1, dtype=np.int64), 0
        for place in range(values.shape[1]):
            value = values[row, place]
            if new[value] == 0:
                used += 1
                new[value], names[used] = used, value
            shapes[row, place] = new[value]

        for value in range(1, d + 1):
            if new[value] == 0:
                used += 1
                names[used] = value
        under[row] = place_of(names)
    return shapes, under


@numba.njit(cache=True)
@no_type_check
def questions(kept, which, under, after, shapes):
    """(shapes, d!): the shapes and relabellings that stand for a grid that is still kept.

    The values of base[row] in the scope are names[under[row]] of its shape; relabelled by r they are the shape under
    after[under[row], r].
    """
    asked = np.zeros((shapes, kept.shape[1]), dtype=np.bool_)
    for row in range(len(kept)):
        for r in range(kept.shape[1]):
            if kept[row, r]:
                asked[which[row], after[under[row], r]] = True
    return asked


@numba.njit(cache=True)
@no_type_check
def narrow(kept, which, under, after, fine):
    """Strike out of kept (rows, d!), in place, what is not fine (shapes, d!)."""
    for row in range(len(kept)):
        for r in range(kept.shape[1]):
            kept[row, r] &= fine[which[row], after[under[row], r]]


@numba.njit(cache=True)
@no_type_check
def renamed(names, under, shapes, which):
    """names[under[i]][shapes[which[i]]] for all i: (questions, k), without the array that indexing would make of it."""
    values = np.empty((len(which), shapes.shape[1]), dtype=np.int64)
    for i in range(len(which)):
        for place in range(shapes.shape[1]):
            values[i, place] = names[under[i], shapes[which[i], place]]
    return values


@numba.njit(cache=True)
@no_type_check
def sort_keys(grids, d):
    """Numbers that rise as grids with the same first row do: the rows between, as digits; the last one follows."""
    keys = np.zeros(len(grids), dtype=np.int64)  # d^(n - 2 d) < 2^63 up to d = 6
    for row in range(len(grids)):
        for cell in range(d, grids.shape[1] - d):
            keys[row] = keys[row] * d + grids[row, cell] - 1
    return keys


@numba.njit(cache=True)
@no_type_check
def first_above(grids, low, high, cell, value):
    """The first row of [low, high) that holds more than the value in a cell; high if none does."""
    while low < high:
        middle = (low + high) // 2
        if grids[middle, cell] > value:
            high = middle
        else:
            low = middle + 1
    return low


@numba.njit(cache=True)
@no_type_check
def range_counts(grids, ranges, cell, d):
    """See Prefixes.counts: (batch, d). The column is sorted within a range, so each value is a run: bisect its end."""
    counts = np.empty((len(ranges), d), dtype=np.int64)
    for row in range(len(ranges)):
        low, high = ranges[row]
        for value in range(1, d + 1):
            end = first_above(grids, low, high, cell, value)
            counts[row, value - 1] = end - low
            low = end
    return counts


@numba.njit(cache=True)
@no_type_check
def advance(grids, ranges, cell, values):
    """See Prefixes.advance: (batch, 2)."""
    new = np.empty_like(ranges)
    for row in range(len(ranges)):
        low, high = ranges[row]
        new[row, 0] = first_above(grids, low, high, cell, values[row] - 1)
        new[row, 1] = first_above(grids, new[row, 0], high, cell, values[row])
    return new
