"""The options that `takeback conform solver` and `model` share: what is tested, on what, and which case is replayed."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import tyro

from csp.errors import BadInput
from experiments.conform.harness import DRAWS

Names = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")]


@dataclass(frozen=True)
class Draws:
    """Options of what is drawn."""

    target: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODULE:NAME")]
    """What is tested: MODULE:NAME, or FILE.py:NAME."""
    puzzles: Names = ()
    """Puzzles to draw, of sudoku4, sudoku6, sudoku9, colouring; where none is named, what it takes less sudoku9."""
    draws: int = DRAWS
    """Draws of each property."""
    seed: int = 0
    """Of what is drawn, and what a solver with a second parameter is given."""
    property: Names = ()
    """Only these properties, by the names in the report; all if none is named."""
    replay: Annotated[str | None, tyro.conf.arg(metavar="CASE")] = None
    """Judge this one case, as a report spells it, instead of drawing."""

    def check(self) -> None:
        """Raises BadInput for numbers out of range."""
        if self.draws < 1:
            raise BadInput(f"--draws {self.draws}: at least 1")
        if not 0 <= self.seed < 2**63:
            raise BadInput(f"--seed {self.seed}: a seed is from 0 to 2^63 - 1")

    def command(self, kind: str, *options: str) -> Callable[[str, str], str]:
        """(property's name, case as a word) -> the command that replays it."""
        seed = ["--seed", str(self.seed)] if self.seed else []
        begin = shlex.join(["takeback", "conform", kind, self.target, *options, *seed])
        return lambda name, case: f"{begin} --property {name} --replay {shlex.quote(case)}"

    def heading(self) -> str:
        """What is tested, and on how much."""
        how = "one case" if self.replay else f"{self.draws} draws a property, seed {self.seed}"
        return f"{self.target}: {how}"
