"""Fits of iso-FLOP curves: planted laws come back within their intervals, and nothing is claimed without runs."""

import numpy as np
import pytest

from experiments.scaling import fits
from experiments.scaling.fits import Point, estimate
from experiments.scaling.grid import BUDGETS

SIZES = np.geomspace(5e3, 2e5, 6)
LAWS = ((0.6, 8.0), (0.6, 2.0))  # exponent and level of two kinds


def planted(exponent, level, rise, noise, seed, budgets=BUDGETS):
    """Runs of excess = level (C / C0)^-exponent * exp((log N - log N*)^2 / 2), N* = 2e4 (C / C0)^rise, with noise."""
    rng = np.random.default_rng(seed)
    made = []
    for budget in budgets:
        along = np.log(budget / budgets[0])
        for size in SIZES:
            off = np.log(size / 2e4) - rise * along
            excess = level * np.exp(-exponent * along + off**2 / 2 + noise * rng.normal())
            made.append(Point(budget, float(size), float(excess)))
    return made


def test_a_planted_law_is_recovered_within_its_interval():
    """95 % intervals of exponent, growth, gap hold the truth in at least 85 of 100 plantings, and are not vacuous."""
    held = {"exponent": 0, "growth": 0, "gap": 0}
    widths = []
    for seed in range(100):
        curves = [fits.isoflop(planted(a, level, 0.4, 0.05, 1000 * seed + n)) for n, (a, level) in enumerate(LAWS)]
        laws = [fits.power_law(curve) for curve in curves]
        found = {
            "exponent": estimate(laws[0].exponent, curves[0].runs),
            "growth": estimate(fits.growth(curves[0]), curves[0].runs),
            "gap": estimate(np.exp(fits.log_gap(*laws)), 60),
        }
        truth = {"exponent": 0.6, "growth": 0.4, "gap": (8.0 / 2.0) ** (1 / 0.6)}
        for name, figure in found.items():
            held[name] += figure.low <= truth[name] <= figure.high
        widths.append(found["exponent"].high - found["exponent"].low)
        assert found["exponent"].n == 30
    assert min(held.values()) >= 85, held
    assert np.mean(widths) < 0.1


def test_a_law_without_noise_is_exact():
    curve = fits.isoflop(planted(0.5, 3.0, 0.3, 0.0, 0))
    assert curve.inside.all() and curve.budgets.tolist() == list(BUDGETS)
    assert np.exp(curve.at[:, 0]) == pytest.approx([2e4 * (b / BUDGETS[0]) ** 0.3 for b in BUDGETS])
    law = fits.power_law(curve)
    assert law.exponent[0] == pytest.approx(0.5) and fits.growth(curve)[0] == pytest.approx(0.3)
    assert np.exp(law.log_excess(BUDGETS[0])[0]) == pytest.approx(3.0)
    assert np.exp(law.log_budget(np.log(3.0) * np.ones(1001))[0]) == pytest.approx(BUDGETS[0])
    assert fits.held_out_errors(curve) == pytest.approx({"lower half": 0, "every second": 0}, abs=1e-9)


def test_held_out_errors_see_a_law_that_bends():
    bent = [p._replace(excess=p.excess + 0.5) for p in planted(0.5, 3.0, 0.3, 0.0, 0)]
    assert fits.held_out_errors(fits.isoflop(bent))["lower half"] > 0.05


def test_without_runs_to_spare_there_is_no_interval():
    three = [p for p in planted(0.5, 3.0, 0.3, 0.1, 0) if p.parameters in SIZES[1:4]]
    curve = fits.isoflop(three)
    assert not curve.resampled and estimate(fits.power_law(curve).exponent, curve.runs, curve.resampled).low is None
    assert fits.power_law(fits.isoflop(three[:3])) is None and fits.growth(fits.isoflop(three[:3])) is None
    assert len(fits.isoflop(three[:2]).budgets) == 0  # two sizes make no parabola
    assert estimate(None, 0).value is None


@pytest.mark.parametrize("heights", [[3.0, 2.0, 1.0, 0.5], [0.0, 1.0, 1.5, 1.6], [1.0, 2.0, 2.0, 0.9]])
def test_a_vertex_outside_of_the_sizes_stands_at_the_best_end(heights):
    sizes = np.log([1.0, 2.0, 4.0, 8.0])
    at, value, between = fits.vertex(sizes, np.array(heights)[:, None])
    assert not between[0] and at[0] in (sizes[0], sizes[-1])
    assert value[0] == pytest.approx(min(heights[0], heights[-1]), abs=0.3)


def test_prediction_intervals_hold_one_more_run():
    held = 0
    for seed in range(200):
        runs = planted(0.6, 8.0, 0.4, 0.1, seed, BUDGETS[:1])
        new = planted(0.6, 8.0, 0.4, 0.1, seed + 5000, BUDGETS[:1])[2]
        expected = fits.predicted(runs, new.parameters)
        held += expected.low <= new.excess <= expected.high
    assert 175 <= held <= 199
    assert fits.predicted(runs[:3], 2e4).low is None
