"""ReMDM: marginals by simulation against the formulas, and the paper's constants."""

import numpy as np
import pytest

from csp.families import colouring
from csp.problem import Instance
from generators.decoding import remdm
from generators.decoding.loop import decode
from generators.decoding.spec import ETA, Decoder
from generators.models.uniform import Uniform


@pytest.mark.parametrize(
    ("kind", "eta"), [("cap", 0.0), ("cap", 0.3), ("rescale", 0.0), ("rescale", 0.9), ("loop", 0.0)]
)
@pytest.mark.parametrize("steps", [7, 20])
def test_the_share_visible_follows_alpha(kind, eta, steps):
    rng, cells = np.random.default_rng(0), 40_000
    visible = np.zeros((1, cells), dtype=bool)
    masked_again = 0
    for step in range(1, steps + 1):
        mask, unmask = remdm.rates(kind, eta, steps, np.array([step]), visible, np.ones(visible.shape))
        uniforms = rng.random(visible.shape)
        new = np.where(visible, uniforms >= mask, uniforms < unmask)
        masked_again += (visible & ~new).sum()
        visible = new
        alpha = remdm.visible_share(kind, 1 - step / steps)
        assert abs(visible.mean() - alpha) < 5 * (max(alpha * (1 - alpha), 1e-9) / cells) ** 0.5 + 1e-9
    assert visible.all()
    assert masked_again > 0


def test_rates_against_the_formulas_by_hand():
    """t = .5, s = .4: alpha .5 and .6, most = min(1, .4 / .5) = .8."""
    visible, confidence, step = np.array([[True, True, False]]), np.array([[0.9, 0.5, 1.0]]), np.array([6])
    for kind, eta, sigma in (("cap", 0.0, ETA["cap"]), ("cap", 0.95, 0.8), ("rescale", 0.5, 0.4)):
        mask, unmask = remdm.rates(kind, eta, 10, step, visible, confidence)
        assert mask[0, 0] == pytest.approx(sigma)
        assert unmask[0, 2] == pytest.approx((0.6 - (1 - sigma) * 0.5) / 0.5)
    mask, unmask = remdm.rates("conf", 0.0, 10, step, visible, confidence)
    weight = np.exp([-0.9, -0.5])
    assert mask[0, :2] == pytest.approx(0.8 * weight / weight.sum()) and mask[0, 2] == 0
    assert unmask[0, 2] == pytest.approx(0.2)
    mask, unmask = remdm.rates("loop", 0.0, 20, np.array([12]), visible, confidence)
    assert mask[0, 0] == pytest.approx(0.02) and unmask[0, 2] == pytest.approx((0.9 - 0.98 * 0.9) / 0.1)


@pytest.mark.parametrize("kind", ["cap", "rescale", "conf", "loop"])
def test_a_board_is_full_at_the_end_of_its_schedule(kind):
    problem = colouring.graph(30, [(i, i + 1) for i in range(29)], 3)
    line = Instance(problem, np.zeros(30, dtype=np.int64), "toy", "line")
    decoder = Decoder("uniform", "random", temperature=1.0, retraction=kind, calls=25)
    for seed in range(8):
        trace = decode(decoder, Uniform(), [line], seed)[0]
        board = np.zeros(30, dtype=np.int64)
        for _, cell, value in trace.events:
            board[cell] = value
        assert (board > 0).all() and trace.costs.calls <= 25
