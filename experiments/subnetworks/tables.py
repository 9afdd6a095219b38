"""A run of `takeback subnetworks` as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments.cli.tables import cell, show
from experiments.scoring.statistics import from_record
from experiments.subnetworks.summary import with_rate

CHANGED = ("0.0", "1e-05", "0.001")  # tolerances that the terminal shows
NOTES = (
    "changed: the share of all weights that differ from the starting network's by more than the tolerance; bf16: after "
    "both are rounded to bfloat16; by ULP: weights of which |change| over the last place's unit tells that rightly",
    "overlap: of the matrices' weights that one run changes to bfloat16's precision, the share that another seed's "
    "changes too; by chance: with as many dealt out anew, in each matrix, and among weights of the same size",
    "rank, stable rank: of the change, mean over matrices, as a share of the highest possible; at random: of normal "
    "numbers in as many places",
    "intervals over runs (or pairs of runs, which share runs): Student's; of right fillings, over runs and puzzles",
)


def show_all(summary: Sequence[dict[str, Any]]) -> None:
    """Print two tables a study."""
    for study in summary:
        about = (
            f"{study['family']}, {study['kind']}: {study['parameters']:,} weights, {study['updates']} updates, "
            f"n = {study['seeds']} runs"
        )
        head = ("", "right %", *(f"changed %, > {at}" for at in CHANGED), "bf16 %", "by ULP %", "overlap %",
                "by chance %", "of a size %", "rank %", "stable %", "at random %")  # fmt: skip
        lines: list[Sequence] = [("before", _percent(study["before"]["pass@1"]), *"-" * (len(head) - 2))]
        for name, way in study["ways"].items():
            figures = (
                *(way["float32"][at] for at in CHANGED), way["bfloat16"], way["told by ULP"], way["overlap"],
                way["by chance"], way["by chance, of a size"], way["rank"], way["stable rank"],
                way["stable rank at random"],
            )  # fmt: skip
            lines.append((with_rate(name, way), _percent(way["pass@1"]), *map(_percent, figures)))
        show(about, head, lines, notes=NOTES)
        print()

        again = [
            (f"rewards, {name} alone", _percent(row["pass@1"]), cell(from_record(row["distance"])))
            for name, row in study["masked"].items()
        ]
        show(
            f"{study['family']}, {study['kind']}: the run from rewards once more, most weights held fast",
            ("may change", "right %", "distance"),
            again,
            notes=("distance: between its end and the free run's, in lengths of the free run's way from the start",),
        )
        print()


def _percent(record: dict[str, Any]):
    return cell(from_record(record), percent=True)
