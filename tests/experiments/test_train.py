"""`takeback train`: it works end to end, and refuses what no run can have before any work."""

import errno
import json
import os
import shutil

import pytest

from csp.errors import BadInput
from csp.io import files
from experiments import train
from experiments.cli.dispatch import guarded, modern
from experiments.cli.signals import Terminated
from experiments.train import Train, main
from generators import checkpoint
from generators.training import trainer

TINY = {"family": "colouring", "updates": 2, "batch": 4, "puzzles": 4, "dim": 8, "heads": 2, "blocks": 1, "loops": 1}
TINY["mix"] = ("planted:n=12-14,degree=3", "planted:n=12-14,colours=4,degree=3")


@pytest.fixture(autouse=True)
def few_held_out(monkeypatch):
    """What validation says is not asked here: to draw all of its puzzles takes most of a run."""
    monkeypatch.setattr(train, "HELD_OUT", 8)


def test_it_trains_and_never_overwrites(capsys, tmp_path):
    path = tmp_path / "mine.safetensors"
    assert guarded(lambda: main(Train("ar", out=path, **TINY))) == 0
    assert "wrote" in capsys.readouterr().err
    assert json.loads(path.with_suffix(".json").read_text())["family"] == "colouring"
    before = path.read_bytes()
    assert guarded(lambda: main(Train("ar", out=path, **TINY))) == 2
    assert "is there already" in capsys.readouterr().err and path.read_bytes() == before


def test_a_card_without_weights_is_written_anew_and_no_other_file_is(capsys, tmp_path):
    path = tmp_path / "mine.safetensors"
    path.with_suffix(".json").write_text('{"format": "something else"}')
    assert guarded(lambda: main(Train("ar", out=path, **TINY))) == 2
    assert "its card would overwrite" in capsys.readouterr().err and not path.exists()
    path.with_suffix(".json").write_text(json.dumps({"format": checkpoint.FORMAT}))
    assert guarded(lambda: main(Train("ar", out=path, **TINY))) == 0
    assert checkpoint.load(path, "colouring").card["training"]["updates"] == 2
    path.with_suffix(".json").unlink()
    assert guarded(lambda: main(Train("ar", out=path, **TINY))) == 2
    assert "is there already without its card" in capsys.readouterr().err


def test_an_interruption_says_what_is_kept(capsys, tmp_path, monkeypatch):
    path = tmp_path / "mine.safetensors"
    monkeypatch.setattr(trainer, "datasets", lambda *_: [])
    monkeypatch.setattr(trainer, "check_room", lambda *_: None)
    for written, kept in (
        (None, "it had not come to its first validation, and nothing is kept"),
        (
            path.with_suffix(".resume.safetensors"),
            "the state at its last validation is kept, and the same command goes",
        ),
        (path, f"{path} is written"),
    ):

        def stopped(*_, written=written):
            if written is not None:
                written.touch()
            raise Terminated

        monkeypatch.setattr(trainer, "train", stopped)
        assert guarded(lambda: main(Train("ar", out=path, **TINY))) == 143
        assert capsys.readouterr().err.startswith(f"takeback: terminated; {kept}")


@pytest.mark.parametrize("how", ["full", "over its quota"])
def test_a_disk_without_room_is_said_before_any_work(capsys, tmp_path, monkeypatch, how):
    def over_quota(handle, data):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    if how == "full":
        monkeypatch.setattr(files.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    else:
        monkeypatch.setattr(files.os, "write", over_quota)
    monkeypatch.setattr(trainer, "train", None)  # never reached
    assert guarded(lambda: main(Train("ar", out=tmp_path / "mine.safetensors", **TINY))) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "MB are needed" in said and "cannot write" in said
    assert ("0.0 MB are free" if how == "full" else "Disk quota exceeded") in said
    assert not list(tmp_path.iterdir())


def test_half_precision_that_is_slow_here_is_said(capsys, tmp_path, monkeypatch):
    assert 0.01 < trainer.cost_of_half(size=64) < 1000
    monkeypatch.setattr(trainer, "datasets", lambda *_: [])
    monkeypatch.setattr(trainer, "check_room", lambda *_: None)
    monkeypatch.setattr(trainer, "train", lambda *_: None)
    for cost, precision, said in ((41.0, "bf16", True), (0.5, "bf16", False), (41.0, "fp32", False)):
        monkeypatch.setattr(trainer, "cost_of_half", lambda cost=cost: cost)
        main(Train("ar", out=tmp_path / "x.safetensors", **TINY, precision=precision))
        assert ("takes 41 times as long here; --precision fp32" in capsys.readouterr().err) is said
    monkeypatch.setenv("RANK", "1")  # torchrun's other processes leave it to the first
    monkeypatch.setattr(trainer, "cost_of_half", lambda: 41.0)
    main(Train("ar", out=tmp_path / "x.safetensors", **TINY, precision="bf16"))
    assert "41 times" not in capsys.readouterr().err


def test_old_spellings_of_options_are_read_with_a_notice(capsys):
    words = ["ar", "--thin", "0.5", "--reach=0.25", "--no-supervise", "--updates", "9"]
    new = ["ar", "--drop-givens", "0.5", "--policy-masks=0.25", "--no-deep-supervision", "--updates", "9"]
    assert modern(Train, words) == new
    said = capsys.readouterr().err
    assert "--thin is called --drop-givens now" in said and said.count("\n") == 3
    assert modern(Train, new) == new and capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"updates": -3}, "updates is -3"),
        ({"batch": 0}, "batch is 0"),
        ({"puzzles": 0}, "puzzles is 0"),
        ({"validate_every": 0}, "validate_every is 0"),
        ({"heads": 3, "dim": 16}, "does not divide"),
        ({"loops": 0}, "loops is 0"),
        ({"lr": float("nan")}, "lr and weight_decay"),
        ({"warmup": -1}, "warmup"),
    ],
)
def test_numbers_that_no_run_can_have(options, words):
    with pytest.raises(BadInput, match=words):
        Train("ar", **options)


def test_names_and_places_are_checked_before_any_work(capsys, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for options, words in (
        ({"family": "chess"}, "no family 'chess'"),
        ({"threads": -1}, "--threads -1"),
        ({"device": "abacus"}, "--device abacus: cpu, or cuda"),
        ({"resume": True}, "--resume: there is no stopped run"),
        ({"mix": ("chess",)}, "no family 'chess'"),
        ({"mix": ("sudoku6",)}, "--mix sudoku6: its puzzles are not colouring"),
        ({"out": tmp_path}, "ends in .safetensors"),
        ({"out": tmp_path / "file" / "x.safetensors"}, "cannot write"),
    ):
        assert guarded(lambda options=options: main(Train("ar", **{**TINY, **options}))) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1 and words in lines[0]


@pytest.mark.parametrize(("family", "words"), [("gnp", "spell it with solvable=yes"), ("chess", "to train on")])
def test_only_families_whose_puzzles_have_solutions_are_offered(capsys, family, words):
    code = guarded(lambda: main(Train("diffusion", family=family)))
    said = capsys.readouterr().err
    assert code == 2 and words in said and "Traceback" not in said
    assert family == "gnp" or "gnp" not in said
