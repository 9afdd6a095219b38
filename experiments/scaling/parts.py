"""What the parts beside the iso-FLOP curves say: few puzzles, blocks, depth, rates, the bound's slack, what users pay.

>>> spending(records)[0]["solved"]["1e+12"]
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from experiments.scaling.grid import BLOCKS, FAMILIES, FEW, KINDS, LOOPS
from experiments.scaling.measure import ORDERS
from experiments.scaling.stages import Record, main_grid
from experiments.scoring.statistics import Estimate, Z, proportion
from generators.models.in_blocks import BLOCKS as BLOCK_WORDS

#: Puzzles that are decoded after training, and FLOPs for both together.
DECODED = {10_000: (5e11, 1e12, 2e12, 5e12, 1e13), 1_000_000: (5e12, 1e13, 3e13, 1e14, 3e14)}
TWINS = ("ar-random", "diffusion")


def over_puzzles(record: Record) -> Estimate:
    """A run's excess with its normal interval over test puzzles."""
    reach = Z * record["excess_se"]
    return Estimate(record["excess"], record["excess"] - reach, record["excess"] + reach, record["n"])


def spending(records: Sequence[Record]) -> list[dict[str, Any]]:
    """By family, kind, order and number of puzzles: what is solved for so many FLOPs, training and decoding together.

    The network is the one with the least excess that can be afforded; what it solves has no say in that.
    """
    made = []
    for family, kind, order, (count, totals) in product(FAMILIES, KINDS, ORDERS, DECODED.items()):
        mine = [r for r in records if (r["family"], r["kind"]) == (family, kind) and r[f"flops {order}"] and r["flops"]]
        if not mine:
            continue
        solved = {}
        for total in totals:
            afforded = [r for r in mine if r["flops"] + count * r[f"flops {order}"] <= total]
            best = min(afforded, key=lambda r: r["excess"], default=None)
            share = proportion(best[f"solved {order}"], best["solved_of"]) if best else proportion(0, 0)
            solved[f"{total:g}"] = share._asdict()
        made.append({"family": family, "kind": kind, "order": order, "puzzles": count, "solved": solved})
    return made


def slack(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Of diffusion on puzzles with few blank cells: the bound less the exact likelihood, as nats and as a share of what
    the bound is above the floor, at each budget's best network.
    """
    made = []
    some = [r for r in main_grid(records) if r["few_n"]]
    for place in dict.fromkeys((r["family"], r["kind"], r["budget"]) for r in some):
        best = min((r for r in some if (r["family"], r["kind"], r["budget"]) == place), key=lambda r: r["excess"])
        gap, reach = best["few_bound"] - best["few_exact"], Z * best["few_slack_se"]
        over = best["few_bound"] - best["few_floor"]
        family, kind, budget = place
        made.append(
            {
                "family": family,
                "kind": kind,
                "budget": budget,
                "slack": Estimate(gap, gap - reach, gap + reach, best["few_n"])._asdict(),
                "bound": over,
                "share": gap / over if over > 0 else None,
            }
        )
    return made


def data_limited(records: Sequence[Record]) -> list[dict[str, Any]]:
    """By number of puzzles, moved by symmetries or not: AR and diffusion at each budget, and where they cross."""
    made = []
    some = [r for r in records if r["part"] == "data"]
    for moved, count in product((False, True), FEW):
        mine = {
            (r["kind"], r["budget"]): r for r in some if (r["symmetries"], r["puzzles"]) == (moved, count)
        }  # fmt: skip
        both = sorted({budget for _, budget in mine if all((kind, budget) in mine for kind in TWINS)})
        if not both:
            continue
        rows = [
            {
                "budget": budget,
                "epochs": mine["diffusion", budget]["epochs"],
                **{kind: over_puzzles(mine[kind, budget])._asdict() for kind in TWINS},
            }
            for budget in both
        ]
        ratios = [
            float(np.log(max(row["ar-random"]["value"], 1e-6) / max(row["diffusion"]["value"], 1e-6))) for row in rows
        ]
        made.append({"puzzles": count, "symmetries": moved, "rows": rows, "crossing": crossing(both, ratios)})
    return made


def crossing(budgets: Sequence[float], ratios: Sequence[float]) -> float | None:
    """The budget at which the logarithm of a ratio first changes its sign, by linear interpolation in its logarithm."""
    for (low, one), (high, other) in zip(zip(budgets, ratios), list(zip(budgets, ratios))[1:]):
        if one * other < 0:
            share = one / (one - other)
            return float(np.exp(np.log(low) + share * (np.log(high) - np.log(low))))
    return None


def blocks(rows: Sequence[Record]) -> list[dict[str, Any]]:
    """Diffusion networks block by block."""
    order = list(BLOCK_WORDS)
    return [
        {
            "family": r["family"],
            "budget": r["budget"],
            "parameters": r["parameters"],
            "block": r["block"],
            "excess": over_puzzles(r)._asdict(),
            "solved": proportion(r["solved"], r["solved_of"])._asdict(),
            "decoding": r["decoding"],
        }
        for r in sorted(rows, key=lambda r: (r["family"], r["budget"], order.index(r["block"])))
    ]


def depth(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The least excess by loops at the budget of the part, among the same widths."""
    deep = [r for r in records if r["part"] == "depth"]
    made = []
    for family, kind, budget in dict.fromkeys((r["family"], r["kind"], r["budget"]) for r in deep):
        same = [
            r for r in [*deep, *main_grid(records)] if (r["family"], r["kind"], r["budget"]) == (family, kind, budget)
        ]
        for loops in sorted({r["loops"] for r in same} | {LOOPS}):
            if mine := [r for r in same if r["loops"] == loops and r["seed"] == 0]:
                best = min(mine, key=lambda r: r["excess"])
                made.append(
                    {
                        "family": family,
                        "kind": kind,
                        "budget": budget,
                        "loops": loops,
                        "layers": loops * BLOCKS,
                        "tried": len(mine),
                        "dim": best["dim"],
                        "parameters": best["parameters"],
                        "excess": over_puzzles(best)._asdict(),
                    }
                )
    return made


def rates_check(records: Sequence[Record]) -> list[dict[str, Any]]:
    """At another width and budget: the excess at half and twice the tuned rate, over that at the tuned one."""
    made = []
    for kind in KINDS:
        tried = [r for r in records if (r["part"], r["kind"]) == ("rates check", kind)]
        for r in tried:
            at = r["family"], r["kind"], r["budget"], r["dim"], 0
            tuned = [
                o for o in main_grid(records) if (o["family"], o["kind"], o["budget"], o["dim"], o["seed"]) == at
            ]  # fmt: skip
            if tuned:
                ratio = r["excess"] / max(tuned[0]["excess"], 1e-9)
                made.append({"kind": kind, "times": r["scale"] / tuned[0]["scale"], "ratio": ratio})
    return made
