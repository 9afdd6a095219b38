"""Attempts in the forms that people bring, through the command: what is right of each, and what is said beside it."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from experiments.score import ScoreCommand, main

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
PUZZLE = "4..11.....1.2.3."  # its one solution: 4321 1243 3412 2134
MAP = """c Australia: 1 WA 2 NT 3 SA 4 Q 5 NSW 6 V 7 T
p edge 7 9
e 1 2
e 1 3
e 2 3
e 2 4
e 3 4
e 3 5
e 3 6
e 4 5
e 5 6
"""
MOVES = "r1c2 = 3\nr1c3 = 2\n{}\nr2c2 = 2\nr2c3 = 4\nr2c4 = 3\nr3c1 = 3\nr3c2 = 4\nr3c4 = 2\nr4c2 = 1\nr4c4 = 4"
RIGHT = [[4, 3, 2, 1], [1, 2, 4, 3], [3, 4, 1, 2], [2, 1, 3, 4]]
ZERO = "\n".join(
    f"({r}, {c}) = {v}"
    for r, c, v in [
        (0, 1, 3),
        (0, 2, 2),
        (1, 1, 2),
        (1, 2, 4),
        (1, 3, 3),
        (2, 0, 3),
        (2, 1, 4),
        (2, 3, 2),
        (3, 1, 1),
        (3, 3, 4),
    ]
)
COLOURED = [1, 2, 3, 1, 2, 1, 1]
GIVENS = [4, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 2, 0, 3, 0]


@pytest.fixture
def score(tmp_path, monkeypatch):
    """Score some content; (rows of scores.parquet, run.json's rows of all strata by decoder, skipped, attempts)."""

    monkeypatch.setattr("experiments.score._figure", lambda *_: None)  # drawing takes longer than all the rest

    def run(content, graph=False, name="t.txt", **options):
        file, puzzles, out = tmp_path / name, tmp_path / ("p.col" if graph else "p.txt"), tmp_path / "out"
        if content is not None:
            file.write_text(content)
        puzzles.write_text(MAP if graph else PUZZLE + "\n")
        main(ScoreCommand(file, puzzles, colours=3 if graph else None, out=out, workers=1, **options))
        rows = pyarrow.parquet.read_table(out / "scores.parquet").to_pylist()
        card = json.loads((out / "run.json").read_text())
        figures = {row["decoder"]: row for row in card["rows"] if row["stratum"] == "all"}
        attempts = [json.loads(line) for line in (out / "attempts.jsonl").read_text().splitlines()]
        return rows, figures, (out / "skipped.txt").read_text().splitlines(), attempts

    return run


def one(score, text, **options):
    """The score of one attempt that is solved without anything taken back."""
    rows, figures, skipped, attempts = score(f"=== 1 a\n{text}\n", **options)
    assert len(rows) == 1 and rows[0]["solved"] and not rows[0]["need"] and rows[0]["retractions"] == 0
    assert rows[0]["commits"] == rows[0]["blanks"] and figures["a"]["unread"] == 0
    return skipped, attempts


@pytest.mark.parametrize(
    "between",
    [
        "- Row 2 of Column 2 is blank.\n- Row 3 of Column 2 is blank too.",
        "It's clear, row 2 is next. Nothing to erase.",
        "Once more the puzzle:\n4 _ _ 1\n1 _ _ _\n_ _ 1 _\n2 _ 3 _",
        "As it stands:\n4 3 2 1\n1 . . .\n. . 1 .\n2 . 3 .",
        "| 4 |   |   | 1 |\n|---|---|---|---|\n| 1 |   |   |   |\n|   |   | 1 |   |\n| 2 |   | 3 |   |",
        "r2c2: 2, 4\nr3c1: 3\nr3c2: 4",
        "Candidates:\nr2c2: 3\nr3c1: 4",
        "Row 2, column 2 is 2 or 3.",
        "> r2c2 = 3",
        "User: try r2c2 = 3\nAssistant: no.",
    ],
)
def test_what_stands_between_moves_is_no_move(between, score):
    one(score, MOVES.format(between))


@pytest.mark.parametrize(
    "before",
    [
        "The edges are 0 -> 1, 0 -> 2, 1 -> 2, 1 -> 3, 2 -> 3.",
        "0 -> 1\n0 -> 2\n1 -> 2\n1 -> 3\n2 -> 3",
        "Edges:\n0 1\n0 2\n1 2",
        "0: 1, 2\n1: 0, 2, 3\n2: 0, 1, 3, 4, 5\n6: 3",
        "edges = [[0, 1], [0, 2], [1, 2]]",
        "[(0, 1), (0, 2), (1, 2), (1, 3)]",
        '{"0": [1, 2], "1": [0, 2, 3]}',
        "Neighbours of 2: 0, 1, 3",
    ],
)
def test_edges_and_neighbours_are_no_colours(before, score):
    moves = "\n".join(f"vertex {node} = {colour}" for node, colour in enumerate(COLOURED))
    one(score, f"{before}\n\n{moves}", graph=True)


def test_candidates_are_no_commits_and_the_attempt_is_unread(score, capsys):
    text = "=== 1 c\nr1c2: 2, 3\nr1c3: 2, 3\nr2c2: 2, 3\nRow 1, column 2 is 2 or 3.\n"
    rows, figures, skipped, attempts = score(text + f"=== 1 b\n{MOVES.format('')}\n=== 1 c\n{MOVES.format('')}\n")
    assert [row["decoder"] for row in rows] == ["b", "c"] and figures["c"]["n"] == figures["c"]["solved"]["n"] == 1
    assert figures["c"]["unread"] == 1 and figures["b"]["unread"] == 0
    assert any("unread: no move or answer of c" in line for line in skipped) and len(skipped) == 5
    assert "c: unread: 1 of 2, listed in skipped.txt" in capsys.readouterr().out
    assert [attempt["unread"] for attempt in attempts] == [True, False, False]


def test_a_decoder_of_which_all_is_unread_is_in_no_pair(score):
    _, figures, _, _ = score(f"=== 1 mute\nI cannot say.\n=== 1 a\n{MOVES.format('')}\n=== 1 b\nr1c2 = 3\n")
    assert figures["mute"]["n"] == 0 and figures["mute"]["unread"] == 1 and figures["mute"]["solved"]["value"] is None


def test_an_attempt_that_is_read_in_part_says_how_much(score, capsys):
    rows, figures, _, attempts = score("=== 1 a\nr1c2 = 3\nr1c3 = 2 or 3\nr9c1 = 1\nI am lost.\n")
    assert figures["a"]["read in part"] == 1 and rows[0]["commits"] == 1
    told = {key: attempts[0][key] for key in ("statements followed", "statements not followed", "lines of prose")}
    assert told == {"statements followed": 1, "statements not followed": 2, "lines of prose": 1}
    assert "a: read in part: 1 of 1" in capsys.readouterr().out


def test_counting_from_0_is_found_and_told(score, capsys):
    _, attempts = one(score, ZERO)
    assert attempts[0]["counts from"] == "rows and columns count from 0" and "line 2" in attempts[0]["sign"]
    assert "rows and columns count from 0: 1 attempt" in capsys.readouterr().err
    one(score, "Rows and columns are zero-indexed.\n" + ZERO)


def test_contradictory_counting_is_named_and_settled_by_the_user(score):
    text = f"=== 1 a\n{ZERO}\n(4, 4) = 4\n"
    rows, figures, skipped, _ = score(text)
    assert not rows and figures["a"]["unread"] == 1
    assert "counts from 0 ('(0, 1) = 3' in line 2) and from 1 ('(4, 4) = 4' in line 12)" in skipped[0]
    rows, _, skipped, _ = score(text, index_from=0)
    assert rows[0]["solved"] and len(skipped) == 1
    rows, _, skipped, _ = score("=== 1 a\n(1, 1) = 2\n(1, 2) = 4\n", index_from=0)
    assert rows[0]["commits"] == 2 and not skipped


@pytest.mark.parametrize(
    "text",
    [
        '{"0": 0, "1": 1, "2": 2, "3": 0, "4": 1, "5": 0, "6": 0}',
        "[0, 1, 2, 0, 1, 0, 0]",
        '<answer>{"0": 1, "1": 2, "2": 3, "3": 1, "4": 2, "5": 1, "6": 1}</answer>',
        'Final answer: {"0": 1, "1": 2, "2": 3, "3": 1, "4": 2, "5": 1, "6": 1}',
        '{"0": "1", "1": "2", "2": "3", "3": "1", "4": "2", "5": "1", "6": "1"}',
        '{1: "A", 2: "B", 3: "C", 4: "A", 5: "B", 6: "A", 7: "A"}',
        "WA: Red\nNT: Green\nSA: Blue\nQ: Red\nNSW: Green\nV: Red\nT: Red",
        "WA=red, NT=yellow, SA=blue, Q=red, NSW=yellow, V=red, T=blue",
        '{"WA": "R", "NT": "G", "SA": "B", "Q": "R", "NSW": "G", "V": "R", "T": "B"}',
        "Red: WA, Q, V, T\nGreen: NT, NSW\nBlue: SA",
        "node 1 = 0\nnode 2 = 1\nnode 3 = 2\nnode 4 = 0\nnode 5 = 1\nnode 6 = 0\nnode 7 = 0",
        "| Node | Color |\n|---|---|\n| 1 | Red |\n| 2 | Green |\n| 3 | Blue |\n| 4 | Red |\n"
        "| 5 | Green |\n| 6 | Red |\n| 7 | Red |",
    ],
)
def test_colourings(text, score):
    one(score, text, graph=True)


@pytest.mark.parametrize(
    "text",
    [
        "<reasoning>\nRow 1 needs 2 and 3.\n</reasoning>\n<answer>\n4321124334122134\n</answer>",
        json.dumps(RIGHT, separators=(",", ":")),
        "| 4 | **3** | **2** | 1 |\n|---|---|---|---|\n| 1 | **2** | **4** | **3** |\n"
        "| **3** | **4** | 1 | **2** |\n| 2 | **1** | 3 | **4** |",
    ],
)
def test_right_answers(text, score):
    one(score, text)


def test_spellings_of_one_answer(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.score._figure", lambda *_: None)
    main(ScoreCommand(EXAMPLES / "spellings.txt", EXAMPLES / "puzzles.jsonl", out=tmp_path, workers=1))
    rows = pyarrow.parquet.read_table(tmp_path / "scores.parquet").to_pylist()
    assert len(rows) == 47 and all(row["solved"] for row in rows)
    assert {row["retractions"] for row in rows} == {0} and {row["commits"] for row in rows} == {11}


def test_a_board_that_changes_a_given_ends_wrong(score):
    rows, _, skipped, _ = score("=== 1 a\n4 3 2 1\n2 1 4 3\n3 4 1 2\n1 2 3 4\n")
    assert rows[0]["end"] == "wrong" and not rows[0]["solved"] and rows[0]["commits"] == 10 and rows[0]["need"]
    assert skipped[0].startswith("line 2: contradicts the given at r2c1 (1, not 2)")
    # even if all the free cells are right
    rows, figures, _, _ = score("=== 1 a\n" + "3" + "4321124334122134"[1:] + "\n")
    assert rows[0]["end"] == "wrong" and not rows[0]["solved"] and figures["a"]["solved"]["value"] == 0


def test_only_the_last_answer_and_nothing_of_the_way(score):
    text = "=== 1 a\nr1c2 = 2\nundo r1c2\n3321124334122134\n<answer>4321124334122134</answer>\n"
    rows, figures, _, _ = score(text, final_only=True)
    assert rows[0]["solved"] and rows[0]["calls"] == 1 and rows[0]["retractions"] == 0 and rows[0]["need"] is None
    assert figures["a"]["need"]["n"] == 0 and figures["a"]["solved"]["value"] == 1


def states():
    """The puzzle, and what a sampler made of it in two steps and one that takes back."""
    second, third = [*GIVENS], [*GIVENS]
    second[1], third[1], third[15] = 2, 3, 4
    return [GIVENS, second, third]


@pytest.mark.parametrize("key", ["states", "history"])
def test_histories_in_json(key, score):
    rows, _, skipped, _ = score(json.dumps({"instance": 1, "decoder": "llada", key: states()}), name="t.jsonl")
    assert not skipped
    assert (rows[0]["commits"], rows[0]["retractions"], rows[0]["calls"], rows[0]["first_dead"]) == (3, 1, 2, 1)


def test_histories_in_arrays(score, tmp_path):
    masked = np.array(states())
    masked[masked == 0] = 126336
    np.save(tmp_path / "t.npy", masked)
    rows, _, _, _ = score(None, name="t.npy", mask=(126336,))
    assert (rows[0]["decoder"], rows[0]["commits"], rows[0]["retractions"]) == ("t", 3, 1)
    np.savez(tmp_path / "t.npz", run=masked[None])
    rows, _, _, _ = score(None, name="t.npz", mask=(126336,))
    assert (rows[0]["decoder"], rows[0]["commits"], rows[0]["retractions"]) == ("run", 3, 1)
    rows, _, skipped, _ = score(
        json.dumps({"instance": 1, "states": masked.tolist()}) + f"\n{json.dumps({'instance': 1, 'states': states()})}",
        name="t.jsonl",
    )
    assert len(rows) == 1 and "--mask 126336" in skipped[0]


def test_a_state_that_changes_a_given_is_named(score):
    changed = [5 - value if value else 0 for value in GIVENS]
    rows, _, skipped, _ = score(json.dumps({"instance": 1, "states": [GIVENS, changed]}), name="t.jsonl")
    assert "state 2 contradicts the given at r1c1 (4, not 1)" in skipped[0] and rows[0]["end"] == "wrong"


def test_chats_and_other_fields(score):
    chat = [
        {"role": "system", "content": "r1c2 = 2"},
        {"role": "user", "content": f"Solve {PUZZLE}, say r1c2 = 2 and so on."},
        {"role": "assistant", "content": [{"type": "text", "text": "r1c2 = 3"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "place", "arguments": '{"row": 1, "col": 3, "value": 2}'}}],
        },
    ]
    rows, _, _, _ = score(json.dumps({"instance": 1, "messages": chat}), name="t.jsonl")
    assert rows[0]["commits"] == 2
    line = json.dumps({"instance": 1, "choices": [{"message": {"content": "r1c2 = 3\nr1c3 = 2"}}]})
    rows, _, _, _ = score(line, name="t.jsonl", text_field="choices.0.message.content")
    assert rows[0]["commits"] == 2
    rows, _, skipped, _ = score(f'{line}\n{{"instance": 1, "text": "r1c2 = 3"}}', name="t.jsonl")
    assert "its fields are instance, choices: --text-field NAME" in skipped[0]
