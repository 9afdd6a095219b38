"""The engine: how work is cut, who runs it, whose a folder is. Killed runs: test_engine_kills.py."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import deadly
import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp.errors import BadInput
from experiments.ceiling.command import Ceiling, main
from experiments.cli.dispatch import guarded
from experiments.engine import executors
from experiments.engine.executors import Died, Executor, in_order
from experiments.engine.folder import LOCK, RunFolder
from experiments.engine.shards import GROWTH, Cutter, Job, digest
from experiments.score import ScoreCommand
from experiments.score import main as score_main

SUPPORT = Path(__file__).parents[1] / "support"


@given(data=st.data())
def test_every_missing_item_is_in_one_shard_whatever_the_speed(data):
    """Boards of one depth and whole units, no more than `most` items, and no sudden growth."""
    jobs, missing = [], {}
    for name in "ab"[: data.draw(st.integers(1, 2))]:
        unit = data.draw(st.integers(1, 4))
        count = unit * data.draw(st.integers(0, 60))
        depth = data.draw(st.lists(st.integers(2, 3), min_size=count // unit, max_size=count // unit))
        most = unit * data.draw(st.integers(1, 40))
        items = [f"{name}{index}" for index in range(count)]
        alike = lambda index, depth=depth, unit=unit: depth[index // unit]  # noqa: E731
        jobs.append(Job(name, items, {"job": name}, lambda indices: list, unit=unit, alike=alike, most=most))
        units = data.draw(st.lists(st.booleans(), min_size=count // unit, max_size=count // unit))
        missing[name] = [index for index in range(count) if units[index // unit]]
    cutter = Cutter(jobs, missing)
    seen: dict[str, list[int]] = {name: [] for name in missing}
    sizes: dict[str, int] = {}
    for shard in cutter:
        job = next(job for job in jobs if job.name == shard.name)
        assert len(shard.indices) <= job.most and len(shard.indices) % job.unit == 0
        assert len({job.alike(index) for index in shard.indices}) == 1
        assert shard.config["items"] == [job.items[index] for index in shard.indices]
        assert len(shard.indices) <= GROWTH * sizes.get(shard.name, 10**6) + job.unit * GROWTH
        seen[shard.name] += shard.indices
        sizes[shard.name] = len(shard.indices)
        if data.draw(st.booleans()):
            cutter.learn(shard, data.draw(st.floats(0, 100)))
    assert {name: sorted(indices) for name, indices in seen.items()} == missing


def test_shards_follow_the_time_they_take():
    job = Job("slow", [str(index) for index in range(400)], {}, lambda indices: list)
    cutter = Cutter([job], {"slow": range(400)})
    sizes = []
    for shard in cutter:
        sizes.append(len(shard.indices))
        cutter.learn(shard, len(shard.indices) * (0.5 if len(sizes) < 3 else 0.1))
    assert sizes[:2] == [16, 20] and max(sizes[3:]) == 100 and sum(sizes) == 400
    assert cutter.time_left(2) == (0.0, True)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(plain, plain)
def test_a_shard_is_named_by_its_content(one, other):
    assert digest(json.loads(json.dumps(one))) == digest(one)
    if isinstance(one, dict):
        assert digest(dict(reversed(one.items()))) == digest(one)
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (digest(one) == digest(other)) == same


def test_processes_give_what_one_gives():
    tasks = [(number, partial(deadly.double, number)) for number in range(20)]
    expected = {number: 2 * number for number in range(20)}
    for executor in (Executor(1), Executor(2)):
        assert {name: answer for name, answer, _ in executor.run(tasks)} == expected
    assert list(in_order(2, deadly.double, ((number,) for number in range(20)), "numbers")) == list(expected.values())


def test_work_that_takes_long_is_spread(monkeypatch):
    """Nobody said how many processes: the first tasks are done here, the others in processes once it has taken long."""
    monkeypatch.setattr(executors, "PATIENCE", 0.2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    tasks = [(number, partial(deadly.slow_process, 0.1)) for number in range(8)]
    where = {name: answer for name, answer, _ in Executor().run(tasks)}
    assert set(where) == set(range(8)) and where[0] == where[1] == os.getpid()
    assert os.getpid() not in [where[number] for number in range(3, 8)]


def test_a_solver_with_a_process_of_its_own_works_in_processes(capsys, tmp_path):
    code, err = run(capsys, count=4, decoders=("python-constraint",), out=tmp_path / "two", workers=2)
    assert code == 0, err
    assert run(capsys, count=4, decoders=("python-constraint",), out=tmp_path / "one", workers=1)[0] == 0
    assert (tmp_path / "two" / "traces.jsonl").read_bytes() == (tmp_path / "one" / "traces.jsonl").read_bytes()


def test_what_kills_its_process_is_tried_again_and_then_named(tmp_path):
    tasks = [(number, partial(deadly.double, number)) for number in range(6)]
    for name, work, expected in (  # one at a time: another's death may take a process before its work has begun
        ("killer", deadly.die, Died()),
        ("frail", partial(deadly.die_once, tmp_path / "mark"), "survived"),
    ):
        tasks[2] = name, work
        answers = {name: answer for name, answer, _ in Executor(2).run(tasks)}
        assert answers.pop(name) == expected
        assert answers == {number: 2 * number for number in (0, 1, 3, 4, 5)}
    with pytest.raises(BadInput, match="piece 2 of the numbers: its process died twice"):
        list(in_order(2, _call, [(deadly.done,), (deadly.die,), (deadly.done,)], "numbers"))


def _call(job):
    return job()


def test_what_a_task_raises_is_raised(tmp_path):
    def broken():
        yield 1, partial(deadly.double, 1)
        raise BadInput("line 7: no such thing")

    for workers in (1, 2):
        with pytest.raises(ValueError, match="no such luck"):
            list(Executor(workers).run([(1, deadly.fail)]))
        made = []
        with pytest.raises(BadInput, match="line 7"):  # it comes from where tasks are made, in a thread of joblib's
            for name, _, _ in Executor(workers).run(broken()):
                made.append(name)
        assert made == [1]


def run(capsys, **options):
    """(exit code, standard error) of ceiling."""
    code = guarded(lambda: main(Ceiling(**{"count": 3, "decoders": ("dsatur",), **options})))
    return code, capsys.readouterr().err


def refused(capsys, words, **options):
    """One clear line, and a non-zero code."""
    code, err = run(capsys, **options)
    assert code == 2 and words in err and err.startswith("takeback: ") and err.count("\n") == 1, err


def test_what_no_run_wrote_is_not_touched(capsys, tmp_path):
    for name in ("traces.jsonl", "scores.parquet", "shards/0123456789abcdef.parquet", "parts/ar-000000-17.jsonl"):
        path = tmp_path / name.replace("/", "-") / name
        path.parent.mkdir(parents=True)
        path.write_text("somebody's years of work")
        out = tmp_path / name.replace("/", "-")
        for fresh in (False, True):
            refused(capsys, "which no run wrote", out=out, fresh=fresh)
        assert path.read_text() == "somebody's years of work"
        assert {p.name for p in out.iterdir()} == {name.split("/")[0], LOCK}
    beside = tmp_path / "beside"
    (beside / "shards").mkdir(parents=True)
    (beside / "shards" / "thesis.tex").write_text("mine")
    (beside / "notes.txt").write_text("mine")
    assert run(capsys, out=beside)[0] == 0 and run(capsys, out=beside, fresh=True, seed=1)[0] == 0
    assert (beside / "shards" / "thesis.tex").read_text() == (beside / "notes.txt").read_text() == "mine"


def test_score_does_not_replace_another_command(capsys, tmp_path):
    assert run(capsys, out=tmp_path)[0] == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    examples = Path(__file__).parents[2] / "docs/examples"
    files = examples / "traces.jsonl", examples / "puzzles.jsonl"
    assert guarded(lambda: score_main(ScoreCommand(*files, out=tmp_path))) == 2
    assert "holds a run of takeback ceiling" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_two_commands_on_one_folder(capsys, tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", "import fcntl, os, sys\nf = open(sys.argv[1], 'w')\nfcntl.flock(f, fcntl.LOCK_EX)\n"
         "f.write(str(os.getpid())); f.flush(); print(flush=True); sys.stdin.read()", tmp_path / LOCK],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    holder.stdout.readline()
    refused(capsys, f"is being written to by another takeback (process {holder.pid})", out=tmp_path)
    holder.kill()
    holder.communicate()
    assert run(capsys, out=tmp_path)[0] == 0  # a lock goes with its process


def test_a_folder_is_freed_when_its_run_ends(tmp_path):
    first = RunFolder(tmp_path, {"command": "ceiling", "name": "a"})
    assert not first.resumed and RunFolder(tmp_path, {"command": "ceiling", "name": "a"}).resumed
    with pytest.raises(BadInput, match="differing in name"):
        RunFolder(tmp_path, {"command": "ceiling", "name": "b"})
    with pytest.raises(BadInput, match="holds a run of takeback ceiling"):
        RunFolder(tmp_path, {"command": "control", "name": "a"}, fresh=True)


def test_a_shard_says_what_it_is_of_and_a_damaged_one_is_named(capsys, tmp_path):
    assert run(capsys, out=tmp_path)[0] == 0
    [path] = (tmp_path / "shards").glob("*.parquet")
    table = pyarrow.parquet.read_table(path)
    config = json.loads(table.schema.metadata[b"config"])
    assert digest(config) == path.stem and config["decoder"] == "dsatur" and config["seed"] == 0
    assert config["items"] == table["instance"].to_pylist() == [t["instance"] for t in table["trace"].to_pylist()]
    path.write_bytes(path.read_bytes()[:100])
    refused(capsys, "not a finished piece; delete the file to redo it", out=tmp_path)
    path.unlink()
    code, err = run(capsys, out=tmp_path)
    assert code == 0 and "already" not in err


def test_a_folder_of_before_shards_is_resumed(capsys, tmp_path):
    """parts/*.jsonl, a line a piece, and no precision in the card: networks answered in float64."""
    assert run(capsys, out=tmp_path / "new", precision="float64")[0] == 0
    traces = (tmp_path / "new" / "traces.jsonl").read_text()
    scores = pyarrow.parquet.read_table(tmp_path / "new" / "scores.parquet").to_pylist()
    old = tmp_path / "old"
    (old / "parts").mkdir(parents=True)
    lines = []
    for line, record in list(zip(traces.splitlines(), scores))[:2]:
        row, index = record.pop("row"), record.pop("index")
        lines.append(json.dumps({"row": row, "index": index, "trace": json.loads(line), "score": record}))
    (old / "parts" / "dsatur-000000-4711.jsonl").write_text("\n".join(lines) + "\n")
    card = json.loads((tmp_path / "new" / "run.json").read_text())
    del card["identity"]["precision"]
    (old / "run.json").write_text(json.dumps({"identity": card["identity"], "status": "running"}))
    refused(capsys, "differing in precision", out=old, precision="float32")
    code, err = run(capsys, out=old, precision="float64")
    assert code == 0 and "2 of 3 traces were there already" in err
    assert (old / "traces.jsonl").read_text() == traces


def test_without_a_terminal_there_is_a_line_a_shard(capsys, tmp_path):
    code, err = run(capsys, count=40, decoders=("dsatur", "uniform-raster"), out=tmp_path)
    lines = [line for line in err.splitlines() if " traces  " in line]
    assert code == 0 and len(lines) == len(list((tmp_path / "shards").glob("*.parquet")))
    assert lines[0].startswith("16/80 traces  dsatur: 16 in ") and "perhaps" in lines[0]
    assert lines[-1].startswith("80/80 traces  uniform-raster: ") and "to go" not in lines[-1]


def test_a_ray_cluster_of_two_nodes(capsys, tmp_path):
    pytest.importorskip("ray", reason="Ray is an extra")
    words = ["ceiling", "--count", "12", "--decoders", "dsatur", "uniform-raster", "diffusion:order=random,k=9"]
    script = [sys.executable, SUPPORT / "ray_cluster.py", tmp_path / "told", *words]
    script += ["--engine", "ray", "--out", tmp_path / "ray"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    cluster = subprocess.Popen(script, **pipes, start_new_session=True)
    try:
        _, err = cluster.communicate(timeout=300)
    finally:
        os.killpg(cluster.pid, signal.SIGKILL) if cluster.poll() is None else None
    told = json.loads((tmp_path / "told").read_text())
    assert told["code"] == 0, err
    assert told["size"] == 2 and told["nodes"] == ["127.0.0.2", "127.0.0.3"]
    assert told["answers"] == {"a": 2, "killer": "died", "b": 4}
    assert "Traceback" not in err and "Warning" not in err, err
    assert run(capsys, count=12, decoders=tuple(words[4:]), out=tmp_path / "here")[0] == 0
    there, here = ((tmp_path / name / "traces.jsonl").read_bytes() for name in ("ray", "here"))
    assert there == here


def test_the_executor_uses_the_threads_it_was_told():
    import torch

    before = torch.get_num_threads()
    try:
        [(_, threads, _)] = Executor(1, threads=2).run([("", torch.get_num_threads)])
        assert threads == 2
        told = [answer for _, answer, _ in Executor(2, threads=1).run([(i, deadly.threads) for i in range(4)])]
        assert set(told) == {1}
    finally:
        torch.set_num_threads(before)


def test_sums_survive_being_kept():
    from experiments.scoring.aggregate import Sums

    sums = Sums(n=3, unread=1, in_part=2)
    sums.counts.update({"solved": 2, "decided": 3})
    sums.tallies["lag"].add(2)
    sums.tallies["flops"].add(1.25e9)
    sums.hazard.risk.update([1, 1, 2])
    sums.hazard.dead.update([2])
    sums.hazard.risk_at += np.arange(20)
    again = Sums.of(json.loads(json.dumps(sums.plain())))
    assert again.figures() == sums.figures() and again.hazard.by_commit() == sums.hazard.by_commit()
    assert again.hazard.by_share() == sums.hazard.by_share() and again.unread == 1 and again.in_part == 2
