"""The legal values of every cell, kept up to date as cells are committed and taken back."""

from __future__ import annotations

import numpy as np

from csp.errors import BadInput
from csp.problem import Instance


class Domains:
    """assignment (n,) and, for each cell and value, how many neighbours hold that value.

    held (n, d + 1), sizes (n,) and open (n,) follow from the assignment, and are changed with it rather than computed
    anew: a commit and its retraction cost a cell's neighbours, and leave everything as it was.

    A value that no candidate list (Allowed) holds counts as held by one neighbour that is never taken back. Raises
    BadInput for an instance with other constraints than these and pairwise ones.
    """

    def __init__(self, instance: Instance):
        problem = instance.problem
        if not problem.searchable:
            raise BadInput(f"{instance.provenance}: this solver knows pairwise constraints only")

        # the empty board
        self.d = problem.d
        self.assignment = np.zeros(problem.n, dtype=np.int64)
        self.neighbours = [np.nonzero(row)[0] for row in problem.adjacency]
        self.held = np.zeros((problem.n, problem.d + 1), dtype=np.int64)  # neighbours of a cell that hold a value
        self.held[:, 0] = 1  # value 0 is never legal
        self.held[:, 1:] += ~problem.candidates
        self.sizes = problem.candidates.sum(1)  # legal values of each cell
        self.open = problem.adjacency.sum(1)  # blank neighbours of each cell

        for cell in np.nonzero(instance.givens)[0]:
            self.commit(int(cell), int(instance.givens[cell]))

    def commit(self, cell: int, value: int) -> None:
        """Put value into a blank cell."""
        near = self.neighbours[cell]
        self.sizes[near] -= self.held[near, value] == 0  # the value was legal there until now
        self.held[near, value] += 1
        self.open[near] -= 1
        self.assignment[cell] = value

    def retract(self, cell: int) -> None:
        """Blank a committed cell."""
        near, value = self.neighbours[cell], self.assignment[cell]
        self.held[near, value] -= 1
        self.sizes[near] += self.held[near, value] == 0  # no other neighbour holds it: legal again
        self.open[near] += 1
        self.assignment[cell] = 0

    def legal(self, cell: int) -> list[int]:
        """The cell's legal values, rising."""
        return np.nonzero(self.held[cell] == 0)[0].tolist()

    def tightest(self) -> int | None:
        """The blank cell with fewest legal values; among equals most blank neighbours, then lowest; None if none."""
        blank = np.nonzero(self.assignment == 0)[0]
        if not len(blank):
            return None

        # one number for two criteria: a cell has fewer than n + 1 blank neighbours, so they only decide among equals
        rank = self.sizes[blank] * (len(self.assignment) + 1) - self.open[blank]
        return int(blank[np.argmin(rank)])
