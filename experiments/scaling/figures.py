"""scaling: iso-FLOP curves above, what the best sizes reach by training FLOPs below; a column a family. PNG and SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.cli.terminal import save_figure
from experiments.scaling.grid import KINDS
from experiments.scaling.verdicts import SAID

COLOURS = dict(zip(KINDS, ("#d62728", "#ff7f0e", "#9467bd", "#1f77b4")))
MARKERS = ("o", "s", "^", "D", "v")  # by budget


def draw(summary: Mapping[str, Any], folder: Path) -> list[str]:
    """Write it; the names of the files, none where there is no curve."""
    from matplotlib.figure import Figure

    families = list(dict.fromkeys(curve["family"] for curve in summary["curves"]))
    if not families:
        return []
    budgets = sorted({run["budget"] for curve in summary["curves"] for run in curve["runs"]})
    canvas = Figure(figsize=(5.6 * len(families) + 0.6, 8.6), layout="constrained")
    grid = canvas.subplots(2, len(families), squeeze=False)
    for column, family in enumerate(families):
        above, below = grid[0][column], grid[1][column]
        for curve in (curve for curve in summary["curves"] if curve["family"] == family):
            _isoflop(above, curve, budgets)
            _frontier(below, curve)
        above.set_title(family, fontsize=10)
        above.set_xlabel("parameters")
        below.set_xlabel("training FLOPs")
        for axes in (above, below):
            if not axes.lines:  # no parabola yet
                axes.set_axis_off()
                continue
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.grid(alpha=0.2, which="both", lw=0.5)
        if not column:
            above.set_ylabel("excess over the exact floor, nats a puzzle")
            below.set_ylabel("excess at the best size, nats a puzzle")
    _legend(canvas, summary, budgets)
    canvas.suptitle(
        f"Excess over the exact floor at equal training FLOPs, {summary['networks']} networks; bars: 95 % intervals",
        fontsize=11,
    )
    names = [f"scaling.{ending}" for ending in ("png", "svg")]
    for name in names:
        save_figure(canvas, folder / name)
    return names


def _isoflop(axes: Any, curve: Mapping[str, Any], budgets: Sequence[float]) -> None:
    """A curve's runs, joined at each budget, and the vertices of the parabolas as crosses."""
    colour = COLOURS[curve["kind"]]
    for step, budget in enumerate(budgets):
        first = [run for run in curve["runs"] if run["budget"] == budget and run["seed"] == 0]
        again = [run for run in curve["runs"] if run["budget"] == budget and run["seed"] > 0]
        marker = MARKERS[step % len(MARKERS)]
        axes.plot(*_xy(first), color=colour, marker=marker, ms=4, lw=0.8, alpha=0.6)
        axes.plot(*_xy(again), color=colour, marker=marker, ms=6, ls="none", mfc="none")
    for vertex in curve["vertices"]:
        at = vertex["parameters"]["value"], vertex["excess"]["value"]
        axes.plot(*at, color="black", marker="x", ms=8, mew=2.6, zorder=5)
        axes.plot(*at, color=colour, marker="x", ms=7, mew=1.4, zorder=6)


def _xy(runs: list[Mapping[str, Any]]) -> tuple[list[float | int], list[float | int]]:
    return [run["parameters"] for run in runs], [max(run["excess"], run["excess_se"]) for run in runs]


def _frontier(axes: Any, curve: Mapping[str, Any]) -> None:
    """The vertices with their intervals, and the power law through them."""
    if not curve["vertices"]:
        return
    colour = COLOURS[curve["kind"]]
    budgets = np.array([vertex["budget"] for vertex in curve["vertices"]])
    parts = [[vertex["excess"][name] for vertex in curve["vertices"]] for name in ("value", "low", "high")]
    value, low, high = (np.array([np.nan if x is None else x for x in part], dtype=float) for part in parts)
    reach = np.nan_to_num(np.maximum([value - low, high - value], 0.0))
    axes.errorbar(budgets, value, yerr=reach, color=colour, marker="o", ms=4, ls="none", capsize=2)
    if curve["level"] is not None:
        ends = np.array([budgets.min() / 1.3, budgets.max() * 1.3])
        law = curve["level"]["excess"] * (ends / curve["level"]["budget"]) ** -curve["exponent"]["value"]
        axes.plot(ends, law, color=colour, lw=1.2)


def _legend(canvas: Any, summary: Mapping[str, Any], budgets: Sequence[float]) -> None:
    from matplotlib.lines import Line2D

    kinds = [kind for kind in KINDS if any(curve["kind"] == kind for curve in summary["curves"])]
    lines = [Line2D([], [], color=COLOURS[kind], lw=1.5, label=SAID[kind]) for kind in kinds]
    lines += [
        Line2D([], [], color="grey", marker=marker, ls="none", ms=4, label=f"{budget:.1e} FLOPs")
        for marker, budget in zip(MARKERS, budgets)
    ]
    lines += [
        Line2D([], [], color="black", marker="x", ls="none", label="vertex"),
        Line2D([], [], color="grey", marker="o", mfc="none", ls="none", label="second seed"),
    ]
    canvas.legend(handles=lines, loc="outside lower center", ncols=6, frameon=False, fontsize=8)
