"""`takeback control`: its targets, its figures, its folder."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.global_constraints import Among
from csp.seeds import stream
from csp.trace import Costs, Event, Trace, replay
from experiments.cli.tables import cell
from experiments.control import command
from experiments.control.catalogue import FROZEN, HYBRID, LATENT, METHODS, QUICK, TWINS, UNGUIDED, family, read, run
from experiments.control.command import Control
from experiments.control.tables import compared, diversity, figures, share, verdicts
from experiments.markdown import distil, pages
from experiments.markdown.command import printed
from experiments.scoring.control_scorer import find_first_dead, judged, parts_obeyed
from experiments.scoring.statistics import proportion, sign_flips
from generators import checkpoint
from generators.control.spec import NO_NET
from generators.models.autoregressive import Autoregressive
from generators.models.backbone_config import BackboneConfig
from generators.models.latent_diffusion import LatentDiffusion
from solvers.counting.control_tasks import TASKS, cages, targets
from solvers.counting.sudoku_grids import all_grids
from solvers.search.cp_sat import cp_sat


@pytest.mark.parametrize("task", TASKS)
def test_targets_can_be_reached_and_are_counted(task):
    some = targets(task, 3, 2)
    assert [aim.instance.id for aim in targets(task, 3, 2)] == [aim.instance.id for aim in some]
    assert task == "diagonals" or some[0].instance.id != targets(task, 4, 1)[0].instance.id
    for aim in some:
        assert 1 <= aim.satisfying <= aim.among
        trace = cp_sat(aim.instance, 0)
        assert trace.end == "solved"
        made = judged(trace, aim)
        assert made["both"] and made["valid"] and made["control"]
        assert made["parts"] == (1 if aim.controls else None)


@pytest.mark.parametrize("task", ["content", "span"])
def test_rarity_is_what_sampling_says(task):
    for aim in targets(task, 1, 2):
        grids = all_grids(aim.plain.problem).uniform(stream("rarity", task), 20_000)
        share = aim.satisfying / aim.among
        met = float(np.mean(aim.controlled(grids)))
        assert met == pytest.approx(share, abs=4 * (share * (1 - share) / 20_000) ** 0.5)


def test_cages_are_a_partition_into_connected_cells():
    grid = all_grids(targets("tree", 0, 1)[0].plain.problem).uniform(stream("cages"), 1)[0]
    scopes = cages(grid, stream("cut"))
    assert sorted(cell for scope in scopes for cell in scope) == list(range(36))
    for scope in scopes:
        assert len({int(grid[cell]) for cell in scope}) == len(scope) <= 4
        reached = {scope[0]}
        for _ in scope:
            reached |= {b for a in reached for b in scope if abs(a // 6 - b // 6) + abs(a % 6 - b % 6) == 1}
        assert reached == set(scope)


@pytest.fixture(scope="module")
def nets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nets")
    torch.manual_seed(0)
    shape = BackboneConfig(6, 36, 16, 2, 1, 1)
    checkpoint.save(Autoregressive(shape), folder / "grid6-ar.safetensors", {"family": "grid6"})
    latent = LatentDiffusion(shape, "latent-values")
    checkpoint.save(latent, folder / "grid6-latent-values.safetensors", {"family": "grid6"})
    return folder


def test_the_command_and_its_folder(nets, tmp_path, capsys, monkeypatch):
    methods = ("latent-values:steps=3,guide=latents", "ar:guide=relaxed", "ar-exact", "cp-sat", "masked")
    few = {"targets": 2, "samples": 2, "calls": 200}
    options = Control(task=("span", "length"), methods=methods, **few, checkpoints=(nets,), out=tmp_path)
    command.main(options)
    said = capsys.readouterr()
    assert "span, 2 targets x 2 samples, 200 calls each" in said.out and "left out: diffusion on span" in said.err
    card = json.loads((tmp_path / "run.json").read_text())
    assert set(card["summary"]["span"]) == set(methods) - {"masked"} and set(card["summary"]["length"]) == {"cp-sat"}
    assert (
        card["summary"]["span"]["ar-exact"]["both"]["value"] == card["summary"]["span"]["cp-sat"]["both"]["value"] == 1
    )
    tables = "\n".join(printed(tmp_path))
    assert "**span**: 2 targets, n = 4, 200 calls each" in tables and "| ar-exact | 100 [34, 100] |" in tables
    traces = (tmp_path / "traces.jsonl").read_bytes()
    monkeypatch.setattr(command, "run", lambda *_, **__: pytest.fail("all is there already"))
    command.main(options)
    command.main(Control(**{**options.__dict__, "methods": (*methods, "ar-best"), "finished": True}))
    assert "ar-best" not in json.loads((tmp_path / "run.json").read_text())["summary"]["span"]
    monkeypatch.undo()
    with pytest.raises(BadInput, match="holds no finished method"):
        command.main(Control(**{**options.__dict__, "finished": True, "out": tmp_path / "empty"}))
    other = tmp_path / "again"
    command.main(Control(**{**options.__dict__, "out": other, "batch_size": 2}))
    assert traces == (other / "traces.jsonl").read_bytes()
    with pytest.raises(BadInput, match="holds another run"):
        command.main(Control(**{**options.__dict__, "seed": 1}))


@pytest.mark.parametrize(
    "wrong",
    [{"task": ("sonnet",)}, {"methods": ("gpt",)}, {"targets": 0}, {"samples": 0}, {"checkpoints": (Path("none"),)}],
)
def test_wrong_options_are_one_line(nets, tmp_path, wrong):
    with pytest.raises(BadInput, match=r"^[^\n]*$"):
        command.main(Control(**{"checkpoints": (nets,), "out": tmp_path, **wrong}))


def sample(target, both, board=(1,)):
    plain = {"control": both, "valid": True, "retractions": 0, "calls": 1, "flops": 0.0, "seconds": 0.0}
    return {"target": target, "rarity": [1, 2], "both": both, "board": list(board), **plain}


def test_figures():
    made = figures([sample("a", True, (1,)), sample("a", True, (2,)), sample("b", True), sample("b", False)])
    assert made["both"].value == 0.75 and made["valid"].value == 1 and made["distinct"].value == 1
    assert made["valid"].low < 0.9 and made["both"].n == 4


def won(pattern, net=0, flops=1e9):
    """Samples: a character a target, how many of nine succeed."""
    return [
        {"target": str(place), "net": net, "both": sample < int(many), "flops": flops}
        for place, many in enumerate(pattern)
        for sample in range(9)
    ]


@pytest.mark.parametrize(
    ("latent", "ar", "word", "p"),
    [
        ("99999999", "00000000", "wins against", 2 / 2**8),
        ("00000000", "99999999", "loses against", 2 / 2**8),
        ("00000000", "00000000", "not told apart", 1),
        ("90909090", "09090909", "not told apart", 1),
        ("99999000", "00000000", "not told apart", 2 / 2**5),  # resampling alone would call it a win
        ("98989898", "89898988", "not told apart", None),
    ],
)
def test_verdict(latent, ar, word, p):
    rows = {"latent-denoiser": won(latent, flops=7e9), "ar-best": won(ar)}
    rows["ar-exact"] = won("99999999")  # not a rival: it counts
    rows["ar-all-best"] = won("99999999")  # nor is what is told more
    (said,) = verdicts("span", rows, 1)
    assert said.startswith(f"span, told the control alone: {LATENT} (latent-denoiser, ") and word in said
    assert "7 GFLOP a sample" in said and "1 net of" in said
    if p is not None:
        assert compared(rows["latent-denoiser"], rows["ar-best"])[1] == pytest.approx(p)
    rows["prompted"], rows["latent-all"] = won("88888888"), won("00000000")
    frozen, prompted, told = verdicts("span", rows, 3)
    assert word in frozen and FROZEN in frozen and "3 nets of" in frozen and "conditional AR (prompted" in prompted
    assert told.startswith("span, told the rules too: ") and "loses against" in told and "ar-all-best" in told
    assert "no verdict" in verdicts("span", {"ar-best": rows["ar-best"]}, 1)[0]
    rows = {"masked-remask": won(latent), "masked-placebo": won(ar)}
    assert "no verdict" in verdicts("span", rows, 1)[0] and word in verdicts("span", rows, 1)[1]


def test_comparison_is_by_target_and_net():
    first, second = won("9990") + won("9990", 1), won("0990") + won("0990", 1)
    difference, p = compared(first, second)
    assert difference.value == 0.25 and difference.low == 0 < difference.high < 1 and p == 1
    partly, _ = compared(first, won("0990"))  # the other has one net as yet
    assert partly.value == 0.25


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_sign_flips_against_all_flips(differences):
    flips = product((1, -1), repeat=len(differences))
    sums = [abs(sum(sign * gap for sign, gap in zip(signs, differences))) for signs in flips]
    expected = np.mean([far >= abs(sum(differences)) for far in sums])
    assert sign_flips(np.array(differences)) == pytest.approx(expected)


def test_shares_know_what_was_counted():
    """All targets alike, one target, several nets: never an interval of no width, never more certain than the count."""
    alike = {(0, t): [{"x": True}, {"x": True}, {"x": False}] for t in "abcd"}
    made = share(alike, "x")
    assert made.value == pytest.approx(2 / 3) and made.low < 0.4 and made.n == 12
    one = {(net, "a"): [{"x": net == 0}] * 20 for net in range(3)}
    made = share(one, "x")
    assert made.value == pytest.approx(1 / 3) and made.low < 0.1 and made.high > 0.7 and made.n == 60
    crossed = share({(net, t): [{"x": net == 0 or t == "a"}] for net in range(3) for t in "abcd"}, "x")
    assert crossed.value == 0.5 and crossed.high - crossed.low > 0.4
    certain = share({(0, t): [{"x": True}] * 5 for t in "abcd"}, "x")
    assert certain == proportion(4, 4)._replace(n=20)


def test_methods_have_families():
    known = {LATENT, FROZEN, "conditional AR", "masked diffusion", HYBRID, UNGUIDED, "no network", ""}
    assert {family(name) for name in METHODS} == known
    assert family("latent") == UNGUIDED and family("latent-hybrid") == HYBRID  # neither is control by gradients
    assert [name for name in METHODS if not family(name)] == ["ar-exact", "cp-sat"]
    assert family("ar:guide=relaxed,strength=2") == FROZEN
    assert set(QUICK) <= set(METHODS) and all(read(name) or name == "cp-sat" for name in METHODS)


def test_bits_of_diversity():
    boards = [{"board": [1, 1, 1, 1]}, {"board": [1, 1, 2, 2]}, {"board": [1, 1, 3, 3]}]
    assert diversity(boards) == pytest.approx(1)  # two boards agree in half of the cells


def test_parts_are_cages_that_keep_all_their_rules():
    (aim,) = targets("tree", 3, 1)
    board = np.array(judged(cp_sat(aim.instance, 0), aim)["board"])
    cages = {rule.scope for rule in aim.controls}
    assert len(cages) > 8 and parts_obeyed(board, aim) == 1
    first, last = sorted(cages)[0], sorted(cages)[-1]
    board[first[0]] = board[first[0]] % 6 + 1  # its sum is wrong now
    assert parts_obeyed(board, aim) == pytest.approx(1 - 1 / len(cages))
    board[list(last[:2])] = board[last[1]], board[last[0]]  # a sum stays what it is
    assert parts_obeyed(board, aim) == pytest.approx(1 - 1 / len(cages))
    assert parts_obeyed(np.ones(36, dtype=np.int64), aim) < 0.2


def test_first_dead_is_when_no_solution_is_left():
    """Against counting all grids there and a step before, for boards that are filled at random."""
    (aim,) = targets("span", 5, 1)
    grids, rng = all_grids(aim.plain.problem), stream("dead")
    for _ in range(6):
        board = grids.uniform(rng, 1)[0] if rng.random() < 0.7 else rng.integers(1, 7, 36)
        trace = Trace("x", "y", 0, tuple(Event(t + 1, t, int(v)) for t, v in enumerate(board)), "wrong", Costs(36))
        dead = judged(trace, aim, find_dead_end=True)["dead"]
        held = [*aim.controls, *(Among((t,), (int(value),), 1, 1) for t, value in enumerate(board))]
        first = 36 if dead is None else round(36 * dead)
        assert dead is None or (dead == first / 36 and not grids.count(held[: len(aim.controls) + first]))
        assert grids.count(held[: len(aim.controls) + first - (dead is not None)])


def test_only_the_first_board_is_looked_at():
    (aim,) = targets("span", 5, 1)
    grid = aim.plain.witness
    events = [Event(t + 1, t, int(grid[t])) for t in range(12)]
    events += [Event(13, t, 0) for t in range(12)] + [Event(14, 0, 1), Event(15, 1, 1)]
    trace = Trace("x", "y", 0, tuple(events), "out of budget", Costs(15))
    assert find_first_dead(trace, aim) is None


def test_several_sets_of_nets(nets, tmp_path, capsys):
    other = tmp_path / "nets"
    other.mkdir()
    torch.manual_seed(1)
    net = Autoregressive(BackboneConfig(6, 36, 16, 2, 1, 1))
    checkpoint.save(net, other / "grid6-ar.safetensors", {"family": "grid6"})
    options = {"task": ("span",), "methods": ("ar", "cp-sat"), "targets": 2, "samples": 3}
    command.main(Control(**options, checkpoints=(nets, other), out=tmp_path / "out"))
    card = json.loads((tmp_path / "out" / "run.json").read_text())
    assert card["summary"]["span"]["ar"]["both"]["n"] == 12 and len(card["checkpoints"]) == 2
    apart = card["by_net"]["span"]["ar"]
    assert len(apart) == 2 and np.mean(apart) == pytest.approx(card["summary"]["span"]["ar"]["both"]["value"])
    card["by_net"]["span"]["ar"] = [0.25, 1.0]
    assert " (25, 100) |" in "\n".join(pages.parts(distil.tables_of(card)))
    assert "2 targets x 6 samples" in capsys.readouterr().out
    assert (tmp_path / "out" / "control.png").stat().st_size > 10_000
    with pytest.raises(BadInput, match="hold the same nets"):
        command.main(Control(**options, checkpoints=(nets, nets), out=tmp_path / "twice"))
    (other / "grid6-ar.json").write_text((nets / "grid6-latent-values.json").read_text())
    (other / "grid6-ar.safetensors").write_bytes((nets / "grid6-latent-values.safetensors").read_bytes())
    with pytest.raises(BadInput, match=r"holds a net of kind latent-values, not ar"):
        command.main(Control(**options, checkpoints=(other,), out=tmp_path / "wrong"))
    with pytest.raises(BadInput, match="no method is left"):
        command.main(Control(**{**options, "methods": ("masked",)}, checkpoints=(nets, other), out=tmp_path / "x"))


def test_a_share_of_one_target_is_shown_in_percent():
    made = figures([sample("a", True), sample("a", False), sample("b", False)])["distinct"]
    assert made.value == 1 and made.n == 1
    assert cell(made, percent=True).plain == "100\nn=1"


@pytest.mark.parametrize(("method", "twin"), TWINS.items())
def test_a_twin_differs_from_its_row_in_the_network_alone(method, twin):
    one, other = read(method), read(twin)
    assert other.model in NO_NET and other.nets == ()
    assert replace(other, model=one.model) == one


@pytest.mark.parametrize("twin", TWINS.values())
def test_a_twin_needs_no_checkpoint_and_costs_nothing(twin):
    aim = targets("span", 3, 1)[0]
    spec = replace(read(twin), calls=80)
    one, two = run(spec, {}, [aim, aim], seed=1)
    assert one.costs.flops == two.costs.flops == 0 and 0 < one.costs.calls <= 80
    assert one.events != two.events  # samples are numbered: each has random numbers of its own
    assert [trace.events for trace in run(spec, {}, [aim, aim], seed=1)] == [one.events, two.events]
    for trace in (one, two):
        board = replay(trace, aim.plain.givens)[-1]
        assert (trace.end == "solved") == bool(aim.instance.solved(board))


def test_a_task_of_fewer_targets_than_asked_for_is_run_on_those(nets, tmp_path):
    command.main(Control(task=("diagonals",), methods=("cp-sat",), targets=3, checkpoints=(nets,), out=tmp_path))
    assert json.loads((tmp_path / "run.json").read_text())["summary"]["diagonals"]["cp-sat"]["both"]["n"] == 1
