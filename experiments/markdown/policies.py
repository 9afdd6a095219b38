"""A run of `takeback policies` as tables of a kept run: two a network."""

from __future__ import annotations

from typing import Any

from experiments.policies.summary import ALL


def tables(card: dict) -> list[tuple[str, str, int, str, list[tuple[str, str, str]], list[dict[str, Any]]]]:
    """(name, title, n, head, columns, rows) of each."""
    made = []
    for study in card["summary"]:
        network, strata = study["network"], [*study["strata"], ALL]
        about = f"{study['seeds']} seeds, {study['updates']} updates of each head"
        heads = [
            *((stratum, f"{stratum} guesses %" if stratum != ALL else "all %", "share") for stratum in strata),
            ("half", f"within {study['calls'] // 2} calls %", "share"),
            ("calls", "calls", "text"),
            ("retracted", "cells taken back", "text"),
        ]
        rows = [
            {"name": name, "figures": {**way, "calls": f"{way['calls']:.0f}", "retracted": f"{way['retracted']:.1f}"}}
            for name, way in study["ways"].items()
        ]
        title = f"{network}: solved within {study['calls']} calls, {about}"
        made.append((network, title, study["n"], "way to decode", heads, rows))
        gains = [(stratum, f"{stratum} guesses, points" if stratum != ALL else "all", "share") for stratum in strata]
        rows = [{"name": name, "figures": dict(gain)} for name, gain in study["gains"].items()]
        made.append((f"{network}, gains", f"{network}: differences, paired", study["n"], "difference", gains, rows))
    return made
