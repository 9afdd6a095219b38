"""Texts of boards whose tokens see those before them, read with a KV cache: each token once.

    >>> reader = TextReader(weights, codes, boards=64, text=81)
    >>> logits = reader.read(batch)                                  # (answers asked for, answers)

The tokens of all boards that are new in a call stand below each other, and go through products of exactly TILE rows,
the last of them padded: no product has a shape that follows the batch. Attention is a loop over each token's own keys,
so that neither padding nor the longest board of the batch is ever looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import no_type_check

import numba
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from generators.models.inference import FAST, Weights, exp32, gelu, one_thread

TILE = 16  # rows of a product: smaller ones are slower by far, larger ones a waste when few boards are left
CHUNK = 256  # tokens that go through the net together, unless a board has more: what a core's cache can hold
UNKEPT = -1  # the place of a token that is not kept in the cache


@dataclass(frozen=True, eq=False)
class NewTokens:
    """Tokens to be read, those of a board together. Cells and targets are 0 ... N, N = no cell.

    board: whose they are; place: where they stand in its text, UNKEPT if they are forgotten after the call; seen: how
    many of its text's tokens they look at (one that is not kept looks at itself too); asked: whether they answer.
    """

    board: Int[np.ndarray, " tokens"]
    values: Int[np.ndarray, " tokens"]
    cells: Int[np.ndarray, " tokens"]
    targets: Int[np.ndarray, " tokens"]
    place: Int[np.ndarray, " tokens"]
    seen: Int[np.ndarray, " tokens"]
    asked: Bool[np.ndarray, " tokens"]

    def take(self, tokens: slice | Int[np.ndarray, " some"]) -> NewTokens:
        """Some of them."""
        return NewTokens(*(getattr(self, field.name)[tokens] for field in fields(self)))

    def then(self, other: NewTokens) -> NewTokens:
        """With others, a board's behind those that it has here."""
        both = (np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self))
        joined = NewTokens(*both)
        return joined.take(np.argsort(joined.board, kind="stable"))


def next_tokens(
    board: Int[np.ndarray, " rows"],
    text: Int[np.ndarray, "3 rows text"],
    first: Int[np.ndarray, " rows"],
    counts: Int[np.ndarray, " rows"],
    clues: Int[np.ndarray, " rows"],
    asked: Bool[np.ndarray, " rows"],
) -> NewTokens:
    """`counts` tokens of each text (values, cells, targets) from place `first` on; the last one answers where asked.

    Clues see each other, any other token those before it and itself.
    """
    row = np.repeat(np.arange(len(board)), counts)
    ends = counts.cumsum()
    place = np.arange(len(row)) - (ends - counts)[row] + first[row]
    last = np.zeros(len(row), dtype=bool)
    last[ends[asked & (counts > 0)] - 1] = True
    seen = np.where(place < clues[row], clues[row], place + 1)
    return NewTokens(board[row], *text[:, row, place], place, seen, last)


class TextReader:
    """The net, and the keys and values of every board's text.

    codes: which cells are related, a batch axis of 1 where all boards share them. Keys lie (layers, boards, heads,
    dim / heads, text), values (layers, boards, heads, text, dim / heads): loops over them run along their last axis.
    """

    def __init__(self, weights: Weights, codes: Int[np.ndarray, "shared N N"], boards: int, text: int):
        self.weights, self.codes, self.text = weights, codes, text
        config = weights.config
        self.dtype = weights.no_bias.dtype
        per_head = config.dim // config.heads
        self.keys = np.empty((len(weights.layers), boards, config.heads, per_head, text), dtype=self.dtype)
        self.values = np.empty((len(weights.layers), boards, config.heads, text, per_head), dtype=self.dtype)
        self.cells = np.zeros((boards, text), dtype=np.int64)  # of the tokens in the cache
        self.room = _Room(weights, TILE, text)

    def read(self, new: NewTokens) -> Float[Tensor, "asked answers"]:
        """Put the tokens into the cache; the logits of those that answer."""
        out = torch.empty((int(new.asked.sum()), self.weights.answers), dtype=self.weights.dtype)
        kept = new.place != UNKEPT
        self.cells[new.board[kept], new.place[kept]] = new.cells[kept]
        done = 0
        with one_thread():
            for start, end in chunks(new.board, CHUNK):
                done += self._pass(new.take(slice(start, end)), out[done:])
        return out

    def copy(self, rows: Int[np.ndarray, " rows"], sources: Int[np.ndarray, " rows"]) -> None:
        """The boards at `rows` go on from what was read of those at `sources`."""
        for array in (self.keys, self.values):
            for layer in array:
                layer[rows] = layer[sources]
        self.cells[rows] = self.cells[sources]

    def _pass(self, new: NewTokens, out: Tensor) -> int:
        """The net over some boards' tokens; how many logits were written to out."""
        w, count = self.weights, len(new.board)
        if count > len(self.room.x):
            self.room = _Room(w, -(-count // TILE) * TILE, self.text)
        room = self.room
        tiles = -(-count // TILE)
        rows = tiles * TILE
        for place in range(len(w.distinct)):
            layer, bias = w.layers[place], room.biases[place]
            _look_up(
                layer.own, layer.aim, self.codes, new.board, new.cells, new.targets, new.seen, new.place,
                self.cells, bias,
            )  # fmt: skip

        # Rows that pad the last tile hold zeros, and stay so until the first bias; nobody looks at them.
        width = self.codes.shape[-1]
        cells, targets = (torch.from_numpy(self._ids(part, width)) for part in (new.cells, new.targets))
        room.first[count:rows] = 0
        room.first[:count] = w.value[torch.from_numpy(new.values)] + w.cell[cells] + w.target[targets]
        room.x[:rows] = 0
        room.more[:rows] = 0
        x, more, normal = (part[:rows] for part in room.arrays)
        bias = w.no_bias
        for place, layer in enumerate(w.layers):
            if w.begins[place]:
                room.more[:rows] += room.first[:rows]
            w.add_and_normalise(x, more, normal, bias)
            for tile in room.tiles[:tiles]:
                torch.mm(tile.normal, layer.qkv, out=tile.qkv)
            _attend(
                room.qkv_array, new.board, new.place, new.seen, room.biases[w.kinds[place]],
                self.keys[place], self.values[place], room.mixed_array, room.scores,
            )  # fmt: skip
            for tile in room.tiles[:tiles]:
                torch.mm(tile.mixed, layer.out, out=tile.more)
            w.add_and_normalise(x, more, normal, w.no_bias)
            for tile in room.tiles[:tiles]:
                torch.mm(tile.normal, layer.up, out=tile.up)
                gelu(tile.up, room.up_array, layer.up_bias)
                torch.mm(tile.up, layer.down, out=tile.more)
            bias = layer.down_bias
        w.add_and_normalise(x, more, normal, bias)

        # The answers, again a tile at a time.
        asked = torch.from_numpy(np.nonzero(new.asked)[0])
        tile = room.tiles[0]
        for start in range(0, len(asked), TILE):
            some = asked[start : start + TILE]
            tile.mixed.zero_()
            tile.mixed[: len(some)] = room.normal[some]
            logits = torch.addmm(w.head_bias, tile.mixed, w.head)
            out[start : start + len(some)] = logits[: len(some), : w.answers]
        return len(asked)

    def _ids(self, cells: Int[np.ndarray, " tokens"], width: int) -> Int[np.ndarray, " tokens"]:
        """As Backbone.ids."""
        return np.where(cells == width, self.weights.config.cells, cells % self.weights.config.cells)


def chunks(board: Int[np.ndarray, " tokens"], size: int) -> list[tuple[int, int]]:
    """Spans of the tokens, a board's never apart, of about `size` tokens each."""
    edges = np.append(np.nonzero(np.diff(board, prepend=-1))[0], len(board))  # where boards begin, and the end
    spans, start = [], 0
    for begin, end in zip(edges, edges[1:]):
        if end - start > size and begin > start:
            spans.append((start, int(begin)))
            start = int(begin)
    return [*spans, (start, len(board))] if len(board) else []


class _Tile:
    """The buffers' rows of one tile."""

    def __init__(self, room: _Room, rows: slice):
        self.normal, self.qkv, self.mixed = room.normal[rows], room.qkv[rows], room.mixed[rows]
        self.up, self.more = room.up, room.more[rows]


class _Room:
    """Buffers for `rows` tokens, a multiple of TILE."""

    def __init__(self, weights: Weights, rows: int, text: int):
        config, dtype = weights.config, weights.dtype
        dim = config.dim
        self.first, self.x, self.more, self.normal, self.mixed = (
            torch.zeros((rows, dim), dtype=dtype) for _ in range(5)
        )
        self.qkv, self.up = torch.zeros((rows, 3 * dim), dtype=dtype), torch.zeros((TILE, 4 * dim), dtype=dtype)
        self.arrays = self.x.numpy(), self.more.numpy(), self.normal.numpy()
        self.qkv_array, self.mixed_array, self.up_array = self.qkv.numpy(), self.mixed.numpy(), self.up.numpy()
        kind = weights.no_bias.dtype
        self.biases = np.empty((len(weights.distinct), rows, config.heads, text + 1), dtype=kind)
        self.scores = np.empty(text + 1, dtype=kind)
        self.tiles = [_Tile(self, slice(start, start + TILE)) for start in range(0, rows, TILE)]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _look_up(own, aim, codes, board, cells, targets, seen, place, key_cells, bias):
    """bias (tokens, heads, text + 1): what is added to each token's scores; behind those it sees, its own if unkept."""
    n = codes.shape[1]
    for token in range(len(board)):
        b = board[token]
        related = codes[b if len(codes) > 1 else 0]
        cell, target = cells[token], targets[token]
        for key in range(seen[token] + (place[token] < 0)):
            other = key_cells[b, key] if key < seen[token] else cell
            mine = related[cell, other] if cell < n and other < n else 0
            aimed = related[target, other] if target < n and other < n else 0
            for head in range(own.shape[1]):
                bias[token, head, key] = own[mine, head] + aim[aimed, head]


@numba.njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
@no_type_check
def _attend(qkv, board, place, seen, bias, keys, values, mixed, scores):
    """Keep the tokens' keys and values, then mix what each of them sees into `mixed` (tokens, dim)."""
    heads, size, dim = keys.shape[1], keys.shape[2], mixed.shape[1]
    for token in range(len(board)):
        if place[token] >= 0:
            b, at = board[token], place[token]
            for head in range(heads):
                for j in range(size):
                    keys[b, head, j, at] = qkv[token, dim + head * size + j]
                    values[b, head, at, j] = qkv[token, 2 * dim + head * size + j]

    for token in range(len(board)):
        b, count = board[token], seen[token]
        for head in range(heads):
            key, value = keys[b, head], values[b, head]
            q = head * size  # its columns: k and v are dim and 2 * dim further
            k, v = dim + q, 2 * dim + q

            # Scores, four rows of keys at a time: each is loaded and stored a fourth as often.
            for at in range(count):
                scores[at] = bias[token, head, at]
            for j in range(0, size - size % 4, 4):
                a, b_, c, d = qkv[token, q + j], qkv[token, q + j + 1], qkv[token, q + j + 2], qkv[token, q + j + 3]
                for at in range(count):
                    scores[at] += a * key[j, at] + b_ * key[j + 1, at] + c * key[j + 2, at] + d * key[j + 3, at]
            for j in range(size - size % 4, size):
                for at in range(count):
                    scores[at] += qkv[token, q + j] * key[j, at]
            total = count
            if place[token] < 0:  # nobody else will look at it: its key is not in the cache
                score = bias[token, head, count]
                for j in range(size):
                    score += qkv[token, q + j] * qkv[token, k + j]
                scores[count] = score
                total += 1

            # Softmax.
            top = scores[0]
            for at in range(1, total):
                top = max(top, scores[at])
            summed = top - top
            if scores.itemsize == 4:
                for at in range(total):
                    scores[at] = exp32(scores[at] - top)
            else:
                for at in range(total):
                    scores[at] = np.exp(scores[at] - top)
            for at in range(total):
                summed += scores[at]

            # The mean of the values, four keys at a time.
            for j in range(size):
                mixed[token, head * size + j] = scores[count] * qkv[token, v + j] if total > count else summed - summed
            for at in range(0, count - count % 4, 4):
                a, b_, c, d = scores[at], scores[at + 1], scores[at + 2], scores[at + 3]
                for j in range(size):
                    mixed[token, head * size + j] += (
                        a * value[at, j] + b_ * value[at + 1, j] + c * value[at + 2, j] + d * value[at + 3, j]
                    )
            for at in range(count - count % 4, count):
                for j in range(size):
                    mixed[token, head * size + j] += scores[at] * value[at, j]
            for j in range(size):
                mixed[token, head * size + j] /= summed
