"""Nogoods: sets of commits that cannot stand together, learned from the oracle's cores (an upper bound).

>>> state.nogoods.learn(state, rows, sources)                  # a core of each lost board
>>> state.nogoods.completing(rows, assignments, shape)         # values that would complete a learned one
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int


class Nogoods:
    """What was learned of every board: lists of (cells, values). Kept and asked board by board."""

    def __init__(self, size: int):
        self.learned: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in range(size)]

    def learn(self, state, rows: Int[np.ndarray, " rows"], sources) -> None:
        """Add a core of each of these boards, all of which are dead."""
        for row in rows.tolist():
            cells = sources.core(state, row)
            if len(cells):
                self.learned[row].append((cells, state.assignments[row, cells].copy()))

    def completing(
        self, rows: Int[np.ndarray, " rows"], assignments: Int[np.ndarray, "rows N"], shape: tuple[int, int, int]
    ) -> Bool[np.ndarray, "rows N d"]:
        """The values that would make the last commit of a nogood."""
        barred = np.zeros(shape, dtype=bool)
        for place, row in enumerate(rows.tolist()):
            for cells, values in self.learned[row]:
                wrong = np.nonzero(assignments[place, cells] != values)[0]
                if len(wrong) == 1 and assignments[place, cells[wrong[0]]] == 0:
                    barred[place, cells[wrong[0]], values[wrong[0]] - 1] = True
        return barred
