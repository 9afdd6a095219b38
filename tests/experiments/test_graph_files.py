"""Graphs from files: every format holds the same graph, whoever wrote it; what is odd is said; refusals say why."""

import gzip
import json

import networkx as nx
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.families import colouring
from csp.io import instance_records
from experiments.puzzle_files import formats, graphs


@st.composite
def drawn(draw, most=9):
    """A graph without self-loops, of 1 to `most` nodes and at least one edge where it has two; nodes are 0 .. n - 1."""
    n = draw(st.integers(2, most))
    pairs = draw(st.lists(st.sampled_from([(a, b) for b in range(n) for a in range(b)]), min_size=1, unique=True))
    graph = nx.empty_graph(n)
    graph.add_edges_from(pairs)
    return graph


WORDS = st.lists(
    st.from_regex(r"[A-Za-z][a-z_]{0,8}", fullmatch=True).filter(
        lambda w: w.lower() not in ("e", "p", "c", "from", "to")
    ),
    min_size=9,
    max_size=9,
    unique=True,
)


def read(folder, text, name=None, colours=3, called="graph", notices=None):
    """The problem in a file of that text, and what was said."""
    path = folder / called
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    said = [] if notices is None else notices
    (instance,) = graphs.read(path, colours, name, said)
    assert not instance.givens.any() and instance.family == "colouring"
    return instance.problem, said


def same(problem, graph, kept=None):
    """Whether the problem is that graph: its nodes in order, or only those that have edges."""
    order = sorted(graph) if kept is None else kept
    place = {node: at for at, node in enumerate(order)}
    wanted = sorted(tuple(sorted((place[a], place[b]))) for a, b in graph.edges)
    return problem.n == len(order) and colouring.edges(problem) == wanted


# Writers of our own, for formats that networkx does not write.


def dimacs(graph, twice=False):
    lines = [f"e {a + 1} {b + 1}" for a, b in graph.edges] + [f"e {b + 1} {a + 1}" for a, b in graph.edges if twice]
    return "\n".join(["c a comment", f"p edge {len(graph)} {len(graph.edges)}", *lines])


def metis(graph, weights=False):
    rows = [" ".join(f"{b + 1}{' 7' * weights}" for b in graph[a]) for a in sorted(graph)]
    return "\n".join(["% a comment", f"{len(graph)} {len(graph.edges)}{' 001' * weights}", *rows, ""])


def matrix_market(graph, symmetry="symmetric", values=False):
    pairs = [(max(a, b), min(a, b)) for a, b in graph.edges]
    pairs += [(b, a) for a, b in pairs] if symmetry == "general" else []
    lines = [f"{a + 1} {b + 1}{' 2.5' * values}" for a, b in pairs]
    head = f"%%MatrixMarket matrix coordinate {'real' if values else 'pattern'} {symmetry}"
    return "\n".join([head, "% a comment", f"{len(graph)} {len(graph)} {len(pairs)}", *lines])


def dense(graph):
    n = len(graph)
    values = [str(int(graph.has_edge(a, b))) for b in range(n) for a in range(n)]
    return "\n".join(["%%MatrixMarket matrix array integer general", f"{n} {n}", *values])


@settings(max_examples=max(30, settings.default.max_examples // 4))  # thirteen files an example
@given(drawn(), st.booleans(), st.booleans())
def test_every_numbered_format_holds_the_graph(tmp_path_factory, graph, twice, packed):
    folder = tmp_path_factory.mktemp("g")
    n, m = len(graph), len(graph.edges)
    plain = "\n".join([f"{n} {m}", *(f"{a} {b}" for a, b in graph.edges)])
    from_one = "\n".join([f"{n} {m}", *(f"{a + 1}\t{b + 1}" for a, b in graph.edges)])
    texts = {
        "dimacs": [dimacs(graph, twice), dimacs(graph).replace("\n", "\r\n"), "﻿" + dimacs(graph)],
        "metis": [metis(graph), metis(graph, weights=True)],
        "matrix-market": [
            matrix_market(graph), matrix_market(graph, "general"), matrix_market(graph, values=True), dense(graph),
        ],
        "edges": [plain, from_one],
    }  # fmt: skip
    for name, some in texts.items():
        for text in some:
            data = gzip.compress(text.encode()) if packed else text.encode()
            shift = {int(word) for line in from_one.split("\n")[1:] for word in line.split()}
            if text == from_one and n not in shift:
                continue  # nothing shows where it begins to count: see test_where_counting_begins_is_found_or_said
            if text == plain and not {0} & {node for edge in graph.edges for node in edge}:
                continue
            problem, said = read(folder, data, name)
            assert same(problem, graph), (name, text)
            assert not [line for line in said if "header" in line]
            if name in ("dimacs", "matrix-market"):
                assert graphs.sniff(data, folder / "graph") == name and same(read(folder, data)[0], graph)


@given(drawn(), st.booleans())
def test_metis_is_known_by_its_content(tmp_path_factory, graph, weights):
    folder, text = tmp_path_factory.mktemp("g"), metis(graph, weights)
    sniffed = graphs.sniff(text.encode())
    assert sniffed == "metis" or weights or same(read(folder, text)[0], graph)  # a triangle is both, and the same graph
    assert same(read(folder, text, called="x.graph", name="metis")[0], graph)


@given(drawn(), st.sampled_from([" ", "\t", ",", ", ", ";"]), WORDS, st.booleans())
def test_edge_lists_keep_names(tmp_path_factory, graph, gap, words, head):
    folder = tmp_path_factory.mktemp("g")
    lines = [gap.join((words[a], words[b])) for a, b in graph.edges]
    text = "\n".join(["# a map", *(["source" + gap + "target"] if head else []), *lines])
    problem, said = read(folder, text, called="map.edges")
    met = list(dict.fromkeys(node for edge in graph.edges for node in edge))
    assert said == [] and same(problem, graph, met) and problem.names == tuple(words[node] for node in met)
    if len(met) < 2 * len(lines):
        assert graphs.sniff(text.encode()) == "edges"


@given(drawn())
@example(nx.path_graph(4))
def test_networkx_writes_what_is_read(tmp_path_factory, graph):
    folder = tmp_path_factory.mktemp("g")
    for key in ("links", "edges"):
        text = json.dumps(nx.node_link_data(graph, edges=key))
        problem, said = read(folder, text)
        assert same(problem, graph) and said == [] and problem.names == tuple(map(str, sorted(graph)))
    weighted = nx.relabel_nodes(graph, {node: f"node {node}" for node in graph})
    nx.set_edge_attributes(weighted, 3, "weight")
    problem, said = read(folder, json.dumps(nx.node_link_data(weighted, edges="edges"), indent=1))
    assert same(problem, graph) and problem.names[0] == "node 0" and "weights are ignored" in said[0]
    met = sorted(node for node in graph if graph[node])
    for data in (False, True):
        path = folder / "x.edgelist"
        nx.write_edgelist(graph, path, data=data)
        (instance,) = graphs.read(path, 3, None, [])
        assert same(instance.problem, graph.subgraph(met), met)
        assert instance.problem.names in (tuple(map(str, met)), ())


def test_node_link_by_place_as_d3_has_it(tmp_path):
    record = {"nodes": [{"name": "Napoleon", "group": 1}, {"name": "Myriel"}], "links": [{"source": 1, "target": 0}]}
    problem, _ = read(tmp_path, json.dumps(record))
    assert problem.names == ("Napoleon", "Myriel") and colouring.edges(problem) == [(0, 1)]
    both = {"nodes": [{"id": 1}, {"id": "1"}], "links": [{"source": 1, "target": "1"}]}
    assert read(tmp_path, json.dumps(both))[0].names == ("1", '"1"')


def test_where_counting_begins_is_found_or_said(tmp_path):
    assert read(tmp_path, "4 3\n0 1\n1 2\n2 3\n")[0].names == ("0", "1", "2", "3")
    assert read(tmp_path, "4 5\n1 2\n1 3\n2 3\n2 4\n3 4\n")[0].names == ()
    problem, said = read(tmp_path, "7 3\n1 2\n2 3\n1 3\n")
    assert problem.n == 7 and "neither a node 0 nor a node 7" in said[0]
    problem, said = read(tmp_path, "5 3\n1 2\n2 3\n4 5\n")  # five nodes and three edges, or four edges
    assert problem.n == 5 and len(problem.constraints) == 3 and "not for an edge" in said[0]
    assert len(read(tmp_path, "3 1\n2 1\n")[0].constraints) == 2
    assert len(read(tmp_path, "1 2\n2 3\n3 1\n")[0].constraints) == 3
    assert read(tmp_path, "6\n0 1\n1 2\n")[0].n == 6


GC_7_3 = "7 9\n0 1\n0 2\n1 2\n1 3\n2 3\n2 4\n2 5\n3 4\n4 5\n"


def test_a_plain_graph_without_a_suffix(tmp_path):
    problem, said = read(tmp_path, GC_7_3)
    assert problem.n == 7 and len(problem.constraints) == 9 and said == []
    problem, said = read(tmp_path, "\n".join(GC_7_3.split("\n")[:4]))
    assert problem.n == 7 and said == [f"{tmp_path}/graph: the header says 9 edges, but 3 are there; {AS_IT_IS}"]


AS_IT_IS = "the graph is read as it is there"


@pytest.mark.parametrize(
    ("header", "said"), [(3, False), (6, False), (9, True), (2, True), (0, True), ("x", True), ("-3", True)]
)
def test_headers_that_count_other_edges_are_said(tmp_path, header, said):
    text = f"p col 7 {header}\ne 1 2\ne 1 3\ne 2 3\n"
    problem, notices = read(tmp_path, text, called="truncated.col")
    assert len(problem.constraints) == 3
    assert notices == [f"{tmp_path}/truncated.col: the header says {header} edges, but 3 are there; {AS_IT_IS}"] * said
    both = text.replace("e 1 2", "e 1 2\ne 2 1\ne 3 1\ne 3 2")
    assert bool(read(tmp_path, both)[1]) == (header not in (3, 6))
    six = text + "e 1 4\ne 1 5\ne 1 6\n"  # all of them different: 3 is half of them
    assert bool(read(tmp_path, six)[1]) == (header not in (3, 6))


def test_notices_reach_the_terminal(tmp_path, capsys):
    path = tmp_path / "truncated.col"
    path.write_text("p edge 7 9\ne 1 2\n")
    formats.read(path, 3)
    assert capsys.readouterr().err.count("the header says 9 edges, but 1 is there") == 1


def test_weights_and_directions_are_ignored_and_said(tmp_path):
    for text, called in [
        ("p edge 3 2\ne 1 2 5\ne 2 3 4\n", "x.col"),
        ("a,b,3\nb,c,4\n", "x.csv"),
        ("source,target,weight\n1,2,3\n2,3,4\n", "x.csv"),
        ("1 2 {'weight': 3}\n2 3 {}\n", "x.edgelist"),
        ("3 2 1\n2 9\n1 9 3 9\n2 9\n", "x.graph"),
        ("3 2 11 2\n5 5 2 9\n5 5 1 9 3 9\n5 5 2 9\n", "x.graph"),
        ("%%MatrixMarket matrix coordinate real symmetric\n3 3 3\n2 1 .5\n3 2 1e3\n1 1 4\n", "x.mtx"),
    ]:
        problem, said = read(tmp_path, text, called=called)
        assert problem.n == 3 and colouring.edges(problem) == [(0, 1), (1, 2)]
        assert any("weights are ignored" in line for line in said) and all(
            line.startswith(str(tmp_path)) for line in said
        )


REFUSED = [
    ("p edge 3 1\ne 1 4\n", "x", "line 2: edge 1 4 of a graph with nodes 1..3", "read as a DIMACS graph"),
    ("p edge 3 1\ne 1 ²\n", "x.col", "line 2: '²' is not", "DIMACS"),
    ("nothing at all here\n", "x.col", "line 1: 'nothing at all here' is not", "DIMACS"),
    ("WA NT\nWA WA\n", "x", "line 2: node WA is joined to itself", "read as an edge list"),
    ("WA NT SA Q V\n", "x.edges", "line 1: 'WA NT SA Q V' is not two nodes", "edge list"),
    ("4 2\n0 01\n1 2\n", "x.edges", "node '01' of a graph with nodes 0..3", "edge list"),
    ("01 2\n1 3\n", "x.edges", "written in two ways", "edge list"),
    ("3 2\n2\n1 4\n2\n", "x.graph", "line 3: neighbour 4 of a graph with nodes 1..3", "read as a METIS graph"),
    ("3 2\n2\n1 3\n2\n1\n", "x.graph", "line 5: a line of neighbours more", "METIS"),
    ("3 2\n2\n2 3\n2\n", "x.graph", "line 3: node 2 is joined to itself", "METIS"),
    ("three\n", "x.graph", "line 1: 'three' is not 'NODES EDGES", "METIS"),
    ("%%MatrixMarket matrix coordinate pattern general\n3 4 1\n", "x", "line 2: '3 4 1' is not", "MatrixMarket"),
    ("%%MatrixMarket matrix coordinate pattern general\n3 3 1\n4 1\n", "x", "line 3: '4 1' is outside", "MatrixMarket"),
    (
        "%%MatrixMarket matrix coordinate real general\n3 3 1\n2 1 x\n",
        "x",
        "line 3: '2 1 x' is no entry",
        "MatrixMarket",
    ),
    ("%%MatrixMarket vector\n", "x", "line 1: '%%MatrixMarket vector' is not", "MatrixMarket"),
    ('{"nodes": [{"id": 1}], "links": [{"source": 1}]}', "x", "links 1: {'source': 1} has no", "node-link JSON"),
    ('{"nodes": [{"id": 1}], "links": [{"source": 1, "target": 2}]}', "x", "links 1: no node has the id 2", "JSON"),
    ('{"nodes": [{"id": 1}, {"id": 1}], "edges": []}', "x", "node 2: another node has the id 1", "JSON"),
    ('{"nodes": [{"id": {}}], "edges": []}', "x", "node 1: {} is no id", "JSON"),
    ('{"nodes": [{"id": 1}, ', "x", "not JSON", "JSON"),
    (b"\x00\xff\x01", "x.col", "not a text file", ""),
]


@pytest.mark.parametrize(("text", "called", "words", "assumed"), REFUSED)
def test_refusals_name_the_format_the_place_and_the_way_out(tmp_path, text, called, words, assumed):
    with pytest.raises(BadInput) as fault:
        read(tmp_path, text, called=called)
    said = str(fault.value)
    assert said.startswith(f"{tmp_path}/{called}") and words in said and assumed in said and "\n" not in said
    assert not assumed or "--read-as names another format: " in said


def test_colours_are_asked_for_and_bounded(tmp_path):
    with pytest.raises(BadInput, match="a graph needs --colours K"):
        read(tmp_path, GC_7_3, colours=None)
    assert read(tmp_path, "c takeback colours 4\n" + "p edge 2 1\ne 1 2\n", colours=None)[0].d == 4
    for odd in ("²", "4²", "1000000000000", "-1", ""):
        with pytest.raises(BadInput, match="a graph needs --colours K"):
            read(tmp_path, f"c takeback colours {odd}\np edge 2 1\ne 1 2\n", colours=None)
    for wrong in (0, -1, colouring.MOST_COLOURS + 1, 10**9):
        with pytest.raises(BadInput, match=f"{wrong} colours; "):
            read(tmp_path, GC_7_3, colours=wrong)
    with pytest.raises(BadInput, match="no graph format 'pdf'"):
        read(tmp_path, GC_7_3, name="pdf")
    with pytest.raises(BadInput, match="no format 'pdf'"):
        formats.read(tmp_path / "graph", 3, "pdf")
    (instance,) = formats.read(tmp_path / "graph", 3, "edges")
    assert instance.problem.n == 7 or instance.problem.n == 2


BOARDS = [
    "4..11.....1.2.3.\n",
    "1 2 3 4\n3 4 1 2\n2 1 4 3\n4 3 2 1\n",
    "10 02\n00 30\n03 00\n20 01\n",
    "12 34\n34 12\n21 43\n43 21\n",
    "530 070 000\n600 195 000\n098 000 060\n800 060 003\n400 803 001\n700 020 006\n060 000 280\n" + "000 419 005\n" * 2,
    "530 000\n000 006\n000 000\n000 000\n000 000\n000 000\n",
    "# latin 2x2\n1 2\n2 1\n",
    "Grid 01\n003020600\n900305001\n001806400\n008102900\n700000008\n006708200\n002609500\n800203009\n005010300\n",
    "puzzle,solution\n1000020000300004,1234341221434321\n",
    "hash 53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79 1.2\n" * 2,
    "ABCDEF GHIJKL\n" * 12,
    "1 2 | 3 4\n3 4 | 1 2\n---+---\n2 1 | 4 3\n4 3 | 2 1\n",
    '{"nodes": 3, "colours": 2, "edges": [[0, 1], [1, 2]], "givens": [0, 0, 0]}\n',
    "p cnf 2 1\n1 2 0\n",
    "<instance/>\n",
    "Hello world\nThis is prose\n",
]


@pytest.mark.parametrize("text", BOARDS)
def test_boards_and_records_are_no_graphs(text):
    assert graphs.sniff(text.encode()) is None


def test_shipped_boards_as_text_are_no_graphs(few, tmp_path):
    for name in ("lines", "grid", "jsonl", "parquet"):
        for family in ("sudoku4", "sudoku6"):
            assert graphs.sniff(formats.FORMATS[name].write(few[family]), tmp_path / "x.txt") is None


def test_names_are_kept_in_records(tmp_path):
    path = tmp_path / "x.edges"
    path.write_text("WA NT\nWA SA\n")
    (instance,) = formats.read(path, 2)
    for again in (
        instance_records.read_jsonl(instance_records.write_jsonl([instance]))[0],
        instance_records.read_parquet(instance_records.write_parquet([instance]))[0],
    ):
        assert again.problem.names == ("WA", "NT", "SA") and again.id == instance.id
    record = instance_records.to_record(instance) | {"givens": [1, 1, 0], "id": None}
    with pytest.raises(BadInput, match="givens contradict at WA and NT"):
        instance_records.from_record(record)
    for names in (["a"], ["a", "a", "b"], [1, 2, 3], "abc", ["a", "b", "c" * 101]):
        with pytest.raises(BadInput, match="name"):
            instance_records.from_record(record | {"names": names})


SEEDS = [
    dimacs,
    metis,
    matrix_market,
    dense,
    lambda g: GC_7_3,
    lambda g: json.dumps(nx.node_link_data(g, edges="links")),
]


@given(st.data())
def test_mutated_files_are_read_or_refused(tmp_path_factory, data):
    text = data.draw(st.sampled_from(SEEDS))(data.draw(drawn())).encode()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 6))
        more = data.draw(st.binary(max_size=4) | st.sampled_from([b"999999999", b"-1", b" ", b"\n", b"{", b"[[", b"0"]))
        text = text[:at] + more + text[at + cut :]
    assume(text)
    path = tmp_path_factory.mktemp("g") / data.draw(
        st.sampled_from(["x", "x.col", "x.graph", "x.mtx", "x.edges", "x.gz"])
    )
    path.write_bytes(text)
    try:
        (instance,) = graphs.read(path, 3, data.draw(st.sampled_from([None, *graphs.FORMATS])), [])
    except BadInput as fault:
        assert "\n" not in str(fault) and str(fault).startswith(str(path)) and len(str(fault)) <= 800
        return
    assert 1 <= instance.problem.n <= colouring.MOST_NODES
