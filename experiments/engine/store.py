"""A run's folder: finished pieces are kept as they come, so that an interrupted run goes on where it was.

While it runs, DIR/run.json says what the run is and DIR/parts/ holds one file a finished piece (a job on a
batch of items). `finish` turns them into traces.jsonl and scores.parquet, in an order of their own, so
that the bytes of traces.jsonl do not depend on batches, interruptions or speed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow

from csp.errors import BadInput
from csp.io.files import read_text, to_parquet, write_atomically
from csp.io.trace_records import from_record, to_record, write_jsonl
from csp.trace import Trace
from experiments.engine.decoder_catalogue import modern_identity, modern_name, modern_trace
from experiments.scoring.aggregate import SCORE_FIELDS
from experiments.scoring.scorer import Score

#: A trace, and what a command keeps of it: a Score, or control's dict.
Piece = tuple[Trace, Any]
#: Figures that commands draw into their folders.
FIGURES = ("ceiling.png", "board.png", "frontier.png", "control.png", "rarity.png")


@dataclass(frozen=True)
class Kept:
    """How a command's scores are written: as plain data and back, and as columns of scores.parquet."""

    read: Callable[[dict], Any]
    write: Callable[[Any], dict]
    columns: Sequence[tuple[str, pyarrow.DataType]]


SCORES = Kept(lambda record: Score(**record), asdict, SCORE_FIELDS)


def identity_in(folder: Path, command: str) -> dict:
    """What a folder's run.json says its run is, old names read as the present ones.

    Raises BadInput if it is not a run of that command.
    """
    card = folder / "run.json"
    try:
        kept = json.loads(read_text(card))["identity"]
        if kept["command"] == command:
            return modern_identity(kept)
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
        pass
    raise BadInput(f"{card} is not a run of this command; choose another --out")


class Store:
    """Traces and scores of a run by (job, index of the item).

    identity: everything that the traces depend on; its `puzzles`, if it has them, are the items' ids. Raises BadInput
    if the folder holds another run, is not one that can be written to, or has unreadable pieces.
    """

    def __init__(self, folder: Path, identity: dict, fresh: bool = False, kept: Kept = SCORES):
        self.folder, self.identity, self.kept = folder, identity, kept
        self.parts = folder / "parts"
        self.pieces: dict[tuple[str, int], Piece] = {}
        self.about: dict[tuple[str, int], dict | None] = {}
        card = folder / "run.json"
        if card.exists() and not fresh:
            self._check()
            self._load()
        else:
            self._clear(card)
            self.write_card({"status": "running"})

    def _check(self) -> None:
        """Raises BadInput, saying in what they differ, unless the folder's run is this one."""
        found = identity_in(self.folder, self.identity["command"])
        mine = json.loads(json.dumps(self.identity))
        if found != mine:
            differing = [name for name in mine if found.get(name) != mine[name]]
            raise BadInput(
                f"{self.folder} holds another run (differing in {', '.join(differing)}); "
                "choose another --out, or give --fresh to overwrite it"
            )

    def _load(self) -> None:
        """Read every finished piece back."""
        puzzles = self.identity.get("puzzles")
        for path in sorted(self.parts.glob("*.jsonl")):
            for number, line in enumerate(read_text(path).splitlines(), 1):
                try:
                    record = json.loads(line)
                    trace = modern_trace(from_record(record["trace"]))
                    if puzzles is not None and trace.instance != puzzles[record["index"]]:
                        raise BadInput("of another run")
                    key = modern_name(record["row"]), record["index"]
                    self.pieces[key] = trace, self.kept.read(record["score"])
                    self.about[key] = record.get("about")
                except (json.JSONDecodeError, KeyError, TypeError, IndexError, BadInput):
                    raise BadInput(f"{path}, line {number}: not a finished piece; delete the file to redo it") from None

    def _clear(self, card: Path) -> None:
        """Remove what an earlier run of this command left; pieces first, so that none outlives its card."""
        if card.exists():
            identity_in(self.folder, self.identity["command"])
        try:
            for path in self.parts.glob("*.jsonl"):
                path.unlink()
            for name in ("traces.jsonl", "scores.parquet", *FIGURES, "run.json"):
                (self.folder / name).unlink(missing_ok=True)
        except OSError as fault:
            raise BadInput(f"cannot clear {self.folder}: {fault.strerror or fault}") from None

    def add(self, job: str, indices: Sequence[int], pieces: Sequence[Piece], about: dict | None = None) -> None:
        """Keep a finished piece of work: it is on disk when this returns."""
        lines = []
        for index, (trace, score) in zip(indices, pieces, strict=True):
            self.pieces[job, index], self.about[job, index] = (trace, score), about
            record = {"row": job, "index": index, "trace": to_record(trace), "score": self.kept.write(score)}
            if about is not None:
                record["about"] = about
            lines.append(json.dumps(record, separators=(",", ":")) + "\n")
        slug = "".join(c if c.isalnum() or c in "-." else "_" for c in job)
        write_atomically(self.parts / f"{slug}-{indices[0]:06d}-{os.getpid()}.jsonl", "".join(lines))

    def missing(self, job: str, size: int, about: dict | None = None) -> list[int]:
        """The indices below size that the job has not finished yet, or made from something else than `about`."""
        return [i for i in range(size) if (job, i) not in self.pieces or self.about[job, i] != about]

    def scores(self, job: str) -> list[Any]:
        """The job's scores by index."""
        return [self.pieces[key][1] for key in self._keys(job)]

    def _keys(self, job: str) -> list[tuple[str, int]]:
        """The job's pieces by index."""
        return sorted(key for key in self.pieces if key[0] == job)

    def finish(self, jobs: Sequence[str], about: dict) -> None:
        """Write traces.jsonl and scores.parquet, jobs in the given order, and close run.json with `about`."""
        keys = [key for job in jobs for key in self._keys(job)]
        write_atomically(self.folder / "traces.jsonl", write_jsonl(self.pieces[key][0] for key in keys))
        records = [{"row": job, "index": i, **self.kept.write(self.pieces[job, i][1])} for job, i in keys]
        columns = [("row", pyarrow.string()), ("index", pyarrow.int64()), *self.kept.columns]
        write_atomically(self.folder / "scores.parquet", to_parquet(records, pyarrow.schema(columns)))
        self.write_card({"status": "complete", **about})

    def write_card(self, about: dict) -> None:
        """Write run.json: the identity and what is known about the run."""
        card = {"identity": self.identity, **about}
        write_atomically(self.folder / "run.json", json.dumps(card, indent=1) + "\n")
