"""The model that learned nothing: the *no-net twin* of every row that is told rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from generators.boards import Boards
from generators.models.interface import Prediction, Session


@dataclass(frozen=True)
class Uniform:
    """Every value is equally likely: with a legality veto, at temperature 1, a random legal value. At temperature 0
    equals are settled as everywhere: the lowest value, and of cells the first one.

    next_only: speaks about the first blank cell alone, as the twin of a network that writes in raster order.
    """

    name: str = "uniform"
    next_only: bool = False

    def open(self, boards: Boards) -> Session:
        return _UniformSession(boards, self.next_only)


@dataclass(frozen=True)
class _UniformSession:
    boards: Boards
    next_only: bool

    def predict(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"] | None = None,
        wanted: Bool[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        blank = (assignments == 0) & self.boards.real[rows]
        if self.next_only:
            blank &= np.cumsum(blank, axis=1) == 1
        return self._answers(blank)

    def reread(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        return self._answers(self.boards.free(rows))

    def _answers(self, asked: Bool[np.ndarray, "rows N"]) -> Prediction:
        nothing = np.zeros(len(asked), dtype=np.int64)
        even = np.full((*asked.shape, self.boards.d), -np.log(self.boards.d))
        return Prediction(even, asked, nothing, nothing.astype(float))

    def move(self, rows: Int[np.ndarray, " rows"], sources: Int[np.ndarray, " rows"]) -> None:
        """Boards change places: nothing is remembered that would have to follow."""
