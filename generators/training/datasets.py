"""Puzzles to train on, as arrays: drawn from a family, moved by its symmetries, some of their givens dropped.

>>> boards, solutions = dataset("sudoku6", seed=0, split="train", count=64).batch(np.arange(64), rng)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from csp.families.base import Family
from csp.families.sudoku import Grid
from csp.generate import ANY, draw, family
from csp.problem import Instance
from csp.seeds import stream
from generators.boards import Boards, stack
from solvers.counting.graph_colourings import glauber
from solvers.counting.partial_solutions import Solutions
from solvers.counting.sudoku_grids import all_grids
from solvers.oracles.pick import settle

MOST_DROPPED = 0.6  # the highest rate at which givens are dropped
SWEEPS = 200  # of the chain over proper colourings


@dataclass(frozen=True)
class Dataset:
    """Puzzles of one family and split as arrays padded to one width, with a solution each."""

    boards: Boards
    solutions: np.ndarray  # (puzzles, N), 0 at padding
    family: Family

    def batch(self, rows: np.ndarray, rng: np.random.Generator | None) -> tuple[Boards, np.ndarray]:
        """Boards and solutions (rows, N) at rows, each moved by a random symmetry of its family (none without rng)."""
        chosen, solutions = self.boards.take(rows), self.solutions[rows]
        if rng is None:
            return chosen, solutions

        # A symmetry is a pair: which old cell each new one shows, and which value each old one becomes.
        pairs = [self.family.symmetry(rng, chosen.width) for _ in rows]
        cells = np.stack([pair[0] for pair in pairs])  # (batch, N)
        relabel = np.stack([pair[1] for pair in pairs])  # (batch, d + 1)
        each = np.arange(len(rows))[:, None]
        givens = relabel[each, chosen.givens[each, cells]]

        # A grid's symmetries keep its relations, and all boards go on sharing them; a graph's nodes take them along.
        relations, adjacency, covers = chosen.relations, chosen.adjacency, chosen.covers
        if len(relations) > 1 or (relations[0][np.ix_(cells[0], cells[0])] != relations[0]).any():
            board = each if len(relations) > 1 else np.zeros_like(each)
            spots = board[:, :, None], cells[:, :, None], cells[:, None, :]
            relations, adjacency = relations[spots], adjacency[spots]  # (batch, N, N)
            places = np.argsort(cells, axis=1)  # where each cell has gone
            covers = covers[board[:, 0]]
            covers = np.where(covers < 0, -1, places[each[:, :, None], covers])

        real = chosen.real[each, cells]
        moved = Boards((), chosen.d, givens, real, relations, adjacency, covers, chosen.keys)
        return moved, relabel[each, solutions[each, cells]]


def dataset(
    name: str, seed: int, split: str, count: int, tick: Callable[[], None] = lambda: None, uniform: bool = False
) -> Dataset:
    """The first `count` items of a family's split; `tick` is called after each.

    uniform: with a solution of each drawn uniformly from all of its own (with_uniform_witness).

    Empty boards (grid6) are filled uniformly at random over all grids, whatever the split, and the colourings of
    graph20 are moved to uniform ones: what a net of complete boards is to learn is known exactly.
    """
    if isinstance(family(name), Grid):
        return _grids(name, seed, split, count, tick)
    instances = []
    for index in range(count):
        drawn = draw(name, seed, split, index, settle)
        instances.append(with_uniform_witness(drawn) if uniform else drawn)
        tick()
    boards = stack(instances)
    solutions = boards.witnesses
    if name == "graph20":
        solutions = glauber(boards.adjacency, solutions, boards.d, SWEEPS, stream("colourings", name, seed, split))
    return Dataset(replace(boards, instances=()), solutions, family(name))


def with_uniform_witness(instance: Instance) -> Instance:
    """The instance with a witness that is any of its solutions, all alike: then a network that knew everything would be
    off by the logarithm of their number, and by no less. What a search or a generator meets first is no such draw.
    """
    if instance.difficulty is not None and instance.difficulty.unique:
        return instance
    return replace(instance, witness=Solutions(instance).uniform(stream("uniform witness", instance.id)))


def _grids(name: str, seed: int, split: str, count: int, tick: Callable[[], None]) -> Dataset:
    empty = draw(name, seed, ANY, 0)
    filled = all_grids(empty.problem).uniform(stream("grids", name, seed, split), count)
    everywhere = np.ones(filled.shape, dtype=bool)
    boards = replace(
        stack([empty]), instances=(), givens=np.zeros_like(filled), real=everywhere, keys=np.zeros(count, np.uint64)
    )
    for _ in range(count):
        tick()
    return Dataset(boards, filled, family(name))


def with_fewer_givens(boards: Boards, share: float, rng: np.random.Generator) -> Boards:
    """A share of the boards without some of their givens, each board at a rate of its own from 0 to MOST_DROPPED.

    A network trained on unique puzzles alone never sees as few values as a 17-clue puzzle begins with.
    """
    size = len(boards)
    rate = MOST_DROPPED * rng.random(size) * (rng.random(size) < share)
    return replace(boards, givens=np.where(rng.random(boards.givens.shape) < rate[:, None], 0, boards.givens))
