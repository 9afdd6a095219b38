"""A run of `takeback policies` as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments.cli.tables import cell, show
from experiments.policies.measure import NO_NET
from experiments.policies.summary import ALL
from experiments.scoring.statistics import from_record

NOTES = (
    "order ways: one attempt, nothing ruled out, nothing taken back. The others: surest first, legal values alone",
    "no network: every value alike likely in the network's place; its heads are those that learned beside a network",
    "untaught, the order head decodes surest first; rewards are the checker's word on whole boards, values sampled",
)


def show_all(summary: Sequence[dict[str, Any]]) -> None:
    """Print two tables a network."""
    for study in summary:
        strata = study["strata"]
        beside = study["network"] if study["network"] == NO_NET else f"{study['network']} network"
        about = f"{beside}, {study['seeds']} seed{'s' * (study['seeds'] > 1)}, n = {study['n']} a stratum"
        lines = [
            (
                name,
                *(_percent(way[stratum]) for stratum in strata),
                _percent(way[ALL]),
                _percent(way["half"]),
                f"{way['calls']:.0f}",
                f"{way['retracted']:.1f}",
            )
            for name, way in study["ways"].items()
        ]
        head = ("", *(f"{stratum} %" for stratum in strata), "all %", f"within {study['calls'] // 2} calls %")
        title = f"Solved within {study['calls']} calls, by guesses; {about}"
        show(title, (*head, "calls", "cells taken back"), lines, notes=NOTES)
        print()

        lines = [
            (name, *(_percent(gain[stratum]) for stratum in (*strata, ALL))) for name, gain in study["gains"].items()
        ]
        show(f"Differences in points; {about}", ("", *strata, ALL), lines)
        print()


def _percent(record: dict[str, Any]):
    return cell(from_record(record), percent=True)
