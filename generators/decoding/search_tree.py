"""The tree of commits behind retractions that go on with the next value: worst, depth and best-first.

Every commit is a node under the one before it, and keeps the model's log-probabilities there; the best value not tried
yet is its open alternative. A failure picks an open alternative and the board becomes the path to it, with the next
value at its end (Harvey and Ginsberg 1995: the model is the heuristic, an alternative a discrepancy). A state that was
left comes back from memory: no call is spent on it.

    >>> tree.grow(rows, cells, values, confidence, log_probs)        # after commits
    >>> able = tree.go(rows, blame)                                  # lost boards turn into their next alternative

A new rule is a name in RULES and a function that picks a node, called in _go.
"""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from csp.seeds import uniform
from generators.decoding.state import REMASK, State

WORST, DEPTH, BEST_FIRST, ANY = 0, 1, 2, 3  # which open alternative is next, for the kernel
RULES = {"worst": WORST, "depth": DEPTH, "best-first": BEST_FIRST}
ROOM = 128  # nodes a board has room for at first
NONE = -1  # no node


class Nodes(NamedTuple):
    """The nodes of every board, (boards, room) each; numba reads a named tuple as it stands.

    parent: the commit before, NONE at a board's first. cell, value, confidence: the commit. log_probs: the model's
    there, -inf where vetoed or tried. top: the highest of them before any was tried. lost: log-probability given up on
    the way to the node and there, against the likeliest values. following: the best value not tried yet, 0 if none;
    alternative: what would be lost if it were taken, infinite if there is none.
    """

    parent: Int[np.ndarray, "boards room"]
    cell: Int[np.ndarray, "boards room"]
    value: Int[np.ndarray, "boards room"]
    confidence: Float[np.ndarray, "boards room"]
    lost: Float[np.ndarray, "boards room"]
    top: Float[np.ndarray, "boards room"]
    following: Int[np.ndarray, "boards room"]
    alternative: Float[np.ndarray, "boards room"]
    log_probs: Float32[np.ndarray, "boards room d"]


class Tree:
    """The trees of all boards. count: how many nodes each has; at: the node that each board stands at."""

    def __init__(self, state: State):
        size = len(state.boards)
        self.state, self.d = state, state.boards.d
        self.rule = RULES[state.decoder.retraction]
        if state.decoder.retraction == "best-first" and state.decoder.signal == "random":
            self.rule = ANY  # the placebo: any open alternative, all alike
        self.count, self.at = np.zeros(size, dtype=np.int64), np.full(size, NONE)
        whole, real = np.zeros((size, ROOM), dtype=np.int64), np.zeros((size, ROOM))
        self.nodes = Nodes(
            *(array.copy() for array in (whole, whole, whole, real, real, real, whole)),
            np.full((size, ROOM), np.inf),
            np.zeros((size, ROOM, self.d), dtype=np.float32),
        )

    def _make_room(self, more: int) -> None:
        """Room for `more` nodes in every tree: at least twice as much as before, so that copying stays rare."""
        room = self.nodes.parent.shape[1]
        if self.count.max(initial=0) + more > room:
            wider = [np.zeros((len(old), 2 * room + more, *old.shape[2:]), dtype=old.dtype) for old in self.nodes]
            for new, old in zip(wider, self.nodes):
                new[:, :room] = old
            self.nodes = Nodes(*wider)

    def grow(self, rows, cells, values, confidence, log_probs: Float[np.ndarray, "commits d"]) -> None:
        """Add commits, each under the one before it of its board. log_probs: after the veto, -inf where vetoed."""
        self._make_room(self.state.boards.width)
        _grow(rows, cells, values, confidence, log_probs, self.count, self.at, self.nodes)

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
        uniforms = uniform(state.boards.keys[rows], REMASK, state.rounds[rows])
        _go(
            rows, self.rule, blame, uniforms, self.count, self.at, self.nodes,
            assignments, commit_order, confidence, done,
        )  # fmt: skip
        state.restore(rows[done], assignments[done], commit_order[done], confidence[done])
        return done


@numba.njit(cache=True)
@no_type_check
def _settle(b, node, nodes):
    """Mark a node's value as tried; note what it lost, the best value not tried yet, and what that would have lost."""
    above, log_probs = nodes.parent[b, node], nodes.log_probs[b, node]
    base = nodes.lost[b, above] if above >= 0 else 0.0
    tried = nodes.value[b, node] - 1
    nodes.lost[b, node] = base + nodes.top[b, node] - log_probs[tried]
    log_probs[tried] = -np.inf
    best = NONE
    for other in range(len(log_probs)):
        if log_probs[other] > -np.inf and (best < 0 or log_probs[other] > log_probs[best]):
            best = other
    nodes.following[b, node] = best + 1
    nodes.alternative[b, node] = np.inf if best < 0 else base + nodes.top[b, node] - log_probs[best]


@numba.njit(cache=True)
@no_type_check
def _grow(rows, cells, values, confidence, log_probs, count, at, nodes):
    """Put a node under where each row stands; the row then stands at the new one."""
    for i in range(len(rows)):
        b = rows[i]
        node = count[b]
        nodes.parent[b, node], nodes.cell[b, node], nodes.value[b, node] = at[b], cells[i], values[i]
        nodes.confidence[b, node] = confidence[i]
        nodes.log_probs[b, node] = log_probs[i]
        nodes.top[b, node] = nodes.log_probs[b, node].max()
        _settle(b, node, nodes)
        count[b], at[b] = node + 1, node


@numba.njit(cache=True)
@no_type_check
def _any_open(b, count, share, nodes):
    """The open alternative that stands at a share of the list of them; NONE if it is empty."""
    found = 0
    for node in range(count):
        found += nodes.alternative[b, node] < np.inf
    skip = int(share * found)
    for node in range(count):
        if nodes.alternative[b, node] < np.inf:
            if skip == 0:
                return node
            skip -= 1
    return NONE


@numba.njit(cache=True)
@no_type_check
def _on_path(b, at, blame, latest, nodes):
    """The open alternative on the path of the most blamed cell, or the latest one; NONE if the path has none."""
    best, most, node = NONE, 0.0, at
    while node >= 0:
        if nodes.alternative[b, node] < np.inf and (best < 0 or blame[nodes.cell[b, node]] > most):
            best, most = node, blame[nodes.cell[b, node]]
            if latest:
                break
        node = nodes.parent[b, node]
    return best


@numba.njit(cache=True)
@no_type_check
def _least_lost(b, count, nodes):
    """The open alternative that gives up the least log-probability, the latest among equals; NONE if there is none."""
    best = NONE
    for node in range(count):
        open_here = nodes.alternative[b, node] < np.inf
        if open_here and (best < 0 or nodes.alternative[b, node] <= nodes.alternative[b, best]):
            best = node
    return best


@numba.njit(cache=True)
@no_type_check
def _go(rows, rule, blame, uniforms, count, at, nodes, assignments, commit_order, confidence, done):
    """Pick an alternative for each row, add its node, and write the path to it into the last four arrays."""
    for i in range(len(rows)):
        b = rows[i]
        if rule == ANY:
            best = _any_open(b, count[b], uniforms[i], nodes)
        elif rule == BEST_FIRST:
            best = _least_lost(b, count[b], nodes)
        else:
            best = _on_path(b, at[b], blame[i], rule == DEPTH, nodes)
            if rule == WORST and best < 0:  # it has rewound past alternatives, which are off its path but open still
                best = _least_lost(b, count[b], nodes)
        if best < 0:
            continue

        # The alternative is a node beside the one that was picked; what is still open of both is kept at the new one.
        new = count[b]
        nodes.parent[b, new], nodes.cell[b, new] = nodes.parent[b, best], nodes.cell[b, best]
        nodes.value[b, new] = nodes.following[b, best]
        nodes.log_probs[b, new], nodes.top[b, new] = nodes.log_probs[b, best], nodes.top[b, best]
        nodes.confidence[b, new] = np.exp(nodes.log_probs[b, new, nodes.value[b, new] - 1])
        _settle(b, new, nodes)
        nodes.alternative[b, best] = np.inf
        count[b], at[b], done[i] = new + 1, new, True

        # The path is walked from its end: its length first, so that commits are numbered from 1 at the root.
        length, node = 0, new
        while node >= 0:
            length += 1
            node = nodes.parent[b, node]
        node = new
        while node >= 0:
            assignments[i, nodes.cell[b, node]] = nodes.value[b, node]
            commit_order[i, nodes.cell[b, node]] = length
            confidence[i, nodes.cell[b, node]] = nodes.confidence[b, node]
            length -= 1
            node = nodes.parent[b, node]
