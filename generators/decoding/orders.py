"""Orders: how eager the policy is to fill each blank cell now; the highest goes first, the lowest cell among equals."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from generators.decoding.state import CELL, State
from generators.decoding.vetoes import Inspection, near_of
from solvers import solver_order


def before(state: State, rows: Int[np.ndarray, " rows"], seen: Inspection) -> Float[np.ndarray, "rows N"] | None:
    """Eagerness by orders that need no answer of the model; None for the others."""
    match state.decoder.order:
        case "raster":
            return np.broadcast_to(-np.arange(state.boards.width, dtype=float), (len(rows), state.boards.width))
        case "random":
            return state.random(rows, CELL)
        case "fewest":
            left = seen.legal if state.decoder.veto == "none" else seen.allowed
            return -left.sum(-1).astype(float)
        case "solver":
            ranks = solver_order.solver_rank(state.assignments[rows], near_of(state, rows), state.boards.d)
            return -ranks.astype(float)
    return None


def after(
    order: str, probs: Float[np.ndarray, "rows N d"], confidence: Float[np.ndarray, "rows N"]
) -> Float[np.ndarray, "rows N"]:
    """Eagerness by what the model said: probabilities after the veto, and those of the values chosen."""
    if order == "confidence":
        return confidence
    if order == "margin":
        if probs.shape[-1] == 1:
            return probs[..., 0]
        two = np.partition(probs, -2, axis=-1)[..., -2:]
        return two[..., 1] - two[..., 0]
    return (probs * np.log(np.maximum(probs, 1e-300))).sum(-1)  # minus the entropy
