"""Checkpoint cards that nobody wrote: each is held against the weights before a network is built, and refused in one
line; nothing that a card says takes more time or memory than the weights' file.
"""

import hashlib
import json
import time

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from csp.errors import BadInput
from generators import checkpoint
from generators.models.backbone_config import RANGES, BackboneConfig
from generators.models.masked_diffusion import MaskedDiffusion

SHAPE = BackboneConfig(4, 16, 16, 2, 1, 1)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("net") / "sudoku4-diffusion.safetensors"
    checkpoint.save(MaskedDiffusion(SHAPE), path, {"family": "sudoku4"})
    return path, path.with_suffix(".json").read_text()


@pytest.mark.parametrize("kind", checkpoint.KINDS)
def test_every_kind_is_read_back(kind, tmp_path, tiny_models):
    model = tiny_models["sudoku4"][kind]
    checkpoint.save(model, tmp_path / "x.safetensors", {"family": "sudoku4"})
    torch.manual_seed(5)
    again = checkpoint.load(tmp_path / "x.safetensors", "sudoku4", kind).model
    assert all(torch.equal(a, b) for a, b in zip(again.state_dict().values(), model.state_dict().values(), strict=True))
    # The check builds nothing that draws: the generator stands where one building of the network leaves it.
    drawn = torch.rand(1)
    torch.manual_seed(5)
    checkpoint.KINDS[kind](model.backbone.config, kind)
    assert torch.equal(torch.rand(1), drawn)


ABSURD = [
    {"blocks": 10**9}, {"blocks": 200}, {"loops": 0}, {"loops": -1}, {"loops": 10**9}, {"loops": 1.5}, {"loops": True},
    {"d": 10**9}, {"d": 0}, {"d": 5}, {"cells": 10**9}, {"cells": 4_999}, {"dim": 10**9}, {"dim": 8_192}, {"dim": 0},
    {"heads": 0}, {"heads": 3}, {"heads": 10**9}, {"heads": 4}, {"words": 10**9}, {"words": 9_999}, {"words": -1},
    {"answers": 10**9}, {"answers": 7}, {"flexible": True}, {"flexible": 1}, {"bias": False}, {"bias": None},
    {"edges": "yes"}, {"dim": "16"}, {"dim": None}, {"dim": [16]}, {"wings": 2}, {"blocks": 10**40},
]  # fmt: skip


@pytest.mark.parametrize("said", ABSURD)
def test_absurd_sizes_are_refused_before_anything_is_built(saved, said, monkeypatch):
    path, text = saved
    card = json.loads(text)
    card["backbone"] |= said
    path.with_suffix(".json").write_text(json.dumps(card))
    monkeypatch.setattr(MaskedDiffusion, "load_state_dict", None)  # never reached
    start = time.process_time()
    with pytest.raises(BadInput) as fault:
        checkpoint.load(path, "sudoku4")
    assert time.process_time() - start < 1
    assert str(fault.value).startswith(str(path)) and str(fault.value).isprintable()
    assert "do not fit this version (" in str(fault.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.pop("backbone.norm.weight"), "backbone.norm.weight is in the card only"),
        (lambda w: w.update(more=torch.zeros(1)), "more is in the weights only"),
        (lambda w: w.update({"backbone.blocks.1.x": torch.zeros(1)}), "1 blocks in the card, 2 in the weights"),
        (lambda w: w.update({"backbone.norm.weight": torch.zeros(17)}), "has shape (17,); by the card it has (16,)"),
        (lambda w: w.update({"backbone.norm.weight": torch.zeros(16, dtype=torch.int8)}), "no floating-point numbers"),
    ],
)
def test_weights_that_are_not_the_cards_are_named(tmp_path, change, words):
    path = tmp_path / "x.safetensors"
    checkpoint.save(MaskedDiffusion(SHAPE), path, {"family": "sudoku4"})
    weights = safetensors.torch.load(path.read_bytes())
    change(weights)
    path.write_bytes(safetensors.torch.save(weights))
    card = json.loads(path.with_suffix(".json").read_text())
    card["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(BadInput) as fault:
        checkpoint.load(path)
    assert words in str(fault.value)


def test_a_shape_says_what_it_cannot_be():
    for name, (low, high) in RANGES.items():
        for wrong in (low - 1, high + 1):
            with pytest.raises(BadInput, match=f"^backbone: {name} is "):
                BackboneConfig(**({"d": 4, "cells": 16} | {name: wrong}))


SCALARS = st.sampled_from([0, 1, 2, -1, 10**9, 10**30, 1.5, "x", None, True, [], {}, [[]], float("nan")])


@given(st.data())
def test_mutated_cards_are_loaded_or_refused(saved, data):
    path, text = saved
    card = json.loads(text)
    if data.draw(st.booleans()):
        for key in data.draw(st.lists(st.sampled_from([*card["backbone"], "more"]), min_size=1, max_size=3)):
            card["backbone"][key] = data.draw(SCALARS)
    else:
        card[data.draw(st.sampled_from(list(card)))] = data.draw(SCALARS)
    text = json.dumps(card)
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(text)))
        odd = data.draw(st.sampled_from(["[" * 100_000, "[" * 990, "{", '"', "9" * 5_000, "\x00", "é"]))
        text = text[:at] + odd + text[at + data.draw(st.integers(0, 3)) :]
    path.with_suffix(".json").write_text(text)
    try:
        checkpoint.load(path, "sudoku4", "diffusion")
    except BadInput as fault:
        assert str(fault).isprintable() and str(path.with_suffix("")) in str(fault)
