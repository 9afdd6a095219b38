"""The likelihood over all orders: against sums over orders, and what estimators of it are unbiased for."""

import itertools
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.families import colouring
from csp.generate import draw
from csp.problem import Instance
from generators import checkpoint
from generators.boards import stack
from generators.likelihood import conditionals
from generators.likelihood.conditionals import ExactConditionals, NetworkConditionals
from generators.likelihood.estimators import (
    ESTIMATORS,
    Masked,
    Masks,
    Trajectory,
    along,
    by_count,
    coupled,
    estimators,
    everything,
    log_ratio,
)
from generators.likelihood.order_marginal import Table, bound_weights, draw_orders, subsets
from generators.likelihood.order_policies import Confidence, PlackettLuce, Uniform
from generators.likelihood.rollouts import groups, roll_out
from generators.models.backbone_config import BackboneConfig


class Stub:
    """Random answers that depend on the whole state. shift: added to every log-probability."""

    def __init__(self, seed, k, d, shift=0.0):
        empty = Instance(colouring.graph(k, [], d), np.zeros(k, dtype=np.int64), "toy", f"{k} nodes, no edge")
        self.boards, self.asked, self.shift = stack([empty]), 0, shift
        rng = torch.Generator().manual_seed(seed)
        self.weight = torch.randn(k * (d + 1), k * d, generator=rng, dtype=torch.double).requires_grad_()

    def __call__(self, rows, read):
        self.asked += len(read)
        k, d = self.boards.width, self.boards.d
        seen = torch.nn.functional.one_hot(torch.as_tensor(read), d + 1).double().flatten(1)
        return torch.sin(seen @ self.weight).view(-1, k, d).mul(2).log_softmax(-1) + self.shift


def policies(k):
    return [Uniform(), Confidence(0.5), PlackettLuce(torch.linspace(-1, 1, k, dtype=torch.double))]


def by_orders(ask, values, policy):
    """log of the sum over all orders, one at a time; and the mean over orders of log p."""
    k = len(values)
    logs, rights = [], []
    for order in itertools.permutations(range(k)):
        right, log_pi = along(ask, np.array([0]), values[None], 1 + np.array([order]), policy)
        logs.append((right + log_pi).sum())
        rights.append(right.sum())
    return torch.stack(logs).logsumexp(0), torch.stack(rights).mean()


@settings(max_examples=15)
@given(seed=st.integers(0, 999), k=st.integers(1, 5), d=st.integers(2, 4), which=st.integers(0, 2), data=st.data())
def test_the_recursion_is_the_sum_over_orders(seed, k, d, which, data):
    ask, policy = Stub(seed, k, d), policies(k)[which]
    values = np.array(data.draw(st.lists(st.integers(1, d), min_size=k, max_size=k)))
    table = Table.of(ask, 0, values)
    likelihood, mean = by_orders(ask, values, policy)
    assert table.log_likelihood(policy).item() == pytest.approx(likelihood.item(), abs=1e-9)
    assert table.elbo().item() == pytest.approx(mean.item(), abs=1e-9)
    assert table.elbo() <= table.log_likelihood(Uniform()) + 1e-9
    (made,) = torch.autograd.grad(table.log_likelihood(policy), ask.weight)
    (known,) = torch.autograd.grad(likelihood, ask.weight)
    torch.testing.assert_close(made, known)


@pytest.mark.parametrize("which", range(3))
def test_six_cells_by_all_720_orders(which):
    ask, policy, values = Stub(3, 6, 3), policies(6)[which], np.array([1, 3, 2, 2, 1, 3])
    assert Table.of(ask, 0, values).log_likelihood(policy).item() == pytest.approx(
        by_orders(ask, values, policy)[0].item()
    )


@pytest.mark.parametrize(("k", "d"), [(1, 4), (3, 4), (6, 2)])
@pytest.mark.parametrize("which", range(3))
def test_the_likelihoods_of_all_fillings_add_up_to_one(k, d, which):
    ask, policy = Stub(k, k, d), policies(k)[which]
    every = [np.array(values) for values in itertools.product(range(1, d + 1), repeat=k)]
    total = sum(Table.of(ask, 0, values).log_likelihood(policy).exp().item() for values in every)
    assert total == pytest.approx(1)


def test_the_bound_counts_every_order_alike():
    weights = bound_weights(5)
    assert weights.sum().item() == pytest.approx(5)  # as many commits
    assert not weights[torch.from_numpy(subsets(5).members)].any()


def test_a_deadly_rectangle():
    """Two solutions over four cells: one chance in two each, while the mean field tells no filling from another."""
    ring = Instance(colouring.graph(4, [(0, 1), (1, 2), (2, 3), (3, 0)], 2), np.zeros(4, dtype=np.int64), "toy", "ring")
    ask, rng = ExactConditionals([ring]), np.random.default_rng(0)
    field = ESTIMATORS["mean-field"]
    for filling in itertools.product((1, 2), repeat=4):
        values = np.array(filling)
        right = ring.solved(values[None])[0]
        for policy in (Uniform(), Confidence()):
            likelihood = Table.of(ask, 0, values).log_likelihood(policy).item()
            assert likelihood == (pytest.approx(math.log(1 / 2)) if right else -math.inf)
        assert field(ask, np.array([0]), values[None], values[None], rng).item() == pytest.approx(4 * math.log(1 / 2))


@pytest.mark.parametrize("which", range(3))
def test_orders_are_drawn_as_they_may_have_been(which):
    ask, policy, values = Stub(5, 4, 3), policies(4)[which], np.array([2, 1, 3, 3])
    steps = Table.of(ask, 0, values).steps(policy)
    drawn = draw_orders(steps, 20_000, np.random.default_rng(1))
    every = 1 + np.array(list(itertools.permutations(range(4))))
    shares = np.array([(drawn == order).all(1).mean() for order in every])
    right, log_pi = along(ask, np.zeros(24, dtype=int), np.repeat(values[None], 24, 0), every, policy)
    known = (right + log_pi).sum(1).softmax(0).detach().numpy()
    assert np.abs(shares - known).max() < 4 * np.sqrt(known.max() / len(drawn))


@pytest.mark.parametrize("which", range(3))
def test_rollouts_have_this_likelihood(which):
    ask, policy, count = Stub(7, 3, 3), policies(3)[which], 20_000
    values, commit_order = roll_out(ask, policy, *groups(ask.boards, count, 0))
    assert (np.sort(commit_order, 1) == [1, 2, 3]).all()
    for filling in itertools.product((1, 2, 3), repeat=3):
        chance = Table.of(ask, 0, np.array(filling)).log_likelihood(policy).exp().item()
        share = (values == filling).all(1).mean()
        assert abs(share - chance) < 4.5 * math.sqrt(chance / count)
    few, _ = roll_out(ask, policy, *groups(ask.boards, 5, 0))
    assert (few == values[:5]).all()  # a rollout does not know how many there are
    assert (roll_out(ask, policy, *groups(ask.boards, 5, 1))[0] != few).any()


# What estimators are unbiased for: the mean of many draws against the exact figure, in standard errors.
DRAWS = 4000
MANY = np.tile([1, 3, 2, 2, 1], (DRAWS, 1))


def z_score(estimator, ask, exact, seed=0):
    rows = np.zeros(DRAWS, dtype=np.int64)
    with torch.no_grad():
        made = estimator(ask, rows, MANY, np.zeros_like(MANY), np.random.default_rng(seed)).numpy()
    return (made.mean() - exact) / (made.std() / math.sqrt(DRAWS))


@pytest.mark.parametrize("name", [name for name, one in ESTIMATORS.items() if one.target == "bound"])
def test_estimators_of_the_bound_are_unbiased(name):
    ask = Stub(11, 5, 3)
    assert abs(z_score(ESTIMATORS[name], ask, Table.of(ask, 0, MANY[0]).elbo().item())) < 4


def too_heavy(free, rng):
    made = by_count(free, rng, 1)
    return replace(made, weight=made.masked * (free.shape[1] / (made.masked.sum(2, keepdims=True) + 0.5)))


@pytest.mark.parametrize("twin", [partial(coupled, lowest=0.3), too_heavy, everything])
def test_a_biased_twin_is_found(twin):
    ask = Stub(11, 5, 3)
    assert abs(z_score(Masked(twin, 1, "bound", "a twin"), ask, Table.of(ask, 0, MANY[0]).elbo().item())) > 6


def test_exact_for_their_own_process():
    ask, values = Stub(2, 4, 3), np.array([[1, 2, 3, 1], [3, 3, 1, 2]])
    orders, rng, rows = np.array([[2, 0, 3, 1], [1, 3, 2, 0]]), np.random.default_rng(0), np.zeros(2, dtype=np.int64)
    commit_order = 1 + np.argsort(orders, axis=1)
    for row in range(2):
        table = Table.of(ask, 0, values[row])
        raster = ESTIMATORS["raster"](ask, rows, values, commit_order, rng)[row]
        assert raster.item() == pytest.approx(table.along(np.arange(4)).item())
        joint = Trajectory(Uniform())(ask, rows, values, commit_order, rng)[row]
        assert joint.item() == pytest.approx(table.along(orders[row]).item() - math.log(24))
        exact = estimators(Confidence())["exact"](ask, rows, values, commit_order, rng)[row]
        assert exact.item() == pytest.approx(table.log_likelihood(Confidence()).item())


@pytest.mark.parametrize("which", range(3))
def test_the_gradient_along_orders_that_were_taken_is_the_likelihoods(which):
    """Fisher's identity, over all orders, each with its chance given the filling."""
    ask, policy, values = Stub(4, 3, 3), policies(3)[which], np.array([2, 2, 1])
    every, rows = 1 + np.array(list(itertools.permutations(range(3)))), np.zeros(6, dtype=np.int64)
    joint = Trajectory(policy)(ask, rows, np.repeat(values[None], 6, 0), every, np.random.default_rng(0))
    (made,) = torch.autograd.grad((joint.softmax(0).detach() * joint).sum(), ask.weight)
    (known,) = torch.autograd.grad(Table.of(ask, 0, values).log_likelihood(policy), ask.weight)
    torch.testing.assert_close(made, known)


def test_shared_masks_take_the_variance_out_of_a_ratio():
    """A network whose every log p is lower by c: the ratio is k c whatever is masked, if both read the same masks; else
    its variance is that of both together, known here by going through all masks.
    """
    k, c = 4, 0.25
    one, other, values = Stub(9, k, 3), Stub(9, k, 3, shift=-c), np.array([1, 2, 3, 1])
    right = Table.of(one, 0, values).right.detach().numpy()
    lower = Table.of(other, 0, values).right.detach().numpy()
    members = subsets(k).members
    sizes = (~members).sum(1)
    chance = np.array([1 / (k * math.comb(k, size)) if size else 0.0 for size in sizes])
    variance = 0.0
    for table in (right, lower):
        estimate = np.where(members, 0.0, table).sum(1) * k / np.maximum(sizes, 1)
        variance += chance @ estimate**2 - (chance @ estimate) ** 2

    many, rows = np.repeat(values[None], DRAWS, 0), np.zeros(DRAWS, dtype=np.int64)
    args = ESTIMATORS["elbo-count-1"], one, other, rows, many, np.zeros_like(many)
    with torch.no_grad():
        shared = log_ratio(*args, np.random.default_rng(0), shared=True).numpy()
        apart = log_ratio(*args, np.random.default_rng(0), shared=False).numpy()
    assert shared == pytest.approx(np.full(DRAWS, k * c))
    assert apart.var() == pytest.approx(variance, rel=0.15)


@pytest.mark.parametrize("name", sorted(estimators(Uniform())))
def test_forwards_are_counted(name):
    ask, values = Stub(1, 4, 3), np.array([[1, 2, 3, 1], [2, 2, 2, 2]])
    estimator = estimators(Uniform())[name]
    estimator(ask, np.array([0, 0]), values, np.array([[1, 2, 3, 4]] * 2), np.random.default_rng(0))
    assert ask.asked == 2 * estimator.forwards(4)


@settings(max_examples=20)
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=3), seed=st.integers(0, 99))
def test_masks_weigh_only_free_cells_that_they_mask(sizes, seed):
    """Of fillings with different numbers of free cells at once."""
    rng = np.random.default_rng(seed)
    free = np.stack([rng.permutation(np.arange(12) < size) for size in sizes])
    for estimator in ESTIMATORS.values():
        if isinstance(estimator, Masked):
            made = estimator.draw(free, rng)
            assert isinstance(made, Masks) and made.masked.shape == made.weight.shape == (
                len(free),
                estimator.draws,
                12,
            )
            assert not (made.masked & ~free[:, None]).any()
            assert not made.weight[~made.masked].any() and (made.weight[made.masked] > 0).all()
    counts = np.sort(by_count(free, rng, 4, spaced=True).masked.sum(2), axis=1)
    assert (counts[:, 0] >= 1).all() and (counts[:, -1] <= sizes).all()


def test_fillings_of_several_boards_are_estimated_as_each_alone():
    """Boards of different sizes and numbers of free cells, whatever the estimator; what is drawn is drawn again."""
    model = network("diffusion")
    instances = [draw("sudoku4:clues=9", 3, "test", index) for index in range(3)]
    ask = NetworkConditionals(model, stack(instances))
    policy, (rows, keys) = Confidence(), groups(ask.boards, 2, 0)
    filled = (rows, *roll_out(ask, policy, rows, keys))
    sure = {"mean-field", "raster", "trajectory", "exact"}
    for name in sure:
        together = estimators(policy)[name](ask, *filled, np.random.default_rng(0))
        for place in range(len(rows)):
            alone = NetworkConditionals(model, stack([instances[rows[place]]]))
            own = roll_out(alone, policy, np.array([0]), keys[[place]])
            assert (own[0] == filled[1][place]).all() and (own[1] == filled[2][place]).all()
            said = estimators(policy)[name](alone, np.array([0]), *own, np.random.default_rng(0))
            assert said.item() == pytest.approx(together[place].item(), abs=1e-8)


def network(kind, d=4, cells=16):
    torch.manual_seed(1)
    model = checkpoint.network_class(kind)(BackboneConfig(d, cells, dim=16, heads=2, blocks=2, loops=2), kind)
    for weight in model.parameters():
        weight.data *= 3
    return model.double()


@pytest.mark.parametrize("kind", ["diffusion", "diffusion-blind", "net:workspace=live"])
def test_a_networks_answers(kind, monkeypatch):
    """As its own session gives them, and the same in several passes, gradients too."""
    model, instance = network(kind), draw("sudoku4", 3, "test", 0)
    ask = NetworkConditionals(model, stack([instance]))
    filled = np.random.default_rng(0).random((10, 16)) < 0.5
    read = np.where(filled | (instance.givens > 0), instance.witness, 0)
    rows, blank = np.zeros(10, dtype=np.int64), read == 0
    made = ask(rows, read)
    session = model.open(stack([instance], "x"))
    for row in range(10):
        said = session.predict(np.array([0]), read[row : row + 1]).log_probs[0]
        assert np.abs(said - made[row].detach().numpy())[blank[row]].max(initial=0) < 1e-8
    assert ask.asked == 10 and ask.flops > 0

    gradients = []
    for together in (10, 3):
        monkeypatch.setattr(conditionals, "TOGETHER", together)
        model.zero_grad()
        ask(rows, read)[torch.from_numpy(blank)].sum().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    torch.testing.assert_close(*gradients)


def test_what_has_no_such_likelihood_is_refused():
    boards = stack([draw("sudoku4", 3, "test", 0)])
    for kind in ("diffusion-causal", "ar-random"):
        with pytest.raises(BadInput, match="sequence of commits"):
            NetworkConditionals(network(kind), boards)
    with pytest.raises(BadInput, match="15 free cells.*14"):
        Table.of(Stub(0, 15, 2), 0, np.ones(15, dtype=np.int64))
