"""`takeback reinforcement`: networks before and after, what they are compared with, and a run that is resumed."""

import json
import math

import numpy as np
import pytest

from csp.errors import BadInput
from experiments.engine import small_puzzles
from experiments.engine.small_puzzles import SmallPuzzles
from experiments.reinforcement import command, grid
from experiments.reinforcement.grid import RECIPES, REFERENCE, Preset, Recipe
from experiments.reinforcement.measure import BEFORE, NO_NET, NoNetwork
from experiments.reinforcement.summary import summarise
from generators import checkpoint

FAMILY = SmallPuzzles("4x4", "sudoku4:clues=6", 8, 4)
SOME = (Recipe("diffusion", "grpo"), Recipe("diffusion", "dpo", "elbo-count-4"), Recipe("ar", "grpo", shuffled=True))


@pytest.fixture(scope="module", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"DIM": 16, "TRAINED_ON": 40, "TRIED": 10}.items():
            patch.setattr(small_puzzles, name, value)
        yield


def test_recipes_are_all_different_and_have_what_they_are_compared_with():
    names = [recipe.name for recipe in RECIPES]
    assert len(set(names)) == len(names) and all(recipe in RECIPES for recipe in REFERENCE.values())
    for preset in grid.PRESETS.values():
        for recipe in preset.recipes:
            preset.config(recipe, preset.families[0], 0, "net.safetensors")  # has only words that exist


def record(recipe, kind, seed, index, right, samples=16):
    empty = {"update": None, "read": None, "pass": None}
    where = {"family": FAMILY.name, "recipe": recipe, "kind": kind, "seed": seed}
    return where | {"index": index, "right": right, "samples": samples} | empty


def test_gains_are_of_the_same_puzzles_and_networks():
    """All fillings right after, a quarter before; the other recipe half, and one network better than the next."""
    preset = Preset((FAMILY,), SOME, seeds=2, tests=3, samples=16)
    records = []
    for seed in range(2):
        for index in range(3):
            records += [record(BEFORE, kind, seed, index, 4) for kind in ("diffusion", "ar")]
            records.append(record(BEFORE, NO_NET, seed, index, 1))
            for recipe, right in zip(SOME, (16, 8 + 8 * seed, 4)):
                records.append(record(recipe.name, recipe.kind, seed, index, right))
        for recipe in SOME:
            point = record(recipe.name, recipe.kind, seed, None, None)
            records.append(point | {"update": 10, "read": 700, "pass": 0.5})
    (study,) = summarise(records, preset)
    one, other, shuffled = (study["recipes"][recipe.name] for recipe in SOME)
    assert study["before"][NO_NET]["pass@1"]["value"] == 1 / 16
    assert study["before"]["ar"]["pass@1"]["value"] == 0.25 and one["pass@1"]["value"] == 1
    assert one["gain"]["value"] == 0.75 and one["against"] is None and one["read"] == 700
    assert other["gain"]["value"] == pytest.approx(0.5) and other["against"]["value"] == pytest.approx(-0.25)
    assert other["against"]["low"] < other["against"]["value"] < other["against"]["high"]  # networks differ
    assert shuffled["gain"]["value"] == 0 and shuffled["against"] is None  # its reference was not run
    assert study["before"]["ar"]["pass@4"]["value"] == pytest.approx(1 - math.comb(12, 4) / math.comb(16, 4))


def test_a_run_is_resumed_and_workers_change_nothing(tmp_path, monkeypatch, capsys):
    preset = Preset((FAMILY,), SOME, 3, 1, 4, 2, 2, 2, 3e-3, tests=3, samples=4)
    monkeypatch.setitem(command.PRESETS, "standard", preset)
    for name, workers in (("a", 1), ("b", 2)):
        command.main(command.Reinforcement("standard", out=tmp_path / name, workers=workers))
    assert "diffusion: dpo, elbo-count-4" in capsys.readouterr().out
    one, other = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("a", "b"))
    assert one["summary"] == other["summary"] and set(one["networks"]) == {"4x4, diffusion, seed 0", "4x4, ar, seed 0"}

    trained = sorted((tmp_path / "a" / "trained").glob("*.safetensors"))
    assert len(trained) == 3 and len(list((tmp_path / "a" / "shards").iterdir())) == 6
    for path in trained:
        assert path.read_bytes() == (tmp_path / "b" / "trained" / path.name).read_bytes()
        start = checkpoint.read_card(path.with_suffix(".json"))
        assert start["started from"] in one["networks"].values()
        assert np.shape(start["rewards"]["rows"]) == (3, 3)

    shards = {path: path.read_bytes() for path in (tmp_path / "a" / "shards").iterdir()}
    for path in shards:
        path.unlink()
    command.main(command.Reinforcement("standard", out=tmp_path / "a", json=True))
    assert json.loads(capsys.readouterr().out) == one["summary"]
    assert {path: path.read_bytes() for path in shards} == shards


def test_starting_networks_that_are_not_there(tmp_path):
    with pytest.raises(BadInput, match="there is no such network"):
        list(command.runs(Preset((FAMILY,), SOME), tmp_path, tmp_path))


def test_without_a_network_a_filling_is_right_by_chance():
    """One blank cell of four values: a quarter of many fillings; the same ones every time."""
    work = NoNetwork(Preset((FAMILY,), SOME, 1, tests=6, samples=400), FAMILY, NO_NET, 0, "", "")
    made = work()
    right = [record["right"] for record in made]
    assert abs(sum(right) / 2400 - 0.25) < 0.04 and [record["right"] for record in work()] == right
    assert {record["kind"] for record in made} == {NO_NET} and len(made) == 6
