"""A run of `takeback subnetworks` as tables of a kept run: two a family and kind of network."""

from __future__ import annotations

from typing import Any

from experiments.subnetworks.grid import TOLERANCES

FIGURES = {
    "told by ULP": "told by ULP %",
    "told without": "told by always the same %",
    "overlap": "overlap %",
    "by chance": "by chance %",
    "by chance, of a size": "by chance among like sizes %",
    "rank": "rank %",
    "stable rank": "stable rank %",
    "stable rank at random": "at random %",
}


def tables(card: dict) -> list[tuple[str, str, int, str, list[tuple[str, str, str]], list[dict[str, Any]]]]:
    """(name, title, n, head, columns, rows) of each."""
    made = []
    heads = [
        ("rate", "rate", "text"),
        ("pass@1", "right %", "share"),
        *((f"above {at:g}", f"changed by more than {at:g} %", "share") for at in TOLERANCES),
        ("bfloat16", "in bfloat16 %", "share"),
        ("bfloat16, 1e-5", "in bfloat16, above 1e-5 %", "share"),
        *((name, head, "share") for name, head in FIGURES.items()),
    ]
    for study in card["summary"]:
        name = f"{study['family']}, {study['kind']}"
        title = (
            f"{study['family']}, {study['blank']} blank cells, {study['kind']} of {study['parameters']:,} weights, "
            f"{study['updates']} updates: what has changed; {study['seeds']} runs"
        )
        rows = [{"name": "before", "figures": {"rate": "-", **study["before"]}}]
        for way, row in study["ways"].items():
            above = {f"above {at:g}": row["float32"][str(at)] for at in TOLERANCES}
            figures = {key: row[key] for key in ("pass@1", "bfloat16", "bfloat16, 1e-5", *FIGURES)}
            rows.append({"name": way, "figures": {"rate": f"{row['rate']:g}", **above, **figures}})
        made.append((name, title, study["n"], "how it learned", heads, rows))
        again = [("pass@1", "right %", "share"), ("distance", "distance from the free run", "number")]
        rows = [{"name": mask, "figures": dict(row)} for mask, row in study["masked"].items()]
        title = f"{name}: the run from rewards once more, changing few weights; distances in lengths of the free way"
        made.append((f"{name}, masked", title, study["n"], "may change", again, rows))
    return made
