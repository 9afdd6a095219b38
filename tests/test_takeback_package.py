"""`import takeback` is quick and gives every name; its pytest plugin works in a suite of somebody else's, and costs
nothing where it is not used.
"""

import configparser
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import takeback
import takeback.testing

ROOT = Path(__file__).parent.parent
HEAVY = ("csp", "torch", "numpy", "ortools", "hypothesis")


def python(*words, cwd=ROOT):
    """A finished process of this Python, which finds this checkout first."""
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT), "PATH": ""}
    )


@pytest.mark.parametrize("module", [takeback, takeback.testing])
def test_every_name_is_there(module):
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert len(set(module.__all__)) == len(module.__all__) > 10
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        getattr(module, "ab" + "sent")


def test_the_nouns_are_those_of_their_homes():
    from csp.generate import draw
    from csp.problem import Instance

    assert takeback.Instance is Instance and takeback.draw is draw and "decode" in dir(takeback)


@pytest.mark.parametrize("module", ["takeback", "takeback.testing"])
def test_an_import_loads_nothing_heavy(module):
    said = python("-c", f"import sys, {module}; print([m for m in {HEAVY} if m in sys.modules])")
    assert said.stdout == "[]\n", said.stderr


def test_the_docstring_is_right():
    code = textwrap.dedent(takeback.__doc__.split("\n\n", 1)[1].split("Puzzles:")[0])
    space = {}
    exec(code, space)
    assert space["traces"][0].decoder == "uniform:order=fewest,veto=legal" and space["trace"].end == "solved"


def test_what_is_written_is_read_and_scored(tmp_path, monkeypatch):
    puzzles = [takeback.draw("sudoku4", seed=0, split="test", index=index) for index in range(3)]
    takeback.write_puzzles(tmp_path / "puzzles.jsonl", puzzles)
    again = takeback.read_puzzles(tmp_path / "puzzles.jsonl")
    assert [one.id for one in again] == list(dict.fromkeys(one.id for one in puzzles))

    class Lonely(takeback.Uniform):
        name = "lonely"

    traces = takeback.decode(takeback.parse("net:order=fewest,veto=legal"), Lonely("lonely"), puzzles, seed=0)
    assert {trace.decoder for trace in traces} == {"lonely:order=fewest,veto=legal"}
    takeback.write_traces(tmp_path / "traces.jsonl", traces)
    scored = entry_of("score", tmp_path / "traces.jsonl", "--instances", tmp_path / "puzzles.jsonl", cwd=tmp_path)
    assert "lonely" in scored.stdout, scored.stderr
    with pytest.raises(takeback.BadInput, match="Uniform is a class; a model is an object"):
        takeback.decode(takeback.parse("net"), takeback.Uniform, puzzles, seed=0)

    class Short(Lonely):
        def predict(self, rows, assignments, commit_order=None, wanted=None):
            nothing = np.zeros(len(rows), dtype=np.int64)
            return takeback.Prediction(np.zeros((len(rows), 16, 3)), assignments == 0, nothing, nothing.astype(float))

        def open(self, boards):
            return self

    with pytest.raises(takeback.BadInput, match=r"model short: log_probs of shape \(3, 16, 3\), not \(3, 16, 4\)"):
        takeback.decode(takeback.parse("net"), Short("short"), puzzles, seed=0)


def entry_of(*words, cwd):
    """A finished takeback command."""
    return python("-m", "experiments.cli.entry", *map(str, words), cwd=cwd)


SUITE = """
from hypothesis import given, settings
from solvers.oracles.pick import settle
from takeback.testing import instances, puzzles, traced


def test_fixture(conform, certified_puzzles):
    conform.solver(settle, ["sudoku4"], draws=5)
    assert certified_puzzles["sudoku4"][0].difficulty.unique


def test_a_finding_is_a_failure(conform):
    from experiments.conform.faulty import misses_boxes
    conform.solver(misses_boxes, ["colouring"], draws=50)


@settings(max_examples=5, deadline=None)
@given(puzzles("sudoku4", "colouring"))
def test_strategy(instance):
    assert instance.problem.n
"""


def test_the_plugin_works_in_another_suite(tmp_path):
    (tmp_path / "test_mine.py").write_text(SUITE)
    done = python("-m", "pytest", "-p", "takeback.testing", "-p", "no:cacheprovider", "-q", str(tmp_path), cwd=tmp_path)
    assert "1 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    assert "FAILED checker" in done.stdout and "--property checker --replay graph:2:2:0-1:.." in done.stdout


def test_the_plugin_costs_nothing_where_it_is_not_used(tmp_path):
    heavy = [module for module in HEAVY if module != "hypothesis"]  # that one is a pytest plugin of its own
    test = f"import sys\ndef test_it():\n    assert not [m for m in {heavy} if m in sys.modules]\n"
    (tmp_path / "test_mine.py").write_text(test)
    words = ("-p", "takeback.testing", "-p", "no:cacheprovider", "-p", "no:jaxtyping", "-q", str(tmp_path))
    done = python("-m", "pytest", *words, cwd=tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_is_an_entry_point():
    import configparser

    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    assert settings["options.entry_points"]["pytest11"].strip() == "takeback.testing = takeback.testing"
    assert {"takeback", "experiments.conform"} <= set(settings["options"]["packages"].split())


@pytest.mark.parametrize(
    ("package", "folder"),
    [
        ("csp", "instances"),
        ("generators", "checkpoints"),
        ("experiments", "page/built"),
        ("experiments", "ask/prompts"),
    ],
)
def test_what_commands_read_goes_into_the_wheel(package, folder):
    """Networks, puzzles, pages and prompts: a pattern of package_data for each file."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    patterns = config["options.package_data"][package].split()
    files = [path for path in (ROOT / package / folder).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert files
    for path in files:
        inside = path.relative_to(ROOT / package)
        assert any(inside.match(pattern) and len(inside.parts) == pattern.count("/") + 1 for pattern in patterns), (
            inside
        )
