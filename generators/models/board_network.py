"""A network that learns from one state of a board a pass, and what its tokens may look at, by words.

One class runs the words of models/network_words.py in which a token may change after it was read: blank cells' tokens
that others see or do not (workspace=live or none), a board that is read anew at each call or commits that see only the
commits before them (reading). Every cell has one token, value or MASK, as in models/masked_diffusion.py:

    workspace=live, reading=anew      masked diffusion
    workspace=none, reading=anew      the same, blind: no other token sees a blank cell's
    workspace=live, reading=cached    blank cells see everything; commits see clues and earlier commits
    workspace=none, reading=cached    both: an AR network that is asked about a cell by a token of that cell

A state: the order's first cells hold their values, all others are blank; how many are blank is uniform, 1 ... all, and
stratified over the batch. Loss = mean over blank cells (supervision=blanks), or the next cell's (supervision=next), of
-log p(x_i | what is visible). For order=random both have the same expectation: the bound of masked diffusion (Uria et
al. 2014; Hoogeboom et al. 2022), with as many labels a pass as there are blanks, or one.

    >>> session = BoardNetwork(config, "diffusion-blind").open(boards)
    >>> session.predict(rows, assignments, commit_order, wanted)
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from csp.tokens import MASK
from generators.boards import Boards
from generators.models.backbone_config import BackboneConfig, check_fits
from generators.models.causal import training_order
from generators.models.examples import Examples, stratified
from generators.models.inference import Weights, rounded
from generators.models.interface import Prediction
from generators.models.kv_cache import ReadTokens
from generators.models.masked_diffusion import CellReader, MaskedDiffusion
from generators.models.network_words import NetworkWords, words_of
from generators.models.transformer import pairs, weighted_nats


class BoardNetwork(MaskedDiffusion):
    """The backbone over the in-place layout, with the sight that its words give."""

    def __init__(self, config: BackboneConfig, kind: str):
        super().__init__(config, kind)
        self.words = words_of(kind)

    def corrupt(self, boards: Boards, solutions: Int[np.ndarray, "batch N"], rng: np.random.Generator) -> Examples:
        """sequence: the free cells' places in the order, from 1 on; filled: how many of them hold their values."""
        free = (boards.givens == 0) & boards.real
        order = training_order(self.words.order, boards, solutions, rng)
        moved = np.take_along_axis(free, order, axis=1)
        sequence = np.zeros_like(order)
        np.put_along_axis(sequence, order, np.where(moved, moved.cumsum(1), 0), axis=1)
        filled = (stratified(len(boards), rng) * free.sum(1)).astype(np.int64)
        return Examples(boards, solutions, {"sequence": sequence, "filled": filled})

    def loss(self, examples: Examples) -> Float[Tensor, " batch"]:
        """Nats per free cell."""
        boards, solutions = examples.boards, examples.solutions
        sequence, filled = examples["sequence"], examples["filled"][:, None]
        blank = sequence > filled
        counted = sequence == filled + 1 if self.words.supervision == "next" else blank
        read = self.inputs(boards, np.where(blank, MASK, solutions), np.where(blank, 0, sequence))
        log_probs = self.backbone(boards.d, *read)  # (batch, N, d)
        return weighted_nats(log_probs, solutions, counted / np.maximum(counted.sum(1, keepdims=True), 1))

    def inputs(
        self, boards: Boards, assignments: Int[np.ndarray, "batch N"], commit_order: Int[np.ndarray, "batch N"]
    ) -> tuple[Tensor, ...]:
        """What the backbone reads of a state: values, cells, targets, related, blocked."""
        device = self.backbone.head.weight.device
        values = torch.as_tensor(assignments, device=device)
        cells = self.backbone.ids(torch.arange(boards.width, device=device).expand_as(values), boards.width)
        related = pairs(torch.as_tensor(boards.relations, device=device))
        blank = (assignments == MASK) & boards.real
        blocked = sight(self.words, boards.real, blank, commit_order)
        return values, cells, cells, related, torch.as_tensor(blocked, device=device)

    def open(self, boards: Boards) -> BoardSession:
        check_fits(self.name, self.backbone.config, boards)
        return BoardSession(self, boards)


def sight(
    words: NetworkWords,
    real: Bool[np.ndarray, "batch N"],
    blank: Bool[np.ndarray, "batch N"],
    commit_order: Int[np.ndarray, "batch N"],
) -> Bool[np.ndarray, "batch N N"]:
    """blocked (batch, query, key), True where a cell's token may not look: at padding, and what the words forbid.

    commit_order: the later a commit the higher, 0 = given or blank.
    """
    width = real.shape[1]
    blocked = np.repeat(~real[:, None, :], width, axis=1)
    if words.workspace == "none":
        blocked |= blank[:, None, :]
    if words.reading == "cached":
        later = commit_order[:, None, :] > commit_order[:, :, None]
        blocked |= ~blank[:, :, None] & (later | blank[:, None, :])
    return blocked & ~np.eye(width, dtype=bool)


class BoardSession:
    """Each call computes a board by itself, and is charged for what a decoder with a cache would have had to compute.

    That is, by the words: all visible cells at each call, or those of which it has not been paid for yet (a commit that
    was taken back costs again); and of the blank ones all that others see, or else those asked about.
    """

    def __init__(self, model: BoardNetwork, boards: Boards):
        self.model, self.boards = model, boards
        self.reader = CellReader(model, Weights(model.backbone, boards.d), boards)
        self.paid = ReadTokens(len(boards), boards.width)

    @torch.inference_mode()
    def predict(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"] | None = None,
        wanted: Bool[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        """About the blank cells that are wanted, given the commits in their sequence."""
        blank = (assignments == MASK) & self.boards.real[rows]
        return self._answers(rows, assignments, commit_order, blank if wanted is None else blank & wanted)

    @torch.inference_mode()
    def reread(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        """About every free cell, given the board as it stands and the commits in their sequence."""
        return self._answers(rows, assignments, commit_order, self.boards.free(rows))

    def _answers(self, rows, assignments, commit_order, asked: Bool[np.ndarray, "rows N"]) -> Prediction:
        words, real = self.model.words, self.boards.real[rows]
        blank = (assignments == MASK) & real
        if commit_order is None:
            free = self.boards.free(rows) & ~blank
            commit_order = np.where(free, free.cumsum(1), 0)

        blocked = sight(words, real, blank, commit_order)
        plain = words.workspace == "live" and words.reading == "anew"
        log_probs = np.zeros((*assignments.shape, self.boards.d))
        answers = self.reader.logits(rows, assignments, asked, None if plain else blocked)
        log_probs[asked] = rounded(answers)

        charged = self._new(rows, assignments, commit_order, real, blank)
        charged |= blank if words.workspace == "live" else asked
        tokens, looked = charged.sum(1), (~blocked & charged[:, :, None]).sum((1, 2))
        return Prediction(log_probs, asked, tokens, self.model.backbone.flops(tokens, looked))

    def _new(self, rows, assignments, commit_order, real, blank) -> Bool[np.ndarray, "rows N"]:
        """The visible cells that are read at this call."""
        visible = real & ~blank
        if self.model.words.reading == "anew":
            return visible

        # The board as a text: givens, then the commits in their sequence.
        self.paid.select(rows)
        width = self.boards.width
        order = np.argsort(np.where(visible, commit_order, commit_order.max(initial=0) + 1), axis=1, kind="stable")
        text = np.take_along_axis(assignments * width + np.arange(width), order, axis=1)
        count = visible.sum(1)
        known = np.minimum(self.paid.known(text, rows), count)
        self.paid.note(text, count, rows)
        new = np.zeros_like(visible)
        np.put_along_axis(new, order, np.arange(width) >= known[:, None], axis=1)
        return new & visible
