"""Commits: which value each cell would get, and which cells get theirs, so that no two of one call clash.

>>> values, probs, confidence = values_of(state, rows, prediction, seen.allowed)
>>> commit(state, rows, sequence, eligible, values, confidence, k=1, threshold=0.0)

The decode loop (loop.py) fills blank cells by them, revisions (revisions.py) write other values over old ones.
"""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float, Int

from generators.decoding.state import SMALLEST, VALUE, State
from generators.decoding.vetoes import near_of
from generators.models.interface import Prediction


def choose_values(
    log_probs: Float[np.ndarray, "*cells d"], allowed: Bool[np.ndarray, "*cells d"], gumbel: np.ndarray | None
) -> tuple[Int[np.ndarray, "*cells"], Float[np.ndarray, "*cells d"]]:
    """A value 1..d for every cell, and the probabilities left after the veto (0 everywhere if none is allowed).

    gumbel (cells, d): temperature times Gumbel noise to sample, None to take the likeliest (lowest among equals).
    """
    kept = np.where(allowed, log_probs, -np.inf)
    top = kept.max(-1, keepdims=True)
    weights = np.exp(kept - np.where(np.isfinite(top), top, 0.0))
    probs = weights / np.maximum(weights.sum(-1, keepdims=True), SMALLEST)
    scores = kept if gumbel is None else kept + gumbel
    return scores.argmax(-1) + 1, probs


def values_of(
    state: State,
    rows: Int[np.ndarray, " rows"],
    prediction: Prediction,
    allowed: Bool[np.ndarray, "rows N d"],
    drawn: Bool[np.ndarray, "rows N"] | None = None,
) -> tuple[Int[np.ndarray, "rows N"], Float[np.ndarray, "rows N d"], Float[np.ndarray, "rows N"]]:
    """A value for every cell, sampled or the likeliest, its cell's probabilities after the veto, and its own.

    drawn: cells that are sampled at temperature 1, whatever the decoder's is.
    """
    decoder = state.decoder
    heat = np.where(state.rounds[rows] > 0, decoder.heat(True), decoder.heat(False))[:, None]
    if drawn is not None:
        heat = np.where(drawn, 1.0, heat)
    gumbel = None
    if heat.any():
        gumbel = heat[..., None] * -np.log(-np.log(state.random(rows, VALUE, values=True)))

    # Cells that the model does not speak about, all but one of an AR net's, are left out of the work.
    speaks = prediction.speaks
    values, probs = np.ones(speaks.shape, dtype=np.int64), np.zeros(prediction.log_probs.shape)
    values[speaks], probs[speaks] = choose_values(
        prediction.log_probs[speaks], allowed[speaks], None if gumbel is None else gumbel[speaks]
    )
    return values, probs, np.take_along_axis(probs, values[..., None] - 1, axis=2)[..., 0]


class Committed(NamedTuple):
    """The commits of a call: which of the rows, which cells, which values; and which rows have any."""

    row: Int[np.ndarray, " commits"]
    cell: Int[np.ndarray, " commits"]
    value: Int[np.ndarray, " commits"]
    any: Bool[np.ndarray, " rows"]


def in_sequence(
    priority: Float[np.ndarray, "rows N"], eligible: Bool[np.ndarray, "rows N"]
) -> Int[np.ndarray, "rows N"]:
    """Each row's cells, those of the highest priority first, the lowest cell among equals; ineligible ones last."""
    return np.argsort(np.where(eligible, -priority, np.inf), axis=1, kind="stable")


def picked(
    state: State,
    rows: Int[np.ndarray, " rows"],
    now: Int[np.ndarray, "rows N"],
    sequence: Int[np.ndarray, "rows places"],
    eligible: Bool[np.ndarray, "rows N"],
    values: Int[np.ndarray, "rows N"],
    confidence: Float[np.ndarray, "rows N"],
    k: int,
    threshold: float = 0.0,
) -> Bool[np.ndarray, "rows places"]:
    """Which places of each row's sequence are filled, on top of `now`, which is written over.

    With a veto, no two cells of one call may clash: each was allowed before the other was filled.
    """
    near, careful = near_of(state, rows), state.decoder.veto != "none"
    return _picked(
        sequence, eligible, values, confidence, now, near.starts, near.neighbours, k, threshold, careful
    )  # fmt: skip


def commit(state: State, rows: Int[np.ndarray, " rows"], sequence, eligible, values, confidence, k, threshold=0.0):
    """Commit the cells that are picked (see there); what they are, as Committed."""
    chosen = picked(state, rows, state.assignments[rows], sequence, eligible, values, confidence, k, threshold)
    row, place = np.nonzero(chosen)
    cell = sequence[row, place]
    value = values[row, cell]
    state.commit(rows[row], cell, value, confidence[row, cell])
    return Committed(row, cell, value, chosen.any(1))


@numba.njit(cache=True)
@no_type_check
def _picked(sequence, eligible, values, confidence, now, starts, neighbours, k, threshold, careful):
    """(rows, places): which cells of each row's sequence are committed. careful: none that clashes with one before."""
    chosen = np.zeros(sequence.shape, dtype=np.bool_)
    for row in range(len(sequence)):
        b = row if len(starts) > 1 else 0  # boards of one problem share their neighbours
        taken = 0
        for place in range(sequence.shape[1]):
            cell = sequence[row, place]
            if not eligible[row, cell]:
                break
            # The first k, and beyond them those of at least the threshold.
            if taken >= k and not (threshold > 0 and confidence[row, cell] >= threshold):
                continue
            fine = True
            if careful:
                for spot in range(starts[b, cell], starts[b, cell + 1]):
                    if now[row, neighbours[b, spot]] == values[row, cell]:
                        fine = False
            if fine:
                chosen[row, place] = True
                now[row, cell] = values[row, cell]
                taken += 1
    return chosen
