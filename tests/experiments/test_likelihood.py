"""`takeback likelihood`: what it compares is what it says, and a run is resumed with the same figures."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.problem import Instance
from experiments.engine import small_puzzles
from experiments.engine.small_puzzles import COLOURING, SUDOKU4, SUDOKU6, SmallPuzzles
from experiments.likelihood import command, grid, measure
from experiments.likelihood.grid import Case, Preset
from experiments.likelihood.measure import Group, group_gradient, moved, spearman
from experiments.likelihood.summary import summarise
from experiments.scoring.statistics import bootstrap_crossed
from generators.likelihood.order_policies import ORDERS
from generators.models.exact import solutions
from generators.reinforcement.advantages import grpo, wd1


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=12))
def test_advantages_of_right_and_wrong(rewards):
    """They add up to 0; wd1's are GRPO's times a constant, and both are 0 without contrast."""
    rewards = np.array(rewards)
    one, other = grpo(rewards), wd1(rewards)
    assert one.sum() == pytest.approx(0, abs=1e-9) and other.sum() == pytest.approx(0, abs=1e-9)
    if len(set(rewards)) == 1:
        assert not one.any() and not other.any()
    else:
        assert one.std() == pytest.approx(1) and (one[rewards == 1] > 0).all()
        assert other / one == pytest.approx(np.full(len(one), other[0] / one[0]))


def test_wd1_weighs_other_rewards_in_a_way_of_its_own():
    rewards = np.array([0.0, 0.2, 1.0])
    assert wd1(rewards) / grpo(rewards) != pytest.approx(np.full(3, wd1(rewards)[0] / grpo(rewards)[0]))


@pytest.mark.parametrize("puzzles", [SUDOKU4, SUDOKU6, COLOURING], ids=lambda p: p.name)
def test_puzzles_have_so_many_blank_cells_and_many_solutions(puzzles, monkeypatch):
    monkeypatch.setattr(small_puzzles, "TRIED", 100)
    for index in range(2):
        instance = puzzles.instance("test", puzzles.most, index)
        assert instance.blanks == puzzles.most and instance.solved(instance.witness)
        assert len(solutions(instance)) > 1
        assert puzzles.instance("test", puzzles.most, index).id == instance.id
    assert puzzles.instance("test", puzzles.most, 0).id != instance.id


@given(st.permutations(range(6)), st.permutations(range(6)))
def test_rank_correlation_of_permutations(one, other):
    """Spearman's formula, which holds without ties."""
    one, other = np.array(one, dtype=float), np.array(other, dtype=float)
    known = 1 - 6 * ((one - other) ** 2).sum() / (6 * 35)
    assert spearman(one, other) == pytest.approx(known)


def test_rank_correlation_with_ties():
    assert spearman(np.array([1.0, 1, 2]), np.array([5.0, 5, 9])) == pytest.approx(1)
    assert np.isnan(spearman(np.zeros(3), np.arange(3.0)))


def test_means_over_what_was_measured():
    table = np.array([[1.0, np.nan, 3], [np.nan, np.nan, 5]])
    made = bootstrap_crossed(table)
    assert made.value == pytest.approx(3) and made.n == 3 and made.low <= 3 <= made.high
    assert bootstrap_crossed(np.full((2, 2), np.nan)) == (None, None, None, 0)


@pytest.fixture(scope="module", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_puzzles, "DIM", 16)
        patch.setattr(small_puzzles, "TRAINED_ON", 40)
        patch.setattr(grid, "STAGES_AT", 4)
        yield


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, small):
    """(preset, folder of its networks): hardly trained ones."""
    out = tmp_path_factory.mktemp("networks")
    preset = Preset((SmallPuzzles("4x4", "sudoku4:clues=6", 8, 4),), 2, 1, 4, 3, (3,), ())
    for case in preset.cases():
        for seed in range(2):
            training = case.puzzles.training("diffusion", seed, case.updates, out)
            if not training.path.exists():
                training.run()
    return preset, out


@pytest.mark.parametrize("order", ORDERS)
def test_a_group_is_measured_against_the_truth(tiny, order, monkeypatch):
    """The exact estimate has no error; what is right is what the checker is content with. The gradient is compared in
    a group with contrast, here by decree.
    """
    preset, at = tiny
    case = preset.cases()[0]
    training = case.puzzles.training("diffusion", 0, case.updates, at)
    case.puzzles.instance("test", case.k, 0)  # is made, and kept, while the checker still says the truth
    monkeypatch.setattr(Instance, "solved", lambda instance, values: np.array([True, False, False, True]))
    group = Group(case, str(training.path), training.card["sha256"], 0, order, 0, 4, 3)
    made = {record["estimator"]: record for record in group()}
    exact = made["exact"]
    assert exact["bias"] == 0 and exact["sd"] == 0 and exact["rank"] == pytest.approx(1) and exact["right"] == 0.5
    assert exact["cosine"] == pytest.approx(1, abs=1e-5) and exact["forwards"] == 8 and exact["ratio_shared"] is None
    assert made["elbo-count-1"]["sd"] > made["elbo-count-16"]["sd"] > 0
    assert made["trajectory"]["bias"] < 0  # one order's share of the likelihood
    assert -1 <= made["coupled"]["cosine"] < 1 and made["mean-field"]["sd"] == 0
    assert made == {record["estimator"]: record for record in group()}


def test_an_update_moves_every_weight_uphill():
    model = torch.nn.Linear(2, 1)
    gradient = group_gradient(model, model(torch.eye(2))[:, 0], np.array([1.0, -1.0]))
    assert gradient.tolist() == [1, -1, 0]
    change = [a - b for a, b in zip(moved(model, gradient).parameters(), model.parameters())]
    assert torch.cat([part.flatten() for part in change]).tolist() == pytest.approx(
        [measure.RATE, -measure.RATE, 0], abs=1e-7
    )


def test_a_run_is_resumed_and_workers_change_nothing(tiny, tmp_path, monkeypatch, capsys):
    preset, at = tiny
    monkeypatch.setitem(command.PRESETS, "standard", preset)
    for name, workers in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "networks").symlink_to(at)
        command.main(command.Likelihood("standard", out=tmp_path / name, workers=workers))
    said = capsys.readouterr().out
    assert "elbo-count-16" in said and "4x4, 3 free cells, confidence order" in said

    one, other = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("a", "b"))
    assert one["summary"] == other["summary"] and len(one["networks"]) == 2
    shards = sorted((tmp_path / "a" / "shards").iterdir())
    assert len(shards) == 4
    before = shards[0].read_bytes()
    shards[0].unlink()
    command.main(command.Likelihood("standard", out=tmp_path / "a", json=True))
    assert json.loads(capsys.readouterr().out) == one["summary"] and shards[0].read_bytes() == before
    assert {path.name for path in (tmp_path / "a").glob("estimates*")} == {"estimates.png", "estimates.svg"}


def test_networks_that_are_not_there(tmp_path):
    preset = Preset((SUDOKU4,), 1, 1, 2, 2, (4,), ())
    with pytest.raises(BadInput, match="there is no such network"):
        list(command.groups(preset, tmp_path))


def test_cases_are_numbers_of_cells_then_stages():
    cases = Preset().cases()
    assert cases[0] == Case(SUDOKU4, SUDOKU4.halfway, 4) and len(set(cases)) == len(cases) == 3 + 4 + 4 + 6
    assert summarise([], Preset((), 1)) == []
