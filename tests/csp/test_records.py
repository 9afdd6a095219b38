"""Instances as JSON Lines, Parquet and text: what is written is read back, anything else is refused in one line."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.families import latin, sudoku
from csp.generate import certified, draw
from csp.io import board_text, instance_records
from csp.problem import Instance
from takeback.testing import instances


def same(left, right):
    """Whether two instances are the same in all that is written down."""
    witnesses = (left.witness is None) == (right.witness is None) and (
        left.witness is None or (left.witness == right.witness).all()
    )
    return (left.id, left.family, left.difficulty, left.provenance) == (
        right.id,
        right.family,
        right.difficulty,
        right.provenance,
    ) and bool(witnesses)


def consistent(instance):
    return not instance.problem.violated(instance.givens).any()


@given(instances().filter(consistent), st.booleans())
def test_records_are_read_back(instance, graded):
    instance = certified(instance) if graded else instance
    lines = instance_records.write_jsonl([instance, instance])
    assert all(same(instance, again) for again in instance_records.read_jsonl(lines))
    data = instance_records.write_parquet([instance], {"made": "here"})
    assert same(instance, instance_records.read_parquet(data)[0])
    assert data == instance_records.write_parquet(instance_records.read_parquet(data), {"made": "here"})
    assert instance_records.read_parquet(data, count=0) == [] and len(instance_records.read_parquet(data, count=9)) == 1


def test_boards_of_every_kind_are_read_back():
    for problem in (*(sudoku.board(side) for side in sudoku.BOXES), latin.board(2), latin.board(13)):
        givens = np.zeros(problem.n, dtype=np.int64)
        givens[:3] = problem.d, 0, 1
        kind = problem.name.split()[0]
        instance = Instance(problem, givens, f"{kind}{problem.d}", "here")
        assert same(instance, instance_records.read_jsonl(instance_records.write_jsonl([instance]))[0])
        assert instance.id == instance_records.from_record({"board": problem.name, "givens": givens.tolist()}).id
        for write in (board_text.write_lines, board_text.write_grids):
            assert [i.id for i in board_text.read(write([instance]), "x")] == [instance.id]


GOOD = {"board": "sudoku 4x4", "givens": "1..............."}
GRAPH = {"nodes": 3, "colours": 2, "edges": [[0, 1], [1, 2]], "givens": [0, 0, 0]}


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ([], "not an instance"),
        ({**GOOD, "board": "chess 8x8"}, "no board 'chess 8x8'"),
        ({**GOOD, "board": "sudoku 5x5"}, "no Sudoku board of side 5"),
        ({**GOOD, "givens": "1.."}, "3 cells for 16"),
        ({**GOOD, "givens": "?" * 16}, "a symbol that stands for no value"),
        ({**GOOD, "givens": "11" + "." * 14}, "givens contradict"),
        ({**GOOD, "givens": "7" + "." * 15}, "outside 0..4"),
        ({**GOOD, "id": "sudoku4-000000000000"}, "but what it holds is sudoku4-"),
        ({**GOOD, "witness": "1" * 16}, "no solution"),
        ({**GOOD, "difficulty": {"guesses": -1}}, "whole number"),
        ({**GOOD, "difficulty": {"colour": 1}}, "difficulty is no object"),
        ({"board": "sudoku 4x4"}, "no 'givens'"),
        ({**GRAPH, "edges": [[0, 3]]}, "no whole number from 0 to 2"),
        ({**GRAPH, "edges": [[1, 1]]}, "joins a node to itself"),
        ({**GRAPH, "nodes": 10**9}, "no whole number"),
        ({**GRAPH, "edges": [[0]]}, "not an instance"),
        ({**GRAPH, "givens": [1, 1, 0]}, "givens contradict"),
    ],
)
def test_malformed_records_are_named(record, words):
    with pytest.raises(BadInput) as fault:
        instance_records.read_jsonl("\n" + json.dumps(record), "f.jsonl")
    assert str(fault.value).startswith("f.jsonl, line 2: ") and words in str(fault.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GRAPH, *GOOD, "id"]), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*GRAPH, *GOOD, "id", "witness", "difficulty"]), json_values) | json_values)
def test_any_json_is_read_or_refused(value):
    try:
        instance_records.from_record(value)
    except BadInput:
        pass


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data):
    for read in (lambda: instance_records.read_parquet(data), lambda: board_text.read(data.decode("latin-1"), "x")):
        try:
            read()
        except BadInput:
            pass


@given(st.text(alphabet="1234.0_|-+ \n#x", max_size=120))
def test_any_text_is_read_or_refused(text):
    try:
        made = board_text.read(text, "x")
    except BadInput:
        return
    assert all(instance.problem.n in (16, 36, 81, 256, 625) for instance in made)


def test_grids_of_other_people_are_read():
    line = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
    rows = [line[i : i + 9] for i in range(0, 81, 9)]
    theirs = [
        "\n".join(rows),
        "Grid 01\n" + "\n".join(row.replace(".", "0") for row in rows),
        "\n".join(" ".join(row.replace(".", "_")) for row in rows),
        "\n".join(("------+-------+------\n" if i in (3, 6) else "") + f"| {row} |" for i, row in enumerate(rows)),
        line + "\n",
    ]
    for text in theirs:
        assert [sudoku.write(i.problem, i.givens) for i in board_text.read(text, "x")] == [line]


def test_sixteen_symbols_are_a_4x4_puzzle_unless_one_of_them_is_above_4():
    four = "1..............."
    assert [i.problem.n for i in board_text.read(f"{four}\n" * 16, "x")] == [16] * 16
    rows = ["G..............."] + ["................"] * 15
    assert [i.problem.n for i in board_text.read("\n".join(rows), "x")] == [256]


def test_a_graph_is_no_text(few):
    with pytest.raises(BadInput, match="no board"):
        board_text.write_lines(few["colouring"])


def test_drawn_instances_of_every_family_are_read_back():
    for name in ("sudoku16", "latin:side=5", "queen:rows=4,columns=5,colours=6", "regular:n=12,degree=3"):
        instance = draw(name, 0, "any", 0)
        assert same(instance, instance_records.read_jsonl(instance_records.write_jsonl([instance]))[0])
