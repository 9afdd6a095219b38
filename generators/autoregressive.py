"""Autoregression: the same backbone, each token blind to what comes after it, trained to predict the next.

Tokens are in the causal layout (csp/tokens.py): clues first, which see each other, then the blanks in raster
order. Loss = mean over blank cells of -log p(x_i | clues, earlier blanks): exact, in nats per free cell.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from csp import tokens
from generators.boards import Boards
from generators.masked_diffusion import check_fits
from generators.model import DIGITS, Prediction
from generators.transformer import Backbone, BackboneConfig, Cache, features, weighted_nats


def raster(boards: Boards) -> Int[np.ndarray, "batch N"]:
    """Cells by rising index, padding last."""
    return np.argsort(~boards.real, axis=1, kind="stable")


def sight(
    clues: Int[np.ndarray, " batch"], places: Int[np.ndarray, "batch m"], width: int
) -> Bool[Tensor, "batch m {width}"]:
    """blocked (batch, m, width): a token sees itself and those before it; clues see each other."""
    keys = np.arange(width)
    seen = keys <= places[:, :, None]
    among_clues = (keys < clues[:, None])[:, None, :] & (places < clues[:, None])[:, :, None]
    return torch.from_numpy(~(seen | among_clues))


class Autoregressive(nn.Module):
    """A causal Backbone that speaks about the first blank cell in raster order, and about no other."""

    kind = "ar"

    def __init__(self, config: BackboneConfig, name: str = "ar"):
        super().__init__()
        self.name = name
        self.backbone = Backbone(config)

    def read(
        self,
        values: Int[Tensor, "batch m"],
        cells: Int[Tensor, "batch m"],
        targets: Int[Tensor, "batch m"],
        keys: Int[Tensor, "batch T"],
        codes: Int[Tensor, "shared N N"],
        blocked: Bool[Tensor, "batch m T"],
        cache: Cache | None = None,
        places: Int[Tensor, "batch m"] | None = None,
    ) -> Float[Tensor, "batch m d"]:
        """Log-probabilities of the targets. In cells and keys (the keys' cells), the id N means no cell."""
        width, none = codes.shape[-1], self.backbone.config.cells
        related = features(codes, cells, targets, keys, self.backbone.head.weight.dtype)
        cells = torch.where(cells == width, none, cells)
        return self.backbone(values, cells, targets, related, blocked, cache, places)

    def loss(
        self, boards: Boards, solutions: Int[np.ndarray, "batch N"], rng: np.random.Generator
    ) -> Float[Tensor, ""]:
        """Mean negative log-likelihood in nats per free cell. solutions: 0 at padding. rng: nothing is drawn."""
        device = self.backbone.head.weight.device
        said = tokens.causal(solutions, boards.givens, raster(boards), boards.d)
        places = np.broadcast_to(np.arange(boards.width), said.values.shape)
        values, cells, targets, codes, blocked = (
            torch.as_tensor(array, device=device)
            for array in (
                said.values,
                said.cells,
                said.targets,
                boards.relations,
                sight(said.clues, places, boards.width),
            )
        )
        log_probs = self.read(values, cells, targets, cells, codes, blocked)
        counted = (places >= said.clues[:, None]) & (said.labels > 0)
        weight = counted / counted.sum(1, keepdims=True)
        return weighted_nats(log_probs, said.labels, weight)

    def open(self, boards: Boards) -> AutoregressiveSession:
        check_fits(self.name, self.backbone.config, boards)
        return AutoregressiveSession(self, boards)


class AutoregressiveSession:
    """Reads only the tokens it has not read yet: what is in the KV cache and still stands is kept.

    The cache has one place more than there are cells, where the padding of a ragged batch goes.
    """

    def __init__(self, model: Autoregressive, boards: Boards):
        self.model, self.boards = model, boards
        self.weight = model.backbone.head.weight
        self.order = raster(boards)
        self.codes = torch.as_tensor(boards.relations, device=self.weight.device)
        self.rows = np.arange(len(boards))
        self.read = np.full(boards.givens.shape, -1)  # the values in the cache, -1 where there is none
        self.cache = Cache(model.backbone.config, len(boards), boards.width + 1, self.weight)

    @torch.inference_mode()
    def predict(self, rows: Int[np.ndarray, " rows"], assignments: Int[np.ndarray, "rows N"]) -> Prediction:
        self._keep(rows)
        width, device = self.boards.width, self.weight.device
        said = tokens.causal(assignments, self.boards.givens[rows], self.order[rows], self.boards.d)
        blank = (said.labels == 0) & np.take_along_axis(self.boards.real[rows], said.targets, axis=1)
        last = np.argmax(blank, axis=1)  # the token whose target is the first blank cell
        known = np.cumprod(self.read == said.values, axis=1).sum(1)  # how many leading tokens are cached
        first = np.minimum(known, last)
        fed = last - first + 1  # (rows,)
        places = first[:, None] + np.arange(fed.max())
        places = np.where(places <= last[:, None], places, width)
        inside = np.minimum(places, width - 1)
        values, cells, targets = (
            torch.as_tensor(np.take_along_axis(ids, inside, axis=1), device=device)
            for ids in (said.values, said.cells, said.targets)
        )
        keys = torch.as_tensor(np.pad(said.cells, ((0, 0), (0, 1)), constant_values=width), device=device)
        blocked = sight(said.clues, places, width + 1)
        blocked[:, :, width] = torch.from_numpy(places < width)
        codes = self.codes if len(self.codes) == 1 else self.codes[torch.as_tensor(rows, device=device)]
        answer = self.model.read(
            values,
            cells,
            targets,
            keys,
            codes,
            blocked.to(device),
            self.cache,
            torch.as_tensor(places, device=device),
        )
        unread = np.arange(width) > last[:, None]
        self.read = np.where(unread, -1, said.values)
        each = np.arange(len(rows))
        final = answer.double().cpu().numpy()[each, fed - 1]
        cell = said.targets[each, last]
        log_probs = np.zeros((*assignments.shape, self.boards.d))
        log_probs[each, cell] = np.round(final, DIGITS)
        speaks = np.zeros(assignments.shape, dtype=bool)
        speaks[each, cell] = True
        return Prediction(log_probs, speaks, fed, self._flops(first, last, said.clues))

    def _keep(self, rows: Int[np.ndarray, " rows"]) -> None:
        """Forget the rows that are no longer asked about."""
        if not np.array_equal(rows, self.rows):
            places = np.searchsorted(self.rows, rows)
            self.cache.keep(torch.as_tensor(places, device=self.weight.device))
            self.read, self.rows = self.read[places], rows

    def _flops(self, first: np.ndarray, last: np.ndarray, clues: np.ndarray) -> Float[np.ndarray, " rows"]:
        """FLOPs of reading tokens first..last; each looks at itself and those before, clues at all clues."""
        tail = np.maximum(first, clues)
        pairs = (last + 1) * (last + 2) // 2 - tail * (tail + 1) // 2 + np.where(first == 0, clues**2, 0)
        return self.model.backbone.flops(last - first + 1, pairs)
