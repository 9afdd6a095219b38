"""A run's folder: whose it is, which run is in it, and that nobody else writes to it meanwhile.

    DIR/run.json                what the run is (its identity), and in the end what came out
    DIR/shards/HASH.parquet     a finished piece of work each, named by what it is a function of
    DIR/traces.jsonl, ...       made of them when all are there

What no run of ours wrote is never touched. While a run lasts it holds a lock, which goes with its process, however that
ends.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shlex
import sys
import weakref
from collections.abc import Iterable
from pathlib import Path

from csp.errors import BadInput
from csp.io.files import read_text, sweep, write_atomically
from experiments.engine.decoder_catalogue import modern_identity

LOCK = ".takeback-lock"
#: Figures that commands draw into their folders.
FIGURES = ("ceiling.png", "board.png", "frontier.png", "control.png", "rarity.png", "score.png")
#: What runs write at the top of their folders, besides run.json, and in which folders their pieces are (`parts`: of
#: versions before shards).
TABLES = ("traces.jsonl", "scores.parquet", "instances.parquet", "skipped.txt", "attempts.jsonl", "debts.jsonl")
PIECES = {"shards": re.compile(r"[0-9a-f]{16}\.parquet"), "parts": re.compile(r".+-\d{6}-\d+\.jsonl")}

_held: dict[Path, weakref.finalize] = {}  # the locks of this process


def identity_in(folder: Path, command: str) -> dict:
    """What a folder's run.json says its run is, old names read as the present ones.

    Raises BadInput if it is not a run of that command.
    """
    card = folder / "run.json"
    try:
        kept = json.loads(read_text(card))["identity"]
        if kept["command"] == command:
            return modern_identity(kept)
        if isinstance(kept["command"], str):
            raise BadInput(f"{folder} holds a run of takeback {kept['command'][:20]}; choose another --out")
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
        pass
    raise BadInput(f"{card} is not a run of this command; choose another --out")


class OtherRun(BadInput):
    """A folder holds a run of the same command that depends on something else."""


class RunFolder:
    """A folder that one run writes to. identity: all that its results depend on, its `command` among it.

    resumed: whether it held this run already. Raises BadInput if it cannot be written to, is being written to, holds
    another run, or holds files that no run wrote.
    """

    def __init__(self, path: Path, identity: dict, fresh: bool = False):
        self.path, self.identity = path, identity
        writable(path)
        self._lock()
        for folder in (path, path / "shards"):  # what a killed run was writing
            sweep(folder)
        card = path / "run.json"
        self.resumed = card.exists() and not fresh
        if self.resumed:
            self._check()
            return
        if card.exists():
            identity_in(path, identity["command"])
        elif foreign := next(iter(self._ours()), None):
            raise BadInput(
                f"{path} holds {foreign.relative_to(path)}, which no run wrote that is still there (no run.json); "
                "choose another --out"
            )
        self._clear()
        self.write_card({"status": "running"})

    def _lock(self) -> None:
        """Take the folder's lock, which nobody can hold whose process is gone."""
        place = (self.path / LOCK).absolute()
        if place in _held:  # an earlier run of this process, which has ended
            _held.pop(place)()
        handle = os.open(place, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            if fault.errno in (errno.EWOULDBLOCK, errno.EACCES):
                who = os.read(handle, 20).decode(errors="replace").strip()
                os.close(handle)
                raise BadInput(
                    f"{self.path} is being written to by another takeback (process {who}); wait for it, or choose "
                    "another --out"
                ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self.unlock = _held[place] = weakref.finalize(self, os.close, handle)

    def _check(self) -> None:
        """Raises BadInput, saying in what they differ, unless the folder's run is this one."""
        found = identity_in(self.path, self.identity["command"])
        mine = json.loads(json.dumps(self.identity))
        if found != mine:
            differing = [name for name in {**mine, **found} if found.get(name) != mine.get(name)]
            raise OtherRun(
                f"{self.path} holds another run (differing in {', '.join(differing)}); "
                "choose another --out, or give --fresh to overwrite it"
            )

    def pieces(self, kind: str = "shards") -> list[Path]:
        """The finished pieces, by name."""
        return sorted(path for path in (self.path / kind).glob("*") if PIECES[kind].fullmatch(path.name))

    def piece(self, name: str) -> Path:
        """Where the shard of that digest is kept."""
        return self.path / "shards" / f"{name}.parquet"

    def _ours(self) -> Iterable[Path]:
        """What runs write, pieces first, so that none outlives its card."""
        for kind in PIECES:
            yield from self.pieces(kind)
        yield from (path for name in (*TABLES, *FIGURES) if (path := self.path / name).exists())

    def _clear(self) -> None:
        """Remove what an earlier run left; its card last."""
        try:
            for path in [*self._ours(), self.path / "run.json"]:
                path.unlink(missing_ok=True)
        except OSError as fault:
            raise BadInput(f"cannot clear {self.path}: {fault.strerror or fault}") from None

    def write_card(self, about: dict) -> None:
        """Write run.json: the identity, the command line, and what is known about the run."""
        line = shlex.join(["takeback", *sys.argv[1:]])
        card = {"identity": self.identity, "line": line, **about}
        write_atomically(self.path / "run.json", json.dumps(card, indent=1) + "\n")


def renewed(path: Path, identity: dict) -> RunFolder:
    """The folder, for commands that replace an earlier run of their own which depends on something else."""
    try:
        return RunFolder(path, identity)
    except OtherRun:
        return RunFolder(path, identity, fresh=True)


def kept_in(path: Path) -> str:
    """What is said of a run that is interrupted."""
    return f"what was finished is kept in {path}, and the same command goes on from there"


def writable(folder: Path) -> None:
    """Raises BadInput early if the results could not be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise BadInput(f"cannot write to {folder}: {fault.strerror or fault}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadInput(f"cannot write to {folder}: permission denied")
