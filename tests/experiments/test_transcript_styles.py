"""Any trace, written in any style that says moves, is read as the same events."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from csp.families import sudoku
from csp.problem import Instance
from csp.trace import rewrites
from experiments.scoring.transcripts import histories, read
from takeback.testing import graphs

BOARDS = [
    sudoku.parse("..1...34.4..3..."),
    sudoku.parse("." * 16),
    sudoku.parse("5..1..41.3...4....652....6...5......"),
]
FEWER = settings(  # there are many styles
    max_examples=max(8, settings().max_examples // 8), suppress_health_check=[HealthCheck.filter_too_much]
)
COLOURS = ("red", "green", "blue")


@st.composite
def attempts(draw, board):
    """(instance, statements): each (cell, value), 0 to take back, one a call; and the events that they are."""
    if board:
        instance = draw(st.sampled_from(BOARDS))
    else:
        problem = draw(graphs())
        instance = Instance(problem, np.zeros(problem.n, dtype=np.int64), "colouring", "drawn")
    free = np.nonzero(instance.givens == 0)[0].tolist()
    wanted = draw(
        st.lists(st.tuples(st.sampled_from(free), st.integers(0, instance.problem.d)), min_size=1, max_size=14)
    )
    state, said, events = instance.givens.copy(), [], []
    for cell, value in wanted:
        if state[cell] == value:
            continue
        after = state.copy()
        after[cell] = value
        said.append((cell, value, state.copy(), after))
        events += [tuple(event) for event in rewrites(state, after, len(said))]
        state = after
    assume(said)
    return instance, said, events


def board_styles(d):
    """name: (how a cell is called, how a commit is written, how it is taken back, what is counted from)."""
    return {
        "r1c2 = 3": ("r{r}c{c}", "{p} = {v}", "undo {p}", 1),
        "R1C2: 3": ("R{r}C{c}", "{p}: {v}", "Erase {p}.", 1),
        "(1, 2) = 3": ("({r}, {c})", "{p} = {v}", "take back {p}", 1),
        "(0, 1) -> 3": ("({r}, {c})", "{p} -> {v}", "remove {p}", 0),
        "words": ("row {r}, column {c}", "So {p} is {v}.", "Undo {p}, since it clashes.", 1),
        "bold list": ("r{r}c{c}", "- **{p}** = **{v}**", "- undo **{p}**", 1),
        "value first": ("r{r}c{c}", "Put {v} in {p}.", "Clear {p}.", 1),
        "value first, 0": ("row {r}, column {c}", "Now write {v} into {p}", "Now erase {p}", 0),
        "code": ("grid[{r}][{c}]", "{p} = {v}", "undo {p}", 0),
        "set to": ("R{r}C{c}", "Set {p} to {v}.", "unset {p}", 1),
        "LaTeX": ("x_{{{r},{c}}}", "${p} = {v}$", "undo ${p}$", 1),
        "call": ("row={r}, col={c}", "place({p}, value={v})", "undo({p})", 1),
        "JSON": ('"row": {r}, "col": {c}', '{{{p}, "value": {v}}}', '{{"action": "undo", {p}}}', 1),
        "tool": (
            '{{"cell": "r{r}c{c}"',
            '{{"name": "set", "arguments": {p}, "value": {v}}}}}',
            '{{"name": "undo", "arguments": {p}}}}}',
            1,
        ),
        "XML": ('row="{r}" col="{c}"', '<place {p} value="{v}"/>', "<undo {p}/>", 1),
    }


def graph_styles(d):
    return {
        "node 5 = 2": ("node {k}", "{p} = {v}", "undo {p}", 0),
        "v5 -> 2": ("v{k}", "{p} -> {v}", "erase {p}", 0),
        "from 1": ("vertex {k}", "{p}: {v}", "remove {p}", 1),
        "words": ("node {k}", "Color {p} {w}.", "Uncolor {p}.", 0),
        "is": ("node {k}", "{p} is {w}, I think.", "Take back {p}.", 0),
        "colour of": ("color({k})", "{p} = {v}", "undo node {k}", 1),
        "letters": ("node {k}", "{p} = {a}", "undo {p}", 0),
        "value first": ("node {k}", "Assign colour {v} to {p}.", "Clear {p}.", 1),
        "JSON": ('"node": {k}', '{{{p}, "color": "{w}"}}', '{{"action": "undo", {p}}}', 0),
        "call": ("node={k}", "color({p}, color={v})", "uncolor({p})", 0),
        "maps": ("{k}", '{{"{p}": {v}}}', "undo node {p}", 0),
    }


def written(style, instance, said):
    """The text of an attempt in a style."""
    place, commit, undo, base = style
    side, lines = instance.problem.d, []
    for cell, value, _, _ in said:
        p = place.format(r=cell // side + base, c=cell % side + base, k=cell + base)
        form = commit if value else undo
        fields = {"v": value, "w": COLOURS[value - 1] if value < 4 else "", "a": "ABC"[value - 1] if value < 4 else ""}
        lines.append(form.format(p=p, k=cell + base, **fields))
    return "\n".join(lines), base


def events(text, instance, **options):
    said = read(text, instance, **options)
    assert not said.unread, said.unread
    return [tuple(event) for event in said.trace.events]


@pytest.mark.parametrize("name", board_styles(0))
@FEWER
@given(attempts(True), st.sampled_from(["", "\n\nThat much is sure.\n"]))
def test_moves_on_a_board(name, attempt, between):
    instance, said, expected = attempt
    text, base = written(board_styles(0)[name], instance, said)
    text = text.replace("\n", between) if between else text
    read_ = read(text, instance, index_from=base)
    assert [tuple(event) for event in read_.trace.events] == expected
    assert read_.missed == 0


@pytest.mark.parametrize("name", graph_styles(0))
@FEWER
@given(attempts(False))
def test_moves_on_a_graph(name, attempt):
    instance, said, expected = attempt
    text, base = written(graph_styles(0)[name], instance, said)
    assert events(text, instance, index_from=base) == expected


@pytest.mark.parametrize("name", [name for name, style in board_styles(0).items() if style[3] == 0])
@FEWER
@given(attempts(True))
def test_a_zero_in_a_coordinate_says_where_counting_begins(name, attempt):
    instance, said, expected = attempt
    assume(any(0 in divmod(cell, instance.problem.d) for cell, *_ in said))
    assert events(written(board_styles(0)[name], instance, said)[0], instance) == expected


@FEWER
@given(attempts(True))
def test_the_last_of_the_board_says_that_counting_begins_at_one(attempt):
    instance, said, expected = attempt
    assert events(written(board_styles(0)["(1, 2) = 3"], instance, said)[0], instance) == expected


def drawings(d):
    """Ways to draw a board."""
    high, wide = sudoku.BOXES[d]

    def boxed(rows):
        lines = []
        for k, row in enumerate(rows):
            if k % high == 0:
                lines.append("+" + ("-" * (2 * wide + 1) + "+") * (d // wide))
            lines.append("| " + " | ".join(" ".join(row[c : c + wide]) for c in range(0, d, wide)) + " |")
        return "\n".join([*lines, lines[0]])

    return {
        "spaces": lambda rows: "\n".join(" ".join(row) for row in rows),
        "bare": lambda rows: "\n".join("".join(row) for row in rows),
        "boxed": boxed,
        "one line": lambda rows: "".join("".join(row) for row in rows),
        "Markdown": lambda rows: "\n".join("| " + " | ".join(row) + " |" for row in rows).replace(
            "\n", "\n" + "|---" * d + "|\n", 1
        ),
        "drawn": lambda rows: "\n├───┤\n".join(
            "│ " + " │ ".join(v.replace(".", " ") for v in row) + " │" for row in rows
        ),
        "LaTeX": lambda rows: "\n".join(" & ".join(v.replace(".", "") for v in row) + " \\\\" for row in rows),
        "NumPy": lambda rows: "[[" + "]\n [".join(" ".join(v.replace(".", "0") for v in row) for row in rows) + "]]",
        "JSON": lambda rows: json.dumps([[int(v.replace(".", "0")) for v in row] for row in rows]),
        "Python": lambda rows: "board = " + str(tuple(tuple(int(v.replace(".", "0")) for v in row) for row in rows)),
        "labels": lambda rows: "\n".join(f"Row {k}: {' '.join(row)}" for k, row in enumerate(rows, 1)),
    }


@pytest.mark.parametrize("name", drawings(4))
@FEWER
@given(attempts(True))
def test_boards_written_again_and_again(name, attempt):
    instance, said, expected = attempt
    d = instance.problem.d
    assume(all((after != instance.givens).any() for *_, after in said))  # that would be the puzzle again
    texts = []
    for _, _, _, after in said:
        symbols = [sudoku.SYMBOLS[value] for value in after]
        texts.append(drawings(d)[name]([symbols[r * d : r * d + d] for r in range(d)]))
    assert events("\n\n".join(texts), instance) == expected


@FEWER
@given(attempts(False))
def test_lists_of_a_graph(attempt):
    instance, said, expected = attempt
    assume(instance.problem.n > 2 and all(after.any() for *_, after in said))
    text = "\n".join(json.dumps([int(value) or None for value in after]) for *_, after in said)
    assert events(text, instance) == expected


@FEWER
@given(st.booleans().flatmap(attempts), st.sampled_from([0, -1, 99]))
def test_states_of_a_sampler(attempt, mask):
    instance, said, expected = attempt
    states = [[int(value) or mask for value in state] for state in (instance.givens, *(after for *_, after in said))]
    made = histories.read({"states": states}, instance, "here", "sampler", 0, (mask,) if mask else ())
    assert [tuple(event) for event in made.trace.events] == expected and not made.notes
    assert made.trace.costs.calls == len(said)


@FEWER
@given(attempts(True))
def test_a_bare_undo_takes_back_the_last_that_stands(attempt):
    instance, said, expected = attempt
    order, lines = [], []
    for cell, value, _, _ in said:
        bare = not value and order[-1] == cell
        lines.append("undo" if bare else f"undo r{cell // instance.problem.d + 1}c{cell % instance.problem.d + 1}")
        if value:
            lines[-1] = f"r{cell // instance.problem.d + 1}c{cell % instance.problem.d + 1} = {value}"
        order = [c for c in order if c != cell] + [cell] * bool(value)
    assert events("\n".join(lines), instance) == expected


@FEWER
@given(attempts(True), st.booleans())
def test_only_the_last_answer(attempt, whole):
    instance, said, _ = attempt
    d, final = instance.problem.d, said[-1][3]
    text = written(board_styles(0)["r1c2 = 3"], instance, said)[0]
    if whole:
        final = np.where(instance.givens > 0, instance.givens, 1 + np.arange(instance.problem.n) % d)
        text += "\n<answer>" + "".join(map(str, final)) + "</answer>"
    made = read(text, instance, final_only=True)
    assert [tuple(event) for event in made.trace.events] == [tuple(e) for e in rewrites(instance.givens, final, 1)]
    assert made.trace.costs.calls == min(1, len(made.trace.events))


@FEWER
@given(attempts(True))
def test_moves_in_a_row_after_one_verb(attempt):
    instance, said, _ = attempt
    d = instance.problem.d
    moves = {cell: f"{value} in r{cell // d + 1}c{cell % d + 1}" for cell, value, *_ in said if value}
    assume(moves)
    *most, last = moves.values()
    text = f"I put {', '.join(most)}{' and ' * bool(most)}{last}."
    assert [(cell, f"{value} in") for _, cell, value in events(text, instance)] == [
        (k, v[:4]) for k, v in moves.items()
    ]
    assert not read(text.replace("put", "could put"), instance).trace.events


@pytest.mark.parametrize(
    "words", ["Go back", "Scratch that", "Ok, let me undo that", "No, undo that", "So I backtrack"]
)
def test_words_that_undo(words):
    instance = sudoku.parse("..1...34.4..3...")
    assert events(f"r1c1 = 2\n{words}.", instance) == [(1, 0, 2), (2, 0, 0)]
    doubted = read(f"r1c1 = 2\n{words} to r1c1, perhaps?", instance)
    assert [tuple(event) for event in doubted.trace.events] == [(1, 0, 2)]


@pytest.mark.parametrize(
    "words", ["No backtrack.", "So no undo", "Let me step back.", "Then I will go back", "wait, no undo"]
)
def test_words_about_going_back_undo_nothing(words):
    said = read(f"r1c1 = 2\n{words}", sudoku.parse("..1...34.4..3..."))
    assert [tuple(event) for event in said.trace.events] == [(1, 0, 2)]


@pytest.mark.parametrize(
    "end", [", which is wrong", ", but that is wrong", " (or 4)", ", or 4", ", which conflicts", "?"]
)
def test_doubt_at_the_end_of_moves_in_a_row_is_doubt_of_all(end):
    said = read(f"Put 2 in r1c1 and then 3 in r2c2{end}.", sudoku.parse("..1...34.4..3..."))
    assert not said.trace.events and said.unread
