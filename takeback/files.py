"""Files of puzzles and traces, as the commands read and write them.

puzzles = takeback.read_puzzles("mine.txt")
takeback.write_traces("traces.jsonl", traces)       # then: takeback score traces.jsonl --instances puzzles.jsonl
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from csp.io import instance_records, trace_records
from csp.io.files import write_atomically
from csp.problem import Instance
from csp.trace import Trace
from experiments.puzzle_files import load


def read_puzzles(path: Path | str, colours: int | None = None) -> list[Instance]:
    """The puzzles of a file in any form (docs/puzzle-files.md), certified. colours: how many, for graphs.

    What cannot be read, has no solution or is there twice is named on standard error and left out. Raises BadInput if
    nothing else is there.
    """
    return load.read(Path(path), colours, one_kind=False)


def write_puzzles(path: Path | str, puzzles: Iterable[Instance]) -> None:
    """Write puzzles as JSON Lines, or as Parquet to a name that ends so. Raises BadInput if that cannot be done."""
    form = instance_records.write_parquet if Path(path).suffix == ".parquet" else instance_records.write_jsonl
    write_atomically(Path(path), form(puzzles))


def write_traces(path: Path | str, traces: Iterable[Trace]) -> None:
    """Write traces as JSON Lines (docs/bring-your-own.md, section 1). Raises BadInput if that cannot be done."""
    write_atomically(Path(path), trace_records.write_jsonl(traces))
