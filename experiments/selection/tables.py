"""A run of `takeback selection` as tables on a terminal."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from experiments.cli.tables import cell, show
from experiments.scoring.statistics import from_record
from experiments.selection.summary import AGAINST, share_of_pool

NOTES = (
    "solved: by the checker, a cell a call, nothing taken back; loss: nats a free cell; differences in points, paired "
    "by puzzle; intervals over networks and puzzles at once (one network: over puzzles alone)",
    "of the skill, spoiled, different: of the items chosen, those of the target's skill, those with a wrong label, and "
    "how many puzzles they are, guises of one counted once",
    "choosing, training: FLOPs, in units of a training on the full pool at equal epochs",
)
HEADS = ("", "solved %", "loss", "less random", "less pool", "less pool, epochs", "of the skill %", "spoiled %",
         "different %", "choosing", "training")  # fmt: skip


def show_all(summary: dict[str, Any]) -> None:
    """Print a table a target and kind, the curve of masks, and the verdicts."""
    for study in summary["studies"]:
        strata = ", ".join(f"{many} of {stratum} guesses" for stratum, many in study["strata"].items())
        title = (
            f"{study['target']}, {study['kind']}: {study['chosen']:,} of {study['pool']:,} items chosen; "
            f"{study['seeds']} network{'s' * (study['seeds'] > 1)}, {study['tests']} puzzles ({strata})"
        )
        lines = []
        for name, row in study["ways"].items():
            costs = (f"{one:.3g}" if one else "0" for one in share_of_pool(row, study))
            lines.append(
                (name, _share(row["solved"]), cell(from_record(row["loss"])),
                 *(_share(row.get(one)) for one in AGAINST),
                 *(_share(row[one]) for one in ("of the skill", "spoiled", "different")), *costs)
            )  # fmt: skip
        show(title, HEADS, lines, notes=NOTES)
        print()
    if summary["masks"]:
        lines = [
            (f"{one['kind']}, {one['masks']}", str(one["draws"]), cell(from_record(one["rank correlation"])),
             _share(one["top in common"]))
            for one in summary["masks"]
        ]  # fmt: skip
        show(
            "two rankings that differ in their masks alone",
            ("", "masks an item", "rank correlation", "top 5 % in common"),
            lines,
        )
        print()
    for sentence in summary["verdicts"]:
        print(sentence)


def _share(figure: dict[str, Any] | None) -> Text:
    """A share; a dash where there is none."""
    return Text("-", style="dim") if figure is None else cell(from_record(figure), percent=True)
