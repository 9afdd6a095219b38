"""The model that learned nothing: the *no-net twin* of every row that is told rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from generators.boards import Boards
from generators.models.interface import Prediction, Session


@dataclass(frozen=True)
class Uniform:
    """Every value is equally likely: with a legality veto, a random legal value."""

    name: str = "uniform"

    def open(self, boards: Boards) -> Session:
        return _UniformSession(boards)


@dataclass(frozen=True)
class _UniformSession:
    boards: Boards

    def predict(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"] | None = None,
        wanted: Bool[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        shape = (*assignments.shape, self.boards.d)
        blank = (assignments == 0) & self.boards.real[rows]
        nothing = np.zeros(len(rows), dtype=np.int64)
        return Prediction(np.full(shape, -np.log(self.boards.d)), blank, nothing, nothing.astype(float))
