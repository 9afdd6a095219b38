"""What a run has finished: shards are kept as they come, so that a run that ended early goes on where it was.

DIR/shards/HASH.parquet holds a finished shard, a row a trace (columns row, index, the command's scores, and the trace
as a struct); its metadata say what it is a function of. Together they are one Parquet dataset, which can be asked while
the run lasts. `finish` makes traces.jsonl and scores.parquet of them, in an order of their own, so that the bytes of
traces.jsonl do not depend on batches, processes, interruptions or speed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow

from csp.errors import BadInput
from csp.io.files import from_parquet, read_bytes, read_text, to_parquet, write_atomically
from csp.io.trace_records import PARQUET, from_record, to_record, write_jsonl
from csp.trace import Trace
from experiments.engine.decoder_catalogue import modern_name, modern_trace
from experiments.engine.folder import RunFolder
from experiments.engine.shards import Shard
from experiments.scoring.aggregate import SCORE_FIELDS
from experiments.scoring.scorer import Score

#: A trace, and what a command keeps of it: a Score, or control's dict.
Piece = tuple[Trace, Any]


@dataclass(frozen=True)
class Kept:
    """How a command's scores are written: as plain data and back, and as columns of scores.parquet."""

    read: Callable[[dict], Any]
    write: Callable[[Any], dict]
    columns: Sequence[tuple[str, pyarrow.DataType]]

    @property
    def scores(self) -> pyarrow.Schema:
        """The columns of scores.parquet."""
        return pyarrow.schema([("row", pyarrow.string()), ("index", pyarrow.int64()), *self.columns])

    @property
    def shard(self) -> pyarrow.Schema:
        """The columns of a shard."""
        trace = pyarrow.struct([field for field in PARQUET if field.name != "seconds"])
        return pyarrow.schema([*self.scores, ("about", pyarrow.string()), ("trace", trace)])


SCORES = Kept(lambda record: Score(**record), asdict, SCORE_FIELDS)


class Store(RunFolder):
    """Traces and scores of a run by (job, index of the item).

    identity: everything that the traces depend on; its `puzzles`, if it has them, are the items' ids. Raises BadInput
    as RunFolder does, and for a folder whose pieces are unreadable.
    """

    def __init__(self, folder: Path, identity: dict, fresh: bool = False, kept: Kept = SCORES):
        super().__init__(folder, identity, fresh)
        self.kept = kept
        self.made: dict[tuple[str, int], Piece] = {}
        self.found: dict[tuple[str, int], list[tuple[dict | None, Piece]]] = {}  # of other calls or networks too
        if self.resumed:
            self._load()

    def _load(self) -> None:
        """Read every finished piece back."""
        for path, spot, record in self._records():
            try:
                self._take(record)
            except (json.JSONDecodeError, KeyError, TypeError, IndexError, BadInput):
                raise BadInput(f"{path}, {spot}: not a finished piece; delete the file to redo it") from None

    def _records(self) -> Iterator[tuple[Path, str, dict]]:
        """(file, place in it, record) of all pieces: shards, and the parts of versions before them."""
        for path in self.pieces("parts"):
            for number, line in enumerate(read_text(path).splitlines(), 1):
                try:
                    record = json.loads(line)
                except json.JSONDecodeError:
                    record = {}
                yield path, f"line {number}", record
        for path in self.pieces():
            try:
                for number, record in enumerate(from_parquet(read_bytes(path), str(path)), 1):
                    about = json.loads(record["about"]) if record.get("about") else None
                    score = {name: record.get(name) for name, _ in self.kept.columns}
                    yield path, f"row {number}", {**record, "about": about, "score": score}
            except BadInput:
                yield path, "its first bytes", {}

    def _take(self, record: dict) -> None:
        """Remember a piece as it is kept."""
        trace = modern_trace(from_record(record["trace"]))
        puzzles = self.identity.get("puzzles")
        if puzzles is not None and trace.instance != puzzles[record["index"]]:
            raise BadInput("of another run")
        key = modern_name(record["row"]), record["index"]
        self.found.setdefault(key, []).append((record.get("about"), (trace, self.kept.read(record["score"]))))

    def add(self, shard: Shard, pieces: Sequence[Piece]) -> None:
        """Keep a finished shard: it is on disk when this returns."""
        records = []
        for index, (trace, score) in zip(shard.indices, pieces, strict=True):
            self.made[shard.name, index] = trace, score
            about = None if shard.about is None else json.dumps(shard.about)
            record = {"row": shard.name, "index": index, "about": about, "trace": to_record(trace)}
            records.append(record | self.kept.write(score))
        schema = self.kept.shard.with_metadata({"config": json.dumps(shard.config)})
        write_atomically(self.piece(shard.digest), to_parquet(records, schema))

    def missing(self, job: str, size: int, about: dict | None = None) -> list[int]:
        """The indices below size of which there is no piece made from just `about`; the others are the job's pieces."""
        for index in range(size):
            fitting = [piece for other, piece in self.found.get((job, index), ()) if other == about]
            if fitting:
                self.made[job, index] = fitting[0]
        return [index for index in range(size) if (job, index) not in self.made]

    def trace(self, job: str, index: int) -> Trace:
        """A finished trace."""
        return self.made[job, index][0]

    def scores(self, job: str) -> list[Any]:
        """The job's scores by index."""
        return [self.made[key][1] for key in self._keys(job)]

    def _keys(self, job: str) -> list[tuple[str, int]]:
        """The job's pieces by index."""
        return sorted(key for key in self.made if key[0] == job)

    def finish(self, jobs: Sequence[str], about: dict) -> None:
        """Write traces.jsonl and scores.parquet, jobs in the given order, run.json with `about`; unlock."""
        keys = [key for job in jobs for key in self._keys(job)]
        write_atomically(self.path / "traces.jsonl", write_jsonl(self.made[key][0] for key in keys))
        records = [{"row": job, "index": i, **self.kept.write(self.made[job, i][1])} for job, i in keys]
        write_atomically(self.path / "scores.parquet", to_parquet(records, self.kept.scores))
        self.write_card({"status": "complete", **about})
        self.unlock()
