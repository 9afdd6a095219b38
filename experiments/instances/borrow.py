"""`takeback instances from`: puzzles of another project's generator, certified.

takeback instances from reasoning-gym graph_color --out theirs.jsonl
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from csp import generate
from csp.errors import BadInput
from experiments.cli.terminal import console
from experiments.instances.tables import summary
from experiments.puzzle_files import reasoning_gym
from experiments.puzzle_files.certify import with_effort
from experiments.puzzle_files.write import Destination
from solvers.oracles.pick import settle


@dataclass(frozen=True)
class From:
    """Take puzzles from another project's generator, certify them, and write them to a file."""

    source: Annotated[Literal["reasoning-gym"], tyro.conf.Positional]
    """The project (install it with pip install -e '.[reasoning-gym]')."""
    dataset: Annotated[Literal["sudoku", "mini_sudoku", "graph_color"], tyro.conf.Positional]
    """Its dataset, with its default settings."""
    out: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """As for make."""
    count: Annotated[int, tyro.conf.arg(metavar="N")] = 100
    """How many."""
    seed: int = 0
    """The dataset's seed."""


def fetch(options: From) -> None:
    """Draw from another project, grade, write. Raises BadInput for what the user can put right."""
    if options.count < 1 or options.seed < 0:
        raise BadInput("--count is at least 1, --seed at least 0")
    target = Destination(options.out, None)
    target.check()
    drawn = reasoning_gym.draw(options.dataset, options.seed, options.count)
    graded = [with_effort(generate.certified(instance, settle)) for instance in drawn]
    where = target.write(graded, {"from": f"{options.source} {options.dataset} seed {options.seed}"})
    summary(graded, f"{len(graded)} puzzles of {options.source} {options.dataset}, seed {options.seed}")
    console.print(f"wrote {where}")
