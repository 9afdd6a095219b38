"""Families: what they promise of every instance, their symmetries, and their spellings."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csp import generate
from csp.difficulty import reference_search
from csp.errors import BadInput
from csp.families import colouring
from csp.problem import Instance
from csp.seeds import stream
from solvers.oracles.cp_sat import CpSat
from solvers.oracles.pick import pick, settle
from solvers.oracles.unique import Unique

#: One small spelling of every family, and of every word that changes what is drawn.
SPELLED = [
    "sudoku4",
    "sudoku6:clues=20",
    "sudoku6:solutions=several",
    "sudoku6:climb=20",
    "xsudoku6:clues=12",
    "latin:side=5",
    "latin:side=6,solutions=unique,holes=0.5",
    "latin:side=5,solutions=several,holes=0.6",
    "grid4",
    "grid6",
    "colouring",
    "graph20",
    "gnp:n=12-16,degree=4.4,solvable=yes",
    "gnp:n=14,degree=5,solvable=no",
    "gnp:n=20,solutions=unique,degree=4,solvable=yes",
    "planted:n=20,colours=4,degree=6,given=0.3",
    "flat:n=18,colours=3,degree=4",
    "regular:n=12,degree=4",
    "mycielski:order=4,colours=4",
    "queen:rows=4,columns=5,colours=6",
]


def test_every_family_is_tried_here():
    assert {name.partition(":")[0] for name in SPELLED} >= set(generate.FAMILIES) - {"sudoku9", "sudoku16"}


@pytest.mark.parametrize("name", SPELLED)
def test_draws_are_certified_and_reproducible(name):
    for index in range(3):
        instance = generate.draw(name, 4, "any", index, settle)
        again = generate.draw(name, 4, "any", index, settle)
        assert instance.id == again.id and instance.provenance == f"{generate.spelling(name)} seed 4 any {index}"
        count = CpSat(instance).count(2)
        assert instance.difficulty.solutions == count
        assert (instance.witness is not None) == (count > 0)
        assert instance.witness is None or instance.solved(instance.witness)
        words = generate.family(name)
        if getattr(words, "solvable", "any") != "any":
            assert (count > 0) == (words.solvable == "yes")
        if getattr(words, "solutions", "any") != "any":
            assert (count == 1) == (words.solutions == "unique")
        assert instance.family == words.kind


@pytest.mark.parametrize("name", SPELLED)
def test_symmetries_turn_solutions_into_solutions_and_keep_the_orbit(name):
    family = generate.family(name)
    for index in range(3):
        instance = generate.draw(name, 9, "any", index, settle)
        problem = instance.problem
        cells, relabel = family.symmetry(np.random.default_rng(index), problem.n)
        place = np.argsort(cells)
        if family.kind == "colouring":  # the graph moves along
            edges = [(int(place[a]), int(place[b])) for a, b in colouring.edges(problem)]
            problem = colouring.graph(problem.n, edges, problem.d)
        moved = Instance(problem, relabel[instance.givens[cells]], instance.family, "moved")
        assert generate.orbit_key(moved) == generate.orbit_key(instance)
        if instance.witness is not None:
            assert moved.solved(relabel[instance.witness[cells]])


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(2, 40), st.floats(0, 6), st.integers(2, 5))
def test_flat_graphs_have_equal_classes_and_equally_many_edges_between_them(seed, n, degree, colours):
    degree = min(degree, n * (1 - 1 / colours) / 3)
    family = generate.random_graphs.Flat(colours, n=generate.Span(n, n), degree=degree)
    _, edges, hidden = family.graph(np.random.default_rng(seed))
    sizes = np.bincount(hidden, minlength=colours + 1)[1:]
    assert sizes.max() - sizes.min() <= 1 and len(set(edges)) == len(edges)
    between = {}
    for a, b in edges:
        assert hidden[a] != hidden[b]
        pair = tuple(sorted((int(hidden[a]), int(hidden[b]))))
        between[pair] = between.get(pair, 0) + 1
    if n >= 3 * colours:
        assert abs(len(edges) - n * degree / 2) <= 1
        assert not edges or max(between.values()) - min(between.values(), default=0) <= 1 or len(edges) < len(between)


def test_structured_graphs_are_the_published_ones():
    for order, (nodes, edges) in {3: (5, 5), 4: (11, 20), 5: (23, 71)}.items():  # DIMACS myciel2..4
        n, pairs, _ = generate.family(f"mycielski:order={order}").graph(stream(0))
        assert (n, len(pairs)) == (nodes, edges)
    for side, edges in {5: 160, 6: 290, 8: 728}.items():  # DIMACS queen5_5, queen6_6, queen8_8
        n, pairs, _ = generate.family(f"queen:rows={side},columns={side}").graph(stream(0))
        assert (n, len(pairs)) == (side * side, edges)
    n, pairs, _ = generate.family("regular:n=9-20,degree=3").graph(stream(3))
    assert set(dict(nx.Graph(pairs).degree).values()) == {3} and n % 2 == 0


def test_random_graphs_have_their_mean_degree():
    for kind, least in (("gnp", 0.15), ("planted", 0.05), ("flat", 0.05)):
        name = f"{kind}:n=60,degree=4.6"
        family = generate.family(name)
        degrees = [2 * len(family.graph(stream(name, i))[1]) / 60 for i in range(60)]
        assert abs(np.mean(degrees) - 4.6) < least


def test_a_climb_finds_harder_puzzles():
    plain = [generate.draw("sudoku6", 0, "any", i).difficulty.guesses for i in range(20)]
    climbed = [generate.draw("sudoku6:climb=100", 0, "any", i).difficulty.guesses for i in range(20)]
    assert np.mean(climbed) > np.mean(plain) + 1


def test_thinned_puzzles_have_one_solution_and_no_clue_to_spare():
    instance = generate.draw("gnp:n=20,degree=4.4,solvable=yes,solutions=unique", 0, "any", 0, settle)
    assert isinstance(pick(instance), Unique)
    for cell in np.nonzero(instance.givens)[0]:
        fewer = instance.givens.copy()
        fewer[cell] = 0
        assert reference_search.count(instance.problem, fewer) == 2


def test_a_family_that_needs_a_solver_says_so(monkeypatch):
    graded = reference_search.graded
    monkeypatch.setattr(
        reference_search, "graded", lambda problem, givens, limit, budget: graded(problem, givens, limit, 1)
    )
    with pytest.raises(BadInput, match="a solver is needed"):
        generate.draw("gnp:n=40", 0, "any", 0)
    instance = generate.draw("gnp:n=40", 0, "any", 0, settle)
    assert instance.difficulty.given_up and (instance.witness is not None or instance.difficulty.solutions == 0)


@pytest.mark.parametrize("name", SPELLED)
def test_a_spelling_is_read_back(name):
    said = generate.spelling(name)
    assert generate.family(said) == generate.family(name) and generate.spelling(said) == said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sudoku7", "no family 'sudoku7'"),
        ("sudoku9:side=4", "'side=4' is not one of clues, solutions, climb"),
        ("sudoku9:clues=x", "'x' is not a whole number for clues"),
        ("sudoku9:clues=99", "clues is from 0 to 81"),
        ("sudoku9:solutions=none", "no solutions 'none'"),
        ("sudoku9:clues=30,climb=2", "clues goes with"),
        ("latin:side=40", "no Latin square of side 40"),
        ("gnp:n=9-3", "'9-3' is not a number or a range"),
        ("gnp:n=0", "n is from 1"),
        ("gnp:degree=nan", "'nan' is not a finite number"),
        ("gnp:n=5,degree=9", "from 0 to below n"),
        ("gnp:solvable=maybe", "no solvable 'maybe'"),
        ("gnp:given=0.5,solvable=no", "solvable=no has none"),
        ("regular:n=5,degree=3", "n x degree is even"),
        ("regular:n=6,degree=2.5", "whole number below n"),
        ("queen:rows=0", "rows and columns"),
        ("mycielski:order=1", "order is from 2"),
    ],
)
def test_bad_spellings_are_refused(name, words):
    with pytest.raises(BadInput) as fault:
        generate.family(name)
    assert words in str(fault.value) and "\n" not in str(fault.value)
