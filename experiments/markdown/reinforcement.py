"""A run of `takeback reinforcement` as tables of a kept run: one a family."""

from __future__ import annotations

from typing import Any

from experiments.reinforcement.measure import NO_NET


def tables(card: dict) -> list[tuple[str, str, int, str, list[tuple[str, str, str]], list[dict[str, Any]]]]:
    """(name, title, n, head, columns, rows) of each."""
    made = []
    for study in card["summary"]:
        columns = list(next(iter(study["before"].values())))
        heads = [
            *((name, f"{name} %", "share") for name in columns),
            ("gain", "gain, points", "share"),
            ("against", "less the exact one's", "share"),
            ("read", "states read", "text"),
        ]
        title = (
            f"{study['family']}, {study['blank']} blank cells: {study['updates']} updates from the checker's word; "
            f"{study['seeds']} starting networks"
        )
        rows = [
            {"name": kind if kind == NO_NET else f"{kind}: before", "figures": dict(row)}
            for kind, row in study["before"].items()
        ]
        for name, row in study["recipes"].items():
            figures = {key: row[key] for key in (*columns, "gain", "against") if row[key] is not None}
            rows.append({"name": name, "figures": {**figures, "read": f"{row['read']:,}"}})
        made.append((study["family"], title, study["n"], "network: how it learned", heads, rows))
    return made
