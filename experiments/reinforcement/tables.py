"""A run of `takeback reinforcement` as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments.cli.tables import cell, show
from experiments.reinforcement.measure import NO_NET
from experiments.scoring.statistics import from_record

NOTES = (
    "pass@k: the chance that one of k fillings of a puzzle is right, by the checker; fillings at temperature 1",
    "gain: of pass@1, in points, over the network before; against exact: less the gain of GRPO with the exact "
    "likelihood, of the same kind of network",
    "read: states that the network read while it learned, those with gradients three times",
)


def show_all(summary: Sequence[dict[str, Any]]) -> None:
    """Print a table a family."""
    for study in summary:
        columns = [name for name in next(iter(study["before"].values()))]
        title = (
            f"{study['family']}, {study['blank']} blank cells: {study['updates']} updates from rewards; "
            f"{study['seeds']} starting network{'s' * (study['seeds'] > 1)}, n = {study['n']} puzzles x networks"
        )
        lines = [
            (
                kind if kind == NO_NET else f"{kind}: before",
                *(cell(from_record(row[name]), percent=True) for name in columns),
                "-",
                "-",
                "0",
            )
            for kind, row in study["before"].items()
        ]
        for name, row in study["recipes"].items():
            against = "-" if row["against"] is None else cell(from_record(row["against"]), percent=True)
            figures = [cell(from_record(row[column]), percent=True) for column in columns]
            lines.append((name, *figures, cell(from_record(row["gain"]), percent=True), against, f"{row['read']:,}"))
        show(title, ("", *(f"{name} %" for name in columns), "gain", "against exact", "read"), lines, notes=NOTES)
        print()
