"""`takeback samplers`: its rows can run, its figures are those of planted records, a run is gone on with and kept."""

import json
from dataclasses import replace

import numpy as np
import pytest

from experiments.engine import study_networks
from experiments.engine.study_networks import Size
from experiments.markdown import distil
from experiments.samplers import command, grid, measure
from experiments.samplers.grid import ITSELF, NO_NET, PLACEBO, SAMPLERS, Preset, Stage
from experiments.samplers.summary import summarise
from generators.decoding.spec import parse

TINY = Size(16, 2, 12, 2)
SMALL = Preset(
    (Stage(grid.SUDOKU4, ("plain", "mixture"), 0, 3, TINY), Stage(grid.SUDOKU4, ("plain",), 1, 3, TINY)),
    (4, 8),
    ("edit", "rethink", "critic", "walk"),
    8,
)


def test_every_sampler_differs_from_its_placebo_in_the_signal_alone():
    for name, sampler in SAMPLERS.items():
        itself = sampler.decoder("net", 32)
        assert itself.calls == 32 and (PLACEBO in sampler.variants) == sampler.placebo, name
        if sampler.placebo:
            beside = sampler.decoder("net", 32, PLACEBO)
            assert beside.signal == "random" != itself.signal and replace(itself, signal="random") == beside, name
        if NO_NET in sampler.variants:
            assert sampler.decoder("net", 32, NO_NET).model == "uniform"
        assert sampler.told == (itself.veto != "none" or itself.retraction == "remask"), name


def test_presets_name_what_there_is():
    for preset in grid.PRESETS.values():
        assert set(preset.samplers) <= set(SAMPLERS) and list(preset.budgets) == sorted(preset.budgets)
        for stage in preset.stages:
            for net in stage.nets:
                assert stage.size is None or stage.training(net, grid.Path("at")).config.wrong == grid.NETS[net]
            assert stage.puzzles.instance(0).problem.pairwise


def test_what_is_shipped_is_where_a_stage_without_size_looks():
    (stage,) = {s for s in grid.PRESETS["standard"].stages if s.size is None}
    for training in (stage.training("shipped", grid.Path("at")), stage.head("shipped", grid.Path("at"))):
        assert training.path.exists()


def planted(sampler, variant, index, solved, calls, budget=8, net="plain", flops=100.0):
    numbers = {"commits": 5, "retractions": 2, "needless": 1, "need": not solved}
    return {
        "family": "4x4", "net": "" if variant == NO_NET else net, "seed": 0, "index": index, "sampler": sampler,
        "variant": variant, "budget": budget, "solved": solved, "calls": calls, "flops": flops * calls, **numbers,
    }  # fmt: skip


def test_figures_are_those_of_planted_records():
    """Of four puzzles edit solves two, one of them within four calls; its placebo one, its twin none."""
    said = {f"{noise} {what}": count for noise in measure.NOISE for what, count in
            {"wrong": 4, "caught": 3, "right": 10, "kept": 9}.items()}  # fmt: skip
    records = [{"family": "4x4", "net": "plain", "seed": 0, "index": i, "clean": 0.5 + i, **said} for i in range(4)]
    for index, (solved, calls) in enumerate([(True, 3), (True, 7), (False, 8), (False, 8)]):
        records.append(planted("edit", ITSELF, index, solved, calls))
        records.append(planted("edit", PLACEBO, index, index == 0, 6))
        records.append(planted("edit", NO_NET, index, False, 8, flops=0.0))
        for budget in (4, 8):  # follows its budget: with fewer calls it solves more
            records.append(planted("rethink", ITSELF, index, budget == 4 and index < 3, budget, budget))
    (study,) = summarise(SMALL, records)
    row = study["samplers"]["plain"]["edit"]
    assert [row["calls"][b]["value"] for b in ("4", "8")] == [0.25, 0.5]
    assert row["calls"]["8"]["n"] == 4 and row["calls"]["8"]["low"] == pytest.approx(0.15, abs=0.005)  # Wilson's
    assert [row["over placebo"][b]["value"] for b in ("4", "8")] == [0.25, 0.25]  # the placebo's took six calls
    assert row["over no network"]["8"]["value"] == 0.5 and row["needless"]["value"] == 0.5
    assert row["met"]["n"] == 2 and row["met"]["value"] == 0
    by_budget = study["samplers"]["plain"]["rethink"]["calls"]
    assert [by_budget[b]["value"] for b in ("4", "8")] == [0.75, 0]
    assert study["pass"] == 100 and study["said"]["plain"]["noise caught"]["value"] == 0.75
    assert study["said"]["plain"]["clean"]["value"] == 2


def test_a_signal_that_costs_flops_is_charged_in_the_table_by_flops():
    dear = [planted("edit", ITSELF, 0, True, 4, flops=200.0), planted("rethink", ITSELF, 0, True, 4, 4)]
    clean = {"family": "4x4", "net": "plain", "seed": 0, "index": 0, "clean": 1.0}
    clean |= {f"{noise} {what}": 1 for noise in measure.NOISE for what in ("wrong", "caught", "right", "kept")}
    (study,) = summarise(SMALL, [clean, *dear])
    row = study["samplers"]["plain"]["edit"]
    assert (row["calls"]["4"]["value"], row["flops"]["4"]["value"], row["flops"]["8"]["value"]) == (1, 0, 1)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of two stages of tiny networks."""
    out = tmp_path_factory.mktemp("samplers") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study_networks, "HELD_OUT", 8)
        patch.setitem(command.PRESETS, "quick", SMALL)
        command.main(command.Samplers(out=out, workers=1))
    return out


def test_a_run_is_gone_on_with_and_kept(finished, monkeypatch, capsys):
    card = json.loads((finished / "run.json").read_text())
    (study,) = card["summary"]
    assert card["status"] == "complete" and study["seeds"] == {"plain": 2, "mixture": 1}
    assert set(study["samplers"]["mixture"]) == set(SMALL.samplers) and "over plain" in study["said"]["mixture"]
    assert study["samplers"]["plain"]["edit"]["calls"]["8"]["n"] == 6 and (finished / "samplers.png").exists()

    # Pieces that are there are not made again, and the summary is the same.
    lost = sorted((finished / "shards").iterdir())[0]
    before = lost.read_bytes()
    lost.unlink()
    made = []
    call = measure.Sampled.__call__
    monkeypatch.setattr(measure.Sampled, "__call__", lambda self: made.append(self) or call(self))
    monkeypatch.setitem(command.PRESETS, "quick", SMALL)
    command.main(command.Samplers(out=finished, workers=1, json=True))
    assert len(made) <= 1 and lost.read_bytes() == before
    assert json.loads(capsys.readouterr().out) == card["summary"]

    kept = distil.distil(distil.read(finished), "samplers-tiny").content
    names = [table["name"] for table in kept["tables"]]
    assert names == ["4x4 Sudoku, networks", "4x4 Sudoku, plain", "4x4 Sudoku, mixture", "4x4 Sudoku, no network"]
    assert {row["name"] for row in kept["tables"][1]["rows"]} >= {"edit", "walk *"} and kept["n"] == 6


def test_wrong_cells_are_counted_against_the_solution(finished):
    stage = SMALL.stages[0]
    training = stage.training("mixture", finished / "networks")
    said = measure.Said(stage.puzzles, "mixture", 0, str(training.path), training.card["sha256"], 8)()
    assert len(said) == 8 and all(np.isfinite(r["clean"]) for r in said)
    for record in said:
        for noise in measure.NOISE:
            assert 0 <= record[f"{noise} caught"] <= record[f"{noise} wrong"]
            assert 0 <= record[f"{noise} kept"] <= record[f"{noise} right"]
    assert sum(r["noise wrong"] for r in said) > 0


def test_a_sampler_reads_its_head(finished):
    stage = SMALL.stages[0]
    works = list(command.works_of(replace(SMALL, samplers=("critic",)), stage, finished / "networks"))
    heads = {work.variant: work.head for work in works if isinstance(work, measure.Sampled) and work.net == "plain"}
    assert heads[ITSELF].endswith(".safetensors") and heads[PLACEBO] == ""
    assert all(parse(work.decoder) for work in works if isinstance(work, measure.Sampled))
