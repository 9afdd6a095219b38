"""Instances for an experiment: drawn from a family's test split, or read from the user's file and certified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from csp import colouring, reference, sudoku
from csp.errors import BadInput
from csp.files import read_text
from csp.generate import draw
from csp.problem import Instance
from experiments.console import console
from solvers.oracle import CpSat, Undecided


def drawn(family: str, seed: int, count: int, tick: Callable[[], None] = lambda: None) -> list[Instance]:
    """The first `count` items of the family's test split: no orbit of theirs was trained on."""
    instances = []
    for index in range(count):
        instances.append(draw(family, seed, "test", index))
        tick()
    return instances


def read(
    path: Path, colours: int | None, count: int | None = None, tick: Callable[[], None] = lambda: None
) -> list[Instance]:
    """The puzzles of a file: one graph of a .col file, or one Sudoku a line (blank and # lines are skipped).

    count: only the first so many. Repeated puzzles are left out, and that is said. Raises BadInput, naming file and
    line, for anything malformed, for puzzles of more than one size, and for a puzzle without a solution.
    """
    text = read_text(path)
    if path.suffix.lower() == ".col":
        if colours is None:
            raise BadInput(f"{path}: a graph needs --colours K")
        return [certified(colouring.parse_dimacs(text, colours, str(path)))]
    if colours is not None:
        raise BadInput(f"--colours is for .col graphs; {path.name} is read as Sudokus")
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    lines = [(n, line) for n, line in lines if line and not line.startswith("#")]
    if not lines:
        raise BadInput(f"{path}: no puzzle in it")
    instances: list[Instance] = []
    seen: set[str] = set()
    repeated = 0
    for number, line in lines if count is None else lines[:count]:
        instance = sudoku.parse(line, f"{path}, line {number}")
        if instances and instance.problem is not instances[0].problem:
            raise BadInput(
                f"{instance.provenance}: a {instance.problem.name}, but the file began with a "
                f"{instances[0].problem.name}; one size a file"
            )
        tick()
        if instance.id in seen:
            repeated += 1
            continue
        seen.add(instance.id)
        instances.append(certified(instance))
    if repeated:
        console.print(f"{path}: {repeated} repeated puzzle{'s' * (repeated > 1)} left out; each counts once")
    return instances


def certified(instance: Instance) -> Instance:
    """The instance with difficulty and a witness, where the reference search can give them.

    Raises BadInput if it has no solution, or if that stays undecided.
    """
    difficulty = reference.grade(instance.problem, instance.givens)
    if difficulty is not None and difficulty.solutions:
        witness = reference.complete(instance.problem, instance.givens)
    else:
        try:
            witness = CpSat(instance).solve()
        except Undecided as fault:
            raise BadInput(f"{instance.provenance}: whether it has a solution is undecided ({fault})") from None
    if witness is None:
        raise BadInput(f"{instance.provenance}: impossible: this {instance.problem.name} has no solution")
    if not instance.solved(witness):
        raise AssertionError(f"the checker found a witness wrong: {instance.provenance}")
    return replace(instance, difficulty=difficulty, witness=witness)
