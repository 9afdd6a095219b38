"""Drawn instances: certified, seeded by name, split by orbit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csp import generate
from csp.errors import BadInput
from csp.families import colouring, sudoku
from csp.problem import Instance
from csp.seeds import key, stream, uniform
from takeback.testing import instances, solutions_of


def moved(instance, seed):
    """A random symmetric copy."""
    rng = np.random.default_rng(seed)
    problem = instance.problem
    relabel = np.concatenate([[0], 1 + rng.permutation(problem.d)])
    if problem.name.startswith("sudoku"):
        cells, relabel = sudoku.symmetry(rng, problem.d)
        return Instance(problem, relabel[instance.givens[cells]], "x", "moved")
    cells = rng.permutation(problem.n)
    place = np.argsort(cells)
    again = colouring.graph(problem.n, [(int(place[a]), int(place[b])) for a, b in colouring.edges(problem)], problem.d)
    return Instance(again, relabel[instance.givens[cells]], "x", "moved")


@given(instances(), st.integers(0, 10**6))
def test_orbit_key_is_blind_to_symmetries(instance, seed):
    assert generate.orbit_key(instance) == generate.orbit_key(moved(instance, seed))


def test_orbit_key_tells_the_two_classes_of_4x4_grids_apart():
    board = sudoku.board(4)
    keys = {generate.orbit_key(Instance(board, grid, "x", "x")) for grid in solutions_of(board)}
    assert len(keys) == 2


def test_orbit_keys_of_small_graphs_differ_exactly_where_networkx_sees_no_isomorphism():
    from itertools import combinations, product

    import networkx as nx

    pairs = list(combinations(range(4), 2))
    graphs = [[pair for pair, kept in zip(pairs, bits) if kept] for bits in product((0, 1), repeat=6)]
    blank = np.zeros(4, dtype=np.int64)
    keys = [generate.orbit_key(Instance(colouring.graph(4, edges, 3), blank, "x", "x")) for edges in graphs]
    shapes = [nx.Graph() for _ in graphs]
    for shape, edges in zip(shapes, graphs):
        shape.add_nodes_from(range(4))
        shape.add_edges_from(edges)
    for (a, left), (b, right) in combinations(zip(keys, shapes), 2):
        assert (a == b) == nx.is_isomorphic(left, right)


@pytest.mark.parametrize("name", ["sudoku4", "sudoku6", "colouring"])
def test_draws_are_reproducible_and_seeds_share_nothing(name):
    first = [generate.draw(name, 5, "test", index) for index in range(6)]
    again = [generate.draw(name, 5, "test", index) for index in range(6)]
    assert [i.id for i in first] == [i.id for i in again]
    assert [i.provenance for i in first] == [f"{name} seed 5 test {index}" for index in range(6)]
    if name != "sudoku4":
        other = {generate.draw(name, 6, "test", index).id for index in range(6)}
        assert not other & {i.id for i in first}


@pytest.mark.parametrize("name", ["sudoku6", "colouring"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_an_item_lies_in_its_split(name, split):
    for index in range(4):
        instance = generate.draw(name, 0, split, index)
        assert generate.split_of(generate.orbit_key(moved(instance, index))) == split


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_unique_puzzles_have_no_clue_to_spare(seed):
    from csp.difficulty import reference_search

    instance = generate.draw("sudoku6", seed, "test", 0)
    assert instance.difficulty.solutions == 1
    for cell in np.nonzero(instance.givens)[0]:
        fewer = instance.givens.copy()
        fewer[cell] = 0
        assert reference_search.count(instance.problem, fewer) == 2


def test_a_split_without_puzzles_says_so(monkeypatch):
    monkeypatch.setattr(generate, "TRIES", 20)
    monkeypatch.setattr(generate, "split_of", lambda orbit: "train")
    with pytest.raises(BadInput, match="no test puzzle among 20 candidates"):
        generate.draw("sudoku4", 0, "test", 0)


def test_unknown_names_are_refused():
    with pytest.raises(BadInput, match="no family 'chess'"):
        generate.draw("chess", 0, "test", 0)
    with pytest.raises(BadInput, match="no split 'exam'"):
        generate.draw("sudoku4", 0, "exam", 0)


def test_hashed_streams_depend_on_every_part():
    assert key("a", 1) != key("a1") and key("ab", "c") != key("a", "bc")
    assert stream(0, "x").random() == stream(0, "x").random() != stream(0, "y").random()


def test_counter_based_numbers_are_uniform_and_independent_of_shape():
    keys = np.arange(50, dtype=np.uint64)
    grid = uniform(keys[:, None], 3, np.arange(40)[None, :])
    assert grid.shape == (50, 40) and grid.min() > 0 and grid.max() < 1
    assert uniform(keys[7:8], 3, np.array([5]))[0] == grid[7, 5]
    assert len(np.unique(grid)) == grid.size
    many = uniform(np.arange(20_000, dtype=np.uint64), 1, 2)
    assert abs(many.mean() - 0.5) < 0.01 and abs(many.var() - 1 / 12) < 0.005
    assert abs(np.corrcoef(many[:-1], many[1:])[0, 1]) < 0.03
