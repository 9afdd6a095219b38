"""What the commands of `takeback instances` print: a line a puzzle, and a summary by stratum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from csp.problem import LEVELS, STRATA, Instance
from experiments.cli.tables import Line, cell, show
from experiments.scoring.statistics import bootstrap, proportion


def each(instances: Sequence[Instance]) -> None:
    """Print a line an instance."""
    lines: list[Line] = []
    for instance in instances:
        need = instance.difficulty
        guesses = f"{need.guesses}{'+' * need.given_up}"
        effort = ["-" if figure is None else str(figure) for figure in (need.conflicts, need.branches)]
        sizes = str(instance.problem.n), str(instance.problem.n - instance.blanks)
        place = (guesses, "none", "-") if need.solutions == 0 else (guesses, need.stratum, need.level)
        lines.append((instance.provenance, *sizes, *place, _solutions(instance), *effort))
    heads = ("puzzle", "cells", "given", "guesses", "stratum", "level", "solutions", "CP-SAT conflicts", "branches")
    show("", heads, lines)


def _solutions(instance: Instance) -> str:
    need = instance.difficulty
    if need.solutions is None:
        return "1+"
    return f"{need.solutions}{'+' * (need.solutions == need.limit)}"


def summary(instances: Sequence[Instance], title: str) -> None:
    """Print how many instances each stratum holds and what they are like, with 95 % intervals."""
    lines: list[Line] = []
    solvable = [instance for instance in instances if instance.difficulty.solutions != 0]
    groups = {name: [i for i in solvable if i.difficulty.stratum == name] for name in STRATA}
    groups["none"] = [instance for instance in instances if instance.difficulty.solutions == 0]
    for name, members in [*groups.items(), ("all", list(instances))]:
        if members:
            needs = [i.difficulty for i in members]
            levels = Counter(need.level for need in needs)
            counts = [-1 if need.solutions is None else need.solutions for need in needs]
            kinds = sum(c == 0 for c in counts), sum(need.unique for need in needs), sum(c > 1 for c in counts)
            effort = [
                bootstrap([getattr(need, name) for need in needs if getattr(need, name) is not None])
                for name in ("conflicts", "branches")
            ]
            lines.append(
                (
                    name,
                    str(len(members)),
                    cell(proportion(len(members), len(instances)), percent=True),
                    cell(bootstrap([need.guesses for need in needs], np.mean)),
                    *(str(levels[level]) for level in LEVELS),
                    *map(str, kinds),
                    *map(cell, effort),
                )
            )
    lower = sum(i.difficulty.given_up for i in instances)
    notes = [
        "guesses: values the reference search tries at branchings (singles first, fewest values next) to the proof; "
        "legal, naked, hidden: the weakest rule that fills the puzzle without a guess (docs/puzzle-files.md); "
        "search: none does; conflicts, branches: CP-SAT's, mean. Below each figure its 95 % interval."
    ]
    if lost := len(groups["none"]):
        notes.append(f"{lost} {'has' if lost == 1 else 'have'} no solution (row none): nothing can solve them.")
    if lower:
        notes.append(f"{lower} searches were stopped at their budget: their guesses are at least what is shown (+).")
    heads = ("guesses", "n", "share %", "mean", *LEVELS, "unsolvable", "unique", "several", "conflicts", "branches")
    show(title, heads, lines, notes=notes)
