"""The one backbone. Causal or bidirectional is only a mask; AR and diffusion have the same parameters.

A token is value + cell + target embeddings. Attention gets a structural bias: a learned scalar per head for
each relation (same row / column / box, joined by an edge, itself) between the query's cell and the key's
cell, and between the query's target and the key's cell. Blocks are run `loops` times over with the same
weights (Dehghani et al. 2019), the embedding added again each time. Pre-norm, RMSNorm, GELU.

    >>> Backbone(BackboneConfig(d=6, cells=36))(6, values, cells, targets, related).shape      # (batch, m, d)
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from csp.constraints import RELATIONS
from csp.tokens import start
from generators.models.backbone_config import BackboneConfig
from generators.models.kv_cache import KeysAndValues

BITS = len(RELATIONS) + 1  # a bit per relation, and one for "the same cell" (csp.problem.SELF)
SCALE, RELATION_SCALE = 0.02, 0.2  # standard deviations of initial weights, and of those of relations
PAIRS = 1 << 2 * BITS  # codes of two relations: query's cell to key's cell, query's target to key's cell


class LookUp(torch.autograd.Function):
    """table (heads, PAIRS) at codes (...): (heads, ...). Backwards it counts by code: faster than adding row by row, as
    index_select does. torch.func may map it over codes, so that each example has its own gradient.
    """

    @staticmethod
    def forward(table: Tensor, codes: Tensor) -> Tensor:
        return table.index_select(1, codes.reshape(-1)).view(len(table), *codes.shape)

    @staticmethod
    def setup_context(ctx, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        """What the way back needs: the codes; of the table (heads, PAIRS) nothing."""
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return SumByCode.apply(grad, ctx.saved_tensors[0]), None

    @staticmethod
    def vmap(info, in_dims: tuple[int | None, int | None], table: Tensor, codes: Tensor) -> tuple[Tensor, int]:
        """One table (heads, PAIRS), and codes of each example: one look-up of all of them."""
        if in_dims[0] is not None:
            tables, many = table.movedim(in_dims[0], 0), in_dims[1] is not None
            each = codes.movedim(in_dims[1], 0) if many else [codes] * len(tables)
            return torch.stack([LookUp.apply(*pair) for pair in zip(tables, each, strict=True)]), 0
        return LookUp.apply(table, codes.movedim(in_dims[1], 0)), 1


class SumByCode(torch.autograd.Function):
    """The way back of LookUp: grad (heads, ...) summed by code, (heads, PAIRS)."""

    @staticmethod
    def forward(grad: Tensor, codes: Tensor) -> Tensor:
        return _sums(grad, codes.reshape(-1), PAIRS)

    @staticmethod
    def setup_context(ctx, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        """Of the sums (heads, PAIRS) nothing is kept: they are not differentiated again."""

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[None, None]:
        raise NotImplementedError("second derivatives of a look-up")

    @staticmethod
    def vmap(info, in_dims: tuple[int | None, int | None], grad: Tensor, codes: Tensor) -> tuple[Tensor, int]:
        """The codes of each example count apart: (heads, examples, PAIRS)."""
        size = info.batch_size
        grad, codes = (
            one.unsqueeze(0).expand(size, *one.shape) if at is None else one.movedim(at, 0)
            for one, at in zip((grad, codes), in_dims)
        )
        apart = codes.reshape(size, -1) + PAIRS * torch.arange(size, device=codes.device)[:, None]
        sums = _sums(grad.transpose(0, 1), apart.reshape(-1), size * PAIRS)  # (heads, size * PAIRS)
        return sums.view(-1, size, PAIRS), 1


def _sums(grad: Tensor, codes: Tensor, many: int) -> Tensor:
    """grad (heads, ...) summed by code, (heads, many)."""
    sums = [torch.bincount(codes, weights=of_head.reshape(-1), minlength=many) for of_head in grad]
    return torch.stack(sums).to(grad.dtype)


class Block(nn.Module):
    """Attention and a two-layer perceptron, each behind a norm and beside a residual."""

    def __init__(self, config: BackboneConfig):
        super().__init__()
        self.heads = config.heads
        self.norm1, self.norm2 = nn.RMSNorm(config.dim), nn.RMSNorm(config.dim)
        self.qkv = nn.Linear(config.dim, 3 * config.dim, bias=False)
        self.out = nn.Linear(config.dim, config.dim, bias=False)
        self.up = nn.Linear(config.dim, 4 * config.dim)
        self.down = nn.Linear(4 * config.dim, config.dim)
        self.relation = nn.Linear(2 * BITS, config.heads, bias=False) if config.bias else None

    def bias(self, related: Tensor, blocked: Tensor | None) -> Tensor | None:
        """What is added to the attention scores, (shared, heads, m, T): the same in every loop."""
        bias, dtype = None, self.qkv.weight.dtype

        # A code's bias is the sum of its relations': computed once for all codes, then looked up for each pair.
        if self.relation is not None:
            bits = 2 ** torch.arange(2 * BITS, device=related.device)
            every = ((torch.arange(PAIRS, device=related.device)[:, None] & bits) > 0).to(dtype)  # (PAIRS, 2 * BITS)
            bias = LookUp.apply(self.relation(every).to(dtype).T, related).transpose(0, 1)
        if blocked is None:
            return bias

        wall = torch.zeros(blocked.shape, dtype=dtype, device=related.device)
        wall = wall.masked_fill(blocked, float("-inf"))[:, None]  # (batch, 1, m, T)
        return wall if bias is None else bias + wall

    def forward(self, x: Tensor, bias: Tensor | None, store=None) -> Tensor:
        batch, m, dim = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, m, 3, self.heads, dim // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (batch, heads, m, hd) each
        if store is not None:
            k, v = store(k, v)  # (batch, heads, T, hd): the cached tokens too
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5  # (batch, heads, m, T)
        if bias is not None:
            scores = scores + bias
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, m, dim)
        x = x + self.out(mixed)
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Backbone(nn.Module):
    """Tokens to log-probabilities of the target's value."""

    def __init__(self, config: BackboneConfig):
        super().__init__()
        self.config = config
        self.deep_supervision = False  # learn from every loop's answer: losses are linear in log p, so a mean does
        self.value = nn.Embedding(config.words or start(config.d) + 1, config.dim)
        self.cell = nn.Embedding(config.cells + 1, config.dim)  # the last one: no cell (START)
        self.target = nn.Embedding(config.cells + 1, config.dim)
        self.depth = nn.Embedding(config.d + 1, config.dim) if config.flexible else None  # how many values there are
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.RMSNorm(config.dim)
        self.head = nn.Linear(config.dim, config.answers or config.d)

        # GPT-2's initial scales, but for relations, which must tell cells apart from the first update on. What adds to
        # the residual stream is scaled down by the number of its additions, so that this begins at the same size.
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                nn.init.normal_(weight, std=SCALE if "relation" not in name else RELATION_SCALE)
        for block in self.blocks:
            for last in (block.out, block.down):
                nn.init.normal_(last.weight, std=SCALE * (2 * config.blocks * config.loops) ** -0.5)

    def forward(self, d: int, *read, **options) -> Float[Tensor, "batch m answers"]:
        """Log-probabilities of each token's target (values 1..d, or the config's answers). Arguments as hidden's."""
        if self.deep_supervision and torch.is_grad_enabled():
            return torch.stack([self.say(d, x) for x in self.each_loop(d, *read, **options)]).mean(0)
        return self.say(d, self.hidden(d, *read, **options))

    def say(self, d: int, x: Float[Tensor, "batch m dim"]) -> Float[Tensor, "batch m answers"]:
        """Features to log-probabilities."""
        logits = self.head(self.norm(x)).to(x.dtype)
        return logits[..., : self.config.answers or d].log_softmax(-1)

    def ids(self, cells: Int[Tensor, "batch m"], width: int) -> Int[Tensor, "batch m"]:
        """Cells to the ids that have an embedding; the cell `width` means no cell."""
        return torch.where(cells == width, self.config.cells, cells % self.config.cells)

    def hidden(self, *read, **options) -> Float[Tensor, "batch m dim"]:
        """The last features of each token. Arguments as each_loop's."""
        *_, last = self.each_loop(*read, **options)
        return last

    def each_loop(
        self,
        d: int,
        values: Int[Tensor, "batch m"],
        cells: Int[Tensor, "batch m"],
        targets: Int[Tensor, "batch m"],
        related: Int[Tensor, "shared m T"],
        blocked: Bool[Tensor, "batch m T"] | None = None,
        cache: KeysAndValues | None = None,
        places: Int[Tensor, "batch m"] | None = None,
        more: Float[Tensor, "batch m dim"] | None = None,
    ) -> Iterator[Float[Tensor, "batch m dim"]]:
        """The features of each token after every loop.

        d: how many values the boards have; cells, targets: as ids() says. related: pairs() of queries against keys.
        blocked: True where a query may not look. With a cache, the m tokens are put at `places` and may look at all T
        tokens there. more: added to the tokens' embeddings.
        """

        # What a token is, before it has seen any other; every loop is given it anew, so that it is not forgotten.
        first = self.value(values) + self.cell(cells) + self.target(targets)
        if self.depth is not None:
            first = first + self.depth.weight[d]
        if more is not None:
            first = first + more

        # The same blocks in every loop, with the same biases; only the cache has a layer for each pass.
        x = torch.zeros_like(first)  # (batch, m, dim)
        layer = 0
        biases = [block.bias(related, blocked) for block in self.blocks]
        for _ in range(self.config.loops):
            x = x + first
            for block, bias in zip(self.blocks, biases, strict=True):
                store = None if cache is None else _writer(cache, layer, places)
                x = block(x, bias, store)
                layer += 1
            yield x

    def flops(
        self, tokens: Int[np.ndarray, "*rows"] | int, pairs: Int[np.ndarray, "*rows"] | int
    ) -> Float[np.ndarray, "*rows"]:
        """FLOPs (2 a multiply-add) of reading `tokens` tokens that look at `pairs` (query, key) pairs in all.

        The structural bias is looked up: its few products do not grow with the tokens, and are left out.
        """
        config = self.config
        layer = self.layer_flops(tokens, pairs)
        once = tokens * 2 * config.dim * (config.answers or config.d)
        return np.asarray(config.blocks * config.loops * layer + once, dtype=float)

    def layer_flops(
        self, tokens: Int[np.ndarray, "*rows"] | int, pairs: Int[np.ndarray, "*rows"] | int
    ) -> Int[np.ndarray, "*rows"] | int:
        """FLOPs of one pass through one block, its attention bias left out."""
        return tokens * 2 * 12 * self.config.dim**2 + pairs * 4 * self.config.dim

    def training_flops(self, batch: int, width: int) -> float:
        """FLOPs of one update on `batch` boards of `width` cells (backward counted as twice forward)."""
        return float(3 * batch * self.flops(width, width**2))


def weighted_nats(
    log_probs: Float[Tensor, "batch m d"], labels: Int[np.ndarray, "batch m"], weight: Float[np.ndarray, "batch m"]
) -> Float[Tensor, " batch"]:
    """The weighted sum of -log p(label) over each board's tokens. Labels are 1..d; where weight is 0 they may be 0."""
    device = log_probs.device
    right = torch.as_tensor(np.maximum(labels - 1, 0), device=device)
    nats = -log_probs.gather(-1, right[..., None])[..., 0]  # (batch, m)
    return (nats * torch.as_tensor(weight, dtype=nats.dtype, device=device)).sum(1)


def with_loops(model: nn.Module, loops: int) -> nn.Module:
    """The same network, one that has a `backbone`, with its blocks run `loops` times over."""
    other = copy.deepcopy(model)
    other.backbone.config = replace(model.backbone.config, loops=loops)
    return other


def _writer(cache, layer, places):
    return lambda k, v: cache.write(layer, places, k, v)


def pairs(
    codes: Int[Tensor, "shared N N"],
    cells: Int[Tensor, "batch m"] | None = None,
    targets: Int[Tensor, "batch m"] | None = None,
    keys: Int[Tensor, "batch T"] | None = None,
) -> Int[Tensor, "out m T"]:
    """Two relation codes in one: query's cell to key's cell, then (times 2 ** BITS) query's target to key's cell.

    Without cells, queries and keys are all N cells in place. A cell id of N (START) is related to nothing.
    """
    if cells is None:
        return codes * (1 + (1 << BITS))
    padded = F.pad(codes, (0, 1, 0, 1))  # row and column N: related to nothing
    batch = torch.arange(len(cells), device=codes.device)[:, None, None] if len(codes) > 1 else 0
    own, aim = (padded[batch, side[:, :, None], keys[:, None, :]] for side in (cells, targets))
    return own + aim * (1 << BITS)
