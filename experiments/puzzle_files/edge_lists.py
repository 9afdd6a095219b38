"""Edge lists: two nodes a line, separated by space, comma or semicolon; with a header or without.

>>> read_edges("WA NT\\nWA SA\\n", "map", [])
Graph(n=3, pairs=[(0, 1), (0, 2)], names=('WA', 'NT', 'SA'), promised=None)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from csp.errors import BadInput, shown
from csp.families.colouring import MOST_NODES, check_listed, lines_of

CSV_HEADS = {"source", "target", "from", "to", "src", "dst", "node1", "node2", "start", "end", "node_1", "node_2"}
SAID_IN_COMMENT = re.compile(r"nodes:?\s*(\d{1,9})\W+edges:?\s*(\d{1,9})", re.IGNORECASE | re.ASCII)


@dataclass
class Graph:
    """What a file holds. pairs: edges as listed, nodes from 0. names: () where they are 1 .. n in the file too.

    promised: how many edges its header says, if one does.
    """

    n: int
    pairs: list[tuple[int, int]] = field(default_factory=list)
    names: tuple[str, ...] = ()
    promised: str | None = None


def edge_words(line: str) -> list[str]:
    """The nodes of a line of an edge list, and what follows them; [] for comments and blank lines."""
    line = line.strip()
    if not line or line[0] in "#%" or line.startswith("//"):
        return []
    line, brace, _ = line.partition("{")  # networkx writes an edge's attributes as a dictionary
    if "," in line or ";" in line:
        words = [word.strip().strip("\"'") for word in re.split(r"[,;]", line.strip().rstrip(",;"))]
    else:
        words = line.split()
    return [*words, "1"] if brace and len(words) == 2 else words


def is_csv_head(words: list[str]) -> bool:
    """Whether a line names columns, not nodes."""
    return len(words) >= 2 and {word.lower() for word in words[:2]} <= CSV_HEADS


def is_number(word: str) -> bool:
    """Whether a word is a decimal number."""
    return re.fullmatch(r"[-+]?(\d{1,30}\.?\d{0,30}|\.\d{1,30})([eE][-+]?\d{1,3})?", word, re.ASCII) is not None


def is_whole(word: str) -> bool:
    """Whether a word is a number that a node may have."""
    return word.isascii() and word.isdigit() and len(word) < 9


def read_edges(text: str, where: str, notices: list[str]) -> Graph:
    """Two nodes a line, then perhaps a weight; a line of one node is one without edges; before them perhaps a line
    "NODES EDGES" or "NODES". Nodes that are all numbers are put in order, others stay as they come. Raises BadInput for
    what is no such list.
    """
    lines = lines_of(text, where)
    rows: list[tuple[int, list[str]]] = []
    promised, weights = None, 0
    for number, line in enumerate(lines, 1):
        words = edge_words(line)
        if words:
            rows.append((number, words))
        elif said := SAID_IN_COMMENT.search(line):
            promised = said[2]
    if rows and is_csv_head(rows[0][1]):
        rows.pop(0)
    for number, words in rows:
        if not all(words) or (len(words) > 2 and (len(words) > 4 or not all(map(is_number, words[2:])))):
            raise BadInput(f"{where}, line {number}: {shown(' '.join(words))} is not two nodes and perhaps a weight")
        weights += len(words) > 2
    if not rows:
        raise BadInput(f"{where}: no edge in it")
    n, promised = _header(rows, promised, where, notices)
    if weights:
        notices.append(f"{where}: weights are ignored; edges that have one: {weights}")
    check_listed(len(rows), f"{where}: ")

    # Nodes: in the order of their numbers, or, named, as they come.
    labels = dict.fromkeys(word for _, words in rows for word in words[:2])
    numbered = all(map(is_whole, labels))
    if n is not None:
        place = _counted(n, labels, where, notices)
    else:
        if numbered and len({int(word) for word in labels}) < len(labels):
            raise BadInput(f"{where}: a node is written in two ways, such as 1 and 01; write it in one")
        place = {word: at for at, word in enumerate(sorted(labels, key=int) if numbered else labels)}
    if len(place) > MOST_NODES:
        raise BadInput(f"{where}: {len(place)} nodes; up to {MOST_NODES} can be read")
    pairs = []
    for number, words in rows:
        if len(words) > 1:
            if words[0] == words[1]:
                raise BadInput(f"{where}, line {number}: node {words[0]} is joined to itself, so no colouring exists")
            pairs.append((place[words[0]], place[words[1]]))
    return Graph(len(place), pairs, names_of(list(place)), promised)


def names_of(labels: list[str]) -> tuple[str, ...]:
    """The labels, or () where they are what every message calls nodes anyway: 1 .. n."""
    return () if labels == [str(at) for at in range(1, len(labels) + 1)] else tuple(labels)


def _header(
    rows: list[tuple[int, list[str]]], promised: str | None, where: str, notices: list[str]
) -> tuple[int | None, str | None]:
    """How many nodes and edges the first row says; it is taken off the rows if it does so, and does not hold an edge.

    It is a header if its first number is above all others, and its second counts the rows, or is no node; where it
    could be an edge as well, that is said.
    """
    first, rest = rows[0][1], rows[1:]
    labels = {word for _, words in rest for word in words[:2]}
    widths = {len(words) for _, words in rest}
    if not (rest and all(map(is_whole, first)) and all(map(is_whole, labels))):
        return None, promised
    n, numbers = int(first[0]), {int(word) for word in labels}
    if max(numbers) > n or (0 in numbers and n in numbers):
        return None, promised
    if len(first) == 1 and 1 not in widths:
        rows.pop(0)
        return n, promised
    if len(first) not in (2, 3) or (len(first) == 3 and widths != {2}):
        return None, promised
    edges, m = sum(len(words) > 1 for _, words in rest), int(first[1])
    if m < n and widths != {3}:  # where m > n, an edge n-m would be apart from all others
        every = numbers | {n, m}
        could_be_edge = min(every) < 2 and len(every) == max(every) - min(every) + 1
        counted = m in (edges, 2 * edges) or 2 * m == edges
        if (could_be_edge or n in numbers) and not (counted and {0, n} & numbers):
            return None, promised
        if could_be_edge:
            notices.append(f"{where}: the first line is taken for {n} nodes and {m} edges, not for an edge")
    rows.pop(0)
    return n, first[1]


def _counted(n: int, labels: dict[str, None], where: str, notices: list[str]) -> dict[str, int]:
    """The places of n nodes that are numbered from 0 or from 1, whichever the edges show."""
    if n > MOST_NODES:
        raise BadInput(f"{where}: {n} nodes; up to {MOST_NODES} can be read")
    numbers = {int(word) for word in labels}
    start = 1 if n in numbers else 0
    if n not in numbers and 0 not in numbers:
        notices.append(f"{where}: neither a node 0 nor a node {n} has an edge; nodes are taken to count from 0")
    place = {str(at + start): at for at in range(n)}  # the words themselves, so that 01 is no node 1
    if odd := next((word for word in labels if word not in place), None):
        raise BadInput(f"{where}: node {shown(odd)} of a graph with nodes {start}..{n - 1 + start}")
    return place
