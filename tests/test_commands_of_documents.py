"""Commands that stand in the README, the guides and the files' own openings are commands, and those of the guides run.

A command that would take minutes is run with the options of SHORTER after its own, the last of which counts.
"""

import re
import shlex
import shutil
import sys
from importlib import import_module
from pathlib import Path

import pytest
import tiny_language_models
import tyro

from experiments import train
from experiments.ceiling.command import Ceiling
from experiments.ceiling.command import main as ceiling
from experiments.cli import dispatch
from experiments.cli.dispatch import EXPERIMENTS, GROUPS

ROOT = Path(__file__).parent.parent
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FILES = [*sorted((ROOT / "docs" / "results").glob("*.md")), *sorted((ROOT / "experiments").rglob("*.py"))]
LINE = re.compile(r"^(?: {4})?(?:\$ )?((?:\w+=\S+ )?takeback [a-z].*?)(?:  +#.*)?$", re.M)
NOT_RUN = {
    "ask": "it needs a server: tests/experiments/test_ask_models.py",
    "serve": "it serves until Ctrl-C: tests/experiments/test_serve.py",
    "site": "it opens a browser: tests/experiments/test_page.py",
    "RAY_ADDRESS": "it needs a cluster: tests/experiments/test_engine.py",
}
SHORTER = {
    "ceiling": "--count 1",
    "conform model": "--draws 10",
    "conform solver": "--draws 10",
    "control": "--targets 1 --samples 1 --calls 2 --task span",
    "evaluate": "--count 2",
    "frontier": "--count 1 --calls 4",
    "gif": "--puzzle 1 --frames 2",
    "instances make": "--count 1",
    "train": "--updates 1 --puzzles 4 --batch 2 --dim 8 --heads 2 --blocks 1 --loops 1",
}


def commands(paths):
    """The commands in the files, those that end in a backslash with the line that goes on."""
    said = {}
    for path in paths:
        for command in LINE.findall(re.sub(r" *\\\n *", " ", path.read_text())):
            said.setdefault(re.sub(r" {2,}.*", "", command).strip(), path.relative_to(ROOT).as_posix())
    return [pytest.param(command, id=f"{place}: {command}") for command, place in said.items()]


def named(command):
    """The words of a command after takeback, and the class of its options."""
    words = shlex.split(command)
    words = words[words.index("takeback") + 1 :]
    jobs = GROUPS[words.pop(0)][1] if words[0] in GROUPS else EXPERIMENTS
    module, options, *_ = jobs[words[0]]
    return words[1:], getattr(import_module(module), options)


@pytest.mark.parametrize("command", commands([*GUIDES, *FILES]))
def test_it_is_a_command_with_such_options(command, capsys):
    words, options = named(command)
    try:
        tyro.cli(options, args=words)
    except SystemExit as end:
        assert end.code in (0, None), capsys.readouterr()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the guides' reader has at hand: runs, puzzles, a solver and a model."""
    there = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "docs" / "examples", there / "docs" / "examples")
    (there / "mine.txt").write_text("..3.\n.1..\n..1.\n.3..\n")
    (there / "class.txt").write_text("..3.\n.1..\n..1.\n.3..\n")
    (there / "gc_7_3").write_text("7 3\n0 1\n1 2\n2 3\n")
    for name in ("puzzles.jsonl", "transcripts.txt"):
        shutil.copy(ROOT / "docs" / "examples" / name, there / name)
    first = (ROOT / "docs" / "examples" / "traces.jsonl").read_text().splitlines()[0]
    (there / "traces.jsonl").write_text(first.replace("left-to-right", "my-decoder") + "\n")
    (there / "mine.py").write_text(
        "import takeback\n\n\ndef solve(puzzle):\n    known = isinstance(puzzle, takeback.Instance)\n"
        "    return takeback.SOLVERS['depth-first'](puzzle, 0) if known else takeback.UNKNOWN\n"
    )
    for kind in ("causal", "masked"):
        tiny_language_models.folder(there / f"tiny-{kind}", kind)
    (there / "mypackage.py").write_text("from takeback import Uniform as Model\n")
    return there


@pytest.mark.parametrize("command", commands(GUIDES))
def test_commands_of_the_guides_run(command, folder, monkeypatch, capsys):
    words = shlex.split(command)
    if (why := NOT_RUN.get(words[0].split("=")[0]) or NOT_RUN.get(words[1])) is not None:
        pytest.skip(why)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    name = " ".join(words[1:3]) if words[1] in GROUPS else words[1]
    extra = shlex.split(SHORTER.get(name, ""))
    if words[1] in ("gif", "report"):
        run = next(word for word in words[2:] if "/" in word or word == "DIR")
        have_run(Path(run))
    if words[1] == "results":
        have_run(Path("results/ceiling-sudoku6-100-seed0"))
    if words[1] == "train":
        monkeypatch.setattr(train, "HELD_OUT", 8)

    words = [word.replace("docs/board.gif", "board.gif") for word in words[1:]]
    planted = "experiments.conform.faulty" in command  # the guide shows what is found
    assert called([*words, *extra], monkeypatch) == planted, capsys.readouterr().err


def called(words, monkeypatch):
    """The exit code of a command."""
    monkeypatch.setattr(sys, "argv", ["takeback", *words])
    with pytest.raises(SystemExit) as end:
        dispatch.entry()
    return end.value.code


def have_run(at):
    """A run of a few puzzles in a folder, unless there is one."""
    if "score" in at.name:
        dispatch.dispatch(EXPERIMENTS, "takeback", "", ["score", "traces.jsonl", "--instances", "puzzles.jsonl"])
    elif not (at / "run.json").exists():
        ceiling(Ceiling(count=1, decoders=("ar", "ar-best-first", "diffusion-confidence"), out=at, workers=1))


def test_the_pattern_finds_commands():
    assert {"takeback ceiling --all", "takeback site"} <= {parameter.values[0] for parameter in commands(GUIDES)}
