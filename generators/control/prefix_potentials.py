"""What is known of the future of a board that is written in raster order: guides of generators/control/steer.py.

A PrefixPotential gives for each value of a board's next cell the logarithm of how likely rules are kept from there: all
of them, up to a constant (whole), or those that the cell has a part in.

    >>> potential.log_potential(rows, cells, assignments)            # (rows, d), added to the net's log-probabilities
    >>> potential.advance(rows, cells, values)                       # once these are written

  Relaxed   exp(-strength * energy), the cells to come being uniform
  Learned   a network trained to tell (generators/models/prompted_ar.py); a call of its own each time
  Exact     counted over all grids. It never goes wrong, so that what other discriminators miss is theirs.

A new one is a class here, a case in GuidedDecoding and a word in generators/control/spec.py.
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

    def __init__(self, state: ControlState, guide: Guide, strength: float):
        self.d, self.guide, self.strength = state.boards.d, guide, strength

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
        """Nothing to do: the energy is computed of the whole board each time."""

    def restart(self, rows):
        """Nothing to do: the energy is computed of the whole board each time."""

    def move(self, rows, sources):
        """Nothing to do: the energy is computed of the whole board each time."""


class LearnedPotential:
    """The answer of a net of kind future (generators/models/prompted_ar.py), or another with its open and predict."""

    whole = False

    def __init__(self, state: ControlState, net: Any, strength: float):
        self.state, self.strength = state, strength
        self.session = net.open(state.boards, encode_rules(state.told, state.boards))

    def log_potential(self, rows, cells, assignments):
        # Clues behind the next cell are among the rules that the net is told: they are not read as text.
        written = np.where(np.arange(assignments.shape[1]) < cells[:, None], assignments, 0)
        prediction = self.session.predict(rows, written)
        self.state.spend(rows, 1, prediction.tokens, prediction.flops)
        return self.strength * prediction.log_probs[np.arange(len(rows)), cells]

    def advance(self, rows, cells, values):
        """Nothing to do: the session compares the board with what it has read."""

    def restart(self, rows):
        """Nothing to do: the session compares the board with what it has read."""

    def move(self, rows, sources):
        self.session.move(rows, sources)


class ExactPotential:
    """Counts of the grids that obey, over counts of all grids."""

    whole = True

    def __init__(self, state: ControlState):
        # Of each target all grids that obey, as ranges of a sorted list: a prefix is a range of it.
        first = state.distinct[0].plain.problem
        self.grids, self.givens = all_grids(first), state.boards.givens
        known = []
        for target in state.distinct:
            kept = self.grids.satisfying(target.told, MOST)
            if kept is None:
                raise BadInput(f"{target.instance.provenance}: more than {MOST:,} grids obey; too many to keep")
            known.append(Prefixes(kept, first.d))
        self.prefixes = [known[which] for which in state.which]
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
