"""A run of `takeback samplers` as tables of a kept run: what networks say of wrong cells, and one a network."""

from __future__ import annotations

from typing import Any

from experiments.samplers.grid import SAMPLERS
from experiments.samplers.tables import SAID, starred


def tables(card: dict) -> list[tuple[str, str, int, str, list[tuple[str, str, str]], list[dict[str, Any]]]]:
    """(name, title, n, head, columns, rows) of each."""
    made = []
    for study in card["summary"]:
        family, budgets = study["family"], [str(b) for b in study["budgets"]]
        heads = [(key, head, "share" if share else "number") for key, (head, share) in SAID.items()]
        rows = [{"name": net, "figures": dict(row)} for net, row in study["said"].items()]
        title = f"{family}: loss on clean states in nats per free cell, and which visible cells a network would change"
        states = max(row["clean"]["n"] for row in study["said"].values())
        made.append((f"{family}, networks", title, states, "learned from", heads, rows))

        heads = [
            ("source", "source", "text"),
            *((b, f"{b} calls %", "share") for b in budgets),
            *((f"{b} FLOPs", f"FLOPs of {b} %", "share") for b in budgets),
            ("over placebo", "over placebo, points", "share"),
            ("over no network", "over no network, points", "share"),
            ("retractions", "cells taken back", "number"),
            ("needless", "needless %", "share"),
        ]
        for net, samplers in study["samplers"].items():
            rows = [_row(name, row, budgets) for name, row in samplers.items()]
            title = (
                f"{family}, network: {net} ({study['seeds'][net]} of them): solved within calls, and within the FLOPs "
                f"of as many plain passes; differences at {budgets[-1]} calls, paired. *: told the rules"
            )
            made.append((f"{family}, {net}", title, study["n"], "sampler", heads, rows))
        rows = [
            {"name": starred(name), "figures": {b: row["calls"][b] for b in budgets}}
            for name, row in study["no network"].items()
        ]
        heads = [(b, f"{b} calls %", "share") for b in budgets]
        made.append(
            (f"{family}, no network", f"{family}: every value equally likely", study["n"], "sampler", heads, rows)
        )
    return made


def _row(name: str, row: dict[str, Any], budgets: list[str]) -> dict[str, Any]:
    over = {key: row[key][budgets[-1]] for key in ("over placebo", "over no network") if key in row}
    figures = {b: row["calls"][b] for b in budgets} | {f"{b} FLOPs": row["flops"][b] for b in budgets}
    rest = {key: row[key] for key in ("retractions", "needless", "met")}
    placebo = {f"placebo, {b}": row["placebo"]["calls"][b] for b in budgets} if "placebo" in row else {}
    source = SAMPLERS[name].source or "-"
    return {"name": starred(name), "figures": {"source": source, **figures, **over, **rest, **placebo}}
