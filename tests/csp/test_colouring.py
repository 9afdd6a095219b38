"""Graphs: DIMACS in and out, planted colourings, and what malformed files say."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.families import colouring
from takeback.testing import graphs


@given(graphs())
def test_readers_accept_what_writers_write(problem):
    again = colouring.parse_dimacs(colouring.write_dimacs(problem), problem.d).problem
    assert (again.n, again.d, again.constraints) == (problem.n, problem.d, problem.constraints)


def test_edges_count_once_and_isolated_nodes_count():
    text = "c a graph\np edge 5 4\ne 1 2\ne 2 1\ne 1 2\ne 2 3"
    problem = colouring.parse_dimacs(text, 3).problem
    assert problem.n == 5 and colouring.edges(problem) == [(0, 1), (1, 2)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("e 1 2\n", "line 1: an edge before"),
        ("p edge 2 1\ne 1 3\n", "line 2: edge 1 3 of a graph with nodes 1..2"),
        ("p edge 2 1\ne 2 2\n", "line 2: node 2 is joined to itself"),
        ("p edge 2 1\ne one 2\n", "line 2: 'one' is not"),
        ("p edge 2 1\np edge 3 1\n", "line 2: a second"),
        ("p edge x 1\n", "'x' is not"),
        ("p edge 0 0\n", "0 nodes; 1 to 5000"),
        ("p edge 100000 1\n", "100000 nodes; 1 to 5000"),
        ("p cnf 3 2\n", "is not 'p edge"),
        ("hello\n", "line 1: 'hello' is not"),
        ("c nothing\n", "no 'p edge"),
    ],
)
def test_malformed_files_are_named(text, words):
    with pytest.raises(BadInput) as fault:
        colouring.parse_dimacs(text, 3, "g.col")
    assert str(fault.value).startswith("g.col") and words in str(fault.value)


@given(st.text(alphabet="pe cdge0123456789\n-x", max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        colouring.parse_dimacs(text, 3)
    except BadInput:
        pass


@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(2, 5), st.floats(0, 6))
def test_planted_graphs_have_their_colouring_and_degree(seed, n, colours, degree):
    problem, hidden = colouring.planted(np.random.default_rng(seed), n, colours, degree)
    assert problem.solved(hidden)
    pairs = colouring.edges(problem)
    graph = nx.Graph(pairs)
    assert graph.number_of_edges() == len(pairs)
    possible = sum(hidden[a] != hidden[b] for a in range(n) for b in range(a))
    assert len(pairs) == min(round(n * degree / 2), possible)
