"""`takeback instances convert`: a file of puzzles in another format.

takeback instances convert graph.jsonl graph.cnf
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from experiments.cli.terminal import console
from experiments.puzzle_files.options import PuzzleOptions
from experiments.puzzle_files.write import Destination


@dataclass(frozen=True)
class Convert(PuzzleOptions):
    """Turn a file of puzzles into another format, by the files' suffixes."""

    source: Annotated[Path, tyro.conf.Positional]
    """The file to read."""
    target: Annotated[Path, tyro.conf.Positional]
    """The file to write; a folder if the format holds one puzzle a file (.col, .cnf, .xml) and there are several."""
    colours: Annotated[int | None, tyro.conf.arg(metavar="K")] = None
    """Number of colours for a .col graph."""
    to: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Write this format whatever the target is called: lines, grid, jsonl, parquet, col, cnf, xcsp3."""


def convert(options: Convert) -> None:
    """Read one format, write another."""
    target = Destination(options.target, options.to)
    console.print(f"wrote {target.write(options.puzzles_of(options.source, options.colours))}")
