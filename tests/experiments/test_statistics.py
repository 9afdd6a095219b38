"""Intervals: against published values, and their coverage by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.scoring.statistics import bootstrap, bootstrap_crossed, proportion


def test_wilson_against_newcombe_1998():
    """Newcombe (1998), table I, method 3: 81/263, 15/148, 0/20, 1/29."""
    for successes, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        got = proportion(successes, n)
        assert np.allclose((got.low, got.high), (low, high), atol=5e-5) and got.n == n


@given(st.integers(0, 400), st.integers(1, 400))
def test_wilson_holds_the_share(successes, n):
    got = proportion(min(successes, n), n)
    assert 0 <= got.low <= got.value <= got.high <= 1


def test_bootstrap_covers_the_mean_about_95_times_of_100():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        got = bootstrap(rng.normal(5, 2, size=60).tolist())
        hits += got.low <= 5 <= got.high
    assert 0.90 <= hits / 300 <= 0.985


def test_bootstrap_is_the_same_for_the_same_numbers_and_empty_for_none():
    assert bootstrap([1, 2, 7]) == bootstrap([1, 2, 7])
    assert bootstrap([3, 3, 3], np.median)[:3] == (3, 3, 3)
    assert bootstrap([7.0]) == (7.0, None, None, 1)  # one observation has no interval
    assert bootstrap([]).value is None and proportion(0, 0).n == 0


def test_networks_and_puzzles_are_both_samples():
    """The crossed bootstrap covers where pooling all cells as if independent does not (networks x the same puzzles)."""
    rng = np.random.default_rng(0)
    crossed = pooled = 0
    for _ in range(150):
        ease = rng.beta(0.3, 0.3, size=100)
        right = (rng.random((3, 100)) < ease).astype(float)
        figure, naive = bootstrap_crossed(right, 300), proportion(int(right.sum()), right.size)
        assert figure.value == pytest.approx(right.mean()) and figure.n == 300
        crossed += figure.low <= 0.5 <= figure.high
        pooled += naive.low <= 0.5 <= naive.high
    assert crossed >= 0.9 * 150 > pooled
