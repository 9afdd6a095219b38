"""Prompts: they hold the puzzle, they can be changed, and what they ask for is read as it was meant."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import takeback
from csp.families import colouring, sudoku_variants
from csp.problem import Instance
from experiments.ask.command import Ask, main
from experiments.ask.prompts import STYLES, counts_from, prompt, readable, template, words
from experiments.ask.questions import questions
from experiments.scoring.transcripts import read


def drawn(family, index=0):
    """A puzzle of a family, ungraded ones too."""
    return takeback.draw(family, seed=2, split="test", index=index)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("family", ["sudoku4", "sudoku9", "colouring"])
def test_a_prompt_holds_the_puzzle_and_no_solution(family, style):
    puzzle = drawn(family)
    text = prompt(puzzle, template(style))
    assert "$" not in text and words(puzzle)["puzzle"] in text and words(puzzle)["rules"] in text
    assert ("undo" in text) == (style == "steps")
    assert prompt(replace(puzzle, witness=None), template(style)) == text


def test_the_grid_and_the_edges_can_be_read_back():
    board, graph = drawn("sudoku9"), drawn("colouring")
    symbols = words(board)["puzzle"].split()
    assert [0 if s == "_" else int(s) for s in symbols] == board.givens.tolist()
    edges = set()
    for line in words(graph)["puzzle"].splitlines()[1:]:
        node, others = line.split(" - ")
        edges |= {(int(node), int(other)) for other in others.split(", ")}
    assert edges == set(colouring.edges(graph.problem))


def scripted(puzzle, rng, steps=40):
    """Random moves in the words of the prompt, and the events that they mean."""
    d = puzzle.problem.d
    names = getattr(puzzle.problem, "names", ())
    board, lines, events = puzzle.givens.copy(), [], []
    for _ in range(steps):
        cell = int(rng.choice(np.nonzero(puzzle.givens == 0)[0]))
        place = (
            f"r{cell // d + 1}c{cell % d + 1}" if counts_from(puzzle) else (names[cell] if names else f"node {cell}")
        )
        if board[cell]:
            lines.append(words(puzzle)["undo"].split()[0] + f" {place}")
            board[cell] = 0
        else:
            board[cell] = rng.integers(1, d + 1)
            lines.append(f"{place} = {board[cell]}")
        events.append((cell, int(board[cell])))
    return "\n".join(lines), events


@settings(max_examples=25)
@given(st.sampled_from(["sudoku4", "sudoku9", "colouring"]), st.integers(0, 3), st.integers(0, 2**32))
def test_moves_in_the_prompts_words_are_read_as_meant(family, index, seed):
    puzzle = drawn(family, index)
    text, events = scripted(puzzle, np.random.default_rng(seed))
    said = read(text, puzzle, index_from=counts_from(puzzle))
    assert [(cell, value) for _, cell, value in said.trace.events] == events and said.missed == 0


@pytest.mark.parametrize("family", ["sudoku4", "sudoku9", "colouring"])
def test_the_example_lines_are_of_the_grammar(family):
    puzzle = drawn(family)
    said = words(puzzle)
    blank = replace(puzzle, givens=np.zeros_like(puzzle.givens), witness=None)
    found = read(f"{said['move']}\n{said['undo']}", blank, index_from=counts_from(puzzle))
    assert [value for _, _, value in found.trace.events] == [1, 0] and len(found.claims) == 1


NAMED = Instance(
    colouring.graph(3, [(0, 1), (1, 2)], 3, ("WA", "Northern-Territory", "SA")), np.array([0, 2, 0]), "colouring", "x"
)


def test_names_are_used_where_they_can_be_read():
    said = words(NAMED)
    assert "WA - Northern-Territory" in said["puzzle"] and "Northern-Territory = 2" in said["puzzle"]
    text, events = scripted(readable(NAMED), np.random.default_rng(1))
    assert [tuple(event[1:]) for event in read(text, NAMED, index_from=0).trace.events] == events


@pytest.mark.parametrize("names", [("1", "2", "3"), ("A", "B", "C"), ("red", "x1", "x2"), ("node 7", "n2", "v3")])
def test_names_that_could_be_taken_for_something_else_are_left_out(names):
    puzzle = replace(NAMED, problem=replace(NAMED.problem, names=names))
    assert readable(puzzle).problem.names == () and readable(puzzle).id == puzzle.id
    assert "nodes 0 to 2" in prompt(readable(puzzle), template("steps"))


@pytest.mark.parametrize(
    ("variant", "told"),
    [
        (sudoku_variants.Variant(6, sudoku_variants.boxes(6, 3, 2)), "box of 3 rows and 2 columns"),
        (
            sudoku_variants.Variant(4, sudoku_variants.boxes(4, 2, 2), diagonals=True),
            "every column, every box of 2 rows",
        ),
        (sudoku_variants.Variant(4, sudoku_variants.boxes(4, 2, 2), diagonals=True), "and every long diagonal"),
        (
            sudoku_variants.Variant(4, sudoku_variants.numbered(tuple("aaabacbbccbdcddd"))),
            "The regions, a letter each:\nA A A B\nA C B B\nC C B D\nC D D D",
        ),
        (
            sudoku_variants.Variant(4, sudoku_variants.boxes(4, 2, 2), cages=((5, (0, 1)),)),
            "r1c1, r1c2 differ and sum to 5.",
        ),
        (sudoku_variants.Variant(4, sudoku_variants.boxes(4, 2, 2), allowed=((5, (1, 3)),)), "r2c2 is one of 1 3."),
    ],
)
def test_other_boards_say_their_rules(variant, told):
    problem = sudoku_variants.problem(variant)
    puzzle = Instance(problem, np.zeros(problem.n, dtype=np.int64), "sudoku", "x")
    assert told in prompt(puzzle, template("steps"))


def test_a_prompt_of_ones_own(tmp_path, capsys):
    file = tmp_path / "mine.txt"
    file.write_text("Costs $$1. $puzzle Go!\n")
    puzzle = drawn("sudoku4")
    assert prompt(puzzle, template("steps", file)) == f"Costs $1. {words(puzzle)['puzzle']} Go!"
    takeback.write_puzzles(tmp_path / "p.jsonl", [puzzle])
    main(Ask(puzzles=tmp_path / "p.jsonl", prompt=file, show_prompt=True))
    assert capsys.readouterr().out == f"Costs $1. {words(puzzle)['puzzle']} Go!\n"
    main(Ask(puzzles=tmp_path / "p.jsonl", style="free", show_prompt=True))
    assert "Reason as you like" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("$rules", "where the $puzzle goes"),
        ("$puzzle $riddle", "no word $riddle; there are $rules"),
        ("$puzzle 5$", "write $$"),
    ],
)
def test_a_prompt_that_cannot_be_filled_is_refused(text, line, tmp_path):
    (tmp_path / "mine.txt").write_text(text)
    with pytest.raises(takeback.BadInput, match=re.escape(line)):
        template("steps", tmp_path / "mine.txt")


def test_a_question_is_its_puzzle_prompt_settings_and_sample():
    puzzles = [drawn("sudoku4", index) for index in range(3)]

    def keys(settings=None, text=None, samples=2, most=100, seed=None):
        return [
            q.key
            for q in questions(puzzles, text or template("steps"), settings or {"model": "m"}, samples, most, seed)
        ]

    plain = keys()
    assert len(set(plain)) == 6 and keys() == plain and keys(samples=3)[:2] == plain[:2]
    for other in (
        keys({"model": "n"}),
        keys({"model": "m", "temperature": 0.0}),
        keys(text=template("free")),
        keys(seed=0),
    ):
        assert not set(other) & set(plain)
    assert not set(keys(seed=1)) & set(keys(seed=0))
