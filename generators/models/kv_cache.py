"""What a causal network has read: keys and values of its tokens, so that it reads each of them once.

    >>> read = ReadTokens(boards=64, text=36)
    >>> read.select(rows)                           # the boards that are asked about now
    >>> first = read.known(tokens, rows)            # leading tokens that stand in the cache: read on from there
    >>> read.note(tokens, first + count, rows)      # after the net has read them

Every session of a causal network (models/autoregressive.py, models/prompted_ar.py, decoding/written_undo.py) keeps what
it has read in one of these. A token that was taken back is found by comparison: nobody has to say what has changed. The
keys and values themselves are in a Cache, where gradients may be wanted, or in a TextReader (models/text_reader.py).
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from generators.models.backbone_config import BackboneConfig

NOTHING = -1  # in ReadTokens.tokens: no token has been read there


@runtime_checkable
class KeysAndValues(Protocol):
    """What stands between a token's keys and values and those who look at them: a Cache, or what shows them others."""

    def write(self, layer: int, places: Any, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Take k and v (batch, heads, m, hd) of tokens at those places; all keys and values that may be looked at."""
        ...


class Cache:
    """Keys and values of the tokens read so far, (batch, heads, cells, dim / heads) per layer pass."""

    def __init__(self, config: BackboneConfig, batch: int, width: int, like: Tensor):
        shape = (config.blocks * config.loops, 2, batch, config.heads, width, config.dim // config.heads)
        self.store = torch.zeros(shape, dtype=like.dtype, device=like.device)

    @property
    def width(self) -> int:
        """How many places there are."""
        return self.store.shape[4]

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


class ReadTokens:
    """Which tokens of the boards' texts have been read: those that stand in a cache. tokens: (boards, text)."""

    def __init__(self, boards: int, text: int):
        self.tokens = np.full((boards, text), NOTHING)
        self.rows = np.arange(boards)

    def select(self, rows: Int[np.ndarray, " rows"]) -> None:
        """Forget the boards that are not asked about; one that comes back is read anew."""
        if not np.array_equal(rows, self.rows):
            left = np.ones(len(self.tokens), dtype=bool)
            left[rows] = False
            self.tokens[left], self.rows = NOTHING, rows

    def copy(self, rows: Int[np.ndarray, " rows"], sources: Int[np.ndarray, " rows"]) -> None:
        """The boards at `rows` go on from what was read of those at `sources`; all others stay."""
        self.tokens[rows] = self.tokens[sources]

    def known(self, tokens: Int[np.ndarray, "rows text"], rows: Int[np.ndarray, " rows"]) -> Int[np.ndarray, " rows"]:
        """How many leading tokens of each of those boards' texts have been read."""
        return np.argmin(np.pad(self.tokens[rows] == tokens, ((0, 0), (0, 1))), axis=1)

    def note(
        self,
        tokens: Int[np.ndarray, "rows text"],
        counts: Int[np.ndarray, " rows"],
        rows: Int[np.ndarray, " rows"],
    ) -> None:
        """The first `counts` tokens of each text have been read, and nothing behind them."""
        self.tokens[rows] = np.where(np.arange(tokens.shape[1]) < counts[:, None], tokens, NOTHING)


def token_ids(
    values: Int[np.ndarray, "rows m"], cells: Int[np.ndarray, "rows m"], targets: Int[np.ndarray, "rows m"], width: int
) -> Int[np.ndarray, "rows m"]:
    """A number for each token, the same for two tokens only if value, cell and target are. Cells are 0 ... width."""
    return (values * (width + 1) + cells) * (width + 1) + targets


def reading_places(
    first: Int[np.ndarray, " rows"], counts: Int[np.ndarray, " rows"], outside: int
) -> Int[np.ndarray, "rows m"]:
    """The places of `counts` tokens from place `first` on, a row a board; shorter rows are padded with `outside`."""
    steps = np.arange(counts.max())
    return np.where(steps < counts[:, None], first[:, None] + steps, outside)
