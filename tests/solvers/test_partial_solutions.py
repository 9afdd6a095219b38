"""Counts of solutions, and draws from them: against listing all of them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.families import colouring, sudoku
from csp.generate import draw
from csp.problem import Instance
from csp.seeds import stream
from generators.models.exact import solutions
from generators.training.datasets import dataset, with_uniform_witness
from solvers.counting import partial_solutions
from solvers.counting.partial_solutions import Solutions


@st.composite
def boards(draw_from):
    """4x4 boards with some cells of a grid given, and graphs of up to 7 nodes, some of them coloured at random."""
    if draw_from(st.booleans()):
        problem, least = sudoku.board(4), 3
        grid = np.array([1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1])
    else:
        n, least = draw_from(st.integers(1, 7)), 0
        pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
        edges = draw_from(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
        problem = colouring.graph(n, edges, draw_from(st.integers(1, 4)))
        grid = np.array(draw_from(st.lists(st.integers(1, problem.d), min_size=n, max_size=n)))
    given_cells = draw_from(st.sets(st.integers(0, problem.n - 1), min_size=least))
    givens = np.where(np.isin(np.arange(problem.n), list(given_cells)), grid, 0)
    return Instance(problem, givens, "toy", "a toy")


@given(boards())
@settings(max_examples=150, deadline=None)
def test_counts_and_the_floor_equal_brute_force(instance):
    every = solutions(instance)
    every = every[instance.solved(every)] if len(every) else every  # givens may clash
    counted = Solutions(instance)
    assert counted.total == len(every)
    if len(every):
        assert math.log(counted.total) == pytest.approx(math.log(len(every)))
        drawn = counted.uniform(stream("a draw", instance.id))
        assert (every == drawn).all(1).any()
    else:
        with pytest.raises(ValueError, match="no solution"):
            counted.uniform(stream("a draw"))


@pytest.mark.parametrize("name", ["sudoku6:solutions=several", "gnp:n=12,degree=4.6,solvable=yes"])
def test_counts_of_whole_puzzles(name):
    for index in range(4):
        puzzle = draw(name, 0, "test", index)
        assert Solutions(puzzle).total == len(solutions(puzzle))


def test_draws_are_uniform():
    """A ring of four nodes, 3 colours: 18 colourings, more where opposite nodes agree; chi-square of 1,800 draws."""
    ring = Instance(
        colouring.graph(4, [(0, 1), (1, 2), (2, 3), (3, 0)], 3), np.zeros(4, dtype=np.int64), "toy", "a ring"
    )
    counted, rng = Solutions(ring), np.random.default_rng(0)
    assert counted.total == 18
    draws = np.stack([counted.uniform(rng) for _ in range(1800)])
    counts = np.unique(draws, axis=0, return_counts=True)[1]
    assert len(counts) == 18
    assert ((counts - 100.0) ** 2 / 100).sum() < 41  # the .999 quantile with 17 degrees of freedom


def test_too_many_are_refused(monkeypatch):
    monkeypatch.setattr(partial_solutions, "MOST", 10)
    with pytest.raises(BadInput, match="too many partial solutions"):
        Solutions(Instance(sudoku.board(4), np.zeros(16, dtype=np.int64), "toy", "empty"))


def test_witnesses_of_training_sets_are_drawn_anew_where_there_are_several():
    name = "sudoku6:solutions=several"
    plain, uniform = (dataset(name, 0, "train", 12, uniform=flag) for flag in (False, True))
    assert (plain.boards.givens == uniform.boards.givens).all()
    assert (plain.solutions != uniform.solutions).any(1).sum() > 6
    puzzle = draw(name, 0, "train", 0)
    again = with_uniform_witness(puzzle)
    assert puzzle.solved(again.witness) and (again.witness == with_uniform_witness(puzzle).witness).all()
    unique = draw("sudoku6", 0, "train", 0)
    assert with_uniform_witness(unique) is unique
