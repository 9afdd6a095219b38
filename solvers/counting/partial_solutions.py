"""How many solutions a puzzle has, exactly, and solutions drawn uniformly from all of them; graphs and small boards.

    >>> counted = Solutions(draw("gnp:n=30,degree=4.6,solvable=yes", 0, "test", 0))
    >>> counted.total, counted.uniform(np.random.default_rng(0))       # a whole number; (n,), a solution

Blank cells are filled one after the other. Of a partial solution only the values on cells with a blank neighbour still
to come matter, so those that agree there are counted together (Bertele and Brioschi 1972, nonserial dynamic
programming): a graph of 30 nodes and mean degree 4.6 keeps some hundreds of states where it has thousands of solutions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from csp.errors import BadInput
from csp.problem import Instance

MOST = 2_000_000  # states at once
LARGEST = 2**62  # solutions


class _Step(NamedTuple):
    """One cell filled: from which state before, with which value, and into which state after it; and how many partial
    solutions each state before stood for.
    """

    cell: int
    origin: Int[np.ndarray, " ways"]
    value: Int[np.ndarray, " ways"]
    into: Int[np.ndarray, " ways"]
    before: Int[np.ndarray, " states"]


class Solutions:
    """Of an instance with pairwise constraints. Raises BadInput for others, and where there are too many states."""

    def __init__(self, instance: Instance):
        problem = instance.problem
        if not problem.pairwise:
            raise BadInput(f"{instance.provenance}: solutions are counted for pairwise constraints only")
        self.givens = np.asarray(instance.givens)
        self.steps: list[_Step] = []
        blank = self.givens == 0
        adjacency = np.asarray(problem.adjacency, dtype=bool)
        legal = _legal(adjacency, self.givens, problem.d)

        # Given cells that are neighbours must differ already: nothing is filled if they do not.
        clash = (self.givens[:, None] == self.givens[None]) & adjacency & ~blank[:, None]
        states, counts = np.zeros((1, 0), dtype=np.int8), np.array([0 if clash.any() else 1], dtype=np.int64)
        open_cells: list[int] = []  # whose values a state holds
        left = blank.copy()
        while left.any():
            cell = _next(adjacency, left, open_cells)
            left[cell] = False
            near = [place for place, other in enumerate(open_cells) if adjacency[cell, other]]

            # Every state with every value that neither a given nor an open neighbour holds.
            allowed = legal[cell][None] & np.ones((len(states), 1), dtype=bool)  # (states, d)
            for place in near:
                allowed[np.arange(len(states)), states[:, place] - 1] = False
            origin, value = np.nonzero(allowed)
            grown = np.concatenate([states[origin], (value + 1).astype(np.int8)[:, None]], axis=1)
            open_cells.append(cell)

            # What no blank cell is a neighbour of any more is forgotten, and equal states become one.
            keep = [place for place, other in enumerate(open_cells) if (adjacency[other] & left).any()]
            open_cells = [open_cells[place] for place in keep]
            states, into = _merged(grown[:, keep])
            if len(states) > MOST or (len(counts) and counts.max() > LARGEST // problem.d):
                raise BadInput(f"{instance.provenance}: too many partial solutions to count")
            self.steps.append(_Step(cell, origin, value + 1, into, counts))
            after = np.zeros(len(states), dtype=np.int64)
            np.add.at(after, into, counts[origin])
            counts = after
        self.total = int(counts.sum())

    def uniform(self, rng: np.random.Generator) -> Int[np.ndarray, " n"]:
        """A solution, each as likely as any other. Raises ValueError if there is none."""
        if not self.total:
            raise ValueError("no solution to draw")
        made, state = self.givens.astype(np.int64), 0  # in the end all solutions are in one state

        # Backwards: a way into the state, in proportion to the partial solutions that come along it.
        for step in reversed(self.steps):
            ways = np.flatnonzero(step.into == state)
            weights = step.before[step.origin[ways]]
            chosen = ways[np.searchsorted(weights.cumsum(), rng.integers(weights.sum()), side="right")]
            made[step.cell], state = step.value[chosen], step.origin[chosen]
        return made


def _legal(adjacency, givens, d: int):
    """(n, d): which values no given neighbour holds."""
    return np.stack([~(adjacency & (givens == value)[None]).any(1) for value in range(1, d + 1)], axis=1)


def _next(adjacency, left, open_cells: list[int]) -> int:
    """The blank cell after which the fewest cells are open; the one with most open neighbours among equals."""
    candidates = np.flatnonzero(left)
    opened = np.zeros(len(left), dtype=bool)
    opened[open_cells] = True
    blank_near = (adjacency & left[None]).sum(1)  # of each cell
    closes = (adjacency[candidates] & (opened & (blank_near == 1))[None]).sum(1)
    stays = blank_near[candidates] > 0
    joined = (adjacency[candidates] & opened[None]).sum(1)
    return int(candidates[np.lexsort((-joined, stays.astype(int) - closes))[0]])


def _merged(states: Int[np.ndarray, "ways cells"]) -> tuple[Int[np.ndarray, "states cells"], Int[np.ndarray, " ways"]]:
    """The different states, and which of them each one is."""
    if not states.shape[1]:
        return np.zeros((min(1, len(states)), 0), dtype=states.dtype), np.zeros(len(states), dtype=np.int64)
    packed = np.ascontiguousarray(states).view(np.dtype((np.void, states.shape[1])))[:, 0]
    _, first, into = np.unique(packed, return_index=True, return_inverse=True)
    return states[first], into.reshape(-1)
