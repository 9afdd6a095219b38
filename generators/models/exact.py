"""Exact conditionals by counting, and the same spoiled by noise: what a network without error would say.

p(x_i = v | assignment) = solutions that extend the assignment with v there / solutions that extend it. Sampled in any
order it never makes a dead end (chain rule). With noise e, a share e of the probability goes to the values that no
solution has there, where there are any: every such commit is a dead end with probability e.

    >>> Exact(noise=0.1).open(boards).predict(rows, assignments).log_probs
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from csp.errors import BadInput
from csp.problem import Instance
from generators.boards import Boards
from generators.models.interface import Prediction

MOST = 200_000  # solutions of an instance that are kept
PARTIAL = 20  # times as many partial ones on the way


def solutions(instance: Instance, most: int = MOST) -> Int[np.ndarray, "solutions n"]:
    """All solutions of an instance, in rising order. Raises BadInput if there are more than `most`, or constraints
    that are not pairwise.
    """
    problem = instance.problem
    if not problem.pairwise:
        raise BadInput(f"{instance.provenance}: exact conditionals are for pairwise constraints only")

    # Partial solutions, grown cell by cell: each by every value that no neighbour holds.
    grown = instance.givens[None].astype(np.int8)
    for cell in np.nonzero(instance.givens == 0)[0]:
        near = problem.adjacency[cell]
        wider = []
        for value in range(1, problem.d + 1):
            fits = ~(grown[:, near] == value).any(1)
            more = grown[fits].copy()
            more[:, cell] = value
            wider.append(more)
        grown = np.concatenate(wider)
        if len(grown) > PARTIAL * most:
            raise BadInput(f"{instance.provenance}: too many partial solutions for exact conditionals")

    if len(grown) > most:
        raise BadInput(f"{instance.provenance}: {len(grown)} solutions, exact conditionals take up to {most}")
    return grown.astype(np.int64)


@dataclass(frozen=True)
class Exact:
    """Exact conditionals, a share `noise` of the probability spoiled."""

    noise: float = 0.0
    name: str = "exact"

    def open(self, boards: Boards) -> ExactSession:
        return ExactSession(self, boards)


class ExactSession:
    """All solutions of every board, counted at each call. Where nothing extends an assignment, values are uniform."""

    def __init__(self, model: Exact, boards: Boards):
        self.model, self.boards = model, boards
        self.solutions = [solutions(instance) for instance in boards.instances]

    def predict(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"] | None = None,
        wanted: Bool[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        d = self.boards.d
        probs = np.full((*assignments.shape, d), 1 / d)
        for place, row in enumerate(rows.tolist()):
            known = self.solutions[row]
            now = assignments[place, : known.shape[1]]
            fits = known[((known == now) | (now == 0)).all(1)]
            if len(fits):
                probs[place, : len(now)] = self._conditionals(fits)
        blank = (assignments == 0) & self.boards.real[rows]
        nothing = np.zeros(len(rows), dtype=np.int64)
        with np.errstate(divide="ignore"):
            return Prediction(np.log(probs), blank, nothing, nothing.astype(float))

    def _conditionals(self, fits: Int[np.ndarray, "solutions n"]) -> Float[np.ndarray, "n d"]:
        """The share of the solutions that have each value at each cell, spoiled by the model's noise."""
        counts = (fits[:, :, None] == np.arange(1, self.boards.d + 1)).mean(0)
        never = counts == 0
        spoiled = never.any(1, keepdims=True) * self.model.noise
        return counts * (1 - spoiled) + spoiled * never / np.maximum(never.sum(1, keepdims=True), 1)
