"""Orders: each blank cell's priority now; the highest goes first, the lowest cell among equals.

    >>> priority = before(state, rows, seen)                # raster, random, fewest, solver: before the model is asked
    >>> priority = after(order, probs, confidence)          # confidence, margin, entropy: by its answer
    >>> priority = learned(state, orderer, rows, probs)     # by a head that reads its answer

A new order is a case in one of the first two, and a word in DECODER_WORDS of generators/decoding/spec.py (in STATIC
too if it needs no answer of the model).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from generators.decoding.state import CELL, SMALLEST, State
from generators.decoding.vetoes import Inspection, near_of
from generators.models.interface import Orderer
from solvers import solver_order


def before(state: State, rows: Int[np.ndarray, " rows"], seen: Inspection) -> Float[np.ndarray, "rows N"] | None:
    """Priorities by orders that need no answer of the model; None for the others."""
    match state.decoder.order:
        case "raster":
            return np.broadcast_to(-np.arange(state.boards.width, dtype=float), (len(rows), state.boards.width))
        case "random":
            return state.random(rows, CELL)
        case "fewest":
            # Without a veto nothing is ruled out, and legal values tell the cells apart.
            left = seen.legal if state.decoder.veto == "none" else seen.allowed
            return -left.sum(-1).astype(float)
        case "solver":
            ranks = solver_order.solver_rank(state.assignments[rows], near_of(state, rows), state.boards.d)
            return -ranks.astype(float)
    return None


def after(
    order: str, probs: Float[np.ndarray, "rows N d"], confidence: Float[np.ndarray, "rows N"]
) -> Float[np.ndarray, "rows N"]:
    """Priorities by the model's prediction: probabilities after the veto, and those of the values chosen."""
    if order == "confidence":
        return confidence
    if order == "margin":
        if probs.shape[-1] == 1:
            return probs[..., 0]
        two = np.partition(probs, -2, axis=-1)[..., -2:]
        return two[..., 1] - two[..., 0]
    return (probs * np.log(np.maximum(probs, SMALLEST))).sum(-1)  # minus the entropy


def learned(
    state: State, orderer: Orderer, rows: Int[np.ndarray, " rows"], probs: Float[np.ndarray, "rows N d"]
) -> Float[np.ndarray, "rows N"]:
    """Priorities by a trained head (generators/reinforcement/order_head.py is one), whose FLOPs are spent."""
    blank = (state.assignments[rows] == 0) & state.free[rows]
    state.spend(rows, 0, 0, orderer.flops * state.boards.real[rows].sum(1))
    return orderer.priorities(np.log(np.maximum(probs, SMALLEST)), blank)
