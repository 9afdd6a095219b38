"""Files: written whole or not at all, read within limits, with one clear line when that fails.

>>> read_text(Path("graph.col.gz"))[:6]  # gzip is unpacked, whatever the file is called
'p edge'
"""

from __future__ import annotations

import errno
import fcntl
import gzip
import io
import os
import re
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pyarrow
import pyarrow.parquet

from csp.errors import BadInput

#: Bytes of a file of puzzles, unpacked: a million Sudokus with their solutions. Text takes twice that while decoded.
MOST_BYTES = 170_000_000
#: Values in one column of one row group of a Parquet file: what one row may hold is in memory whole (as 8 bytes each).
MOST_VALUES = 20_000_000
ROWS_AT_ONCE = 256  # rows of a Parquet file that are plain Python objects at one time
TEMPORARY = ".takeback-tmp"  # how the name of a file ends that is being written
CHUNK = 1 << 20  # bytes written at once when room is tried
GZIP = b"\x1f\x8b"


def write_atomically(path: Path, content: bytes | str) -> None:
    """Put content at path so that a reader sees the old file or the new one. Raises BadInput if it cannot."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to; at the end of the block it takes path's place, on disk, unless the block raised.

    A link is followed, and what is no file (a pipe, /dev/null) is written to as it is. Raises BadInput for an OSError.
    """
    try:
        path = Path(os.path.realpath(path)) if path.is_symlink() else path
        if path.exists() and not path.is_file() and not path.is_dir():
            with path.open("wb") as file:
                yield file
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, path.name)
        handle, name = _temporary(path)
        with _removed_if_it_fails(name, handle), os.fdopen(handle, "wb", closefd=False) as file:
            yield file
            file.flush()
            os.fsync(handle)
            os.fchmod(handle, 0o644)
            os.replace(name, path)
        _sync_folder(path.parent)
    except OSError as fault:
        raise BadInput(f"cannot write {path}: {fault.strerror or fault}") from None


@contextmanager
def _removed_if_it_fails(name: Path, handle: int) -> Iterator[None]:
    """Remove a temporary file if the block raises; let go of it, and of its lock, in any case."""
    try:
        yield
    except BaseException:
        name.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


def _temporary(path: Path) -> tuple[int, Path]:
    """A new file beside path, open and locked for as long as it is open: who dies leaves it unlocked."""
    while True:
        name = path.with_name(f".{_short(path.name)}.{secrets.token_hex(4)}{TEMPORARY}")
        handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # somebody's sweep has it between the two lines above, and removes it
            os.close(handle)
            continue
        except OSError:  # no locks here; no sweep can lock it either, and so none removes it
            return handle, name
        if _is(name, handle):
            return handle, name
        os.close(handle)  # swept between them


def sweep(folder: Path, name: str | None = None) -> None:
    """Remove the temporary files in a folder (of one target, if its name is given) whose writers are gone.

    A writer holds a lock for as long as it writes: what can be locked has none. Where a file system knows no locks
    nothing is removed, and nothing that is not called as temporaries are. Raises nothing.
    """
    pattern = re.compile(rf"\.{re.escape(_short(name)) if name else '.+'}\.[0-9a-f]{{8}}{re.escape(TEMPORARY)}", re.S)
    with suppress(OSError):
        ours = [found for found in os.listdir(folder) if found.endswith(TEMPORARY)]  # few of the thousands in shards/
        for found in filter(pattern.fullmatch, ours):
            with suppress(OSError):
                _remove_stale(folder / found)


def check_room(path: Path, size: int = 0) -> None:
    """Raises BadInput unless path can be written, `size` bytes of it; that is tried, since quotas are not told.

    The folder is made, as for writing.
    """
    wanted = f"cannot write {path}: " + f"{size / 1e6:.1f} MB are needed, " * (size > 0)
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if path.exists() and not path.is_file():  # a pipe, which takes what it takes
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, path.name)
        if (free := shutil.disk_usage(path.parent).free) < size:
            raise BadInput(f"{wanted}{free / 1e6:.1f} MB are free")
        handle, name = _temporary(path)
        try:
            for start in range(0, size, CHUNK):
                os.write(handle, bytes(min(CHUNK, size - start)))
            os.fsync(handle)
        finally:
            name.unlink(missing_ok=True)
            os.close(handle)
    except OSError as fault:
        raise BadInput(f"{wanted}{fault.strerror or fault}") from None


def _remove_stale(path: Path) -> None:
    """Remove a temporary file unless its writer lives. Raises OSError if it does, or if it cannot be removed."""
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is(path, handle):  # or else it was renamed meanwhile, and is whole
            path.unlink()
    finally:
        os.close(handle)


def _is(path: Path, handle: int) -> bool:
    """Whether that is the file's name still."""
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(handle))
    except FileNotFoundError:
        return False


def _short(name: str) -> str:
    """The beginning of a file's name: with what temporaries add, it is no longer than file systems allow."""
    return name[:50]


def _sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk, so that a power cut does not undo a rename; where that is possible."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def read_bytes(path: Path) -> bytes:
    """The file's bytes, unpacked if they are gzip's.

    Raises BadInput if it cannot be read, holds more than MOST_BYTES, or is gzip cut short.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)  # not its stated size: a pipe has none
    except OSError as fault:
        raise BadInput(f"cannot read {path}: {fault.strerror or fault}") from None
    if len(data) > MOST_BYTES:
        raise BadInput(f"{path}: more than {MOST_BYTES // 10**6} MB; split it into several files")
    return unpacked(data, str(path)) if data.startswith(GZIP) else data


def unpacked(data: bytes, where: str) -> bytes:
    """What gzip packed, all members of it. Raises BadInput, naming `where`, beyond MOST_BYTES or for damaged gzip."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            made = file.read(MOST_BYTES + 1)  # a bomb is not blown up whole
    except (OSError, EOFError, zlib.error) as fault:
        raise BadInput(f"{where}: damaged gzip ({fault}); fetch or pack it again") from None
    if len(made) > MOST_BYTES:
        raise BadInput(f"{where}: unpacks to more than {MOST_BYTES // 10**6} MB; split it into several files")
    return made


def read_text(path: Path) -> str:
    """The file's text. Raises BadInput if it cannot be read, is not UTF-8, or is empty."""
    return decoded(read_bytes(path), str(path))


def decoded(data: bytes, where: str) -> str:
    """The bytes as text. Raises BadInput, naming `where`, if they are not UTF-8, or hold nothing but space."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{where}: not a text file") from None
    if not text or text.isspace():
        raise BadInput(f"{where}: the file is empty")
    return text


def from_parquet(data: bytes, where: str, most_rows: int | None = None) -> Iterator[dict]:
    """The records of a Parquet file, one after another, so that a bad first row is refused before the last is read.

    Raises BadInput, naming `where`, for anything else, for more than most_rows rows, and for a column of more than
    MOST_VALUES in one row group.
    """
    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(data))
        about = file.metadata
        if most_rows is not None and about.num_rows > most_rows:
            raise BadInput(f"{where}: {about.num_rows} rows; up to {most_rows} are read; split it into several files")
        for number in range(about.num_row_groups):
            group = about.row_group(number)
            most = max((group.column(place).num_values for place in range(group.num_columns)), default=0)
            if most > MOST_VALUES:
                raise BadInput(
                    f"{where}: {most} values in a column of row group {number + 1}; up to {MOST_VALUES} are read; "
                    "write it with smaller row groups"
                )
        for batch in file.iter_batches(ROWS_AT_ONCE, use_threads=False):
            yield from batch.to_pylist()
    except BadInput:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as fault:
        reason = (str(fault).splitlines() or [type(fault).__name__])[0]
        raise BadInput(f"{where}: not a Parquet file that can be read ({reason})") from None


@contextmanager
def text_stream(path: Path) -> Iterator[io.TextIOWrapper]:
    """Write a text file piece by piece, whole or not at all; what UTF-8 does not know is written as \\x or \\u escapes.

    Raises BadInput if the file cannot be written.
    """
    with replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", write_through=True)
        try:
            yield text
        finally:
            text.detach()  # or it would close the file


@contextmanager
def parquet_stream(path: Path, schema: pyarrow.Schema) -> Iterator[Callable[[list[dict]], None]]:
    """Write a Parquet file piece by piece, whole or not at all: yields a function that takes some records.

    Raises BadInput if the file cannot be written.
    """
    with replacing(path) as file, pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        yield lambda records: writer.write_table(pyarrow.Table.from_pylist(records, schema=schema))


def to_parquet(records: list[dict], schema: pyarrow.Schema) -> bytes:
    """The records as a Parquet file with that schema."""
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records, schema=schema), buffer, compression="zstd")
    return buffer.getvalue()
