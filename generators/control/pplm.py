"""Gradient steps on what a frozen AR net has read, before it writes its next value (PPLM, Dathathri et al. 2020).

The embeddings of the tokens so far, which every loop of the backbone reads again, are moved down the slope of

    energy of the rules (the next cell as the net predicts it, those to come uniform) + KL * KL(moved | unmoved)

by steps of a given length, and the moved prediction is mixed geometrically with the unmoved one. The numbers are the
paper's, but for the length of a step; it moves each layer's keys and values instead, of the past alone, and goes on
from what it moved before, where here each cell begins anew.

    >>> prediction = perturbed_prediction(model, boards, guide, rows, assignments, length=0.3)
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int

from generators.boards import Boards
from generators.control.guidance import Guide, held
from generators.models.autoregressive import Autoregressive
from generators.models.causal import pairs_read, raster, sight
from generators.models.interface import DIGITS, Prediction

UPDATES = 3  # steps for each cell
KL = 0.01  # weight of staying near the unmoved prediction
FLAT = 1e-6  # slopes below are rounding's own: no step is made
MIXED = 0.95  # the moved prediction's share


def perturbed_prediction(
    model: Autoregressive,
    boards: Boards,
    guide: Guide,
    rows: Int[np.ndarray, " rows"],
    assignments: Int[np.ndarray, "rows N"],
    length: float,
) -> Prediction:
    """The moved prediction of each board's first blank cell. assignments: all values, clues behind that cell too."""
    d, each = boards.d, np.arange(len(rows))
    blank = assignments == 0
    last = blank.argmax(1)  # the token whose target is the first blank cell, and that cell: the order is raster

    # The text up to the first blank cell, read without a cache: gradients go back to all of its embeddings.
    text = model.text(assignments, np.zeros_like(assignments), raster(boards.real)[rows], boards.real[rows])
    m = int(last.max()) + 1
    places = np.broadcast_to(np.arange(m), (len(rows), m))
    values, cells, targets = (torch.as_tensor(part[:, :m]) for part in (text.values, text.cells, text.targets))
    codes = torch.as_tensor(boards.relations if len(boards.relations) == 1 else boards.relations[rows])
    blocked = sight(np.zeros(len(rows), dtype=np.int64), places, m)
    shift = torch.zeros((*places.shape, model.backbone.config.dim), dtype=model.backbone.head.weight.dtype)

    def predict(shift: torch.Tensor) -> Float[torch.Tensor, "rows d"]:
        log_probs = model.read(values, cells, targets, cells, codes, blocked, d, more=shift)  # (rows, m, d)
        return log_probs[each, last]

    with torch.no_grad():
        plain = predict(shift)
    future = torch.full((*assignments.shape, d), 1 / d, dtype=torch.float64)
    for _ in range(UPDATES):
        shift = shift.requires_grad_()
        moved = predict(shift)
        board = future.clone()
        board[each, last] = moved.exp().double()
        kl = (moved.exp() * (moved - plain)).sum(-1)
        lost = guide(held(board, assignments > 0, assignments), rows) + KL * kl
        (slope,) = torch.autograd.grad(lost.sum(), shift)

        # A step of the given length for each board, whatever the slope's; rounded, so that batch shapes do not show.
        size = slope.norm(dim=(1, 2), keepdim=True)
        step = torch.where(size > FLAT, slope / size.clamp(min=FLAT), 0.0)
        shift = (shift - length * step).detach().round(decimals=DIGITS)
    with torch.no_grad():
        mixed = (MIXED * predict(shift) + (1 - MIXED) * plain).log_softmax(-1)
    log_probs, speaks = np.zeros((*assignments.shape, d)), np.zeros(assignments.shape, dtype=bool)
    log_probs[each, last], speaks[each, last] = np.round(mixed.double().numpy(), DIGITS), True

    # Two passes forward, and for each update one forward and one back, which counts as two.
    passes, tokens = 2 + 3 * UPDATES, last + 1
    flops = model.backbone.flops(tokens, pairs_read(0, tokens))
    return Prediction(log_probs, speaks, passes * tokens, passes * flops)
