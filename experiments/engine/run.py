"""The one way in which a command decodes, scores and keeps: every command that runs decoders goes through it.

    chosen rows -> puzzles -> folder is writable -> networks loaded -> rows that can run -> identity -> store -> run

    finished = decode_and_score("evaluate", options, rows, read=lambda: puzzles, folder=folder)
    finished.scores["ar"]                      # a Score a puzzle

`run` alone serves what is no row on a puzzle (control's methods on targets): it works off jobs.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import groupby
from pathlib import Path
from typing import Any

from csp.errors import BadInput
from csp.problem import STRATA, Instance
from csp.trace import Trace
from experiments.cli.options import RunOptions
from experiments.cli.terminal import console, progress, say_left_out, say_undecided
from experiments.engine import loaded_models
from experiments.engine.decoder_catalogue import Row
from experiments.engine.loaded_models import Runner
from experiments.engine.store import SCORES, Store
from experiments.scoring.scorer import Score, score
from solvers.oracles.base import Oracle
from solvers.oracles.pick import pick

LIBRARIES = ("torch", "numpy", "ortools", "python-constraint2", "python-sat", "pynauty")
SOLVER_BATCH = 25  # puzzles between two writes of a solver, which takes them one by one


@dataclass(frozen=True)
class Job:
    """Work that is kept piece by piece: `size` items, decoded in batches, each trace scored by itself.

    about: what its pieces depend on beyond the run's identity; kept pieces with another are made anew.
    """

    name: str
    size: int
    batches: Callable[[Sequence[int]], Iterable[list[int]]]
    decode: Callable[[Sequence[int]], Sequence[Trace]]
    score: Callable[[int, Trace], Any]
    about: dict | None = None


@dataclass(frozen=True)
class Finished:
    """A run of which every piece is there. rows: those that could run; scores: of each job, by puzzle."""

    store: Store
    rows: list[Row]
    jobs: list[Row]
    instances: list[Instance]
    scores: dict[str, list[Score]]

    def keep(self, about: dict) -> None:
        """Close the folder: traces, scores, run.json with `about`; says what stayed undecided."""
        card = {"versions": versions(), "instances": [_card(instance) for instance in self.instances], **about}
        self.store.finish([job.name for job in self.jobs], card)
        say_unsettled(self.scores.values())


def decode_and_score(
    command: str,
    options: RunOptions,
    rows: Sequence[Row],
    read: Callable[[], list[Instance]],
    folder: Path,
    about: Callable[[list[Instance]], dict] = lambda instances: {},
    spread: Callable[[Row], list[Row]] = lambda row: [row],
) -> Finished:
    """Run the rows on the puzzles that `read` gives, keeping every piece in `folder`; go on where it was stopped.

    about: what else the results depend on, part of the run's identity. spread: the jobs that a row stands for.
    Raises BadInput for what the user can put right.
    """
    instances = read()
    writable(folder)
    runner = loaded_models.runner(
        rows, instances[0].family, instances, options.checkpoints, options.precision, options.threads
    )
    able = runnable(rows, runner)
    jobs = [job.sized(instances) for row in able for job in spread(row)]

    # what the traces depend on: a folder that holds anything else is not touched
    identity = {
        "command": command,
        **about(instances),
        "puzzles": [instance.id for instance in instances],
        "seed": options.seed,
        "decoders": {job.name: str(job.spec) for job in jobs},
        "checkpoints": runner.hashes,
        "precision": options.precision,
        "takeback": metadata.version("takeback"),
    }
    store = Store(folder, identity, options.fresh, SCORES)
    run(store, decoding_jobs(jobs, instances, runner, options.seed, options.batch_size))
    return Finished(store, able, jobs, instances, {job.name: store.scores(job.name) for job in jobs})


def decoding_jobs(
    rows: Sequence[Row], instances: Sequence[Instance], runner: Runner, seed: int, batch_size: int
) -> list[Job]:
    """A job a row: its traces of the puzzles, scored with an oracle a puzzle that all rows share."""
    oracles: dict[int, Oracle] = {}

    def judged(index: int, trace: Trace) -> Score:
        if index not in oracles:
            oracles[index] = pick(instances[index])
        return score(trace, instances[index], oracles[index])

    def job(row: Row) -> Job:
        size = batch_size if not isinstance(row.spec, str) else min(batch_size, SOLVER_BATCH)
        return Job(
            row.name,
            len(instances),
            lambda left: batches(left, instances, size),
            lambda indices: runner.run(row, [instances[index] for index in indices], seed),
            judged,
        )

    return [job(row) for row in rows]


def run(store: Store, jobs: Sequence[Job], unit: str = "traces") -> None:
    """Make what the store does not hold yet, with progress; without a terminal a line a finished job."""
    total = sum(job.size for job in jobs)
    missing = {job.name: store.missing(job.name, job.size, job.about) for job in jobs}
    done = total - sum(map(len, missing.values()))
    if done:
        console.print(f"{done} of {total} {unit} were there already in {store.folder}")
    with progress(unit) as bar:
        task = bar.add_task("decoding", total=total, completed=done)
        for number, job in enumerate(jobs, 1):
            bar.update(task, description=job.name)
            started = time.perf_counter()
            for indices in job.batches(missing[job.name]) if missing[job.name] else ():
                traces = job.decode(indices)
                pieces = [(trace, job.score(index, trace)) for index, trace in zip(indices, traces, strict=True)]
                store.add(job.name, indices, pieces, job.about)
                bar.advance(task, len(indices))
            if missing[job.name] and not console.is_terminal:
                took = time.perf_counter() - started
                console.print(f"{number}/{len(jobs)} {job.name}: {len(missing[job.name])} {unit} in {took:.0f} s")


def batches(left: Iterable[int], instances: Sequence[Instance], size: int) -> Iterable[list[int]]:
    """The indices in batches of one number of values, boards of like size together: they waste little padding."""
    order = sorted(left, key=lambda index: (instances[index].problem.d, instances[index].problem.n))
    for _, alike in groupby(order, key=lambda index: instances[index].problem.d):
        some = list(alike)
        yield from (some[start : start + size] for start in range(0, len(some), size))


def budgeted(row: Row, calls: int) -> Row:
    """The row with that many calls (a solver has none); restarts go on until then."""
    if isinstance(row.spec, str):
        return row
    endless = {"attempts": 0} if row.spec.retraction == "restart" else {}
    return replace(row, spec=replace(row.spec, calls=calls, **endless))


def runnable(wanted: Sequence[Row], runner: Runner) -> list[Row]:
    """The rows that can run; names the others, by reason. Raises BadInput if none can."""
    reasons: dict[str, list[str]] = {}
    for row in wanted:
        if reason := runner.reason_left_out(row):
            reasons.setdefault(reason, []).append(row.name)
    say_left_out(reasons)
    rest = [row for row in wanted if runner.reason_left_out(row) is None]
    if not rest:
        raise BadInput("no row is left to run")
    return rest


def writable(folder: Path) -> None:
    """Raises BadInput early if the results could not be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise BadInput(f"cannot write to {folder}: {fault.strerror or fault}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadInput(f"cannot write to {folder}: permission denied")


def versions() -> dict[str, str]:
    """Of takeback, Python and the libraries that results depend on."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in ("takeback", *LIBRARIES)}}


def _card(instance: Instance) -> dict:
    """What run.json says of a puzzle."""
    need = instance.difficulty
    return {
        "id": instance.id,
        "from": instance.provenance,
        "guesses": need and need.guesses,
        "solutions": need and need.solutions,
    }


def say_unsettled(scores: Iterable[Sequence[Score]]) -> None:
    """Say how many debts, and how many traces' dead ends, stayed undecided, if any did."""
    every = [s for of_row in scores for s in of_row]
    say_undecided(sum(s.need is None for s in every))
    unsettled = sum(s.debt is None and not s.solved for s in every)
    if unsettled:
        console.print(f"debt stayed undecided for {unsettled} traces; they are not in its mean")


def strata(instances: Sequence[Instance]) -> str:
    """How many of the puzzles need how much search."""
    needs = [i.difficulty for i in instances if i.difficulty is not None]
    counts = {name: sum(need.stratum == name for need in needs) for name in STRATA}
    parts = [f"{count} need {name}" for name, count in counts.items() if count]
    given_up = sum(need.given_up for need in needs)
    several = sum(need.solutions is None or need.solutions > 1 for need in needs)
    tail = f"; of {given_up} at least that many" if given_up else ""
    return (
        f"Certified search need (guesses of the reference search): {', '.join(parts)}{tail}. "
        f"{several} of {len(instances)} have several solutions."
    )
