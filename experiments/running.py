"""Running rows on instances, for `ceiling` and `frontier`: decode, score, keep; go on where a run was stopped."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import metadata
from itertools import groupby
from pathlib import Path

from csp.errors import BadInput
from csp.problem import STRATA, Instance
from experiments.console import console, progress, say_undecided
from experiments.rows import Row, Runner
from experiments.scorer import Score, score
from experiments.store import Store
from solvers.oracle import Oracle, pick

LIBRARIES = ("torch", "numpy", "ortools", "python-constraint2", "python-sat", "pynauty")


def budgeted(row: Row, calls: int) -> Row:
    """The row with so many calls (a solver has none); restarts go on until then."""
    if isinstance(row.spec, str):
        return row
    endless = {"attempts": 0} if row.spec.retraction == "restart" else {}
    return replace(row, spec=replace(row.spec, calls=calls, **endless))


def identity(able: Sequence[Row], instances: Sequence[Instance], runner: Runner, seed: int) -> dict:
    """What the traces of a run depend on."""
    return {
        "puzzles": [instance.id for instance in instances],
        "seed": seed,
        "decoders": {row.name: str(row.spec) for row in able},
        "checkpoints": runner.hashes,
        "takeback": metadata.version("takeback"),
    }


def versions() -> dict[str, str]:
    """Of takeback, Python and the libraries that results depend on."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in ("takeback", *LIBRARIES)}}


def about(instances: Sequence[Instance]) -> dict:
    """What else run.json says of a finished run."""
    return {"versions": versions(), "instances": [_card(instance) for instance in instances]}


def _card(instance: Instance) -> dict:
    need = instance.difficulty
    return {
        "id": instance.id,
        "from": instance.provenance,
        "guesses": need and need.guesses,
        "solutions": need and need.solutions,
    }


def able(wanted: Sequence[Row], runner: Runner) -> list[Row]:
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


def say_left_out(reasons: dict[str, list[str]]) -> None:
    """Name what cannot run, by reason."""
    for reason, names in reasons.items():
        console.print(f"left out: {', '.join(names)}\n  because {reason}")


def writable(folder: Path) -> None:
    """Raises BadInput early if the results could not be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise BadInput(f"cannot write to {folder}: {fault.strerror or fault}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadInput(f"cannot write to {folder}: permission denied")


def run(
    store: Store, rows: Sequence[Row], instances: Sequence[Instance], runner: Runner, seed: int, batch_size: int
) -> None:
    """Decode and score what the store does not hold yet."""
    oracles: dict[int, Oracle] = {}
    done = len(rows) * len(instances) - sum(len(store.missing(row.name, len(instances))) for row in rows)
    if done:
        console.print(f"{done} of {len(rows) * len(instances)} traces were there already in {store.folder}")
    with progress("traces") as bar:
        task = bar.add_task("decoding", total=len(rows) * len(instances), completed=done)
        for row in rows:
            bar.update(task, description=row.name)
            left = store.missing(row.name, len(instances))
            size = batch_size if not isinstance(row.spec, str) else min(batch_size, 25)
            for indices in batches(left, instances, size):
                traces = runner.run(row, [instances[index] for index in indices], seed)
                pieces = []
                for index, trace in zip(indices, traces, strict=True):
                    if index not in oracles:
                        oracles[index] = pick(instances[index])
                    pieces.append((trace, score(trace, instances[index], oracles[index])))
                store.add(row.name, indices, pieces)
                bar.advance(task, len(indices))


def batches(left: Iterable[int], instances: Sequence[Instance], size: int) -> Iterable[list[int]]:
    """The indices in batches of one number of values, boards of like size together: they waste little padding."""
    order = sorted(left, key=lambda index: (instances[index].problem.d, instances[index].problem.n))
    for _, alike in groupby(order, key=lambda index: instances[index].problem.d):
        some = list(alike)
        yield from (some[start : start + size] for start in range(0, len(some), size))


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
    parts = [f"{sum(need.stratum == name for need in needs)} need {name}" for name in STRATA]
    given_up = sum(need.given_up for need in needs)
    several = sum(need.solutions is None or need.solutions > 1 for need in needs)
    tail = f"; {given_up} of them at least so many" if given_up else ""
    return (
        f"Certified search need (guesses of the reference search): {', '.join(parts)}{tail}. "
        f"{several} of {len(instances)} have several solutions."
    )
