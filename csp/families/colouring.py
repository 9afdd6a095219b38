"""Graphs to be coloured: rules, DIMACS .col reading and writing, planted graphs, symmetries.

    >>> instance = parse_dimacs("p edge 3 2\\ne 1 2\\ne 2 3\\n", colours=2)
    >>> instance.problem.n, len(instance.problem.constraints)
    (3, 2)

DIMACS numbers nodes from 1; here they count from 0. Each edge is kept once, however often it is listed;
n comes from the header, so that isolated nodes count.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Int

from csp.constraints import NotEqual
from csp.errors import BadInput
from csp.problem import Instance, Problem

MOST_NODES = 5_000  # a problem keeps n x n tables


def graph(n: int, edges: Iterable[tuple[int, int]], colours: int) -> Problem:
    """The problem of colouring n nodes with values 1..colours; repeated and reversed edges count once."""
    unique = sorted({(min(a, b), max(a, b)) for a, b in edges})
    rules = tuple(NotEqual((int(a), int(b))) for a, b in unique)
    return Problem(n, colours, rules, f"{colours}-colouring of {n} nodes")


def is_graph(problem: Problem) -> bool:
    """Whether it is a graph to be coloured: edges and nothing else."""
    return all(isinstance(rule, NotEqual) for rule in problem.constraints)


def edges(problem: Problem) -> list[tuple[int, int]]:
    """The edges of a colouring problem, each once, smaller node first."""
    return [rule.scope for rule in problem.constraints]


def parse_dimacs(text: str, colours: int, where: str = "graph") -> Instance:
    """A DIMACS .col file as an Instance without givens.

    Raises BadInput, naming the line, for a missing or second header, a foreign line, a node out of range,
    a self-loop, or fewer than one colour.
    """
    if colours < 1:
        raise BadInput(f"{where}: {colours} colours; at least 1 is needed")
    n, pairs = None, []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        spot = f"{where}, line {number}"
        if not words or words[0] in ("c", "n"):  # comments; node labels, which some files carry
            continue
        if words[0] == "p":
            if n is not None:
                raise BadInput(f"{spot}: a second 'p' line")
            if len(words) < 4 or words[1] not in ("edge", "edges", "col"):
                raise BadInput(f"{spot}: {line.strip()!r} is not 'p edge NODES EDGES'")
            n = _integer(words[2], spot)
            if not 1 <= n <= MOST_NODES:
                raise BadInput(f"{spot}: {n} nodes; 1 to {MOST_NODES} can be read")
        elif words[0] == "e" and len(words) == 3:
            if n is None:
                raise BadInput(f"{spot}: an edge before the 'p edge' line")
            a, b = _integer(words[1], spot), _integer(words[2], spot)
            if not (1 <= a <= n and 1 <= b <= n):
                raise BadInput(f"{spot}: edge {a} {b} of a graph with nodes 1..{n}")
            if a == b:
                raise BadInput(f"{spot}: node {a} is joined to itself, so no colouring exists")
            pairs.append((a - 1, b - 1))
        else:
            raise BadInput(f"{spot}: {line.strip()[:40]!r} is not a DIMACS .col line")
    if n is None:
        raise BadInput(f"{where}: no 'p edge NODES EDGES' line")
    return Instance(graph(n, pairs, colours), np.zeros(n, dtype=np.int64), "colouring", where)


def _integer(word: str, spot: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 9):
        raise BadInput(f"{spot}: {word[:20]!r} is not a number of nodes or a node")
    return int(word)


def write_dimacs(problem: Problem) -> str:
    """The graph as DIMACS .col text, each edge once."""
    pairs = edges(problem)
    lines = [f"p edge {problem.n} {len(pairs)}", *(f"e {a + 1} {b + 1}" for a, b in pairs)]
    return "\n".join(lines) + "\n"


def planted(rng: np.random.Generator, n: int, colours: int, degree: float) -> tuple[Problem, Int[np.ndarray, " n"]]:
    """A random graph with a hidden proper colouring, and that colouring (values 1..colours).

    Nodes get colours at random, then round(n * degree / 2) distinct edges are drawn uniformly among pairs of
    different colour, so the mean degree is `degree` (as far as such pairs suffice) and a solution exists.
    """
    hidden = rng.integers(1, colours + 1, size=n)
    a, b = np.triu_indices(n, 1)
    allowed = np.nonzero(hidden[a] != hidden[b])[0]
    chosen = rng.choice(allowed, size=min(round(n * degree / 2), len(allowed)), replace=False)
    return graph(n, zip(a[chosen].tolist(), b[chosen].tolist()), colours), hidden
