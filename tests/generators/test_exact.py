"""Exact conditionals: counts, no dead end in any order, and noise of a known strength."""

import numpy as np
import pytest
from copies import copies

from csp.errors import BadInput
from csp.families import colouring
from csp.problem import Instance
from csp.trace import replay
from generators.boards import stack
from generators.decoding.loop import decode
from generators.decoding.spec import Decoder
from generators.models import exact
from generators.models.exact import Exact, solutions
from solvers.oracles.cp_sat import CpSat


def graph(n, edges, d=3, family="toy"):
    return Instance(colouring.graph(n, edges, d), np.zeros(n, dtype=np.int64), family, f"graph of {n} nodes")


RING = graph(6, [(i, (i + 1) % 6) for i in range(6)])


def test_all_solutions_are_found(few):
    for instance in [*few["sudoku4"], RING]:
        known = solutions(instance)
        assert instance.solved(known).all() and len({tuple(row) for row in known.tolist()}) == len(known)
        assert len(known) == CpSat(instance).count(10_000)


def test_conditionals_are_shares_of_solutions():
    boards = stack([RING])
    state = np.array([[1, 0, 0, 0, 0, 0]])
    probs = np.exp(Exact().open(boards).predict(np.array([0]), state).log_probs)[0]
    known = solutions(RING)
    known = known[known[:, 0] == 1]
    for cell in range(1, 6):
        assert probs[cell] == pytest.approx([(known[:, cell] == v).mean() for v in (1, 2, 3)])


@pytest.mark.parametrize("order", ["raster", "random", "fewest", "solver", "confidence", "margin", "entropy"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_exact_conditionals_never_make_a_dead_end(few, order, temperature):
    """By the chain rule, sampled; and greedily, because a value of probability above 0 is alive."""
    decoder = Decoder("exact", order, temperature=temperature)
    for seed in range(3):
        assert all(trace.end == "solved" for trace in decode(decoder, Exact(), [*few["sudoku4"]], seed))
        assert decode(decoder, Exact(), [RING], seed)[0].end == "solved"


def test_sampling_in_any_order_draws_solutions_evenly():
    """Chi-squared over the 6 * 11 = 66 colourings of a ring of 6 with 3 colours, at a fixed seed: df 65."""
    known = [tuple(row) for row in solutions(RING).tolist()]
    counts = dict.fromkeys(known, 0)
    decoder = Decoder("exact", "random", temperature=1.0)
    runs = 20 * len(known)
    for trace in decode(decoder, Exact(), copies(RING, runs), 0):
        counts[tuple(replay(trace, RING.givens)[-1].tolist())] += 1
    chi = sum((count - 20) ** 2 / 20 for count in counts.values())
    assert chi < 65 + 4 * (2 * 65) ** 0.5


@pytest.mark.parametrize("noise", [0.05, 0.2])
def test_noise_follows_the_cost_law(noise):
    """P(solve) = (1 - e)^m with m risky commits: a path whose first node is given has two colours left, one of them
    wrong, at every commit when there are 2 colours.
    """
    m, runs = 7, 400
    problem = colouring.graph(m + 1, [(i, i + 1) for i in range(m)], 2)
    givens = np.array([1] + [0] * m)
    path = Instance(problem, givens, "toy", "path")
    decoder = Decoder("exact", "random", temperature=1.0, noise=noise)
    solved = np.mean([trace.end == "solved" for trace in decode(decoder, Exact(noise), copies(path, runs), 0)])
    truth = (1 - noise) ** m
    assert abs(solved - truth) < 3 * (truth * (1 - truth) / runs) ** 0.5


def test_too_many_solutions_are_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(exact, "PARTIAL", 0.1)  # 20,000 partial solutions: reached within a tenth of a second
    wide = graph(40, [(0, 1)], 3)
    with pytest.raises(BadInput, match=r"graph of 40 nodes: .*exact conditionals"):
        decode(Decoder("exact"), Exact(), [wide], 0)
