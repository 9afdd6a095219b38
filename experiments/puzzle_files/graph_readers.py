"""Readers of graphs as METIS, MatrixMarket and node-link JSON; experiments/puzzle_files/graphs.py chooses among them.

    >>> read_metis("3 2\\n2\\n1 3\\n2\\n", "path", [])
    Graph(n=3, pairs=[(0, 1), (1, 0), (1, 2), (2, 1)], names=(), promised='2')

Small readers of our own: networkx's stop at the first fault without saying where, and take any memory a file asks for.
Each gets (text, where, notices), adds to notices what it reads all the same, and raises BadInput naming the line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from csp.errors import BadInput, shown
from csp.families.colouring import MOST_NODES, check_listed, integer, lines_of
from csp.io.json_values import decode
from experiments.puzzle_files.edge_lists import Graph, is_number, is_whole, names_of

MOST_METIS_LINE = 100_000  # characters: MOST_NODES neighbours with their weights


def metis_header(words: list[str]) -> tuple[int, int, int, int, bool] | None:
    """(nodes, edges, node sizes, node weights, edge weights?) of METIS's first line; None if it can be none."""
    if not (2 <= len(words) <= 4 and all(map(is_whole, words))):
        return None
    n, m, form = int(words[0]), int(words[1]), (words[2] if len(words) > 2 else "0")
    if not re.fullmatch(r"[01]{1,3}", form) or n < 1 or 2 * m > n * (n - 1):
        return None
    sizes, weights, on_edges = (digit == "1" for digit in form.zfill(3))
    if not weights and len(words) == 4 and words[3] != "0":
        return None
    return n, m, int(sizes), (int(words[3]) if len(words) == 4 else 1) if weights else 0, on_edges


def read_metis(text: str, where: str, notices: list[str]) -> Graph:
    """A line "NODES EDGES [FORMAT [WEIGHTS]]", then for node 1, 2, ... a line of its neighbours; % begins a comment.
    Raises BadInput for what is no METIS graph.
    """
    lines = [(number, line) for number, line in enumerate(lines_of(text, where, MOST_METIS_LINE), 1) if line[:1] != "%"]
    first = next((at for at, (_, line) in enumerate(lines) if line.strip()), 0)  # comments may be followed by space
    lines = lines[first:]
    header = metis_header(lines[0][1].split()) if lines else None
    if header is None:
        found = shown(lines[0][1].strip()) if lines else "nothing"
        raise BadInput(f"{where}, line {lines[0][0] if lines else 1}: {found} is not 'NODES EDGES [FORMAT [WEIGHTS]]'")
    n, m, sizes, weights, on_edges = header
    if n > MOST_NODES:
        raise BadInput(f"{where}: {n} nodes; up to {MOST_NODES} can be read")
    check_listed(m, f"{where}: ")
    rows = lines[1:]
    while len(rows) > n and not rows[-1][1].strip():
        rows.pop()
    if len(rows) > n:
        raise BadInput(f"{where}, line {rows[n][0]}: a line of neighbours more than there are nodes ({n})")
    if len(rows) < n:
        notices.append(f"{where}: lines of neighbours for {len(rows)} of {n} nodes; the others are read as without any")
    if sizes or weights or on_edges:
        notices.append(f"{where}: weights are ignored")
    pairs = []
    for node, (number, line) in enumerate(rows, 1):
        spot = f"{where}, line {number}"
        words = line.split()[sizes + weights :: 1 + on_edges]
        for word in words:
            other = integer(word, spot)
            if not 1 <= other <= n:
                raise BadInput(f"{spot}: neighbour {other} of a graph with nodes 1..{n}")
            if other == node:
                raise BadInput(f"{spot}: node {node} is joined to itself, so no colouring exists")
            pairs.append((node - 1, other - 1))
        check_listed(len(pairs) // 2, f"{spot}: ")  # METIS lists each edge at both of its nodes
    return Graph(n, pairs, (), str(m))


def read_matrix_market(text: str, where: str, notices: list[str]) -> Graph:
    """An entry that is not 0, off the diagonal, is an edge, in whichever triangle it stands. Raises BadInput for what
    is no square Matrix Market file.
    """
    lines = lines_of(text, where)
    head = lines[0].lower().split()
    if head[:2] != ["%%matrixmarket", "matrix"] or len(head) != 5 or head[2] not in ("coordinate", "array"):
        raise BadInput(
            f"{where}, line 1: {shown(lines[0])} is not '%%MatrixMarket matrix coordinate|array FIELD SYMMETRY'"
        )
    rows = [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip() and line[0] != "%"]
    dense, (number, sizes) = head[2] == "array", rows[0] if rows else (1, [])
    if len(sizes) != 3 - dense or not all(map(is_whole, sizes)) or sizes[0] != sizes[1]:
        wanted = "'NODES NODES'" if dense else "'NODES NODES ENTRIES'"
        raise BadInput(f"{where}, line {number}: {shown(' '.join(sizes))} is not {wanted}: a square matrix is a graph")
    n, rows = int(sizes[0]), rows[1:]
    if not 1 <= n <= MOST_NODES:
        raise BadInput(f"{where}, line {number}: {n} nodes; 1 to {MOST_NODES} can be read")
    places = _dense_places(n, head[4]) if dense else None
    triangle = n * (n - 1) // 2 if head[4] == "skew-symmetric" else n * (n + 1) // 2
    promised = int(sizes[2]) if not dense else n * n if head[4] == "general" else triangle
    pairs, diagonal, weighted, zeros = [], 0, 0, 0
    for number, words in rows:
        spot = f"{where}, line {number}"
        if places is not None:
            a, b = next(places, (0, 0))
            values = words
        else:
            a, b = (integer(word, spot) for word in [*words, "", ""][:2])
            values = words[2:]
        if not (1 <= a <= n and 1 <= b <= n):
            raise BadInput(f"{spot}: {shown(' '.join(words))} is outside a matrix of {n} rows")
        if len(values) > 2 or not all(map(is_number, values)) or (not values and (dense or head[3] != "pattern")):
            raise BadInput(f"{spot}: {shown(' '.join(words))} is no entry of a {head[3]} matrix")
        numbers = [float(value) for value in values]
        if numbers and not any(numbers):
            zeros += not dense
        elif a == b:
            diagonal += 1
        else:
            weighted += numbers[:1] not in ([], [1.0])
            pairs.append((a - 1, b - 1))
    if len(rows) != promised:
        notices.append(f"{where}: the header says {promised} entries, but {len(rows)} are there; they are what is read")
    told = (
        "on the diagonal, which are ignored",
        "of 0, which are no edges",
        "of other numbers, whose weights are ignored",
    )
    for count, what in zip((diagonal, zeros, weighted), told):
        if count:
            notices.append(f"{where}: entries {what}: {count}")
    return Graph(n, pairs)


def _dense_places(n: int, symmetry: str) -> Iterator[tuple[int, int]]:
    """(row, column) of the values of an array, column by column, from 1; only below the diagonal if it is symmetric."""
    for column in range(1, n + 1):
        first = 1 if symmetry == "general" else column + (symmetry == "skew-symmetric")
        yield from ((row, column) for row in range(first, n + 1))


def read_node_link(text: str, where: str, notices: list[str]) -> Graph:
    """Nodes with an "id" (or, as D3's files have it, a "name", and links by place), links with source and target.
    Raises BadInput for other JSON.
    """
    record = decode(text, where)
    nodes = record.get("nodes") if isinstance(record, dict) else None
    key = next((key for key in ("links", "edges") if isinstance(record, dict) and key in record), "links")
    links = record.get(key) if isinstance(record, dict) else None
    if not isinstance(nodes, list) or not isinstance(links, list):
        raise BadInput(f'{where}: no lists "nodes" and "links" (or "edges") in it')
    if not 1 <= len(nodes) <= MOST_NODES:
        raise BadInput(f"{where}: {len(nodes)} nodes; 1 to {MOST_NODES} can be read")
    check_listed(len(links), f"{where}: ")
    ids = [node.get("id") if isinstance(node, dict) else node for node in nodes]
    by_place = all(said is None for said in ids)
    place: dict[str, int] = {}
    for at, said in enumerate(ids):
        spot = f"{where}, node {at + 1}"
        key_of_node = str(at) if by_place else _key(said, spot)
        if key_of_node in place:
            raise BadInput(f"{spot}: another node has the id {shown(said)} too")
        place[key_of_node] = at
    pairs, weights = [], 0
    for number, link in enumerate(links, 1):
        spot = f"{where}, {key} {number}"
        if isinstance(link, list) and len(link) >= 2:
            link = {"source": link[0], "target": link[1]}
        if not isinstance(link, dict) or not {"source", "target"} <= set(link):
            raise BadInput(f'{spot}: {shown(link)} has no "source" and "target"')
        ends = [_key(link[end], spot) for end in ("source", "target")]
        if lost := next((end for end in ends if end not in place), None):
            raise BadInput(f"{spot}: no node has the id {lost[:60]}")
        if ends[0] == ends[1]:
            raise BadInput(f"{spot}: node {_name(link['source'])} is joined to itself, so no colouring exists")
        weights += bool({"weight", "value"} & set(link))
        pairs.append((place[ends[0]], place[ends[1]]))
    if record.get("directed") is True:
        notices.append(f"{where}: a directed graph; directions are ignored")
    if weights:
        notices.append(f"{where}: weights are ignored; edges that have one: {weights}")
    said_names = [node.get("name") if isinstance(node, dict) else None for node in nodes] if by_place else ids
    names = [_name(at if said is None else said) for at, said in enumerate(said_names)]
    if len(set(names)) < len(names):  # the ids 1 and "1", or two nodes of one name
        names = list(place)
    return Graph(len(nodes), pairs, names_of(names))


def _key(said: object, spot: str) -> str:
    """An id as JSON, so that 1 and "1" stay two ids. Raises BadInput for what can be none."""
    if said is None or isinstance(said, (bool, dict)) or (isinstance(said, list) and not all(_plain(x) for x in said)):
        raise BadInput(f"{spot}: {shown(said)} is no id of a node; ids are texts or numbers")
    return json.dumps(said)


def _plain(said: object) -> bool:
    return isinstance(said, (str, int, float)) and not isinstance(said, bool)


def _name(said: object) -> str:
    return said if isinstance(said, str) else json.dumps(said) if _plain(said) else shown(said)
