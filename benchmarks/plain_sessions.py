"""Sessions as they were before float32: Backbone.forward in float64 on the whole batch at once, a yardstick for others.

>>> decode(spec, PlainDiffusion(model.double()), instances, seed=0)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from generators.boards import Boards
from generators.models.autoregressive import Autoregressive
from generators.models.causal import pairs_read, raster, sight
from generators.models.interface import Prediction
from generators.models.kv_cache import NOTHING, Cache, reading_places, token_ids
from generators.models.masked_diffusion import MaskedDiffusion
from generators.models.transformer import pairs

DECIMALS = 9


@dataclass
class PlainDiffusion:
    """All cells of all boards in one pass; biases and all answers anew at each call."""

    model: MaskedDiffusion
    name: str = "diffusion"

    def open(self, boards: Boards) -> PlainDiffusion:
        """A session on these boards."""
        session = PlainDiffusion(self.model)
        session.boards, session.related = boards, pairs(torch.as_tensor(boards.relations))
        return session

    @torch.inference_mode()
    def predict(self, rows, assignments, commit_order=None, wanted=None) -> Prediction:
        """About every blank cell."""
        real = self.boards.real[rows]
        related = self.related if len(self.related) == 1 else self.related[torch.as_tensor(rows)]
        answer = self.model(self.boards.d, torch.as_tensor(assignments), related, torch.as_tensor(real))
        tokens = real.sum(1)
        log_probs = np.round(answer.double().numpy(), DECIMALS)
        return Prediction(log_probs, (assignments == 0) & real, tokens, self.model.backbone.flops(tokens, tokens**2))


@dataclass
class PlainAR:
    """Kind ar: a KV cache of all boards that are left, copied whenever one leaves; attention over its whole width."""

    model: Autoregressive
    name: str = "ar"

    def open(self, boards: Boards) -> PlainAR:
        """A session on these boards."""
        session = PlainAR(self.model)
        session.boards, session.order = boards, raster(boards.real)
        session.codes = torch.as_tensor(boards.relations)
        session.cache = Cache(
            self.model.backbone.config, len(boards), boards.width + 1, self.model.backbone.head.weight
        )
        session.rows, session.tokens = np.arange(len(boards)), np.full(boards.givens.shape, NOTHING)
        return session

    @torch.inference_mode()
    def predict(self, rows, assignments, commit_order=None, wanted=None) -> Prediction:
        """About each board's first blank cell."""
        width, each = self.boards.width, np.arange(len(rows))
        if not np.array_equal(rows, self.rows):
            places = np.searchsorted(self.rows, rows)
            self.cache.store = self.cache.store[:, :, torch.as_tensor(places)]
            self.tokens, self.rows = self.tokens[places], rows
        text = self.model.text(assignments, self.boards.givens[rows], self.order[rows], self.boards.real[rows])
        blank = (text.labels == 0) & np.take_along_axis(self.boards.real[rows], text.targets, axis=1)
        fields, last = np.stack([text.values, text.cells, text.targets]), blank.argmax(1)
        tokens = token_ids(*fields, width)

        # What has not been read yet, padded to the longest of the batch.
        first = np.minimum(np.cumprod(self.tokens == tokens, axis=1).sum(1), last)
        count = last - first + 1
        places = reading_places(first, count, width)
        ids = [
            torch.as_tensor(part) for part in np.take_along_axis(fields, np.minimum(places, width - 1)[None], axis=2)
        ]
        keys = torch.as_tensor(np.pad(text.cells, ((0, 0), (0, 1)), constant_values=width))
        blocked = sight(text.clues, places, width + 1)
        blocked[:, :, width] = torch.from_numpy(places < width)
        codes = self.codes if len(self.codes) == 1 else self.codes[torch.as_tensor(rows)]
        related = pairs(codes, ids[1], ids[2], keys)
        cells, targets = (self.model.backbone.ids(part, width) for part in ids[1:])
        answer = self.model.backbone(
            self.boards.d, ids[0], cells, targets, related, blocked, self.cache, torch.as_tensor(places)
        )
        self.tokens = np.where(np.arange(width) <= last[:, None], tokens, NOTHING)

        log_probs, speaks = np.zeros((*assignments.shape, self.boards.d)), np.zeros(assignments.shape, dtype=bool)
        cell = text.targets[each, last]
        log_probs[each, cell] = np.round(answer.double().numpy(), DECIMALS)[each, count - 1]
        speaks[each, cell] = True
        flops = self.model.backbone.flops(count, pairs_read(first, count, text.clues))
        return Prediction(log_probs, speaks, count, flops)
