"""`takeback score`: the documented examples, anybody's traces, and what is said of what cannot be read."""

import json
from pathlib import Path

import pyarrow.parquet
import pytest

from csp.errors import BadInput
from csp.io.instance_records import write_jsonl as write_instances
from csp.io.trace_records import write_jsonl
from experiments.cli.dispatch import guarded
from experiments.score import ScoreCommand, main
from experiments.scoring.scorer import score
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from generators.models.uniform import Uniform
from solvers.oracles import base, sat
from solvers.oracles.pick import pick

EXAMPLES = Path(__file__).parents[2] / "docs/examples"


def run(file, instances, out, **options):
    """Score; (rows of scores.parquet, run.json, lines of skipped.txt)."""
    main(ScoreCommand(file, instances, out=out, workers=options.pop("workers", 1), **options))
    rows = pyarrow.parquet.read_table(out / "scores.parquet").to_pylist()
    return rows, json.loads((out / "run.json").read_text()), (out / "skipped.txt").read_text().splitlines()


@pytest.mark.parametrize(
    ("name", "solved", "need", "skipped"),
    [
        ("traces.jsonl", [False, True, False], [True, True, True], 0),
        ("transcripts.txt", [True, False], [True, True], 3),
        ("transcripts.jsonl", [True, True], [True, False], 1),
    ],
)
def test_the_documented_examples(name, solved, need, skipped, tmp_path, capsys):
    rows, card, bad = run(EXAMPLES / name, EXAMPLES / "puzzles.jsonl", tmp_path)
    assert [row["solved"] for row in rows] == solved and [row["need"] for row in rows] == need
    assert len(bad) == skipped and all("line " in line for line in bad)
    shown = capsys.readouterr()
    assert ("skipped in all" in shown.err) == bool(skipped) and "decoder" in shown.out
    assert {row["stratum"] for row in card["rows"]} >= {"all"} and (tmp_path / "score.png").stat().st_size > 5000


@pytest.fixture
def made(few, tmp_path):
    """(traces, instances, their files): two decoders on all of a family."""
    instances = few["colouring"]
    traces = []
    for text in ("uniform:veto=legal,temperature=1", "uniform:order=random,temperature=1,k=2"):
        traces += decode(parse(text), Uniform(), instances, 0)
    files = tmp_path / "t.jsonl", tmp_path / "p.jsonl"
    files[0].write_text(write_jsonl(traces))
    files[1].write_text(write_instances(instances))
    return traces, instances, files


def test_rows_are_what_the_scorer_says_whatever_the_workers(made, tmp_path, monkeypatch):
    traces, instances, files = made
    by_id = {instance.id: instance for instance in instances}
    monkeypatch.setattr("experiments.score.CHUNK", 3)
    rows, card, _ = run(*files, tmp_path / "a")
    expected = [score(trace, by_id[trace.instance], pick(by_id[trace.instance])) for trace in traces]
    assert rows == [s.__dict__ | {"seconds": 0.0} for s in expected]
    text = files[0].read_text() * 40  # enough for two workers to be started
    files[0].write_text(text + " " * 300_001)
    again, other, _ = run(*files, tmp_path / "b", workers=2)
    assert again == rows * 40
    for one, many in zip(card["rows"], other["rows"]):
        assert many["solved"]["value"] == pytest.approx(one["solved"]["value"]) and many["n"] == 40 * one["n"]


def test_oracles_can_be_named_and_agree(made, tmp_path):
    _, _, files = made
    rows = {name: run(*files, tmp_path / name, oracle=name)[0] for name in ("auto", "sat", "cp-sat")}
    plain = [[{k: v for k, v in row.items() if k != "oracle"} for row in rows[name]] for name in rows]
    assert plain[0] == plain[1] == plain[2]
    with pytest.raises(BadInput, match="not certified to have one solution"):
        run(*files, tmp_path / "x", oracle="unique")


def test_what_the_oracle_leaves_open_is_said_and_counted_as_nothing(made, tmp_path, monkeypatch, capsys):
    traces, _, files = made
    given_up, alive = 0, sat.Sat.alive

    def sometimes(self, states):
        nonlocal given_up
        if self.instance.id == traces[0].instance:
            given_up += 1
            raise base.Undecided("too hard")
        return alive(self, states)

    monkeypatch.setattr(sat.Sat, "alive", sometimes)
    rows, card, _ = run(*files, tmp_path / "u", debts=True)
    of_it = [trace.instance == traces[0].instance for trace in traces]
    assert given_up == 2 * sum(of_it)  # once for the score, once for its debts
    assert [row["need"] is None for row in rows] == of_it
    assert f"undecided for {sum(of_it)} traces" in capsys.readouterr().err
    for row in card["rows"]:
        if row["stratum"] == "all":
            assert row["solved"]["n"] == row["n"] == row["need"]["n"] + 1 == row["wasted"]["n"] + 1
    lines = [json.loads(line)["debts"] for line in (tmp_path / "u" / "debts.jsonl").read_text().splitlines()]
    assert [set(debts) == {None} for debts in lines] == of_it


def test_debts_over_time(made, tmp_path):
    traces, _, files = made
    run(*files, tmp_path / "d", debts=True)
    lines = [json.loads(line) for line in (tmp_path / "d" / "debts.jsonl").read_text().splitlines()]
    assert [len(line["debts"]) for line in lines] == [len(trace.events) + 1 for trace in traces]
    assert all(line["debts"][0] == 0 for line in lines)


def test_pairs_are_reported(made, tmp_path, capsys):
    _, _, files = made
    _, card, _ = run(*files, tmp_path / "p")
    (pair,) = card["pairs"]
    assert pair["difference"]["n"] == 8 and 0 <= pair["p"] <= 1
    assert "McNemar" in capsys.readouterr().out


def test_what_cannot_be_read_is_named_and_skipped(made, tmp_path, capsys):
    _, instances, files = made
    good = files[0].read_text().splitlines()[0]
    bad = [
        "{",
        "[]",
        '{"instance": "nobody", "events": []}',
        '{"instance": 99, "events": []}',
        json.dumps({"instance": instances[0].id, "events": [[1, 2, 3, 4]]}),
        json.dumps({"instance": instances[0].id, "events": [[0, 99]]}),
        json.dumps({"instance": instances[0].id, "events": [["a", 0, 1]]}),
        json.dumps({"instance": instances[0].id, "events": [[9999, 1]]}),
        json.dumps({"instance": instances[0].id, "text": 5}),
    ]
    files[0].write_text("\n".join([*bad, good]))
    rows, _, skipped = run(*files, tmp_path / "s")
    assert len(rows) == 1 and len(skipped) == len(bad)
    assert [line.split(":")[0] for line in skipped] == [f"line {n}" for n in range(1, len(bad) + 1)]
    err = capsys.readouterr().err
    assert "9 lines or statements skipped in all" in err and err.count("skipped ") >= 6
    files[0].write_text("\n".join(bad))
    assert guarded(lambda: run(*files, tmp_path / "none")) == 2
    assert "no trace could be read" in capsys.readouterr().err


def test_only_events_are_needed(made, tmp_path):
    _, instances, files = made
    instance = instances[0]
    plain = [[cell, int(value)] for cell, value in enumerate(instance.witness)]
    files[0].write_text(json.dumps({"instance": 1, "events": plain}))
    rows, _, _ = run(*files, tmp_path / "o")
    assert rows[0]["solved"] and rows[0]["decoder"] == "anonymous" and rows[0]["end"] == "solved"
    assert rows[0]["calls"] == len(plain)


def test_a_missing_file_is_one_line(made, tmp_path, capsys):
    _, _, files = made
    assert guarded(lambda: run(tmp_path / "no.jsonl", files[1], tmp_path / "m")) == 2
    assert capsys.readouterr().err.count("\n") == 1
