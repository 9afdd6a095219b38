"""Models of known behaviour behind a server: the tables say of each what its script knows of itself."""

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import takeback
from csp.errors import BadInput
from experiments.ask import journal
from experiments.ask.command import Ask, main
from experiments.score import ScoreCommand, scored

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
sys.path.insert(0, str(EXAMPLES))
import scripted_models  # noqa: E402


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """(puzzles, folder of every model): each was asked about Sudokus and graphs."""
    there = tmp_path_factory.mktemp("asked")
    drawn = [takeback.draw("sudoku4", seed=5, split="test", index=index) for index in range(8)]
    drawn += [takeback.draw("colouring", seed=5, split="test", index=index) for index in range(6)]
    puzzles = list({puzzle.id: puzzle for puzzle in drawn}.values())
    takeback.write_puzzles(there / "puzzles.jsonl", puzzles)
    with scripted_models.server(puzzles) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        for model in scripted_models.MODELS:
            main(Ask(endpoint=url, model=model, puzzles=there / "puzzles.jsonl", out=there / model, workers=1))
        server.shutdown()
    return puzzles, there


def row_of(card, decoder, key="decoder"):
    """The row of all strata."""
    return next(row for row in card["rows"] if row[key] == decoder and row["stratum"] == "all")


@pytest.mark.parametrize("model", scripted_models.MODELS)
def test_the_table_says_what_the_script_knows(model, asked):
    puzzles, there = asked
    scripts = [scripted_models.played(model, puzzle) for puzzle in puzzles]
    card = json.loads((there / model / "run.json").read_text())
    found = row_of(json.loads((there / model / "score" / "run.json").read_text()), f"{model} steps")
    n = len(puzzles)
    solved = sum(bool(script.puzzle.solved(script.board)) for script in scripts)
    claimed, made, needless = (
        sum(getattr(script, name) for script in scripts) for name in ("claimed", "made", "needless")
    )

    assert row_of(card, f"{model} steps")["answered"] == found["n"] == n
    assert found["solved"]["value"] == pytest.approx(solved / n)
    assert found["claimed"]["value"] * n == pytest.approx(claimed, abs=0.01 * n)
    assert found["taken"]["value"] * n == pytest.approx(made, abs=0.01 * n)
    assert found["claims done"]["n"] == claimed and found["claims done"]["value"] == (
        made / claimed if claimed else None
    )
    assert found["taken needless"]["value"] == (pytest.approx(needless / made) if made else None)
    assert found["taken unsaid"]["value"] in (0, None)
    assert (card["status"], card["stopped"]) == ("complete", "")


def test_the_four_behave_as_they_are_described(asked):
    _, there = asked
    found = {
        model: row_of(json.loads((there / model / "score" / "run.json").read_text()), f"{model} steps")
        for model in scripted_models.MODELS
    }
    assert found["never"]["claimed"]["value"] == found["claims"]["taken"]["value"] == 0
    assert found["never"]["met"]["value"] == 0 and found["never"]["unmet"]["value"] > 0
    assert found["search"]["solved"]["value"] == 1 and found["search"]["unmet"]["value"] == 0
    assert found["search"]["met"]["value"] > 0 and found["search"]["claims done"]["value"] == 1
    assert found["search"]["taken needless"]["value"] == 0  # it takes back what it has refuted, and nothing else
    assert found["random"]["taken needless"]["value"] > 0 and found["random"]["claims done"]["value"] == 1
    assert found["claims"]["claimed"]["value"] > 0 and found["claims"]["claims done"]["value"] == 0
    assert found["claims"]["claims put back"]["value"] > 0 and found["claims"]["claims empty"]["value"] > 0


def test_models_are_compared_in_pairs_on_the_same_puzzles(asked, tmp_path, capsys):
    puzzles, there = asked
    main(Ask(compare=(there / "never", there / "search"), out=tmp_path / "both", workers=1))
    (pair,) = json.loads((tmp_path / "both" / "score" / "run.json").read_text())["pairs"]
    solved = {
        model: [bool(scripted_models.played(model, puzzle).board.all()) and right for puzzle, right in rights]
        for model, rights in (
            (model, [(p, bool(p.solved(scripted_models.played(model, p).board))) for p in puzzles])
            for model in ("never", "search")
        )
    }
    lost = sum(b and not a for a, b in zip(solved["never"], solved["search"]))
    assert (pair["first"], pair["second"], pair["wins"], pair["losses"]) == ("never steps", "search steps", 0, lost)
    assert pair["p"] == pytest.approx(min(1, 2 * 0.5**lost)) and pair["difference"]["n"] == len(puzzles)
    assert "McNemar" in capsys.readouterr().out

    with pytest.raises(BadInput, match="a folder is named twice"):
        main(Ask(compare=(there / "never", there / "never"), out=tmp_path / "same"))
    with pytest.raises(BadInput, match="holds replies of a model; choose another --out"):
        main(Ask(compare=(there / "never", there / "search"), out=there / "never"))
    with pytest.raises(BadInput, match="no run of takeback ask in it"):
        main(Ask(compare=(there, there / "search"), out=tmp_path / "none"))


def test_two_folders_of_one_name_are_told_apart(asked, tmp_path, capsys):
    _, there = asked
    other = tmp_path / "warmer"
    (other).mkdir()
    for name in ("asked.jsonl", "transcripts.jsonl", "puzzles.jsonl"):
        (other / name).write_bytes((there / "never" / name).read_bytes())
    main(Ask(compare=(there / "never", other), out=tmp_path / "both", workers=1, json=True))
    made = json.loads(capsys.readouterr().out)
    assert {row["decoder"] for row in made["asked"]} == {"never steps (never)", "never steps (warmer)"}
    assert made["pairs"][0]["wins"] == made["pairs"][0]["losses"] == 0
    (other / "puzzles.jsonl").write_text((other / "puzzles.jsonl").read_text().splitlines()[0])
    with pytest.raises(BadInput, match=r"warmer, line 2 of asked.jsonl: not what takeback ask writes"):
        main(Ask(compare=(there / "never", other), out=tmp_path / "cut"))


def test_the_score_command_says_the_same_of_the_transcripts(asked, tmp_path):
    _, there = asked
    folder = there / "search"
    made = scored(ScoreCommand(folder / "transcripts.jsonl", folder / "puzzles.jsonl", out=tmp_path / "s", workers=1))
    assert made.about["rows"] == json.loads((folder / "score" / "run.json").read_text())["rows"]
    (record, *_) = journal.read(folder / "transcripts.jsonl")
    assert set(record) == {"instance", "decoder", "seed", "index_from", "text"}


def test_the_offline_example_runs_and_its_table_is_the_truth(tmp_path):
    paths = os.pathsep.join([str(EXAMPLES.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, EXAMPLES / "ask_offline.py", tmp_path / "there"],
        env={**os.environ, "PYTHONPATH": paths, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "there" / "compared" / "score" / "run.json").read_text())
    told = re.findall(
        r"^(\w+): (\d+) of (\d+) solved; (\d+) take-backs said, (\d+) made, (\d+) needless", done.stdout, re.M
    )
    assert [name for name, *_ in told] == ["never", "random"]
    for name, *numbers in told:
        solved, n, claimed, made, needless = map(int, numbers)
        found = row_of(rows, f"{name} steps")
        assert (found["n"], found["solved"]["value"]) == (n, solved / n)
        assert (found["claims done"]["n"], found["taken needless"]["n"]) == (claimed, made)
        assert (found["claims done"]["value"] or 0) * claimed == made
        assert (found["taken needless"]["value"] or 0) * made == pytest.approx(needless)
        line = next(line for line in done.stdout.splitlines() if line.startswith(f"{name} steps") and " all " in line)
        assert line.split()[3] == str(n)
    assert int(told[0][3]) == 0 and int(told[1][3]) > 0
    assert "McNemar" in done.stdout and "Dead ends and take-backs" in done.stdout
