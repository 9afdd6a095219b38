"""Boards: reading, writing, symmetries, and what malformed lines say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp.difficulty import reference_search
from csp.errors import BadInput
from csp.families import sudoku


@given(st.sampled_from(sorted(sudoku.BOXES)), st.data())
def test_readers_accept_what_writers_write(side, data):
    board = sudoku.board(side)
    cells = data.draw(st.dictionaries(st.integers(0, side * side - 1), st.integers(1, side), max_size=3))
    assignment = np.zeros(side * side, dtype=np.int64)
    for cell, value in cells.items():
        assignment[cell] = value
    if board.violated(assignment).any():
        return
    assert (sudoku.parse(sudoku.write(board, assignment)).givens == assignment).all()


@pytest.mark.parametrize("side", [4, 6, 9, 16])
def test_boards_have_solutions_and_the_right_rules(side):
    board = sudoku.board(side)
    assert len(board.constraints) == 3 * side
    grid = reference_search.complete(board, np.zeros(side * side, dtype=np.int64), np.random.default_rng(0))
    rows = grid.reshape(side, side)
    high, wide = sudoku.BOXES[side]
    boxes = [rows[r : r + high, c : c + wide].ravel() for r in range(0, side, high) for c in range(0, side, wide)]
    for unit in (*rows, *rows.T, *boxes):
        assert sorted(unit.tolist()) == list(range(1, side + 1))
    assert board.solved(grid)


@given(st.sampled_from([4, 6, 9]), st.integers(0, 10**6))
def test_symmetries_keep_solutions_and_relations(side, seed):
    board = sudoku.board(side)
    cells, relabel = sudoku.symmetry(np.random.default_rng(seed), side)
    grid = reference_search.complete(board, np.zeros(side * side, dtype=np.int64), np.random.default_rng(seed))
    assert board.solved(relabel[grid[cells]])
    assert (board.adjacency[np.ix_(cells, cells)] == board.adjacency).all()
    assert sorted(relabel.tolist()) == list(range(side + 1))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1" * 17, "17 characters"),
        ("", "0 characters"),
        ("x" + "." * 15, "'X' at character 1"),
        ("5" + "." * 15, "'5' at character 1"),
        ("11" + "." * 14, "1 at r1c1 and r1c2 of one row"),
        ("1...1" + "." * 11, "1 at r1c1 and r2c1 of one column"),
        ("2....2" + "." * 10, "2 at r1c1 and r2c2 of one box"),
    ],
)
def test_malformed_lines_are_named(line, words):
    with pytest.raises(BadInput) as fault:
        sudoku.parse(line, "file.txt, line 7")
    assert str(fault.value).startswith("file.txt, line 7: ") and words in str(fault.value)


@given(st.text(max_size=90))
def test_any_text_is_read_or_refused(text):
    try:
        instance = sudoku.parse(text)
    except BadInput:
        return
    assert instance.problem.n in {side * side for side in sudoku.BOXES}
