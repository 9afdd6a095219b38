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
from generators.likelihood.conditionals import ExactConditionals, NetworkConditionals, free_cells, states
from generators.likelihood.estimators import (
    ESTIMATORS,
    Masked,
    Masks,
    Trajectory,
    along,
    by_count,
    coupled,
    estimators,
    log_ratio,
)
from generators.likelihood.order_marginal import Table, bound_weights, draw_orders, subsets
from generators.likelihood.order_policies import Confidence, PlackettLuce, Uniform
from generators.likelihood.rollouts import roll_out
from generators.models.backbone_config import BackboneConfig


class Stub:
    """Random answers that depend on the whole state. shift: added to every log-probability."""

    def __init__(self, seed, k, d, shift=0.0):
        self.instance = Instance(colouring.graph(k, [], d), np.zeros(k, dtype=np.int64), "toy", f"{k} nodes, no edge")
        self.free, self.asked, self.shift = free_cells(self.instance), 0, shift
        rng = torch.Generator().manual_seed(seed)
        self.weight = torch.randn(k * (d + 1), k * d, generator=rng, dtype=torch.double).requires_grad_()

    def __call__(self, read):
        self.asked += len(read)
        k, d = len(self.free), self.instance.problem.d
        seen = torch.nn.functional.one_hot(torch.as_tensor(read), d + 1).double().flatten(1)
        return torch.sin(seen @ self.weight).view(-1, k, d).mul(2).log_softmax(-1) + self.shift


def policies(k):
    return [Uniform(), Confidence(0.5), PlackettLuce(torch.linspace(-1, 1, k, dtype=torch.double))]


def by_orders(ask, values, policy):
    """log of the sum over all orders, one at a time; and the mean over orders of log p."""
    k = len(values)
    logs, rights = [], []
    for order in itertools.permutations(range(k)):
        right, log_pi = along(ask, values[None], np.array([order]), policy)
        logs.append((right + log_pi).sum())
        rights.append(right.sum())
    return torch.stack(logs).logsumexp(0), torch.stack(rights).mean()


@settings(max_examples=15)
@given(seed=st.integers(0, 999), k=st.integers(1, 5), d=st.integers(2, 4), which=st.integers(0, 2), data=st.data())
def test_the_recursion_is_the_sum_over_orders(seed, k, d, which, data):
    ask, policy = Stub(seed, k, d), policies(k)[which]
    values = np.array(data.draw(st.lists(st.integers(1, d), min_size=k, max_size=k)))
    table = Table.of(ask, values)
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
    assert Table.of(ask, values).log_likelihood(policy).item() == pytest.approx(
        by_orders(ask, values, policy)[0].item()
    )


@pytest.mark.parametrize(("k", "d"), [(1, 4), (3, 4), (6, 2)])
@pytest.mark.parametrize("which", range(3))
def test_the_likelihoods_of_all_fillings_add_up_to_one(k, d, which):
    ask, policy = Stub(k, k, d), policies(k)[which]
    every = [np.array(values) for values in itertools.product(range(1, d + 1), repeat=k)]
    total = sum(Table.of(ask, values).log_likelihood(policy).exp().item() for values in every)
    assert total == pytest.approx(1)


def test_the_bound_counts_every_order_alike():
    weights = bound_weights(5)
    assert weights.sum().item() == pytest.approx(5)  # as many commits
    assert not weights[torch.from_numpy(subsets(5).members)].any()


def test_a_deadly_rectangle():
    """Two solutions over four cells: one chance in two each, while the mean field tells no filling from another."""
    ring = Instance(colouring.graph(4, [(0, 1), (1, 2), (2, 3), (3, 0)], 2), np.zeros(4, dtype=np.int64), "toy", "ring")
    ask, rng = ExactConditionals(ring), np.random.default_rng(0)
    field = ESTIMATORS["mean-field"]
    for filling in itertools.product((1, 2), repeat=4):
        values = np.array(filling)
        right = ring.solved(values[None])[0]
        for policy in (Uniform(), Confidence()):
            likelihood = Table.of(ask, values).log_likelihood(policy).item()
            assert likelihood == (pytest.approx(math.log(1 / 2)) if right else -math.inf)
        assert field(ask, values[None], values[None] - 1, rng).item() == pytest.approx(4 * math.log(1 / 2))


@pytest.mark.parametrize("which", range(3))
def test_orders_are_drawn_as_they_may_have_been(which):
    ask, policy, values = Stub(5, 4, 3), policies(4)[which], np.array([2, 1, 3, 3])
    steps = Table.of(ask, values).steps(policy)
    drawn = draw_orders(steps, 20_000, np.random.default_rng(1))
    every = list(itertools.permutations(range(4)))
    shares = np.array([(drawn == order).all(1).mean() for order in every])
    right, log_pi = along(ask, np.repeat(values[None], 24, 0), np.array(every), policy)
    known = (right + log_pi).sum(1).softmax(0).detach().numpy()
    assert np.abs(shares - known).max() < 4 * np.sqrt(known.max() / len(drawn))


@pytest.mark.parametrize("which", range(3))
def test_rollouts_have_this_likelihood(which):
    ask, policy, count = Stub(7, 3, 3), policies(3)[which], 20_000
    values, orders = roll_out(ask, policy, count, 0)
    assert (np.sort(orders, 1) == np.arange(3)).all()
    for filling in itertools.product((1, 2, 3), repeat=3):
        chance = Table.of(ask, np.array(filling)).log_likelihood(policy).exp().item()
        share = (values == filling).all(1).mean()
        assert abs(share - chance) < 4.5 * math.sqrt(chance / count)
    few, _ = roll_out(ask, policy, 5, 0)
    assert (few == values[:5]).all()  # a rollout does not know how many there are
    assert (roll_out(ask, policy, 5, 1)[0] != few).any()


# What estimators are unbiased for: the mean of many draws against the exact figure, in standard errors.
DRAWS = 4000
MANY = np.tile([1, 3, 2, 2, 1], (DRAWS, 1))


def z_score(estimator, ask, exact, seed=0):
    orders = np.zeros_like(MANY)
    with torch.no_grad():
        made = estimator(ask, MANY, orders, np.random.default_rng(seed)).numpy()
    return (made.mean() - exact) / (made.std() / math.sqrt(DRAWS))


@pytest.mark.parametrize("name", [name for name, one in ESTIMATORS.items() if one.target == "bound"])
def test_estimators_of_the_bound_are_unbiased(name):
    ask = Stub(11, 5, 3)
    assert abs(z_score(ESTIMATORS[name], ask, Table.of(ask, MANY[0]).elbo().item())) < 4


def too_heavy(k, rng):
    made = by_count(k, rng, 1)
    return replace(made, weight=made.masked * (k / (made.masked.sum() + 0.5)))


@pytest.mark.parametrize("twin", [partial(coupled, lowest=0.3), too_heavy, ESTIMATORS["mean-field"].draw])
def test_a_biased_twin_is_found(twin):
    ask = Stub(11, 5, 3)
    assert abs(z_score(Masked(twin, 1, "bound", "a twin"), ask, Table.of(ask, MANY[0]).elbo().item())) > 6


def test_exact_for_their_own_process():
    ask, values = Stub(2, 4, 3), np.array([[1, 2, 3, 1], [3, 3, 1, 2]])
    orders, rng = np.array([[2, 0, 3, 1], [1, 3, 2, 0]]), np.random.default_rng(0)
    for row in range(2):
        table = Table.of(ask, values[row])
        raster = ESTIMATORS["raster"](ask, values, orders, rng)[row]
        assert raster.item() == pytest.approx(table.along(np.arange(4)).item())
        joint = Trajectory(Uniform())(ask, values, orders, rng)[row]
        assert joint.item() == pytest.approx(table.along(orders[row]).item() - math.log(24))
        exact = estimators(Confidence())["exact"](ask, values, orders, rng)[row]
        assert exact.item() == pytest.approx(table.log_likelihood(Confidence()).item())


@pytest.mark.parametrize("which", range(3))
def test_the_gradient_along_orders_that_were_taken_is_the_likelihoods(which):
    """Fisher's identity, over all orders, each with its chance given the filling."""
    ask, policy, values = Stub(4, 3, 3), policies(3)[which], np.array([2, 2, 1])
    every = np.array(list(itertools.permutations(range(3))))
    joint = Trajectory(policy)(ask, np.repeat(values[None], 6, 0), every, np.random.default_rng(0))
    (made,) = torch.autograd.grad((joint.softmax(0).detach() * joint).sum(), ask.weight)
    (known,) = torch.autograd.grad(Table.of(ask, values).log_likelihood(policy), ask.weight)
    torch.testing.assert_close(made, known)


def test_shared_masks_take_the_variance_out_of_a_ratio():
    """A network whose every log p is lower by c: the ratio is k c whatever is masked, if both read the same masks; else
    its variance is that of both together, known here by going through all masks.
    """
    k, c = 4, 0.25
    one, other, values = Stub(9, k, 3), Stub(9, k, 3, shift=-c), np.array([1, 2, 3, 1])
    right = Table.of(one, values).right.detach().numpy()
    lower = Table.of(other, values).right.detach().numpy()
    members = subsets(k).members
    sizes = (~members).sum(1)
    chance = np.array([1 / (k * math.comb(k, size)) if size else 0.0 for size in sizes])
    variance = 0.0
    for table in (right, lower):
        estimate = np.where(members, 0.0, table).sum(1) * k / np.maximum(sizes, 1)
        variance += chance @ estimate**2 - (chance @ estimate) ** 2

    many, orders = np.repeat(values[None], DRAWS, 0), np.zeros((DRAWS, k), dtype=np.int64)
    args = ESTIMATORS["elbo-count-1"], one, other, many, orders
    with torch.no_grad():
        shared = log_ratio(*args, np.random.default_rng(0), shared=True).numpy()
        apart = log_ratio(*args, np.random.default_rng(0), shared=False).numpy()
    assert shared == pytest.approx(np.full(DRAWS, k * c))
    assert apart.var() == pytest.approx(variance, rel=0.15)


@pytest.mark.parametrize("name", sorted(estimators(Uniform())))
def test_forwards_are_counted(name):
    ask, values = Stub(1, 4, 3), np.array([[1, 2, 3, 1], [2, 2, 2, 2]])
    estimator = estimators(Uniform())[name]
    estimator(ask, values, np.array([[0, 1, 2, 3]] * 2), np.random.default_rng(0))
    assert ask.asked == 2 * estimator.forwards(4)


@settings(max_examples=20)
@given(k=st.integers(1, 9), draws=st.sampled_from([1, 2, 4]), seed=st.integers(0, 99))
def test_masks_weigh_only_what_they_mask(k, draws, seed):
    for estimator in ESTIMATORS.values():
        if isinstance(estimator, Masked):
            made = estimator.draw(k, np.random.default_rng(seed))
            assert isinstance(made, Masks) and made.masked.shape == made.weight.shape
            assert not made.weight[~made.masked].any() and (made.weight[made.masked] > 0).all()
    counts = np.sort(by_count(k, np.random.default_rng(seed), draws, spaced=True).masked.sum(1))
    assert counts[-1] - counts[0] < k and counts[0] >= 1


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
    ask = NetworkConditionals(model, instance)
    values = instance.witness[ask.free]
    filled = np.random.default_rng(0).random((10, len(ask.free))) < 0.5
    read = states(instance, np.repeat(values[None], 10, 0), filled)
    made = ask(read)
    session = model.open(stack([instance], "x"))
    for row in range(10):
        said = session.predict(np.array([0]), read[row : row + 1]).log_probs[0, ask.free]
        assert np.abs(said - made[row].detach().numpy())[~filled[row]].max(initial=0) < 1e-8
    assert ask.asked == 10 and ask.flops > 0

    gradients = []
    for together in (10, 3):
        monkeypatch.setattr(conditionals, "TOGETHER", together)
        model.zero_grad()
        ask(read)[~torch.from_numpy(filled)].sum().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    torch.testing.assert_close(*gradients)


def test_what_has_no_such_likelihood_is_refused():
    instance = draw("sudoku4", 3, "test", 0)
    with pytest.raises(BadInput, match="sequence of commits"):
        NetworkConditionals(network("diffusion-causal"), instance)
    with pytest.raises(BadInput, match="sequence of commits"):
        NetworkConditionals(network("ar-random"), instance)
    with pytest.raises(BadInput, match="15 free cells.*14"):
        Table.of(Stub(0, 15, 2), np.ones(15, dtype=np.int64))
