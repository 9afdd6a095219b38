"""What causal networks share: the orders in which boards are read, which token may look at which, how many pairs do.

>>> blocked = sight(clues, places, width)              # (batch, m, width), True where a token may not look
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from generators.boards import Boards
from solvers.solver_order import solver_sequence


def raster(real: Bool[np.ndarray, "batch N"]) -> Int[np.ndarray, "batch N"]:
    """Cells by rising index, padding last."""
    return np.argsort(~real, axis=1, kind="stable")


def random_order(boards: Boards, rng: np.random.Generator) -> Int[np.ndarray, "batch N"]:
    """Cells in a random order of each board's own, padding last."""
    return np.argsort(rng.random(boards.real.shape) + ~boards.real, axis=1, kind="stable")


def training_order(
    name: str, boards: Boards, solutions: Int[np.ndarray, "batch N"], rng: np.random.Generator
) -> Int[np.ndarray, "batch N"]:
    """The cells in an order by its name in NETWORK_WORDS (models/network_words.py), padding last."""
    match name:
        case "random":
            return random_order(boards, rng)
        case "solver":
            return solver_sequence(boards.givens, solutions, boards.near, boards.d)
    return raster(boards.real)


def sight(
    clues: Int[np.ndarray, " batch"], places: Int[np.ndarray, "batch m"], width: int
) -> Bool[Tensor, "batch m {width}"]:
    """blocked (batch, m, width): a token sees itself and those before it; clues see each other."""
    keys = np.arange(width)
    seen = keys <= places[:, :, None]
    among_clues = (keys < clues[:, None])[:, None, :] & (places < clues[:, None])[:, :, None]
    return torch.from_numpy(~(seen | among_clues))


def pairs_read(
    first: Int[np.ndarray, " rows"] | int,
    counts: Int[np.ndarray, " rows"],
    clues: Int[np.ndarray, " rows"] | int = 0,
) -> Int[np.ndarray, " rows"]:
    """(query, key) pairs of reading `counts` tokens from place `first` on, under sight(): what FLOPs are counted from.

    Token i looks at i + 1 tokens, so those from `first` to `end` at T(end) - T(first), T(m) = m (m + 1) / 2. The clues
    look at all clues, clues ** 2 pairs in all, and are read together or not at all.
    """
    end, tail = first + counts, np.maximum(first, clues)
    behind_clues = np.where(end > tail, end * (end + 1) // 2 - tail * (tail + 1) // 2, 0)
    return behind_clues + np.where((np.asarray(first) == 0) & (end > 0), np.square(clues), 0)
