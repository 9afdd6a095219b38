"""`takeback subnetworks`: planted changes are counted, masks hold, a run is resumed."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from csp.errors import BadInput
from experiments.engine import small_puzzles
from experiments.engine.small_puzzles import SmallPuzzles
from experiments.reinforcement.grid import Preset as Learning
from experiments.scoring.statistics import mean
from experiments.subnetworks import command, grid, measure
from experiments.subnetworks.grid import Preset
from experiments.subnetworks.summary import weights_of
from generators.weights.masks import read_masks, write_masks

FAMILY = SmallPuzzles("4x4", "sudoku4:clues=6", 8, 4)


@pytest.fixture(scope="module", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"DIM": 16, "TRAINED_ON": 40, "TRIED": 10}.items():
            patch.setattr(small_puzzles, name, value)
        patch.setitem(grid.ELSEWHERE, FAMILY, "latin:side=4,holes=0.6")
        patch.setattr(measure, "DRAWS", 5)
        yield


def test_every_preset_has_ways_of_different_names():
    for preset in grid.PRESETS.values():
        for puzzles in preset.learning.families:
            names = [recipe.name for recipe in preset.recipes(puzzles)]
            assert len(set(names)) == len(names)
            for recipe in preset.recipes(puzzles):
                preset.learning.config(recipe, puzzles, 0, "net.safetensors")  # has only words that exist


def planted(before, rows, size):
    """The weights with some rows of each matrix moved by so much of themselves."""
    moved = {name: weight.clone() for name, weight in before.items()}
    for name in measure.matrices(before):
        moved[name][rows] *= 1 + size
    return moved


def test_planted_changes_are_found():
    """Half of the rows moved by a tenth: seen by bfloat16. All moved by a millionth: dense in float32, none rounded."""
    torch.manual_seed(0)
    before = {"one": torch.randn(20, 30), "other": torch.randn(10, 40), "norm": torch.ones(30)}
    half = [planted(before, slice(0, 5), 0.1), planted(before, slice(0, 5), 0.1)]
    found = measure.changes(before, half, "planted")
    share = (5 * 30 + 5 * 40) / (600 + 400 + 30)
    assert found["bfloat16"]["value"] == found["float32"]["0.0"]["value"] == pytest.approx(share)
    assert found["overlap"]["value"] == 1 and found["told by ULP"]["value"] == 1
    assert found["by chance"]["value"] == pytest.approx((150 * 0.25 + 200 * 0.5) / 350, abs=0.05)

    tiny = [planted(before, slice(None), size) for size in (1e-6, 2e-6)]
    found = measure.changes(before, tiny, "tiny")
    assert found["float32"]["0.0"]["value"] > 0.9 and found["bfloat16"]["value"] < 0.01
    assert found["float32"]["0.001"]["value"] == 0
    assert found["median change"]["low"] < found["median change"]["value"] < found["median change"]["high"]


def test_how_far_two_runs_end():
    before = {"one": torch.zeros(4)}
    ends = {name: {"one": torch.tensor(values)} for name, values in {"a": [3.0, 4, 0, 0], "b": [3.0, 0, 0, 0]}.items()}
    assert measure.distance(ends["a"], ends["b"], before) == pytest.approx(4 / 5)
    assert np.isnan(measure.distance(before, ends["a"], before))


def test_students_interval():
    """Of 1, 2, 3: 2 with 4.303 standard errors of 1/sqrt(3); what has one number has no ends."""
    made = mean([1, 2, 3])
    assert made.value == 2 and made.high - made.value == pytest.approx(4.303 / np.sqrt(3), abs=1e-3)
    assert mean([5])[:3] == (5, None, None) and mean([]).value is None


def test_masks_of_another_network_are_refused(tmp_path):
    path, weights = tmp_path / "masks.safetensors", {"one": torch.zeros(2, 3), "other": torch.zeros(2)}
    write_masks({"one": torch.ones(2, 3, dtype=torch.bool)}, path)
    found = read_masks(path, weights)
    assert found["one"].all() and not found["other"].any()
    with pytest.raises(BadInput, match="no mask of a tensor of this network"):
        read_masks(path, {"one": torch.zeros(3, 3)})
    path.write_bytes(b"no")
    with pytest.raises(BadInput, match="no file of masks"):
        read_masks(path, weights)


def test_a_run_masks_that_hold_and_a_run_that_is_resumed(tmp_path, monkeypatch, capsys):
    learning = Learning((FAMILY,), (), 1, 2, 4, 2, 2, 8, 3e-3, tests=2, samples=2)
    monkeypatch.setitem(command.PRESETS, "standard", Preset(learning, (3e-3, 3e-5), ("diffusion",)))
    out = tmp_path / "run"
    command.main(command.Subnetworks("standard", out=out, workers=1))
    assert "most weights held fast" in capsys.readouterr().out
    card = json.loads((out / "run.json").read_text())
    (study,) = card["summary"]
    assert set(study["masked"]) == set(grid.MASKED) and len(study["ways"]) == 7
    assert study["ways"]["diffusion: grpo, exact"]["rate"] == 3e-3
    assert (out / "updates.svg").exists() and (out / "updates.png").exists()

    # What may not change did not, and something else did.
    (start,) = (out / "networks").glob("*diffusion*.safetensors")
    before, bound = weights_of(start), list((out / "trained").glob("*only*.safetensors"))
    assert len(bound) == 4
    for path in bound:
        kind = "own mask" if "own" in path.name else "random mask"
        (folder,) = [at for at in (out / "masks").iterdir() if path.stem.startswith(at.name.split("_seed")[0]) and
                     at.name.endswith(path.stem[-1])]  # fmt: skip
        masks = read_masks(folder / f"{kind}.safetensors", before)
        differs = {name: weight != before[name] for name, weight in weights_of(path).items()}
        assert all(not (differs[name] & ~masks[name]).any() for name in before)

    shards = {path: path.read_bytes() for path in (out / "shards").iterdir()}
    next(iter(shards)).unlink()
    command.main(command.Subnetworks("standard", out=out, workers=1, json=True))
    assert json.loads(capsys.readouterr().out) == card["summary"]
    assert {path: path.read_bytes() for path in shards} == shards


def test_the_random_mask_holds_as_many(tmp_path):
    learning = Learning((FAMILY,), (), 1, 1, 4, 2, 2, 8, 3e-3, tests=2, samples=2)
    preset = Preset(learning, (3e-3,), ("diffusion",))
    start = FAMILY.training("diffusion", 0, FAMILY.halfway, tmp_path)
    start.run()
    (work,) = command.rewarded(preset, list(command.runs(preset, tmp_path, tmp_path / "trained")))
    work()
    own, other = (Path(made.recipe.only) for made in command.with_masks(work, tmp_path / "masks"))
    before = weights_of(start.path)
    for name, mask in read_masks(own, before).items():
        assert mask.sum() == read_masks(other, before)[name].sum()
