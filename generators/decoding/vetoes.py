"""Vetoes: which values are ruled out before a commit, and by what sign a board is seen to be lost.

One inspection a state: it is computed after every change and used by the next commit, so that a board that shows a
dead end costs no further call.

    >>> seen = inspect(state, rows)
    >>> seen.allowed.shape, seen.inconsistent.shape            # (rows, N, d), (rows,)

A new veto is a level of solvers/propagate.py (or a case in inspect) and a word in generators/decoding/spec.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from generators.decoding.state import State
from solvers import propagate

LEVELS = {"none": 0, "legal": 0, "propagate": 1, "singles": 2, "oracle": 0}


class Inspection(NamedTuple):
    """allowed: values that the veto leaves; legal: values that no committed neighbour holds; clash: committed cells in
    visible conflict; inconsistent: boards that the veto sees to be lost.
    """

    allowed: Bool[np.ndarray, "rows N d"]
    legal: Bool[np.ndarray, "rows N d"]
    clash: Bool[np.ndarray, "rows N"]
    inconsistent: Bool[np.ndarray, " rows"]


def near_of(state: State, rows: Int[np.ndarray, " rows"]) -> propagate.Near:
    """Who must differ from whom, for these boards."""
    near = state.boards.near
    return near if len(near.starts) == 1 else propagate.Near(*(part[rows] for part in near))


def inspect(state: State, rows: Int[np.ndarray, " rows"]) -> Inspection:
    """What the decoder's veto says of these boards as they are."""
    veto, d, near = state.decoder.veto, state.boards.d, near_of(state, rows)
    now = state.assignments[rows]
    allowed, clash, inconsistent = propagate.inspect(now, near, d, LEVELS[veto])
    legal = allowed
    if veto == "none":
        allowed, inconsistent = np.ones_like(legal), np.zeros_like(inconsistent)
    elif veto == "oracle":
        allowed = propagate.supported(now, near, d)
        inconsistent = ~allowed.any((1, 2))
    return Inspection(_remembering(state, rows, allowed), legal, clash, inconsistent)


def _remembering(state: State, rows, allowed: Bool[np.ndarray, "rows N d"]) -> Bool[np.ndarray, "rows N d"]:
    """Without the values that memory bars; a cell that would have none left keeps what the veto leaves."""
    if state.barred is not None:
        fresh = allowed & (state.barred[rows] <= state.rounds[rows][:, None, None])
    elif state.nogoods is not None:
        fresh = allowed & ~state.nogoods.completing(rows, state.assignments[rows], allowed.shape)
    else:
        return allowed
    return np.where(fresh.any(-1, keepdims=True), fresh, allowed)
