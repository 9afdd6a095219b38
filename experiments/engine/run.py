"""The one way in which a command decodes, scores and keeps: every command that runs decoders goes through it.

    chosen rows -> puzzles -> networks -> rows that can run -> identity -> store -> shards -> executor -> store

    finished = decode_and_score("evaluate", options, rows, read=lambda: puzzles, folder=folder)
    finished.scores["ar"]                      # a Score a puzzle

`run` alone serves what is no row on a puzzle (control's methods on targets): it works off jobs.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from csp.errors import BadInput
from csp.io.files import write_atomically
from csp.io.instance_records import write_parquet
from csp.problem import STRATA, Instance
from experiments.cli.options import RunOptions
from experiments.cli.signals import interrupted_says
from experiments.cli.terminal import console, say_left_out, say_undecided
from experiments.engine import loaded_models
from experiments.engine.decoder_catalogue import Row
from experiments.engine.executors import Died, Executor, report_deaths
from experiments.engine.folder import kept_in, writable
from experiments.engine.loaded_models import Runner, networks
from experiments.engine.progress import RunProgress
from experiments.engine.shards import LEAST, Cutter, Job, Shard
from experiments.engine.store import SCORES, Piece, Store
from experiments.scoring.scorer import Score, score
from solvers.oracles.base import Oracle
from solvers.oracles.pick import pick

LIBRARIES = ("torch", "numpy", "ortools", "python-constraint2", "python-sat", "pynauty")
ORACLES = 1024  # that a process keeps


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
        write_atomically(self.store.path / "instances.parquet", write_parquet(self.instances))
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
    run(store, decoding_jobs(jobs, instances, runner, options), options)
    return Finished(store, able, jobs, instances, {job.name: store.scores(job.name) for job in jobs})


@dataclass(frozen=True, eq=False)
class Decode:
    """The work of a shard: a row's traces of some puzzles, scored."""

    row: Row
    instances: tuple[Instance, ...]
    seed: int
    runner: Runner

    def __call__(self) -> list[Piece]:
        traces = self.runner.run(self.row, self.instances, self.seed)
        return [
            (trace, score(trace, instance, _oracle(instance)))
            for trace, instance in zip(traces, self.instances, strict=True)
        ]


class _SameInstance:
    """An instance as a key of the oracles that a process keeps: shards of all rows share the oracle of a puzzle."""

    def __init__(self, instance: Instance):
        self.instance = instance
        self.mark = instance.id, instance.difficulty

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _SameInstance) and self.mark == other.mark

    def __hash__(self) -> int:
        return hash(self.instance.id)


@lru_cache(maxsize=ORACLES)
def _oracle_of(key: _SameInstance) -> Oracle:
    return pick(key.instance)


def _oracle(instance: Instance) -> Oracle:
    """The oracle of an instance, made once a process."""
    return _oracle_of(_SameInstance(instance))


def decoding_jobs(rows: Sequence[Row], instances: Sequence[Instance], runner: Runner, options: RunOptions) -> list[Job]:
    """A job a row: its traces of the puzzles, scored. Boards of one number of values go together, like sizes first."""

    def job(row: Row) -> Job:
        config = {
            "decoder": str(row.spec),
            "networks": {kind: runner.sha256(kind) for kind in networks(row)},
            "precision": options.precision,
            "seed": options.seed,
            "takeback": metadata.version("takeback"),
        }
        return Job(
            row.name,
            [instance.id for instance in instances],
            config,
            lambda indices: Decode(row, tuple(instances[index] for index in indices), options.seed, runner),
            alike=lambda index: instances[index].problem.d,
            size_of=lambda index: instances[index].problem.n,
            most=options.batch_size,
            least=1 if isinstance(row.spec, str) else LEAST,  # solvers take puzzles one by one
        )

    return [job(row) for row in rows]


def run(store: Store, jobs: Sequence[Job], options: RunOptions, unit: str = "traces") -> None:
    """Make what the store does not hold yet, with progress.

    Raises BadInput, when all else is done, if some work was given up because its process died.
    """
    missing = {job.name: store.missing(job.name, len(job.items), job.about) for job in jobs}
    cutter = Cutter(jobs, missing)
    executor = Executor(options.workers, options.threads, options.engine)
    shown = RunProgress(cutter, executor, sum(len(job.items) for job in jobs), unit)
    if shown.done:
        console.print(f"{shown.done} of {shown.total} {unit} were there already in {store.path}")

    def tasks() -> Iterable[tuple[Shard, Callable]]:
        for shard in cutter:
            shown.begun(shard)
            yield shard, shard.work

    given_up: list[str] = []
    with interrupted_says(kept_in(store.path)), shown.shown():
        for shard, pieces, seconds in executor.run(tasks()):
            if isinstance(pieces, Died):
                places = sorted(shard.indices)
                given_up.append(f"{shard.name}, {unit} {places[0] + 1} to {places[-1] + 1}")
                continue
            store.add(shard, pieces)
            cutter.learn(shard, seconds)
            shown.finished(shard, seconds)
    report_deaths(given_up)


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
