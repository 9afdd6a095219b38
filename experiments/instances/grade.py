"""`takeback instances grade`: certify how much search anybody's puzzles need.

takeback instances grade puzzles.txt
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from csp.errors import BadInput
from csp.problem import Instance
from experiments.cli.terminal import console, progress
from experiments.engine.executors import in_order
from experiments.instances.make import CHUNK
from experiments.instances.tables import each, summary
from experiments.puzzle_files.certify import graded as certified
from experiments.puzzle_files.certify import with_effort
from experiments.puzzle_files.options import PuzzleOptions
from experiments.puzzle_files.write import Destination


@dataclass(frozen=True)
class Grade(PuzzleOptions):
    """Certify how much search puzzles need: anybody's puzzles, any format that is read here."""

    file: Annotated[Path, tyro.conf.Positional]
    """Puzzles in any form that is read here; docs/puzzle-files.md shows them."""
    colours: Annotated[int | None, tyro.conf.arg(metavar="K")] = None
    """Number of colours of a graph."""
    solutions: Annotated[int, tyro.conf.arg(metavar="N")] = 1000
    """Count solutions up to this many."""
    cp_sat: bool = True
    """Also measure CP-SAT's conflicts and branches; most of the time goes there."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Where the graded puzzles go, .jsonl or .parquet (default: results/graded-NAME.jsonl)."""
    workers: int = 0
    """Processes; 0 = as many as there are cores."""


def grade(options: Grade) -> None:
    """Grade a file, print a summary (and every puzzle if they are few), write them all. Raises BadInput for what the
    user can put right.
    """
    if options.solutions < 1 or options.workers < 0:
        raise BadInput("--solutions is at least 1, --workers at least 0")
    out = options.out or Path("results") / f"graded-{options.file.stem}.jsonl"
    if out.suffix not in (".jsonl", ".parquet"):
        raise BadInput(f"--out {out}: graded puzzles are written as .jsonl or .parquet")
    ungraded = options.puzzles_of(options.file, options.colours)
    target = Destination(out, None)
    target.check()
    pieces = [ungraded[start : start + CHUNK] for start in range(0, len(ungraded), CHUNK)]
    graded: list[Instance] = []
    with progress("puzzles") as bar:
        task = bar.add_task("grading", total=len(ungraded))
        for piece in in_order(options.workers, _grade, ((piece, options) for piece in pieces), "puzzles"):
            graded += piece
            bar.advance(task, len(piece))
    where = target.write(graded, {"graded": options.file.name})
    if len(graded) <= 30:
        each(graded)
    summary(graded, f"{len(graded)} puzzle{'s' * (len(graded) > 1)} of {options.file.name}")
    console.print(f"wrote {where}")


def _grade(instances: Sequence[Instance], options: Grade) -> list[Instance]:
    bare = [replace(instance, witness=None, difficulty=None) for instance in instances]
    graded = [certified(instance, options.solutions) for instance in bare]
    return [with_effort(instance) for instance in graded] if options.cp_sat else graded
