"""A causal language model's session: it writes one token after another, and reads each of them once.

In the layout "raster" the answer is the grid, cell after cell, and the model speaks about the first blank cell alone.
In the layout "cells" a commit is a line that names its cell, r1c2=3, and the model speaks about whichever blank cells
it is asked about, given the commits in the order in which they were made: a question is the line's beginning, r1c2=,
and its answer the token after it.

    >>> session = model.open(boards)                    # a LanguageModel of kind causal
    >>> session.predict(rows, assignments, commit_order, wanted)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from generators.boards import Boards
from generators.models.hugging_face import cache
from generators.models.hugging_face.board_text import BoardText
from generators.models.hugging_face.cache import CacheRoom, ReadText
from generators.models.interface import Prediction

if TYPE_CHECKING:
    from generators.models.hugging_face.network import LanguageModel


class CausalSession:
    """What was committed is appended to what stands in the board's cache; what was taken back is cropped."""

    def __init__(self, model: LanguageModel, boards: Boards, texts: Sequence[BoardText]):
        self.model, self.boards, self.texts = model, boards, texts
        self.raster = model.layout == "raster"
        room, remembers = CacheRoom(cache.KEPT_BYTES), cache.keys_and_values(model.network)
        self.read = [ReadText(model.network, room, remembers) for _ in texts]
        self.rows = np.arange(len(boards))

    @torch.inference_mode()
    def predict(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"] | None = None,
        wanted: Bool[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        """About the cells wanted (layout raster: the first blank one), given the commits in their sequence."""
        self._forget_others(rows)
        asked = (assignments == 0) & self.boards.real[rows]
        if self.raster:
            asked &= np.cumsum(asked, axis=1) == 1
        elif wanted is not None:
            asked &= wanted
        log_probs = np.zeros((*assignments.shape, self.boards.d))
        tokens, flops = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows))
        for place, row in enumerate(rows.tolist()):
            cells = np.nonzero(asked[place])[0].tolist()
            if not cells:
                continue
            order = None if commit_order is None else commit_order[place]
            n = self.texts[row].instance.problem.n
            logits, tokens[place], flops[place] = self._ask(row, assignments[place, :n], order, cells)
            log_probs[place, cells] = self.model.log_probs(logits, self.texts[row].values)
        return Prediction(log_probs, asked, tokens, flops)

    def move(self, rows: Int[np.ndarray, " rows"], sources: Int[np.ndarray, " rows"]) -> None:
        """What is on the boards at `rows` goes on from what was on those at `sources`: caches are copied."""
        copies = [self.read[source].other() for source in sources.tolist()]
        for row, copied in zip(rows.tolist(), copies):
            self.read[row].drop()
            self.read[row] = copied
        self._forget_others(rows)

    def _ask(
        self, row: int, assignment: Int[np.ndarray, " n"], order: Int[np.ndarray, " N"] | None, cells: list[int]
    ) -> tuple[Float[Tensor, "cells vocabulary"], int, float]:
        """(logits, tokens, FLOPs) of the answers about those cells of a board."""
        text, read = self.texts[row], self.read[row]
        if self.raster:
            return self._after(read, text.up_to(assignment, cells[0]))
        history = text.commits(assignment, _sequence(text, assignment, order))
        if len(cells) == 1:  # likely the next commit: the question stays in the cache
            return self._after(read, [*history, *text.question(cells[0])])

        # Several questions follow the history, each without the others, and none is kept.
        tokens, flops = 0, 0.0
        if history != read.tokens and read.remembers:
            _, tokens, flops = self._after(read, history)
        read.tokens = history
        questions = [text.question(cell) for cell in cells]
        asked = [len(question) for question in questions]
        if not read.remembers:  # each is read with the whole history before it
            asked = [len(history) + count for count in asked]
        looked = sum(_pairs(len(history) if read.remembers else 0, count) for count in asked)
        return read.branch(questions), tokens + sum(asked), flops + self.model.costs.flops(sum(asked), looked)

    def _after(self, read: ReadText, ids: list[int]) -> tuple[Float[Tensor, "1 vocabulary"], int, float]:
        """(logits, tokens, FLOPs) after a text."""
        first = read.known(ids)
        new = len(ids) - first
        return read.on(ids), new, self.model.costs.flops(new, _pairs(first, new))

    def _forget_others(self, rows: Int[np.ndarray, " rows"]) -> None:
        """Boards that are not asked about are finished; one that comes back is read anew."""
        if not np.array_equal(rows, self.rows):
            for row in set(range(len(self.read))) - set(rows.tolist()):
                self.read[row].drop()
            self.rows = rows


def _pairs(first: int, count: int) -> int:
    """How many tokens are looked at by `count` tokens from place `first` on, each by itself and those before it."""
    return sum(range(first + 1, first + count + 1))


def _sequence(text: BoardText, assignment: Int[np.ndarray, " n"], order: Int[np.ndarray, " N"] | None) -> list[int]:
    """The committed cells in the order in which they came; in raster order where that is not told."""
    cells = np.nonzero((assignment > 0) & (text.instance.givens == 0))[0]
    return cells.tolist() if order is None else cells[np.argsort(order[cells], kind="stable")].tolist()
