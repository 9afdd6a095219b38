"""retraction=learned: a head says of each committed cell, after each call, with what chance it is taken back.

    >>> taken_back(state, remasker, rows, seen)           # (rows, N)

When and what to take back are thus one decision. The head sees what the decode loop knows for nothing: no call of the
network, no oracle. generators/reinforcement/retraction_head.py is one that learns from rewards.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from generators.decoding.signals import beside
from generators.decoding.state import REMASK, WIDEN, Moment, State, highest
from generators.decoding.vetoes import Inspection
from generators.models.interface import Remasker

#: What is said of a cell. Of its board: lost (its veto says so, or it is full and wrong), blank (share of the free
#: cells), time (share of the calls gone), rounds (log of 1 + retractions). Of a committed cell: sure (its value's
#: probability at its commit), clash (a neighbour holds the same), empty (a blank neighbour has no legal value left),
#: age (share of the commits that came later), others (share of the values that are legal here beside its own).
FEATURES = ("lost", "blank", "time", "rounds", "sure", "clash", "empty", "age", "others")


def taken_back(
    state: State, remasker: Remasker, rows: Int[np.ndarray, " rows"], seen: Inspection
) -> Bool[np.ndarray, "rows N"]:
    """Which cells are blanked, each drawn apart. signal=random, the placebo: as many of the committed cells, any."""
    committed = state.committed(rows)
    shown = features(state, rows, seen)
    drawn = committed & (state.random(rows, REMASK) < remasker.chances(shown))
    if state.moments is not None:
        state.moments.append(Moment(rows, shown, committed, drawn))
    state.spend(rows, 0, 0, remasker.flops * state.boards.real[rows].sum(1))
    if state.decoder.signal != "random":
        return drawn
    anyone = np.where(committed, state.random(rows, WIDEN), -np.inf)
    return committed & highest(anyone, drawn.sum(1))


def features(state: State, rows: Int[np.ndarray, " rows"], seen: Inspection) -> Float[np.ndarray, "rows N features"]:
    """FEATURES of each cell, all of them from 0 to about 1; they mean something where a cell is committed."""
    committed, full = state.committed(rows), state.full(rows)
    blank = (state.assignments[rows] == 0) & state.free[rows]
    lost = seen.inconsistent | (full & seen.clash.any(1))
    of_board = (
        lost,
        blank.sum(1) / np.maximum(state.free[rows].sum(1), 1),
        state.calls[rows] / max(1, state.decoder.calls),
        np.log1p(state.rounds[rows]) / np.log1p(max(1, state.decoder.calls)),
    )

    # Of each cell; commit orders have gaps where something was taken back, so that ages are ranks.
    order = np.where(committed, state.commit_order[rows], 0)
    rank = np.argsort(np.argsort(order, axis=1, kind="stable"), axis=1)
    later = (rank.max(1, keepdims=True) - rank) / np.maximum(committed.sum(1, keepdims=True), 1)
    own = np.take_along_axis(seen.legal, np.maximum(state.assignments[rows] - 1, 0)[..., None], axis=2)[..., 0]
    of_cell = (
        state.confidence[rows],
        seen.clash,
        beside(state, rows, blank & ~seen.legal.any(-1)),
        later,
        (seen.legal.sum(-1) - own) / state.boards.d,
    )
    whole = [np.repeat(np.asarray(part, dtype=float)[:, None], blank.shape[1], axis=1) for part in of_board]
    parts = np.stack([*whole, *(np.asarray(part, dtype=float) for part in of_cell)], axis=-1)
    return np.where(committed[..., None], parts, 0.0)
