"""Decoding a net that writes its own undo (generators/models/backtracking_ar.py): nobody's checker takes anything back.

    >>> run(model, state)        # as the decode loop calls it

The text after the clues is a stack of items. After UNDO it is restated up to the last guess, whose value is ruled out
there; the KV cache keeps what is unchanged.

This loop stays apart from generators/decoding/loop.py: there a veto or a checker sees that a board is lost and a
retraction chooses what is taken back, here both are an answer of the network, which has words of its own and no
predictions of cells.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from csp.tokens import start
from generators.decoding import orders
from generators.decoding.state import State
from generators.decoding.vetoes import inspect
from generators.models.backbone_config import check_fits
from generators.models.backtracking_ar import GUESS, OUT, BacktrackingAR, max_tokens, word
from generators.models.causal import pairs_read
from generators.models.inference import Weights, rounded
from generators.models.kv_cache import ReadTokens, token_ids
from generators.models.text_reader import TextReader, next_tokens

NO_ITEM = -1  # the mark of clues, START and places that nothing is written at


class _Texts:
    """The texts of a decode call: values, cells, targets and marks of their tokens, (boards, max_tokens) each, and how
    many tokens each has (length). active: the boards that are not finished."""

    def __init__(self, model: BacktrackingAR, state: State):
        self.model, self.state = model, state
        boards = state.boards
        size, width, longest = len(boards), boards.width, max_tokens(boards.width)

        # The clues in raster order, then START; the rest is written as it comes.
        self.values = np.zeros((size, longest), dtype=np.int64)
        self.cells = np.full((size, longest), width)
        self.marks = np.full((size, longest), NO_ITEM)
        self.clues = (boards.givens > 0).sum(1)
        order = np.argsort(boards.givens == 0, axis=1, kind="stable")
        within = np.arange(width) < self.clues[:, None]
        self.values[:, :width] = np.where(within, np.take_along_axis(boards.givens, order, axis=1), 0)
        self.cells[:, :width] = np.where(within, order, width)
        self.values[np.arange(size), self.clues] = start(boards.d)
        self.targets = self.cells.copy()
        self.length = self.clues + 1

        rows = np.arange(size)
        self.active = rows[~state.full(rows)]
        self.known = ReadTokens(size, longest)
        self.reader = TextReader(Weights(model.backbone, boards.d), boards.relations, size, longest)

    def run(self) -> None:
        """One answer a call for every text that is not finished."""
        while len(self.active):
            started = time.perf_counter()
            rows = self.active
            self._step(rows)
            self._close(rows)
            self.state.seconds[rows] += (time.perf_counter() - started) / len(rows)

    def _step(self, rows: Int[np.ndarray, " rows"]) -> None:
        """Ask about the next cell of each text and write the answer."""
        state, d = self.state, self.state.boards.d
        each = np.arange(len(rows))

        # The next cell in solver order is what the last token is aimed at.
        seen = inspect(state, rows)
        priority = orders.before(state, rows, seen)
        blank = (state.assignments[rows] == 0) & state.free[rows]
        asked = np.where(blank, priority, -np.inf).argmax(1)
        self.targets[rows, self.length[rows] - 1] = asked
        log_probs = self._ask(rows)

        # Values that the veto leaves, as the only one or as a guess; UNDO may always be answered.
        allowed = np.tile(seen.allowed[each, asked], 2)
        answer = np.where(np.pad(allowed, ((0, 0), (0, 1)), constant_values=True), log_probs, -np.inf).argmax(1)
        undo = answer == 2 * d
        mark, value = np.where(undo, OUT, answer // d), answer % d + 1
        chance = np.exp(log_probs[each, answer])

        written = ~undo
        state.commit(rows[written], asked[written], value[written], chance[written])
        self._append(rows[written], mark[written], value[written], asked[written])
        self.stuck = np.zeros(len(rows), dtype=bool)
        self.stuck[undo] = ~self._undo(rows[undo])

    def _append(self, rows, mark, value, cell) -> None:
        """Add an item to each text."""
        end = self.length[rows]
        self.values[rows, end] = word(mark, value, self.state.boards.d)
        self.cells[rows, end], self.marks[rows, end] = cell, mark
        self.length[rows] += 1

    def _undo(self, rows: Int[np.ndarray, " rows"]) -> Bool[np.ndarray, " rows"]:
        """Restate each text up to its last guess, whose value is ruled out; False where there is no guess."""
        state = self.state
        places = np.arange(self.marks.shape[1])
        guesses = (self.marks[rows] == GUESS) & (places < self.length[rows][:, None])
        able = guesses.any(1)
        rows, last = rows[able], (guesses * places).max(1)[able]

        # The guess and all that was committed after it.
        cell = self.cells[rows, last]
        value = state.assignments[rows, cell]
        state.retract(
            rows, state.committed(rows) & (state.commit_order[rows] >= state.commit_order[rows, cell][:, None])
        )
        self.length[rows] = last
        self._append(rows, np.full(len(rows), OUT), value, cell)
        return able

    @torch.inference_mode()
    def _ask(self, rows: Int[np.ndarray, " rows"]) -> Float[np.ndarray, "rows answers"]:
        """Log-probabilities of the answers about each text's last target; costs are counted."""
        self.known.select(rows)
        end, clues = self.length[rows], self.clues[rows]
        fields = np.stack([part[rows] for part in (self.values, self.cells, self.targets)])  # (3, rows, longest)
        tokens = token_ids(*fields, self.state.boards.width)

        # What has changed since the last call; the last token always has, being aimed at another cell.
        first = np.minimum(self.known.known(tokens, rows), end - 1)
        count = end - first
        every = np.ones(len(rows), dtype=bool)
        answer = rounded(self.reader.read(next_tokens(rows, fields, first, count, clues, every)))
        self.known.note(tokens, end, rows)

        looked = pairs_read(first, count, clues)
        self.state.spend(rows, 1, count, self.model.backbone.flops(count, looked), 0.0)
        return answer

    def _close(self, rows: Int[np.ndarray, " rows"]) -> None:
        """Finish boards that are full, stuck, out of room or out of budget."""
        state = self.state
        full, wrong = state.full(rows), inspect(state, rows).clash.any(1)
        long = self.length[rows] >= max_tokens(state.boards.width)
        over = full | self.stuck | long | state.spent(rows)
        ends = np.select([full & ~wrong, full, self.stuck | long], ["solved", "wrong", "stuck"], "out of budget")
        state.ends[rows[over]] = ends[over]
        self.active = rows[~over]


def run(model: BacktrackingAR, state: State) -> None:
    """Decode all boards of the state. Raises BadInput if the model cannot read them."""
    check_fits(model.name, model.backbone.config, state.boards)
    _Texts(model, state).run()
