"""A run of `takeback factors` as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments.cli.tables import cell as figure
from experiments.cli.tables import plain, short
from experiments.cli.tables import show as show_table
from experiments.factors.grid import ORDERS
from experiments.scoring.statistics import from_record

UNITS = {"retraction": "points"}  # of a verdict's figures; the others are shares of the gap


def show(summary: Sequence[dict[str, Any]]) -> None:
    """Print it: what was solved, what was compared, what it comes to."""
    for study in summary:
        _show_study(study)


def _show_study(study: dict[str, Any]) -> None:
    name = f"{study['set']} of {', '.join(study['strata'])} guesses"
    seeds = f"{study['seeds']} network{'s' * (study['seeds'] > 1)} a kind"
    title = f"takeback factors: {name}; {seeds}, {study['size']}; n = {study['n']} traces a figure"
    lines = []
    for net in study["networks"]:
        lines.append((net["name"], *(figure(from_record(net[order]), percent=True) for order in ORDERS)))
    notes = ["solved %, nothing vetoed, nothing taken back, one cell a call, by the order in which cells are filled"]
    show_table(title, ("network", *ORDERS), lines, notes=notes)

    lines = []
    for c in study["planned"]:
        adjusted = "-" if c["adjusted"] is None else f"{c['adjusted']:.4f}".rstrip("0").rstrip(".")
        lines.append((c["name"], c["is"], figure(from_record(c["figure"]), percent=True), adjusted))
    if lines:
        notes = ["percentage points of puzzles solved; p is adjusted for all of these comparisons (Holm)"]
        show_table("\nplanned comparisons", ("", "is", "points", "p"), lines, left=("is",), wrap=("is",), notes=notes)
    if study["shapley"]:
        lines = [
            (
                factor,
                figure(from_record(row["log-odds"])),
                figure(from_record(row["share"]), percent=True) if row["share"] else "100",
            )
            for factor, row in study["shapley"].items()
        ]
        notes = ["what each adds on average over all sequences in which they can be added (Shapley)"]
        show_table("\nthe gap, shared out", ("factor", "log-odds", "share %"), lines, notes=notes)
    if study["interaction"]:
        found = study["interaction"]
        print(f"\norder x workspace: {plain(from_record(found['figure']))} log-odds, p = {short(found['p'])}")
    for verdict in study["verdicts"]:
        said = ", ".join(
            f"{name} {plain(from_record(f), share=True)} {UNITS.get(name, '%')}"
            for name, f in verdict["figures"].items()
        )
        print(f'"{verdict["claim"]}": {verdict["verdict"]}. By {verdict["by"]}: {said}.')
    print()
