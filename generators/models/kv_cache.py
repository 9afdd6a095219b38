"""The keys and values of tokens that a causal network has read, so that it reads each of them once."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from generators.models.backbone_config import BackboneConfig


class Cache:
    """Keys and values of the tokens read so far, (batch, heads, cells, dim / heads) per layer pass."""

    def __init__(self, config: BackboneConfig, batch: int, width: int, like: Tensor):
        shape = (config.blocks * config.loops, 2, batch, config.heads, width, config.dim // config.heads)
        self.store = torch.zeros(shape, dtype=like.dtype, device=like.device)

    @property
    def width(self) -> int:
        """How many places there are."""
        return self.store.shape[4]

    def keep(self, rows: Int[Tensor, " rows"]) -> None:
        """Drop all other rows of the batch."""
        self.store = self.store[:, :, rows]

    def part(self, rows: Int[Tensor, " rows"]) -> Cache:
        """A copy of these rows."""
        part = object.__new__(Cache)
        part.store = self.store[:, :, rows]
        return part

    def put(self, rows: Int[Tensor, " rows"], part: Cache) -> None:
        """Put such a copy back."""
        self.store[:, :, rows] = part.store

    def write(self, layer: int, places: Int[Tensor, "batch m"], k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Put k and v (batch, heads, m, hd) at those places of a layer; all keys and values of it."""
        rows = torch.arange(len(places), device=places.device)[:, None]
        keys, values = self.store[layer, 0], self.store[layer, 1]
        keys[rows, :, places] = k.transpose(1, 2)
        values[rows, :, places] = v.transpose(1, 2)
        return keys, values
