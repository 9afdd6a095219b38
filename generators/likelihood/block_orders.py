"""How likely a filling is when blocks are filled one after the other, in a random order within each: the bound.

    >>> bound(ask, rows, values, blocks, draws=8, rng=rng)             # (rows,): unbiased, log-probabilities

The expected log-likelihood along such an order: with blocks of one cell that is log p in raster order, exactly; with
one block of all cells, the bound that masked diffusion trains. States are drawn with the number of filled cells evenly
spaced over 0 .. k - 1, which takes variance out, as stratified times do.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int

from csp.tokens import MASK
from generators.likelihood.conditionals import Conditionals
from generators.models.in_blocks import current


@torch.no_grad()
def bound(
    ask: Conditionals,
    rows: Int[np.ndarray, " rows"],
    values: Int[np.ndarray, "rows N"],
    blocks: Int[np.ndarray, "rows N"] | Int[np.ndarray, " N"],
    draws: int,
    rng: np.random.Generator,
) -> Float[np.ndarray, " rows"]:
    """An estimate a filling of the board at each row, in nats. blocks: each cell's, in the sequence of filling."""
    free = ask.boards.free(rows)
    k = free.sum(1)
    total = np.zeros(len(rows))
    start = rng.random(len(rows))
    for draw in range(draws):
        # The order's first m cells hold their values. Which cell comes next is uniform over the rest of its block.
        m = np.floor(k * ((start + draw / draws) % 1.0)).astype(np.int64)
        priority = np.where(free, blocks + rng.random(free.shape), np.inf)
        rank = priority.argsort(1).argsort(1)
        blank = free & (rank >= m[:, None])
        counted = current(blank, blocks)

        log_probs = ask(rows, np.where(blank, MASK, values))
        right = log_probs.gather(-1, torch.from_numpy(np.maximum(values, 1) - 1)[..., None])[..., 0]
        total += k * (right.double().numpy() * counted).sum(1) / np.maximum(counted.sum(1), 1)
    return total / draws
