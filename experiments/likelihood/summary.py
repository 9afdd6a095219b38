"""The records of `takeback likelihood`, summed up: a figure with its interval for each case, order and estimator.

    >>> summarise(records, preset)[0]["estimators"]["coupled"]["bias"]
    {'value': ..., 'low': ..., 'high': ..., 'n': ...}

Networks and puzzles are both samples: the pigeonhole bootstrap (experiments/scoring/statistics.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from experiments.likelihood.grid import Case, Preset
from experiments.scoring.statistics import bootstrap_crossed
from generators.likelihood.estimators import estimators
from generators.likelihood.order_policies import ORDERS

#: What is measured of an estimator: a column of a record, and what it is called.
FIGURES = {
    "bias": "bias",
    "sd": "spread",
    "rank": "rank",
    "cosine": "cosine",
    "cosine_of_mean": "cosine of mean",
    "ratio_shared": "ratio, shared",
    "ratio_apart": "ratio, apart",
    "ratio_bias": "ratio bias",
}


def summarise(records: Iterable[dict[str, Any]], preset: Preset) -> list[dict[str, Any]]:
    """A study for each case and order."""
    found: dict[tuple, list[dict]] = {}
    for record in records:
        found.setdefault(tuple(record[name] for name in ("family", "updates", "k", "order")), []).append(record)
    return [
        _study(case, order, found[case.puzzles.name, case.updates, case.k, order], preset)
        for case in preset.cases()
        for order in ORDERS
    ]


def _study(case: Case, order: str, records: Sequence[dict[str, Any]], preset: Preset) -> dict[str, Any]:
    def figure(column: str, estimator: str) -> dict[str, Any]:
        table = np.full((preset.seeds, preset.instances), np.nan)
        for record in records:
            if record["estimator"] == estimator and record[column] is not None:
                table[record["seed"], record["index"]] = record[column]
        return bootstrap_crossed(table)._asdict()

    names = estimators(ORDERS[order])
    return {
        "family": case.puzzles.name,
        "updates": case.updates,
        "k": case.k,
        "order": order,
        "n": preset.seeds * preset.instances,
        "right": figure("right", "exact"),
        "exact": figure("exact", "exact"),
        "estimators": {
            name: {
                "source": estimator.source,
                "target": estimator.target,
                "forwards": estimator.forwards(case.k),
                **{column: figure(column, name) for column in FIGURES},
            }
            for name, estimator in names.items()
        },
    }
