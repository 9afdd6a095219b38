"""Transcripts: what is read as which events, what is not read and said to be."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.families import colouring, sudoku
from csp.problem import Instance
from csp.trace import replay
from experiments.puzzle_files import reasoning_gym
from experiments.scoring import transcripts

BOARD = sudoku.parse("..1...34.4..3...", "board")  # 4x4
GRAPH = Instance(
    colouring.graph(4, [(0, 1), (1, 2), (2, 3)], 3), np.zeros(4, dtype=np.int64), "colouring", "path of four"
)
SOLVED = "4 3 1 2\n2 1 3 4\n1 4 2 3\n3 2 4 1"


def events(text, instance=BOARD):
    """(cell, value) of each event, and why lines were not read."""
    said = transcripts.read(text, instance)
    replay(said.trace, instance.givens, instance.problem.d)
    return [(e.cell, e.value) for e in said.trace.events], [(u.line, u.why) for u in said.unread]


@pytest.mark.parametrize(
    "line",
    [
        "r1c2 = 3",
        "R1C2: 3",
        "r1c2=3",
        "row 1, column 2 is 3",
        "Row 1 col 2 becomes a 3, I think.",
        "(1, 2) = 3",
        "(1,2) -> 3",
        "So cell r1c2 gets 3.",
        "Set r1c2 to 3",
    ],
)
def test_a_cell_of_a_board(line):
    assert events(line) == ([(1, 3)], [])


@pytest.mark.parametrize("line", ["node 2 = 3", "Node 2 is colour 3", "v2 -> 3", "vertex 2: 3", "2: 3", "2 -> 3"])
def test_a_node_of_a_graph(line):
    assert events(line, GRAPH) == ([(2, 3)], [])


@pytest.mark.parametrize("line", ["undo r1c1", "Erase (1, 1).", "take back row 1, column 1", "remove r1c1", "Undo"])
def test_taking_back(line):
    assert events(f"r1c1 = 2\n{line}") == ([(0, 2), (0, 0)], [])


def test_undo_takes_back_the_last_one_that_still_stands():
    assert events("r1c1 = 2\nr1c2 = 3\nundo r1c2\nundo\nundo") == (
        [(0, 2), (1, 3), (1, 0), (0, 0)],
        [(5, "nothing to undo")],
    )


def test_overwriting_is_a_retraction_and_a_commit_and_repetition_is_nothing():
    assert events("r1c1 = 2\nr1c1 = 4\nr1c1 = 4") == ([(0, 2), (0, 0), (0, 4)], [])


def test_several_statements_a_line_are_several_calls():
    said = transcripts.read("r1c1 = 2, r1c2 = 3; undo r1c1, r1c4 = 2", BOARD)
    assert [tuple(e) for e in said.trace.events] == [(1, 0, 2), (2, 1, 3), (3, 0, 0), (4, 3, 2)]
    assert said.trace.costs.calls == 4


def test_a_rewritten_grid_changes_what_differs():
    said, unread = events(f"r1c1 = 2\n{SOLVED}")
    assert said[:3] == [(0, 2), (0, 0), (0, 4)] and unread == [] and len(said) == 13
    decorated = "4 3 | 1 2\n2 1 | 3 4\n----+----\n1 4 | 2 3\n3 2 | 4 1"
    assert events(decorated)[0] == events(SOLVED)[0]
    partial = "2 . | 1 .\n. . | 3 4\n----+----\n. 4 | . .\n3 . | . ."
    assert events(f"r1c2 = 3\n{partial}") == ([(1, 3), (1, 0), (0, 2)], [])


def test_a_full_board_that_changes_a_given_ends_wrong_and_names_it():
    board = SOLVED.replace("4 3 1 2", "4 3 2 1")
    said = transcripts.read(f"r1c1 = 2\n{board}", BOARD)
    assert [(u.line, u.why) for u in said.unread] == [
        (2, "contradicts the given at r1c3 (1, not 2); the attempt ends wrong")
    ]
    assert said.trace.end == "wrong" and said.altered and said.trace.commits == 12  # of the free cells
    # a partial one is not taken over, nor a full one that another follows
    partial = board.replace("3 2 4 1", "3 . . 1")
    assert events(partial) == ([], [(1, "contradicts the given at r1c3 (1, not 2); the grid is not taken over")])
    again = transcripts.read(f"{board}\n\n{SOLVED}", BOARD)
    assert again.trace.end == "solved" and again.trace.retractions == 0 and len(again.unread) == 1


def test_maps_and_lists_in_the_order_they_are_written():
    assert events('{"2": 1, "0": 2}', GRAPH)[0] == [(2, 1), (0, 2)]
    assert events('{\n "0": 1,\n "1": 2\n}', GRAPH)[0] == [(0, 1), (1, 2)]
    assert events("[1, 2, 1, 2]", GRAPH)[0] == [(0, 1), (1, 2), (2, 1), (3, 2)]
    assert events('{"0": 1}\n{"0": 2}', GRAPH)[0] == [(0, 1), (0, 0), (0, 2)]


def test_reasoning_gyms_answers_are_read(few):
    for instance in (*few["sudoku6"][:2], *few["colouring"][:2]):
        item = reasoning_gym.entry(instance)
        said = transcripts.read(item["answer"], instance)
        assert said.trace.end == "solved" and said.unread == () and said.trace.commits == instance.blanks


@pytest.mark.parametrize(
    ("text", "instance", "why"),
    [
        ("I am thinking.", BOARD, "no statement"),
        ("r5c1 = 1", BOARD, "rows and columns are 1 to 4"),
        ("r1c1 = 9", BOARD, "values are 1 to 4"),
        ("r1c3 = 2", BOARD, "that cell is given"),
        ("undo r1c1", BOARD, "blank already"),
        ("node 3 = 1", BOARD, "a board has rows and columns"),
        ("node 5 = 1", GRAPH, "nodes are 0 to 3"),
        ("r1c1 = 1", GRAPH, "a graph has nodes"),
        ('{"9": 1}', GRAPH, "nodes are 0 to 3"),
        ("r1c1 = 2, r9c9 = 1", BOARD, "rows and columns"),
    ],
)
def test_what_cannot_be_followed_is_said_with_its_line(text, instance, why):
    said = transcripts.read(f"\n{text}\n", instance, first_line=10)
    assert [(u.line, why in u.why) for u in said.unread] == [(11, True)]


def test_restating_a_given_is_fine():
    assert events("r1c3 = 1") == ([], [])


@given(st.text(alphabet="r1c234 =:undonode(),{}[]\"'.|\n->56", max_size=150) | st.text(max_size=60))
def test_any_text_makes_a_trace_that_fits_the_instance(text):
    for instance in (BOARD, GRAPH):
        said = transcripts.read(text, instance)
        final = replay(said.trace, instance.givens, instance.problem.d)[-1]
        assert (said.trace.end == "solved") == bool(instance.solved(final))


def test_sections_of_a_file():
    text = "=== a-1 model x\nr1c1 = 2\n\n=== 2\n=== 3 y ===\nundo"
    parts = list(transcripts.sections(text, "f"))
    assert parts == [("a-1", "model x", "r1c1 = 2\n", 2), ("2", "transcript", "", 5), ("3", "y", "undo", 6)]
    with pytest.raises(BadInput, match="f, line 2: a transcript begins"):
        list(transcripts.sections("\nhello", "f"))
    assert json.dumps(parts)  # plain data
