"""A board whose cells all see each other, read by itself: nothing of it can depend on the boards beside it.

    >>> reader = BoardReader(weights, tokens=81)                     # buffers for boards of 81 tokens
    >>> for _ in reader.read(values, at, biases, asked, out):        # out (asked, answers): logits
    ...     pass                                                     # here others may take a step

A board of 81 cells is large enough for products at nearly the machine's peak (benchmarks/decoding.py), and small enough
to stay in a core's cache from one operation to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from generators.models.inference import Layer, Weights, gelu, softmax


class BoardReader:
    """Buffers for boards of one number of tokens, and the pass over one of them."""

    def __init__(self, weights: Weights, tokens: int):
        self.weights = weights
        dim, heads = weights.config.dim, weights.config.heads

        def room(*shape: int) -> Tensor:
            return torch.empty(shape, dtype=weights.dtype)

        # Columns of qkv are q, k and v, head by head; what a head mixes goes back beside the other heads'.
        self.first, self.x, self.normal, self.more, self.mixed = (room(tokens, dim) for _ in range(5))
        self.qkv, self.up = room(tokens, 3 * dim), room(tokens, 4 * dim)
        self.scores, self.apart = room(heads, tokens, tokens), room(heads, tokens, dim // heads)
        self.kv, self.q = room(tokens, 2 * dim), room(tokens, dim)
        self.arrays = self.x.numpy(), self.more.numpy(), self.normal.numpy()  # the same memory, for compiled loops
        self.parts = self._heads(self.qkv, 3)

    def read(
        self,
        values: Int[Tensor, " tokens"],
        at: Float[Tensor, "tokens dim"],
        biases: Sequence[Float[Tensor, "heads tokens tokens"]],
        asked: Int[Tensor, " asked"],
        out: Float[Tensor, "asked answers"],
    ) -> Iterator[None]:
        """Logits of the tokens asked about. at: what each token's cell and target are; biases: a block's each.

        Stops after each large product, so that several boards can take turns and share the weights in the cache.
        """
        w, count = self.weights, len(asked)
        torch.index_select(w.value, 0, values, out=self.first)
        self.first.add_(at)

        # x is what the blocks add up; `more` and its bias are what the last step has to add.
        x, normal, more = self.x.zero_(), self.normal, self.more.zero_()
        arrays, bias = self.arrays, w.no_bias
        final = len(w.layers) - 1
        for place, layer in enumerate(w.layers):
            if w.begins[place]:
                more.add_(self.first)
            w.add_and_normalise(*arrays, bias)

            # In the last pass only the tokens that are asked about go on; the others are looked at.
            if place < final:
                torch.mm(normal, layer.qkv, out=self.qkv)
                yield
                mixed = self._attend(*self.parts, biases[w.kinds[place]], self.scores, self.apart, self.mixed)
            else:
                x, normal, more, mixed = self._ask(layer, asked, biases[w.kinds[place]])
                arrays = x.numpy(), more.numpy(), normal.numpy()
            torch.mm(mixed, layer.out, out=more)
            w.add_and_normalise(*arrays, w.no_bias)
            up = self.up if place < final else self.up[:count]
            torch.mm(normal, layer.up, out=up)
            yield
            gelu(up, up.numpy(), layer.up_bias)
            torch.mm(up, layer.down, out=more)
            yield
            bias = layer.down_bias
        w.add_and_normalise(*arrays, bias)
        torch.addmm(w.head_bias, normal, w.head, out=out)

    def _heads(self, columns: Float[Tensor, "tokens columns"], parts: int) -> Tensor:
        """(parts, heads, tokens, dim / heads)"""
        heads = self.weights.config.heads
        return columns.view(len(columns), parts, heads, -1).permute(1, 2, 0, 3)

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, scores: Tensor, apart: Tensor, mixed: Tensor
    ) -> Tensor:
        """Softmax attention, (queries, dim): faster here than torch's fused one, which takes 32 queries at a time."""
        torch.baddbmm(bias, q, k.transpose(1, 2), out=scores)  # (heads, queries, tokens)
        softmax(scores)
        torch.bmm(scores, v, out=apart)
        mixed.view(len(mixed), len(apart), -1).copy_(apart.transpose(0, 1))
        return mixed

    def _ask(self, layer: Layer, asked: Int[Tensor, " asked"], bias: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(x, normal, more, mixed) of the tokens asked about alone, after the attention of the last pass."""
        dim, count = self.weights.config.dim, len(asked)
        torch.mm(self.normal, layer.qkv[:, dim:], out=self.kv)
        k, v = self._heads(self.kv, 2)
        q = self._heads(torch.mm(self.normal.index_select(0, asked), layer.qkv[:, :dim], out=self.q[:count]), 1)[0]
        heads = self.weights.config.heads
        scores = self.scores.view(-1)[: heads * count * len(self.x)].view(heads, count, -1)
        apart = self.apart.view(-1)[: count * dim].view(heads, count, -1)
        mixed = self._attend(q, k, v, bias.index_select(1, asked), scores, apart, self.mixed[:count])
        return self.x.index_select(0, asked), self.normal[:count], self.more[:count], mixed
