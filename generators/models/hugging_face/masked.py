"""A masked language model's session: blank cells are masked tokens, and one pass answers all of them.

>>> session = model.open(boards)                    # a LanguageModel of kind masked
>>> session.predict(rows, assignments).log_probs    # (rows, N, d)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Int

from generators.boards import Boards
from generators.models.hugging_face.board_text import BoardText
from generators.models.hugging_face.cache import called
from generators.models.interface import Prediction

if TYPE_CHECKING:
    from generators.models.hugging_face.network import LanguageModel


class MaskedSession:
    """One full pass over the prompt and the grid a call, board by board."""

    def __init__(self, model: LanguageModel, boards: Boards, texts: Sequence[BoardText]):
        self.model, self.boards, self.texts = model, boards, texts
        self.device = next(model.network.parameters()).device

    @torch.inference_mode()
    def predict(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"] | None = None,
        wanted: Bool[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        """About the blank cells that are wanted. commit_order changes nothing: no sequence is read."""
        asked = (assignments == 0) & self.boards.real[rows]
        asked = asked if wanted is None else asked & wanted
        log_probs = np.zeros((*assignments.shape, self.boards.d))
        tokens, flops = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows))
        shift = int(self.model.source.options.shift)
        for place, row in enumerate(rows.tolist()):
            text = self.texts[row]
            ids, places = text.masked(assignments[place, : text.instance.problem.n])
            tokens[place], flops[place] = len(ids), self.model.costs.flops(len(ids), len(ids) ** 2)
            cells = np.nonzero(asked[place])[0]
            logits = called(self.model.network, torch.from_numpy(ids[None]))[0]  # (text, vocabulary)
            at = torch.from_numpy(places[cells] - shift).to(self.device)
            log_probs[place, cells] = self.model.log_probs(logits[at], text.values)
        return Prediction(log_probs, asked, tokens, flops)

    def move(self, rows: Int[np.ndarray, " rows"], sources: Int[np.ndarray, " rows"]) -> None:
        """Boards change places: nothing is remembered that would have to follow."""
