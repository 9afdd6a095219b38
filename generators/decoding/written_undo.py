"""Decoding a net that writes its own undo (generators/models/backtracking_ar.py): nobody's checker takes anything back.

    >>> run(model, state)        # as the decode loop calls it

The text after the clues is a stack of items. After UNDO it is restated up to the last guess, whose value is ruled out
there; the KV cache keeps what is unchanged.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from csp.tokens import start
from generators.decoding import orders
from generators.decoding.state import State
from generators.decoding.vetoes import inspect
from generators.models.backbone_config import check_fits
from generators.models.backtracking_ar import GUESS, OUT, BacktrackingAR, max_tokens, word
from generators.models.causal import sight
from generators.models.interface import DIGITS
from generators.models.kv_cache import Cache


class _Texts:
    """The texts of a decode call: items (boards, room) of (mark, value, cell), and how many of them there are."""

    def __init__(self, model: BacktrackingAR, state: State):
        self.model, self.state = model, state
        boards = state.boards
        self.weight = model.backbone.head.weight
        self.codes = torch.as_tensor(boards.relations, device=self.weight.device)
        length = max_tokens(boards.width)
        self.values = np.zeros((len(boards), length), dtype=np.int64)
        self.cells = np.full((len(boards), length), boards.width)
        self.marks = np.full((len(boards), length), -1)
        self.clues = (boards.givens > 0).sum(1)
        order = np.argsort(boards.givens == 0, axis=1, kind="stable")
        within = np.arange(boards.width) < self.clues[:, None]
        self.values[:, : boards.width] = np.where(within, np.take_along_axis(boards.givens, order, axis=1), 0)
        self.cells[:, : boards.width] = np.where(within, order, boards.width)
        self.values[np.arange(len(boards)), self.clues] = start(boards.d)
        self.length = self.clues + 1  # tokens of each text
        self.read = np.zeros(len(boards), dtype=np.int64)  # tokens in the cache
        self.targets = self.cells.copy()
        rows = np.arange(len(boards))
        self.active = rows[~state.full(rows)]
        self.cache = Cache(model.backbone.config, len(boards), length + 1, self.weight)
        self.cached = rows

    def run(self) -> None:
        """One answer a call for every text that is not finished."""
        while len(self.active):
            started = time.perf_counter()
            rows = self.active
            self._step(rows)
            self._close(rows)
            self.state.seconds[rows] += (time.perf_counter() - started) / len(rows)

    def _step(self, rows: np.ndarray) -> None:
        state, d = self.state, self.state.boards.d
        seen = inspect(state, rows)
        priority = orders.before(state, rows, seen)
        blank = (state.assignments[rows] == 0) & state.free[rows]
        asked = np.where(blank, priority, -np.inf).argmax(1)
        self.targets[rows, self.length[rows] - 1] = asked
        said = self._ask(rows)
        each = np.arange(len(rows))
        allowed = np.tile(seen.allowed[each, asked], 2)
        answer = np.where(np.pad(allowed, ((0, 0), (0, 1)), constant_values=True), said, -np.inf).argmax(1)
        undo = answer == 2 * d
        mark, value = np.where(undo, OUT, answer // d), answer % d + 1
        chance = np.exp(said[each, answer])
        fine = ~undo
        state.commit(rows[fine], asked[fine], value[fine], chance[fine])
        self._append(rows[fine], mark[fine], value[fine], asked[fine])
        self.stuck = np.zeros(len(rows), dtype=bool)
        self.stuck[undo] = ~self._undo(rows[undo])

    def _append(self, rows, mark, value, cell) -> None:
        """Add an item to each text."""
        end = self.length[rows]
        self.values[rows, end] = word(mark, value, self.state.boards.d)
        self.cells[rows, end], self.marks[rows, end] = cell, mark
        self.length[rows] += 1

    def _undo(self, rows: np.ndarray) -> np.ndarray:
        """Restate each text up to its last guess, whose value is ruled out; False where there is no guess."""
        state = self.state
        places = np.arange(self.marks.shape[1])
        guesses = (self.marks[rows] == GUESS) & (places < self.length[rows][:, None])
        able = guesses.any(1)
        rows, last = rows[able], (guesses * places).max(1)[able]
        cell = self.cells[rows, last]
        value = state.assignments[rows, cell]
        state.retract(
            rows, state.committed(rows) & (state.commit_order[rows] >= state.commit_order[rows, cell][:, None])
        )
        self.length[rows] = last
        self.read[rows] = np.minimum(self.read[rows], last)
        self._append(rows, np.full(len(rows), OUT), value, cell)
        return able

    @torch.inference_mode()
    def _ask(self, rows: np.ndarray) -> np.ndarray:
        """Log-probabilities of the answers about each text's last target; costs are counted."""
        if not np.array_equal(rows, self.cached):
            self.cache.keep(torch.as_tensor(np.searchsorted(self.cached, rows), device=self.weight.device))
            self.cached = rows
        width, device = self.state.boards.width, self.weight.device
        first, fed = self.read[rows], (self.length - self.read)[rows]
        steps = first[:, None] + np.arange(fed.max())
        outside = max_tokens(width)
        places = np.where(steps < self.length[rows][:, None], steps, outside)
        inside = np.minimum(places, outside - 1)
        ids = [np.take_along_axis(part[rows], inside, axis=1) for part in (self.values, self.cells, self.targets)]
        keys = np.pad(self.cells[rows], ((0, 0), (0, 1)), constant_values=width)
        blocked = sight(self.clues[rows], places, outside + 1)
        blocked[:, :, outside] = torch.from_numpy(places < outside)
        codes = self.codes if len(self.codes) == 1 else self.codes[torch.as_tensor(rows, device=device)]
        tensors = [torch.as_tensor(part, device=device) for part in (*ids, keys)]
        where = torch.as_tensor(places, device=device)
        said = self.model.read(*tensors, codes, blocked.to(device), self.state.boards.d, self.cache, where)
        end, tail = self.length[rows], np.maximum(first, self.clues[rows])
        pairs = end * (end + 1) // 2 - tail * (tail + 1) // 2 + np.where(first == 0, self.clues[rows] ** 2, 0)
        self.state.spend(rows, 1, fed, self.model.backbone.flops(fed, pairs), 0.0)
        self.read[rows] = end
        return np.round(said.double().cpu().numpy()[np.arange(len(rows)), fed - 1], DIGITS)

    def _close(self, rows: np.ndarray) -> None:
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
