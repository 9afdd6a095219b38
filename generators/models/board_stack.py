"""Boards of a narrow network, read several at a time: by themselves they are too small to keep a core busy.

    >>> stack = BoardStack(weights, tokens=36)                          # buffers for STACK boards of 36 tokens
    >>> stack.read(values, at, biases, asked)[:boards]                  # (boards, asked, answers): logits

Where a BoardReader (models/board_reader.py) spends more time on starting a product than on the product, here STACK
boards share one. There are always as many, the missing ones blank, so that shapes do not follow the batch: a row of a
product is the same bits whatever stands in the other rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from generators.models.inference import Weights, gelu, softmax

STACK = 4  # boards at a time
NARROW = 64  # networks of at most this width are read so


class BoardStack:
    """Buffers for STACK boards of one number of tokens, and the pass over them."""

    def __init__(self, weights: Weights, tokens: int):
        self.weights, self.tokens = weights, tokens
        dim, heads = weights.config.dim, weights.config.heads
        self.shape = STACK, tokens, heads, dim // heads

        def room(*shape: int) -> Tensor:
            return torch.empty(shape, dtype=weights.dtype)

        rows = STACK * tokens
        self.first, self.x, self.normal, self.more, self.mixed = (room(rows, dim) for _ in range(5))
        self.qkv, self.up = room(rows, 3 * dim), room(rows, 4 * dim)
        self.apart = room(3, STACK * heads, tokens, dim // heads)  # queries, keys and values, head by head
        self.scores, self.heads = room(STACK * heads, tokens, tokens), room(STACK * heads, tokens, dim // heads)
        self.arrays = self.x.numpy(), self.more.numpy(), self.normal.numpy()  # the same memory, for compiled loops

    def read(
        self,
        values: Int[Tensor, "stack tokens"],
        at: Float[Tensor, "stack tokens dim"],
        biases: Sequence[Float[Tensor, "stack_heads tokens tokens"]],
        asked: Int[Tensor, " stack"] | None,
    ) -> Float[Tensor, "stack asked answers"]:
        """Logits of the token that each board is asked about, or (None) of all of them. at: what each token's cell and
        target are; biases: a block's each, head by head of board by board.
        """
        w = self.weights
        dim = w.config.dim
        torch.index_select(w.value, 0, values.reshape(-1), out=self.first)
        self.first.add_(at.reshape(-1, dim))

        # x is what the blocks add up; `more` and its bias are what the last step has to add.
        x, normal, more, up = self.x.zero_(), self.normal, self.more.zero_(), self.up
        arrays, bias = self.arrays, w.no_bias
        for place, layer in enumerate(w.layers):
            if w.begins[place]:
                more.add_(self.first)
            w.add_and_normalise(*arrays, bias)
            torch.mm(normal, layer.qkv, out=self.qkv)
            if asked is None or place < len(w.layers) - 1:
                mixed = self._attend(biases[w.kinds[place]])
            else:
                # In the last pass only the tokens that are asked about go on; the others are looked at.
                rows = asked + torch.arange(0, len(x), self.tokens)
                mixed = self._attend(biases[w.kinds[place]], asked)
                x, normal, more, up = x.index_select(0, rows), normal[:STACK], more[:STACK], up[:STACK]
                arrays = x.numpy(), more.numpy(), normal.numpy()
            torch.mm(mixed, layer.out, out=more)
            w.add_and_normalise(*arrays, w.no_bias)
            torch.mm(normal, layer.up, out=up)
            gelu(up, up.numpy(), layer.up_bias)
            torch.mm(up, layer.down, out=more)
            bias = layer.down_bias
        w.add_and_normalise(*arrays, bias)
        return torch.addmm(w.head_bias, normal, w.head).view(STACK, -1, w.head.shape[1])

    def _attend(self, bias: Tensor, asked: Int[Tensor, " stack"] | None = None) -> Float[Tensor, "rows dim"]:
        """What all tokens see, or those asked about."""
        stack, tokens, heads, size = self.shape
        columns = self.qkv.view(stack, tokens, 3, heads, size).permute(2, 0, 3, 1, 4)
        self.apart.view(3, stack, heads, tokens, size).copy_(columns)
        q, k, v = self.apart
        scores, seen, mixed = self.scores, self.heads, self.mixed
        if asked is not None:
            one = asked.repeat_interleave(heads)[:, None, None]  # of each head
            q, bias = q.gather(1, one.expand(-1, 1, size)), bias.gather(1, one.expand(-1, 1, tokens))
            scores, seen, mixed = scores[:, :1].contiguous(), seen[:, :1].contiguous(), mixed[:stack]
        torch.baddbmm(bias, q, k.transpose(1, 2), out=scores)  # (stack * heads, queries, tokens)
        softmax(scores)
        torch.bmm(scores, v, out=seen)
        mixed.view(stack, -1, heads, size).copy_(seen.view(stack, heads, -1, size).transpose(1, 2))
        return mixed
