"""What a network learns from: boards, their solutions, and what was drawn at random for each of them.

A network trains in two steps. corrupt(boards, solutions, rng) draws all that is random (masks, noise, orders, rules)
for the whole batch at once; loss(examples) is deterministic and returns one value a board. Whoever trains may therefore
take some of the boards only (a process its share, a curriculum the hard ones) and weigh them as it likes: what is drawn
for a board does not depend on that.

    >>> examples = model.corrupt(boards, solutions, rng)
    >>> model.loss(examples).mean()                              # the batch's loss
    >>> model.loss(examples.take(slice(0, None, 2)))             # of every second board, as in the batch
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from generators.boards import Boards


@dataclass(frozen=True, eq=False)
class Examples:
    """solutions: 0 at padding. drawn: by name, arrays (or lists) with a row a board."""

    boards: Boards
    solutions: Int[np.ndarray, "batch N"]
    drawn: Mapping[str, np.ndarray | Sequence[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.boards)

    def __getitem__(self, name: str) -> Any:
        """What was drawn under that name."""
        return self.drawn[name]

    def take(self, rows: slice) -> Examples:
        """Those boards, with what was drawn for them."""
        drawn = {name: rows_of[rows] for name, rows_of in self.drawn.items()}
        return Examples(self.boards.take(rows), self.solutions[rows], drawn)


def stratified(size: int, rng: np.random.Generator, top: float | int = 1.0) -> Float[np.ndarray, " size"]:
    """A number in [0, top) for each of `size` boards: one uniform draw in each of `size` equal strata, shuffled.

    Times drawn so cover their range evenly in every batch, which takes variance out of a diffusion loss.
    """
    return top * (rng.permutation(size) + rng.random(size)) / size
