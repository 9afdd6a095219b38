"""What is known of the future of a board that is written in raster order: guides of generators/control/steer.py.

A Future says for each value of a board's next cell the logarithm of how likely rules are kept from there: all of them,
up to a constant (whole), or those that the cell has a part in.

  Relaxed   exp(-strength * energy), the cells to come being uniform
  Learned   a network trained to tell (generators/models/prompted_ar.py); a call of its own each time
  Exact     counted over all grids. It never goes wrong, so that what other discriminators miss is theirs.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float, Int

from csp.errors import BadInput
from generators.control.guidance import Guide, held
from generators.control.state import ControlState
from generators.models.rule_features import encode_rules
from solvers.counting.sudoku_grids import Prefixes, all_grids

MOST = 3_000_000  # grids of one target that are kept
Rows = Int[np.ndarray, " rows"]


class PrefixPotential(Protocol):
    """whole: whether it speaks of all rules each time."""

    whole: bool

    def log_potential(
        self, rows: Rows, cells: Rows, assignments: Int[np.ndarray, "rows N"]
    ) -> Float[np.ndarray, "rows d"]:
        """Of each value of the boards' next cells."""
        ...

    def advance(self, rows: Rows, cells: Rows, values: Rows) -> None:
        """The next cells hold these values."""

    def restart(self, rows: Rows) -> None:
        """These boards are as blank as at first."""

    def move(self, rows: Rows, sources: Rows) -> None:
        """The boards at rows go on from those at sources, of the same target."""


class RelaxedPotential:
    """The energy of each board with each value in its next cell, the cells to come being uniform."""

    whole = True

    def __init__(self, samples: ControlState, guide: Guide, strength: float):
        self.d, self.guide, self.strength = samples.boards.d, guide, strength

    def log_potential(self, rows, cells, assignments):
        place = np.arange(len(rows))
        board = held(
            torch.full((*assignments.shape, self.d), 1 / self.d, dtype=torch.float64), assignments > 0, assignments
        )
        costs = np.zeros((len(rows), self.d))
        for value in range(self.d):
            board[place, cells] = torch.eye(self.d, dtype=board.dtype)[value]
            costs[:, value] = self.guide(board, rows).numpy()
        return -self.strength * costs

    def advance(self, rows, cells, values):
        """It remembers nothing."""

    def restart(self, rows):
        """It remembers nothing."""

    def move(self, rows, sources):
        """It remembers nothing."""


class LearnedPotential:
    """What a net of kind future says (generators/models/prompted_ar.py), or another with its open() and predict()."""

    whole = False

    def __init__(self, samples: ControlState, net: Any, strength: float):
        self.samples, self.strength = samples, strength
        self.session = net.open(samples.boards, encode_rules(samples.told, samples.boards))

    def log_potential(self, rows, cells, assignments):
        said = self.session.predict(rows, np.where(np.arange(assignments.shape[1]) < cells[:, None], assignments, 0))
        self.samples.pay(rows, said)
        return self.strength * said.log_probs[np.arange(len(rows)), cells]

    def advance(self, rows, cells, values):
        """The session sees for itself."""

    def restart(self, rows):
        """The session sees for itself."""

    def move(self, rows, sources):
        self.session.move(rows, sources)


class ExactPotential:
    """Counts of the grids that obey, over counts of all grids."""

    whole = True

    def __init__(self, samples: ControlState):
        first = samples.distinct[0].plain.problem
        self.grids, self.givens = all_grids(first), samples.boards.givens
        known = []
        for target in samples.distinct:
            kept = self.grids.satisfying(target.told, MOST)
            if kept is None:
                raise BadInput(f"{target.instance.provenance}: more than {MOST:,} grids obey; too many to keep")
            known.append(Prefixes(kept, first.d))
        self.prefixes = [known[which] for which in samples.which]
        self.ranges = np.zeros((len(self.prefixes), 2), dtype=np.int64)
        self.place = np.zeros(len(self.prefixes), dtype=np.int64)  # the next cell
        self.restart(np.arange(len(self.prefixes)))

    def restart(self, rows):
        for row in rows.tolist():
            self.ranges[row], self.place[row] = self.prefixes[row].start(1)[0], 0
            self._pass_clues(row)

    def _pass_clues(self, row: int) -> None:
        while self.place[row] < len(self.givens[row]) and (value := self.givens[row][self.place[row]]):
            self._go(row, int(value))

    def _go(self, row: int, value: int) -> None:
        ranges, t = self.ranges[row : row + 1], int(self.place[row])
        self.ranges[row] = self.prefixes[row].advance(ranges, t, np.array([value]))[0]
        self.place[row] += 1

    def log_potential(self, rows, cells, assignments):
        """-inf where no grid goes on."""
        made = []
        for place, row in enumerate(rows.tolist()):
            t = int(cells[place])
            obey = self.prefixes[row].counts(self.ranges[row : row + 1], t)[0]
            every = self.grids.prefix_counts(assignments[place : place + 1, :t])[0]
            with np.errstate(divide="ignore", invalid="ignore"):
                made.append(np.where(obey > 0, np.log(obey) - np.log(np.maximum(every, 1)), -np.inf))
        return np.stack(made)

    def advance(self, rows, cells, values):
        for row, value in zip(rows.tolist(), values.tolist()):
            self._go(row, value)
            self._pass_clues(row)

    def move(self, rows, sources):
        self.ranges[rows], self.place[rows] = self.ranges[sources], self.place[sources]
