"""Exported networks: onnxruntime says what Backbone.forward says, whatever is on the board; refusals are one line."""

import numpy as np
import onnxruntime
import pytest
import torch

from csp import tokens
from csp.errors import BadInput
from csp.generate import draw
from experiments.export import Export, main
from generators import checkpoint
from generators.boards import stack
from generators.models.backbone_config import BackboneConfig
from generators.models.board_network import sight as board_sight
from generators.models.causal import sight
from generators.models.network_words import words_of
from generators.models.transformer import pairs
from generators.weights.onnx_export import INPUTS, onnx_bytes

KINDS = ["ar", "ar-random", "ar-solver", "diffusion", "diffusion-blind", "diffusion-causal", "diffusion-raster"]


def build(kind, **changes):
    torch.manual_seed(0)
    shape = {"d": 4, "cells": 16, "dim": 16, "heads": 2, "blocks": 2, "loops": 2} | changes
    model = checkpoint.network_class(kind)(BackboneConfig(**shape), kind)
    for weight in model.parameters():  # far from the first answers, which are all alike
        weight.data *= 3
    return model.eval().requires_grad_(False)


def states(count, seed=0):
    """(boards, assignments): from the givens to full boards, right and wrong."""
    boards = stack([draw("sudoku4", 3, "test", index) for index in range(count)], "export")
    rng = np.random.default_rng(seed)
    random = rng.integers(0, 5, boards.givens.shape)
    return boards, np.where(boards.givens > 0, boards.givens, random * (rng.random(random.shape) < 0.6))


def read(model, boards, row, assignment):
    """What the backbone reads of one board: causal or in place, as the kind does."""
    width, d = boards.width, model.backbone.config.d
    codes = torch.as_tensor(boards.relations[:1])
    if model.kind.startswith("ar"):
        order = np.argsort(np.where(assignment > 0, 0, 1), kind="stable")[None]
        text = tokens.causal(assignment[None], boards.givens[row : row + 1], order, d)
        places = np.arange(width)[None]
        values, cells, targets = (torch.as_tensor(part) for part in (text.values, text.cells, text.targets))
        related, blocked = pairs(codes, cells, targets, cells), sight(text.clues, places, width)
    else:
        values = torch.as_tensor(assignment[None])
        cells = targets = torch.arange(width)[None]
        related = pairs(codes)
        blank = (assignment == 0)[None]
        sequence = np.where(boards.givens[row] == 0, assignment > 0, 0).cumsum()[None] * ~blank
        blocked = torch.as_tensor(board_sight(words_of(model.kind), boards.real[:1], blank, sequence))
    cells, targets = (model.backbone.ids(part, width) for part in (cells, targets))
    return values, cells, targets, related, blocked


def answer(content, inputs):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {name: part.numpy() for name, part in zip(INPUTS, inputs)})[0]


@pytest.mark.parametrize("kind", KINDS)
def test_onnxruntime_says_what_the_backbone_says(kind):
    model = build(kind)
    boards, assignments = states(12)
    content = onnx_bytes(model)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for row, assignment in enumerate(assignments):
        inputs = read(model, boards, row, assignment)
        said = session.run(None, {name: part.numpy() for name, part in zip(INPUTS, inputs)})[0]
        np.testing.assert_allclose(said, model.backbone(4, *inputs).numpy(), atol=1e-4)


@pytest.mark.parametrize("changes", [{"bias": False}, {"flexible": True, "d": 6}], ids=str)
def test_other_shapes(changes):
    model = build("diffusion", **changes)
    boards, assignments = states(2)
    inputs = read(model, boards, 0, assignments[0])
    said = answer(onnx_bytes(model, 4), inputs)
    np.testing.assert_allclose(said, model.backbone(4, *inputs).numpy(), atol=1e-4)


def test_a_text_may_have_any_length():
    model = build("ar")
    boards, assignments = states(1)
    inputs = [part[:, :5] for part in read(model, boards, 0, assignments[0])]
    inputs[3:] = [part[:, :, :5] for part in inputs[3:]]
    np.testing.assert_allclose(answer(onnx_bytes(model), inputs), model.backbone(4, *inputs).numpy(), atol=1e-4)


def test_the_network_that_is_exported_stays_as_it_is():
    model = build("diffusion").double()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    onnx_bytes(model)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_the_command_writes_what_onnxruntime_reads(tmp_path):
    out = tmp_path / "net.onnx"
    main(Export("sudoku6-diffusion", out))
    session = onnxruntime.InferenceSession(out.read_bytes(), providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == list(INPUTS)


@pytest.mark.parametrize(
    ("net", "out", "said"),
    [
        ("sudoku7-ar", "net.onnx", "no net 'sudoku7-ar' is shipped"),
        ("nowhere.safetensors", "net.onnx", "cannot read nowhere.json"),
        ("sudoku6-quality", "net.onnx", "kind quality cannot be exported"),
        ("sudoku6-ar-written", "net.onnx", "kind ar-written cannot be exported"),
        ("sudoku6-ar", "", "cannot write"),
    ],
)
def test_refusals_are_one_line(tmp_path, net, out, said):
    with pytest.raises(BadInput, match=said) as fault:
        main(Export(net, tmp_path / out))
    assert "\n" not in str(fault.value)


def test_a_net_that_is_not_flexible_reads_one_number_of_values():
    with pytest.raises(BadInput, match="reads 4 values"):
        onnx_bytes(build("diffusion"), 3)


def test_edge_tokens_are_refused():
    with pytest.raises(BadInput, match="edges"):
        onnx_bytes(build("diffusion", edges=True, bias=False))
