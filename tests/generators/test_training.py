"""Training: resuming gives what an unbroken run gives; the card says what made it; damage is named."""

import errno
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from csp.errors import BadInput
from csp.io import files
from generators import checkpoint
from generators.training.config import TrainConfig
from generators.training.datasets import dataset
from generators.training.trainer import check_room, draw_batch, learning_rate, train

TINY = {"updates": 6, "batch": 8, "puzzles": 20, "validate_every": 2, "dim": 16, "heads": 2, "blocks": 1, "loops": 1}


@pytest.fixture(scope="module")
def sets():
    return {
        name: ([dataset(name, 0, "train", 20)], [dataset(name, 1, "train", 128)]) for name in ("sudoku4", "colouring")
    }


@pytest.mark.parametrize("family", ["sudoku4", "colouring"])
@pytest.mark.parametrize("kind", ["ar", "ar-random", "ar-solver", "ar-written", "diffusion", "quality"])
def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path, sets, kind, family):
    config = TrainConfig(kind, family, **TINY)
    if kind == "quality":
        base = tmp_path / "base.safetensors"
        train(replace(config, kind="diffusion"), *sets[family], base, lambda news: None)
        config = replace(config, base=str(base))
    news = []
    train(config, *sets[family], tmp_path / "whole.safetensors", news.append)

    def stop_at_five(report):
        if report["update"] == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, *sets[family], tmp_path / "broken.safetensors", stop_at_five)
    again = []
    train(config, *sets[family], tmp_path / "broken.safetensors", again.append)
    assert [n["update"] for n in again] == [5, 6]  # it went on after update 4, the last one kept
    assert (tmp_path / "whole.safetensors").read_bytes() == (tmp_path / "broken.safetensors").read_bytes()
    whole, broken = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("whole", "broken"))
    assert whole["curve"] == broken["curve"] and whole["flops"] == broken["flops"] > 0
    assert not (tmp_path / "broken.resume.safetensors").exists()
    loaded = checkpoint.load(tmp_path / "whole.safetensors", family)
    assert loaded.card["family"] == family and loaded.card["training"]["updates"] == 6
    assert loaded.card["sha256"] == loaded.sha256 and len(loaded.card["curve"]["rows"]) == 3


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["x.json", "x.safetensors", "x.resume.safetensors"])
def test_weights_that_are_there_have_their_card_wherever_a_run_dies(tmp_path, sets, monkeypatch, step, after):
    config, path = TrainConfig("ar", "sudoku4", **TINY), tmp_path / "x.safetensors"
    train(config, *sets["sudoku4"], tmp_path / "whole" / "x.safetensors", lambda news: None)
    rename, remove = os.replace, Path.unlink

    def dies_at(real, at):
        def died(*files, **how):
            here = Path(files[at]).name == step
            if not here or after:
                real(*files, **how)
            if here:
                raise KeyboardInterrupt

        return died

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        if step == "x.resume.safetensors":
            patch.setattr(Path, "unlink", dies_at(remove, 0))
        else:
            patch.setattr(os, "replace", dies_at(rename, 1))
        train(config, *sets["sudoku4"], path, lambda news: None)

    # What is there is whole, or else the state is there to go on from.
    if path.exists():
        checkpoint.load(path, "sudoku4")
    else:
        assert (tmp_path / "x.resume.safetensors").exists()
        again = []
        train(config, *sets["sudoku4"], path, again.append)
        assert again == [] and not (tmp_path / "x.resume.safetensors").exists()
    assert path.read_bytes() == (tmp_path / "whole" / "x.safetensors").read_bytes()
    assert checkpoint.load(path).sha256 == checkpoint.load(tmp_path / "whole" / "x.safetensors").sha256


@pytest.mark.parametrize(("kind", "options"), [("ar", {}), ("diffusion", {"ema": 0.9, "patience": 3})])
def test_the_room_that_a_run_asks_for_is_what_it_takes(tmp_path, sets, monkeypatch, kind, options):
    asked = []
    monkeypatch.setattr(files, "check_room", lambda path, size: asked.append((path.name, path.exists(), size)))
    config = TrainConfig(kind, "sudoku4", **{**TINY, "dim": 64}, **options)

    def stop_at_three(report):
        if report["update"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, *sets["sudoku4"], tmp_path / "x.safetensors", stop_at_three)
    size = (tmp_path / "x.resume.safetensors").stat().st_size
    check_room(config, sets["sudoku4"][0], tmp_path / "x.safetensors")
    assert [one[:2] for one in asked] == [("x.resume.safetensors", False), ("x.resume.safetensors", True)]
    assert asked[0][2] == pytest.approx(2 * size, rel=0.03) and asked[1][2] == pytest.approx(size, rel=0.03)


@pytest.mark.parametrize("full", ["x.resume.safetensors", "x.safetensors"])
def test_a_disk_that_gets_full_costs_no_state_that_was_kept(tmp_path, sets, monkeypatch, full):
    config, path = TrainConfig("ar", "sudoku4", **TINY), tmp_path / "x.safetensors"
    train(config, *sets["sudoku4"], tmp_path / "whole" / "x.safetensors", lambda news: None)
    rename, states = os.replace, []

    def no_room(source, target):
        states.append(Path(target).name)
        if states.count(full) == (2 if full == "x.resume.safetensors" else 1):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rename(source, target)

    with monkeypatch.context() as patch, pytest.raises(BadInput, match=f"{full}: No space left on device"):
        patch.setattr(os, "replace", no_room)
        train(config, *sets["sudoku4"], path, lambda news: None)
    assert not path.exists() and (tmp_path / "x.resume.safetensors").exists()
    again = []
    train(config, *sets["sudoku4"], path, again.append)
    assert [n["update"] for n in again] == ([3, 4, 5, 6] if full == "x.resume.safetensors" else [])
    assert path.read_bytes() == (tmp_path / "whole" / "x.safetensors").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["whole", "x.json", "x.safetensors"]


def test_training_learns(tmp_path, sets):
    config = TrainConfig("diffusion", "sudoku4", updates=200, batch=32, warmup=5, validate_every=200, dim=32, heads=2)
    losses = []
    train(config, *sets["sudoku4"], tmp_path / "x.safetensors", lambda news: losses.append(news["loss"]))
    assert np.mean(losses[-20:]) < 0.6 * np.mean(losses[:3])


def test_a_state_of_another_run_is_refused(tmp_path, sets):
    def stop(report):
        if report["update"] == 3:
            raise KeyboardInterrupt

    path = tmp_path / "x.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(TrainConfig("ar", "sudoku4", **TINY), *sets["sudoku4"], path, stop)
    with pytest.raises(BadInput, match="other options"):
        train(TrainConfig("ar", "sudoku4", **{**TINY, "lr": 0.5}), *sets["sudoku4"], path, stop)
    parked = tmp_path / "x.resume.safetensors"
    parked.write_bytes(parked.read_bytes()[:100])
    with pytest.raises(BadInput, match="not a readable training state"):
        train(TrainConfig("ar", "sudoku4", **TINY), *sets["sudoku4"], path, stop)


@pytest.mark.parametrize("family", ["sudoku4", "colouring"])
def test_batches_are_moved_puzzles_with_their_moved_solutions(sets, family):
    [data], _ = sets[family]
    boards, solved = data.batch(np.arange(20), np.random.default_rng(0))
    assert ((boards.givens == solved) | (boards.givens == 0)).all()
    assert ((solved > 0) == boards.real).all()
    near = boards.adjacency if len(boards.adjacency) > 1 else np.repeat(boards.adjacency, 20, axis=0)
    for row in range(20):
        a, b = np.nonzero(near[row])
        assert (solved[row, a] != solved[row, b]).all()
    assert (solved != data.solutions).any()
    if family == "colouring":
        assert ((boards.relations > 0).sum((1, 2)) == (data.boards.relations > 0).sum((1, 2))).all()


def test_the_schedule_warms_up_and_cools_down():
    config = TrainConfig("ar", updates=100, warmup=10, lr=1.0)
    rates = [learning_rate(config, update) for update in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) <= 1 and rates[-1] < 0.06
    assert all(a > b for a, b in zip(rates[10:], rates[11:]))


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    from generators.models.backbone_config import BackboneConfig
    from generators.models.masked_diffusion import MaskedDiffusion

    path = tmp_path / "sudoku4-diffusion.safetensors"
    checkpoint.save(MaskedDiffusion(BackboneConfig(4, 16, 16, 2, 1, 1)), path, {"family": "sudoku4"})
    return path


def test_checkpoints_round_trip(saved):
    loaded = checkpoint.load(saved, "sudoku4", dtype=torch.float32)
    again = saved.with_name("again.safetensors")
    checkpoint.save(loaded.model, again, {"family": "sudoku4"})
    assert again.read_bytes() == saved.read_bytes()


def edit(path, change):
    card = json.loads(path.read_text())
    change(card)
    path.write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:500]), "truncated or not a safetensors file"),
        (lambda p: p.write_bytes(b"hello"), "truncated or not a safetensors file"),
        (lambda p: p.write_bytes(p.read_bytes()[:-1] + b"\x01"), "SHA-256 differs"),
        (lambda p: p.unlink(), "cannot read"),
        (lambda p: p.with_suffix(".json").unlink(), "cannot read"),
        (lambda p: p.with_suffix(".json").write_text("{"), "not JSON"),
        (lambda p: p.with_suffix(".json").write_text('{"a": 1}'), "not a takeback checkpoint card"),
        (lambda p: edit(p.with_suffix(".json"), lambda c: c["backbone"].update(dim=32)), "do not fit this version"),
        (lambda p: edit(p.with_suffix(".json"), lambda c: c["backbone"].update(wings=2)), "do not fit this version"),
        (lambda p: edit(p.with_suffix(".json"), lambda c: c.update(kind="gan")), "do not fit this version"),
        (
            lambda p: edit(p.with_suffix(".json"), lambda c: c.update(family="sudoku9")),
            "trained on sudoku9, not on sudoku4",
        ),
    ],
)
def test_damage_is_one_clear_line(saved, damage, words):
    damage(saved)
    with pytest.raises(BadInput) as fault:
        checkpoint.load(saved, "sudoku4")
    assert words in str(fault.value) and "\n" not in str(fault.value)


def test_shipped_checkpoints_are_small_and_say_how_they_were_trained():
    paths = sorted(checkpoint.FOLDER.glob("*.safetensors"))
    assert len(paths) > 20
    for path in paths:
        assert path.stat().st_size <= 8_000_000
        card = json.loads(path.with_suffix(".json").read_text())
        assert card["curve"]["rows"] and "validation" in card["plot"] and card["flops"] > 0


@pytest.mark.parametrize("family", ["sudoku6", "sudoku9", "colouring", "colouring-wide", "grid6", "graph20"])
def test_shipped_twins_are_twins(family):
    """Same backbone, data and updates: what the comparison stands on."""
    cards = {}
    for kind in ("ar", "diffusion"):
        path = checkpoint.FOLDER / f"{family}-{kind}.safetensors"
        cards[kind] = checkpoint.load(path, family.partition("-")[0]).card
    ar, diffusion = cards["ar"], cards["diffusion"]
    assert ar["backbone"] == diffusion["backbone"] and ar["parameters"] == diffusion["parameters"]
    assert ar["examples"] == diffusion["examples"] and ar["flops"] == diffusion["flops"]
    assert {**ar["training"], "kind": ""} == {**diffusion["training"], "kind": ""}


def test_options_that_came_later_leave_older_cards_as_they_are():
    config = TrainConfig("ar", "sudoku4", **TINY)
    card = json.loads(json.dumps(asdict(config)))
    older = {name: value for name, value in card.items() if name not in ("symmetries", "uniform")}
    assert config.made(older) and config.made(card)
    assert not replace(config, symmetries=False).made(older)


def test_without_symmetries_a_batch_holds_the_puzzles_as_they_are(sets):
    train_sets, _ = sets["sudoku4"]
    there = {row.tobytes() for row in train_sets[0].boards.givens}
    config = TrainConfig("diffusion", "sudoku4", **TINY)
    for flag in (True, False):
        boards, _, _ = draw_batch(replace(config, symmetries=flag), train_sets, 0)
        assert all(row.tobytes() in there for row in boards.givens) != flag
