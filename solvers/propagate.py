"""What the rules say at once, without search, for a whole batch: legal values, visible signs of a dead end."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int


def legal(
    assignments: Int[np.ndarray, "batch n"], adjacency: Bool[np.ndarray, "shared n n"], d: int
) -> Bool[np.ndarray, "batch n d"]:
    """Whether a value 1..d stands in no cell that must differ. Says nothing of whether the cell is blank.

    adjacency is Problem.adjacency, one for all (shared = 1) or one an assignment (shared = batch).
    """
    values = np.arange(1, d + 1)
    held = (assignments[:, :, None] == values).astype(np.float32)  # (batch, n, d)
    return np.matmul(adjacency.astype(np.float32), held) == 0


def visible(
    assignments: Int[np.ndarray, "batch n"], adjacency: Bool[np.ndarray, "shared n n"], d: int
) -> Bool[np.ndarray, " batch"]:
    """Whether a dead end shows: two cells that must differ agree, or a blank cell has no legal value.

    Cells that no rule relates to any other (padding) never show one.
    """
    fine = legal(assignments, adjacency, d)
    return (_clash(assignments, fine) | ((assignments == 0) & ~fine.any(2))).any(1)


def conflicts(
    assignments: Int[np.ndarray, "batch n"], adjacency: Bool[np.ndarray, "shared n n"], d: int
) -> Bool[np.ndarray, "batch n"]:
    """Which committed cells agree with a cell that they must differ from."""
    return _clash(assignments, legal(assignments, adjacency, d))


def _clash(assignments: Int[np.ndarray, "batch n"], fine: Bool[np.ndarray, "batch n d"]) -> Bool[np.ndarray, "batch n"]:
    """Committed cells whose own value is not legal there."""
    here = np.maximum(assignments - 1, 0)[..., None]
    return (assignments > 0) & ~np.take_along_axis(fine, here, axis=2)[..., 0]
