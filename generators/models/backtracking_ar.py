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

from typing import no_type_check

import numba
import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from csp.tokens import start
from generators.boards import ALL, Boards
from generators.models.backbone_config import BackboneConfig
from generators.models.causal import sight
from generators.models.transformer import Backbone, pairs, weighted_nats
from solvers.solver_order import solver_row

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


def max_tokens(width: int) -> int:
    """Tokens that a text may have: clues, START and items."""
    return 2 * width


class BacktrackingAR(nn.Module):
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


def stretches(boards: Boards, solutions: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A stretch between two UNDOs of a depth-first trace of each board: (values, cells, targets, labels) of its tokens,
    (batch, 2N) each, and how many clues (batch,). Labels are answers + 1, 0 where nothing is taught.
    """
    shape = len(boards), max_tokens(boards.width)
    values, labels = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    cells, targets = np.full(shape, boards.width), np.full(shape, boards.width)
    clues = (boards.givens > 0).sum(1)
    uniforms = rng.random((len(boards), 1 + 8 * boards.width))
    _stretches(boards.givens, solutions, *boards.near, boards.d, uniforms, values, cells, targets, labels)
    return values, cells, targets, labels, clues


@numba.njit(cache=True)
@no_type_check
def _stretches(givens, solutions, starts, neighbours, covers, d, uniforms, values, cells, targets, labels):
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
        undos = int(-np.log2(max(uniforms[row, 0], 1e-9)) * 1.5)  # none in a third of the stretches
        items, first, lot, pending, asked = 0, 0, 1, 0, -1
        while lot + 2 < uniforms.shape[1]:
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
            pick = int(uniforms[row, lot] * count)
            value = 0
            for other in range(d):
                if (left >> other) & 1:
                    if pick == 0:
                        value = other + 1
                    pick -= 1
            if on_path and uniforms[row, lot + 1] >= MISTAKES:
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
