"""Energies are -log of the probability that a rule holds, by brute force; 0 exactly where it does; differentiable."""

from itertools import combinations, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from csp.constraints import AllDifferent, Constraint, NotEqual
from csp.errors import BadInput
from csp.families import sudoku
from csp.global_constraints import Among, Increasing, NValues, Sum
from csp.problem import Problem
from generators.control.semantic_loss import FLOOR, Energies, energy
from takeback.testing import keeps, rules

DTYPES = st.sampled_from([torch.float32, torch.float64])


@st.composite
def relaxed(draw, dtype=torch.float64):
    """(rules over n cells, probs (2, n, d)): distributions of which no value is very unlikely."""
    n, d = draw(st.integers(2, 5)), draw(st.integers(2, 4))
    some = tuple(draw(st.lists(rules(n, d), min_size=1, max_size=8)))
    logits = torch.randn(2, n, d, generator=torch.Generator().manual_seed(draw(st.integers(0, 99))), dtype=dtype)
    return some, logits.softmax(-1)


def brute(rule, probs):
    """-log of the sum over the scope's assignments that keep the rule."""
    kept = [held for held in product(range(1, probs.shape[-1] + 1), repeat=len(rule.scope)) if keeps(rule, held)]
    chances = [probs[:, range(len(held)), [v - 1 for v in held]].prod(-1) for held in torch.tensor(kept).tolist()]
    return -(torch.stack(chances).sum(0) + FLOOR).log()


@given(relaxed())
def test_energy_equals_brute_force(drawn):
    some, probs = drawn
    for rule in some:
        scopes = [rule.scope]
        if isinstance(rule, AllDifferent):  # stated pair by pair
            scopes = list(combinations(rule.scope, 2))
        pairs = [NotEqual(scope) for scope in scopes] if isinstance(rule, AllDifferent) else [rule]
        expected = sum((brute(pair, probs[:, list(pair.scope)]) for pair in pairs), torch.zeros(2, dtype=probs.dtype))
        assert torch.allclose(energy(rule, probs), expected, rtol=1e-9, atol=1e-9), rule


@given(st.data(), DTYPES)
def test_sure_cells_have_energy_0_exactly_if_the_rule_holds(data, dtype):
    n, d = data.draw(st.integers(2, 6)), data.draw(st.integers(2, 4))
    problem = Problem(n, d, tuple(data.draw(st.lists(rules(n, d), min_size=1, max_size=5))))
    boards = torch.tensor(data.draw(st.lists(st.lists(st.integers(1, d), min_size=n, max_size=n), min_size=1)))
    probs = torch.eye(d, dtype=dtype)[boards - 1].requires_grad_()
    said = Energies(problem.constraints)(probs)
    broken = torch.as_tensor(problem.violated(boards.numpy()))
    assert said.dtype == dtype and (said[~broken].abs() < 1e-6).all() and (said[broken] > 20).all()
    (slope,) = torch.autograd.grad(said.sum(), probs)
    assert slope.isfinite().all()


@settings(max_examples=30)
@given(relaxed())
def test_gradients(drawn):
    some, probs = drawn
    assert torch.autograd.gradcheck(Energies(some), (probs.requires_grad_(),))
    for rule in some:
        assert torch.autograd.gradcheck(lambda p: energy(rule, p), (probs,))  # noqa: B023


@given(relaxed(torch.float32))
def test_all_at_once_equal_one_by_one_in_their_order(drawn):
    some, probs = drawn
    expected = torch.stack([energy(rule, probs) for rule in some], dim=1)
    assert torch.allclose(Energies(some)(probs), expected, rtol=1e-5, atol=1e-6)


def test_a_whole_board_with_cages():
    board = sudoku.board(6)
    cages = [Sum((c, c + 1, c + 6), 6 + c % 4, 6) for c in (0, 2, 12, 14)] + [Sum((28, 29), 5, 6), Sum((35,), 2, 6)]
    classes = [Among((cell,), (1, 2, 3) if cell % 2 else (4, 5, 6), 1, 1) for cell in range(36)]
    some = (*cages, *board.constraints, *classes, NValues(tuple(range(36)), 6, 6), Increasing((3, 1, 7), 6))
    energies = Energies(some)
    assert len(energies.groups) == 3 + 1 + 1 + 2
    probs = torch.randn(3, 36, 6, generator=torch.Generator().manual_seed(0)).softmax(-1)
    assert torch.allclose(energies(probs), torch.stack([energy(rule, probs) for rule in some], dim=1), rtol=1e-5)


def test_no_rules_have_no_energies():
    assert Energies(())(torch.full((3, 2, 2), 0.5)).shape == (3, 0)


def test_float32_is_near_float64_for_twenty_nodes():
    logits = torch.randn(4, 20, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    every = tuple(range(20))
    for rule in (NValues(every, 3, 3), NValues(every, 5, 5), Among(every, (2,), 3, 7)):
        exact = energy(rule, logits.softmax(-1))
        assert torch.allclose(energy(rule, logits.float().softmax(-1)).double(), exact, rtol=1e-4), rule


def test_what_has_no_energy_is_refused():
    probs = torch.full((1, 13, 13), 1 / 13)
    with pytest.raises(BadInput, match="up to 12 values, not 13"):
        energy(NValues((0, 1), 1, 1), probs)

    class Odd(Constraint):
        scope, relation, pairwise = (0,), "", False

        def culprits(self, values):
            return values > 9

    with pytest.raises(BadInput, match="no energy"):
        Energies((Odd(),))(probs)
