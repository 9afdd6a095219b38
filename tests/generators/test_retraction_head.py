"""A learned retraction: what it is shown, where it begins, its likelihood, and that it finds the cell that matters."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from csp.errors import BadInput
from csp.families import colouring
from csp.generate import draw
from csp.problem import Instance
from generators.boards import stack
from generators.decoding.learned_retraction import FEATURES, features
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from generators.decoding.state import Moment, State
from generators.decoding.vetoes import inspect
from generators.likelihood.rollouts import groups
from generators.models.interface import Remasker
from generators.models.uniform import Uniform
from generators.reinforcement.advantages import grpo
from generators.reinforcement.heads import load_retraction_head, save_head
from generators.reinforcement.order_head import OrderHead
from generators.reinforcement.retraction_head import Decodings, LearnedRetraction, RetractionHead

WORDS = parse("net:order=raster,veto=legal,retraction=learned,temperature=1,calls=30")


def puzzles(count=4):
    return [draw("sudoku4:clues=6", 1, "test", index) for index in range(count)]


def stirred():
    torch.manual_seed(0)
    head = RetractionHead()
    for weight in head.parameters():
        torch.nn.init.normal_(weight)
    return head


def test_what_it_is_shown_of_a_path_of_three():
    """0 - 1 - 2 with two colours: 0 and 2 differ, so that 1 has none left and the board is lost."""
    path = Instance(colouring.graph(3, [(0, 1), (1, 2)], 2), np.zeros(3, dtype=np.int64), "toy", "a path")
    state = State(replace(WORDS, calls=10), stack([path]))
    rows = np.array([0])
    state.commit(np.array([0, 0]), np.array([0, 2]), np.array([1, 2]), np.array([0.75, 0.5]))
    state.spend(rows, 2, 0, 0.0)
    shown = dict(zip(FEATURES, features(state, rows, inspect(state, rows))[0].T))
    assert shown["lost"].tolist() == [1, 0, 1] and shown["empty"].tolist() == [1, 0, 1]  # 1 is blank: nothing is said
    assert shown["sure"].tolist() == [0.75, 0, 0.5] and shown["age"].tolist() == [0.5, 0, 0]
    assert shown["blank"][0] == pytest.approx(1 / 3) and shown["time"][0] == pytest.approx(0.2)
    assert shown["others"].tolist() == [0.5, 0, 0.5] and not shown["clash"].any() and not shown["rounds"].any()


def test_it_begins_with_the_suspects_of_lost_boards():
    head, cell = RetractionHead(), np.zeros((1, 3, len(FEATURES)))
    for place, words in enumerate((("lost", "clash"), ("lost",), ())):
        for word in words:
            cell[0, place, FEATURES.index(word)] = 1
    suspect, beside, calm = head.chances(cell)[0]
    assert isinstance(head, Remasker) and suspect == 0.5 and 0.05 < beside < 0.1 and calm < 0.005


def test_its_likelihood_is_the_product_over_cells_and_calls():
    """Of the same draws, written out in numpy; and that of a few rows is what those rows have among all."""
    boards = stack(puzzles())
    policy = LearnedRetraction(Uniform(), stirred(), WORDS)
    filled = policy.roll_out(boards, *groups(boards, 3, 0))
    total = np.zeros(len(filled.rows))
    for moment in filled.moments:
        chances = policy.model.chances(moment.features)
        chosen = np.where(moment.blanked, chances, 1 - chances)
        np.add.at(total, moment.rows, np.log(np.where(moment.committed, chosen, 1)).sum(1))
    found = policy.log_likelihood(boards, filled, np.random.default_rng(0))
    np.testing.assert_allclose(found.detach().numpy(), total, rtol=1e-4)
    assert any(moment.blanked.any() for moment in filled.moments) and filled.read == filled.calls.sum()

    some = np.array([7, 2, 4])
    few = policy.log_likelihood(boards, filled.take(some), np.random.default_rng(0))
    np.testing.assert_allclose(few.detach().numpy(), total[some], rtol=1e-4)
    found.sum().backward()
    assert policy.model.read.weight.grad.abs().sum() > 0


def test_a_key_gives_the_same_filling_among_any_others():
    boards = stack(puzzles())
    policy = LearnedRetraction(Uniform(), stirred(), WORDS)
    rows, keys = groups(boards, 2, 5)
    all_of_them, last = policy.roll_out(boards, rows, keys), policy.roll_out(boards, rows[-1:], keys[-1:])
    np.testing.assert_array_equal(all_of_them.values[-1:], last.values)
    assert all_of_them.calls[-1] == last.calls[0]


class Fourth:
    """Blanks the fourth cell whenever it is filled."""

    flops = 0

    def chances(self, features):
        return np.where(np.arange(features.shape[1]) == 3, 1.0, 0.0)[None].repeat(len(features), 0)


def test_the_placebo_takes_as_many_and_others():
    (puzzle,) = [replace(instance, givens=np.zeros_like(instance.givens)) for instance in puzzles(1)]
    words, taken = replace(WORDS, calls=14), {}
    for signal in ("none", "random"):
        events = decode(replace(words, signal=signal), Uniform(), [puzzle], 3, remasker=Fourth())[0].events
        taken[signal] = [event.cell for event in events if not event.value]
    assert set(taken["none"]) == {3} and len(taken["none"]) == 10  # not after the last call
    assert len(set(taken["random"])) > 1


@pytest.mark.parametrize("shuffled", [False, True])
def test_grpo_learns_the_better_of_two_arms(shuffled):
    """Two kinds of committed cells, sure and unsure; right are boards whose unsure cell was blanked and whose sure one
    was not, and a few others. Rewards that are dealt out anew teach nothing of it.
    """
    torch.manual_seed(0)
    rng, head = np.random.default_rng(0), RetractionHead()
    policy, boards = LearnedRetraction(Uniform(), head, WORDS), stack(puzzles(1))
    rows, both = np.arange(64), np.ones((64, 2), dtype=bool)
    features = np.zeros((64, 2, len(FEATURES)))
    features[..., FEATURES.index("lost")] = features[..., FEATURES.index("clash")] = 1  # it begins with 1/2
    features[:, 0, FEATURES.index("sure")] = 1

    optimiser = torch.optim.Adam(head.parameters(), lr=0.02)
    for _ in range(60):
        blanked = rng.random((64, 2)) < head.chances(features)
        right = (~blanked[:, 0] & blanked[:, 1]) | (rng.random(64) < 0.1)
        weights = grpo(rng.permutation(right.astype(float)) if shuffled else right.astype(float))
        made = Decodings(rows * 0, rows[:, None], rows[:, None], [Moment(rows, features, both, blanked)], rows, rows)
        told = policy.log_likelihood(boards, made, rng)
        optimiser.zero_grad()
        (-(torch.from_numpy(weights).to(told) * told).mean()).backward()
        optimiser.step()
    sure, unsure = head.chances(features)[0]
    assert (sure < 0.2 and unsure > 0.8) != shuffled, (sure, unsure)


def test_files_of_heads(tmp_path):
    path, head = tmp_path / "head.safetensors", stirred()
    save_head(head, path, {"family": "sudoku4"})
    found, card = load_retraction_head(path)
    assert card["family"] == "sudoku4"
    assert all((one == other).all() for one, other in zip(head.parameters(), found.parameters()))
    save_head(OrderHead(4), path, {})
    with pytest.raises(BadInput, match="no head that takes cells back"):
        load_retraction_head(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BadInput, match="no file of a head"):
        load_retraction_head(path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("net:retraction=learned", "runs for a number of calls"),
        ("net:retraction=learned,tokens=9,calls=9", "no other budget"),
        ("net:retraction=learned,calls=9,signal=stored", "look at a signal"),
    ],
)
def test_words_that_do_not_go_together(words, said):
    with pytest.raises(BadInput, match=said):
        parse(words)


def test_a_decoder_that_needs_a_head_and_has_none():
    with pytest.raises(BadInput, match="needs a remasker"):
        decode(WORDS, Uniform(), puzzles(1), 0)
