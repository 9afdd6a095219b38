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
from generators.decoding.state import State
from generators.decoding.vetoes import inspect
from generators.likelihood.rollouts import groups
from generators.models.interface import Remasker
from generators.models.uniform import Uniform
from generators.reinforcement.advantages import grpo
from generators.reinforcement.heads import load_retraction_head, save_head
from generators.reinforcement.order_head import OrderHead
from generators.reinforcement.retraction_head import LearnedRetraction, RetractionHead
from generators.reinforcement.trainer import rewards_of

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


def test_the_placebo_takes_as_many_and_others():
    """Told to blank exactly the cells in the first place of the board, it blanks one of those that are there."""

    class First:
        flops = 0

        def chances(self, shown):
            return np.where(np.arange(shown.shape[1]) == 0, 1.0, 0.0)[None].repeat(len(shown), 0)

    (puzzle,) = [replace(instance, givens=np.zeros_like(instance.givens)) for instance in puzzles(1)]
    words = replace(WORDS, order="raster", calls=12)
    taken = {}
    for signal in ("none", "random"):
        events = decode(replace(words, signal=signal), Uniform(), [puzzle], 3, remasker=First())[0].events
        taken[signal] = [event.cell for event in events if not event.value]
    assert set(taken["none"]) == {0} and len(taken["none"]) == 11  # not after the last call
    assert len(set(taken["random"])) > 1


def test_grpo_learns_to_take_back_what_stands_in_the_way():
    """Boards of 4x4 whose values are drawn at random under the veto: after learning more of them end up right."""
    torch.manual_seed(0)
    boards = stack(puzzles(8))
    policy = LearnedRetraction(Uniform(), RetractionHead(), WORDS)

    def right(seed):
        return rewards_of(boards, policy.roll_out(boards, *groups(boards, 8, seed))).mean()

    before = np.mean([right(("before", n)) for n in range(3)])
    optimiser = torch.optim.Adam(policy.model.parameters(), lr=0.02)
    for update in range(25):
        filled = policy.roll_out(boards, *groups(boards, 8, update))
        rewards = rewards_of(boards, filled).reshape(len(boards), 8)
        advantages = torch.from_numpy(np.concatenate([grpo(group) for group in rewards])).float()
        loss = -(advantages * policy.log_likelihood(boards, filled, np.random.default_rng(0))).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    after = np.mean([right(("after", n)) for n in range(3)])
    assert after > before + 0.1, (before, after)


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
