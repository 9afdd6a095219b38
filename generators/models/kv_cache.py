"""What a causal network has read: keys and values of its tokens, so that it reads each of them once.

    >>> cache = ReadTokens(config, boards=64, text=36, like=weight)
    >>> cache.select(rows)                          # the boards that are asked about now
    >>> first = cache.known(tokens)                 # leading tokens that stand in the cache: read on from there
    >>> cache.note(tokens, first + count)           # after the net has read them

Every session of a causal network (models/autoregressive.py, models/prompted_ar.py, decoding/written_undo.py) keeps its
text in one of these. A token that was taken back is found by comparison: nobody has to say what has changed.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from generators.models.backbone_config import BackboneConfig

NOTHING = -1  # in ReadTokens.tokens: no token has been read there
ALL = slice(None)
Places = Int[np.ndarray, " rows"] | slice


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


class ReadTokens(Cache):
    """A cache of the texts of some boards, and which tokens stand in it.

    text: places of the text, whose tokens are remembered; before: places in front of it (a prompt); beyond: places
    behind it, the first of which takes the padding of a ragged batch. rows: the boards that are in the cache, rising;
    tokens: what was read at each place of the text, NOTHING where nothing was.
    """

    def __init__(self, config: BackboneConfig, boards: int, text: int, like: Tensor, before: int = 0, beyond: int = 1):
        super().__init__(config, boards, before + text + beyond, like)
        self.rows = np.arange(boards)
        self.tokens = np.full((boards, text), NOTHING)

    def select(self, rows: Int[np.ndarray, " rows"]) -> None:
        """Forget the boards that are not asked about; one that comes back is read anew."""
        if np.array_equal(rows, self.rows):
            return
        places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        self.keep(torch.as_tensor(places, device=self.store.device))
        there = self.rows[places] == rows
        self.tokens, self.rows = np.where(there[:, None], self.tokens[places], NOTHING), rows

    def move(self, rows: Int[np.ndarray, " rows"], sources: Int[np.ndarray, " rows"]) -> None:
        """From now on the cache is of `rows` alone (rising), which go on from what was read of those at `sources`."""
        places = np.searchsorted(self.rows, sources)
        self.keep(torch.as_tensor(places, device=self.store.device))
        self.tokens, self.rows = self.tokens[places], rows

    def copy(self, rows: Int[np.ndarray, " rows"], sources: Int[np.ndarray, " rows"]) -> None:
        """The boards at `rows` go on from what was read of those at `sources`; all others stay."""
        self.put(torch.as_tensor(rows), self.part(torch.as_tensor(sources)))
        self.tokens[rows] = self.tokens[sources]

    def known(self, tokens: Int[np.ndarray, "rows text"], places: Places = ALL) -> Int[np.ndarray, " rows"]:
        """How many leading tokens of each text stand in the cache. places: of the boards in the cache."""
        return np.cumprod(self.tokens[places] == tokens, axis=1).sum(1)

    def note(
        self, tokens: Int[np.ndarray, "rows text"], counts: Int[np.ndarray, " rows"], places: Places = ALL
    ) -> None:
        """The first `counts` tokens of each text stand in the cache now, and nothing behind them."""
        self.tokens[places] = np.where(np.arange(tokens.shape[1]) < counts[:, None], tokens, NOTHING)


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
