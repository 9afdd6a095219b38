"""`takeback factors`: what it compares is what it says, a planted interaction is found and a null one is not."""

import json
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.io import shipped_sets
from csp.trace import replay
from experiments.engine.study_networks import SMALL, Size
from experiments.factors import command, grid
from experiments.factors.comparisons import PLANNED, Study, share_of, verdicts
from experiments.factors.grid import (
    COLOURING,
    DEVELOPMENT,
    NO_NET,
    ORDERS,
    SUDOKU6,
    SUDOKU9,
    TEST,
    Cell,
    Part,
    Preset,
    cells,
    corner,
    crossed_cells,
    full_cells,
)  # fmt: skip
from experiments.factors.measure import PREFIXES, SHARES, start_states
from experiments.factors.networks import FACTORS, MAIN, NETWORKS
from experiments.factors.resampling import Resampling, estimate, holm, logit, p_value, shapley
from experiments.factors.results import Results, Table
from generators import checkpoint
from generators.decoding.loop import decode, next_commits
from generators.decoding.spec import Decoder

SEEDS, PUZZLES = 5, 200


def synthetic(rng, gain, interaction, seeds=SEEDS, puzzles=PUZZLES):
    """Plain decoding of two networks in two orders: log-odds of networks, puzzles, order, network and their product."""
    solves = {}
    hard, apart = rng.normal(0, 0.5, puzzles), rng.normal(0, 0.3, (2, seeds))
    for number, net in enumerate(("diffusion-blind", "diffusion")):
        for far, order in enumerate(("raster", "confidence")):
            odds = -0.7 + gain * far + 0.8 * number + interaction * far * number
            chance = 1 / (1 + np.exp(-(odds + hard[None, :] + apart[number][:, None])))
            right = (rng.random((seeds, puzzles)) < chance).astype(float)
            seed, index = np.indices(right.shape)
            table = Table(seed.ravel(), index.ravel(), {"solved": right.ravel()})
            solves[net, SMALL.name, "sudoku6", "0", order, "none", "none"] = table
    return Study(Results(solves, {}), "sudoku6", ("0",), SMALL.name, seeds, puzzles, resamples=1000)


def test_a_planted_interaction_is_recovered():
    found = [synthetic(np.random.default_rng(draw), 0.8, 1.5).interaction() for draw in range(20)]
    assert np.mean([f.estimate.value for f in found]) == pytest.approx(1.5, abs=0.25)  # puzzles vary: a little less
    assert sum(f.estimate.low <= 1.5 <= f.estimate.high for f in found) >= 17
    assert sum(f.p <= 0.05 for f in found) >= 18


def test_an_interaction_of_nothing_is_found_no_more_than_5_times_in_100():
    found = [synthetic(np.random.default_rng(100 + draw), 0.8, 0.0).interaction().p <= 0.05 for draw in range(200)]
    assert sum(found) <= 10


@given(st.integers(2, 4), st.integers(2, 5), st.integers(0, 99))
@settings(max_examples=20)
def test_resamples_are_of_networks_and_puzzles(networks, puzzles, seed):
    """Each resampled mean is that of the table with those rows and columns, as often as they were drawn."""
    draw = Resampling(networks, {"a": puzzles}, resamples=20)
    table = np.random.default_rng(seed).random((networks, puzzles))
    means = draw.mean(table, "a")
    assert means[0] == pytest.approx(table.mean())
    for mean, rows, columns in zip(means, draw.networks * networks, draw.puzzles["a"] * puzzles, strict=True):
        repeated = np.repeat(table, np.round(rows).astype(int), axis=0)
        assert mean == pytest.approx(np.repeat(repeated, np.round(columns).astype(int), axis=1).mean())

    # What was not measured counts for nothing.
    table[0, 0] = np.nan
    assert draw.mean(table, "a")[0] == pytest.approx(np.nanmean(table))


def test_holm_against_its_definition():
    """Holm's example: the smallest times 4, the next times 3, never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]


@given(st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=30)
def test_shapley_against_all_sequences(count, seed):
    rng, factors = np.random.default_rng(seed), [f"f{number}" for number in range(count)]
    sets = [frozenset(f for f, bit in zip(factors, f"{code:0{count}b}") if bit == "1") for code in range(2**count)]
    values = {some: rng.normal(size=3) for some in sets}
    added = shapley(values, factors)
    for factor in factors:
        gains = []
        for order in permutations(factors):
            before = frozenset(order[: order.index(factor)])
            gains.append(values[before | {factor}] - values[before])
        assert added[factor] == pytest.approx(np.mean(gains, axis=0))
    assert sum(added.values()) == pytest.approx(values[frozenset(factors)] - values[frozenset()])
    assert share_of(added, factors) == pytest.approx(np.ones(3))


def test_p_and_interval_of_a_statistic():
    rng = np.random.default_rng(0)
    away = np.concatenate([[1.0], rng.normal(1, 0.1, 999)])
    assert p_value(away) == pytest.approx(1 / 999) and p_value(away - 1) > 0.5
    assert estimate(away, 7).low < 1 < estimate(away, 7).high
    assert estimate(np.full(3, np.nan), 7).value is None
    assert logit(np.array([0.0, 1.0]), 10) == pytest.approx(np.log([0.5 / 10.5, 10.5 / 0.5]))


def test_the_plan_is_what_is_computed():
    """Every planned comparison has its row in the plan, and its networks and cells are decoded whole."""
    plan = (Path(__file__).parents[2] / "docs/results/factors-plan.md").read_text()
    assert len(PLANNED) == 11 and "the eleven comparisons" in plan
    for word in ("workspace", "reading", "rescue", "depth with workspace", "net under search", "retraction", "where"):
        assert f"| {word}" in plan
    for net in (*MAIN, NO_NET):
        whole, rest = full_cells(net, FACTORS), crossed_cells(net, FACTORS)
        assert sorted(map(str, whole + rest)) == sorted(map(str, cells())) and not set(whole) & set(rest)
    assert corner(FACTORS) == ("diffusion", Cell("confidence", "legal", "best-first"))
    assert corner([]) == ("ar-random x1", Cell("raster", "none", "none"))
    assert set(grid.corners(FACTORS)) <= set(NETWORKS) and len(grid.corners(FACTORS)) == 16


def test_test_puzzles_are_nobody_elses():
    """Apart from those that temperatures are chosen on, and behind those that kept runs took from the head."""
    assert DEVELOPMENT[1] <= TEST[0]
    for puzzles in (SUDOKU6, COLOURING, SUDOKU9):
        for stratum in puzzles.strata:
            ids = [instance.id for instance in shipped_sets.load(puzzles.set, stratum)]
            assert len(ids) == len(set(ids)) >= TEST[1]
    results = Path(__file__).parents[2] / "experiments/results"
    taken = [json.loads(path.read_text()) for path in results.glob("*.json")]
    of_sets = [kept["config"].get("count") for kept in taken if kept["config"] and kept["config"].get("stratum")]
    assert all(int(count) <= DEVELOPMENT[0] for count in of_sets if count)


def tiny(monkeypatch, **words):
    """A preset that trains in seconds."""
    part = Part(replace(SUDOKU6, strata=("0",)), ("diffusion", "diffusion-blind"), Size(16, 2, 40, 2), 1)
    preset = Preset((part,), count=2, **words)
    monkeypatch.setitem(grid.PRESETS, "standard", preset)
    monkeypatch.setattr(grid, "CALLS", 12)
    monkeypatch.setattr(command, "TRIED_ON", 2)
    monkeypatch.setattr(command, "RESAMPLES", 100)
    return preset


def test_a_run_is_resumed_and_workers_change_nothing(tmp_path, monkeypatch, capsys):
    tiny(monkeypatch)
    command.main(command.Factors("standard", out=tmp_path / "a", workers=1))
    first = capsys.readouterr()
    assert "trained sudoku6 diffusion-blind, seed 0" in first.err and "planned comparisons" in first.out
    summary = json.loads((tmp_path / "a" / "run.json").read_text())["summary"]
    kept = {
        path: path.read_bytes() for path in (tmp_path / "a").rglob("*") if path.suffix in (".parquet", ".svg", ".png")
    }
    assert len(kept) > 30 and {c["name"] for c in summary[0]["planned"]} >= {"workspace", "where, diffusion"}

    # Two shards are missing and everything else stands; the tables are the same.
    for path in [path for path in kept if path.suffix == ".parquet"][:2]:
        path.unlink()
    command.main(command.Factors("standard", out=tmp_path / "a", workers=1))
    again = capsys.readouterr()
    assert again.out == first.out and again.err.count("measured") + again.err.count("tried") == 2
    assert "trained" not in again.err
    assert {path: path.read_bytes() for path in kept} == kept


def test_what_is_trained_by_now_is_measured_and_the_rest_named(tmp_path, monkeypatch, capsys):
    preset = tiny(monkeypatch, whole=False)
    options = command.Factors("standard", trained=True, out=tmp_path, workers=1)
    with pytest.raises(BadInput, match="holds no network"):
        command.main(options)
    (tmp_path / "networks").mkdir()
    preset.points()[0].training(tmp_path / "networks").run()
    command.main(options)
    said = capsys.readouterr()
    assert "left out: sudoku6 16-2x40: diffusion-blind" in said.err and "trained sudoku6" not in said.err
    card = json.loads((tmp_path / "run.json").read_text())
    assert card["missing"] == ["sudoku6 16-2x40: diffusion-blind"]
    assert [net["name"] for net in card["summary"][0]["networks"]] == ["diffusion", NO_NET]

    # Trained to the end, the same folder goes on.
    command.main(replace(options, trained=False))
    assert json.loads((tmp_path / "run.json").read_text())["missing"] == []


def test_networks_of_other_options_are_refused(tmp_path, monkeypatch):
    preset = tiny(monkeypatch)
    point = preset.points()[0]
    training = point.training(tmp_path / "networks")
    training.path.parent.mkdir()
    training.run()
    path = training.path
    card = json.loads(path.with_suffix(".json").read_text())
    card["training"]["lr"] = 1.0
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(BadInput, match="other options"):
        list(command._places(preset.studies()[0], path.parent))
    with pytest.raises(BadInput, match="there is no such network"):
        list(command._places(preset.studies()[0], tmp_path))
    with pytest.raises(BadInput, match="no set 'sudoku5'"):
        command.main(command.Factors("standard", ("sudoku5",), out=tmp_path))


def test_start_states_are_the_same_for_all_and_grow():
    instances = SUDOKU6.load("0", (0, 5))
    for prefix in PREFIXES:
        before = np.zeros((5, 36), dtype=np.int64)
        for share in SHARES:
            now = start_states(instances, prefix, share)
            assert (now[before > 0] == before[before > 0]).all()
            for row, instance in enumerate(instances):
                assert (
                    now[row].max() == int(share * instance.blanks) and not now[row][np.array(instance.givens) > 0].any()
                )
            before = now


@pytest.mark.parametrize("order", ORDERS)
def test_the_next_commit_is_the_one_that_decoding_makes(order):
    """From the givens, and from the state that a decoder's own first right commits have made."""
    instances = SUDOKU6.load("0", (0, 6))
    for kind in ("ar-random", "diffusion"):
        model = checkpoint.load(checkpoint.shipped("sudoku6", kind), "sudoku6", kind).model
        traces = decode(Decoder("net", order), model, instances, 3)
        none = np.zeros((6, 36), dtype=np.int64)
        cells, values = next_commits(Decoder("net", order), model, instances, none, 3)
        assert [(t.events[0].cell, t.events[0].value) for t in traces] == list(zip(cells, values, strict=True))
        if order == "random":  # it draws by the number of the call
            continue
        for trace, instance in zip(traces, instances, strict=True):
            events = list(trace.events)
            right = 0
            while right < len(events) - 1 and events[right].value == instance.witness[events[right].cell]:
                right += 1
            sequence = np.zeros((1, 36), dtype=np.int64)
            for place, event in enumerate(events[:right], 1):
                sequence[0, event.cell] = place
            [cell], [value] = next_commits(Decoder("net", order), model, [instance], sequence, 3)
            assert (cell, value) == (events[right].cell, events[right].value)
            assert len(list(replay(trace, instance.givens))) > right


def test_verdicts_follow_the_rules_of_the_plan():
    """Order alone closes a synthetic gap: its verdict holds, the others do not."""
    seed, index = np.indices((SEEDS, PUZZLES))

    def table(share):
        right = (index < share * PUZZLES).astype(float).ravel()
        return Table(seed.ravel(), index.ravel(), {"solved": right, "calls": np.full(right.shape, 30.0)})

    solves = {}
    for name in [*grid.corners(FACTORS), "diffusion-blind", "ar-inplace-supervised", NO_NET]:
        for cell in full_cells(name, FACTORS) + full_cells("diffusion", FACTORS):
            share = 0.9 if cell.order == "confidence" else 0.1
            solves[name, SMALL.name, "sudoku6", "0", cell.order, cell.veto, cell.search] = table(share)
    study = Study(Results(solves, {}), "sudoku6", ("0",), SMALL.name, SEEDS, PUZZLES, resamples=500)
    said = {verdict.claim: verdict.holds for verdict in verdicts(study)}
    assert said == {
        "AR cannot because it cannot take back": "does not hold here",
        "diffusion can because it revises": "does not hold here",
        "it is order": "holds",
        "it is compute": "does not hold here",
        "it is the workspace": "does not hold here",
    }
