"""How decoding runs a Backbone: the numbers of Backbone.forward, up to rounding, several times as fast.

Training needs gradients and takes whole batches; decoding asks thousands of times about few cells, and what it is told
about a board may not depend on the boards beside it. So here weights are laid out once for plain products, results go
into buffers that are kept, and no operation has a shape that follows the batch:

BoardReader   models/board_reader.py: every cell sees every other; each board is computed by itself
BoardStack    models/board_stack.py: the same of a narrow net, several boards at a time
TextReader    models/text_reader.py: causal, with a KV cache; products over tiles of TILE tokens

    >>> weights = Weights(model.backbone, d=9)
    >>> with one_thread():
    ...     logits = TextReader(weights, codes, boards=64, text=81).read(new)

Sums of floats depend on how a library splits a product, so every operation runs on one thread: whoever has several
cores decodes several boards at a time (experiments/engine).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import no_type_check

import numba
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from generators.models.transformer import BITS, Backbone, Block

#: Decimals that answers (log-probabilities) are rounded to: coarser than the noise between the shapes in which a
#: product may be computed, so that equal answers are equal and ties fall to the lowest cell; finer than any real
#: difference. Measured between Backbone.forward and these readers: 2e-5 in float32, 4e-14 in float64.
DECIMALS = {torch.float32: 4, torch.float64: 9}
LANES = 16  # an answer's product is padded to a multiple of this: narrower edges are summed in another order
#: Sums within a row may be taken in any order that the compiler likes: it is the same for every row.
FAST = {"reassoc", "contract", "nsz"}


@dataclass(frozen=True, eq=False)
class Layer:
    """A Block's weights, (inputs, outputs) each. The gains of its norms and the scale of its attention are in them.

    own, aim: what a relation code of the query's cell, or of its target, to the key's cell adds, (2 ** BITS, heads).
    """

    qkv: Float[Tensor, "dim columns"]
    out: Float[Tensor, "dim dim"]
    up: Float[Tensor, "dim inner"]
    up_bias: Float[Tensor, " inner"]
    down: Float[Tensor, "inner dim"]
    down_bias: Float[np.ndarray, " dim"]
    own: Float[np.ndarray, "codes heads"]
    aim: Float[np.ndarray, "codes heads"]

    @staticmethod
    def of(block: Block) -> Layer:
        """The weights of a block."""
        dim = block.out.weight.shape[0]
        qkv = block.qkv.weight * block.norm1.weight
        qkv[:dim] *= (dim // block.heads) ** -0.5
        codes = np.arange(1 << BITS)
        bits = (codes[:, None] >> np.arange(BITS)) & 1  # (codes, BITS)
        relation = np.zeros((block.heads, 2 * BITS)) if block.relation is None else _array(block.relation.weight)
        own, aim = (bits @ relation[:, half].T for half in (slice(0, BITS), slice(BITS, None)))
        return Layer(
            _columns(qkv),
            _columns(block.out.weight),
            _columns(block.up.weight * block.norm2.weight),
            block.up.bias.detach().cpu(),
            _columns(block.down.weight),
            _array(block.down.bias),
            own.astype(_array(block.down.bias).dtype),
            aim.astype(_array(block.down.bias).dtype),
        )


class Weights:
    """A backbone's weights for boards of d values.

    layers: the passes in their sequence; begins: whether the embeddings are added again before each. last: a block that
    is run once after all loops (the quality head's). head, head_bias: the final product; answers: how many of its
    columns are answers.
    """

    def __init__(self, backbone: Backbone, d: int, last: Block | None = None, norm=None, head=None):
        config = self.config = backbone.config
        self.dtype = backbone.head.weight.dtype
        blocks = [Layer.of(block) for block in backbone.blocks]
        self.layers = blocks * config.loops
        self.begins = [place % config.blocks == 0 for place in range(len(self.layers))]
        if last is not None:
            self.layers, self.begins = [*self.layers, Layer.of(last)], [*self.begins, False]
        self.kinds = [*range(config.blocks)] * config.loops + [config.blocks] * (last is not None)

        # Embeddings: the number of values is told with the cell.
        self.value, self.target = backbone.value.weight.detach().cpu(), backbone.target.weight.detach().cpu()
        self.cell = backbone.cell.weight.detach().cpu()
        if backbone.depth is not None:
            self.cell = self.cell + backbone.depth.weight[d].detach().cpu()

        head, norm = head or backbone.head, norm or backbone.norm
        self.answers = min(head.out_features, config.answers or d)
        padded = -(-self.answers // LANES) * LANES
        dim = config.dim
        self.head, self.head_bias = torch.zeros((dim, padded), dtype=self.dtype), torch.zeros(padded, dtype=self.dtype)
        self.head[:, : self.answers] = _columns(head.weight * norm.weight)[:, : self.answers]
        self.head_bias[: self.answers] = head.bias.detach().cpu()[: self.answers]
        self.no_bias = np.zeros(dim, dtype=self.head.numpy().dtype)
        self.eps = self.no_bias.dtype.type(torch.finfo(self.dtype).eps)  # nn.RMSNorm's
        self.share = self.no_bias.dtype.type(1 / dim)

    @property
    def distinct(self) -> list[Layer]:
        """Each block's layer once; kinds says which of them a pass is."""
        return [self.layers[self.kinds.index(kind)] for kind in range(max(self.kinds) + 1)]

    def add_and_normalise(self, x: np.ndarray, more: np.ndarray, normal: np.ndarray, bias: np.ndarray) -> None:
        """x += more + bias, and x's rows over their root mean square into `normal`; all (rows, dim)."""
        _add_and_normalise(x, more, normal, bias, self.eps, self.share)


def gelu(up: Float[Tensor, "rows inner"], array: np.ndarray, bias: Tensor) -> None:
    """GELU of up + bias, in place. array: the same memory as up, bias: (inner,).

    Torch's takes as long as the product before it in rows as few as these; in float32 a rational erf does.
    """
    if up.dtype is torch.float32:
        _gelu(array, bias.numpy())
    else:
        torch.ops.aten.gelu(up.add_(bias), out=up)


def softmax(scores: Float[Tensor, "heads queries tokens"]) -> None:
    """Over the last axis, in place."""
    if scores.dtype is torch.float32:
        _softmax(scores.numpy())
    else:
        torch.softmax(scores, -1, out=scores)


def rounded(logits: Float[Tensor, "*rows answers"]) -> Float[np.ndarray, "*rows answers"]:
    """Log-probabilities, in float64, rounded as the logits' own precision asks for."""
    log_probs = logits.double().log_softmax(-1).numpy()
    return np.round(log_probs, DECIMALS[logits.dtype])


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, torch and MKL split no operation."""
    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _columns(weight: Tensor) -> Tensor:
    """A linear layer's weight, (outputs, inputs), as the right side of a product."""
    return weight.detach().cpu().T.contiguous()


def _array(weight: Tensor) -> np.ndarray:
    return weight.detach().cpu().numpy()


@numba.njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
@no_type_check
def _add_and_normalise(x, more, normal, bias, eps, share):
    for row in range(x.shape[0]):
        total = eps - eps
        for place in range(x.shape[1]):
            value = x[row, place] + more[row, place] + bias[place]
            x[row, place] = value
            total += value * value
        scale = (eps / eps) / np.sqrt(total * share + eps)
        for place in range(x.shape[1]):
            normal[row, place] = x[row, place] * scale


@numba.njit(cache=True, nogil=True, fastmath=FAST | {"nnan"}, error_model="numpy")
@no_type_check
def _gelu(up, bias):
    """x / 2 * (1 + erf(x / sqrt(2))) in float32, erf as Eigen's odd rational minimax (generic_fast_erf_float)."""
    half, root, most = np.float32(0.5), np.float32(0.70710678118654752), np.float32(4)
    for row in range(up.shape[0]):
        for place in range(up.shape[1]):
            value = up[row, place] + bias[place]
            x = min(max(value * root, -most), most)
            s = x * x
            p = s * np.float32(-2.72614225801306e-10) + np.float32(2.77068142495902e-08)
            p = s * p + np.float32(-2.10102402082508e-06)
            p = s * p + np.float32(-5.69250639462346e-05)
            p = s * p + np.float32(-7.34990630326855e-04)
            p = s * p + np.float32(-2.95459980854025e-03)
            p = s * p + np.float32(-1.60960333262415e-02)
            q = s * np.float32(-1.45660718464996e-05) + np.float32(-2.13374055278905e-04)
            q = s * q + np.float32(-1.68282697438203e-03)
            q = s * q + np.float32(-7.37332916720468e-03)
            q = s * q + np.float32(-1.42647390514189e-02)
            up[row, place] = half * value * (np.float32(1) + x * p / q)


@numba.njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
@no_type_check
def exp32(x):
    """e ** x for x <= 0 in float32, as Cephes' expf: 2 ** k, put together from its bits, times a polynomial."""
    x = max(x, np.float32(-87))
    k = np.floor(x * np.float32(1.44269504088896341) + np.float32(0.5))
    r = x - k * np.float32(0.693359375) + k * np.float32(2.12194440e-4)
    p = r * np.float32(1.9875691500e-4) + np.float32(1.3981999507e-3)
    p = r * p + np.float32(8.3334519073e-3)
    p = r * p + np.float32(4.1665795894e-2)
    p = r * p + np.float32(1.6666665459e-1)
    p = r * p + np.float32(5.0000001201e-1)
    bits = np.int32((np.int32(k) + np.int32(127)) << np.int32(23))
    return (p * r * r + r + np.float32(1)) * bits.view(np.float32)


@numba.njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
@no_type_check
def _softmax(scores):
    for head in range(scores.shape[0]):
        for query in range(scores.shape[1]):
            row = scores[head, query]
            top = row[0]
            for key in range(len(row)):
                top = max(top, row[key])
            total = top - top
            for key in range(len(row)):
                row[key] = exp32(row[key] - top)
                total += row[key]
            share = np.float32(1) / total
            for key in range(len(row)):
                row[key] *= share
