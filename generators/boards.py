"""Boards: instances stacked and padded to one width, so that models and policies work on a batch at once.

>>> boards = stack(instances, "decode", seed)
>>> boards.givens.shape                          # (batch, N)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int, UInt64

from csp.problem import Instance
from csp.seeds import key
from solvers.propagate import Near


@dataclass(frozen=True, eq=False)
class Boards:
    """A batch of instances with the same number of values d, padded to N cells.

    relations holds Problem.relations codes, adjacency which cells must differ, covers the scopes of d cells that hold
    each value once (-1 where a problem has fewer); all have a batch axis of 1 where all instances share one problem.
    Padding cells are not real, related to nothing and never filled.
    keys (batch,) seed each instance's own randomness. Boards to train on have no instances and no keys.
    """

    instances: tuple[Instance, ...]
    d: int
    givens: Int[np.ndarray, "batch N"]
    real: Bool[np.ndarray, "batch N"]
    relations: Int[np.ndarray, "shared N N"]
    adjacency: Bool[np.ndarray, "shared N N"]
    covers: Int[np.ndarray, "shared G d"]
    keys: UInt64[np.ndarray, " batch"]

    def __len__(self) -> int:
        return len(self.givens)

    @property
    def width(self) -> int:
        return self.givens.shape[1]

    @cached_property
    def near(self) -> Near:
        """Adjacency as lists, for compiled loops."""
        counts = self.adjacency.sum(2)
        starts = np.pad(counts.cumsum(1), ((0, 0), (1, 0)))
        neighbours = np.zeros((len(starts), max(1, starts[:, -1].max())), dtype=np.int64)
        which, _, cells = np.nonzero(self.adjacency)
        neighbours[which, np.concatenate([np.arange(end) for end in starts[:, -1]])] = cells
        return Near(starts, neighbours, self.covers)

    @cached_property
    def witnesses(self) -> Int[np.ndarray, "batch N"]:
        """A solution of each board, 0 at padding; its instances have one."""
        solutions = np.zeros_like(self.givens)
        for row, instance in enumerate(self.instances):
            solutions[row, : instance.problem.n] = instance.witness
        return solutions

    def free(self, rows: Int[np.ndarray, " rows"] | slice) -> Bool[np.ndarray, "rows N"]:
        """The cells of the boards at those rows that are not given."""
        return (self.givens[rows] == 0) & self.real[rows]

    def take(self, rows: Int[np.ndarray, " rows"] | slice) -> Boards:
        """The boards at those rows."""
        shared = len(self.relations) == 1
        rows = np.arange(len(self))[rows]
        return Boards(
            tuple(self.instances[row] for row in rows) if self.instances else (),
            self.d,
            self.givens[rows],
            self.real[rows],
            self.relations if shared else self.relations[rows],
            self.adjacency if shared else self.adjacency[rows],
            self.covers if shared else self.covers[rows],
            self.keys[rows],
        )


def stack(instances: Sequence[Instance], *purpose: object) -> Boards:
    """Instances as Boards; each one's key is a hash of the purpose (a seed, a decoder's name) and its id.

    Raises ValueError if they differ in d or there are none.
    """
    depths = {instance.problem.d for instance in instances}
    if len(depths) != 1:
        raise ValueError(f"boards need instances of one number of values, not {sorted(depths)}")
    width = max(instance.problem.n for instance in instances)  # N: smaller boards are padded
    givens = np.zeros((len(instances), width), dtype=np.int64)
    real = np.zeros((len(instances), width), dtype=bool)

    # Instances of one problem share its relations, which a training batch would else hold thousands of times over.
    same = len({id(instance.problem) for instance in instances}) == 1
    problems = [instance.problem for instance in (instances[:1] if same else instances)]
    relations = np.zeros((len(problems), width, width), dtype=np.int64)
    adjacency = np.zeros((len(problems), width, width), dtype=bool)
    most = max(len(problem.covers) for problem in problems)
    covers = np.full((len(problems), most, max(depths)), -1, dtype=np.int64)

    for row, instance in enumerate(instances):
        givens[row, : instance.problem.n] = instance.givens
        real[row, : instance.problem.n] = True
    for row, problem in enumerate(problems):
        relations[row, : problem.n, : problem.n] = problem.relations
        adjacency[row, : problem.n, : problem.n] = problem.adjacency
        covers[row, : len(problem.covers)] = np.reshape(problem.covers, (-1, problem.d))

    keys = np.array([key(*purpose, instance.id) for instance in instances], dtype=np.uint64)
    return Boards(tuple(instances), depths.pop(), givens, real, relations, adjacency, covers, keys)
