"""Networks as ONNX graphs, so that they run where there is no Python (the page's browser).

    >>> content = onnx_bytes(checkpoint.load(shipped("sudoku6", "diffusion"), dtype=torch.float32).model)

One graph for causal and bidirectional networks alike, since only what a token may look at differs. It reads a whole
text at each call; there is no cache:

    values, cells, targets   int64 (1, m)      tokens, by csp/tokens.py; a cell id of `cells` means no cell (START)
    related                  int64 (1, m, m)   codes of relations, by generators/models/transformer.py, `pairs`
    blocked                  bool (1, m, m)    True where a token (row) may not look at another (column)
    log_probs                float32 (1, m, d) of each target's values 1..d

torch's TorchScript exporter writes it: it needs the package onnx alone (pip install 'takeback[onnx]'), while the newer
one needs onnxscript too.
"""

from __future__ import annotations

import io
import warnings
from importlib.util import find_spec

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from csp.errors import BadInput
from generators.models.autoregressive import Autoregressive
from generators.models.board_network import BoardNetwork
from generators.models.masked_diffusion import MaskedDiffusion
from generators.models.transformer import BITS, PAIRS, Backbone, Block

INPUTS = ("values", "cells", "targets", "related", "blocked")
OUTPUT = "log_probs"
OPSET = 17  # of 2022: every runtime that is in use reads it
READ = (Autoregressive, MaskedDiffusion, BoardNetwork)  # classes whose answer is their Backbone's over those inputs


class PlainNorm(nn.Module):
    """RMSNorm by operations that every ONNX version has."""

    def __init__(self, norm: nn.RMSNorm):
        super().__init__()
        self.weight, self.eps = norm.weight, norm.eps or torch.finfo(norm.weight.dtype).eps

    def forward(self, x: Float[Tensor, "batch m dim"]) -> Float[Tensor, "batch m dim"]:
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + self.eps) * self.weight


class PlainBackbone(nn.Module):
    """Backbone.forward for boards of d values, without a cache, its biases by plain look-ups that a trace can hold."""

    def __init__(self, backbone: Backbone, d: int):
        super().__init__()
        self.backbone, self.d = backbone, d
        self.tables = nn.ParameterList(nn.Parameter(code_biases(b), requires_grad=False) for b in backbone.blocks)

    def forward(
        self,
        values: Int[Tensor, "1 m"],
        cells: Int[Tensor, "1 m"],
        targets: Int[Tensor, "1 m"],
        related: Int[Tensor, "1 m m"],
        blocked: Bool[Tensor, "1 m m"],
    ) -> Float[Tensor, "1 m d"]:
        net = self.backbone
        first = net.value(values) + net.cell(cells) + net.target(targets)
        if net.depth is not None:
            first = first + net.depth.weight[self.d]

        # What the loops share: where no token may look, and what relations add.
        wall = torch.zeros_like(blocked, dtype=first.dtype).masked_fill(blocked, float("-inf"))[:, None]  # (1, 1, m, m)
        codes = related.reshape(-1)
        shape = 1, net.config.heads, *related.shape[1:]
        biases = [wall + table.index_select(1, codes).view(shape) for table in self.tables]

        x = torch.zeros_like(first)
        for _ in range(net.config.loops):
            x = x + first
            for block, bias in zip(net.blocks, biases, strict=True):
                x = block(x, bias)
        return net.say(self.d, x)


def code_biases(block: Block) -> Float[Tensor, "heads PAIRS"]:
    """What each code of pairs() adds to a block's attention scores: nothing in a net without biases."""
    if block.relation is None:
        return torch.zeros((block.heads, PAIRS))
    bits = (torch.arange(PAIRS)[:, None] >> torch.arange(2 * BITS)) & 1  # (PAIRS, 2 * BITS)
    return (bits.to(block.relation.weight.dtype) @ block.relation.weight.T).T.contiguous()


def onnx_bytes(model: nn.Module, d: int | None = None) -> bytes:
    """The graph of a network. d: how many values the boards have (default: as many as the network knows).

    Raises BadInput for a network that reads something else than the five inputs, for a d that it does not read, and
    where the package onnx is not installed.
    """
    if type(model) not in READ:
        raise BadInput(f"a net of kind {getattr(model, 'kind', type(model).__name__)} cannot be exported")
    config = model.backbone.config
    d = config.d if d is None else d
    if config.edges:
        raise BadInput("a net with a token an edge (edges) cannot be exported")
    if d < 1 or config.misfit(d, 1):
        raise BadInput(f"the net reads {'up to ' * config.flexible}{config.d} values, not {d}")

    if find_spec("onnx") is None:
        raise BadInput("the package onnx is not installed: pip install 'takeback[onnx]'")

    # A copy, in float32 and with other norms: the caller's network stays as it is.
    backbone = Backbone(config)
    backbone.load_state_dict(model.backbone.state_dict())
    backbone.float().eval().requires_grad_(False)
    for block in backbone.blocks:
        block.norm1, block.norm2 = PlainNorm(block.norm1), PlainNorm(block.norm2)
    backbone.norm = PlainNorm(backbone.norm)

    # Any text shows the exporter what is computed; the number of tokens m stays open.
    m = min(3, config.cells)
    ids = torch.zeros((1, m), dtype=torch.int64)
    square = torch.zeros((1, m, m), dtype=torch.int64)
    open_axes = {name: {1: "m"} for name in (*INPUTS[:3], OUTPUT)} | {name: {1: "m", 2: "m"} for name in INPUTS[3:]}
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls itself legacy, and warns of every shape that it traces
        torch.onnx.export(
            PlainBackbone(backbone, d).eval(),
            (ids, ids, ids, square, square > 0),
            file,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_axes=open_axes,
            opset_version=OPSET,
            dynamo=False,
        )
    return file.getvalue()
