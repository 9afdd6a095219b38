"""The main job, end to end: files, resuming, the same bytes at any batch size, and one line for every bad input."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet
import pytest

from csp.io.trace_records import read_jsonl
from csp.trace import replay
from experiments.ceiling.command import Ceiling, main
from experiments.cli import dispatch
from experiments.cli.dispatch import guarded
from experiments.engine import decoder_catalogue, loaded_models, store
from experiments.puzzle_files.load import drawn, read
from generators import checkpoint
from solvers.oracles import base, sat

LEARNED = ("ar", "ar-best-of-10", "diffusion-confidence-4", "remask-8", "placebo-8")
PLAIN = ("uniform-raster", "dsatur", "min-conflicts", "depth-first", "cp-sat", "python-constraint")
COMMAND = [sys.executable, "-c", "from experiments.cli.dispatch import entry; entry()", "ceiling"]


def run(capsys, **options):
    """(exit code, standard output, standard error) of the command, in this process."""
    code = guarded(lambda: main(Ceiling(**options)))
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("family", ["sudoku6", "colouring"])
def test_all_rows_end_to_end_and_the_same_bytes_at_any_batch_size(capsys, tmp_path, monkeypatch, family):
    count = 4 if family == "sudoku6" else 2
    if family == "colouring":  # the nets seldom solve these: AR's search ends by its budget with a tenth of it as well
        rows = {k: replace(row, budget_a_cell=row.budget_a_cell // 10) for k, row in decoder_catalogue.ROWS.items()}
        monkeypatch.setattr(decoder_catalogue, "ROWS", rows)
    options = {"family": family, "count": count}
    code, out, err = run(capsys, **options, all=True, out=tmp_path / "a", batch_size=64)
    assert code == 0, err
    kinds = {kind for row in decoder_catalogue.ROWS.values() for kind in loaded_models.networks(row)}
    there = {kind for kind in kinds if checkpoint.shipped(family, kind).exists()}
    assert kinds - there == ({"ar-written"} if family == "colouring" else set())
    able = [name for name, row in decoder_catalogue.ROWS.items() if there.issuperset(loaded_models.networks(row))]
    for name in decoder_catalogue.ROWS:
        assert name in (out if name in able else err)
    traces = read_jsonl((tmp_path / "a" / "traces.jsonl").read_text())
    assert len(traces) == len(able) * count
    instances = {instance.id: instance for instance in drawn(family, 0, count)}
    table = pyarrow.parquet.read_table(tmp_path / "a" / "scores.parquet").to_pylist()
    assert [record["row"] for record in table[::count]] == able
    for trace, record in zip(traces, table):
        final = replay(trace, instances[trace.instance].givens)[-1]
        assert bool(instances[trace.instance].solved(final)) == record["solved"] == (trace.end == "solved")
    card = json.loads((tmp_path / "a" / "run.json").read_text())
    assert card["status"] == "complete" and set(card["identity"]["checkpoints"]) == {
        f"{family}-{kind}.safetensors" for kind in there
    }
    assert (tmp_path / "a" / "ceiling.png").read_bytes()[:4] == b"\x89PNG"
    some = {**options, "decoders": tuple(able[::4]), "out": tmp_path / "b", "batch_size": 1}  # conformance tries all
    code, _, err = run(capsys, **some)
    assert code == 0, err
    at_64 = (tmp_path / "a" / "traces.jsonl").read_text().splitlines()
    same = [line for start in range(0, len(at_64), 4 * count) for line in at_64[start : start + count]]
    assert (tmp_path / "b" / "traces.jsonl").read_text().splitlines() == same
    solvers = {record["decoder"] for record in table if record["row"] in ("cp-sat", "python-constraint", "depth-first")}
    assert all(record["solved"] for record in table if record["decoder"] in solvers)


def test_json_holds_every_figure_with_its_interval_and_count(capsys, tmp_path):
    code, out, _ = run(capsys, count=5, decoders=PLAIN[:4], out=tmp_path, json=True)
    assert code == 0
    shown = json.loads(out)
    assert [row["decoder"] for row in shown] == list(PLAIN[:4])
    for row in shown:
        assert row["n"] == 5 and set(row["solved"]) == {"value", "low", "high", "n"}
        assert row["need"]["value"] == pytest.approx(row["met"]["value"] + row["unmet"]["value"])


def test_an_interrupted_run_goes_on_where_it_was(capsys, tmp_path, monkeypatch):
    options = {"count": 8, "decoders": (*PLAIN[:4], *LEARNED[:2]), "batch_size": 3}
    assert run(capsys, out=tmp_path / "whole", **options)[0] == 0
    kept = store.Store.add
    added = []

    def add(self, shard, pieces):
        if len(added) == 5:
            raise KeyboardInterrupt
        added.append((shard.name, shard.indices))
        kept(self, shard, pieces)

    monkeypatch.setattr(store.Store, "add", add)
    code, _, err = run(capsys, out=tmp_path / "broken", **options)
    assert code == 130 and "interrupted" in err

    def add_all(self, shard, pieces):
        added.append((shard.name, shard.indices))
        kept(self, shard, pieces)

    monkeypatch.setattr(store.Store, "add", add_all)
    code, _, err = run(capsys, out=tmp_path / "broken", **{**options, "batch_size": 2})
    assert code == 0 and "were there already" in err
    done = [(row, index) for row, indices in added for index in indices]
    assert len(done) == len(set(done)) == 6 * 8  # nothing was done twice, nothing left out
    assert (tmp_path / "whole" / "traces.jsonl").read_bytes() == (tmp_path / "broken" / "traces.jsonl").read_bytes()
    before = pyarrow.parquet.read_table(tmp_path / "broken" / "scores.parquet")
    assert run(capsys, out=tmp_path / "broken", **options)[0] == 0  # a finished run is read again
    assert pyarrow.parquet.read_table(tmp_path / "broken" / "scores.parquet") == before


def test_control_c_on_the_real_command(tmp_path):
    process = subprocess.Popen([*COMMAND, "--count", "300", "--out", tmp_path], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "shards").glob("*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "Traceback" not in said and "interrupted" in said
    assert list((tmp_path / "shards").glob("*.parquet"))


def test_users_puzzles_of_a_size_without_checkpoints(capsys, tmp_path):
    easy = "0010003404003000"
    path = tmp_path / "mine.txt"
    path.write_text(f"# one puzzle\n\n{easy}\n{easy.replace('0', '.')}\n")
    code, out, err = run(capsys, puzzles=path, all=True, out=tmp_path / "out")
    assert code == 0
    for name in PLAIN:
        assert name in out
    assert "left out: ar, ar-legal, ar-best-of-10" in err and "no sudoku4 ar checkpoint" in err
    assert "remask-8" in err and "remask-8" not in out


def test_users_graphs(capsys, tmp_path):
    path = tmp_path / "wheel.col"
    path.write_text("c a wheel\np edge 7 12\n" + "".join(f"e 1 {i}\ne {i} {(i - 1) % 6 + 2}\n" for i in range(2, 8)))
    code, out, _ = run(capsys, puzzles=path, colours=3, out=tmp_path / "three", decoders=("dsatur", "diffusion-random"))
    assert code == 0 and "diffusion-random" in out
    code, out, err = run(capsys, puzzles=path, colours=4, out=tmp_path / "four", decoders=("dsatur", "ar-any"))
    assert code == 0 and "reads 3 values and up to 50 cells, not 4 values and 7 cells" in " ".join(err.split())


def refused(capsys, words, **options):
    """One clear line on standard error, a non-zero code, nothing on standard output."""
    code, out, err = run(capsys, **options)
    assert code == 2 and out == "", (code, err)
    lines = err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("takeback: ") and words in lines[0], err


@pytest.mark.parametrize(
    ("name", "content", "colours", "words"),
    [
        ("a.txt", "", None, "the file is empty"),
        ("a.txt", "# nothing\n", None, "no puzzle in it"),
        ("a.txt", "12345\n", None, "line 1: 5 characters"),
        ("a.txt", "1234\n", None, "line 1: a grid with rows of 4 symbols has 4 of them; found 1"),
        ("a.txt", "#\n" + "." * 15 + "z\n", None, "line 2: 'Z' at r4c4 of a 4x4 board"),
        ("a.txt", "." * 16 + "\n" + "." * 36 + "\n", None, "line 2: a sudoku 6x6, but the file began with"),
        ("a.txt", "11" + "." * 14, None, "line 1: givens contradict: 1 at r1c1 and r1c2"),
        ("a.txt", "123...4" + "." * 9, None, "line 1: impossible"),
        ("a.txt", b"\xff\xfe\x00\x01", None, "not a text file"),
        ("a.txt", "." * 16, 3, "--colours is for .col graphs"),
        ("a.col", "p edge 3 3\ne 1 2\ne 2 3\ne 1 3\n", 2, "impossible"),
        ("a.col", "p edge 3 3\ne 1 2\n", None, "needs --colours"),
        ("a.col", "p edge 3 3\ne 1 9\n", 3, "line 2: edge 1 9"),
        ("a.col", "p edge 3 1\ne 1 2\n", 0, "0 colours"),
        ("a.col", "", 3, "the file is empty"),
    ],
)
def test_malformed_puzzles(capsys, tmp_path, name, content, colours, words):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(capsys, words, puzzles=path, colours=colours, out=tmp_path / "out", decoders=("dsatur",))


def test_other_bad_options(capsys, tmp_path):
    out = tmp_path / "out"
    refused(capsys, "cannot read", puzzles=tmp_path / "nowhere.txt", out=out)
    refused(capsys, "no decoder 'magic'", decoders=("magic",), out=out)
    refused(capsys, "no order 'best'", decoders=("diffusion:order=best",), out=out)
    refused(capsys, "at least 1 puzzle", count=0, out=out)
    refused(capsys, "at least 1 board", batch_size=0, out=out)
    refused(capsys, "--puzzles", colours=3, out=out)
    (tmp_path / "file").write_text("in the way")
    refused(capsys, "cannot write to", out=tmp_path / "file")
    refused(capsys, "cannot write to", out=tmp_path / "file" / "below")


def test_a_folder_with_another_run_is_kept(capsys, tmp_path):
    options = {"count": 3, "decoders": ("dsatur",), "out": tmp_path / "out"}
    assert run(capsys, **options)[0] == 0
    before = (tmp_path / "out" / "traces.jsonl").read_bytes()
    refused(capsys, "differing in puzzles, seed", **{**options, "seed": 1})
    assert (tmp_path / "out" / "traces.jsonl").read_bytes() == before
    assert run(capsys, **{**options, "seed": 1, "fresh": True})[0] == 0
    assert (tmp_path / "out" / "traces.jsonl").read_bytes() != before
    (tmp_path / "out" / "run.json").write_text("{")
    refused(capsys, "is not a run of this command", **options)


def test_bad_checkpoints(capsys, tmp_path):
    for kind in ("ar", "diffusion"):
        for suffix in (".safetensors", ".json"):
            source = checkpoint.shipped("sudoku6", kind).with_suffix(suffix)
            (tmp_path / source.name).write_bytes(source.read_bytes())
    options = {"count": 2, "decoders": ("diffusion-random",), "checkpoints": tmp_path, "out": tmp_path / "out"}
    path = tmp_path / "sudoku6-diffusion.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(capsys, "truncated", **options)
    path.write_bytes(b"")
    refused(capsys, "truncated or not a safetensors file", **options)
    for suffix in (".safetensors", ".json"):
        source = checkpoint.shipped("colouring", "diffusion").with_suffix(suffix)
        path.with_suffix(suffix).write_bytes(source.read_bytes())
    refused(capsys, "trained on colouring, not on sudoku6", **options)
    for suffix in (".safetensors", ".json"):
        path.with_suffix(suffix).write_bytes((tmp_path / f"sudoku6-ar{suffix}").read_bytes())
    refused(capsys, "holds a net of kind ar, not diffusion", **options)


def test_a_full_disk_is_one_line_and_loses_nothing(capsys, tmp_path, monkeypatch):
    options = {"count": 4, "decoders": PLAIN[:2], "out": tmp_path / "out", "batch_size": 2}
    real, written = os.fsync, []

    def full(handle):
        written.append(stat.S_ISREG(os.fstat(handle).st_mode))  # not the folders
        if sum(written) > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    code, out, err = run(capsys, **options)
    assert code == 2 and out == "" and "Traceback" not in err
    assert err.splitlines()[-1].startswith("takeback: ") and "No space left on device" in err.splitlines()[-1]
    monkeypatch.setattr(os, "fsync", real)
    code, _, err = run(capsys, **options)
    assert code == 0 and "4 of 8 traces were there already" in err
    assert not list((tmp_path / "out").rglob("*tmp"))


@pytest.mark.parametrize(
    "arguments",
    [["--puzzles", "nowhere.txt"], ["--decoders", "magic"], ["--family", "chess"], ["--count", "many"], ["--nonsense"]],
)
def test_no_traceback_reaches_a_user(monkeypatch, capsys, tmp_path, arguments):
    monkeypatch.chdir(tmp_path)
    code, out, err = typed(monkeypatch, capsys, "ceiling", *arguments)
    assert code == 2 and "Traceback" not in err + out and err.strip()


def test_no_traceback_leaves_the_real_command(tmp_path):
    done = subprocess.run([*COMMAND, "--puzzles", "nowhere.txt"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr + done.stdout and done.stderr.strip()


def typed(monkeypatch, capsys, *words):
    """(exit code, standard output, standard error) of `takeback` with these words, in this process."""
    monkeypatch.setattr(sys, "argv", ["takeback", *words])
    with pytest.raises(SystemExit) as ended:
        dispatch.entry()
    said = capsys.readouterr()
    return ended.value.code or 0, said.out, said.err


def test_help_reads_well(monkeypatch, capsys):
    for arguments, words in (
        ([], ["ceiling", "train"]),
        (["ceiling"], ["--family", "--puzzles", "--decoders", "--json"]),
    ):
        code, out, _ = typed(monkeypatch, capsys, *arguments, "--help")
        assert code == 0 and all(word in out for word in words)


def test_rows_by_name_and_spelled_out():
    assert [row.name for row in decoder_catalogue.chosen(())] == list(decoder_catalogue.ROWS)
    spelled = decoder_catalogue.chosen(("diffusion:order=margin,k=2", "dsatur"))
    assert [row.name for row in spelled] == ["diffusion:order=margin,k=2", "dsatur"]
    assert spelled[0].spec == replace(decoder_catalogue.ROWS["diffusion-margin"].spec, k=2)


def test_placebos_differ_from_their_rows_in_the_signal_alone():
    for k in (1, 4, 8):
        signal = decoder_catalogue.ROWS[f"remask-{k}"].spec
        assert replace(signal, signal="random") == decoder_catalogue.ROWS[f"placebo-{k}"].spec
        assert signal.k == k and signal.calls == decoder_catalogue.BUDGET


def test_published_check_of_the_reference_search():
    """17-clue puzzles need no guess for about 42 %, about 9.5 on average (where the evaluation data is at hand)."""
    path = Path(__file__).parents[3] / "shared" / "data" / "sudoku_17_clues.txt"
    if not path.exists():
        pytest.skip("the evaluation puzzles are not shipped with the project")
    guesses = [instance.difficulty.guesses for instance in read(path, None)]
    assert 0.38 <= sum(g == 0 for g in guesses) / len(guesses) <= 0.46
    assert 8 <= sum(guesses) / len(guesses) <= 11.5


def test_repeated_puzzles_count_once(capsys, tmp_path):
    path = tmp_path / "twice.txt"
    path.write_text(("." * 16 + "\n") * 3 + "1" + "." * 15 + "\n")
    code, out, err = run(capsys, puzzles=path, out=tmp_path / "out", decoders=("dsatur",), json=True)
    assert code == 0 and json.loads(out)[0]["n"] == 2 and "2 repeated puzzles left out" in err


def test_a_seed_that_no_file_can_hold_is_refused_at_once(capsys, tmp_path):
    refused(capsys, "--seed", seed=2**63, out=tmp_path / "out")
    refused(capsys, "--seed", seed=-1, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_pieces_without_their_card_are_not_taken_for_this_run(capsys, tmp_path):
    options = {"count": 3, "decoders": ("dsatur", "min-conflicts"), "out": tmp_path / "out"}
    assert run(capsys, **options)[0] == 0
    (tmp_path / "out" / "run.json").unlink()
    refused(capsys, "which no run wrote that is still there", **{**options, "seed": 1})
    assert {t.seed for t in read_jsonl((tmp_path / "out" / "traces.jsonl").read_text())} == {0}


def test_fresh_touches_only_what_is_ours(capsys, tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "thesis.tex").write_text("mine")
    (tmp_path / "run.json").write_text('{"mine": 1}')
    refused(capsys, "is not a run of this command", count=2, decoders=("dsatur",), out=tmp_path, fresh=True)
    (tmp_path / "run.json").unlink()
    assert run(capsys, count=2, decoders=("dsatur",), out=tmp_path, fresh=True)[0] == 0
    assert (tmp_path / "parts" / "thesis.tex").read_text() == "mine"


def test_an_undecided_debt_does_not_end_the_run(capsys, tmp_path, monkeypatch):

    monkeypatch.setattr(sat, "DEBT_LIMIT", 0.0)
    monkeypatch.setattr(sat, "RC2_COMMITS", 0)
    code, out, err = run(capsys, family="colouring", count=4, decoders=("uniform-raster",), out=tmp_path, json=True)
    assert code == 0 and "undecided for 4 traces" in err and json.loads(out)[0]["debt"]["n"] == 0


def test_undecided_dead_ends_do_not_end_the_run(capsys, tmp_path, monkeypatch):
    from solvers.oracles import pick

    def gives_up(self, states):
        raise base.Undecided("too hard")

    monkeypatch.setattr(pick.Sat, "alive", gives_up)
    monkeypatch.setattr(sat, "RC2_COMMITS", 0)
    rows = ("uniform-raster", "cp-sat")
    code, out, err = run(capsys, family="colouring", count=4, decoders=rows, out=tmp_path, json=True)
    assert code == 0 and "dead ends stayed undecided for" in err
    random, exact = json.loads(out)
    assert random["n"] == exact["n"] == exact["solved"]["n"] == 4 and exact["solved"]["value"] == 1
    undecided = ("need", "met", "recovery", "first_dead", "wasted")
    assert all(random[name]["n"] == exact[name]["n"] == 0 for name in undecided)
    assert (tmp_path / "ceiling.png").exists()
    assert run(capsys, family="colouring", count=4, decoders=rows, out=tmp_path)[0] == 0  # read back, shown as a table


def test_folders_of_different_rows_differ_by_default(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run(capsys, count=2, decoders=("dsatur",))[0] == 0
    assert run(capsys, count=2, decoders=("dsatur", "depth-first"))[0] == 0
    assert len(list((tmp_path / "results").iterdir())) == 2
