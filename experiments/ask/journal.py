"""Lines of JSON that are added one by one and survive a kill: what was written is there, half a line is not.

>>> with Journal(Path("replies.jsonl")) as journal:
...     journal.add({"key": "ab", "text": "..."})
>>> [record["key"] for record in read(Path("replies.jsonl"))]
['ab']
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from csp.errors import BadInput


class Journal:
    """A file to add records to. durable: each is on disk when `add` returns, so that a power cut does not undo it.

    Opening it cuts off half a line that a killed process left. Raises BadInput if the file cannot be opened.
    """

    def __init__(self, path: Path, durable: bool = True):
        self.path, self.durable = path, durable
        try:
            self.handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            os.ftruncate(self.handle, self._whole())
        except OSError as fault:
            raise BadInput(f"cannot write {path}: {fault.strerror or fault}") from None

    def _whole(self) -> int:
        """Where the last whole line ends."""
        size = os.fstat(self.handle).st_size
        end = size
        while end:
            start = max(0, end - 65_536)
            found = os.pread(self.handle, end - start, start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
        return 0

    def add(self, record: dict) -> None:
        """Add a record. Raises BadInput if it cannot be written whole; then none of it is."""
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        before = os.fstat(self.handle).st_size
        try:
            written = 0
            while written < len(line):
                written += os.write(self.handle, line[written:])
            if self.durable:
                os.fsync(self.handle)
        except BaseException as fault:  # a full disk, or Ctrl-C between two writes
            with suppress(OSError):
                os.ftruncate(self.handle, before)
            if isinstance(fault, OSError):
                raise BadInput(f"cannot write {self.path}: {fault.strerror or fault}") from None
            raise

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.handle)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def read(path: Path) -> Iterator[dict]:
    """The records of a journal, one by one; none if there is no such file. Half a line at its end is left out.

    Raises BadInput, naming the line, for any other line that is no record.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    record = json.loads(line)
                    if not isinstance(record, dict):
                        raise ValueError
                except (ValueError, RecursionError):
                    raise BadInput(
                        f"{path}, line {number}: not a record; remove the line, and it is asked again"
                    ) from None
                yield record
    except FileNotFoundError:
        return
    except OSError as fault:
        raise BadInput(f"cannot read {path}: {fault.strerror or fault}") from None
