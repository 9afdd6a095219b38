"""The tree of commits behind retractions that go on with the next value: worst, depth and best-first.

Every commit is a node under the one before it, and keeps what the model said there; the best value not tried yet is
its open alternative. A failure picks an open alternative and the board becomes the path to it, with the next value at
its end (Harvey and Ginsberg 1995: the model is the heuristic, an alternative a discrepancy). A state that was left
comes back from memory: no call is spent on it.
"""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Int

from csp.seeds import uniform
from generators.decoding.state import REMASK, State

RULES = {"worst": 0, "depth": 1, "best-first": 2}
PLACEBO = 3  # best-first with signal=random: any open alternative, all alike


class Tree:
    """The nodes of every board. lost: log-probability given up on the way to a node and there, against the likeliest
    values; alternative: the same if the next value were taken instead, infinite if there is none.
    """

    def __init__(self, state: State):
        size = len(state.boards)
        self.state, self.d = state, state.boards.d
        self.rule = RULES[state.decoder.retraction]
        if state.decoder.retraction == "best-first" and state.decoder.signal == "random":
            self.rule = PLACEBO
        self.count, self.at = np.zeros(size, dtype=np.int64), np.full(size, -1)
        room = 128
        self.parent, self.cell, self.value = (np.zeros((size, room), dtype=np.int64) for _ in range(3))
        self.confidence, self.lost, self.top = (np.zeros((size, room)) for _ in range(3))
        self.next, self.alternative = np.zeros((size, room), dtype=np.int64), np.full((size, room), np.inf)
        self.said = np.zeros((size, room, self.d), dtype=np.float32)  # -inf: vetoed or tried

    NODES = ("parent", "cell", "value", "confidence", "lost", "top", "next", "alternative", "said")

    def _nodes(self) -> tuple[np.ndarray, ...]:
        return tuple(getattr(self, name) for name in self.NODES)

    def _make_room(self, more: int) -> None:
        room = self.parent.shape[1]
        if self.count.max(initial=0) + more > room:
            for name in self.NODES:
                old = getattr(self, name)
                new = np.zeros((len(old), 2 * room + more, *old.shape[2:]), dtype=old.dtype)
                new[:, :room] = old
                setattr(self, name, new)

    def grow(self, rows, cells, values, confidence, log_probs: Float[np.ndarray, "commits d"]) -> None:
        """Add commits, each under the one before it of its board. log_probs: after the veto, -inf where vetoed."""
        self._make_room(self.state.boards.width)
        _grow(rows, cells, values, confidence, log_probs, self.count, self.at, *self._nodes())

    def go(
        self, rows: Int[np.ndarray, " rows"], blame: Float[np.ndarray, "rows N"] | None
    ) -> Bool[np.ndarray, " rows"]:
        """Turn each board into the alternative that the rule picks; False for boards that have none left.

        blame: how much each cell is to blame (rule worst).
        """
        self._make_room(1)
        state = self.state
        assignments = state.boards.givens[rows].copy()
        commit_order, confidence = np.zeros(assignments.shape, dtype=np.int64), np.ones(assignments.shape)
        done = np.zeros(len(rows), dtype=bool)
        blame = np.zeros(assignments.shape) if blame is None else blame
        lot = uniform(state.boards.keys[rows], REMASK, state.rounds[rows])
        _go(
            rows,
            self.rule,
            blame,
            lot,
            self.count,
            self.at,
            *self._nodes(),
            assignments,
            commit_order,
            confidence,
            done,
        )
        state.restore(rows[done], assignments[done], commit_order[done], confidence[done])
        return done


@numba.njit(cache=True)
@no_type_check
def _settle(b, node, value, base, lost, top, said, following, alternative):
    """Mark a node's value as tried; note what it lost, the best value not tried yet, and what that would have lost."""
    lost[b, node] = base + top[b, node] - said[b, node, value - 1]
    said[b, node, value - 1] = -np.inf
    best = -1
    for other in range(said.shape[2]):
        if said[b, node, other] > -np.inf and (best < 0 or said[b, node, other] > said[b, node, best]):
            best = other
    following[b, node] = best + 1
    alternative[b, node] = np.inf if best < 0 else base + top[b, node] - said[b, node, best]


@numba.njit(cache=True)
@no_type_check
def _grow(
    rows, cells, values, sures, log_probs, count, at,
    parent, cell, value, confidence, lost, top, following, alternative, said,
):  # fmt: skip
    for i in range(len(rows)):
        b = rows[i]
        node, above = count[b], at[b]
        parent[b, node], cell[b, node], value[b, node], confidence[b, node] = above, cells[i], values[i], sures[i]
        said[b, node] = log_probs[i]
        top[b, node] = said[b, node].max()
        base = lost[b, above] if above >= 0 else 0.0
        _settle(b, node, values[i], base, lost, top, said, following, alternative)
        count[b], at[b] = node + 1, node


@numba.njit(cache=True)
@no_type_check
def _go(
    rows, rule, blame, lot, count, at,
    parent, cell, value, confidence, lost, top, following, alternative, said,
    assignments, commit_order, sures, done,
):  # fmt: skip
    for i in range(len(rows)):
        b, best, most = rows[i], -1, 0.0
        if rule == 3:
            found = 0
            for node in range(count[b]):
                found += alternative[b, node] < np.inf
            skip = int(lot[i] * found)
            for node in range(count[b]):
                if alternative[b, node] < np.inf:
                    if skip == 0:
                        best = node
                    skip -= 1
        elif rule < 2:
            node = at[b]
            while node >= 0:
                if alternative[b, node] < np.inf and (best < 0 or blame[i, cell[b, node]] > most):
                    best, most = node, blame[i, cell[b, node]]
                    if rule == 1:
                        break
                node = parent[b, node]
        if rule == 2 or (rule == 0 and best < 0):  # worst has rewound past alternatives: they are open still
            for node in range(count[b]):
                if alternative[b, node] < np.inf and (best < 0 or alternative[b, node] <= alternative[b, best]):
                    best = node
        if best < 0:
            continue
        new = count[b]
        parent[b, new], cell[b, new], value[b, new] = parent[b, best], cell[b, best], following[b, best]
        said[b, new], top[b, new] = said[b, best], top[b, best]
        confidence[b, new] = np.exp(said[b, new, value[b, new] - 1])
        base = lost[b, parent[b, new]] if parent[b, new] >= 0 else 0.0
        _settle(b, new, value[b, new], base, lost, top, said, following, alternative)
        alternative[b, best] = np.inf  # it has moved on to the new node
        count[b], at[b], done[i] = new + 1, new, True
        length, node = 0, new
        while node >= 0:
            length += 1
            node = parent[b, node]
        node = new
        while node >= 0:
            assignments[i, cell[b, node]] = value[b, node]
            commit_order[i, cell[b, node]] = length
            sures[i, cell[b, node]] = confidence[b, node]
            length -= 1
            node = parent[b, node]
