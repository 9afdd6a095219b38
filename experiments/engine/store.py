"""A run's folder: finished pieces are kept as they come, so that an interrupted run goes on where it was.

While it runs, DIR/run.json says what the run is and DIR/parts/ holds one file a finished piece (a row on a
batch of instances). `finish` turns them into traces.jsonl and scores.parquet, in an order of their own, so
that the bytes of traces.jsonl do not depend on batches, interruptions or speed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow

from csp.errors import BadInput
from csp.io.files import read_text, to_parquet, write_atomically
from csp.io.trace_records import from_record, to_record, write_jsonl
from csp.trace import Trace
from experiments.scoring.aggregate import SCORE_FIELDS
from experiments.scoring.control_scorer import judged
from experiments.scoring.scorer import Score

Piece = tuple[Trace, Score]


def identity_in(folder: Path, command: str) -> dict:
    """What a folder's run.json says its run is. Raises BadInput if it is not a run of that command."""
    card = folder / "run.json"
    try:
        kept = json.loads(read_text(card))["identity"]
        if kept["command"] == command:
            return kept
    except (json.JSONDecodeError, KeyError, TypeError):
        pass
    raise BadInput(f"{card} is not a run of this command; choose another --out")


def check_identity(folder: Path, identity: dict) -> None:
    """Raises BadInput, saying in what they differ, unless the folder's run is that one."""
    kept = identity_in(folder, identity["command"])
    mine = json.loads(json.dumps(identity))
    if kept != mine:
        differing = [name for name in mine if kept.get(name) != mine[name]]
        raise BadInput(
            f"{folder} holds another run (differing in {', '.join(differing)}); "
            "choose another --out, or give --fresh to overwrite it"
        )


class Store:
    """Traces and scores of a run by (row, index of the instance).

    identity: everything that the traces depend on. Raises BadInput if the folder holds another run, is not
    one that can be written to, or has unreadable pieces.
    """

    def __init__(self, folder: Path, identity: dict, fresh: bool = False):
        self.folder, self.identity = folder, identity
        self.parts = folder / "parts"
        self.pieces: dict[tuple[str, int], Piece] = {}
        card = folder / "run.json"
        if card.exists() and not fresh:
            check_identity(folder, identity)
            self._load()
        else:
            self._clear(card)
            self.write_card({"status": "running"})

    def _load(self) -> None:
        for path in sorted(self.parts.glob("*.jsonl")):
            for number, line in enumerate(read_text(path).splitlines(), 1):
                try:
                    record = json.loads(line)
                    trace = from_record(record["trace"])
                    if trace.instance != self.identity["puzzles"][record["index"]]:
                        raise BadInput("of another run")
                    self.pieces[record["row"], record["index"]] = (trace, Score(**record["score"]))
                except (json.JSONDecodeError, KeyError, TypeError, IndexError, BadInput):
                    raise BadInput(f"{path}, line {number}: not a finished piece; delete the file to redo it") from None

    def _clear(self, card: Path) -> None:
        """Remove what an earlier run of this command left; pieces first, so that none outlives its card."""
        if card.exists():
            identity_in(self.folder, self.identity["command"])
        try:
            for path in self.parts.glob("*.jsonl"):
                path.unlink()
            for name in ("traces.jsonl", "scores.parquet", "ceiling.png", "run.json"):
                (self.folder / name).unlink(missing_ok=True)
        except OSError as fault:
            raise BadInput(f"cannot clear {self.folder}: {fault.strerror or fault}") from None

    def add(self, row: str, indices: Sequence[int], pieces: Sequence[Piece]) -> None:
        """Keep a finished piece of work: it is on disk when this returns."""
        lines = []
        for index, (trace, score) in zip(indices, pieces, strict=True):
            self.pieces[row, index] = trace, score
            record = {"row": row, "index": index, "trace": to_record(trace), "score": asdict(score)}
            lines.append(json.dumps(record, separators=(",", ":")) + "\n")
        slug = "".join(c if c.isalnum() or c in "-." else "_" for c in row)
        write_atomically(self.parts / f"{slug}-{indices[0]:06d}-{os.getpid()}.jsonl", "".join(lines))

    def missing(self, row: str, count: int) -> list[int]:
        """The indices below count that the row has not finished yet."""
        return [index for index in range(count) if (row, index) not in self.pieces]

    def scores(self, row: str) -> list[Score]:
        """The row's scores by index."""
        return [self.pieces[key][1] for key in self._keys(row)]

    def _keys(self, row: str) -> list[tuple[str, int]]:
        """The row's pieces by index."""
        return sorted(key for key in self.pieces if key[0] == row)

    def finish(self, rows: Sequence[str], about: dict) -> None:
        """Write traces.jsonl and scores.parquet, rows in the given order, and close run.json with `about`."""
        keys = [key for row in rows for key in self._keys(row)]
        write_atomically(self.folder / "traces.jsonl", write_jsonl(self.pieces[key][0] for key in keys))
        records = [{"row": row, "index": index, **asdict(self.pieces[row, index][1])} for row, index in keys]
        write_atomically(self.folder / "scores.parquet", to_parquet(records, SCHEMA))
        self.write_card({"status": "complete", **about})

    def write_card(self, about: dict) -> None:
        """Write run.json: the identity and what is known about the run."""
        card = {"identity": self.identity, **about}
        write_atomically(self.folder / "run.json", json.dumps(card, indent=1) + "\n")


SCHEMA = pyarrow.schema([("row", pyarrow.string()), ("index", pyarrow.int64()), *SCORE_FIELDS])


class Parts:
    """Finished (task, method) pairs of a run, a file each. Raises BadInput if the folder holds another run."""

    def __init__(self, folder: Path, identity: dict, fresh: bool):
        self.folder, self.identity = folder, {"command": "control", **identity}
        if (folder / "run.json").exists():
            if fresh:
                identity_in(folder, "control")
                for path in folder.glob("parts/*.json"):
                    path.unlink()
            else:
                check_identity(folder, self.identity)

    def kept(self, name: str, about: dict) -> list[dict] | None:
        """A pair's samples, if its file is there. Raises BadInput for a broken one."""
        path = self.folder / "parts" / f"{name}.json"
        if not path.exists():
            return None
        try:
            part = json.loads(read_text(path))
            return part["samples"] if part["about"] == about else None
        except (json.JSONDecodeError, KeyError, TypeError):
            raise BadInput(f"{path}: not a finished part; delete the file to redo it") from None

    def make(self, name: str, about: dict, aims, samples: int, batch: int, make: Callable, looks: bool) -> list[dict]:
        """Make a pair's samples and keep them. looks: for dead ends too."""
        wanted = [aim for aim in aims for _ in range(samples)]
        traces: list[Trace] = []
        size = max(samples, batch // samples * samples)  # samples of one target stay together: they are numbered
        for start in range(0, len(wanted), size):
            traces += make(wanted[start : start + size])
        made = [judged(trace, aim, looks) for trace, aim in zip(traces, wanted)]
        write_atomically(self.folder / "traces" / f"{name}.jsonl", write_jsonl(traces))
        write_atomically(self.folder / "parts" / f"{name}.json", json.dumps({"about": about, "samples": made}) + "\n")
        return made

    def write_card(self, about: dict) -> None:
        """Write run.json."""
        write_atomically(self.folder / "run.json", json.dumps({"identity": self.identity, **about}, indent=1) + "\n")
