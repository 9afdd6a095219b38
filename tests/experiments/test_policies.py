"""`takeback policies`: words of presets exist, planted scores are counted, a run is resumed, heads are kept."""

import json
from dataclasses import replace

import pytest

from csp.errors import BadInput
from experiments.engine import small_puzzles
from experiments.engine.small_puzzles import SmallPuzzles
from experiments.policies import command, measure
from experiments.policies.grid import GAINS, HALF, HEADS, PRESETS, WAYS, Preset
from experiments.policies.measure import NO_NET, Start, Taught, to_learn_from
from experiments.policies.summary import ALL, summarise
from generators.reinforcement.heads import load_order_head, load_retraction_head

FAMILY = SmallPuzzles("4x4", "sudoku4:clues=6", 8, 4)
TINY = Preset(
    (HALF,), FAMILY, "sudoku6", ("0", "11-100"), tests=3, seeds=2, pool=6, updates=2, drawn=2, group=2, calls=12
)


def test_every_way_of_every_preset_can_be_decoded_and_learned():
    names = [way.name for way in WAYS]
    assert len(set(names)) == len(names) and all({one, other} <= set(names) for _, one, other in GAINS)
    for preset in PRESETS.values():
        for way in WAYS:
            decoder = way.decoder(preset.calls)
            assert decoder.calls == (0 if decoder.retraction == "none" else preset.calls)
            assert (way.head is not None) == ("learned" in (decoder.order, decoder.retraction))
        for head in HEADS:
            assert preset.config(head, "net.safetensors", 0).shuffled == head.shuffled


def test_half_of_what_is_learned_from_needs_a_guess():
    puzzles = to_learn_from("sudoku6", "train", 10)
    assert sum(puzzle.difficulty.guesses > 0 for puzzle in puzzles) == 5 and len({p.id for p in puzzles}) == 10
    assert len(to_learn_from("sudoku4:clues=9", "train", 6)) == 6  # where nothing needs one


def records(solved):
    """Of each way, network, seed, stratum and puzzle, as `solved` says: (whether, calls)."""
    for network in (HALF, NO_NET):
        for seed in range(TINY.seeds):
            where = dict.fromkeys(measure.SCHEMA.names) | {"network": network, "seed": seed}
            for way in WAYS:
                for stratum in TINY.strata:
                    for index in range(TINY.tests):
                        right, calls = solved(way.name, stratum, seed, index)
                        told = {"way": way.name, "stratum": stratum, "index": index, "solved": right, "calls": calls}
                        yield where | told | {"flops": 2.0, "retracted": 1}
            if network == HALF:
                yield where | {"head": "order", "update": 0, "read": 0, "right": 0.5}


def test_planted_scores_are_counted():
    """Learned retraction solves the hard puzzles, all but one late; its placebo none; nothing else is solved."""

    def solved(way, stratum, seed, index):
        return way == "take back: learned" and stratum == "11-100", 3 if index == 0 else 9

    study, none = summarise(records(solved), TINY)
    way = study["ways"]["take back: learned"]
    assert [way[name]["value"] for name in ("0", "11-100", ALL)] == [0, 1, 0.5]
    assert way["half"]["value"] == pytest.approx(1 / 6) and way["11-100"]["n"] == 6 and way["calls"] == 7
    assert study["gains"]["learned retraction - any cells"]["11-100"]["value"] == 1
    assert study["gains"]["best-first - learned retraction"][ALL]["value"] == -0.5
    assert study["gains"]["learning the order"][ALL]["value"] == 0
    assert study["curves"] == {"order": [[0, 0, 0, 0.5], [0, 1, 0, 0.5]]} and not none["curves"]


def test_a_run_that_is_resumed(tmp_path, monkeypatch, capsys):
    for name, value in {"DIM": 16, "TRAINED_ON": 40}.items():
        monkeypatch.setattr(small_puzzles, name, value)
    monkeypatch.setattr(measure, "HELD_OUT", 2)
    puzzles = [FAMILY.instance("test", 4, index) for index in range(3)]
    monkeypatch.setattr(measure.load, "shipped", lambda name, stratum, count: puzzles[:count])
    monkeypatch.setitem(command.PRESETS, "standard", replace(TINY, seeds=1))
    out = tmp_path / "run"
    command.main(command.Policies("standard", out=out, workers=1))
    assert "Solved within 12 calls" in capsys.readouterr().out
    card = json.loads((out / "run.json").read_text())
    assert [study["network"] for study in card["summary"]] == [HALF, NO_NET]
    assert (out / "gains.svg").exists() and (out / "gains.png").exists()

    # Heads are kept, one a network and kind; a head of the other kind is refused.
    heads = {path.name: path for path in (out / "trained").iterdir()}
    assert len(heads) == len(HEADS)
    _, about = load_order_head(heads["half-trained_0_order.safetensors"])
    assert about["reinforcement"]["learn"] == "order" and about["rewards"]["rows"]
    load_retraction_head(heads["half-trained_0_retraction__shuffled_rewards.safetensors"])
    with pytest.raises(BadInput, match="no head that says which cell is next"):
        load_order_head(heads["half-trained_0_retraction.safetensors"])
    with pytest.raises(BadInput, match="no head that takes cells back"):
        load_retraction_head(heads["half-trained_0_order.safetensors"])

    shards = {path: path.read_bytes() for path in (out / "shards").iterdir()}
    for path in list(shards)[::7]:
        path.unlink()
    command.main(command.Policies("standard", out=out, workers=1, json=True))
    assert json.loads(capsys.readouterr().out) == card["summary"]
    assert {path: path.read_bytes() for path in shards} == shards


def test_what_a_head_is_a_function_of(tmp_path):
    """Not of where it lies."""
    start = Start(HALF, 0, "somewhere/net.safetensors", "abc")
    one, other = (Taught(TINY, start, HEADS[0], str(tmp_path / name)) for name in ("one", "other"))
    assert one.config == other.config and "somewhere" not in json.dumps(one.config)
    assert one.config != Taught(TINY, start, HEADS[1], str(tmp_path)).config
