"""What all that is steered towards targets shares: the boards' bookkeeping, and the energy of each board's rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from csp.constraints import Constraint
from csp.control_target import Target
from csp.seeds import uniform
from csp.trace import Costs, Events, Trace
from generators.boards import stack
from generators.decoding.state import events_by_board
from generators.models.interface import Prediction
from generators.models.transformer import Backbone

#: Models by kind.
Nets = Mapping[str, Any]


class ControlState:
    """Boards on their way to targets; the same target several times means several samples, numbered from 0.

    rows: those that go on. now: what the boards say. Random numbers depend on (target, seed, sample) alone: all methods
    meet the same.
    """

    def __init__(self, name: str, targets: Sequence[Target], seed: int):
        self.name, self.seed = name, seed
        self.distinct = list({id(target): target for target in targets}.values())
        place = {id(target): number for number, target in enumerate(self.distinct)}
        self.which = np.array([place[id(target)] for target in targets])  # of the distinct targets, a board each
        self.numbers = np.array([(self.which[:row] == which).sum() for row, which in enumerate(self.which)])
        self.boards = stack([target.instance for target in targets], "steered", seed)
        self.rows = np.arange(len(targets))
        self.assignments = self.boards.givens.copy()
        self.draws = np.zeros(len(targets), dtype=np.int64)
        self.calls, self.passes = (np.zeros(len(targets), dtype=np.int64) for _ in range(2))
        self.tokens, self.flops = np.zeros(len(targets), dtype=np.int64), np.zeros(len(targets))
        self.seconds = np.zeros(len(targets))
        self.log: list[np.ndarray] = []  # (events, 4): board, call, cell, value

    @property
    def told(self) -> list[tuple[Constraint, ...]]:
        """What each board's target asks, control and clues."""
        return [self.distinct[which].told for which in self.which]

    def by_target(self, rows: Int[np.ndarray, " rows"]) -> Iterator[tuple[int, Int[np.ndarray, " some"]]]:
        """(which of the distinct targets, the places in rows of its boards), for each of those targets."""
        for which in np.unique(self.which[rows]).tolist():
            yield which, np.nonzero(self.which[rows] == which)[0]

    def uniforms(self, rows: Int[np.ndarray, " rows"], size: int = 1) -> Float[np.ndarray, "rows N size"]:
        """Uniform numbers, `size` for each cell, new ones at every call."""
        self.draws[rows] += 1
        keys, numbers, draws = (array[rows][:, None, None] for array in (self.boards.keys, self.numbers, self.draws))
        return uniform(keys, numbers, draws, np.arange(self.boards.width)[:, None], np.arange(size))

    def spend(self, rows: Int[np.ndarray, " rows"], passes: int = 1) -> None:
        """Count a call of each board; a gradient through the network counts as three passes over all its tokens."""
        self.calls[rows] += 1
        self.passes[rows] += passes

    def solved(self, rows: Int[np.ndarray, " rows"]) -> Bool[np.ndarray, " rows"]:
        """Which boards the checker finds complete, valid and controlled."""
        right = np.zeros(len(rows), dtype=bool)
        for which, places in self.by_target(rows):
            instance = self.distinct[which].instance
            right[places] = instance.solved(self.assignments[rows[places], : instance.problem.n])
        return right

    def conflicts(self, rows: Int[np.ndarray, " rows"]) -> Bool[np.ndarray, "rows N"]:
        """Which cells take part in a violation, of the puzzle's own rules or of the control."""
        broken = np.zeros((len(rows), self.boards.width), dtype=bool)
        for which, places in self.by_target(rows):
            problem = self.distinct[which].instance.problem
            broken[places, : problem.n] = problem.conflicts(self.assignments[rows[places], : problem.n])
        return broken

    def turn(self, rows: Int[np.ndarray, " rows"], boards: Int[np.ndarray, "rows N"]) -> None:
        """Make the boards say this: retractions first, then commits, into the log."""
        before = self.assignments[rows]
        differs = before != boards
        for written, values in ((differs & (before > 0), np.zeros_like(boards)), (differs & (boards > 0), boards)):
            row, cell = np.nonzero(written)
            self.log.append(np.stack([rows[row], self.calls[rows[row]], cell, values[row, cell]], axis=1))
        self.assignments[rows] = boards

    def pay(self, rows: Int[np.ndarray, " rows"], said: Prediction) -> None:
        """Count a call of each board, and what it cost."""
        self.calls[rows] += 1
        self.tokens[rows] += said.tokens
        self.flops[rows] += said.flops

    def traces(self, backbone: Backbone) -> list[Trace]:
        """What happened, one trace a board."""
        solved, made = self.solved(np.arange(len(self.which))), []
        for row, events in enumerate(events_by_board(self.log, len(self.which))):
            n = self.boards.instances[row].problem.n
            tokens = int(self.tokens[row] + self.passes[row] * n)
            flops = float(self.flops[row] + self.passes[row] * backbone.flops(n, n**2))
            costs = Costs(int(self.calls[row]), tokens, flops, float(self.seconds[row]))
            made.append(self.trace(row, events, bool(solved[row]), costs))
        return made

    def trace(self, row: int, events: Events, solved: bool, costs: Costs) -> Trace:
        """A board's trace."""
        instance = self.boards.instances[row]
        full = (self.assignments[row, : instance.problem.n] > 0).all()
        end = "solved" if solved else "wrong" if full else "out of budget"
        return Trace(instance.id, self.name, self.seed, events, end, costs)
