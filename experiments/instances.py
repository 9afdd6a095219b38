"""`takeback instances ...`: puzzles that are known to need search, made, graded and converted.

takeback instances make sudoku9 --stratum 11-100 --count 20 --out puzzles.grid
takeback instances grade puzzles.txt
takeback instances convert graph.jsonl graph.cnf
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro
from rich import box
from rich.table import Table
from rich.text import Text

from csp import generate
from csp.errors import BadInput
from csp.files import write_atomically
from csp.problem import LEVELS, STRATA, Instance
from csp.records import write_parquet
from experiments import reasoning_gym
from experiments.console import cell, console, print_wide, progress
from experiments.parallel import parallel
from experiments.statistics import bootstrap, proportion
from solvers import formats
from solvers.oracle import CpSat, Undecided, settle

CHUNK = 16  # items a worker draws or grades at a time
PATIENCE = 200_000  # items looked at before a stratum is said to be out of reach
EFFORT = 10.0  # CP-SAT's deterministic time for one instance
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


@dataclass(frozen=True)
class Grade:
    """Certify how much search puzzles need: anybody's puzzles, any format that is read here."""

    file: Annotated[Path, tyro.conf.Positional]
    """Sudokus (lines or grids), .jsonl, .parquet, or a DIMACS .col graph."""
    colours: Annotated[int | None, tyro.conf.arg(metavar="K")] = None
    """Number of colours for a .col graph."""
    solutions: Annotated[int, tyro.conf.arg(metavar="N")] = 1000
    """Count solutions up to this many."""
    cp_sat: bool = True
    """Also measure CP-SAT's conflicts and branches; most of the time goes there."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Where the graded puzzles go, .jsonl or .parquet (default: results/graded-NAME.jsonl)."""
    workers: int = 0
    """Processes; 0 = as many as there are cores."""


@dataclass(frozen=True)
class Convert:
    """Turn a file of puzzles into another format, by the files' suffixes."""

    source: Annotated[Path, tyro.conf.Positional]
    """The file to read."""
    target: Annotated[Path, tyro.conf.Positional]
    """The file to write; a folder if the format holds one puzzle a file (.col, .cnf, .xml) and there are several."""
    colours: Annotated[int | None, tyro.conf.arg(metavar="K")] = None
    """Number of colours for a .col graph."""
    to: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Write this format whatever the target is called: lines, grid, jsonl, parquet, col, cnf, xcsp3."""
    read_as: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Read this format whatever the source is called."""


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


@dataclass(frozen=True)
class Families:
    """List the families that puzzles can be drawn from, and their words."""


def families(options: Families) -> None:
    """Print the table of families."""
    table = Table(box=box.SIMPLE_HEAD)
    for head in ("family", "what it is", "words and their defaults"):
        table.add_column(head)
    for name, family in generate.FAMILIES.items():
        words = [f"{f.name}={getattr(family, f.name)}" for f in fields(family) if f.name not in family.fixed]
        table.add_row(Text(name), Text(family.about), Text(", ".join(words)))
    print_wide(table)


def make(options: Make) -> None:
    """Draw, and write. Raises BadInput after writing what was found if a stratum stayed short."""
    strata = _strata(options.stratum)
    if options.count < 1 or options.patience < 1 or options.workers < 0 or not 0 <= options.seed < 2**63:
        raise BadInput("--count and --patience are at least 1, --workers and --seed at least 0")
    name = generate.spelling(options.family)
    target = Target(options.out, options.format)
    wanted = {stratum: options.count for stratum in strata} or {"any": options.count}
    found: dict[str, list[Instance]] = {stratum: [] for stratum in wanted}
    seen: set[str] = set()
    with progress("puzzles") as bar:
        task = bar.add_task(name, total=sum(wanted.values()))
        looked = stale = 0
        stopped = False
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
        except KeyboardInterrupt:
            stopped = True
    chosen = [instance for stratum in found.values() for instance in stratum]
    if not chosen:
        if stopped:
            raise KeyboardInterrupt
        raise BadInput(f"{name}: none of {looked} different draws is in stratum {' or '.join(wanted)}; nothing written")
    about = {"family": name, "seed": str(options.seed), "split": options.split, "drawn": str(looked)}
    where = target.write(chosen, about | {"takeback": metadata.version("takeback")})
    summary(chosen, f"{len(chosen)} of {looked} drawn from {name}, {options.split} split, seed {options.seed}")
    console.print(f"wrote {where}")
    short = [f"{len(found[s])} in stratum {s}" for s in wanted if len(found[s]) < wanted[s]]
    if short:
        said = f"{name}: only {', '.join(short)} among {looked} draws, not {options.count}; they are written"
        raise BadInput(f"interrupted; {said}" if stopped else said)


def _strata(names: Sequence[str]) -> list[str]:
    """The strata asked for, in their own order. Raises BadInput for an unknown one."""
    for name in names:
        if name not in STRATA:
            raise BadInput(f"no stratum {name!r}; there are {', '.join(STRATA)}")
    return [name for name in STRATA if name in names]


def _stream(name: str, options: Make) -> Iterator[Instance]:
    """Items 0, 1, 2, ... of the family's split, drawn by worker processes, in order."""
    starts = range(0, options.patience, CHUNK)
    if options.count <= CHUNK and not options.stratum:  # not worth starting workers
        chunks: Iterator[list[Instance]] = (_draw(name, options, start) for start in starts)
    else:
        chunks = parallel(options.workers, _draw, ((name, options, start) for start in starts))
    return itertools.islice(itertools.chain.from_iterable(chunks), options.patience)


def _draw(name: str, options: Make, start: int) -> list[Instance]:
    """Some items; fewer if the split holds no more."""
    return [generate.draw(name, options.seed, options.split, i, settle) for i in range(start, start + CHUNK)]


def with_effort(instance: Instance) -> Instance:
    """The graded instance with CP-SAT's conflicts and branches, None where it reached its limit."""
    try:
        conflicts, branches = CpSat(instance, EFFORT).effort()
    except Undecided:
        return instance
    return replace(instance, difficulty=replace(instance.difficulty, conflicts=conflicts, branches=branches))


def grade(options: Grade) -> None:
    """Grade a file, print a summary (and every puzzle if they are few), write them all."""
    if options.solutions < 1 or options.workers < 0:
        raise BadInput("--solutions is at least 1, --workers at least 0")
    out = options.out or Path("results") / f"graded-{options.file.stem}.jsonl"
    if out.suffix not in (".jsonl", ".parquet"):
        raise BadInput(f"--out {out}: graded puzzles are written as .jsonl or .parquet")
    ungraded = formats.read(options.file, options.colours)
    pieces = [ungraded[start : start + CHUNK] for start in range(0, len(ungraded), CHUNK)]
    workers = options.workers if len(ungraded) > 200 else 1  # not worth starting workers
    graded: list[Instance] = []
    with progress("puzzles") as bar:
        task = bar.add_task("grading", total=len(ungraded))
        for piece in parallel(workers, _grade, ((piece, options) for piece in pieces)):
            graded += piece
            bar.advance(task, len(piece))
    where = Target(out, None).write(graded, {"graded": options.file.name})
    if len(graded) <= 30:
        each(graded)
    summary(graded, f"{len(graded)} puzzle{'s' * (len(graded) > 1)} of {options.file.name}")
    console.print(f"wrote {where}")


def _grade(instances: Sequence[Instance], options: Grade) -> list[Instance]:
    bare = [replace(instance, witness=None, difficulty=None) for instance in instances]
    graded = [generate.certified(instance, settle, options.solutions) for instance in bare]
    return [with_effort(instance) for instance in graded] if options.cp_sat else graded


def convert(options: Convert) -> None:
    """Read one format, write another."""
    target = Target(options.target, options.to)
    console.print(f"wrote {target.write(formats.read(options.source, options.colours, options.read_as))}")


def fetch(options: From) -> None:
    """Draw from another project, grade, write."""
    if options.count < 1 or options.seed < 0:
        raise BadInput("--count is at least 1, --seed at least 0")
    target = Target(options.out, None)
    drawn = reasoning_gym.draw(options.dataset, options.seed, options.count)
    graded = [with_effort(generate.certified(instance, settle)) for instance in drawn]
    where = target.write(graded, {"from": f"{options.source} {options.dataset} seed {options.seed}"})
    summary(graded, f"{len(graded)} puzzles of {options.source} {options.dataset}, seed {options.seed}")
    console.print(f"wrote {where}")


class Target:
    """Where instances go: a file, or a folder of files for formats that hold one instance. Raises BadInput early."""

    def __init__(self, path: Path, name: str | None):
        self.path, self.format = path, formats.format_of(path, name)

    def write(self, instances: Sequence[Instance], about: dict[str, str] | None = None) -> str:
        """Write them; what was written, in words. `about` becomes a Parquet file's metadata."""
        form, path = self.format, self.path
        if form is formats.FORMATS["parquet"]:
            write_atomically(path, write_parquet(instances, about))
        elif not form.one or len(instances) == 1:
            write_atomically(path, form.write(instances))
        else:
            folder = path.with_suffix("")
            for number, instance in enumerate(instances, 1):
                write_atomically(folder / f"{number:05d}-{instance.id}{form.suffix}", form.write([instance]))
            return f"{len(instances)} {form.suffix} files to {folder}"
        return f"{len(instances)} puzzle{'s' * (len(instances) > 1)} to {path}"


def each(instances: Sequence[Instance]) -> None:
    """Print a line an instance."""
    heads = ("puzzle", "cells", "given", "guesses", "stratum", "level", "solutions", "CP-SAT conflicts", "branches")
    table = Table(box=box.SIMPLE_HEAD)
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place == 0 else "right")
    for instance in instances:
        need = instance.difficulty
        guesses = f"{need.guesses}{'+' * need.given_up}"
        effort = ["-" if figure is None else str(figure) for figure in (need.conflicts, need.branches)]
        sizes = str(instance.problem.n), str(instance.problem.n - instance.blanks)
        said = guesses, need.stratum, need.level, _solutions(instance)
        table.add_row(Text(instance.provenance), *sizes, *said, *effort)
    print_wide(table)


def _solutions(instance: Instance) -> str:
    need = instance.difficulty
    if need.solutions is None:
        return "1+"
    return f"{need.solutions}{'+' * (need.solutions == need.limit)}"


def summary(instances: Sequence[Instance], title: str) -> None:
    """Print how many instances each stratum holds and what they are like, with 95 % intervals."""
    heads = ("guesses", "n", "share %", "mean", *LEVELS, "unsolvable", "unique", "several", "conflicts", "branches")
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place == 0 else "right", no_wrap=True)
    groups = {name: [i for i in instances if i.difficulty.stratum == name] for name in STRATA}
    for name, members in [*groups.items(), ("all", list(instances))]:
        if members:
            needs = [i.difficulty for i in members]
            levels = Counter(need.level for need in needs)
            counts = [-1 if need.solutions is None else need.solutions for need in needs]
            kinds = sum(c == 0 for c in counts), sum(need.unique for need in needs), sum(c > 1 for c in counts)
            conflicts = bootstrap([n.conflicts for n in needs if n.conflicts is not None])
            branches = bootstrap([n.branches for n in needs if n.branches is not None])
            table.add_row(
                Text(name),
                str(len(members)),
                cell(proportion(len(members), len(instances)), percent=True),
                cell(bootstrap([need.guesses for need in needs], np.mean)),
                *(str(levels[level]) for level in LEVELS),
                *map(str, kinds),
                cell(conflicts),
                cell(branches),
            )
    print_wide(table)
    lower = sum(i.difficulty.given_up for i in instances)
    notes = [
        "guesses: values the reference search tries at branchings (singles first, fewest values next) to the proof; "
        "legal, naked, hidden: what fills the puzzle without a guess; conflicts, branches: CP-SAT's, mean. Below each "
        "figure its 95 % interval."
    ]
    if lower:
        notes.append(f"{lower} searches were stopped at their budget: their guesses are at least what is shown (+).")
    for note in notes:
        console.print(note)
