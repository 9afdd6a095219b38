"""Take-backs that are said against those that are made: by examples, and against a naive count of random attempts."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import takeback
from experiments.score import ScoreCommand, scored
from experiments.scoring import take_backs
from experiments.scoring.scorer import TraceAnalysis
from experiments.scoring.statistics import proportion
from experiments.scoring.take_backs import TakeBacks, TakeBackSums, judged, of_transcript
from experiments.scoring.tallies import Ratio
from experiments.scoring.transcripts import read

PUZZLE = takeback.draw("sudoku4", seed=3, split="any", index=0)  # ..1...34.4..3...
ONLY = takeback.pick(PUZZLE).solve()


def counts(text):
    """The take-backs of a text on PUZZLE."""
    return of_transcript(read(text, PUZZLE, index_from=1), PUZZLE.givens)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("r1c1 = 2\nundo r1c1\nr1c1 = 4", TakeBacks(1, 1, 0, 1)),
        ("r1c1 = 2\nundo r1c1", TakeBacks(1, 1, 0, 1)),
        ("r1c1 = 2\nundo r1c1\nr1c1 = 2", TakeBacks(1, 0, 1, 0)),  # put back
        ("r1c1 = 2\nundo r1c1\nr1c2 = 3\nr1c1 = 2", TakeBacks(1, 0, 1, 0)),  # the same, with something new
        ("r1c1 = 2\nr1c2 = 4\nundo r1c2\nundo r1c1\nr1c1 = 4\nr1c2 = 4", TakeBacks(2, 2, 0, 2)),  # another r1c1
        ("r1c1 = 2\nr1c2 = 4\nundo r1c2\nundo r1c1\nr1c1 = 2\nr1c2 = 4", TakeBacks(2, 0, 2, 0)),
        ("r1c1 = 2\nundo r1c2", TakeBacks(1, 0, 0, 0)),  # a blank cell
        ("r1c1 = 2\nundo r1c3", TakeBacks(1, 0, 0, 0)),  # a given
        ("undo", TakeBacks(1, 0, 0, 0)),
        ("r1c1 = 2\nundo r9c9", TakeBacks(1, 0, 0, 0)),
        ("r1c1 = 2\nr1c1 = 4", TakeBacks(0, 0, 0, 1)),  # without a word
        ("r1c1 = 2\nI should go back on that, maybe.", TakeBacks(0, 0, 0, 0)),
        ("r1c1 = 2\nundo\nr1c1 = 4\nundo r1c1 and r2c2", TakeBacks(3, 2, 0, 2)),
        ("r1c1 = 2\nundo r1c1\n4 3 1 2\n2 1 3 4\n1 4 2 3\n3 2 4 1", TakeBacks(1, 1, 0, 1)),
        ("r1c1 = 4\nundo r1c1\n4 3 1 2\n2 1 3 4\n1 4 2 3\n3 2 4 1", TakeBacks(1, 0, 1, 0)),  # the grid holds it still
    ],
)
def test_claims_against_what_is_done(text, expected):
    assert counts(text) == expected
    assert expected.empty == expected.claimed - expected.done - expected.put_back
    assert expected.silent == expected.taken - expected.done


def test_needless_is_from_a_board_that_is_alive():
    wrong = 3 if ONLY[0] != 3 else 2
    text = f"r1c2 = {ONLY[1]}\nundo r1c2\nr1c1 = {ONLY[0]}\nundo r1c1\nr1c1 = {wrong}\nundo r1c1"
    said = read(text, PUZZLE, index_from=1)
    life = TraceAnalysis(said.trace, PUZZLE, takeback.pick(PUZZLE))
    assert judged(of_transcript(said, PUZZLE.givens), life) == TakeBacks(3, 3, 0, 3, needless=2)


moves = st.tuples(st.sampled_from([0, 1, 3]), st.integers(1, 4), st.sampled_from(["write", "write", "undo"]))


@given(st.lists(moves, max_size=14))
def test_revisions_are_those_of_a_naive_count(steps):
    """The definition in plain dictionaries, board by board."""
    board, boards, lines = {}, [], []
    for cell, value, kind in steps:
        row, column = divmod(cell, 4)
        if kind == "undo":
            lines.append(f"undo r{row + 1}c{column + 1}")
            left = board.pop(cell, None)
            boards.append((dict(board), [(cell, left)] if left else [], None))
        else:
            lines.append(f"r{row + 1}c{column + 1} = {value}")
            left = board.get(cell)
            board[cell] = value
            boards.append((dict(board), [(cell, left)] if left not in (None, value) else [], (cell, value)))
    expected = 0
    for number, (_, gone, _) in enumerate(boards):
        for cell, value in gone:
            before = boards[number - 1][0]
            if boards[number][2] is not None:  # overwritten: the next value is another one
                expected += 1
                continue
            later = next((k for k in range(number + 1, len(boards)) if (boards[k][2] or [None])[0] == cell), None)
            if later is None or boards[later][0][cell] != value:
                expected += 1
            else:
                expected += any(boards[later][0].get(other) != held for other, held in before.items())
    found = counts("\n".join(lines))
    assert found.taken == expected
    assert found.claimed == sum(kind == "undo" for *_, kind in steps)


def test_a_ratio_is_of_what_was_done_and_its_interval_of_attempts():
    ratio = Ratio()
    assert ratio.estimate().n == 0
    ratio.add(0, 0)
    assert ratio.estimate().value is None  # who claims nothing says nothing of claims
    ratio.add(2, 4)
    assert ratio.estimate() == (0.5, None, None, 4)
    for _ in range(9):
        ratio.add(0, 1)
    found = ratio.estimate()
    assert found.value == 2 / 13 and found.n == 13 and found.low == 0 < found.value < found.high < 0.5
    none = Ratio()
    for _ in range(10):
        none.add(0, 50)
    assert none.estimate() == proportion(0, 10)._replace(n=500)  # ten attempts, not five hundred draws


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        ratio = Ratio()
        for share in rng.choice([0.2, 0.8], size=60):  # attempts differ: 0.5 on average
            ratio.add(int(rng.binomial(10, share)), 10)
        found = ratio.estimate()
        inside += found.low <= 0.5 <= found.high
    assert 180 <= inside <= 199


def test_sums_are_the_same_however_they_are_parted():
    one, other, both = TakeBackSums(), TakeBackSums(), TakeBackSums()
    for number in range(8):
        counted = TakeBacks(number, number // 2, number // 4, number // 2 + 1, number // 3 if number % 2 else None)
        (one if number < 3 else other).add(counted)
        both.add(counted)
    one.merge(TakeBackSums.of(json.loads(json.dumps(other.plain()))))
    assert one.figures() == both.figures()
    assert both.figures()["taken needless"].n == sum(n // 2 + 1 for n in range(8) if n % 2)


def test_score_prints_and_keeps_them_by_need(tmp_path, capsys):
    puzzles = [PUZZLE, takeback.draw("colouring", seed=1, split="test", index=0)]
    takeback.write_puzzles(tmp_path / "p.jsonl", puzzles)
    texts = [("r1c1 = 2\nundo r1c1\nr1c1 = 4\nundo r4c4", 1), ("node 0 = 1\nnode 0 = 2", 0)]
    lines = [{"instance": k, "text": text, "index_from": base} for k, (text, base) in enumerate(texts, 1)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    made = scored(ScoreCommand(tmp_path / "t.jsonl", tmp_path / "p.jsonl", out=tmp_path / "s", workers=1))
    every = {row["stratum"]: row for row in made.about["rows"]}["all"]
    assert every["claimed"]["value"] == 1 and every["claims done"] == {**every["claims done"], "value": 0.5, "n": 2}
    assert every["taken unsaid"]["value"] == 0.5 and every["claims empty"]["value"] == 0.5
    for base, cell in ((1, 0), (0, 5)):  # "r1c1" is another cell where rows count from 0
        (tmp_path / "t.jsonl").write_text(json.dumps({"instance": 1, "text": "r1c1 = 2", "index_from": base}) + "\n")
        scored(ScoreCommand(tmp_path / "t.jsonl", tmp_path / "p.jsonl", out=tmp_path / "s", workers=1))
        assert json.loads((tmp_path / "s" / "traces.jsonl").read_text())["events"] == [[1, cell, 2]]
    (tmp_path / "t.jsonl").write_text(json.dumps({"instance": 1, "text": "r1c1 = 2", "index_from": 2}) + "\n")
    with pytest.raises(takeback.BadInput):
        scored(ScoreCommand(tmp_path / "t.jsonl", tmp_path / "p.jsonl", out=tmp_path / "s", workers=1))
    assert "index_from is 0 or 1" in capsys.readouterr().err


def test_the_docstring_is_right():
    said = read("r1c2 = 3\nundo r1c2\nr1c2 = 3", PUZZLE)
    assert repr(of_transcript(said, PUZZLE.givens)) in take_backs.__doc__
