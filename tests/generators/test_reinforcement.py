"""Learning from rewards: likelihoods of AR networks, objectives, and that only true rewards teach."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from torch import nn

from csp.errors import BadInput
from csp.families import colouring
from csp.generate import draw
from csp.problem import Instance
from csp.seeds import uniform
from generators import checkpoint
from generators.boards import stack
from generators.likelihood.estimators import estimators
from generators.likelihood.order_policies import Confidence
from generators.likelihood.rollouts import groups
from generators.models.backbone_config import BackboneConfig
from generators.reinforcement.objectives import BETA, OBJECTIVES
from generators.reinforcement.policies import AutoregressivePolicy, DiffusionPolicy, Fillings
from generators.reinforcement.trainer import ReinforceConfig, evaluate, pass_at, policy_of, reinforce, rewards_of


def network(kind, d=4, cells=16, louder=3):
    torch.manual_seed(1)
    model = checkpoint.network_class(kind)(BackboneConfig(d, cells, dim=16, heads=2, blocks=2, loops=2), kind)
    for weight in model.parameters():
        weight.data *= louder
    return model


def puzzles(count, k=2):
    """4x4 Sudokus with k blank cells."""
    made = []
    for index in range(count):
        puzzle = draw("sudoku4:clues=6", 3, "test", index)
        blank = np.flatnonzero(puzzle.givens == 0)[:k]
        givens = puzzle.witness.copy()
        givens[blank] = 0
        made.append(replace(puzzle, givens=givens, difficulty=None))
    return made


def every_filling(boards):
    free = np.flatnonzero(boards.free(np.array([0]))[0])
    made = []
    for values in itertools.product(range(1, boards.d + 1), repeat=len(free)):
        filling = boards.givens[0].copy()
        filling[free] = values
        made.append(filling)
    return np.array(made), free


@pytest.mark.parametrize("kind", ["ar", "ar-random", "ar-solver"])
def test_likelihoods_of_an_ar_network_add_up_to_one(kind):
    """Along any one order; and they are what its session says, commit by commit."""
    if kind == "ar-solver":
        with pytest.raises(BadInput, match="order"):
            AutoregressivePolicy(network(kind))
        return
    policy, boards = AutoregressivePolicy(network(kind).double()), stack(puzzles(1, k=3))
    values, free = every_filling(boards)
    for order in itertools.permutations((1, 2, 3)) if kind == "ar-random" else [(1, 2, 3)]:
        commit_order = np.zeros_like(values)
        commit_order[:, free] = order
        filled = Fillings(np.zeros(len(values), dtype=np.int64), values, commit_order)
        logs = policy.log_likelihood(boards, filled, np.random.default_rng(0))
        assert logs.exp().sum().item() == pytest.approx(1)

        session, state, total = policy.model.open(boards), boards.givens.copy(), 0.0
        for cell in free[np.argsort(order)]:
            so_far, wanted = np.where(state > 0, commit_order[:1], 0), np.arange(16)[None] == cell
            said = session.predict(np.array([0]), state, so_far, wanted).log_probs[0, cell]
            state[0, cell] = values[5, cell]
            total += said[values[5, cell] - 1]
        assert logs[5].item() == pytest.approx(total, abs=1e-6)


@pytest.mark.parametrize("kind", ["ar", "ar-random"])
def test_rollouts_of_an_ar_network_have_its_likelihood(kind):
    policy, boards, count = AutoregressivePolicy(network(kind)), stack(puzzles(1)), 3000
    filled = policy.roll_out(boards, *groups(boards, count, 0))
    logs = policy.log_likelihood(boards, filled, np.random.default_rng(0)).detach().numpy()
    found, chances = {}, {}
    for values, order, log in zip(filled.values, filled.commit_order, logs):
        name = (*values, *order)
        found[name], chances[name] = found.get(name, 0) + 1, math.exp(log)
    orders = 2 if kind == "ar-random" else 1
    assert len({name[16:] for name in found}) == orders
    for name, times in found.items():
        chance = chances[name] / orders
        assert abs(times / count - chance) < 4.5 * math.sqrt(chance / count) + 1e-3


class Arms(nn.Module):
    """One cell, two values, whatever the board."""

    def __init__(self):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(2, dtype=torch.double))


class ArmsPolicy:
    def __init__(self, model):
        self.model = model

    def roll_out(self, boards, rows, keys):
        chance = self.model.logits.softmax(0)[1].item()
        values = boards.givens[rows].copy()
        values[:, 1] = 1 + (uniform(keys, 0) < chance)
        return Fillings(rows, values, np.tile([0, 1], (len(rows), 1)))

    def log_likelihood(self, boards, filled, rng):
        return self.model.logits.log_softmax(0)[torch.from_numpy(filled.values[:, 1] - 1)]

    def forwards(self, k):
        return 1


EDGE = Instance(colouring.graph(2, [(0, 1)], 2), np.array([1, 0]), "toy", "an edge")  # right is 2


def better_arm(objective, shuffled, seed, updates=40):
    """The chance of the right value after some updates."""
    policy, boards = ArmsPolicy(Arms()), stack([EDGE])
    optimiser = torch.optim.Adam(policy.model.parameters(), lr=0.1)
    for update in range(updates):
        rng = np.random.default_rng([seed, update])
        filled = policy.roll_out(boards, *groups(boards, 8, seed, update))
        rewards = rewards_of(boards, filled)
        dealt = rng.permutation(rewards) if shuffled else rewards
        loss = OBJECTIVES[objective](policy, ArmsPolicy(Arms()), boards, filled, dealt, rng)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return policy.model.logits.softmax(0)[1].item()


@pytest.mark.parametrize("objective", ["grpo", "wd1", "dpo", "expert"])
def test_only_true_rewards_lead_to_the_better_arm(objective):
    assert min(better_arm(objective, False, seed) for seed in range(10)) > 0.9
    if objective != "expert":  # which moves towards what it happens to write more often, whatever the reward
        shuffled = [better_arm(objective, True, seed) for seed in range(30)]
        assert 0.3 < np.mean(shuffled) < 0.7


def test_objectives_by_their_formulas():
    policy, reference, boards = ArmsPolicy(Arms()), ArmsPolicy(Arms()), stack([EDGE, EDGE])
    policy.model.logits.data[:] = torch.tensor([0.3, -0.2])
    values = np.array([[1, 2], [1, 1], [1, 1], [1, 1], [1, 2], [1, 2]])
    filled = Fillings(np.array([0, 0, 0, 0, 1, 1]), values, np.tile([0, 1], (6, 1)))
    rewards, rng = rewards_of(boards, filled), np.random.default_rng(0)
    assert rewards.tolist() == [1, 0, 0, 0, 1, 1]
    logs = policy.log_likelihood(boards, filled, rng).detach()

    spread = math.sqrt(3) / 4  # the second board has no contrast, and counts for nothing but in the number of boards
    advantages = np.array([0.75, -0.25, -0.25, -0.25]) / spread / 4
    made = OBJECTIVES["grpo"](policy, reference, boards, filled, rewards, rng)
    assert made.item() == pytest.approx(-(advantages * logs[:4].numpy()).sum() / 2)
    expert = OBJECTIVES["expert"](policy, reference, boards, filled, rewards, rng)
    assert expert.item() == pytest.approx(-(logs[0] + (logs[4] + logs[5]) / 2).item() / 2)
    supervised = OBJECTIVES["supervised"](policy, reference, boards, filled, rewards, rng)
    assert supervised.item() == pytest.approx(-(logs[:4].mean() + logs[4:].mean()).item() / 2)
    margin = 0.5 * BETA * -1  # log-ratios differ by -0.5: logits 0.3 and -0.2 against 0 and 0
    preferred = OBJECTIVES["dpo"](policy, reference, boards, filled, rewards, rng)
    assert preferred.item() == pytest.approx(math.log(1 + math.exp(-margin)))
    for name in ("grpo", "wd1", "dpo"):
        nothing = OBJECTIVES[name](policy, reference, boards, filled, np.ones(6), rng)
        (gradient,) = torch.autograd.grad(nothing, policy.model.logits)
        assert nothing.item() == 0 and not gradient.any()


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.integers(1, 6))
def test_pass_at_k_is_the_share_of_samples_with_a_right_one(right, k):
    shares = []
    for count in right:
        samples = [index < count for index in range(6)]
        subsets = list(itertools.combinations(samples, k))
        shares.append(np.mean([any(subset) for subset in subsets]))
    assert pass_at(k, np.array(right), 6) == pytest.approx(np.mean(shares))


def test_what_is_right_does_not_depend_on_the_other_puzzles():
    policy = DiffusionPolicy(network("diffusion"), Confidence(), estimators(Confidence())["exact"])
    some = puzzles(4)
    together = evaluate(policy, some, 8)
    assert together.tolist() == [evaluate(policy, [one], 8)[0] for one in some]


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """An untrained network's checkpoint."""
    path = tmp_path_factory.mktemp("start") / "net.safetensors"
    checkpoint.save(network("diffusion", louder=1), path, {"family": "sudoku4", "training": {}})
    return path


def test_a_run_learns_and_goes_on_after_a_stop(start, tmp_path):
    config = ReinforceConfig(
        str(start), "sudoku4", likelihood="exact", updates=30, puzzles=8, lr=2e-2, validate_every=10
    )
    some, held_out = puzzles(8, k=1), puzzles(8, k=1)
    reinforce(config, some, held_out, tmp_path / "whole.safetensors", lambda news: None)

    def stop(news):
        if news["update"] == 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reinforce(config, some, held_out, tmp_path / "parts.safetensors", stop)
    reinforce(config, some, held_out, tmp_path / "parts.safetensors", lambda news: None)
    whole, parts = ((tmp_path / f"{name}.safetensors").read_bytes() for name in ("whole", "parts"))
    assert whole == parts and not list(tmp_path.glob("*.resume*"))

    card = checkpoint.read_card(tmp_path / "whole.json")
    rows = card["rewards"]["rows"]
    assert [row[0] for row in rows] == [0, 10, 20, 30] and rows[-1][2] > rows[0][2] + 0.2
    assert rows[1][1] == 10 * 8 * 8 * (1 + 3 * 2)  # states: a call a filling, and 2^1 of them three times
    with pytest.raises(BadInput, match="lr"):
        replace(config, lr=0.0)


def test_an_order_is_learned_and_the_network_stays(start, tmp_path):
    config = ReinforceConfig(str(start), "sudoku4", learn="order", updates=4, puzzles=4, lr=1e-2, validate_every=2)
    path = tmp_path / "head.safetensors"
    made = reinforce(config, puzzles(4), puzzles(2), path, lambda news: None)
    assert [row[0] for row in made.curve] == [0, 2, 4] and made.policy.model.score.weight.any()
    before = checkpoint.load(start, dtype=torch.float32).model.state_dict()
    assert all(torch.equal(weight, before[name]) for name, weight in made.policy.network.state_dict().items())
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["takeback"])["reinforcement"]["learn"] == "order"
        torch.testing.assert_close(file.get_tensor("score.weight"), made.policy.model.score.weight.detach())
    with pytest.raises(BadInput, match="has its order"):
        policy_of(config, network("ar"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"method": "ppo"}, "ppo"),
        ({"order": "raster"}, "raster"),
        ({"learn": "all"}, "all"),
        ({"likelihood": "elbo"}, "elbo"),
        ({"group": 0}, "group"),
    ],
)
def test_options_that_no_run_can_have(words, said):
    with pytest.raises(BadInput, match=said):
        ReinforceConfig("net.safetensors", "sudoku4", **words)
