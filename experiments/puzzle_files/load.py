"""Instances for an experiment: drawn from a family, from a shipped set, or read from the user's file and certified."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from csp.difficulty.reference_search import BUDGET
from csp.errors import BadInput
from csp.generate import draw
from csp.io import shipped_sets
from csp.problem import Instance
from experiments.cli.terminal import console
from experiments.puzzle_files import formats
from experiments.puzzle_files.boards import Shape
from experiments.puzzle_files.certify import certify, solvable
from solvers.oracles.pick import settle

SHOWN = 5  # puzzles that are left out and named
MOST = 300  # characters of what is said of one


def drawn(family: str, seed: int, count: int, tick: Callable[[], None] = lambda: None) -> list[Instance]:
    """The first `count` items of the family's test split: no orbit of theirs was trained on."""
    instances = []
    for index in range(count):
        instances.append(solvable(draw(family, seed, "test", index, settle)))
        tick()
    return instances


def shipped(name: str, stratum: str, count: int | None) -> list[Instance]:
    """The first `count` instances (None: all) of a stratum of a shipped set; if it has fewer, that is said."""
    instances = shipped_sets.load(name, stratum, count)
    if count is not None and len(instances) < count:
        console.print(f"set {name} holds {len(instances)} instances of stratum {stratum}, not {count}")
    return instances


def of_strata(name: str, strata: Iterable[str], count: int | None) -> list[Instance]:
    """The first `count` instances of each of those strata of a shipped set, each stratum once."""
    return [instance for stratum in dict.fromkeys(strata) for instance in shipped(name, stratum, count)]


def puzzles(
    path: Path, colours: int | None, name: str | None = None, box: Shape | None = None, strict: bool = False
) -> list[Instance]:
    """The puzzles of a file, not certified, read as formats.examine says. What cannot be read is named, counted and
    left out; strict, or if there is nothing else: raises it, a BadInput.
    """
    reading = formats.examine(path, colours, name, box)
    if reading.faults and (strict or not reading.instances):
        several = f" ({len(reading.faults) - 1} more like it)" if len(reading.faults) > 1 and not strict else ""
        raise BadInput(f"{reading.faults[0]}{several}")
    for notice in reading.notices:
        console.print(notice)
    say_left_out(reading.faults, path)
    return reading.instances


def say_left_out(faults: Sequence[BadInput], path: Path) -> None:
    """Name the first few puzzles that are left out, and count them all."""
    for fault in faults[:SHOWN]:
        console.print(f"left out: {str(fault)[:MOST]}")
    if faults:
        several = len(faults) > 1
        console.print(
            f"{path}: {len(faults)} puzzle{'s' * several} left out in all; the others are numbered without "
            f"{'them' if several else 'it'} (--strict stops instead)"
        )


def read(
    path: Path,
    colours: int | None,
    count: int | None = None,
    tick: Callable[[], None] = lambda: None,
    one_kind: bool = True,
    skip: bool = True,
    patience: int = BUDGET,
    fewer: Instance | None = None,
    name: str | None = None,
    box: Shape | None = None,
    maybe_none: bool = False,
) -> list[Instance]:
    """The puzzles of a file, in any form that experiments/puzzle_files reads, each certified.

    count: only the first so many. one_kind: all of one family and number of values. Repeated puzzles are left out, and
    that is said. A puzzle that cannot be read or has no solution is named and left out, or raises BadInput if there is
    no other or skip is off. Raises BadInput, naming file and line, for puzzles of more than one kind (if one_kind).
    patience: guesses after which the reference search gives up, which leaves a lower bound of the search need. fewer:
    the same graph certified with fewer colours: its solution is one with more, too, which none need be searched for
    then. name, box: as formats.examine. maybe_none: a file of puzzles without a solution gives none of them instead of
    raising.
    """
    instances: list[Instance] = []
    seen: set[str] = set()
    repeated = 0
    faults: list[BadInput] = []
    for instance in puzzles(path, colours, name, box, strict=not skip)[:count]:
        tick()
        problem = instance.problem
        if one_kind and instances and (problem.d, instance.family) != (instances[0].problem.d, instances[0].family):
            raise BadInput(
                f"{instance.provenance}: a {problem.name}, but the file began with a "
                f"{instances[0].problem.name}; one size a file"
            )
        if instance.id in seen:
            repeated += 1
            continue
        seen.add(instance.id)
        if fewer is not None and fewer.problem.n == problem.n and instance.solved(fewer.witness):
            instance = replace(instance, witness=fewer.witness)
        try:
            instances.append(certify(instance, patience))
        except BadInput as fault:
            if not skip:
                raise
            faults.append(fault)
    if faults and not instances and not maybe_none:
        raise faults[0]
    say_left_out(faults, path)
    if repeated:
        console.print(f"{path}: {repeated} repeated puzzle{'s' * (repeated > 1)} left out; each counts once")
    return instances
