"""AR with a token at each blank cell: the whole board, blanks and all, is a prompt that is read once.

The prompt is the in-place layout (csp/tokens.py), whose tokens see each other; behind it stand START and the commits as
in models/autoregressive.py, each aimed at the next cell. Every commit so has a workspace at the blank cells, but one
that was computed before the first commit and never again. Loss = mean over blank cells of -log p(x_i | clues, earlier
blanks); with supervision=blanks the prompt's tokens at blank cells learn their cell's value too, and the loss is the
sum of the two means.

    >>> InPlaceAR(config, "ar-inplace-supervised").open(boards)      # a session as of any AR network
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from csp import tokens
from csp.tokens import Tokens
from generators.boards import Boards
from generators.models.autoregressive import Autoregressive
from generators.models.causal import raster


class InPlaceAR(Autoregressive):
    """A causal Backbone behind a prompt of all cells."""

    def text(self, assignments, givens, order, real) -> Tokens:
        """The prompt, then the causal layout without its clues, 2 N places in all; what pads them aims at no cell."""
        width = assignments.shape[1]
        behind = tokens.causal(assignments, givens, order, self.backbone.config.d)
        own, places = real.sum(1)[:, None], np.arange(self.text_width(width))

        # Which place of the causal text stands at each place behind the prompt, and where one does.
        source = places - own + behind.clues[:, None]
        there = (places >= own) & (source < own)
        source = np.where(there, source, 0)
        prompt = places < own
        cells = np.pad(raster(real), ((0, 0), (0, width)))

        def field(in_prompt, of_text, elsewhere) -> Int[np.ndarray, "batch text"]:
            text = np.where(there, np.take_along_axis(of_text, source, axis=1), elsewhere)
            return np.where(prompt, in_prompt, text)

        return Tokens(
            field(np.take_along_axis(givens, cells, axis=1), behind.values, tokens.MASK),
            field(cells, behind.cells, width),
            field(cells, behind.targets, width),
            field(np.take_along_axis(assignments, cells, axis=1), behind.labels, 0),
            own[:, 0],
        )

    def text_width(self, width: int) -> int:
        return 2 * width

    def longest(self, boards: Boards) -> int:
        return int((boards.real.sum(1) + ((boards.givens == 0) & boards.real).sum(1)).max())

    def weights(self, text: Tokens, places: Int[np.ndarray, "batch text"]) -> Float[np.ndarray, "batch text"]:
        """As of any AR network; with supervision=blanks the prompt's blanks count as much besides."""
        behind = super().weights(text, places)
        if self.words.supervision == "next":
            return behind
        blank = (places < text.clues[:, None]) & (text.values == tokens.MASK)
        return behind + blank / np.maximum(blank.sum(1, keepdims=True), 1)
