"""A run of `takeback likelihood` as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments.cli.tables import cell, plain, show
from experiments.scoring.statistics import from_record

COLUMNS = ("bias", "sd", "rank", "cosine", "cosine_of_mean", "ratio_shared", "ratio_apart")
HEADS = ("bias", "spread", "rank", "cosine", "cosine of mean", "log-ratio, same masks", "log-ratio, own masks")
NOTES = (
    "nats of a whole filling: bias and spread (standard deviation) of one estimate about the exact log-likelihood",
    "rank: its rank correlation with the exact one over the fillings of a puzzle",
    "cosine: between the gradients that advantages times estimates and times exact log-likelihoods have, of one "
    "estimate and of the mean over several; over puzzles with right and wrong fillings only",
    "log-ratio: spread of the estimated change in log-likelihood after one update, both networks reading the same "
    "masks (antithetic) or each its own",
)


def show_all(summary: Sequence[dict[str, Any]], all_sizes: bool) -> None:
    """Print a table for each family and order: of the most free cells, or of all numbers of them."""
    last = {(study["family"], study["order"], study["updates"]): study for study in summary}
    shown = list(summary) if all_sizes else list(last.values())
    for place, study in enumerate(shown):
        right = plain(from_record(study["right"]), share=True)
        title = (
            f"{study['family']}, {study['k']} free cells, {study['order']} order, networks of {study['updates']} "
            f"updates, which are right about {right} % of fillings; n = {study['n']} puzzles x networks"
        )
        lines = [
            (name, str(row["forwards"]), *(cell(from_record(row[column])) for column in COLUMNS))
            for name, row in study["estimators"].items()
        ]
        show(title, ("estimate", "calls", *HEADS), lines, notes=NOTES if place == len(shown) - 1 else ())
        print()
