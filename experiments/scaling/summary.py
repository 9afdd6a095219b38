"""The records of `takeback scaling`, summed up: curves, comparisons of kinds, and what each part adds.

    >>> summarise(found)["curves"][0]["exponent"]
    {'value': ..., 'low': ..., 'high': ..., 'n': ...}

It copes with parts that are not there, and says so; n of a fitted figure counts runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.scaling import fits
from experiments.scaling.comparisons import compared, workspace
from experiments.scaling.fits import Curve, estimate
from experiments.scaling.grid import FAMILIES, KINDS, STANDARD
from experiments.scaling.parts import blocks, data_limited, depth, rates_check, slack, spending
from experiments.scaling.stages import Found, Record, main_grid, points, scales
from experiments.scaling.verdicts import verdicts


def summarise(found: Found) -> dict[str, Any]:
    """Everything that tables, figure and documents show."""
    records = found.records
    curves = {
        (family, kind): fits.isoflop(some)
        for family in FAMILIES
        for kind in KINDS
        if (some := points(records, family, kind))
    }
    once = {record["sha256"]: record for record in records}.values()  # some networks belong to two parts
    made: dict[str, Any] = {
        "networks": len(once),
        "flops": float(sum(record["flops"] or 0.0 for record in once)),
        "seconds": float(sum(record["seconds"] or 0.0 for record in once)),
        "parts": {name: {"about": STANDARD[name].about, "have": have, "of": of}
                  for name, (have, of) in found.wanted.items()},
        "missing": missing(found, curves),
        "rates": {"scales": scales(records), "tried": rates_tried(records), "check": rates_check(records)},
        "curves": [curve_figures(records, family, kind, curve) for (family, kind), curve in curves.items()],
        "comparisons": compared(records, curves),
        "workspace": workspace(curves),
        "slack": slack(records),
        "spending": spending(main_grid(records)),
        "data": data_limited(records),
        "blocks": blocks(found.blocks),
        "depth": depth(records),
    }  # fmt: skip
    return made | {"verdicts": verdicts(made)}


def missing(found: Found, curves: Mapping[tuple[str, str], Curve]) -> list[str]:
    """What is not there yet, in words."""
    said = [f"part {name}: not begun" for name in STANDARD if not found.wanted.get(name, [0, 0])[0]]
    said += [
        f"part {name}: {have} of {of} networks"
        for name, (have, of) in found.wanted.items()
        if 0 < have < of
    ]  # fmt: skip
    return said + [
        f"{family}, {kind}: {len(curve.budgets)} parabolas, no power law"
        for (family, kind), curve in curves.items()
        if len(curve.budgets) < 2
    ]


def rates_tried(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """Excess nats by kind and scale of the rate."""
    tried = [r for r in records if r["part"] in STANDARD and STANDARD[r["part"]].tunes]
    return {
        kind: {f"{r['scale']:g}": r["excess"] for r in tried if r["kind"] == kind}
        for kind in dict.fromkeys(r["kind"] for r in tried)
    }


def curve_figures(records: Sequence[Record], family: str, kind: str, curve: Curve) -> dict[str, Any]:
    """The iso-FLOP curve of a kind on a family: its runs, vertices and law."""
    mine = [r for r in main_grid(records) if (r["family"], r["kind"]) == (family, kind)]
    law, rise = fits.power_law(curve), fits.growth(curve)
    vertices = [
        {
            "budget": float(budget),
            "parameters": _exp(curve.at[row], curve)._asdict(),
            "excess": _exp(curve.value[row], curve)._asdict(),
            "inside": bool(curve.inside[row]),
        }
        for row, budget in enumerate(curve.budgets)
    ]
    keys = ("budget", "parameters", "excess", "excess_se", "dim", "seed", "n")
    return {
        "family": family,
        "kind": kind,
        "floor": mine[0]["floor"],
        "runs": [{key: r[key] for key in keys} for r in sorted(mine, key=lambda r: (r["budget"], r["parameters"]))],
        "vertices": vertices,
        "exponent": estimate(law and law.exponent, curve.runs, curve.resampled)._asdict(),
        "level": None if law is None else {"excess": float(np.exp(law.level[0])), "budget": law.middle},
        "growth": estimate(rise, curve.runs, curve.resampled)._asdict(),
        "held_out": fits.held_out_errors(curve),
    }


def _exp(logs, curve: Curve):
    return estimate(np.exp(logs), curve.runs, curve.resampled)


def on_the_curve(records: Sequence[Record], new: Sequence[Record]) -> list[dict[str, Any]]:
    """Whether new runs fall into the prediction intervals of the curves of their budgets."""
    made = []
    for record in new:
        there = [p for p in points(records, record["family"], record["kind"]) if p.budget == record["budget"]]
        row = {name: record[name] for name in ("family", "kind", "budget", "parameters", "excess", "seed", "seconds")}
        if len({p.parameters for p in there}) < fits.LEAST:
            made.append(row | {"predicted": None, "within": None})
            continue
        expected = fits.predicted(there, record["parameters"])
        sure = expected.low is not None
        within = expected.low <= record["excess"] <= expected.high if sure else None
        made.append(row | {"predicted": expected._asdict(), "within": within})
    return made
