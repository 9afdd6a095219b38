"""Random signs that keep inner products (Johnson and Lindenstrauss 1984; Achlioptas 2003).

With R of independent fair signs, P x k, the product of two projections x R / sqrt(k) has the mean <x, y>, and the
variance (|x|^2 |y|^2 + <x, y>^2 - 2 sum x_i^2 y_i^2) / k.

    >>> Projection(parameters=105_430, k=1024, seed=0).of(gradients).shape        # (items, P) -> (items, k)

The signs of a block of parameters are a hash of the seed and the block; they are kept as bytes, which is a quarter of
the numbers that the products need, and turned into those a block at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from csp.seeds import stream

BLOCK = 4096  # parameters


@dataclass(frozen=True)
class Projection:
    """parameters: P, how long what is projected is. k: how long it then is; a multiple of 8."""

    parameters: int
    k: int = 1024
    seed: int = 0

    @cached_property
    def signs(self) -> list[Tensor]:
        """By block, (block, k) bytes of -1 and 1."""
        made = []
        for number, start in enumerate(range(0, self.parameters, BLOCK)):
            size = min(BLOCK, self.parameters - start)
            bits = np.unpackbits(np.frombuffer(stream("signs", self.seed, number).bytes(size * self.k // 8), np.uint8))
            made.append(torch.from_numpy(2 * bits.astype(np.int8) - 1).view(size, self.k))
        return made

    def of(self, vectors: Float[Tensor, "items P"]) -> Float[Tensor, "items k"]:
        """Their projections."""
        out = torch.zeros(len(vectors), self.k, dtype=vectors.dtype)
        for number, block in enumerate(self.signs):
            start = number * BLOCK
            out.addmm_(vectors[:, start : start + len(block)], block.to(vectors.dtype))
        return out / self.k**0.5

    @property
    def flops(self) -> int:
        """Of one vector's projection."""
        return 2 * self.parameters * self.k
