"""Colourings: counts against brute force and known polynomials, uniform samples, and the chain for larger graphs."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csp.constraints import AllDifferent, Constraint
from csp.errors import BadInput
from csp.families import colouring, sudoku
from csp.problem import Problem
from solvers.counting.graph_colourings import Colourings, glauber
from takeback.testing import solutions_of


@st.composite
def graphs(draw, least=1, most=6):
    """Graphs of up to `most` nodes to be coloured with 1 to 4 colours."""
    n = draw(st.integers(least, most))
    pairs = list(combinations(range(n), 2))
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return colouring.graph(n, edges, draw(st.integers(1, 4)))


def used(every):
    return np.array([len(set(row)) for row in every.tolist()], dtype=np.int64)


def ring(n):
    return [(v, (v + 1) % n) for v in range(n)]


def is_uniform(sample, every):
    """Whether all of `every`, and nothing else, is drawn about equally often: chi-square, five deviations."""
    kinds, times = np.unique(sample, axis=0, return_counts=True)
    mean, free = len(sample) / len(every), len(every) - 1
    spread = ((times - mean) ** 2 / mean).sum() + mean * (len(every) - len(kinds))
    return {*map(tuple, kinds.tolist())} <= {*map(tuple, every.tolist())} and spread <= free + 5 * (2 * free) ** 0.5 + 5


@given(graphs(), st.integers(-1, 6), st.integers(0, 6))
def test_counts_equal_brute_force(problem, low, more):
    every, known = solutions_of(problem), Colourings(problem)
    assert known.total == len(every)
    colours = used(every)
    assert known.using(low, low + more) == ((low <= colours) & (colours <= low + more)).sum()
    for colour in range(1, problem.d + 1):
        size = (every == colour).sum(1)
        assert known.of_size(low, low + more) == ((low <= size) & (size <= low + more)).sum()


@pytest.mark.parametrize("low, high", [(-5, -3), (-3, -2), (-1, -1), (3, 2), (5, 9)])
def test_ranges_without_a_possible_number_hold_no_colouring(low, high):
    known = Colourings(colouring.graph(4, ring(4), 3))
    assert known.using(low, high) == known.of_size(low, high) == 0


@given(st.integers(1, 6), st.integers(1, 6))
def test_graphs_whose_polynomials_are_known(d, n):
    def total(n, edges):
        return Colourings(colouring.graph(n, edges, d)).total

    complete = list(combinations(range(n), 2))
    assert total(n, []) == d**n
    assert total(n, complete) == np.prod(np.arange(d, d - n, -1)).clip(0) * (n <= d)
    assert total(n, [(0, v) for v in range(1, n)]) == d * (d - 1) ** (n - 1)


@pytest.mark.parametrize("d", [2, 3, 6])
def test_graphs_of_20_nodes_whose_polynomials_are_known(d):
    """A ring: (d - 1)^20 + (d - 1). Five of 4 nodes: a fifth power. No edge: d^20. Bipartite: a sum over one side."""
    assert Colourings(colouring.graph(20, ring(20), d)).total == (d - 1) ** 20 + (d - 1)
    rings = [(4 * r + a, 4 * r + b) for r in range(5) for a, b in ring(4)]
    assert Colourings(colouring.graph(20, rings, d)).total == ((d - 1) ** 4 + (d - 1)) ** 5
    free = Colourings(colouring.graph(20, [], d))
    assert free.total == d**20 and free.using(2, 2) == d * (d - 1) // 2 * (2**20 - 2)
    assert free.of_size(19, 20) == 20 * (d - 1) + 1
    sides = Colourings(colouring.graph(20, [(a, b) for a in range(10) for b in range(10, 20)], d))
    left = Colourings(colouring.graph(10, [], d))
    assert sides.total == sum(left.using(k, k) * (d - k) ** 10 for k in range(1, d))


def test_a_set_of_different_cells_is_a_graph_too():
    assert Colourings(sudoku.board(4)).total == 288


@settings(max_examples=30)
@given(graphs(least=3, most=5), st.data())
def test_samples_are_uniform(problem, data):
    every, known = solutions_of(problem), Colourings(problem)
    rng = np.random.default_rng(0)
    if not len(every):
        with pytest.raises(ValueError, match="no colouring"):
            known.uniform(rng, 1)
        return
    assert is_uniform(known.uniform(rng, 20 * len(every)), every)
    k = data.draw(st.sampled_from(sorted(set(used(every).tolist()))))
    some = every[used(every) == k]
    assert is_uniform(known.uniform(rng, 20 * len(some), using=k), some)
    colour = data.draw(st.integers(1, problem.d))
    size = (every == colour).sum(1)
    low = data.draw(st.sampled_from(sorted(set(size.tolist()))))
    some = every[(low <= size) & (size <= low + 1)]
    assert is_uniform(known.uniform_of_size(rng, 20 * len(some), colour, low, low + 1), some)


@pytest.mark.parametrize("n, edges", [(4, ring(4)), (5, ring(5)), (5, [(a, b) for a in (0, 1) for b in (2, 3, 4)])])
def test_samples_are_uniform_where_every_node_has_neighbours_that_are_not_joined(n, edges):
    problem = colouring.graph(n, edges, 4)
    every, rng = solutions_of(problem), np.random.default_rng(0)
    assert is_uniform(Colourings(problem).uniform(rng, 50 * len(every)), every)
    some = every[used(every) == 3]
    assert is_uniform(Colourings(problem).uniform(rng, 50 * len(some), using=3), some)


def test_what_no_colouring_does_cannot_be_drawn():
    known, rng = Colourings(colouring.graph(5, ring(5), 3)), np.random.default_rng(0)
    for ask in (lambda: known.uniform(rng, 1, using=2), lambda: known.uniform_of_size(rng, 1, 1, 3, 5)):
        with pytest.raises(ValueError, match="no colouring"):
            ask()


def test_what_cannot_be_counted_is_refused():
    class Odd(Constraint):
        scope, relation, pairwise = (0,), "row", False

        def culprits(self, values):
            return values % 2 == 0

    for problem in (
        Problem(2, 2, (Odd(),)),
        colouring.graph(21, [], 2),
        colouring.graph(20, [], 9),
    ):
        with pytest.raises(BadInput, match="counted"):
            Colourings(problem)
    assert Colourings(Problem(3, 3, (AllDifferent((0, 1, 2)),))).total == 6


@settings(max_examples=30)
@given(graphs(least=2), st.integers(0, 3), st.integers(0, 99))
def test_the_chain_keeps_colourings_proper_and_padding_blank(problem, sweeps, seed):
    every = solutions_of(problem)
    if not len(every):
        return
    starts = np.pad(every[:50], ((0, 0), (0, 2)))
    adjacency = np.tile(np.pad(problem.adjacency, ((0, 2), (0, 2))), (len(starts), 1, 1))
    before = starts.copy()
    moved = glauber(adjacency, starts, problem.d, sweeps, np.random.default_rng(seed))
    assert problem.solved(moved[:, :-2]).all() and (moved[:, -2:] == 0).all()
    assert (starts == before).all() and (sweeps or (moved == before).all())
    assert (moved == glauber(adjacency, starts, problem.d, sweeps, np.random.default_rng(seed))).all()


@pytest.mark.parametrize("edges", [ring(4), [(0, 1), (1, 2), (2, 3), (0, 2)]])
def test_the_chain_tends_to_the_uniform_law(edges):
    problem = colouring.graph(4, edges, 5)
    every = solutions_of(problem)
    starts = np.tile(every[:1], (40 * len(every), 1))
    adjacency = np.tile(problem.adjacency, (len(starts), 1, 1))
    assert is_uniform(glauber(adjacency, starts, 5, 30, np.random.default_rng(0)), every)
    assert not is_uniform(glauber(adjacency, starts, 5, 1, np.random.default_rng(0)), every)


def test_one_sweep_of_the_chain_in_closed_form():
    """Ends of an edge, 3 colours: the first keeps 1 or takes 3, then the second has two to choose from."""
    starts = np.tile(np.array([[1, 2]]), (4000, 1))
    adjacency = np.tile(colouring.graph(2, [(0, 1)], 3).adjacency, (4000, 1, 1))
    after = np.array([[1, 2], [1, 3], [3, 1], [3, 2]])
    assert is_uniform(glauber(adjacency, starts, 3, 1, np.random.default_rng(0)), after)
