"""All grids: known numbers, rules against brute force on 4x4, prefixes and uniform samples."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csp.constraints import AllDifferent, Constraint, NotEqual
from csp.errors import BadInput
from csp.families import colouring, sudoku
from csp.problem import Problem
from solvers.counting.sudoku_grids import Prefixes, all_grids
from takeback.testing import solutions_of

FOUR, SIX = sudoku.board(4), sudoku.board(6)


@dataclass(frozen=True)
class Weighed(Constraint):
    """The scope's values, times their weights, add up to `total`."""

    scope: tuple[int, ...]
    weights: tuple[int, ...]
    total: int
    relation: str = "row"
    pairwise = False

    def culprits(self, values):
        wrong = (values @ np.array(self.weights) != self.total) & (values > 0).all(-1)
        return np.broadcast_to(wrong[..., None], values.shape)


@st.composite
def rules(draw, board):
    """A rule of any class about a few cells; sums are those of some grid, so that they can be kept."""
    scope = tuple(draw(st.lists(st.integers(0, board.n - 1), min_size=2, max_size=9, unique=True)))
    kind = draw(st.sampled_from(["different", "edge", "sum", "sum"]))
    if kind == "different":
        return AllDifferent(scope[:4])
    if kind == "edge":
        return NotEqual((scope[0], scope[1]))
    weights = tuple(draw(st.lists(st.integers(-2, 3), min_size=len(scope), max_size=len(scope))))
    grid = all_grids(board).uniform(np.random.default_rng(draw(st.integers(0, 99))), 1)[0]
    return Weighed(scope, weights, int(grid[list(scope)] @ weights))


def test_there_are_as_many_as_is_known():
    grids = all_grids(SIX)
    assert len(grids.base) == 39_168 and grids.total == 28_200_960 == grids.count(())
    assert all_grids(FOUR).total == 288 and all_grids(FOUR) is all_grids(FOUR)
    assert SIX.solved(grids.base.astype(np.int64)).all()
    assert len(np.unique(grids.base, axis=0)) == len(grids.base)
    assert (all_grids(FOUR).satisfying(()) == solutions_of(FOUR)).all()


@pytest.mark.parametrize(
    "problem",
    [
        sudoku.board(9),
        colouring.graph(4, [(0, 1)], 4),
        Problem(16, 4, (*FOUR.constraints, AllDifferent((0, 5, 10, 15)))),
        Problem(16, 4, (*FOUR.constraints, Weighed((0, 5), (1, 1), 4))),
    ],
)
def test_other_problems_are_refused(problem):
    with pytest.raises(BadInput, match="plain Sudoku boards"):
        all_grids(problem)


@given(st.lists(rules(FOUR), max_size=4), st.integers(0, 300))
def test_rules_equal_brute_force(chosen, most):
    every = solutions_of(FOUR)
    kept = every[~np.array([rule.violated(every) for rule in chosen], dtype=bool).reshape(-1, 288).any(0)]
    grids = all_grids(FOUR)
    assert grids.count(chosen) == len(kept)
    found = grids.satisfying(chosen, most)
    assert (found is None) == (len(kept) > most)
    found = grids.satisfying(chosen)
    assert found.shape == kept.shape and (found == kept).all()


@settings(max_examples=8)
@given(st.lists(rules(SIX), min_size=2, max_size=4))
def test_rules_about_6x6_are_kept_by_as_many_as_a_sample_says(chosen):
    grids, count = all_grids(SIX), 40_000
    sample = grids.uniform(np.random.default_rng(0), count)
    share = (~np.array([rule.violated(sample) for rule in chosen]).any(0)).mean()
    exact = grids.count(chosen) / grids.total
    assert abs(share - exact) < 5 * (exact * (1 - exact) / count) ** 0.5 + 5 / count
    found = grids.satisfying(chosen, 500_000)
    assert (found is None) == (exact * grids.total > 500_000)
    if found is not None:
        wide = found.astype(np.int64)
        assert len(found) == grids.count(chosen) and SIX.solved(wide).all()
        assert not any(rule.violated(wide).any() for rule in chosen)
        differs = found[1:] != found[:-1]
        first = np.arange(len(differs)), differs.argmax(1)
        assert differs.any(1).all() and (found[1:][first] > found[:-1][first]).all()


def test_diagonals_of_6x6():
    """By plain enumeration: the renamings of a grid with different diagonals have them too."""
    diagonals = [AllDifferent(tuple(range(0, 36, 7))), AllDifferent(tuple(range(5, 35, 5)))]
    base = all_grids(SIX).base.astype(np.int64)
    fine = ~diagonals[0].violated(base) & ~diagonals[1].violated(base)
    assert all_grids(SIX).count(diagonals) == 720 * fine.sum()


def brute_counts(every, prefix):
    rest = every[(every[:, : len(prefix)] == prefix).all(1)]
    return [int((rest[:, len(prefix)] == value).sum()) for value in range(1, 5)]


def test_prefix_counts_equal_brute_force_for_all_prefixes_of_4x4():
    grids, every = all_grids(FOUR), solutions_of(FOUR)
    for t in range(16):
        prefixes = np.unique(every[:, :t], axis=0) if t else every[:1, :0]
        truth = [brute_counts(every, prefix) for prefix in prefixes]
        assert grids.prefix_counts(prefixes).tolist() == truth
    for t in range(6):
        prefixes = np.array(list(product(range(1, 5), repeat=t)), dtype=np.int64).reshape(4**t, t)  # most are dead
        truth = [brute_counts(every, prefix) for prefix in prefixes]
        assert grids.prefix_counts(prefixes).tolist() == truth


def test_prefix_counts_of_6x6_follow_the_chain_rule():
    """Each continuation is counted by as many as its own continuations are; the last is one grid."""
    grids = all_grids(SIX)
    sample = grids.uniform(np.random.default_rng(1), 50)
    expected = np.full(50, grids.total)
    for t in range(36):
        counts = grids.prefix_counts(sample[:, :t])
        assert (counts.sum(1) == expected).all()
        expected = counts[np.arange(50), sample[:, t] - 1]
    assert (expected == 1).all()


@given(st.lists(rules(FOUR), max_size=2), st.data())
def test_prefixes_of_a_sorted_array_equal_brute_force(chosen, data):
    found = all_grids(FOUR).satisfying(chosen)
    known = Prefixes(found, 4)
    near = np.concatenate([found, all_grids(FOUR).base])[[data.draw(st.integers(0, len(found))) for _ in range(3)]]
    ranges = known.start(3)
    for t in range(16):
        truth = [brute_counts(found, row[:t]) for row in near]
        assert known.counts(ranges, t).tolist() == truth
        ranges = known.advance(ranges, t, near[:, t].astype(np.int64))


def test_samples_are_uniform():
    every, count = solutions_of(FOUR), 288 * 200
    sample = all_grids(FOUR).uniform(np.random.default_rng(0), count)
    assert sample.shape == (count, 16)
    kinds, times = np.unique(sample, axis=0, return_counts=True)
    assert (kinds == every).all()
    assert ((times - 200) ** 2 / 200).sum() < 287 + 5 * (2 * 287) ** 0.5  # chi-square, five deviations
