"""`takeback results`: every run that is found, and the same figures by SQL as in run.json."""

import json
import shutil

import pytest

from experiments.ceiling.command import Ceiling
from experiments.ceiling.command import main as ceiling
from experiments.cli.dispatch import guarded
from experiments.query import Query, main


def ask(capsys, *folders, **options):
    """(exit code, standard output, standard error)."""
    capsys.readouterr()
    code = guarded(lambda: main(Query(folders, **options)))
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs, one of them begun only, and a folder that is none."""
    folder = tmp_path_factory.mktemp("runs")
    ceiling(Ceiling(count=6, decoders=("dsatur", "uniform-raster"), out=folder / "deep" / "whole", json=True))
    shutil.copytree(folder / "deep" / "whole", folder / "begun")
    for name in ("traces.jsonl", "scores.parquet"):
        (folder / "begun" / name).unlink()
    sorted((folder / "begun" / "shards").iterdir())[0].unlink()
    card = json.loads((folder / "begun" / "run.json").read_text())
    (folder / "begun" / "run.json").write_text(json.dumps({"identity": card["identity"], "status": "running"}))
    (folder / "mine").mkdir()
    (folder / "mine" / "run.json").write_text('{"mine": 1}')
    return folder


def test_runs_are_listed_with_what_they_have(capsys, runs):
    code, out, _ = ask(capsys, runs, json=True)
    assert code == 0
    listed = {record["run"]: record for record in json.loads(out)}
    assert set(listed) == {"deep/whole", "begun"}
    assert listed["deep/whole"]["status"] == "complete" and listed["deep/whole"]["traces"] == 12
    assert listed["begun"]["status"] == "running" and listed["begun"]["traces"] == 6
    assert "deep/whole" in ask(capsys, runs)[1]


def test_sql_gives_the_figures_of_the_run(capsys, runs):
    question = (
        "SELECT row, count(*) n, avg(solved::INT) solved, sum(len(trace.events)) events, "
        "sum(commits + retractions)::INT total FROM traces GROUP BY row ORDER BY row"
    )
    code, out, err = ask(capsys, runs / "deep" / "whole", sql=question, json=True)
    assert code == 0, err
    summary = {row["decoder"]: row for row in json.loads((runs / "deep" / "whole" / "run.json").read_text())["summary"]}
    for record in json.loads(out):
        assert record["n"] == 6 and record["solved"] == pytest.approx(summary[record["row"]]["solved"]["value"])
        assert int(record["events"]) == record["total"]
    assert "dsatur" in ask(capsys, runs / "deep" / "whole", sql=question)[1]


def test_what_cannot_be_asked_is_one_line(capsys, runs, tmp_path):
    for folders, options, words in (
        ((runs,), {"sql": "SELECT nonsense FROM traces"}, 'column "nonsense" not found'),
        ((runs,), {"sql": "SELEC"}, "syntax error"),
        ((tmp_path,), {}, "no run in"),
        ((tmp_path / "nowhere",), {}, "no such folder"),
    ):
        code, out, err = ask(capsys, *folders, **options)
        assert code == 2 and out == "" and err.startswith("takeback: ") and err.count("\n") == 1, err
        assert words in err or "Binder Error" in err
