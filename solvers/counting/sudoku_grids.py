"""All complete Sudoku grids of a small board, exactly: how many keep further rules, which, and uniform samples.

    >>> grids = all_grids(sudoku.board(6))
    >>> len(grids.base), grids.total
    (39168, 28200960)

Every grid is one whose first row is 1..d, its values renamed by one of d! permutations. What a rule says of the cells
in its scope depends on their pattern (which of them are equal) and on the values' names, so it is asked once for each
pattern under each renaming that is still in question, not once for each grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import permutations
from math import perm

import numpy as np
from jaxtyping import Bool, Int, Int8

from csp.constraints import Constraint
from csp.errors import BadInput
from csp.families import sudoku
from csp.problem import Problem
from solvers.counting import grid_kernels

BASE = {4: 12, 6: 39_168}  # side: grids with first row 1..side; 9 would have 18,383,222,420,692,992
CHUNK = 500_000  # values shown to a rule at once: 4 MB of int64, however many grids are in question


def all_grids(problem: Problem) -> Grids:
    """The grids of a 4x4 or 6x6 Sudoku board. Raises BadInput for another problem, or a board with further rules."""
    side = problem.d
    if side not in BASE or not problem.pairwise or not np.array_equal(problem.adjacency, sudoku.board(side).adjacency):
        raise BadInput(f"{problem.name}: all grids are listed for plain Sudoku boards of side 4 and 6")
    return _grids(side)


@lru_cache(maxsize=2)
def _grids(side: int) -> Grids:
    """Made once a process and kept: 39,168 grids of 36 cells are 1.4 MB."""
    base = np.empty((BASE[side], side * side), dtype=np.int8)
    found = grid_kernels.fill(sudoku.board(side).adjacency, side, base)
    assert found == len(base)
    names = np.array([(0, *order) for order in permutations(range(1, side + 1))], dtype=np.int8)
    return Grids(base, names)


@dataclass(frozen=True, eq=False)
class Grids:
    """base (m, n): the grids with first row 1..d, in rising order. relabellings (d!, d + 1): 0 and new names, rising.

    The grids are relabellings[r][base[i]] for all r and i, each once.
    """

    base: Int8[np.ndarray, "m n"]
    relabellings: Int8[np.ndarray, "names values"]

    @property
    def d(self) -> int:
        """How many values there are."""
        return self.relabellings.shape[1] - 1

    @property
    def total(self) -> int:
        """How many grids there are."""
        return len(self.base) * len(self.relabellings)

    def uniform(self, rng: np.random.Generator, count: int) -> Int[np.ndarray, "count n"]:
        """`count` grids, each drawn uniformly from all: a row of base and a relabelling, both uniform."""
        rows = self.base[rng.integers(len(self.base), size=count)].astype(np.int64)
        names = self.relabellings[rng.integers(len(self.relabellings), size=count)]
        return np.take_along_axis(names, rows, axis=1).astype(np.int64)

    def keeping(
        self, constraints: Sequence[Constraint]
    ) -> tuple[Int[np.ndarray, " some"], Bool[np.ndarray, "some names"]]:
        """(rows, kept): relabellings[r][base[rows[i]]] violates none of the constraints where kept[i, r].

        Rows of base of which no grid is kept are left out.
        """
        rows, kept = np.arange(len(self.base)), np.ones((len(self.base), len(self.relabellings)), dtype=bool)

        # cheap rules first: pairwise ones hold under every renaming, small scopes have few patterns
        for rule in sorted(constraints, key=lambda rule: (not rule.pairwise, len(rule.scope))):
            values = self.base[np.ix_(rows, rule.scope)].astype(np.int64)
            if rule.pairwise:
                kept &= ~rule.culprits(values).any(-1)[:, None]
            else:
                # rows of one shape are one question: shape and renaming decide, so each pair is asked once
                shapes, under = grid_kernels.shapes_of(values, self.d)
                shapes, which = np.unique(shapes, axis=0, return_inverse=True)
                asked = grid_kernels.questions(kept, which, under, self._after, len(shapes))
                grid_kernels.narrow(kept, which, under, self._after, self._kept_by(rule, shapes, asked))

            # rows without a grid left are dropped, so that later rules look at less
            left = kept.any(1)
            rows, kept = (rows, kept) if left.all() else (rows[left], kept[left])
        return rows, kept

    def count(self, constraints: Sequence[Constraint]) -> int:
        """How many grids violate none of the constraints."""
        return int(np.count_nonzero(self.keeping(constraints)[1]))

    def satisfying(self, constraints: Sequence[Constraint], most: int | None = None) -> Int8[np.ndarray, "k n"] | None:
        """All grids that violate none of the constraints, in rising order; None if there are more than `most`."""
        rows, kept = self.keeping(constraints)
        found = np.count_nonzero(kept)
        if most is not None and found > most:
            return None

        # a relabelling fixes the first row and relabellings rise, so each one's grids stand together; sorted within,
        # all of them are
        base, grids, start = self.base[rows], np.empty((found, self.base.shape[1]), dtype=np.int8), 0
        for names, mask in zip(self.relabellings, np.ascontiguousarray(kept.T)):
            some = names[base[mask]]
            end = start + len(some)
            grids[start:end] = some[np.argsort(grid_kernels.sort_keys(some, self.d))]
            start = end
        return grids

    def prefix_counts(self, prefixes: Int[np.ndarray, "batch t"]) -> Int[np.ndarray, "batch d"]:
        """How many grids start with the values 1..d of a prefix, continued in cell t by each value 1..d."""
        batch, t = prefixes.shape
        d, values = self.d, np.arange(1, self.d + 1)

        # in the first row every order of the values has equally many grids: total / (d (d - 1) ... (d - t)) each
        if t < d:
            seen = (prefixes[:, :, None] == values).sum(1)
            fits = (seen == 0) & (seen.sum(1) == t)[:, None] & (seen <= 1).all(1)[:, None]
            return np.where(fits, self.total // perm(d, t + 1), 0)

        # below it, rename each prefix so that its first row is 1..d, and count rows of base
        proper = (np.sort(prefixes[:, :d], axis=1) == values).all(1)
        back = np.zeros((batch, d + 1), dtype=np.int64)  # (batch, 1 + d): the names under which that is so
        np.put_along_axis(back, np.where(proper[:, None], prefixes[:, :d], values), values[None], axis=1)

        known = Prefixes(self.base, d)
        ranges = known.start(batch)
        for cell in range(d, t):
            ranges = known.advance(ranges, cell, back[np.arange(batch), prefixes[:, cell]])
        counts = np.take_along_axis(known.counts(ranges, t), back[:, 1:] - 1, axis=1)
        return np.where(proper[:, None], counts, 0)

    @cached_property
    def _after(self) -> Int[np.ndarray, "names names"]:
        """_after[s, r]: the place in relabellings of r after s."""
        return grid_kernels.compositions(self.relabellings)

    def _kept_by(
        self, rule: Constraint, shapes: Int[np.ndarray, "shapes k"], asked: Bool[np.ndarray, "shapes names"]
    ) -> Bool[np.ndarray, "shapes names"]:
        """Where asked: whether the rule is kept by a shape under a relabelling. Changes and returns `asked`."""
        names = self.relabellings.astype(np.int64)
        step = max(1, CHUNK // (len(names) * len(rule.scope)))
        for start in range(0, len(shapes), step):
            which, under = np.nonzero(asked[start : start + step])
            if len(which):
                values = grid_kernels.renamed(names, under, shapes, start + which)
                asked[start + which, under] = ~rule.culprits(values).any(-1)
        return asked


@dataclass(frozen=True, eq=False)
class Prefixes:
    """Conditionals along the cells' order in grids (k, n) that are sorted; values 1..d.

    A state is a range [low, high) of rows that agree in the cells before t, where column t is sorted therefore.
    """

    grids: Int8[np.ndarray, "k n"]
    d: int

    def start(self, batch: int) -> Int[np.ndarray, "batch 2"]:
        """The range of all rows, `batch` times."""
        return np.tile(np.array([0, len(self.grids)]), (batch, 1))

    def counts(self, ranges: Int[np.ndarray, "batch 2"], t: int) -> Int[np.ndarray, "batch d"]:
        """How many rows of each range continue with each value 1..d in cell t."""
        return grid_kernels.range_counts(self.grids, ranges, t, self.d)

    def advance(
        self, ranges: Int[np.ndarray, "batch 2"], t: int, values: Int[np.ndarray, " batch"]
    ) -> Int[np.ndarray, "batch 2"]:
        """The rows of each range that hold the value in cell t."""
        return grid_kernels.advance(self.grids, ranges, t, values)
