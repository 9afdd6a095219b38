"""`takeback scaling`: FLOPs as counted by torch, networks that survive a kill, a run with all its parts, quick."""

import json
import os
import signal
import time
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from csp.errors import BadInput
from experiments.markdown import distil, pages
from experiments.scaling import command, grid, measure, shipped, stages
from experiments.scaling.grid import FAMILIES, KINDS, STANDARD, UNIQUE, Part, Run
from experiments.scaling.measure import Measure, training_sets
from experiments.scaling.parts import crossing
from experiments.scaling.summary import on_the_curve, summarise
from generators.training import trainer

SMALL = {"TESTS": 6, "SOLVED_OF": 2, "STATES": 2, "FEW_BLANK": 3, "FEW_BLANK_TESTS": 2, "CHOICES": 2}


@pytest.fixture(scope="module", autouse=True)
def small():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setattr(measure, name, value)
        patch.setattr(grid, "HELD_OUT", 4)
        for cached in (measure.tests, measure.few_blank, measure.training_sets):
            cached.cache_clear()
        yield
    torch.set_num_threads(threads)
    for cached in (measure.tests, measure.few_blank, measure.training_sets):
        cached.cache_clear()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "dim", "loops"), [(UNIQUE, 12, 3), (UNIQUE, 96, 1), ("colouring3-30", 24, 3)])
def test_flops_equal_those_that_torch_counts(kind, name, dim, loops):
    """Of the real modules, forward and backward, within 1 %."""
    run = Run("", name, kind, 1e9, dim, loops, puzzles=16)
    sets, _ = training_sets(name, 16, 0, 4)
    model = trainer.build(run.config, sets)
    boards, solutions, rng = trainer.draw_batch(run.config, sets, 0)
    examples = trainer.corruption(model, run.config)(boards, solutions, rng)
    with FlopCounterMode(display=False) as counter:
        model.loss(examples).mean().backward()
    counted = counter.get_total_flops()
    assert grid.update_flops(name, kind, dim, loops) == pytest.approx(counted, rel=0.01)
    assert model.training_flops(boards) == pytest.approx(counted, rel=0.01)


def test_budgets_are_met_and_parts_are_what_they_say():
    for part in STANDARD.values():
        for run in part.runs({"ar": 2.0}):
            updates = run.config.updates
            made = updates * grid.update_flops(run.family, run.kind, run.dim, run.loops)
            assert made == pytest.approx(run.budget, rel=0.6 / updates) and updates >= 20
            tuned = 2.0 if run.kind == "ar" and not part.tunes else 1.0
            times = {run.scale / tuned} <= {*grid.SCALES}
            assert times and run.config.lr == pytest.approx(run.scale * grid.RATE / run.dim, rel=1e-3)
    assert grid.BUDGETS[-1] / grid.BUDGETS[0] == pytest.approx(10**1.5, rel=0.01)
    titles = [run.training(Path("x")).path for part in STANDARD.values() for run in part.runs({})]
    assert len(set(titles)) == len(set(map(str.lower, map(str, titles))))
    assert [part.name for part in command.chosen("twins")] == ["rates of twins", "twins"]
    with pytest.raises(BadInput, match="no part 'third'"):
        command.chosen("first, third")


def test_a_killed_run_ends_with_the_same_weights(tmp_path):
    run = Run("", UNIQUE, "diffusion", 1.2e9, 12, puzzles=16)
    (whole,) = Measure(run, str(tmp_path / "whole"))()
    kept = run.training(tmp_path / "broken").path.with_suffix(".resume.safetensors")
    process = get_context("fork").Process(target=Measure(run, str(tmp_path / "broken")))
    process.start()
    while not kept.exists() and process.is_alive():
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert kept.exists() and not run.training(tmp_path / "broken").path.exists()
    (broken,) = Measure(run, str(tmp_path / "broken"))()
    assert broken["sha256"] == whole["sha256"] and not kept.exists()
    assert broken | {"seconds": 0} == whole | {"seconds": 0}
    assert Measure(run, "").config == Measure(replace(run, part="other"), "elsewhere").config


def test_measures_of_networks_that_know_nothing(monkeypatch):
    """Excess and floor of uniform answers are known; a training that diverges counts as one."""
    model = trainer.build(Run("", UNIQUE, "diffusion", 1e9, 12, puzzles=16).config, training_sets(UNIQUE, 16, 0, 4)[0])
    for weight in model.parameters():
        weight.data.zero_()
    for name, d in ((UNIQUE, 6), ("sudoku6 several", 6)):
        nats, floor = measure.likelihoods(model.eval(), name, 6)
        instances, _ = measure.tests(name, 6)
        assert nats == pytest.approx([instance.blanks * np.log(d) for instance in instances], rel=1e-5)
        assert (floor == 0).all() if name == UNIQUE else (floor > 0).any()

    def diverge(*args, **named):
        raise trainer.Diverged("nan")

    monkeypatch.setattr(trainer, "train", diverge)
    (record,) = Measure(Run("", UNIQUE, "ar", 1e9, 12, puzzles=16), "nowhere")()
    assert record["nats"] == pytest.approx(measure._excess(nats * 0, floor)["nats"], abs=200) and record["sha256"] == ""
    assert record["parameters"] == sum(weight.numel() for weight in model.parameters())


@pytest.fixture
def tiny(monkeypatch):
    """Two kinds, two budgets, three widths, trained for a few updates."""
    for name, value in {"BUDGETS": (2e8, 3e8), "CHECKS": 2, "HELD_OUT": 8}.items():
        monkeypatch.setattr(grid, name, value)
    for name, value in {"TESTS": 12, "SOLVED_OF": 6, "STATES": 2, "FEW_BLANK": 4, "FEW_BLANK_TESTS": 3}.items():
        monkeypatch.setattr(measure, name, value)
    monkeypatch.setattr(stages, "SCALES", (1.0, 2.0))
    few, kinds = {"puzzles": 16}, ("ar-random", "diffusion")
    for name in list(STANDARD):
        monkeypatch.delitem(STANDARD, name)
    widths = ((8, 12, 16),) * 2
    rates = Part(
        "rates", "", (UNIQUE,), kinds, (0,), ((8,),), tuple({"times": s, **few} for s in (1.0, 2.0)), tunes=True
    )
    first = Part("first", "", (UNIQUE,), kinds, (0, 1), widths, (few,), seeds=True)
    for part in (rates, first, Part("blocks", "", (), (), (), blocks=True)):
        monkeypatch.setitem(STANDARD, part.name, part)


def test_a_run_that_is_resumed_and_summed_up_before_its_end(tiny, tmp_path, capsys):
    out = tmp_path / "run"
    go = command.Scaling("standard", out=out, workers=1)
    with pytest.raises(BadInput, match="nothing is kept there yet"):
        command.main(replace(go, so_far=True))
    command.main(replace(go, parts="rates"))
    command.main(replace(go, so_far=True))
    assert "part first: not begun" in capsys.readouterr().out
    command.main(go)
    said = capsys.readouterr().out
    card = json.loads((out / "run.json").read_text())
    summary = card["summary"]
    assert "Power laws" in said and (out / "scaling.svg").exists() and not summary["missing"]
    assert summary["parts"]["first"]["have"] == 2 * 2 * 3 + 2 * 2  # a second seed at each vertex
    assert len(summary["blocks"]) == 2 * 4 and len(summary["comparisons"]) == 1
    assert summary["networks"] == len(card["networks"]) == 4 + 16 - 2  # a tuned rate's run is the first part's too

    # What is there is not made again, and what is lost is.
    shards = {path: path.read_bytes() for path in (out / "shards").iterdir()}
    next(iter(shards)).unlink()
    command.main(replace(go, json=True))
    again = json.loads(capsys.readouterr().out)
    assert {**again, "seconds": 0} == {**summary, "seconds": 0}
    assert set((out / "shards").iterdir()) == set(shards)

    # As a page, and as a file that is shipped.
    page = pages.page(distil.distil(distil.read(out), "scaling-tiny", line="takeback scaling"))
    assert "## laws" in page and "SMDM" in page and "exponents: excess falls" in page
    found = stages.stages(STANDARD.values(), out, out / "networks", lambda part, works: None)
    shipped.write(found, tmp_path / "runs.json")
    assert summarise(shipped.read(tmp_path / "runs.json"))["curves"][0]["exponent"]["value"] == pytest.approx(
        summary["curves"][0]["exponent"]["value"], rel=1e-3, abs=1e-5
    )


def test_quick_says_whether_new_runs_fall_on_the_curves(tmp_path, monkeypatch, capsys):
    with pytest.raises(BadInput, match="go with --preset standard"):
        command.main(command.Scaling(parts="first"))
    monkeypatch.setattr(command, "QUICK", (Run("quick", UNIQUE, "diffusion", 3e8, 12, seed=9, puzzles=16),))
    command.main(command.Scaling(out=tmp_path / "run", workers=1))
    said = capsys.readouterr().out
    assert "do they fall on the shipped curves?" in said and "no curve yet" in said  # no shipped run has that budget
    assert (tmp_path / "run" / "run.json").exists()

    records = shipped.read().records
    sizes = [dict(records[0], part="first", dim=dim, parameters=24 * dim**2, excess=e, excess_se=0.01, seed=0)
             for dim, e in ((12, 4.0), (16, 3.0), (24, 2.6), (32, 3.1), (48, 4.2))]  # fmt: skip
    (hit,) = on_the_curve(sizes, [dict(sizes[2], seed=9)])
    (miss,) = on_the_curve(sizes, [dict(sizes[2], seed=9, excess=40.0)])
    assert hit["within"] and not miss["within"]


def test_what_is_shipped_is_of_runs_of_the_standard_preset():
    found = shipped.read()
    assert found.records and all(have <= of for have, of in found.wanted.values())
    known = {(run.family, run.kind, run.budget, run.dim, run.loops) for part in STANDARD.values()
             for run in part.runs({})}  # fmt: skip
    for record in found.records:
        assert record["family"] in FAMILIES and record["kind"] in KINDS and record["part"] in STANDARD
        assert (record["family"], record["kind"], record["budget"], record["dim"], record["loops"]) in known
        assert record["flops"] == pytest.approx(record["budget"], rel=0.02)
    summarise(found)
    for run in grid.QUICK:
        assert not any(record["seed"] == run.seed for record in found.records)


def test_a_damaged_summary_is_named(tmp_path):
    path = tmp_path / "runs.json"
    for text in ("{", "[]", '{"records": 1}', '{"records": {"columns": ["a"], "rows": [[1, 2]]}}'):
        path.write_text(text)
        with pytest.raises(BadInput, match="no summary of runs"):
            shipped.read(path)


def test_where_curves_cross():
    assert crossing([1.0, 100.0], [1.0, -1.0]) == pytest.approx(10.0)
    assert crossing([1.0, 10.0, 100.0], [1.0, 0.5, 0.2]) is None


def test_torch_is_what_counts():
    """The counter sees a product of known size."""
    with FlopCounterMode(display=False) as counter:
        torch.ones(3, 4) @ torch.ones(4, 5)
    assert counter.get_total_flops() == 2 * 3 * 4 * 5
