"""What causal networks share: the orders in which boards are read, and which token may look at which."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from generators.boards import Boards


def raster(boards: Boards) -> Int[np.ndarray, "batch N"]:
    """Cells by rising index, padding last."""
    return np.argsort(~boards.real, axis=1, kind="stable")


def random_order(boards: Boards, rng: np.random.Generator) -> Int[np.ndarray, "batch N"]:
    """Cells in a random order of each board's own, padding last."""
    return np.argsort(rng.random(boards.real.shape) + ~boards.real, axis=1, kind="stable")


def sight(
    clues: Int[np.ndarray, " batch"], places: Int[np.ndarray, "batch m"], width: int
) -> Bool[Tensor, "batch m {width}"]:
    """blocked (batch, m, width): a token sees itself and those before it; clues see each other."""
    keys = np.arange(width)
    seen = keys <= places[:, :, None]
    among_clues = (keys < clues[:, None])[:, None, :] & (places < clues[:, None])[:, :, None]
    return torch.from_numpy(~(seen | among_clues))
