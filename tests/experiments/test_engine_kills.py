"""Runs that are killed, stopped and robbed of their processes: nothing finished is lost, nothing is there twice."""

import os
import random
import signal
import time
from pathlib import Path

import pyarrow.parquet
import pytest
from fork_server import Server

PUZZLES = 16
ROWS = (
    "uniform:veto=legal,temperature=1",
    "uniform:order=random,veto=legal,temperature=1",
    "uniform:veto=legal,retraction=depth",
    "diffusion:order=random,k=9",
)
SET = ("--family", "sudoku6", "--stratum", "4-10", "--count", str(PUZZLES))
WORDS = ["evaluate", *SET, "--calls", "50", "--decoders", *ROWS]
KILLS = 30
SMALL = {"FIRST": 3, "LEAST": 2, "SECONDS": 0.01}  # shards of a few puzzles each


@pytest.fixture(scope="module")
def server():
    with Server(**SMALL) as running:
        yield running


@pytest.fixture(scope="module")
def unbroken(server, tmp_path_factory):
    """(traces.jsonl of a run that nobody disturbed, how long it took)."""
    folder = tmp_path_factory.mktemp("unbroken")
    started = time.monotonic()
    code = server.run([*WORDS, "--out", folder / "run", "--workers", "1"], folder / "said")
    assert code == 0, (folder / "said").read_text()
    return (folder / "run" / "traces.jsonl").read_bytes(), time.monotonic() - started


def kept(folder: Path) -> dict[str, list[tuple[str, int]]]:
    """The rows and puzzles in each shard; every file in shards/ is whole."""
    made = {}
    for path in sorted((folder / "shards").glob("[!.]*")):
        table = pyarrow.parquet.read_table(path, columns=["row", "index"])
        made[path.name] = list(zip(table["row"].to_pylist(), table["index"].to_pylist()))
    return made


def alive(session: int) -> list[int]:
    """The processes of a session, by /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(its_session) == session and state != "Z":
            found.append(int(path.parent.name))
    return found


def gone(session: int, within: float = 30) -> bool:
    """Whether all processes of a session end in time."""
    until = time.monotonic() + within
    while alive(session) and time.monotonic() < until:
        time.sleep(0.1)
    return not alive(session)


def test_thirty_kills_lose_and_double_nothing(server, unbroken, tmp_path):
    traces, seconds = unbroken
    moments = random.Random(0)
    folder, kills, finished = tmp_path / "0", 0, 0
    before: dict = {}
    while kills < KILLS:
        run = server.start([*WORDS, "--out", folder, "--workers", "1"], tmp_path / "said")
        time.sleep(moments.uniform(0, seconds))
        os.kill(run, signal.SIGKILL)
        code = server.wait(run)
        now = kept(folder)
        assert before.items() <= now.items()  # nothing that was finished is lost
        everything = [key for keys in now.values() for key in keys]
        assert len(everything) == len(set(everything))
        before, kills = now, kills + (code == -signal.SIGKILL)
        if code == 0 or len(everything) == len(ROWS) * PUZZLES:
            assert server.run([*WORDS, "--out", folder, "--workers", "1"], tmp_path / "said") == 0
            assert (folder / "traces.jsonl").read_bytes() == traces
            finished += 1
            folder, before = tmp_path / str(finished), {}
    assert server.run([*WORDS, "--out", folder, "--workers", "1"], tmp_path / "said") == 0
    assert (folder / "traces.jsonl").read_bytes() == traces
    assert not list(folder.rglob("*.takeback-tmp"))  # what killed writers left is swept


def workers_of(run: int) -> list[int]:
    """loky's worker processes of a run."""
    found = []
    for number in alive(run):
        try:
            line = Path(f"/proc/{number}/cmdline").read_bytes()
        except OSError:
            continue
        if b"loky" in line and b"resource_tracker" not in line:
            found.append(number)
    return found


def until_kept(folder: Path, run: int, shards: int = 1, within: float = 90) -> None:
    """Wait until a run has kept some shards."""
    end = time.monotonic() + within
    while len(list((folder / "shards").glob("*.parquet"))) < shards and time.monotonic() < end:
        assert alive(run)
        time.sleep(0.02)


def test_a_run_goes_on_when_one_of_its_processes_is_killed(server, unbroken, tmp_path):
    words = [*WORDS, "--out", tmp_path / "run", "--workers", "2"]
    run = server.start(words, tmp_path / "said")
    until_kept(tmp_path / "run", run)
    os.kill(workers_of(run)[0], signal.SIGKILL)
    assert server.wait(run) == 0, (tmp_path / "said").read_text()
    assert (tmp_path / "run" / "traces.jsonl").read_bytes() == unbroken[0]
    assert gone(run)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_run_of_two_processes_is_stopped(server, unbroken, tmp_path, sent, code):
    words = [*WORDS, "--out", tmp_path / "run"]
    run = server.start([*words, "--workers", "2"], tmp_path / "said")
    until_kept(tmp_path / "run", run)
    before = kept(tmp_path / "run")
    if sent == signal.SIGINT:  # a terminal sends it to all of them
        os.killpg(run, sent)
    else:
        os.kill(run, sent)
    assert server.wait(run) == code
    said = (tmp_path / "said").read_text()
    assert "Traceback" not in said and "Warning" not in said and "leaked" not in said, said
    assert ("kept" in said) == (sent != signal.SIGKILL)
    assert gone(run) and before.items() <= kept(tmp_path / "run").items()
    assert server.run([*words, "--workers", "1"], tmp_path / "said") == 0
    assert (tmp_path / "run" / "traces.jsonl").read_bytes() == unbroken[0]
