"""Files are written whole or not at all, and what killed writers left is removed, never what others still write."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow
import pytest

from csp.errors import BadInput
from csp.io import files

SCHEMA = pyarrow.schema([("a", pyarrow.int64())])
#: Starts to write, says so, and waits to be killed.
WRITER = """
import sys, time
from pathlib import Path
import pyarrow
from csp.io import files
path = Path(sys.argv[1])
if path.suffix == ".parquet":
    with files.parquet_stream(path, pyarrow.schema([("a", pyarrow.int64())])) as write:
        write([{"a": 1}]); print("writing", flush=True); time.sleep(60)
else:
    with files.replacing(path) as file:
        file.write(b"half"); file.flush(); print("writing", flush=True); time.sleep(60)
"""


def writer(path: Path) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"writing\n"
    return process


def end(process: subprocess.Popen, by: int = signal.SIGKILL) -> None:
    process.send_signal(by)
    process.wait()
    process.stdout.close()


def write(path: Path) -> None:
    if path.suffix == ".parquet":
        with files.parquet_stream(path, SCHEMA) as rows:
            rows([{"a": 2}])
    else:
        files.write_atomically(path, "whole")


@pytest.mark.parametrize("name", ["run.json", "scores.parquet"])
def test_what_a_killed_writer_left_is_swept_by_the_next_one_of_that_file(tmp_path, name):
    target, other = tmp_path / name, tmp_path / f"x{name}"
    killed, elsewhere, living = writer(target), writer(other), writer(target)
    end(killed)
    end(elsewhere)
    try:
        assert len(list(tmp_path.iterdir())) == 3, "each of the writers has its file"
        write(target)
        left = [path.name for path in tmp_path.iterdir() if path != target]
        assert sum(one.startswith(f".{name}.") for one in left) == 1, "the living writer's file stays, the other goes"
        assert sum(one.startswith(f".x{name}.") for one in left) == 1, "another target's is not looked at"
        files.sweep(tmp_path)
        assert [one.startswith(f".{name}.") for one in (p.name for p in tmp_path.iterdir() if p != target)] == [True]
    finally:
        end(living)
    files.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [target]


def test_a_sweep_removes_nothing_of_another_name(tmp_path):
    ours = (".a.12345678.tmp", ".a.1234567.takeback-tmp", ".a.takeback-tmp")
    for name in ("run.json", ".run.json", "run.json0a1b2c3d.tmp", *ours):
        (tmp_path / name).write_text("mine")
    (tmp_path / ".link.0a1b2c3d.takeback-tmp").symlink_to(tmp_path / "run.json")
    (tmp_path / ".folder.0a1b2c3d.takeback-tmp").mkdir()
    os.mkfifo(tmp_path / ".pipe.0a1b2c3d.takeback-tmpx")
    before = sorted(tmp_path.iterdir())
    files.sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == before
    files.sweep(tmp_path / "not there")


def test_where_a_file_system_knows_no_locks_nothing_is_removed_and_files_are_written(tmp_path, monkeypatch):
    def unsupported(handle, how):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(files.fcntl, "flock", unsupported)
    stale = tmp_path / ".a.0a1b2c3d.takeback-tmp"
    stale.write_text("")
    files.write_atomically(tmp_path / "a", "whole")
    files.sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [stale.name, "a"]


def test_a_sweep_between_making_and_locking_costs_the_writer_another_try(tmp_path, monkeypatch):
    real, swept = files.fcntl.flock, []

    def raced(handle, how):
        if not swept:
            swept.append(True)
            files.sweep(tmp_path)
        return real(handle, how)

    monkeypatch.setattr(files.fcntl, "flock", raced)
    files.write_atomically(tmp_path / "a", "whole")
    assert swept and [p.name for p in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "whole"


@pytest.mark.parametrize("name", ["run.json", "scores.parquet"])
@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_full_disk_is_one_line_and_keeps_the_file_that_was_there(tmp_path, monkeypatch, name, step):
    target = tmp_path / name
    target.write_text("old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if step == "write":  # the device that is always full, in place of the temporary file
        made = files._temporary

        def on_full(path):
            handle, name = made(path)
            always = os.open("/dev/full", os.O_WRONLY)
            os.dup2(always, handle)
            os.close(always)
            return handle, name

        monkeypatch.setattr(files, "_temporary", on_full)
    else:
        monkeypatch.setattr(files.os, step, full)
    with pytest.raises(BadInput, match=f"cannot write .*{name}: No space left on device"):
        write(target)
    assert list(tmp_path.iterdir()) == [target] and target.read_text() == "old"


def test_an_exception_while_a_stream_is_written_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), files.parquet_stream(tmp_path / "a.parquet", SCHEMA) as rows:
        rows([{"a": 1}])
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_links_are_followed(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "file")
    files.write_atomically(tmp_path / "link", "whole")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "there" / "file").read_text() == "whole"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE)
    files.write_atomically(pipe, "whole")
    assert reader.communicate(timeout=10)[0] == b"whole" and pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]


def test_names_as_long_as_file_systems_allow(tmp_path):
    for name in ("x" * 255, "ü" * 127):
        files.write_atomically(tmp_path / name, "whole")
        assert (tmp_path / name).read_text() == "whole"
    assert len(list(tmp_path.iterdir())) == 2
