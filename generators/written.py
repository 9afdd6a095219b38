"""AR that writes its own backtracking: trained on depth-first traces, decoded without anybody's checker.

The text after the clues is a stack of items, each a word about a cell: "v, the only value left", "v, a guess", "v is
ruled out here". At each step the net is asked about the next cell in solver order and answers with a value, as the only
one or as a guess, or with UNDO. After UNDO the state is restated: the text up to the last guess, and that its value is
ruled out there; a KV cache keeps what is unchanged. A net that undoes without a guess left is stuck.

Training: depth-first traces over the train split with random mistakes. The answer that is taught is UNDO where no legal
value is left that is not ruled out, the only one where there is one, else the solution's value as a guess (on a path
that has left the solution, the value that the trace tries). Loss = mean over the items of a stretch between two
UNDOs, in nats per written token.
"""

from __future__ import annotations

import time
from typing import no_type_check

import numba
import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from csp.tokens import start
from generators import orders
from generators.autoregressive import sight
from generators.boards import ALL, Boards
from generators.masked_diffusion import check_fits
from generators.model import DIGITS
from generators.state import State
from generators.transformer import Backbone, BackboneConfig, Cache, pairs, weighted_nats
from generators.vetoes import look
from solvers.propagate import solver_row

MISTAKES = 0.3  # share of guesses that are random in training traces
ONLY, GUESS, OUT = 0, 1, 2  # what an item says of its value


def vocabulary(d: int) -> dict[str, int]:
    """How many words are read (MASK, values as the only one, START, values as guesses, values ruled out) and answered
    (values as the only one, values as guesses, UNDO).
    """
    return {"words": 3 * d + 2, "answers": 2 * d + 1}


def word(mark: np.ndarray | int, value: np.ndarray | int, d: int) -> np.ndarray:
    """The token of an item."""
    return np.where(mark == ONLY, value, start(d) + np.where(mark == GUESS, 0, d) + value)


def room(width: int) -> int:
    """Tokens that a text may have: clues, START and items."""
    return 2 * width


class Written(nn.Module):
    """A causal Backbone over clues, START and items."""

    def __init__(self, config: BackboneConfig, kind: str = "ar-written"):
        super().__init__()
        self.kind = self.name = kind
        self.backbone = Backbone(config)

    def loss(
        self, boards: Boards, solutions: Int[np.ndarray, "batch N"], rng: np.random.Generator, part: slice = ALL
    ) -> Float[Tensor, ""]:
        """Mean negative log-likelihood in nats per written token. solutions: 0 at padding. rng: of the traces.

        part: only these boards' share of that mean; what is drawn is the same for any part.
        """
        text = stretches(boards, solutions, rng)
        device, size = self.backbone.head.weight.device, len(boards)
        length = max(2, int((text[2] < boards.width).sum(1).max()))
        values, cells, targets, labels = (item[part, :length] for item in text[:4])
        clues, boards = text[4][part], boards.take(part)
        places = np.broadcast_to(np.arange(length), values.shape)
        blocked = sight(clues, places, length)
        codes = torch.as_tensor(boards.relations, device=device)
        fed = [torch.as_tensor(part, device=device) for part in (values, cells, targets)]
        log_probs = self.read(*fed, fed[1], codes, blocked.to(device), boards.d)
        counted = labels > 0
        return weighted_nats(log_probs, labels, counted / np.maximum(counted.sum(1, keepdims=True), 1), size)

    def read(self, values, cells, targets, keys, codes, blocked, d, cache=None, places=None) -> Tensor:
        """Log-probabilities of the answers about the targets; the cell id N means no cell."""
        related = pairs(codes, cells, targets, keys)
        cells, targets = (self.backbone.ids(part, codes.shape[-1]) for part in (cells, targets))
        return self.backbone(d, values, cells, targets, related, blocked, cache, places)

    def training_flops(self, boards: Boards) -> float:
        """FLOPs of one update, as if every text were as long as the board is wide."""
        return self.backbone.training_flops(len(boards), boards.width)

    def run(self, state: State) -> None:
        """Decode all boards of the state."""
        check_fits(self.name, self.backbone.config, state.boards)
        _Texts(self, state).run()


def stretches(boards: Boards, solutions: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A stretch between two UNDOs of a depth-first trace of each board: (values, cells, targets, labels) of its tokens,
    (batch, 2N) each, and how many clues (batch,). Labels are answers + 1, 0 where nothing is taught.
    """
    shape = len(boards), room(boards.width)
    values, labels = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    cells, targets = np.full(shape, boards.width), np.full(shape, boards.width)
    clues = (boards.givens > 0).sum(1)
    lots = rng.random((len(boards), 1 + 8 * boards.width))
    _stretches(boards.givens, solutions, *boards.near, boards.d, lots, values, cells, targets, labels)
    return values, cells, targets, labels, clues


@numba.njit(cache=True)
@no_type_check
def _stretches(givens, solutions, starts, neighbours, covers, d, lots, values, cells, targets, labels):
    n, length = givens.shape[1], values.shape[1]
    ranks = np.zeros(n, dtype=np.int64)
    item_cell, item_value, item_mark = np.zeros((3, length), dtype=np.int64)
    taught = np.zeros(length, dtype=np.int64)
    for row in range(len(givens)):
        b = row if len(starts) > 1 else 0
        state = givens[row].copy()
        place = 0
        for cell in range(n):
            if givens[row, cell]:
                values[row, place], cells[row, place], targets[row, place] = givens[row, cell], cell, cell
                place += 1
        undos = int(-np.log2(max(lots[row, 0], 1e-9)) * 1.5)  # none in a third of the stretches
        items, first, lot, pending, asked = 0, 0, 1, 0, -1
        while lot + 2 < lots.shape[1]:
            solver_row(state, starts[b], neighbours[b], covers[b], d, ranks)
            cell = -1
            for other in range(n):
                if state[other] == 0 and solutions[row, other] and (cell < 0 or ranks[other] < ranks[cell]):
                    cell = other
            if cell < 0 or place + items + 1 >= length:
                break
            left, count = (1 << d) - 1, 0
            for spot in range(starts[b, cell], starts[b, cell + 1]):
                if state[neighbours[b, spot]]:
                    left &= ~(1 << (state[neighbours[b, spot]] - 1))
            for item in range(items):
                if item_mark[item] == 2 and item_cell[item] == cell:
                    left &= ~(1 << (item_value[item] - 1))
            for value in range(d):
                count += (left >> value) & 1
            if count == 0:
                if undos == 0:
                    pending, asked = 2 * d + 1, cell
                    break
                while items and item_mark[items - 1] != 1:
                    items -= 1
                    if item_mark[items] != 2:
                        state[item_cell[items]] = 0
                if items == 0:
                    break
                state[item_cell[items - 1]] = 0
                item_mark[items - 1] = 2
                undos -= 1
                first = items
                continue
            on_path = True
            for other in range(n):
                on_path &= state[other] == 0 or state[other] == solutions[row, other]
            right = solutions[row, cell]
            on_path &= (left >> (right - 1)) & 1 == 1
            pick = int(lots[row, lot] * count)
            value = 0
            for other in range(d):
                if (left >> other) & 1:
                    if pick == 0:
                        value = other + 1
                    pick -= 1
            if on_path and lots[row, lot + 1] >= MISTAKES:
                value = right
            lot += 2
            mark = 0 if count == 1 else 1
            item_cell[items], item_value[items], item_mark[items] = cell, value, mark
            taught[items] = mark * d + (right if on_path else value)
            state[cell] = value
            items += 1
        values[row, place], cells[row, place] = d + 1, n
        for item in range(items):
            targets[row, place + item] = item_cell[item]
            if item >= first and item_mark[item] != 2:
                labels[row, place + item] = taught[item]
            mark = item_mark[item]
            offset = 0 if mark == 0 else (d + 1 if mark == 1 else 2 * d + 1)
            values[row, place + item + 1] = offset + item_value[item]
            cells[row, place + item + 1] = item_cell[item]
        if pending:
            targets[row, place + items], labels[row, place + items] = asked, pending


class _Texts:
    """The texts of a decode call: items (boards, room) of (mark, value, cell), and how many of them there are."""

    def __init__(self, model: Written, state: State):
        self.model, self.state = model, state
        boards = state.boards
        self.weight = model.backbone.head.weight
        self.codes = torch.as_tensor(boards.relations, device=self.weight.device)
        length = room(boards.width)
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
        seen = look(state, rows)
        eager = orders.before(state, rows, seen)
        blank = (state.assignments[rows] == 0) & state.free[rows]
        asked = np.where(blank, eager, -np.inf).argmax(1)
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
        state.retract(rows, state.committed(rows) & (state.turns[rows] >= state.turns[rows, cell][:, None]))
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
        outside = room(width)
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
        full, wrong = state.full(rows), look(state, rows).clash.any(1)
        long = self.length[rows] >= room(state.boards.width)
        over = full | self.stuck | long | state.spent(rows)
        ends = np.select([full & ~wrong, full, self.stuck | long], ["solved", "wrong", "stuck"], "out of budget")
        state.ends[rows[over]] = ends[over]
        self.active = rows[~over]
