"""`takeback score` on hostile and broken input: bad lines are named and skipped, limits stated."""

import json
import os
import random

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from csp.errors import BadInput
from csp.families import colouring, sudoku
from csp.io.instance_records import write_parquet
from csp.problem import Instance
from csp.trace import replay
from experiments import score
from experiments.cli.dispatch import guarded
from experiments.puzzle_files.certify import certify
from experiments.scoring.transcripts import read
from experiments.scoring.transcripts import records as record_files
from experiments.scoring.transcripts.records import Reading, Record

SLOW = os.environ.get("HYPOTHESIS_PROFILE") == "slow"
PUZZLE = "4..11.....1.2.3."
BOARD = sudoku.parse(PUZZLE, "board")
GRAPH = Instance(colouring.graph(5, [(0, 1), (1, 2), (2, 3)], 3), np.zeros(5, dtype=np.int64), "colouring", "five")
GOOD = json.dumps({"instance": 1, "decoder": "ok", "events": [[1, 3], [2, 2]]})
NINES = "9" * 5000


def of(rest):
    return '{"instance": 1, ' + rest + "}"


BAD = [
    of('"events": [[1, 3], [99999999999999999999999999, 2]]'),
    of('"events": [[123456789012345678901234567890, 1, 3]]'),
    of('"events": [[1, 1, 3]], "calls": 99999999999999999999999'),
    of('"events": [[1, 3]], "tokens": 1e400'),
    of('"events": [[1, 3]], "seed": 99999999999999999999999'),
    of('"events": [[1, 3]], "seed": true'),
    of('"text": "r1c2 = 3", "seed": true'),
    of('"text": "r1c2 = 3", "seed": 99999999999999999999999'),
    of('"events": [[1, 3]], "flops": 1e999'),
    of('"events": [[1, 3]], "flops": ' + "9" * 400),
    of('"events": [[1, 3]], "flops": NaN'),
    of('"events": [[1, 3]], "decoder": "a\\ud800b"'),
    of('"events": [[1, 3]], "decoder": "\\u001b[2J"'),
    of('"events": [[1, 3]], "decoder": "' + "x" * 5000 + '"'),
    of('"events": [[1, 3]], "decoder": 5'),
    of('"events": [[1, 3]], "end": ["solved"]'),
    of('"events": {}'),
    of(f'"events": [[{NINES}, 2]]'),
    of(f'"events": [[{NINES[:4000]}, 2]]'),
    '{"instance": "\\ud800", "events": []}',
    f'{{"instance": {NINES}, "events": []}}',
    f'{{"instance": {NINES[:4000]}, "events": []}}',
    f'{{"instance": "{NINES}", "events": []}}',
    '{"instance": true, "events": []}',
    '{"instance": 1.5, "events": []}',
    of('"text": "r1c2 = 3", "decoder": "\\ud800"'),
    of(f'"text": "r{NINES}c1 = 2"'),
    of(f'"text": "r1c2 = {NINES}"'),
    "[" * 100_000,
    '{"a":' * 100_000,
    of('"text": "' + "[" * 50_000 + '"'),
    of('"text": "' + '{\\"a\\":' * 10_000 + '"'),
    of('"states": [[1]]'),
    of('"states": "x"'),
    of('"states": [[' + ",".join(["1e400"] * 16) + "]]"),
    of('"messages": 5'),
    of('"messages": [{"role": "user", "content": "r1c2 = 3"}]'),
    of('"response": "r1c2 = 3"'),
    "null",
]


def run(lines, folder, name="t.jsonl", **options):
    """The rows and messages of a run on some lines."""
    file, puzzles = folder / name, folder / "p.txt"
    if lines is not None:
        file.write_text("\n".join(lines) + "\n")
    puzzles.write_text(PUZZLE + "\n")
    score.main(score.ScoreCommand(file, puzzles, out=folder / "out", workers=1, **options))
    rows = pyarrow.parquet.read_table(folder / "out" / "scores.parquet").to_pylist()
    return rows, (folder / "out" / "skipped.txt").read_text().splitlines()


def test_bad_lines_are_named_and_the_rest_is_scored(tmp_path):
    rows, skipped = run([*BAD, GOOD], tmp_path)
    assert [row["decoder"] for row in rows] == ["ok"]
    named = {int(line.split(":")[0].split(",")[0].removeprefix("line ")) for line in skipped}
    assert named == set(range(1, len(BAD) + 1))
    assert max(map(len, skipped)) < 500 and not any(set(line) & {"\x1b"} for line in skipped)


def test_names_that_a_figure_could_misread(tmp_path):
    names = ["$\\frac{$", "_hidden", "$x^2$", "日本", "😀", "\\", "a$b", "[red]x[/red]", "%s{}", "x" * 200]
    rows, skipped = run([json.dumps({"instance": 1, "decoder": d, "events": [[1, 3]]}) for d in names], tmp_path)
    assert [row["decoder"] for row in rows] == names and not skipped
    assert (tmp_path / "out" / "score.png").stat().st_size > 5000


def test_decoders_beyond_the_limit_are_refused(tmp_path, capsys):
    lines = [json.dumps({"instance": 1, "decoder": f"d{k}", "events": [[1, 3]]}) for k in range(300)]
    assert guarded(lambda: run(lines, tmp_path)) == 2
    assert "more than 100 decoders' names" in capsys.readouterr().err


def test_a_record_beyond_the_limit_is_named_and_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(record_files, "MOST_RECORD", 1000)
    monkeypatch.setattr(record_files, "MOST_TEXT", 200)
    long = of('"events": [' + ",".join(["[1, 3]"] * 1000) + "]")
    rows, skipped = run([long, GOOD, of('"text": "' + "r1c2 = 3. " * 30 + '"')], tmp_path)
    assert len(rows) == 1 and [line[:7] for line in skipped] == ["line 1:", "line 3:"]
    assert "longer than 1,000 characters" in skipped[0] and "longer than 200 characters" in skipped[1]
    rows, skipped = run(["=== 1 a", "x" * 300, "=== 1 b", "r1c2 = 3"], tmp_path, "t.txt")
    assert [row["decoder"] for row in rows] == ["b"] and "longer than 200 characters" in skipped[0]


def test_messages_are_cut(tmp_path):
    text = "\n".join(f"r9c{k + 1} = 1" for k in range(1000))
    rows, skipped = run([json.dumps({"instance": 1, "text": f"r1c2 = 3\n{text}"})], tmp_path)
    assert len(rows) == 1 and len(skipped) == 201 and "800 lines more" in skipped[-1]


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 3, 4, 4), int),
        np.zeros(5, int),
        np.array(["x"]),
        np.array([[np.nan] * 16]),
        np.array([[True] * 16]),
    ],
)
def test_arrays_that_are_no_states(array, tmp_path, capsys):
    np.save(tmp_path / "s.npy", array)
    assert guarded(lambda: run(None, tmp_path, "s.npy")) == 2
    assert capsys.readouterr().err.count("\n") <= 2


def mutated(text, draw):
    """The text with a few characters or pieces changed, doubled, cut or swapped."""
    for _ in range(draw.randint(1, 4)):
        at, kind = draw.randrange(len(text) + 1), draw.randrange(6)
        size = draw.choice([1, 2, 5, 30])
        if kind == 0:
            text = text[:at] + text[at + size :]
        elif kind == 1:
            text = (
                text[:at]
                + draw.choice("{}[]()\"',:=|.\n\\0123456789rcnode*-_<>&$\x00\ud800é") * draw.choice([1, 1, 50])
                + text[at:]
            )
        elif kind == 2:
            text = text[:at] + text[at : at + size] * draw.choice([2, 20]) + text[at + size :]
        elif kind == 3:
            text = (
                text[:at]
                + draw.choice(["null", "-1", "1e999", "true", "99999999999999999999", "[]", "{}", "undo", "r1c1 = 2\n"])
                + text[at:]
            )
        elif kind == 4:
            other = draw.randrange(len(text) + 1)
            text = text[:at] + text[other : other + size] + text[at + size :]
        else:
            text = text[at:] + text[:at]
    return text


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    path = tmp_path_factory.mktemp("known") / "instances.parquet"
    path.write_bytes(write_parquet([certify(BOARD, 1000), certify(GRAPH, 1000)]))
    return str(path)


SEEDS = [
    GOOD,
    json.dumps(
        {"instance": 2, "decoder": "g", "seed": 3, "calls": 4, "tokens": 5, "flops": 1.5, "events": [[1, 0, 1]]}
    ),
    json.dumps({"instance": 1, "text": 'r1c2 = 3\nundo r1c2\nPut 2 in r1c3.\n{"row": 2, "col": 2, "value": 2}'}),
    json.dumps({"instance": 1, "text": "4 3 2 1\n1 2 4 3\n3 4 1 2\n2 1 3 4"}),
    json.dumps({"instance": 2, "text": '{"0": "red", "1": "blue"}\nnode 2 = 1\n[1, 2, 1, 2, 1]'}),
    json.dumps({"instance": 1, "messages": [{"role": "assistant", "content": "| 4 | 3 | 2 | 1 |\n|---|---|---|---|"}]}),
    json.dumps({"instance": 1, "states": [[4, 0, 0, 1] + [0] * 12, [4, 3, 0, 1] + [0] * 12]}),
]


def test_mutated_records_give_a_score_or_a_message(known):
    draw = random.Random(0)
    for _ in range(20_000 if SLOW else 80):
        line = mutated(draw.choice(SEEDS), draw)
        made = score.score_lines(known, 0, "auto", False, Reading(), [Record(1, line)])
        pyarrow.Table.from_pylist([s.__dict__ for s in made.scores], schema=score.SCHEMA)
        assert made.scores or made.skipped
        assert all(len(fault) < 800 and fault.startswith("line 1") for fault in made.skipped)
        json.dumps(made.attempts)


def test_mutated_transcripts_give_a_trace_that_fits():
    draw = random.Random(1)
    texts = [json.loads(line)["text"] for line in SEEDS if '"text"' in line]
    texts += [
        "┌─┬─┐\n│4│3│2│1│\n",
        "\\begin{array}{cc}4 & 3 & 2 & 1 \\\\ 1 & 2",
        "Red: 0, 1\nBlue: 2, 3, 4",
        "(0, 1) = 3 and (4, 4) = 1",
    ]
    for _ in range(20_000 if SLOW else 80):
        text = mutated(draw.choice(texts), draw)
        for instance in (BOARD, GRAPH):
            said = read(text, instance, final_only=draw.random() < 0.2)
            final = replay(said.trace, instance.givens, instance.problem.d)[-1]
            assert (said.trace.end == "solved") == (bool(instance.solved(final)) and not said.altered)


def test_mutated_files_end_with_a_result_or_one_message(tmp_path):
    draw = random.Random(2)
    for number in range(200 if SLOW else 4):
        text = mutated("\n".join(["=== 1 a", "r1c2 = 3", "=== 1 b", "4321124334122134"]), draw)
        path = tmp_path / f"{number}.txt"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            for record in record_files.records(path):
                assert record.line or record.fault
        except BadInput as fault:
            assert "\n" not in str(fault)
