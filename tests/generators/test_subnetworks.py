"""Which weights have changed: against bit patterns, planted masks and matrices of known rank."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from csp.errors import BadInput
from generators.weights.subnetworks import (
    changed,
    dealt_anew,
    density,
    matrices,
    overlap,
    overlap_by_chance,
    predicted_by_ulp,
    rank_of,
    rank_of_random,
    share_changed,
    ulp,
)

WEIGHTS = st.builds(lambda size, sign: sign * size, st.floats(2.0**-90, 2.0**90, width=32), st.sampled_from([-1, 1]))


@given(WEIGHTS)
def test_the_last_place_is_the_next_bit_pattern(weight):
    """Of weights that bfloat16 holds exactly: the number with the next pattern of bits is one ULP further from 0."""
    held = torch.tensor([weight]).to(torch.bfloat16)
    bits = held.view(torch.int16) + 1
    assert (bits.view(torch.bfloat16).double() - held.double()).abs().item() == ulp(held.float()).item()


@given(WEIGHTS, st.floats(-3, 3))
def test_what_is_rounded_away_is_less_than_a_last_place(weight, places):
    before = torch.tensor([weight])
    after = (before.double() + places * ulp(before)).float()
    if abs(places) >= 1.01:
        assert changed(before, after, dtype=torch.bfloat16).all()
    if places == 0:
        assert not changed(before, after).any()


def test_a_change_of_half_a_last_place_is_what_counts():
    """Weights of all sizes, each moved by a random part of its own last place."""
    rng = np.random.default_rng(0)
    before = {"w": torch.from_numpy(rng.standard_normal((200, 50)) * 10.0 ** rng.integers(-4, 1, (200, 50))).float()}
    places = rng.uniform(-2, 2, (200, 50))
    after = {"w": (before["w"].double() + torch.from_numpy(places) * ulp(before["w"])).float()}
    found = predicted_by_ulp(before, after, np.arange(0, 2, 0.1))
    assert 0.3 <= found.threshold <= 0.7 and found.right > found.base + 0.05
    assert share_changed(before, after) > 0.99
    assert share_changed(before, after, dtype=torch.bfloat16) == pytest.approx(0.75, abs=0.02)  # all but a mean quarter


def test_tolerances_leave_fewer():
    before = {"w": torch.zeros(4, 4), "b": torch.zeros(4)}
    after = {"w": torch.full((4, 4), 1e-4), "b": torch.zeros(4)}
    shares = [share_changed(before, after, tolerance) for tolerance in (0.0, 1e-5, 1e-3)]
    assert shares == [16 / 20, 16 / 20, 0] and matrices(before) == ["w"]
    with pytest.raises(BadInput, match="only one"):
        share_changed(before, {"w": after["w"]})
    with pytest.raises(BadInput, match="shape"):
        share_changed(before, after | {"b": torch.zeros(3)})


def planted(rng, share, shape=(60, 40)):
    return {name: torch.from_numpy(rng.random(shape) < share) for name in ("one", "two")}


def test_independent_masks_overlap_as_chance_says():
    """The null is calibrated: of planted random masks about 5 % lie outside its middle 95 %."""
    outside = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        one, other = planted(rng, 0.3), planted(rng, 0.2)
        null = overlap_by_chance(one, other, None, rng, draws=100)
        low, high = np.percentile(null, [2.5, 97.5])
        outside.append(not low <= overlap(one, other) <= high)
        assert null.mean() == pytest.approx(density(other), abs=0.01)
    assert np.mean(outside) < 0.2


def test_masks_that_follow_the_size_of_weights_overlap_as_the_matched_null_says():
    """More than dealt out at random, and no more than among weights of the same size."""
    rng = np.random.default_rng(0)
    weights = {name: torch.from_numpy(rng.standard_normal((60, 40))) for name in ("one", "two")}

    def small_ones():
        return {n: w.abs() < torch.from_numpy(rng.exponential(0.5, tuple(w.shape))) for n, w in weights.items()}

    one, other = small_ones(), small_ones()
    observed = overlap(one, other)
    assert observed > np.max(overlap_by_chance(one, other, None, rng, 100))
    low, high = np.percentile(overlap_by_chance(one, other, weights, rng, 200), [0.5, 99.5])
    assert low - 0.01 <= observed <= high + 0.01


@given(st.integers(0, 99), st.floats(0, 1))
def test_masks_dealt_anew_hold_as_many(seed, share):
    rng = np.random.default_rng(seed)
    mask, weights = torch.from_numpy(rng.random((12, 9)) < share), torch.from_numpy(rng.standard_normal((12, 9)))
    assert dealt_anew(mask, None, rng).sum() == dealt_anew(mask, weights, rng).sum() == mask.sum()
    assert overlap({"w": mask}, {"w": mask}) == 1 or not mask.any()


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_ranks(rank):
    rng = np.random.default_rng(0)
    left, _ = np.linalg.qr(rng.standard_normal((16, rank)))
    right, _ = np.linalg.qr(rng.standard_normal((8, rank)))
    found = rank_of(torch.from_numpy(left @ right.T).float())
    assert found.rank == rank / 8 and found.stable == pytest.approx(rank / 8, abs=1e-4)  # all singular values are 1
    assert rank_of(torch.zeros(4, 4)) == (0, 0)
    assert rank_of_random(torch.ones(16, 8, dtype=torch.bool), rng).rank == 1
