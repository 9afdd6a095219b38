"""Kinds of networks against each other: exponents, gaps in training and decoding FLOPs, best sizes, and the workspace.

    >>> compared(records, curves)[0]["gap"]             # times as many training FLOPs, with its interval

A gap is taken at what the other kind reaches at the middle of its budgets, along both fitted laws; beyond a million
times it is not told apart from never (fits.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from experiments.scaling import fits
from experiments.scaling.fits import Curve, PowerLaw, estimate
from experiments.scaling.stages import Record, main_grid

#: (one, other): how much more does `one` take than `other`?
PAIRS = (
    ("ar-random", "diffusion"),
    ("ar", "diffusion"),
    ("ar-random", "diffusion-blind"),
    ("diffusion-blind", "diffusion"),
    ("ar", "ar-random"),
)
STEPS = ("ar-random", "diffusion-blind", "diffusion")  # from AR to diffusion, what blank cells' tokens hold comes last
DECODED = ("random", "confidence")  # orders whose decoding FLOPs are compared


def compared(records: Sequence[Record], curves: Mapping[tuple[str, str], Curve]) -> list[dict[str, Any]]:
    """Every pair on every family of which both have a law."""
    made = []
    for family in dict.fromkeys(family for family, _ in curves):
        laws = {kind: fits.power_law(curve) for (of, kind), curve in curves.items() if of == family}
        for one, other in PAIRS:
            if laws.get(one) is not None and laws.get(other) is not None:
                pair = curves[family, one], curves[family, other]
                row = _pair(pair, (laws[one], laws[other]))
                decoding = {
                    order: _decoding(records, family, (one, other), pair, (laws[one], laws[other]), order)
                    for order in DECODED
                }
                made.append({"family": family, "one": one, "other": other, **row, "decoding": decoding})
    return made


def workspace(curves: Mapping[tuple[str, str], Curve]) -> list[dict[str, Any]]:
    """Of the logarithm of the gap from AR to diffusion, the share that is between blind diffusion and diffusion, by
    family.
    """
    made = []
    for family in dict.fromkeys(family for family, _ in curves):
        laws = {kind: fits.power_law(curves[family, kind]) for kind in STEPS if (family, kind) in curves}
        if len(laws) < len(STEPS) or any(law is None for law in laws.values()):
            continue
        whole, part = (fits.log_gap(laws[kind], laws["diffusion"]) for kind in STEPS[:2])
        three = [curves[family, kind] for kind in STEPS]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = part / whole
        share = estimate(ratio, sum(c.runs for c in three), all(c.resampled for c in three))
        made.append({"family": family, "share": share._asdict()})
    return made


def _pair(curves: tuple[Curve, Curve], laws: tuple[PowerLaw, PowerLaw]) -> dict[str, Any]:
    runs, sure = sum(curve.runs for curve in curves), all(curve.resampled for curve in curves)
    shared = np.intersect1d(curves[0].budgets, curves[1].budgets)
    sizes = [curve.at[np.isin(curve.budgets, shared)].mean(0) for curve in curves]
    return {
        "exponent": estimate(laws[0].exponent - laws[1].exponent, runs, sure)._asdict(),
        "gap": estimate(np.exp(fits.log_gap(*laws)), runs, sure)._asdict(),
        "size": estimate(np.exp(sizes[0] - sizes[1]) if len(shared) else None, runs, sure)._asdict(),
    }


def _decoding(
    records: Sequence[Record],
    family: str,
    kinds: tuple[str, str],
    curves: tuple[Curve, Curve],
    laws: tuple[PowerLaw, PowerLaw],
    order: str,
) -> dict[str, Any]:
    """Times as many FLOPs a puzzle, at the best sizes for what the other reaches at the middle of its budgets."""
    runs, sure = sum(curve.runs for curve in curves), all(curve.resampled for curve in curves)
    budgets = laws[0].log_budget(laws[1].level), np.full_like(laws[1].level, np.log(laws[1].middle))
    logs = []
    for kind, curve, budget in zip(kinds, curves, budgets, strict=True):
        cost = log_cost(records, family, kind, "raster" if kind == "ar" else order)
        if cost is None:
            return estimate(None, runs)._asdict()
        x = np.log(curve.budgets)
        best = curve.at.mean(0) + fits.growth(curve) * (budget - x.mean())  # log parameters
        logs.append(cost[0] + cost[1] * best)
    return estimate(np.exp(logs[0] - logs[1]), runs, sure)._asdict()


def log_cost(records: Sequence[Record], family: str, kind: str, order: str) -> Float[np.ndarray, " 2"] | None:
    """(level, slope) of the logarithm of decoding FLOPs a puzzle in the logarithm of parameters; None if not known."""
    known = {
        r["parameters"]: r[f"flops {order}"]
        for r in main_grid(records)
        if (r["family"], r["kind"]) == (family, kind) and r[f"flops {order}"]
    }
    if len(known) < 2:
        return None
    slope, level = np.polyfit(np.log(list(known)), np.log(list(known.values())), 1)
    return np.array([level, slope])
