"""Writing files whole or not at all, with one clear line when that fails; reading them likewise.

>>> write_atomically(Path("results/table.json"), "{}")      # folders are made
>>> read_text(Path("results/table.json"))
'{}'
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow
import pyarrow.parquet

from csp.errors import BadInput


def write_atomically(path: Path, content: bytes | str) -> None:
    """Put content at path so that a reader sees the old file or the new one. Raises BadInput if it cannot."""
    data = content.encode() if isinstance(content, str) else content
    try:
        # beside the target, since a rename is atomic within one file system only
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())  # or a power cut may leave the new name with nothing behind it
            os.chmod(name, 0o644)  # mkstemp's files are their owner's alone
            os.replace(name, path)
        except BaseException:  # Ctrl-C too leaves no half-written file behind
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as fault:
        raise BadInput(f"cannot write {path}: {fault.strerror or fault}") from None


def read_bytes(path: Path) -> bytes:
    """The file's bytes. Raises BadInput if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as fault:
        raise BadInput(f"cannot read {path}: {fault.strerror or fault}") from None


def read_text(path: Path) -> str:
    """The file's text, less a byte-order mark. Raises BadInput if it cannot be read, is not UTF-8, or is empty."""
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path}: not a text file") from None
    if not text.strip():
        raise BadInput(f"{path}: the file is empty")
    return text


def from_parquet(data: bytes, where: str) -> list[dict]:
    """The records of a Parquet file. Raises BadInput, naming `where`, for anything else."""
    try:
        return pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist()
    except (pyarrow.ArrowException, OSError) as fault:
        raise BadInput(f"{where}: not a Parquet file ({str(fault).splitlines()[0]})") from None


@contextmanager
def parquet_stream(path: Path, schema: pyarrow.Schema) -> Iterator[Callable[[list[dict]], None]]:
    """Write a Parquet file piece by piece, whole or not at all: yields a function that takes some records.

    Raises BadInput if the file cannot be written.
    """
    unfinished = path.with_suffix(f"{path.suffix}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with pyarrow.parquet.ParquetWriter(unfinished, schema, compression="zstd") as writer:
            yield lambda records: writer.write_table(pyarrow.Table.from_pylist(records, schema=schema))
        os.replace(unfinished, path)
    except OSError as fault:
        raise BadInput(f"cannot write {path}: {fault.strerror or fault}") from None
    finally:
        unfinished.unlink(missing_ok=True)


def to_parquet(records: list[dict], schema: pyarrow.Schema) -> bytes:
    """The records as a Parquet file with that schema."""
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records, schema=schema), buffer, compression="zstd")
    return buffer.getvalue()
