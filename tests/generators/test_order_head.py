"""A learned order: where it begins, what it may see, and that it finds the order that matters."""

import numpy as np
import pytest
import torch

from csp.errors import BadInput
from csp.families import colouring
from csp.generate import draw
from csp.problem import Instance
from generators import checkpoint
from generators.boards import stack
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from generators.likelihood.conditionals import NetworkConditionals
from generators.likelihood.estimators import Trajectory
from generators.likelihood.order_marginal import Table
from generators.likelihood.order_policies import Confidence, OrderPolicy
from generators.likelihood.rollouts import groups, roll_out
from generators.models.backbone_config import BackboneConfig
from generators.models.interface import Orderer
from generators.models.uniform import Uniform
from generators.reinforcement.advantages import grpo
from generators.reinforcement.order_head import LearnedOrder, OrderHead


def answers(seed, rows=5, cells=6, d=3):
    rng = torch.Generator().manual_seed(seed)
    log_probs = torch.randn(rows, cells, d, generator=rng, dtype=torch.double).mul(2).log_softmax(-1)
    return log_probs, torch.rand(rows, cells, generator=rng) < 0.6


def stirred(d=3):
    torch.manual_seed(0)
    head = OrderHead(d).double()
    for weight in head.parameters():
        torch.nn.init.normal_(weight)
    return head


def test_it_begins_as_confidence():
    log_probs, blank = answers(0)
    head = OrderHead(3).double()
    assert isinstance(head, OrderPolicy)
    torch.testing.assert_close(head(log_probs, blank), Confidence(0.1)(log_probs, blank))


def test_it_chooses_among_blank_cells_whatever_their_places():
    log_probs, blank = answers(1)
    head, order = stirred(), torch.randperm(6)
    made = head(log_probs, blank)
    assert torch.isinf(made[~blank]).all()
    torch.testing.assert_close(made.exp().sum(1), blank.any(1).double())
    torch.testing.assert_close(head(log_probs[:, order], blank[:, order]), made[:, order])

    # What a filled cell's answer is means nothing, and changes nothing.
    other = torch.where(blank[..., None], log_probs, log_probs.flip(-1).roll(1, 1))
    torch.testing.assert_close(head(other, blank), made)


def untrained():
    torch.manual_seed(0)
    config = BackboneConfig(4, 16, dim=16, heads=2, blocks=1, loops=1)
    return checkpoint.network_class("diffusion")(config, "diffusion").double().eval().requires_grad_(False)


class FromTheEnd:
    """An Orderer: the last blank cell."""

    flops = 3

    def priorities(self, log_probs, blank):
        assert np.isfinite(log_probs).all()
        return np.broadcast_to(np.arange(blank.shape[1], dtype=float), blank.shape)


def test_a_decoder_commits_the_cell_that_its_orderer_says():
    puzzles, model = [draw("sudoku4:clues=6", 1, "test", index) for index in range(3)], untrained()
    assert isinstance(FromTheEnd(), Orderer) and isinstance(OrderHead(4), Orderer)
    for puzzle, trace in zip(puzzles, decode(parse("net:order=learned"), model, puzzles, 0, orderer=FromTheEnd())):
        assert [event.cell for event in trace.events] == np.flatnonzero(puzzle.givens == 0)[::-1].tolist()
        plain = decode(parse("net:order=raster"), model, [puzzle], 0)[0].costs
        assert trace.costs.flops == plain.flops + 3 * 16 * len(trace.events)


def test_an_untaught_head_decodes_surest_first():
    puzzles, model = [draw("sudoku4:clues=6", 1, "test", index) for index in range(5)], untrained()
    learned = decode(parse("net:order=learned,veto=legal"), model, puzzles, 0, orderer=OrderHead(4))
    surest = decode(parse("net:order=confidence,veto=legal"), model, puzzles, 0)
    assert [trace.events for trace in learned] == [trace.events for trace in surest]


def test_a_decoder_that_needs_a_head_and_has_none():
    with pytest.raises(BadInput, match="needs an orderer"):
        decode(parse("net:order=learned"), Uniform(), [draw("sudoku4:clues=6", 1, "test", 0)], 0)


def test_its_likelihood_is_of_orders_alone():
    """With the values' it is the joint one; no gradient reaches the frozen network."""
    model = untrained()
    boards = stack([draw("sudoku4:clues=9", 3, "test", index) for index in range(3)])
    policy = LearnedOrder(model, stirred(4))
    filled = policy.roll_out(boards, *groups(boards, 2, 0))
    orders = policy.log_likelihood(boards, filled, np.random.default_rng(0))
    ask, filling = NetworkConditionals(model, boards), (filled.rows, filled.values, filled.commit_order)
    joint = Trajectory(policy.model)(ask, *filling, np.random.default_rng(0))
    orders.sum().backward()
    assert (joint <= orders + 1e-9).all() and policy.model.score.weight.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in model.parameters())


class SureOfTheWrong:
    """Two cells that must differ. About the first, blank, it is sure and wrong half of the time; about the second it
    is unsure, unless the first is filled: then it writes what is there. If the second goes first, the first differs.
    """

    def __init__(self):
        edge = Instance(colouring.graph(2, [(0, 1)], 2), np.zeros(2, dtype=np.int64), "toy", "an edge")
        self.boards, self.asked = stack([edge]), 0

    def __call__(self, rows, states):
        self.asked += len(states)
        said = torch.full((len(states), 2, 2), 0.5, dtype=torch.double)
        for row, (one, other) in enumerate(states):
            said[row, 0] = torch.tensor([0.9, 0.1])
            if one:
                said[row, 1, one - 1] = 1 - 1e-6  # the same, which is wrong
                said[row, 1, 2 - one] = 1e-6
            if other:
                said[row, 0, 2 - other] = 1 - 1e-6
                said[row, 0, other - 1] = 1e-6
        return said.log()


def test_it_learns_that_the_less_sure_cell_goes_first():
    """Surest first is nearly always wrong here; the other order nearly always right."""
    ask, head = SureOfTheWrong(), OrderHead(2).double()
    edge = ask.boards.instances[0]
    optimiser = torch.optim.Adam(head.parameters(), lr=0.05)

    def right():
        every = [np.array(values) for values in ((1, 2), (2, 1))]
        return sum(Table.of(ask, 0, values).log_likelihood(head).exp().item() for values in every)

    before = right()
    for update in range(80):
        rows, keys = groups(ask.boards, 16, update)
        values, commit_order = roll_out(ask, head, rows, keys)
        advantages = torch.from_numpy(grpo(edge.solved(values).astype(float)))
        log_pi = Trajectory(head)(ask, rows, values, commit_order, np.random.default_rng(0))
        optimiser.zero_grad()
        (-(advantages * log_pi).mean()).backward()
        optimiser.step()
    assert before < 0.1 and right() > 0.9
