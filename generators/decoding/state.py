"""What a decode run knows of its boards: what is on them, when and how surely it was committed, what it has cost."""

from __future__ import annotations

from collections.abc import Sequence

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


class State:
    """The boards of one decode call. Arrays have a row a board; `rows` arguments say which boards are meant.

    assignments, turns (0 = blank or given; the later a commit, the higher), sure (the probability of the value at the
    time of its commit, after the veto), barred (the round up to which memory bars a value), nogoods.
    """

    def __init__(self, decoder: Decoder, boards: Boards):
        size, width = boards.givens.shape
        self.decoder, self.boards = decoder, boards
        self.free = (boards.givens == 0) & boards.real
        self.assignments = boards.givens.copy()
        self.commit_order = np.zeros((size, width), dtype=np.int64)
        self.confidence = np.ones((size, width))
        self.barred = np.zeros((size, width, boards.d), dtype=np.int64) if decoder.memory == "tabu" else None
        self.nogoods = Nogoods(size) if decoder.memory == "nogoods" else None
        self.rounds = np.zeros(size, dtype=np.int64)  # retractions made
        self.calls, self.tokens = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
        self.flops, self.seconds = np.zeros(size), np.zeros(size)
        self.ends = np.full(size, "solved", dtype=object)
        self.log: list[np.ndarray] = []  # (events, 4): board, call, cell, value

    def spend(self, rows, calls, tokens, flops, seconds: float = 0.0) -> None:
        """Add costs, each a number for all of the rows or one a row; the seconds are shared out evenly."""
        self.calls[rows] += calls
        self.tokens[rows] += tokens
        self.flops[rows] += flops
        self.seconds[rows] += seconds / max(1, len(rows))

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
        """Uniform numbers for these boards at this moment, (rows, N), or (rows, N, d) with values."""
        keys, calls = self.boards.keys[rows][:, None], self.calls[rows][:, None]
        cells = np.arange(self.boards.width)
        if not values:
            return uniform(keys, purpose, calls, cells)
        return uniform(keys[..., None], purpose, calls[..., None], cells[:, None], np.arange(self.boards.d))

    def full(self, rows: Int[np.ndarray, " rows"]) -> Bool[np.ndarray, " rows"]:
        """Whether nothing is blank."""
        return ~((self.assignments[rows] == 0) & self.free[rows]).any(1)

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
        first = np.searchsorted(rows, rows, side="left")  # rows are sorted
        self.commit_order[rows, cells] = self.commit_order[rows].max(1) + 1 + np.arange(len(rows)) - first
        self.confidence[rows, cells] = confidence
        self.write(rows, cells, values)

    def retract(self, rows: Int[np.ndarray, " rows"], blanked: Bool[np.ndarray, "rows N"]) -> None:
        """Take back the cells where blanked, one more round for each row."""
        row, cell = np.nonzero(blanked)
        row = rows[row]
        self.rounds[rows] += 1
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
        row, cell = np.nonzero(differs & (before > 0))
        last = np.lexsort((-self.commit_order[rows[row], cell], row))
        self.write(rows[row[last]], cell[last], np.zeros(len(row), dtype=np.int64))
        row, cell = np.nonzero(differs & (assignments > 0))
        first = np.lexsort((commit_order[row, cell], row))
        self.write(rows[row[first]], cell[first], assignments[row, cell][first])
        self.commit_order[rows], self.confidence[rows] = commit_order, confidence
        self.rounds[rows] += 1

    def write(self, rows, cells, values) -> None:
        """Put values on boards and into the log."""
        self.assignments[rows, cells] = values
        self.log.append(np.stack([rows, self.calls[rows], cells, values], axis=1))

    def traces(self, seed: int) -> list[Trace]:
        """What happened, one trace a board."""
        events = events_by_board(self.log, len(self.boards))
        return [self._trace(row, *of_board, seed) for row, of_board in enumerate(zip(self.boards.instances, events))]

    def _trace(self, row: int, instance: Instance, events: Events, seed: int) -> Trace:
        costs = Costs(int(self.calls[row]), int(self.tokens[row]), float(self.flops[row]), float(self.seconds[row]))
        right = bool(instance.solved(self.assignments[row, : instance.problem.n]))
        assert right == (self.ends[row] == "solved"), "the checker disagrees with the decode loop"
        return Trace(instance.id, str(self.decoder), seed, events, self.ends[row], costs)


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
