"""The options of every command that takes somebody's puzzles: how their files are read, and what a bad one does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from csp.difficulty.reference_search import BUDGET
from csp.errors import BadInput
from csp.problem import Instance
from experiments.puzzle_files import load


@dataclass(frozen=True, kw_only=True)
class PuzzleOptions:
    """How puzzle files are read."""

    read_as: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Read puzzle files as this (text, lines, grid, x, csv, json, parquet, opensudoku, or a graph's format), whatever
    their content looks like."""
    box: Annotated[str | None, tyro.conf.arg(metavar="RxC")] = None
    """Rows x columns of a Sudoku's boxes where none are drawn, like 3x2 (default: by size 2x2, 2x3, 2x4, 3x3, 2x5, 3x4,
    4x4, 5x5)."""
    strict: tyro.conf.FlagCreatePairsOff[bool] = False
    """Stop at the first bad puzzle of a file instead of leaving it out."""

    def box_shape(self) -> tuple[int, int] | None:
        """(rows, columns) of --box. Raises BadInput for what is no shape."""
        if self.box is None:
            return None
        match = re.fullmatch(r"(\d{1,2})x(\d{1,2})", self.box.strip().lower(), re.ASCII)
        if not match:
            raise BadInput(f"--box {self.box}: ROWSxCOLUMNS of a box, like 3x2")
        return int(match[1]), int(match[2])

    def puzzles_of(self, path: Path, colours: int | None) -> list[Instance]:
        """The puzzles of a file, not certified. Faults and notices as load.puzzles prints them."""
        return load.puzzles(path, colours, self.read_as, self.box_shape(), self.strict)

    def read_puzzles(
        self,
        path: Path,
        colours: int | None,
        count: int | None = None,
        tick: Callable[[], None] = lambda: None,
        one_kind: bool = True,
        patience: int = BUDGET,
        fewer: Instance | None = None,
        maybe_none: bool = False,
    ) -> list[Instance]:
        """The puzzles of a file, each certified. Arguments and faults as load.read's; --strict stops at the first."""
        how = {"name": self.read_as, "box": self.box_shape(), "maybe_none": maybe_none}
        return load.read(path, colours, count, tick, one_kind, not self.strict, patience, fewer, **how)
