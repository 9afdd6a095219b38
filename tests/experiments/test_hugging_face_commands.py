"""`hf:PATH` as a decoder's model in the commands: the same runs, folders and refusals as with our own networks."""

import json
import sys

import pytest
import tiny_language_models as tiny
from conform_command import run as conform

from experiments.ceiling.command import Ceiling
from experiments.ceiling.command import main as ceiling
from experiments.cli.dispatch import EXPERIMENTS, dispatch, guarded
from experiments.evaluate import Evaluate
from experiments.evaluate import main as evaluate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.folder(tmp_path_factory.mktemp("models") / "masked", "masked")


def ran(capsys, main, options):
    code = guarded(lambda: main(options))
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_ceiling_keeps_what_made_it_and_goes_on_with_nothing_else(tmp_path, folder, capsys):
    place = tmp_path / "mine.json"
    place.write_text(json.dumps({"model": str(folder), "prompt": "{rules}\n"}))
    name = f"hf:{place}:order=confidence,retraction=remask,signal=violations,calls=20"
    options = Ceiling(family="sudoku4", count=3, decoders=(name, "uniform-raster"), out=tmp_path / "run", workers=1)
    code, out, err = ran(capsys, ceiling, options)
    assert code == 0 and "your language model that retracts" in out, err
    card = json.loads((tmp_path / "run" / "run.json").read_text())
    made = card["identity"]["checkpoints"]
    assert made[f"hf:{place}/model.safetensors"] and len(made[f"hf:{place}"]) == 64
    traces = [json.loads(line) for line in (tmp_path / "run" / "traces.jsonl").read_text().splitlines()]
    assert (
        [trace["decoder"] for trace in traces[:3]] == [name] * 3 and traces[0]["tokens"] > 0 and traces[0]["flops"] > 0
    )

    # its pages say what the network said; another prompt is another model
    dispatch(EXPERIMENTS, "takeback", "", ["report", str(tmp_path / "run"), "--probabilities", "2"])
    capsys.readouterr()
    place.write_text(json.dumps({"model": str(folder), "prompt": "Solve:\n"}))
    code, out, err = ran(capsys, ceiling, options)
    assert code == 2 and err.count("\n") == 1 and "--fresh" in err


def test_evaluate_decodes_raster_order_as_a_plain_grid(tmp_path, tiny_language_model, capsys, few):
    from takeback import write_puzzles

    write_puzzles(tmp_path / "puzzles.jsonl", few["sudoku4"][:2])
    names = tuple(f"hf:{tiny_language_model}:order={order},veto=legal" for order in ("raster", "confidence"))
    options = Evaluate(puzzles=(tmp_path / "puzzles.jsonl",), decoders=names, calls=20, out=tmp_path / "run", workers=1)
    code, out, err = ran(capsys, evaluate, options)
    assert code == 0 and "your language model, irrevocable" in " ".join(out.split()), err
    tokens = {}
    for line in (tmp_path / "run" / "traces.jsonl").read_text().splitlines():
        trace = json.loads(line)
        tokens.setdefault("confidence" if "confidence" in trace["decoder"] else "raster", []).append(trace["tokens"])
    assert max(tokens["raster"]) < 150 < min(tokens["confidence"])  # a grid of 20 tokens; a question a cell and call


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hf", "where is the model? hf:PATH:word=value"),
        ("hf:order=raster", "where is the model?"),
        ("hf:/nowhere:order=raster", "/nowhere: no such folder"),
        ("hf:FOLDER:order=best", "no order 'best'"),
    ],
)
def test_bad_names_are_one_line(tmp_path, folder, capsys, name, words):
    options = Ceiling(family="sudoku4", count=1, decoders=(name.replace("FOLDER", str(folder)),), out=tmp_path)
    code, _, err = ran(capsys, ceiling, options)
    assert code == 2 and words in err and err.count("\n") == 1


def test_puzzles_that_it_has_no_tokens_for_leave_its_rows_out(tmp_path, capsys):
    at = tiny.folder(tmp_path / "few", "masked", tokens=tiny.tokenizer(without="6"))
    options = Ceiling(count=1, decoders=(f"hf:{at}:order=margin", "uniform-raster"), out=tmp_path / "run", workers=1)
    code, _, err = ran(capsys, ceiling, options)
    assert code == 0 and f"left out: hf:{at}:order=margin" in err and "no single token for '6'" in err


def test_without_transformers_it_says_what_to_install(tmp_path, folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    options = Ceiling(family="sudoku4", count=1, decoders=(f"hf:{folder}:order=margin",), out=tmp_path)
    code, _, err = ran(capsys, ceiling, options)
    assert code == 2 and "pip install 'takeback[hf]'" in err and err.count("\n") == 1


def test_it_is_judged_as_anybodys_model(folder, capsys):
    assert conform("model", f"hf:{folder}", "--draws", "3", "--puzzles", "sudoku4", "--property", "probabilities") == 0
    assert "held" in capsys.readouterr().out
