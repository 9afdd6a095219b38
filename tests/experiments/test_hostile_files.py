"""Files that ask for too much: refused in one line, in seconds and within bounded memory, whatever they promise.

Each is read in a process of its own. The machine that tests run on may be busy, so time is processor time, beyond what
the same process takes to start and to read a small file.
"""

import gzip
import io
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp.errors import MOST_MESSAGE, BadInput, one_line, shown
from csp.families import colouring
from csp.io import files, instance_records

SECONDS = 2.0
MEGABYTES = 500

#: Reads the files that its arguments name, PATH:COLOURS; a line of JSON each: what was said, processor seconds, and the
#: most megabytes that the process has held so far (VmHWM: ru_maxrss would begin with what the parent held).
CHILD = """
import json, re, resource, sys, time
from pathlib import Path
from csp.errors import BadInput
from experiments.puzzle_files import formats

resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
for word in sys.argv[1:]:
    path, _, colours = word.rpartition(":")
    start = time.process_time()
    try:
        said = f"read {len(formats.read(Path(path), int(colours) or None))}"
    except BadInput as fault:
        said = str(fault)
    most = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
    print(json.dumps([said, time.process_time() - start, most]), flush=True)
"""
ROOT = Path(__file__).parents[2]


def parquet(**columns):
    def made():
        buffer = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.table(columns), buffer)
        return buffer.getvalue()

    return made


def one_list(length):
    return pyarrow.ListArray.from_arrays([0, length], pyarrow.array(np.zeros(length, dtype=np.uint8)))


def record(**said):
    plain = {"nodes": 3, "colours": 3, "edges": [[0, 1]], "givens": [0, 0, 0]}
    return lambda: (json.dumps(plain | said) + "\n").encode()


MANY = colouring.MOST_EDGES + 100_001
HOSTILE = {
    "dense.col": (lambda: b"p edge 1500 9\n" + b"e 1 2\n" * MANY, f"{MANY} edges are listed; up to 500000 can be read"),
    "dense": (lambda: b"1 2\n" * MANY, "lines; a graph's file has up to 600000"),
    "dense.jsonl": (
        lambda: b'{"nodes": 2, "colours": 3, "givens": [0, 0], "edges": [' + b"[0,1]," * MANY + b"[0,1]]}",
        "lists and objects in one piece of JSON",
    ),
    "dense.parquet": (
        lambda: parquet(nodes=[2], colours=[3], edges=[np.tile(np.array([0, 1], dtype=np.uint16), MANY)])(),
        "row 1: 600001 edges are listed",
    ),
    "rows.parquet": (
        lambda: parquet(edges=np.zeros(3_000_000, dtype=np.int8), nodes=np.zeros(3_000_000, dtype=np.int8))(),
        "3000000 rows; up to 1000000 are read",
    ),
    "first.parquet": (
        lambda: parquet(board=pyarrow.array(["sudoku 4x4"] * 900_000), givens=pyarrow.array(["x" * 16] * 900_000))(),
        "row 1: not an instance",
    ),
    "wide.parquet": (
        lambda: parquet(board=["sudoku 4x4"], givens=one_list(files.MOST_VALUES + 1))(),
        "values in a column of row group 1",
    ),
    "line.col": (lambda: b"p edge 3 2\ne 1 " + b"9" * 30_000_000, "line 2: 30000004 characters; a line has up to"),
    "line.jsonl": (lambda: b'{"nodes": "' + b"9" * 49_000_000 + b'"}', "characters of JSON in one piece"),
    "blank.edges": (lambda: b"\n" * 31_000_000 + b"1 2\n", "lines; a graph's file has up to"),
    "objects.json": (lambda: b'{"nodes": [' + b"{}," * 3_900_000 + b"1]}", "3900002 lists and objects"),
    "texts.json": (lambda: b'{"nodes": [' + b'"ab",' * 3_100_000 + b"1]}", 'no lists "nodes" and "links"'),
    "bomb.gz": (lambda: gzip.compress(bytes(files.MOST_BYTES + 10**6), 1), "unpacks to more than 170 MB"),
    "colours.jsonl": (record(colours=10**9), "1000000000 is no whole number from 1 to 1000"),
    "nodes.jsonl": (record(nodes=10**9), "1000000000 is no whole number from 1 to 5000"),
    "nodes": (lambda: b"p edge 1000000000 1\ne 1 2\n", "1000000000"),
    "nodes.graph": (lambda: b"99999999 1\n2\n1\n", "99999999 nodes"),
    "nodes.mtx": (lambda: b"%%MatrixMarket matrix array real general\n99999999 99999999\n1\n", "99999999 nodes"),
}


SLOW = os.environ.get("HYPOTHESIS_PROFILE") == "slow"
LARGEST = ["largest"] if SLOW else []  # within the limits: five seconds


def largest():
    """An edge list of as many different edges as can be read."""
    every = itertools.islice(itertools.combinations(range(1500), 2), colouring.MOST_EDGES)
    return "".join(f"{a} {b}\n" for a, b in every).encode()


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What reading each of the files said, one after another in one process, the largest that is read at last."""
    folder = tmp_path_factory.mktemp("hostile")
    words = []
    for name in [*HOSTILE, *LARGEST]:
        path = folder / name
        path.write_bytes(HOSTILE[name][0]() if name in HOSTILE else largest())
        words.append(f"{path}:{0 if path.suffix in ('.jsonl', '.parquet') else 3}")
    done = subprocess.run([sys.executable, "-c", CHILD, *words], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr[-500:]
    for name in [*HOSTILE, *LARGEST]:
        (folder / name).unlink()
    return folder, dict(zip([*HOSTILE, *LARGEST], map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")
@pytest.mark.parametrize("name", HOSTILE)
def test_sizes_beyond_the_limits_are_refused_at_once(name, answers):
    folder, every = answers
    said, seconds, megabytes = every[name]
    assert said.startswith(str(folder / name)) and HOSTILE[name][1] in said
    assert said.isprintable() and len(said) <= MOST_MESSAGE
    assert seconds < SECONDS and megabytes < MEGABYTES


@pytest.mark.skipif(not SLOW, reason="five seconds: HYPOTHESIS_PROFILE=slow")
def test_the_largest_graph_is_read(answers):
    said, seconds, megabytes = answers[1]["largest"]
    assert said == "read 1" and seconds < 15 and megabytes < 2 * MEGABYTES


def test_many_colours_are_refused_before_tables_are_made():
    from csp.difficulty import reference_search

    problem = colouring.graph(5_000, [(0, 1)], colouring.MOST_COLOURS)
    before = reference_search._rising.cache_info().misses
    with pytest.raises(BadInput, match="takes up to 60"):
        reference_search.grade(problem, np.zeros(5_000, dtype=np.int64))
    assert reference_search._rising.cache_info().misses == before


@pytest.mark.parametrize("field", ["nodes", "edges", "givens", "family", "provenance", "id", "difficulty", "names"])
def test_deep_json_is_refused(field):
    for depth in (*range(100, 1000, 100), *range(940, 1000, 3), 5_000, 100_000):
        deep = "[" * depth + "]" * depth
        plain = {"nodes": "1", "colours": "3", "edges": "[]", "givens": "[0]"} | {field: deep}
        text = "{" + ", ".join(f'"{name}": {said}' for name, said in plain.items()) + "}"
        try:
            instance_records.read_jsonl(text, "f")
        except BadInput as fault:
            assert str(fault).startswith("f, line 1: ") and len(str(fault)) < 300


@pytest.mark.parametrize("edges", [3, [1], "12", 1.5, True, [0, 1, 2], {"a": 1}])
def test_edges_of_another_type_in_parquet_are_refused(edges):
    buffer = io.BytesIO()
    row = {"nodes": 3, "colours": 3, "edges": edges, "givens": [0, 0, 0]}
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), buffer)
    with pytest.raises(BadInput, match="^f, row 1: "):
        instance_records.read_parquet(buffer.getvalue(), "f")


@given(st.data())
def test_mutated_parquet_is_read_or_refused(few, data):
    from csp.generate import draw

    given_graph = draw("queen:rows=3,columns=3,colours=9", 0, "any", 0)
    whole = bytearray(instance_records.write_parquet([given_graph, *few["sudoku4"]]))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(min_size=1, max_size=3))
    try:
        instance_records.read_parquet(bytes(whole), "f")
    except BadInput as fault:
        assert str(fault).startswith("f") and "\n" not in str(fault)


@given(st.data())
def test_mutated_records_are_read_or_refused(few, data):
    lines = instance_records.write_jsonl([*few["sudoku4"][:2], *few["colouring"][:1]])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines)))
        odd = ["[", "{", '"', "-", "1e999", "null", "true", "\\ud800", "9" * 30, ",", ":", "NaN", "\x1b[2J"]
        lines = lines[:at] + data.draw(st.sampled_from(odd)) + lines[at + data.draw(st.integers(0, 4)) :]
    try:
        made = instance_records.read_jsonl(lines, "f")
    except BadInput as fault:
        assert str(fault).startswith("f, line ") and str(fault).isprintable()
        return
    instance_records.write_parquet(made)  # whatever was read can be written
    instance_records.write_jsonl(made).encode()


@given(st.text(max_size=2000))
def test_messages_are_one_short_line(text):
    said = str(BadInput(text))
    assert len(said) <= MOST_MESSAGE and said.isprintable() and isinstance(said.encode(), bytes)
    if text.isprintable() and len(text) <= MOST_MESSAGE:
        assert said == text
    assert len(shown(text)) < 60 and one_line(said) == said


def test_gzip_is_unpacked_and_damage_named(tmp_path):
    path = tmp_path / "x.jsonl"
    plain = record()()
    path.write_bytes(gzip.compress(plain) + gzip.compress(plain))
    assert files.read_bytes(path) == plain * 2
    for damaged in (gzip.compress(plain)[:-3], gzip.compress(plain)[:12], gzip.compress(plain)[:20] + b"xxxxxxxx"):
        path.write_bytes(damaged)
        with pytest.raises(BadInput, match="damaged gzip"):
            files.read_bytes(path)
