"""Autoregression: the same backbone, each token blind to what comes after it, trained to predict the next.

Tokens are in the causal layout (csp/tokens.py): clues first, which see each other, then the blanks in the order
that the net is trained for: raster (kind "ar"), a random one for every board and update ("ar-random", which can
therefore be asked about any blank cell after any sequence of commits), or the solver's ("ar-solver",
solvers/solver_order.py). Loss = mean over blank cells of -log p(x_i | clues, earlier blanks): exact, in nats per free
cell.

    >>> session = model.open(boards)
    >>> prediction = session.predict(rows, assignments, commit_order, wanted)      # commit_order, wanted: ar-random's
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from csp import tokens
from generators.boards import Boards
from generators.models.backbone_config import BackboneConfig, check_fits
from generators.models.causal import pairs_read, raster, sight, training_order
from generators.models.examples import Examples
from generators.models.inference import Weights, rounded
from generators.models.interface import Prediction
from generators.models.kv_cache import ReadTokens, token_ids
from generators.models.network_words import words_of
from generators.models.text_reader import UNKEPT, NewTokens, TextReader, next_tokens
from generators.models.transformer import Backbone, pairs, weighted_nats


class Autoregressive(nn.Module):
    """A causal Backbone. kind "ar" speaks about the first blank cell in raster order, and about no other; the other
    kinds about whichever blank cells they are asked about, given the commits in the sequence in which they were made.
    """

    def __init__(self, config: BackboneConfig, kind: str = "ar"):
        super().__init__()
        self.kind = self.name = kind
        self.words = words_of(kind)
        self.backbone = Backbone(config)

    def read(
        self,
        values: Int[Tensor, "batch m"],
        cells: Int[Tensor, "batch m"],
        targets: Int[Tensor, "batch m"],
        keys: Int[Tensor, "batch T"],
        codes: Int[Tensor, "shared N N"],
        blocked: Bool[Tensor, "batch m T"],
        d: int,
        more: Float[Tensor, "batch m dim"] | None = None,
    ) -> Float[Tensor, "batch m d"]:
        """Log-probabilities of the targets' values 1..d. In cells and keys (the keys' cells), N means no cell. more:
        added to the tokens' embeddings."""
        width = codes.shape[-1]
        related = pairs(codes, cells, targets, keys)
        cells, targets = (self.backbone.ids(part, width) for part in (cells, targets))
        return self.backbone(d, values, cells, targets, related, blocked, more=more)

    def text(self, assignments, givens, order, real) -> tokens.Tokens:
        """The causal layout, with this network's START."""
        return tokens.causal(assignments, givens, order, self.backbone.config.d)

    def text_width(self, width: int) -> int:
        """How many tokens a text of a board of `width` cells may have."""
        return width

    def corrupt(self, boards: Boards, solutions: Int[np.ndarray, "batch N"], rng: np.random.Generator) -> Examples:
        """The order in which each board is read; nothing else is random."""
        return Examples(boards, solutions, {"order": training_order(self.words.order, boards, solutions, rng)})

    def loss(self, examples: Examples) -> Float[Tensor, " batch"]:
        """Negative log-likelihood of each solution given its clues, in nats per free cell."""
        boards, device = examples.boards, self.backbone.head.weight.device
        text = self.text(examples.solutions, boards.givens, examples["order"], boards.real)
        text = tokens.first(text, self.longest(boards))
        places = np.broadcast_to(np.arange(text.values.shape[1]), text.values.shape)
        blocked = sight(text.clues, places, places.shape[1])
        values, cells, targets, codes, blocked = (
            torch.as_tensor(array, device=device)
            for array in (text.values, text.cells, text.targets, boards.relations, blocked)
        )
        log_probs = self.read(values, cells, targets, cells, codes, blocked, boards.d)  # (batch, text, d)
        return weighted_nats(log_probs, text.labels, self.weights(text, places))

    def weights(self, text: tokens.Tokens, places: Int[np.ndarray, "batch text"]) -> Float[np.ndarray, "batch text"]:
        """What each token's answer counts in the loss. Clues are read but not predicted, nor is padding."""
        counted = (places >= text.clues[:, None]) & (text.labels > 0)
        return counted / np.maximum(counted.sum(1, keepdims=True), 1)

    def longest(self, boards: Boards) -> int:
        """How many tokens the longest text of these boards has."""
        return boards.width

    def training_flops(self, boards: Boards) -> float:
        """FLOPs of one update."""
        return self.backbone.training_flops(len(boards), self.longest(boards))

    def open(self, boards: Boards) -> AutoregressiveSession:
        check_fits(self.name, self.backbone.config, boards)
        return AutoregressiveSession(self, boards)


@dataclass(frozen=True, eq=False)
class _Text:
    """The texts of a call, a row a board: clues, commits, then the cells that are asked about.

    fields: values, cells and targets of the tokens. clues: how many, at the beginning, see each other. last: the token
    whose target is the first cell asked about; nothing is written behind it. asked: how many cells are asked about.
    """

    fields: Int[np.ndarray, "3 rows text"]
    clues: Int[np.ndarray, " rows"]
    last: Int[np.ndarray, " rows"]
    asked: Int[np.ndarray, " rows"]

    @property
    def single(self) -> Bool[np.ndarray, " rows"]:
        """Boards with one question: it is the last token itself, at its own place, and stays in the cache."""
        return self.asked == 1


class AutoregressiveSession:
    """Reads only the tokens it has not read yet: what is in the KV cache and still stands is kept.

    A call may ask about several cells of a board at once. Such a question is the last token aimed at one of the cells:
    it sees what was committed, and itself, but no other question, and is forgotten after the call.
    """

    def __init__(self, model: Autoregressive, boards: Boards):
        self.model, self.boards = model, boards
        self.order = raster(boards.real)
        text = model.text_width(boards.width)
        self.known = ReadTokens(len(boards), text)
        self.reader = TextReader(Weights(model.backbone, boards.d), boards.relations, len(boards), text)

    @torch.inference_mode()
    def predict(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"] | None = None,
        wanted: Bool[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        """About the cells wanted (kind ar: the first blank one), given the commits in their sequence."""
        self.known.select(rows)
        wanted, text = self._write(rows, assignments, commit_order, wanted)
        tokens = token_ids(*text.fields, self.boards.width)

        # What is read and paid for: the history that is not in the cache, and the questions.
        first = np.minimum(self.known.known(tokens, rows), text.last)
        history = text.last - first + text.single
        spent = text.last - first + text.asked
        looked = pairs_read(first, history, text.clues) + (spent - history) * (text.last + 1)
        flops = self.model.backbone.flops(spent, looked)

        # One pass of the net over the rest; several questions of a board follow its history.
        new = next_tokens(rows, text.fields, first, history, text.clues, text.single)
        if not text.single.all():
            new = new.then(self._questions(rows, text, wanted))
        answer = rounded(self.reader.read(new))
        self.known.note(tokens, text.last + text.single, rows)

        # Each answer is about its token's target.
        log_probs = np.zeros((*assignments.shape, self.boards.d))
        row, cell = np.searchsorted(rows, new.board[new.asked]), new.targets[new.asked]
        log_probs[row, cell] = answer
        return Prediction(log_probs, wanted & (assignments == 0), spent, flops)  # of a full board, about no cell

    def _write(self, rows, assignments, commit_order, wanted) -> tuple[Bool[np.ndarray, "rows N"], _Text]:
        """(wanted, text): the blank cells that are asked about, and the tokens up to them."""
        order, wanted = self._sequence(rows, assignments, commit_order, wanted)
        real = self.boards.real[rows]
        causal = self.model.text(assignments, self.boards.givens[rows], order, real)
        aimed = np.take_along_axis(np.pad(real, ((0, 0), (0, 1))), causal.targets, axis=1)  # at a cell
        behind = np.arange(causal.labels.shape[1]) >= causal.clues[:, None]
        blank = (causal.labels == 0) & aimed & behind
        fields = np.stack([causal.values, causal.cells, causal.targets])
        return wanted, _Text(fields, causal.clues, blank.argmax(1), wanted.sum(1))

    def _sequence(self, rows, assignments, commit_order, wanted):
        """The cells in the order in which the net reads and is asked about them, and what it is asked about."""
        blank = (assignments == 0) & self.boards.real[rows]
        if self.model.words.order == "raster":
            wanted = np.zeros(blank.shape, dtype=bool)
            wanted[np.arange(len(rows)), blank.argmax(1)] = True
            return self.order[rows], wanted

        # Commits in their sequence, then the cells wanted, the other blank ones, and padding.
        wanted = blank if wanted is None else wanted & blank
        commit_order = np.where(blank, 0, 1) if commit_order is None else commit_order
        late = commit_order.max(initial=0) + 1
        rank = np.where(wanted, late, np.where(blank, late + 1, np.where(assignments > 0, commit_order, late + 2)))
        return np.argsort(rank, axis=1, kind="stable"), wanted

    def _questions(self, rows, text: _Text, wanted: Bool[np.ndarray, "rows N"]) -> NewTokens:
        """The questions of the boards that have several."""
        row, cells = np.nonzero(wanted & ~text.single[:, None])
        last = text.last[row]
        values, from_cells, _ = text.fields[:, row, last]
        asked = np.ones(len(row), dtype=bool)
        return NewTokens(rows[row], values, from_cells, cells, np.full(len(row), UNKEPT), last, asked)

    def move(self, rows: Int[np.ndarray, " rows"], sources: Int[np.ndarray, " rows"]) -> None:
        """What is on the boards at `rows` goes on from what was on those at `sources`: caches are copied."""
        self.known.copy(rows, sources)
        self.reader.copy(rows, sources)
        self.known.select(rows)
