"""Graphs to be coloured: rules, DIMACS .col reading and writing, planted graphs, symmetries.

    >>> instance = parse_dimacs("p edge 3 2\\ne 1 2\\ne 2 3\\n", colours=2)
    >>> instance.problem.n, len(instance.problem.constraints)
    (3, 2)

DIMACS numbers nodes from 1; here they count from 0. Each edge is kept once, however often it is listed;
n comes from the header, so that isolated nodes count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Int

from csp.constraints import NotEqual
from csp.errors import BadInput, one_line, shown
from csp.problem import Instance, Problem

MOST_NODES = 5_000  # a problem keeps n x n tables
#: Edges as listed: about 200 bytes each here, and a constraint each in a solver. DSJC1000.9, the largest of the usual
#: benchmarks of up to 1,000 nodes, has 449,449.
MOST_EDGES = 500_000
MOST_COLOURS = 1_000  # oracles keep nodes x colours variables; no graph of MOST_EDGES edges needs more
MOST_NAME = 100  # characters of a node's name: messages quote it whole
MOST_LINES = MOST_EDGES + 100_000  # lines of a graph's file: edges and comments
MOST_LINE = 1_000  # characters of a line that holds one edge
#: First words of DIMACS lines that say nothing of a graph's edges: comments; nodes' labels, coordinates and the like.
OTHER_LINES = ("c", "n", "d", "v", "x")


def graph(n: int, edges: Iterable[tuple[int, int]], colours: int, names: Sequence[str] = ()) -> Problem:
    """The problem of colouring n nodes with values 1..colours; repeated and reversed edges count once.

    names: what the nodes are called, if they are. Raises BadInput beyond MOST_NODES, MOST_EDGES, MOST_COLOURS or
    MOST_NAME, and for names that are not one a node.
    """
    check_colours(colours)
    names = [one_line(name) for name in names]
    if n > MOST_NODES:
        raise BadInput(f"{n} nodes; up to {MOST_NODES} can be read")
    if long := [name for name in names if len(name) > MOST_NAME]:
        raise BadInput(f"a node's name of {len(long[0])} characters; up to {MOST_NAME} can be read")
    unique = {(min(a, b), max(a, b)) for a, b in edges}
    if len(unique) > MOST_EDGES:
        raise BadInput(f"{len(unique)} edges; up to {MOST_EDGES} can be read")
    rules = tuple(NotEqual((int(a), int(b))) for a, b in sorted(unique))
    return Problem(n, colours, rules, f"{colours}-colouring of {n} nodes", tuple(names))


def check_colours(colours: int) -> None:
    """Raises BadInput unless it is a number of colours from 1 to MOST_COLOURS."""
    if not 1 <= colours <= MOST_COLOURS:
        few = "at least 1 is needed" if colours < 1 else f"up to {MOST_COLOURS} can be asked for"
        raise BadInput(f"{colours} colours; {few}")


def check_listed(listed: int, spot: str = "") -> None:
    """Raises BadInput if a file lists more than MOST_EDGES edges: before they are read one by one."""
    if listed > MOST_EDGES:
        raise BadInput(f"{spot}{listed} edges are listed; up to {MOST_EDGES} can be read")


def is_graph(problem: Problem) -> bool:
    """Whether it is a graph to be coloured: edges and nothing else."""
    return all(isinstance(rule, NotEqual) for rule in problem.constraints)


def edges(problem: Problem) -> list[tuple[int, int]]:
    """The edges of a colouring problem, each once, smaller node first."""
    return [rule.scope for rule in problem.constraints]


def parse_dimacs(text: str, colours: int, where: str = "graph", notices: list[str] | None = None) -> Instance:
    """A DIMACS .col file as an Instance without givens.

    notices: gets a line for what is read all the same: a header that counts other edges than there are, weights.
    Raises BadInput, naming the line, for a missing or second header, a foreign line, a node out of range,
    a self-loop, more than can be read (see graph), or fewer than one colour.
    """
    try:
        check_colours(colours)
        check_listed(text.count("\ne "))
    except BadInput as fault:
        raise BadInput(f"{where}: {fault}") from None
    n, promised, pairs, weights = None, "", [], 0
    for number, line in enumerate(lines_of(text, where), 1):
        words = line.split(None, 4)
        spot = f"{where}, line {number}"
        if not words or words[0] in OTHER_LINES:
            continue
        if words[0] == "p":
            if n is not None:
                raise BadInput(f"{spot}: a second 'p' line")
            if len(words) < 4 or words[1] not in ("edge", "edges", "col"):
                raise BadInput(f"{spot}: {shown(line.strip())} is not 'p edge NODES EDGES'")
            n, promised = integer(words[2], spot), words[3]
            if not 1 <= n <= MOST_NODES:
                raise BadInput(f"{spot}: {n} nodes; 1 to {MOST_NODES} can be read")
        elif words[0] == "e" and len(words) in (3, 4):
            if n is None:
                raise BadInput(f"{spot}: an edge before the 'p edge' line")
            a, b = integer(words[1], spot), integer(words[2], spot)
            if not (1 <= a <= n and 1 <= b <= n):
                raise BadInput(f"{spot}: edge {a} {b} of a graph with nodes 1..{n}")
            if a == b:
                raise BadInput(f"{spot}: node {a} is joined to itself, so no colouring exists")
            pairs.append((a - 1, b - 1))
            weights += len(words) == 4
        else:
            raise BadInput(f"{spot}: {shown(line.strip())} is not a DIMACS .col line")
    if n is None:
        raise BadInput(f"{where}: no 'p edge NODES EDGES' line")
    try:
        problem = graph(n, pairs, colours)
    except BadInput as fault:
        raise BadInput(f"{where}: {fault}") from None
    if notices is not None:
        notices += count_notice(promised, len(pairs), len(problem.constraints), where)
        notices += [f"{where}: weights are ignored; edges that have one: {weights}"] if weights else []
    return Instance(problem, np.zeros(n, dtype=np.int64), "colouring", where)


def lines_of(text: str, where: str, most: int = MOST_LINE) -> list[str]:
    """The lines of a graph's file. Raises BadInput for more than MOST_LINES, or one of more than `most` characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    if (count := text.count("\n")) > MOST_LINES:
        raise BadInput(f"{where}: {count} lines; a graph's file has up to {MOST_LINES}")
    lines = text.split("\n")
    long = max(lines, key=len)
    if len(long) > most:
        raise BadInput(f"{where}, line {lines.index(long) + 1}: {len(long)} characters; a line has up to {most}")
    return lines


def count_notice(promised: str, listed: int, different: int, where: str) -> list[str]:
    """A line if a header's number of edges is neither how many are listed, nor half nor twice that; else none.

    listed, different: edges in the file, and those of them that are different. Files differ in whether an edge that
    is given in both directions counts once or twice.
    """
    said = int(promised) if promised.isascii() and promised.isdigit() and len(promised) < 19 else -1
    if any(said in (count, 2 * count) or 2 * said == count for count in (listed, different)):
        return []
    there = f"{listed} {'is' if listed == 1 else 'are'} there"
    return [f"{where}: the header says {promised[:20]} edges, but {there}; the graph is read as it is there"]


def integer(word: str, spot: str) -> int:
    """A word of decimal digits. Raises BadInput for any other."""
    if not (word.isascii() and word.isdigit() and len(word) < 9):
        raise BadInput(f"{spot}: {shown(word)} is not a number of nodes or a node")
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
