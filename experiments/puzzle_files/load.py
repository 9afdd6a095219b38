"""Instances for an experiment: drawn from a family, from a shipped set, or read from the user's file and certified."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from csp.difficulty.reference_search import BUDGET
from csp.errors import BadInput
from csp.generate import draw
from csp.io import shipped_sets
from csp.problem import Instance
from experiments.cli.terminal import console
from experiments.puzzle_files import formats
from experiments.puzzle_files.certify import certify, solvable
from solvers.oracles.pick import settle


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


def read(
    path: Path,
    colours: int | None,
    count: int | None = None,
    tick: Callable[[], None] = lambda: None,
    one_kind: bool = True,
    skip: bool = False,
    patience: int = BUDGET,
    fewer: Instance | None = None,
) -> list[Instance]:
    """The puzzles of a file, in any format of experiments/puzzle_files/formats.py, each certified.

    count: only the first so many. one_kind: all of one family and number of values. Repeated puzzles are left out, and
    that is said. Raises BadInput, naming file and line, for anything malformed, for puzzles of more than one kind (if
    one_kind), and for a puzzle without a solution (skip: that is said, and it is left out). patience: guesses after
    which the reference search gives up, which leaves a lower bound of the search need. fewer: the same graph certified
    with fewer colours: its solution is one with more, too, which none need be searched for then.
    """
    instances: list[Instance] = []
    seen: set[str] = set()
    repeated = 0
    for instance in formats.read(path, colours)[:count]:
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
            console.print(f"left out: {fault}")
    if repeated:
        console.print(f"{path}: {repeated} repeated puzzle{'s' * (repeated > 1)} left out; each counts once")
    return instances
