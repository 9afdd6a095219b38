"""Graphs to be coloured, in the forms that people keep them in, told apart by their content.

    takeback instances grade gc_7_3 --colours 3
    >>> notices = []
    >>> read(Path("truncated.col"), colours=3, notices=notices), notices
    ([Instance(...)], ["truncated.col: the header says 9 edges, but 3 are there; ..."])

FORMATS: DIMACS (.col) under any suffix or none; edge lists, with or without a line "NODES EDGES" before them; METIS;
MatrixMarket; node-link JSON. Each may be packed by gzip. The readers are in edge_lists.py and graph_readers.py here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from csp.errors import BadInput
from csp.families import colouring
from csp.io.files import GZIP, decoded, read_bytes, unpacked
from csp.problem import Instance
from experiments.cli.terminal import console
from experiments.puzzle_files import edge_lists, graph_readers
from experiments.puzzle_files.edge_lists import Graph
from experiments.puzzle_files.graph_readers import metis_header

SNIFFED = 200_000  # bytes from a file's beginning that show what it is
MOST_BYTES = (
    32_000_000  # of a graph's file, unpacked: what MOST_LINES of 50 characters take; text may take 4 times that
)
#: How a format is read; DIMACS, which holds no names, by csp/families/colouring.py.
READERS: dict[str, Callable[[str, str, list[str]], Graph]] = {
    "edges": edge_lists.read_edges,
    "metis": graph_readers.read_metis,
    "matrix-market": graph_readers.read_matrix_market,
    "node-link": graph_readers.read_node_link,
}
#: Names of the formats, and what messages call them.
FORMATS = {
    "dimacs": "a DIMACS graph ('p edge NODES EDGES', then 'e NODE NODE')",
    "edges": "an edge list (two nodes a line)",
    "metis": "a METIS graph ('NODES EDGES', then a line of neighbours a node)",
    "matrix-market": "a MatrixMarket matrix",
    "node-link": 'node-link JSON ({"nodes": [{"id": ...}], "links": [{"source": ..., "target": ...}]})',
}
#: What a suffix says where the content does not (a damaged file): refusals are then about that format.
SUFFIXES = {
    ".col": "dimacs", ".dimacs": "dimacs", ".edges": "edges", ".edgelist": "edges", ".el": "edges",
    ".graph": "metis", ".metis": "metis", ".mtx": "matrix-market", ".mm": "matrix-market",
}  # fmt: skip
OWN_COLOURS = "c takeback colours "  # the comment by which this project's DIMACS files say their colours

DIMACS = re.compile(r"p\s+(edges?|col)\b|e\s+\d+\s+\d+\s*$")
JSON_GRAPH = re.compile(r'"nodes"\s*:\s*\[|"(links|edges)"\s*:\s*\[\s*\{')
LABELS = re.compile(r"(0|[1-9]\d{0,7})|[A-Za-z_][\w .'\-]{0,39}")
BOARD_SIDES = (4, 6, 8, 9, 10, 12, 15, 16, 20, 25)


def sniff(data: bytes, path: Path | None = None) -> str | None:
    """The name in FORMATS of the graph format that a file's bytes are in; None if they are no graph.

    By content; only where that shows nothing, by the path's suffix. data may be packed by gzip.
    """
    try:
        data = unpacked(data, "") if data.startswith(GZIP) else data
    except BadInput:
        return None if path is None else _by_suffix(path)
    text = data[:SNIFFED].decode("utf-8-sig", errors="replace")
    whole = len(data) <= SNIFFED
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = lines if whole else lines[:-1]  # the last one is cut
    return _by_content(text, lines, whole) or (None if path is None else _by_suffix(path))


def read(path: Path, colours: int | None, name: str | None = None, notices: list[str] | None = None) -> list[Instance]:
    """The graph of a file, in a list, to be coloured with so many colours.

    colours: None only for files that say it (DIMACS written by this project). name: one of FORMATS; None: as sniff
    finds, or DIMACS. notices: gets a line for everything that was read all the same (a header that counts other edges,
    weights, the way nodes are counted); None: they are printed. Raises BadInput that names the format which was
    assumed, what was found where, and what would make it readable.
    """
    if colours is not None:
        colouring.check_colours(colours)
    if name is not None and name not in FORMATS:
        raise BadInput(f"no graph format {name!r}; there are {', '.join(FORMATS)}")
    data = read_bytes(path)
    if len(data) > MOST_BYTES:
        raise BadInput(f"{path}: a graph's file of {len(data)} bytes; up to {MOST_BYTES} are read")
    kind = name or sniff(data, path) or "dimacs"
    text = decoded(data, str(path))
    own = re.search(rf"^{OWN_COLOURS}(\d{{1,9}})[ \t\r]*$", text, re.MULTILINE | re.ASCII) if kind == "dimacs" else None
    if colours is None and own is None:
        raise BadInput(f"{path}: a graph needs --colours K")
    said: list[str] = []
    try:
        made = _graph(kind, text, int(own[1]) if colours is None else colours, str(path), said)
    except BadInput as fault:
        others = ", ".join(other for other in FORMATS if other != kind)
        assumed = f"read as {FORMATS[kind]}{'' if name else ', as it seems to be'}"
        raise BadInput(f"{fault} ({assumed}; --read-as names another format: {others})") from None
    for notice in said if notices is None else ():
        console.print(notice)
    if notices is not None:
        notices += said
    return [made]


def _graph(kind: str, text: str, colours: int, where: str, notices: list[str]) -> Instance:
    """The instance that a text of that format holds."""
    if kind == "dimacs":
        return colouring.parse_dimacs(text, colours, where, notices)
    graph = READERS[kind](text, where, notices)
    try:
        problem = colouring.graph(graph.n, graph.pairs, colours, graph.names)
    except BadInput as fault:
        raise BadInput(f"{where}: {fault}") from None
    if graph.promised is not None:
        notices += colouring.count_notice(graph.promised, len(graph.pairs), len(problem.constraints), where)
    return Instance(problem, np.zeros(problem.n, dtype=np.int64), "colouring", where)


def _by_suffix(path: Path) -> str | None:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    return SUFFIXES.get(suffixes[-1]) if suffixes else None


def _by_content(text: str, lines: list[str], whole: bool) -> str | None:
    if text[:14].lower() == "%%matrixmarket":
        return "matrix-market"
    if text.lstrip()[:1] == "{":
        return "node-link" if JSON_GRAPH.search(text) else None
    first = next((line for line in lines if line.strip() and not re.match(r"c(\s|$)", line)), "")
    if DIMACS.match(first.strip()):
        return "dimacs"
    if _is_metis(lines, whole):
        return "metis"
    return "edges" if _is_edges(lines) else None


def _is_metis(lines: list[str], whole: bool) -> bool:
    """Whether a header of METIS is followed by neighbours: lines of other lengths than an edge list's, or, in a whole
    file, lists of which each names the other.
    """
    plain = [line for line in lines if not line.startswith("%")]
    plain = plain[next((at for at, line in enumerate(plain) if line.strip()), 0) :]
    header = metis_header(plain[0].split()) if plain else None
    if header is None or any(not re.fullmatch(r"[\d\s]*", line, re.ASCII) for line in plain):
        return False
    n, m = header[:2]
    rows = [line.split() for line in plain[1:]]
    while len(rows) > n and not rows[-1]:
        rows.pop()
    if len(rows) > n or (whole and len(rows) != n):
        return False
    if header[2:] != (0, 0, False) or not whole:  # weights, or too long to look at every line
        return any(len(row) > 3 for row in rows)
    directed = {(a, int(b)) for a, row in enumerate(rows, 1) for b in row if len(b) < 9}
    listed = sum(map(len, rows))
    if all((b, a) in directed for a, b in directed):
        return listed == 2 * m and all(1 <= b <= n for _, b in directed)
    # One-sided or miscounted lists: METIS all the same where an edge list could not have such lines.
    return any(len(row) not in (2, 3) for row in rows) and listed >= m and all(0 < b <= n for _, b in directed)


def _is_edges(lines: list[str]) -> bool:
    """Whether every line holds two nodes, and perhaps a weight; rows of a board in groups are none."""
    if any(re.match(r"#\s*(latin|sudoku)\b", line) for line in lines):
        return False
    rows = [(line, words) for line in lines if (words := edge_lists.edge_words(line))]
    if rows and len(rows[0][1]) == 1 and rows[0][1][0].isdigit():  # how many nodes there are
        rows = rows[1:]
    if rows and edge_lists.is_csv_head(rows[0][1]):
        rows = rows[1:]
    if not rows or any(len(words) not in (2, 3) for _, words in rows):
        return False
    if any(len(words) == 3 and not edge_lists.is_number(words[2]) for _, words in rows):
        return False
    matches = [LABELS.fullmatch(word) for _, words in rows for word in words[:2]]
    if not all(matches):
        return False
    numbered = [match[1] is not None for match in matches]
    if all(numbered):
        return not _is_board(["".join(words) for _, words in rows])
    names = [match[0] for match in matches]
    # Words could be prose: a graph's nodes are named, not mixed with numbers, and come up again.
    return not any(numbered) and len(set(names)) < len(names) and not _is_board(["".join(w) for _, w in rows])


def _is_board(rows: list[str]) -> bool:
    """Whether they can be the rows of square boards, blanks between their boxes: "53 01" four times."""
    side = len(rows[0])
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXY"
    symbols = f"0123456789{letters}"[: side + 1] + (letters[:side] if side > 9 else "")
    return (
        side in BOARD_SIDES
        and len(rows) % side == 0
        and all(len(row) == side and set(row.upper()) <= set(symbols) for row in rows)
    )
