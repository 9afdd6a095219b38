"""Training on wrong visible cells: which are wrong, what the loss asks of them; all else is as before."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.seeds import stream
from generators import checkpoint
from generators.models.transformer import pairs
from generators.models.wrong_cells import CALLS, MOST_WRONG, corrupted, drafted, edited, shares
from generators.training.config import TrainConfig, as_now
from generators.training.datasets import dataset
from generators.training.trainer import build, corruption, train

TINY = {"updates": 4, "batch": 8, "puzzles": 20, "validate_every": 2, "dim": 16, "heads": 2, "blocks": 1, "loops": 1}


@pytest.fixture(scope="module")
def sets():
    return [dataset("sudoku4", 0, "train", 40)], [dataset("sudoku4", 1, "train", 40)]


def some(sets, name, count=40):
    boards, solutions = sets[0][0].batch(np.arange(count), None)
    rng = stream("test", name)
    masked = boards.free(slice(None)) & (rng.random(solutions.shape) < 0.4)
    return boards, solutions, masked, rng


def test_shares_of_kinds():
    assert shares("") == {} and shares("own=0.5,edits=0.25") == {"own": 0.5, "edits": 0.25}
    for text in ("noise=0.5", "own", "own=much", "own=0.6,edits=0.6", "own=0", "own=0.1,own=0.2", "uniform=nan"):
        with pytest.raises(BadInput):
            shares(text)


@given(kind=st.sampled_from(["uniform", "edits", "own", "clean"]), most=st.sampled_from([0.0, 0.1, 1.0]))
def test_givens_and_masked_cells_are_never_wrong(sets, kind, most):
    boards, solutions, masked, rng = some(sets, kind + str(most))
    drawn = corrupted(boards, solutions, masked, f"{kind}=1", most, rng)
    visible = boards.free(slice(None)) & ~masked
    off = drawn["written"] != solutions
    assert not (off & ~visible).any() and not (drawn["drafts"][~visible]).any()
    assert off.any() == (kind in ("uniform", "edits")) and drawn["drafts"].any() == (kind == "own")
    assert drawn["written"][boards.real].min() >= 1 and drawn["written"].max() <= boards.d
    assert drawn["visible"].sum(1) == pytest.approx(visible.any(1).astype(float))
    if kind == "edits":
        assert (off.sum(1) <= np.ceil((most or MOST_WRONG) * visible.sum(1))).all()


def test_boards_are_shared_out_among_the_kinds(sets):
    boards, solutions = sets[0][0].batch(np.zeros(4000, dtype=int), None)
    none = np.zeros(solutions.shape, dtype=bool)
    drawn = corrupted(boards, solutions, none, "uniform=0.3,own=0.2", 1.0, stream("shares"))
    noisy, own = (drawn["written"] != solutions).any(1), (drawn["drafts"] > 0).any(1)
    assert not (noisy & own).any() and noisy.mean() == pytest.approx(0.3, abs=0.05)
    assert own.mean() == pytest.approx(0.2, abs=0.05)
    assert (drawn["visible"] > 0).any(1).mean() == pytest.approx(0.5, abs=0.03)
    share = (drawn["written"] != solutions)[noisy].sum(1) / boards.free(slice(None))[noisy].sum(1)
    assert 0.4 < share.mean() < 0.65  # of a rate that is uniform from 0 to 1


def test_an_edit_shows_what_no_neighbour_shows_where_it_can(sets):
    """One edit of a board whose other cells are masked but for one neighbour's value: never that, never its own."""
    boards, solutions = sets[0][0].batch(np.zeros(300, dtype=int), None)
    cell = int(np.nonzero(boards.free(slice(None))[0])[0][0])
    near = int(np.nonzero(boards.adjacency[0, cell])[0][0])
    state = np.zeros_like(solutions)
    state[:, [cell, near]] = solutions[:, [cell, near]]
    visible = np.zeros(solutions.shape, dtype=bool)
    visible[:, cell] = True
    made = edited(boards, state, visible, np.ones(300, dtype=int), stream("edits"), solutions)
    assert ((made != solutions).sum(1) == 1).all()
    assert set(made[:, cell]) == {1, 2, 3, 4} - {solutions[0, cell], solutions[0, near]}


def test_edits_come_one_after_another(sets):
    boards, solutions, masked, rng = some(sets, "one after another")
    visible = boards.free(slice(None)) & ~masked
    count = np.minimum(3, visible.sum(1))
    made = edited(boards, np.where(masked, 0, solutions), visible, count, rng, solutions)
    assert ((made != solutions).sum(1) == count).all()


def test_the_second_call_of_a_draft_reads_what_the_first_wrote():
    asked = []

    def logits(now):
        asked.append(now.copy())
        return np.where(np.arange(1, 4) == (3 if len(asked) == 2 else 2), 5.0, 0.0)[None, None].repeat(3, 1)

    made = drafted(logits, np.array([[1, 1, 1]]), np.array([[0, 1, 2]]), np.zeros((1, 3, 3)))
    assert [now.tolist() for now in asked] == [[[1, 0, 0]], [[1, 2, 0]]] and made.tolist() == [[1, 2, 3]] and CALLS == 2


@pytest.mark.parametrize("wrong", ["uniform=1", "own=1", "edits=0.5,uniform=0.5"])
def test_the_loss_is_the_bound_and_the_mean_over_visible_cells(sets, wrong):
    """Computed again in numpy from what is shown."""
    config = TrainConfig("diffusion", "sudoku4", **TINY, wrong=wrong, wrong_rate=0.8)
    model = build(config, sets[0]).double()
    boards, solutions = sets[0][0].batch(np.arange(20), None)
    examples = corruption(model, config)(boards, solutions, stream("loss"))
    related, real = pairs(torch.as_tensor(boards.relations)), torch.as_tensor(boards.real)
    shown = model.with_errors(examples, examples["masked"], related, real)
    assert ((shown == 0) == examples["masked"]).all() and (shown != solutions)[~examples["masked"]].any()
    with torch.no_grad():
        said = model(boards.d, torch.as_tensor(shown), related, real).numpy()
        found = model.loss(examples).numpy()
    nats = -np.take_along_axis(said, solutions[..., None] - 1, axis=2)[..., 0]
    visible = boards.free(slice(None)) & ~examples["masked"]
    mean = (nats * visible).sum(1) / np.maximum(visible.sum(1), 1)
    assert found == pytest.approx((nats * examples["weight"]).sum(1) + mean)


def test_without_wrong_cells_a_batch_is_what_it_was(sets):
    """The same draws, and none more: networks that are kept, and runs that were stopped, stay what they are."""
    boards, solutions = sets[0][0].batch(np.arange(20), None)
    model = build(TrainConfig("diffusion", "sudoku4", **TINY), sets[0])
    one, other = stream("as before"), stream("as before")
    plain, dirty = model.corrupt(boards, solutions, one), model.corrupt(boards, solutions, other, wrong="uniform=1")
    assert set(plain.drawn) == {"masked", "weight", "by_policy"}
    assert all((plain[name] == dirty[name]).all() for name in plain.drawn)


def test_cards_of_before_are_of_the_same_training():
    config = TrainConfig("diffusion", "sudoku6")
    before = {name: value for name, value in asdict(config).items() if name not in ("wrong", "wrong_rate")}
    assert config.made(json.loads(json.dumps(before))) and not replace(config, wrong="own=0.5").made(before)
    assert as_now(before) == asdict(config) != asdict(replace(config, wrong="own=0.5"))
    for path in (checkpoint.FOLDER / "likelihood").glob("*.json"):
        assert "wrong" not in checkpoint.read_card(path)["training"]  # such cards there are


def test_a_stopped_training_ends_where_an_unbroken_one_does(sets, tmp_path):
    config = TrainConfig("diffusion", "sudoku4", **TINY, wrong="uniform=0.3,own=0.4,edits=0.3")
    train(config, *sets, tmp_path / "whole.safetensors", lambda news: None)

    def stop(news):
        if news["update"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, *sets, tmp_path / "broken.safetensors", stop)
    train(config, *sets, tmp_path / "broken.safetensors", lambda news: None)
    whole, broken = ((tmp_path / f"{name}.safetensors").read_bytes() for name in ("whole", "broken"))
    assert whole == broken
    plain = train(replace(config, wrong=""), *sets, tmp_path / "plain.safetensors", lambda news: None)
    assert plain.read_bytes() != whole


def test_options_that_do_not_go_together_are_refused():
    for options, words in (
        ({"kind": "ar", "wrong": "own=0.5"}, "go with kind diffusion"),
        ({"kind": "diffusion", "wrong_rate": 0.5}, "goes with wrong"),
        ({"kind": "diffusion", "wrong": "own=0.5", "wrong_rate": 2.0}, "share"),
        ({"kind": "diffusion", "wrong": "own=2"}, "shares"),
    ):
        with pytest.raises(BadInput, match=words):
            TrainConfig(**options)
