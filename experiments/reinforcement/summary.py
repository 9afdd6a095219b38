"""The records of `takeback reinforcement`, summed up: pass@k before and after, gains, and gains less the reference's.

    >>> summarise(records, preset)[0]["recipes"]["diffusion: grpo, exact"]["gain"]

Starting networks and puzzles are both samples: the pigeonhole bootstrap.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Float

from experiments.reinforcement.grid import REFERENCE, Preset
from experiments.reinforcement.measure import BEFORE, NO_NET
from experiments.scoring.statistics import bootstrap_crossed

AT = (1, 4, 16, 64)


def summarise(records: Iterable[dict[str, Any]], preset: Preset) -> list[dict[str, Any]]:
    """A study for each family."""
    found: dict[tuple, list[dict]] = {}
    for record in records:
        found.setdefault((record["family"], record["recipe"], record["kind"]), []).append(record)
    return [
        {
            "family": puzzles.name,
            "blank": preset.blank,
            "n": preset.seeds * preset.tests,
            "seeds": preset.seeds,
            "updates": preset.updates,
            "before": {
                kind: {
                    f"pass@{k}": _figure(pass_table(found[puzzles.name, BEFORE, kind], preset, k)) for k in _at(preset)
                }
                for kind in (NO_NET, *preset.kinds)
            },
            "recipes": {recipe.name: _recipe(found, puzzles.name, recipe, preset) for recipe in preset.recipes},
        }
        for puzzles in preset.families
    ]


def _recipe(found: dict, family: str, recipe, preset: Preset) -> dict[str, Any]:
    mine = found[family, recipe.name, recipe.kind]
    before = pass_table(found[family, BEFORE, recipe.kind], preset, 1)
    after = pass_table(mine, preset, 1)
    reference = REFERENCE[recipe.kind]
    known = found.get((family, reference.name, recipe.kind))
    against = None if known is None or recipe == reference else _figure(after - pass_table(known, preset, 1))
    curve = sorted((r["update"], r["seed"], r["read"], r["pass"]) for r in mine if r["update"] is not None)
    return {
        **{f"pass@{k}": _figure(pass_table(mine, preset, k)) for k in _at(preset)},
        "gain": _figure(after - before),
        "against": against,
        "read": max(read for _, _, read, _ in curve),
        "curve": [list(point) for point in curve],
    }


def _at(preset: Preset) -> list[int]:
    return [k for k in AT if k <= preset.samples]


def pass_table(records: list[dict], preset: Preset, k: int) -> Float[np.ndarray, "seeds puzzles"]:
    """The chance that one of k fillings is right (generators/reinforcement/trainer.py, pass_at), of each puzzle."""
    table = np.full((preset.seeds, preset.tests), np.nan)
    for record in records:
        if record["index"] is not None:
            n, right = record["samples"], record["right"]
            table[record["seed"], record["index"]] = 1 - math.comb(n - right, k) / math.comb(n, k)
    return table


def _figure(table: Float[np.ndarray, "seeds puzzles"]) -> dict[str, Any]:
    return bootstrap_crossed(table)._asdict()
