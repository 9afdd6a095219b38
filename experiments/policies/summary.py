"""The records of `takeback policies`, summed up: shares solved by way and stratum, and what learning gains.

    >>> summarise(records, preset)[0]["gains"]["learning the order"]["11-100"]

Networks (or heads) and puzzles are both samples: the pigeonhole bootstrap. Differences are paired.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Float

from experiments.policies.grid import GAINS, HEADS, WAYS, Preset
from experiments.policies.measure import NO_NET
from experiments.scoring.statistics import bootstrap_crossed

ALL = "all"


def summarise(records: Iterable[dict[str, Any]], preset: Preset) -> list[dict[str, Any]]:
    """A study for each network that heads learned beside, and one for no network."""
    every = list(records)
    return [_study([r for r in every if r["network"] == name], name, preset) for name in (*preset.networks, NO_NET)]


def _study(records: list[dict], name: str, preset: Preset) -> dict[str, Any]:
    tables = {
        (way.name, half): _tables(records, way.name, preset, preset.calls // (2 if half else 1))
        for way in WAYS
        for half in (False, True)
    }
    ways = {}
    for way in WAYS:
        mine = [record for record in records if record["way"] == way.name]
        ways[way.name] = {
            **{stratum: _figure(table) for stratum, table in tables[way.name, False].items()},
            "half": _figure(tables[way.name, True][ALL]),
            "calls": float(np.mean([record["calls"] for record in mine])),
            "flops": float(np.mean([record["flops"] for record in mine])),
            "retracted": float(np.mean([record["retracted"] for record in mine])),
        }
    gains = {
        gain: {
            stratum: _figure(tables[one, False][stratum] - tables[other, False][stratum])
            for stratum in (*preset.strata, ALL)
        }
        for gain, one, other in GAINS
    }
    curves = {
        head.name: sorted([r["update"], r["seed"], r["read"], r["right"]] for r in records if r["head"] == head.name)
        for head in HEADS
    }
    return {
        "network": name,
        "seeds": preset.seeds,
        "n": preset.seeds * preset.tests,
        "strata": list(preset.strata),
        "calls": preset.calls,
        "updates": preset.updates,
        "ways": ways,
        "gains": gains,
        "curves": {head: points for head, points in curves.items() if points},
    }


def _tables(records: list[dict], way: str, preset: Preset, calls: int) -> dict[str, Float[np.ndarray, "seeds puzzles"]]:
    """Solved within so many calls or not, by stratum, and over all of them, whose puzzles stand side by side."""
    made = {stratum: np.full((preset.seeds, preset.tests), np.nan) for stratum in preset.strata}
    for record in records:
        if record["way"] == way:
            within = record["solved"] and record["calls"] <= calls
            made[record["stratum"]][record["seed"], record["index"]] = within
    return made | {ALL: np.concatenate(list(made.values()), axis=1)}


def _figure(table: Float[np.ndarray, "seeds puzzles"]) -> dict[str, Any]:
    return bootstrap_crossed(table)._asdict()
