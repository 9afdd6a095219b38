"""The books of boards that are steered towards targets: one state for guided decoding, particles and latents.

>>> state = ControlState(str(steering), targets, seed)
>>> state.rewrite(rows, boards)                 # what differs is taken back, then committed
>>> traces = state.traces()
"""

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
from generators.decoding.state import BoardState

#: Models by kind.
Nets = Mapping[str, Any]


class ControlState(BoardState):
    """Boards on their way to targets; the same target several times means several samples, numbered from 0.

    rows: the boards that go on. distinct: the targets; which: of them, a board each.
    Random numbers depend on (target, seed, number of the sample, draw) alone, not on the method, so that all methods
    meet the same; a decoder's (generators/decoding/state.py) depend on its spelling and its calls.
    """

    def __init__(self, name: str, targets: Sequence[Target], seed: int):
        super().__init__(name, stack([target.instance for target in targets], "steered", seed))
        self.seed = seed
        self.distinct = list({id(target): target for target in targets}.values())
        place = {id(target): number for number, target in enumerate(self.distinct)}
        self.which = np.array([place[id(target)] for target in targets])
        self.numbers = np.array([(self.which[:row] == which).sum() for row, which in enumerate(self.which)])
        self.rows = np.arange(len(targets))
        self.draws = np.zeros(len(targets), dtype=np.int64)

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

    def rewrite(self, rows: Int[np.ndarray, " rows"], boards: Int[np.ndarray, "rows N"]) -> None:
        """Turn the boards into these: what differs is taken back, cell by cell, then committed, into the log."""
        before = self.assignments[rows]
        differs = before != boards
        for written, values in ((differs & (before > 0), np.zeros_like(boards)), (differs & (boards > 0), boards)):
            row, cell = np.nonzero(written)
            self.record(rows[row], cell, values[row, cell])
        self.assignments[rows] = boards

    def traces(self) -> list[Trace]:
        """What happened, one trace a board."""
        solved = self.solved(np.arange(len(self.which)))
        return [self.trace(row, events, bool(solved[row]), self.costs(row)) for row, events in enumerate(self.events())]

    def trace(self, row: int, events: Events, solved: bool, costs: Costs) -> Trace:
        """A board's trace: it ends solved, wrong if it is full, else out of budget."""
        instance = self.boards.instances[row]
        full = (self.assignments[row, : instance.problem.n] > 0).all()
        end = "solved" if solved else "wrong" if full else "out of budget"
        return Trace(instance.id, self.name, self.seed, events, end, costs)
