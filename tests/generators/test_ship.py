"""Heads alone: they answer as the whole checkpoint does; a base that is missing or another is refused in one line."""

import hashlib
import json
import shutil

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from csp.errors import BadInput
from generators import checkpoint
from generators.ship import keep_head, main

FLOAT32 = torch.float32


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def make(folder, tiny_models, kind):
    """(head, base, the whole checkpoint's weights and SHA-256): written whole, then as the head alone."""
    model = tiny_models["sudoku4"][kind]
    head, of = folder / f"sudoku4-{kind}.safetensors", checkpoint.BASES[kind]
    base = folder / f"sudoku4-{of}.safetensors"
    checkpoint.save(model.base, base, {"family": "sudoku4"})
    checkpoint.save(model, head, {"family": "sudoku4"})
    whole = checkpoint.load(head, "sudoku4", kind)
    keep_head(head)
    return head, base, whole


@pytest.fixture
def quality(tmp_path, tiny_models):
    return make(tmp_path, tiny_models, "quality")


@pytest.mark.parametrize("kind", checkpoint.BASES)
def test_a_head_alone_is_the_same_net(tmp_path, tiny_models, kind):
    head, base, whole = make(tmp_path, tiny_models, kind)
    found = checkpoint.load(head, "sudoku4", kind)
    assert same(found.model.state_dict(), whole.model.state_dict()) and not found.model.training
    assert not any(name.startswith("base.") for name in safetensors.torch.load(head.read_bytes()))
    base_sha256 = hashlib.sha256(base.read_bytes()).hexdigest()
    added = {"base": {"file": base.name, "sha256": base_sha256}, "head of": whole.sha256}
    assert found.card == {**whole.card, **added, "sha256": found.sha256}
    with safetensors.safe_open(head, "pt") as file:
        assert file.metadata() == {"base": base_sha256}

    # A second time nothing changes, and saved without a base it is the whole checkpoint again.
    before = head.read_bytes(), head.with_suffix(".json").read_bytes()
    main([head])
    assert before == (head.read_bytes(), head.with_suffix(".json").read_bytes())
    checkpoint.save(found.model, head, found.card)
    again = checkpoint.load(head)
    assert again.sha256 == whole.sha256 and "base" not in again.card


def test_a_base_may_be_the_shipped_one(quality, tmp_path, monkeypatch):
    head, base, whole = quality
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    monkeypatch.setattr(checkpoint, "FOLDER", shipped)
    shutil.move(base, shipped)
    assert same(checkpoint.load(head).model.state_dict(), whole.model.state_dict())
    base.write_bytes(b"another of that name beside it")
    assert same(checkpoint.load(head).model.state_dict(), whole.model.state_dict())


def refused(path, words):
    with pytest.raises(BadInput) as fault:
        checkpoint.load(path)
    text = str(fault.value)
    assert text.startswith(str(path)) and words in text and text.isprintable()


def test_a_missing_base_and_another_are_refused(quality, tiny_models):
    head, base, _ = quality
    torch.manual_seed(1)
    fresh = checkpoint.network_class("diffusion")(tiny_models["sudoku4"]["diffusion"].backbone.config, "diffusion")
    checkpoint.save(fresh, base, {"family": "sudoku4"})
    refused(head, f"{base} is not the net that it stands on (SHA-256 differs)")
    base.unlink()
    refused(head, f"{base.name}', which it stands on, is neither beside it nor among the shipped checkpoints")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (None, "names no file with its SHA-256"),
        ({"file": "sudoku4-diffusion.safetensors"}, "names no file with its SHA-256"),
        ({"file": "../sudoku4-diffusion.safetensors", "sha256": "0"}, "names no file with its SHA-256"),
        ({"file": "", "sha256": "0"}, "names no file with its SHA-256"),
        ({"file": "\x00\n", "sha256": "0"}, "which it stands on, is neither"),
        ({"file": "..", "sha256": "0"}, "which it stands on, is neither"),
        ({"file": "sudoku4-quality.safetensors", "sha256": "0"}, "SHA-256 differs"),
    ],
)
def test_cards_that_name_no_base(quality, said, words):
    head, _, _ = quality
    card = json.loads(head.with_suffix(".json").read_text())
    head.with_suffix(".json").write_text(json.dumps({**card, "base": said}))
    refused(head, words)


def test_a_head_without_its_base_in_the_card_and_a_base_with_whole_weights(quality, tiny_models):
    head, _, _ = quality
    card = json.loads(head.with_suffix(".json").read_text())
    head.with_suffix(".json").write_text(json.dumps({name: card[name] for name in card if name != "base"}))
    refused(head, "1 blocks in the card, 0 in the weights")
    checkpoint.save(tiny_models["sudoku4"]["quality"], head, {"family": "sudoku4"})
    whole = json.loads(head.with_suffix(".json").read_text())
    head.with_suffix(".json").write_text(json.dumps({**whole, "base": card["base"]}))
    refused(head, "is in the weights of a head alone")


@pytest.fixture(scope="module")
def kept(tmp_path_factory, tiny_models):
    head, _, _ = make(tmp_path_factory.mktemp("head"), tiny_models, "quality")
    return head, json.loads(head.with_suffix(".json").read_text())


@given(st.recursive(st.none() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)))
def test_any_other_base_in_a_card_is_refused(kept, said):
    head, card = kept
    for base in (said, {"file": said, "sha256": said}, card["base"] | {"file": said}, card["base"] | {"sha256": said}):
        head.with_suffix(".json").write_text(json.dumps({**card, "base": base}))
        with pytest.raises(BadInput):
            checkpoint.load(head)


def test_only_heads_on_their_own_base_are_written(tmp_path, tiny_models):
    models = tiny_models["sudoku4"]
    head = tmp_path / "sudoku4-quality.safetensors"
    checkpoint.save(models["quality"], head, {"family": "sudoku4"})
    with pytest.raises(BadInput, match="cannot read .*sudoku4-diffusion"):
        keep_head(head)
    base = tmp_path / "sudoku4-diffusion.safetensors"
    checkpoint.save(models["diffusion"], base, {"family": "sudoku4"})  # of another seed than the head's
    before = head.read_bytes()
    with pytest.raises(BadInput, match="not the net that the quality stands on"):
        keep_head(head)
    assert head.read_bytes() == before
    with pytest.raises(BadInput, match="kind diffusion stands on no other"):
        keep_head(base)


def test_shipped_heads_are_kept_alone():
    heads = [path for kind in checkpoint.BASES for path in sorted(checkpoint.FOLDER.glob(f"*-{kind}.safetensors"))]
    assert len(heads) == 3
    for path in heads:
        found = checkpoint.load(path, dtype=FLOAT32)
        base = checkpoint.load(path.with_name(found.card["base"]["file"]), dtype=FLOAT32)
        assert same(found.model.base.state_dict(), base.model.state_dict())
        # Put together again it is, byte for byte, the file that training wrote.
        whole = safetensors.torch.save(found.model.state_dict())
        assert hashlib.sha256(whole).hexdigest() == found.card["head of"]
