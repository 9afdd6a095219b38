"""A run of `takeback likelihood` as tables of a kept run: one a family, order, number of free cells and stage."""

from __future__ import annotations

from typing import Any

from experiments.cli.tables import plain
from experiments.likelihood.summary import FIGURES
from experiments.scoring.statistics import from_record

HEADS = [
    ("source", "source", "text"),
    ("forwards", "calls", "text"),
    *((column, name, "number") for column, name in FIGURES.items()),
]


def tables(card: dict) -> list[tuple[str, str, int, str, list[tuple[str, str, str]], list[dict[str, Any]]]]:
    """(name, title, n, head, columns, rows) of each."""
    made = []
    for study in card["summary"]:
        name = f"{study['family']}, {study['order']}, k={study['k']}, {study['updates']} updates"
        right, exact = plain(from_record(study["right"]), share=True), plain(from_record(study["exact"]))
        title = (
            f"{study['family']}, {study['k']} free cells filled in {study['order']} order by networks of "
            f"{study['updates']} updates: {right} % of fillings are right, exact log-likelihood {exact} nats"
        )
        rows = [
            {"name": of, "figures": {**figures, "forwards": str(figures["forwards"])}}
            for of, figures in study["estimators"].items()
        ]
        made.append((name, title, study["n"], "estimate", HEADS, rows))
    return made
