"""ReMDM's schedules (Wang et al. 2025, arXiv 2503.00307): how likely each cell is filled or remasked in one step.

With alpha_t the share of cells visible at time t (1 at 0), from t to s < t: a visible free cell is masked with
probability sigma, a masked one is unmasked with (alpha_s - (1 - sigma) alpha_t) / (1 - alpha_t), so that the share
visible stays alpha. sigma is at most sigma_max = min(1, (1 - alpha_s) / alpha_t).

    >>> mask, unmask = rates("cap", 0.0, steps=64, step=calls, visible=visible, confidence=confidence)
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from generators.decoding.spec import ETA
from generators.decoding.state import SMALLEST

# The loop schedule, with the numbers of the paper: from t = LOOP_FROM to LOOP_TO a share HELD is visible, while each
# visible cell is masked at LOOP_RATE a step.
HELD, LOOP_FROM, LOOP_TO, LOOP_RATE = 0.9, 0.55, 0.05, 0.02
ROUNDING = 1e-9  # times that are equal but for rounding


def visible_share(kind: str, t: float) -> float:
    """alpha_t: linear, but for `loop`, which holds HELD between LOOP_FROM and LOOP_TO."""
    if kind != "loop":
        return 1 - t
    if t > LOOP_FROM:
        return HELD * (1 - t) / (1 - LOOP_FROM)
    return HELD if t > LOOP_TO else 1 - (1 - HELD) * t / LOOP_TO


def rates(
    kind: str,
    eta: float,
    steps: int,
    step: Int[np.ndarray, " rows"],
    visible: Bool[np.ndarray, "rows N"],
    confidence: Float[np.ndarray, "rows N"],
) -> tuple[Float[np.ndarray, "rows N"], Float[np.ndarray, "rows N"]]:
    """(mask, unmask): probabilities for visible and for masked free cells in step 1..steps of each row.

    eta: 0 for the paper's. confidence: probability of each visible cell's value at its commit (kind conf).
    """
    mask, unmask = np.zeros(visible.shape), np.zeros(visible.shape)
    for number in np.unique(step):
        rows = step == number
        t, s = 1 - (number - 1) / steps, 1 - number / steps  # step 1 begins at time 1, the last one ends at 0
        a_t, a_s = visible_share(kind, t), visible_share(kind, s)
        most = min(1.0, (1 - a_s) / a_t) if a_t > 0 else 1.0

        # sigma of every cell, by the kind of schedule.
        sigma = np.zeros(visible[rows].shape)
        if kind == "cap":
            sigma += min(eta or ETA[kind], most)
        elif kind == "rescale":
            sigma += (eta or ETA[kind]) * most
        elif kind == "loop":
            sigma += min(LOOP_RATE, most) if s >= LOOP_TO - ROUNDING and t <= LOOP_FROM + ROUNDING else 0.0
        else:
            weight = np.where(visible[rows], np.exp(-confidence[rows]), 0.0)
            sigma += most * weight / np.maximum(weight.sum(1, keepdims=True), SMALLEST)

        # The masked cells are filled so often that the share visible is alpha_s in the mean.
        filled = 1.0 if kind == "conf" else 1 - sigma  # conf: masked cells have sigma 0
        mask[rows] = sigma
        unmask[rows] = np.clip((a_s - filled * a_t) / (1 - a_t), 0, 1) if a_t < 1 else 0.0
    return mask, unmask
