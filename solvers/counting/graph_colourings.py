"""All proper colourings of a small graph, exactly: how many, by colours used or class size, and uniform samples.

    >>> ring = Colourings(colouring.graph(4, [(0, 1), (1, 2), (2, 3), (3, 0)], 3))
    >>> ring.total, ring.using(2, 2), ring.of_size(2, 4)
    (18, 6, 8)

A colouring is a partition of the nodes into classes without an edge, and a different colour for each class. partitions
(2^n, d + 1) holds how many such partitions into k classes each set T of nodes has (a set is an integer with bit v set
for node v):
  if v in T is joined to c other nodes of T, which are all joined to each other (so stand in c classes),
  Q(T, k) = Q(T - v, k - 1) + (k - c) Q(T - v, k);
  for any v in T, Q(T, k) = sum of Q(T - S, k - 1) over subsets S of T without an edge that hold v.
The second is used only where no v allows the first, with the v that is joined to most. `glauber` is for larger graphs.
"""

from __future__ import annotations

from functools import cached_property
from math import perm
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Int

from csp.errors import BadInput
from csp.problem import Problem

MOST_NODES = 20  # the tables have 2^n rows: 2^20 of them take 59 MB for 6 colours


class Colourings:
    """The proper colourings of a problem of pairwise rules.

    Raises BadInput for another problem, one of more than MOST_NODES nodes, or so many values that d^n may not fit.
    """

    def __init__(self, problem: Problem):
        if not problem.pairwise:
            raise BadInput(f"{problem.name}: colourings are counted for pairwise constraints only")
        if problem.n > MOST_NODES or problem.d**problem.n >= 2**63:
            raise BadInput(f"{problem.name}: colourings are counted up to {MOST_NODES} nodes and d^n < 2^63")

        self.n, self.d = problem.n, problem.d
        self._full = (1 << self.n) - 1

        # by set, (2^n,): neighbours as a set (of single nodes only), size, whether all its nodes are joined
        near = np.zeros(1 << self.n, dtype=np.int64)
        near[1 << np.arange(self.n)] = problem.adjacency @ (1 << np.arange(self.n))
        self._tables = (near, *_sets(near, self.n))
        self.partitions: Int[np.ndarray, "sets classes"] = _partitions(*self._tables, self.d)

    @property
    def total(self) -> int:
        """How many there are."""
        return self.using(0, self.d)

    def using(self, low: int, high: int) -> int:
        """How many use low..high different colours."""
        return int(self._by_colours[max(low, 0) : max(high + 1, 0)].sum())

    def of_size(self, low: int, high: int) -> int:
        """How many give a named colour (any one: they are interchangeable) to low..high nodes."""
        return int(self._with_class(low, high)[1].sum())

    def uniform(self, rng: np.random.Generator, count: int, using: int | None = None) -> Int[np.ndarray, "count n"]:
        """`count` colourings, each drawn uniformly from all, or from those that use exactly `using` colours.

        Raises ValueError if there are none.
        """
        weights = self._by_colours * (1 if using is None else np.arange(self.d + 1) == using)
        return self._coloured(rng, np.full(count, self._full), _draw(rng, weights, count))

    def uniform_of_size(
        self, rng: np.random.Generator, count: int, colour: int, low: int, high: int
    ) -> Int[np.ndarray, "count n"]:
        """`count` colourings, each drawn uniformly from those that give the colour to low..high nodes.

        Raises ValueError if there are none.
        """
        # in three uniform choices: the colour's class, weighted by how many colourings have it; how many classes the
        # other nodes make, weighted likewise; and a partition into as many, in the other colours
        classes, weights = self._with_class(low, high)
        chosen = classes[_draw(rng, weights, count)]
        by_colours = self.partitions[self._full ^ chosen] * self._injections(self.d - 1)
        ks = np.array([_draw(rng, row, 1)[0] for row in by_colours], dtype=np.int64)
        others = self._coloured(rng, self._full ^ chosen, ks, without=colour)
        return np.where(others == 0, colour, others)

    @cached_property
    def _by_colours(self) -> Int[np.ndarray, " classes"]:
        """How many colourings use exactly 0..d colours."""
        return self.partitions[self._full] * self._injections(self.d)

    def _injections(self, colours: int) -> Int[np.ndarray, " classes"]:
        """In how many ways 0..d classes get different ones of `colours` colours."""
        return np.array([perm(colours, k) for k in range(self.d + 1)])

    def _with_class(self, low: int, high: int) -> tuple[Int[np.ndarray, " some"], Int[np.ndarray, " some"]]:
        """Sets of low..high nodes without an edge, and in how many ways the rest is coloured with d - 1 colours."""
        free, size = self.partitions[:, 1] == 1, self._tables[1]  # one class: no edge inside
        free[0] = True  # the empty set, which is in no class
        classes = np.nonzero(free & (low <= size) & (size <= high))[0]
        return classes, self.partitions[self._full ^ classes] @ self._injections(self.d - 1)

    def _coloured(
        self,
        rng: np.random.Generator,
        sets: Int[np.ndarray, " count"],
        ks: Int[np.ndarray, " count"],
        without: int | None = None,
    ) -> Int[np.ndarray, "count n"]:
        """Uniform partitions of the sets into k classes, coloured at random; 0 for nodes not in the set."""
        draws = rng.random((len(sets), 2, self.n))
        classes = _sample(*self._tables, self.partitions, sets, ks, draws)  # (count, n): 1..k, 0 outside the set

        # a random permutation of the colours names the classes: class k takes column k, 0 stays 0
        palette = np.array([v for v in range(1, self.d + 1) if v != without], dtype=np.int64)
        colours = rng.permuted(np.tile(palette, (len(sets), 1)), axis=1)
        colours = np.concatenate([np.zeros((len(sets), 1), dtype=np.int64), colours], axis=1)
        return np.take_along_axis(colours, classes, axis=1)


def glauber(
    adjacency: Bool[np.ndarray, "batch n n"],
    colourings: Int[np.ndarray, "batch n"],
    d: int,
    sweeps: int,
    rng: np.random.Generator,
) -> Int[np.ndarray, "batch n"]:
    """Proper colourings after `sweeps` sweeps of the heat bath, one chain a graph; nodes of colour 0 (padding) stay 0.

    Each node in turn takes a colour drawn uniformly from 1..d less its neighbours'. This keeps the uniform law, and
    tends to it where such moves connect all colourings: d >= highest degree + 2 suffices (Jerrum 1995).
    """
    moved = colourings.astype(np.int64)
    for _ in range(sweeps):
        _sweep(adjacency, moved, d, rng.random(moved.shape))
    return moved


def _draw(rng: np.random.Generator, weights: Int[np.ndarray, " m"], count: int) -> Int[np.ndarray, " count"]:
    """Indices drawn with probability proportional to whole numbers, exactly. Raises ValueError if all are 0."""
    sums = np.cumsum(weights)
    if len(sums) == 0 or sums[-1] == 0:
        raise ValueError("no colouring is like that")
    return np.searchsorted(sums, rng.integers(sums[-1], size=count), side="right")


@numba.njit(cache=True)
@no_type_check
def _sets(near, n):
    """(size, whether all nodes are joined to each other) of every set, (2^n,) each: from the set less one node."""
    size, clique = np.zeros(len(near), dtype=np.int64), np.ones(len(near), dtype=np.bool_)
    for whole in range(1, len(near)):
        first = whole & -whole  # the lowest bit: its node, as a set
        rest = whole ^ first
        size[whole] = size[rest] + 1
        clique[whole] = clique[rest] and rest & ~near[first] == 0
    return size, clique


@numba.njit(cache=True)
@no_type_check
def _pivot(whole, near, size, clique):
    """(node, True) if its neighbours in the set are all joined to each other; else (the node with most, False).

    The first allows the cheap formula; without it, most neighbours leave fewest subsets without an edge to go through.
    """
    best, most, rest = 0, -1, whole
    while rest:
        node = rest & -rest
        rest ^= node
        around = near[node] & whole
        if clique[around]:
            return node, True
        if size[around] > most:
            best, most = node, size[around]
    return best, False


@numba.njit(cache=True)
@no_type_check
def _free(node, whole, near, found):
    """Write the subsets of a set that hold the node and have no edge; how many.

    Each other node in turn doubles those that it can join.
    """
    found[0], count, rest = node, 1, whole & ~near[node] & ~node
    while rest:
        other = rest & -rest
        rest ^= other
        for place in range(count):
            if found[place] & near[other] == 0:
                found[count] = found[place] | other
                count += 1
    return count


@numba.njit(cache=True)
@no_type_check
def _partitions(near, size, clique, d):
    """(2^n, d + 1): Q of the module's text. A set less some nodes is a smaller number, so its row is there already."""
    table = np.zeros((len(near), d + 1), dtype=np.int64)
    found = np.empty(len(near), dtype=np.int64)
    table[0, 0] = 1
    for whole in range(1, len(near)):
        node, simple = _pivot(whole, near, size, clique)

        # Q(T, k) = Q(T - v, k - 1) + (k - c) Q(T - v, k): v alone, or in one of the classes without a neighbour
        if simple:
            rest, c = whole ^ node, size[near[node] & whole]
            for k in range(1, d + 1):
                table[whole, k] = table[rest, k - 1] + (k - c) * table[rest, k]  # 0 below c
            continue

        # Q(T, k) = sum of Q(T - S, k - 1) over the classes S that v may be in
        for place in range(_free(node, whole, near, found)):
            rest = whole ^ found[place]
            for k in range(1, d + 1):
                table[whole, k] += table[rest, k - 1]
    return table


@numba.njit(cache=True)
@no_type_check
def _sample(near, size, clique, table, sets, ks, draws):
    """(count, n): class 1..k of each node in a uniform partition of each set into k classes, 0 outside the set.

    The recursions of Q read backwards: each step takes one term of the sum that made table[whole, k], with probability
    its share of the sum. draws (count, 2, n): numbers from [0, 1); [:, 0] choose the terms, [:, 1] the classes of nodes
    that were put off.
    """
    n = draws.shape[2]
    classes = np.zeros((len(sets), n), dtype=np.int64)
    found = np.empty(len(near), dtype=np.int64)
    members = np.empty(n, np.int64)  # of each class made so far, as a set
    later, made_then = np.empty(n, np.int64), np.empty(n, np.int64)  # nodes put off, and how many classes stood then
    for row in range(len(sets)):
        whole, k, made, put_off, step = sets[row], ks[row], 0, 0, 0

        # down: choose a term for a node, until the set is empty
        while whole:
            node, simple = _pivot(whole, near, size, clique)
            target = int(draws[row, 0, step] * table[whole, k])
            step += 1
            members[made] = node

            # its class is drawn among all that it may be in; or it is a class alone; or it joins a class of the rest
            if not simple:
                for place in range(_free(node, whole, near, found)):
                    members[made] = found[place]
                    target -= table[whole ^ found[place], k - 1]
                    if target < 0:
                        break
            elif target >= table[whole ^ node, k - 1]:  # which one is known once the rest has made its k classes
                later[put_off], made_then[put_off] = node, made
                put_off += 1
                whole ^= node
                continue
            whole ^= members[made]
            made, k = made + 1, k - 1

        # up, the last one first: among the classes made since, k - c hold no neighbour, each as likely
        while put_off:
            put_off -= 1
            node, open_to, choice = later[put_off], 0, 0
            for c in range(made_then[put_off], made):
                open_to += members[c] & near[node] == 0
            choice = int(draws[row, 1, put_off] * open_to)
            for c in range(made_then[put_off], made):
                if members[c] & near[node] == 0:
                    if choice == 0:
                        members[c] |= node
                        break
                    choice -= 1

        for c in range(made):
            for node in range(n):
                if members[c] >> node & 1:
                    classes[row, node] = c + 1
    return classes


@numba.njit(cache=True)
@no_type_check
def _sweep(adjacency, colourings, d, draws):
    """One sweep, in place: each node takes a colour that no neighbour holds. draws (batch, n): from [0, 1)."""
    held = np.empty(d + 1, dtype=np.bool_)
    for row in range(len(colourings)):
        for node in range(colourings.shape[1]):
            if colourings[row, node] == 0:
                continue
            held[:] = False
            for other in range(colourings.shape[1]):
                if adjacency[row, node, other]:
                    held[colourings[row, other]] = True

            # the choice-th of the colours that are left, its own among them
            left = 0
            for colour in range(1, d + 1):
                left += not held[colour]
            choice = int(draws[row, node] * left)
            for colour in range(1, d + 1):
                if not held[colour]:
                    if choice == 0:
                        colourings[row, node] = colour
                        break
                    choice -= 1
