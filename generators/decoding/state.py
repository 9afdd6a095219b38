"""What is known of boards while they are filled: what is on them, when and how surely it was committed, what it cost.

BoardState    the books that every decode loop keeps: assignments, costs, the log that becomes traces
State         those of a Decoder: random numbers, budgets, memory, the end of each board
ControlState  those of steered nets (generators/control/state.py)

>>> state = State(decoder, stack(instances, "decode", seed, decoder.stream))
>>> state.commit(rows, cells, values, confidence)
>>> traces = state.traces(seed)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from csp.problem import Instance
from csp.seeds import uniform
from csp.trace import Costs, Events, Trace
from generators.boards import Boards
from generators.decoding.nogoods import Nogoods
from generators.decoding.spec import Decoder

# Purposes of random numbers, folded into each board's key.
VALUE, CELL, REMASK, WIDEN = 1, 2, 3, 4
#: The least that a sum of probabilities is taken for: where all values are vetoed it is 0, which nothing divides by.
SMALLEST = 1e-300


class BoardState:
    """Boards on their way, a row each; `rows` arguments say which of them are meant. name: the decoder's, in traces.

    assignments; free (the cells that are not given); commit_order (0 = blank or given; the later a commit, the higher);
    calls, tokens, flops, seconds; log of (board, call, cell, value), value 0 for what was taken back.
    """

    def __init__(self, name: str, boards: Boards):
        size, width = boards.givens.shape
        self.name, self.boards = name, boards
        self.free = boards.free(slice(None))
        self.assignments = boards.givens.copy()
        self.commit_order = np.zeros((size, width), dtype=np.int64)
        self.calls, self.tokens = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
        self.flops, self.seconds = np.zeros(size), np.zeros(size)
        self.log: list[np.ndarray] = []  # (events, 4) each

    def spend(self, rows, calls, tokens, flops, seconds: float = 0.0) -> None:
        """Add costs, each a number for all of the rows or one a row; the seconds are shared out evenly."""
        self.calls[rows] += calls
        self.tokens[rows] += tokens
        self.flops[rows] += flops
        self.seconds[rows] += seconds / max(1, len(rows))

    def full(self, rows: Int[np.ndarray, " rows"]) -> Bool[np.ndarray, " rows"]:
        """Whether nothing is blank."""
        return ~((self.assignments[rows] == 0) & self.free[rows]).any(1)

    def record(self, rows, cells, values) -> None:
        """Into the log: at each row's current call these cells came to hold these values."""
        self.log.append(np.stack([rows, self.calls[rows], cells, values], axis=1))

    def events(self) -> list[Events]:
        """The log, board by board."""
        return events_by_board(self.log, len(self.boards))

    def costs(self, row: int) -> Costs:
        """What a board has cost."""
        return Costs(int(self.calls[row]), int(self.tokens[row]), float(self.flops[row]), float(self.seconds[row]))


class Moment(NamedTuple):
    """What a learned retraction was shown of some boards after a call, and which cells it blanked."""

    rows: Int[np.ndarray, " some"]
    features: Float[np.ndarray, "some N features"]
    committed: Bool[np.ndarray, "some N"]
    blanked: Bool[np.ndarray, "some N"]


class State(BoardState):
    """The boards of one decode call.

    confidence (the probability of each value at the time of its commit, after the veto), rounds (retractions made),
    barred (the round up to which memory bars a value), nogoods, ends; moments, kept where learning puts a list.
    """

    def __init__(self, decoder: Decoder, boards: Boards):
        super().__init__(str(decoder), boards)
        size, width = boards.givens.shape
        self.decoder = decoder
        self.confidence = np.ones((size, width))
        self.barred = np.zeros((size, width, boards.d), dtype=np.int64) if decoder.memory == "tabu" else None
        self.nogoods = Nogoods(size) if decoder.memory == "nogoods" else None
        self.rounds = np.zeros(size, dtype=np.int64)
        self.ends = np.full(size, "solved", dtype=object)
        self.moments: list[Moment] | None = None
        for row in np.nonzero(self.full(np.arange(size)))[0]:  # full from the start: its givens may break a rule
            if not boards.instances[row].solved(boards.givens[row, : boards.instances[row].problem.n]):
                self.ends[row] = "wrong"

    def spent(self, rows: Int[np.ndarray, " rows"]) -> Bool[np.ndarray, " rows"]:
        """Whether a budget of theirs is used up."""
        over = np.zeros(len(rows), dtype=bool)
        for budget, used in zip(
            (self.decoder.calls, self.decoder.tokens, self.decoder.seconds), (self.calls, self.tokens, self.seconds)
        ):
            if budget:
                over |= used[rows] >= budget
        return over

    def random(self, rows: Int[np.ndarray, " rows"], purpose: int, values: bool = False) -> Float[np.ndarray, "..."]:
        """Uniform numbers for these boards at this moment, (rows, N), or (rows, N, d) with values.

        A function of (board's key, purpose, calls made): a board draws the same whatever has happened to others.
        """
        keys, calls = self.boards.keys[rows][:, None], self.calls[rows][:, None]
        cells = np.arange(self.boards.width)
        if not values:
            return uniform(keys, purpose, calls, cells)
        return uniform(keys[..., None], purpose, calls[..., None], cells[:, None], np.arange(self.boards.d))

    def committed(self, rows: Int[np.ndarray, " rows"]) -> Bool[np.ndarray, "rows N"]:
        """The cells that hold a value and are not given."""
        return self.free[rows] & (self.assignments[rows] > 0)

    def commit(
        self,
        rows: Int[np.ndarray, " commits"],
        cells: Int[np.ndarray, " commits"],
        values: Int[np.ndarray, " commits"],
        confidence: Float[np.ndarray, " commits"],
    ) -> None:
        """Commit values; several of one row are in the sequence in which they are committed."""
        if not len(rows):
            return

        # Each row's commits are numbered on from its latest; rows are sorted, so that a row's first is found by search.
        first = np.searchsorted(rows, rows, side="left")
        self.commit_order[rows, cells] = self.commit_order[rows].max(1) + 1 + np.arange(len(rows)) - first
        self.confidence[rows, cells] = confidence
        self.write(rows, cells, values)

    def retract(self, rows: Int[np.ndarray, " rows"], blanked: Bool[np.ndarray, "rows N"]) -> None:
        """Take back the cells where blanked, one more round for each row."""
        row, cell = np.nonzero(blanked)
        row = rows[row]
        self.rounds[rows] += 1

        # Tabu: for `tenure` rounds the value may not come back to its cell.
        if self.barred is not None:
            until = self.rounds[row] + self.decoder.tenure
            self.barred[row, cell, self.assignments[row, cell] - 1] = until

        self.commit_order[row, cell] = 0
        self.write(row, cell, np.zeros(len(row), dtype=np.int64))

    def restore(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"],
        confidence: Float[np.ndarray, "rows N"],
    ) -> None:
        """Turn boards into others of theirs: what differs is taken back, last commit first, then committed anew."""
        before = self.assignments[rows]
        differs = before != assignments

        # What is taken back leaves in the reverse of the order in which it came.
        row, cell = np.nonzero(differs & (before > 0))
        last = np.lexsort((-self.commit_order[rows[row], cell], row))
        self.write(rows[row[last]], cell[last], np.zeros(len(row), dtype=np.int64))

        # What comes instead, in the order in which the other board committed it.
        row, cell = np.nonzero(differs & (assignments > 0))
        first = np.lexsort((commit_order[row, cell], row))
        self.write(rows[row[first]], cell[first], assignments[row, cell][first])

        self.commit_order[rows], self.confidence[rows] = commit_order, confidence
        self.rounds[rows] += 1

    def write(self, rows, cells, values) -> None:
        """Put values on boards and into the log."""
        self.assignments[rows, cells] = values
        self.record(rows, cells, values)

    def traces(self, seed: int) -> list[Trace]:
        """What happened, one trace a board."""
        return [
            self._trace(row, instance, events, seed)
            for row, (instance, events) in enumerate(zip(self.boards.instances, self.events()))
        ]

    def _trace(self, row: int, instance: Instance, events: Events, seed: int) -> Trace:
        right = bool(instance.solved(self.assignments[row, : instance.problem.n]))
        assert right == (self.ends[row] == "solved"), "the checker disagrees with the decode loop"
        return Trace(instance.id, self.name, seed, events, self.ends[row], self.costs(row))


def events_by_board(log: Sequence[Int[np.ndarray, "_ 4"]], size: int) -> list[Events]:
    """What a log of (board, call, cell, value) says of each of `size` boards."""
    joined = np.concatenate([np.zeros((0, 4), dtype=np.int64), *log])
    joined = joined[np.argsort(joined[:, 0], kind="stable")]
    cuts = np.searchsorted(joined[:, 0], np.arange(size + 1))
    return [Events(joined[start:end, 1:]) for start, end in zip(cuts, cuts[1:])]


def highest(
    scores: Float[np.ndarray, "rows N"], size: Int[np.ndarray, " rows"] | Float[np.ndarray, " rows"]
) -> Bool[np.ndarray, "rows N"]:
    """The `size` cells of each row with the highest scores, the lowest cell among equals."""
    place = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)
    return place < size[:, None]
