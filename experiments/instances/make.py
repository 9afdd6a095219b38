"""`takeback instances make`: puzzles that are known to need search.

takeback instances make sudoku9 --stratum 11-100 --count 20 --out puzzles.grid
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

import tyro

from csp import generate
from csp.errors import BadInput
from csp.problem import STRATA, Instance
from experiments.cli.signals import interrupted_says
from experiments.cli.terminal import console, progress
from experiments.engine.executors import in_order
from experiments.instances.tables import summary
from experiments.puzzle_files.certify import with_effort
from experiments.puzzle_files.write import Destination
from solvers.oracles.pick import settle

CHUNK = 16  # items a worker draws or grades at a time
PATIENCE = 200_000  # items looked at before a stratum is said to be out of reach
STALE = 1_000  # draws in a row that were there already, before a family is said to have no more


@dataclass(frozen=True)
class Make:
    """Draw puzzles of a family, all of them certified, and write them to a file."""

    family: Annotated[str, tyro.conf.Positional]
    """A family, with words of its own after a colon: sudoku9, gnp:n=100,degree=4.6,solvable=yes. See `families`."""
    out: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """.txt (one line a puzzle), .grid, .jsonl, .parquet; .col, .cnf and .xml for one puzzle, or a folder of them."""
    stratum: Annotated[tuple[str, ...], tyro.conf.arg(metavar="S ...")] = ()
    """Guesses needed: 0, 1-3, 4-10, 11-100 or '>100'; default any. `--count` of each."""
    count: Annotated[int, tyro.conf.arg(metavar="N")] = 20
    """How many."""
    seed: int = 0
    """Other seeds give other puzzles."""
    split: str = "test"
    """test, validation or train (by symmetry orbit: the shipped networks saw train), or any."""
    patience: int = PATIENCE
    """How many draws to look through before giving up on a stratum."""
    workers: int = 0
    """Processes; 0 = as many as there are cores. Changes no puzzle."""
    format: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Write this format whatever the file is called: lines, grid, jsonl, parquet, col, cnf, xcsp3."""


def make(options: Make) -> None:
    """Draw, and write. Raises BadInput after writing what was found if a stratum stayed short, and likewise
    KeyboardInterrupt if it was interrupted, with a note of what is written.
    """
    strata = _strata(options.stratum)
    if options.count < 1 or options.patience < 1 or options.workers < 0 or not 0 <= options.seed < 2**63:
        raise BadInput("--count and --patience are at least 1, --workers and --seed at least 0")
    name = generate.spelling(options.family)
    target = Destination(options.out, options.format)
    target.check()
    wanted = {stratum: options.count for stratum in strata} or {"any": options.count}
    found: dict[str, list[Instance]] = {stratum: [] for stratum in wanted}
    seen: set[str] = set()
    with progress("puzzles") as bar:
        task = bar.add_task(name, total=sum(wanted.values()))
        looked = stale = 0
        stopped: KeyboardInterrupt | None = None
        try:
            for instance in _stream(name, options):
                looked += 1
                stale = stale + 1 if instance.id in seen else 0
                stratum = instance.difficulty.stratum if strata else "any"
                bar.update(task, description=f"{name}: {looked} drawn")
                if len(found.get(stratum, ())) < wanted.get(stratum, 0) and not stale:
                    seen.add(instance.id)
                    found[stratum].append(with_effort(instance))
                    bar.advance(task)
                if all(len(found[s]) == wanted[s] for s in wanted) or stale == STALE:
                    break
        except KeyboardInterrupt as stop:  # what was found is written first
            stopped = stop
    chosen = [instance for stratum in found.values() for instance in stratum]
    if not chosen:
        if stopped is not None:
            stopped.add_note(f"none of {looked} draws was one of those asked for, and nothing is written")
            raise stopped
        raise BadInput(f"{name}: none of {looked} different draws is in stratum {' or '.join(wanted)}; nothing written")
    about = {"family": name, "seed": str(options.seed), "split": options.split, "drawn": str(looked)}
    with interrupted_says(f"{len(chosen)} were found, and not all of them are written"):
        where = target.write(chosen, about | {"takeback": metadata.version("takeback")})
    summary(chosen, f"{len(chosen)} of {looked} drawn from {name}, {options.split} split, seed {options.seed}")
    console.print(f"wrote {where}")
    short = [f"{len(found[s])} in stratum {s}" for s in wanted if len(found[s]) < wanted[s]]
    said = f"{name}: only {', '.join(short)} among {looked} draws, not {options.count}; they are written"
    if stopped is not None:
        stopped.add_note(said if short else "all were found, and are written")
        raise stopped
    if short:
        raise BadInput(said)


def _strata(names: Sequence[str]) -> list[str]:
    """The strata asked for, in their own order. Raises BadInput for an unknown one."""
    for name in names:
        if name not in STRATA:
            raise BadInput(f"no stratum {name!r}; there are {', '.join(STRATA)}")
    return [name for name in STRATA if name in names]


def _stream(name: str, options: Make) -> Iterator[Instance]:
    """Items 0, 1, 2, ... of the family's split, drawn by worker processes, in order."""
    starts = range(0, options.patience, CHUNK)
    chunks = in_order(options.workers, _draw, ((name, options, start) for start in starts), "draws")
    return itertools.islice(itertools.chain.from_iterable(chunks), options.patience)


def _draw(name: str, options: Make, start: int) -> list[Instance]:
    """Some items; fewer if the split holds no more."""
    return [generate.draw(name, options.seed, options.split, i, settle) for i in range(start, start + CHUNK)]
