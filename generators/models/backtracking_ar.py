"""AR that writes its own backtracking: trained on depth-first traces, decoded without anybody's checker.

The text after the clues is a stack of items, each a word about a cell: "v, the only value left", "v, a guess", "v is
ruled out here". At each step the net is asked about the next cell in solver order and answers with a value, as the only
one or as a guess, or with UNDO. After UNDO the state is restated: the text up to the last guess, and that its value is
ruled out there; a KV cache keeps what is unchanged. A net that undoes without a guess left is stuck.

Training: depth-first traces over the train split with random mistakes. The answer that is taught is UNDO where no legal
value is left that is not ruled out, the only one where there is one, else the solution's value as a guess (on a path
that has left the solution, the value that the trace tries). Loss = mean over the items of a stretch between two
UNDOs, in nats per written token.

    >>> model.loss(model.corrupt(boards, solutions, rng)).mean()

Here are the network and its training data; generators/decoding/written_undo.py decodes it.
"""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from csp.tokens import start
from generators.boards import Boards
from generators.models.backbone_config import BackboneConfig
from generators.models.causal import sight
from generators.models.examples import Examples
from generators.models.transformer import Backbone, pairs, weighted_nats
from solvers.solver_order import solver_row

MISTAKES = 0.3  # share of guesses that are random in training traces
UNDO_SCALE = 1.5  # UNDOs before a stretch: floor(-log2(u) * this), none in over a third of the stretches, then fewer
RAREST = 1e-9  # the smallest u: at most 44 UNDOs
DECISIONS = 4  # items that a trace may write for each cell, retracted ones included; one that needs more is cut there
ONLY, GUESS, OUT = 0, 1, 2  # what an item says of its value: the only one left, a guess, ruled out


def vocabulary(d: int) -> dict[str, int]:
    """How many words are read (MASK, values as the only one, START, values as guesses, values ruled out) and answered
    (values as the only one, values as guesses, UNDO).
    """
    return {"words": 3 * d + 2, "answers": 2 * d + 1}


def word(mark: np.ndarray | int, value: np.ndarray | int, d: int) -> np.ndarray:
    """The token of an item; all of one shape, any (...)."""
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

    def corrupt(self, boards: Boards, solutions: Int[np.ndarray, "batch N"], rng: np.random.Generator) -> Examples:
        """A stretch of a depth-first trace of each board, cut to the length of the longest."""
        values, cells, targets, labels, clues = stretches(boards, solutions, rng)
        length = max(2, int((targets < boards.width).sum(1).max()))
        text = {"values": values, "cells": cells, "targets": targets, "labels": labels}
        return Examples(boards, solutions, {**{k: part[:, :length] for k, part in text.items()}, "clues": clues})

    def loss(self, examples: Examples) -> Float[Tensor, " batch"]:
        """Negative log-likelihood of each stretch's answers, in nats per written token."""
        boards, labels, device = examples.boards, examples["labels"], self.backbone.head.weight.device
        values, cells, targets = (
            torch.as_tensor(examples[name], device=device) for name in ("values", "cells", "targets")
        )
        length = labels.shape[1]
        places = np.broadcast_to(np.arange(length), labels.shape)
        blocked = sight(examples["clues"], places, length).to(device)
        codes = torch.as_tensor(boards.relations, device=device)
        log_probs = self.read(values, cells, targets, cells, codes, blocked, boards.d)  # (batch, length, answers)
        counted = labels > 0
        return weighted_nats(log_probs, labels, counted / np.maximum(counted.sum(1, keepdims=True), 1))

    def read(self, values, cells, targets, keys, codes, blocked, d) -> Tensor:
        """Log-probabilities of the answers about the targets; (batch, targets, answers). The cell id N means no
        cell.
        """
        related = pairs(codes, cells, targets, keys)
        cells, targets = (self.backbone.ids(part, codes.shape[-1]) for part in (cells, targets))
        return self.backbone(d, values, cells, targets, related, blocked)

    def training_flops(self, boards: Boards) -> float:
        """FLOPs of one update, as if every text were as long as the board is wide."""
        return self.backbone.training_flops(len(boards), boards.width)


def stretches(boards: Boards, solutions: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A stretch between two UNDOs of a depth-first trace of each board: (values, cells, targets, labels) of its tokens,
    (batch, 2N) each, and how many clues (batch,). Labels are answers + 1, 0 where nothing is taught.
    """
    shape = len(boards), max_tokens(boards.width)
    values, marks, labels = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    cells, targets = np.full(shape, boards.width), np.full(shape, boards.width)
    clues = (boards.givens > 0).sum(1)

    # One number says how many UNDOs came before; each decision takes two: which value is tried, and whether by mistake.
    uniforms = rng.random((len(boards), 1 + 2 * DECISIONS * boards.width))
    _stretches(boards.givens, solutions, *boards.near, boards.d, uniforms, values, marks, cells, targets, labels)
    return word(marks, values, boards.d), cells, targets, labels, clues


@numba.njit(cache=True)
@no_type_check
def _stretches(givens, solutions, starts, neighbours, covers, d, uniforms, values, marks, cells, targets, labels):
    """Write a stretch of each row into (values, marks, cells, targets, labels): a depth-first search that goes on after
    `undos` failures and is cut at the next. The items are a stack; those from `first` on are what the net writes
    itself after the last UNDO, the others are restated.
    """
    n, length = givens.shape[1], values.shape[1]
    ranks = np.zeros(n, dtype=np.int64)
    item_cell, item_value, item_mark = np.zeros((3, length), dtype=np.int64)
    taught = np.zeros(length, dtype=np.int64)
    for row in range(len(givens)):
        b = row if len(starts) > 1 else 0  # boards of one problem share their neighbours
        state = givens[row].copy()
        clues = _write_clues(givens[row], values[row], cells[row], targets[row])
        undos = int(-np.log2(max(uniforms[row, 0], RAREST)) * UNDO_SCALE)
        items, first, draw, dead_end = 0, 0, 1, -1
        while draw + 2 < uniforms.shape[1]:
            solver_row(state, starts[b], neighbours[b], covers[b], d, ranks)
            cell = _next_cell(state, solutions[row], ranks)
            if cell < 0 or clues + items + 1 >= length:
                break
            near = neighbours[b, starts[b, cell] : starts[b, cell + 1]]
            left = _values_left(state, cell, near, item_cell[:items], item_value[:items], item_mark[:items], d)

            # A dead end: the answer is UNDO, where the stretch ends, or the search goes on behind its last guess.
            if left == 0:
                if undos == 0:
                    dead_end = cell
                    break
                items = _rewind(state, items, item_cell, item_mark)
                if items == 0:
                    break
                undos -= 1
                first = items
                continue

            # The solution's value as long as the path is the solution's, but for mistakes; off it, any value left.
            right = solutions[row, cell]
            on_path = _agrees(state, solutions[row]) and (left >> (right - 1)) & 1 == 1
            count = _size(left, d)
            value = _member(left, int(uniforms[row, draw] * count), d)
            if on_path and uniforms[row, draw + 1] >= MISTAKES:
                value = right
            draw += 2
            mark = ONLY if count == 1 else GUESS
            item_cell[items], item_value[items], item_mark[items] = cell, value, mark
            taught[items] = mark * d + (right if on_path else value)
            state[cell] = value
            items += 1

        # START, then the items; each token is aimed at the next one's cell, and only new items are taught.
        values[row, clues], cells[row, clues] = d + 1, n
        for item in range(items):
            place = clues + item
            targets[row, place] = item_cell[item]
            if item >= first and item_mark[item] != OUT:
                labels[row, place] = taught[item]
            values[row, place + 1], marks[row, place + 1] = item_value[item], item_mark[item]
            cells[row, place + 1] = item_cell[item]
        if dead_end >= 0:
            targets[row, clues + items], labels[row, clues + items] = dead_end, 2 * d + 1


@numba.njit(cache=True)
@no_type_check
def _write_clues(givens, values, cells, targets):
    """The clues as a text's first tokens; how many there are."""
    place = 0
    for cell in range(len(givens)):
        if givens[cell]:
            values[place], cells[place], targets[place] = givens[cell], cell, cell
            place += 1
    return place


@numba.njit(cache=True)
@no_type_check
def _next_cell(state, solution, ranks):
    """The blank cell that comes first in solver order, -1 if there is none; padding has no solution."""
    cell = -1
    for other in range(len(state)):
        if state[other] == 0 and solution[other] and (cell < 0 or ranks[other] < ranks[cell]):
            cell = other
    return cell


@numba.njit(cache=True)
@no_type_check
def _values_left(state, cell, near, item_cell, item_value, item_mark, d):
    """Bits of the values that no neighbour holds and no item rules out."""
    left = (1 << d) - 1
    for other in near:
        if state[other]:
            left &= ~(1 << (state[other] - 1))
    for item in range(len(item_cell)):
        if item_mark[item] == OUT and item_cell[item] == cell:
            left &= ~(1 << (item_value[item] - 1))
    return left


@numba.njit(cache=True)
@no_type_check
def _rewind(state, items, item_cell, item_mark):
    """Drop the items behind the last guess and rule its value out; how many items are left, 0 without a guess."""
    while items and item_mark[items - 1] != GUESS:
        items -= 1
        if item_mark[items] != OUT:
            state[item_cell[items]] = 0
    if items:
        state[item_cell[items - 1]] = 0
        item_mark[items - 1] = OUT
    return items


@numba.njit(cache=True)
@no_type_check
def _agrees(state, solution):
    """Whether every value on the board is the solution's."""
    agrees = True
    for cell in range(len(state)):
        agrees &= state[cell] == 0 or state[cell] == solution[cell]
    return agrees


@numba.njit(cache=True)
@no_type_check
def _size(bits, d):
    """How many of d bits are set."""
    count = 0
    for value in range(d):
        count += (bits >> value) & 1
    return count


@numba.njit(cache=True)
@no_type_check
def _member(bits, number, d):
    """The value 1..d of the set bit of that number, counted from 0."""
    for value in range(d):
        if (bits >> value) & 1:
            if number == 0:
                return value + 1
            number -= 1
    return 0
