"""The DIMACS graphs of the shared evaluation data: n from the header, edges once each."""

from pathlib import Path

import pytest

from csp.families import colouring

FOLDER = Path(__file__).parents[2] / "../shared/data/dimacs"
GRAPHS = sorted(FOLDER.glob("*.col")) if FOLDER.exists() else []


@pytest.mark.skipif(not GRAPHS, reason="the shared evaluation data is not beside this checkout")
def test_headers_and_edges():
    for path in GRAPHS:
        text = path.read_text()
        header = next(line.split() for line in text.splitlines() if line.startswith("p"))
        listed = {frozenset(line.split()[1:3]) for line in text.splitlines() if line.startswith("e ")}
        problem = colouring.parse_dimacs(text, 5, path.name).problem
        assert problem.n == int(header[2]) and len(colouring.edges(problem)) == len(listed)
        named = {"queen5_5": (25, 160), "myciel5": (47, 236), "miles250": (128, 387), "DSJC125.1": (125, 736)}
        if path.stem in named:
            assert (problem.n, len(listed)) == named[path.stem]
