"""estimates: bias, spread and gradient cosine of each estimate by the number of free cells. As PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.cli.line_labels import DASHES
from experiments.cli.terminal import save_figure
from experiments.scoring.statistics import from_record

SHOWN = ("mean-field-prompt", "elbo-time-1", "elbo-count-1", "elbo-count-16", "coupled", "raster", "trajectory")
COLOURS = ("#d62728", "#ff7f0e", "#bcbd22", "#2ca02c", "#9467bd", "#1f77b4", "#7f7f7f")
PANELS = {
    "bias": "bias, nats a filling",
    "sd": "spread of one estimate, nats",
    "cosine": "cosine of one estimate's gradient\nand the exact one",
}


def draw(summary: Sequence[dict[str, Any]], folder: Path) -> list[str]:
    """Write it; the names of the files."""
    from matplotlib.figure import Figure

    families = list(dict.fromkeys(study["family"] for study in summary))
    canvas = Figure(figsize=(4.6 * len(families), 9.5), layout="constrained")
    grid = canvas.subplots(len(PANELS), len(families), squeeze=False)
    for column, family in enumerate(families):
        halfway = next(study["updates"] for study in summary if study["family"] == family)
        shown = (family, "random", halfway)
        of_family = [s for s in summary if (s["family"], s["order"], s["updates"]) == shown]
        for row, (what, label) in enumerate(PANELS.items()):
            axes = grid[row][column]
            for number, name in enumerate(SHOWN):
                figures = [(s["k"], from_record(s["estimators"][name][what])) for s in of_family]
                there = [(k, one) for k, one in figures if one.value is not None]
                if not there or (what == "sd" and name == "raster"):
                    continue
                sizes, values = np.array([k for k, _ in there]), np.array([one.value for _, one in there])
                reach = [
                    np.maximum(values - [one.low for _, one in there], 0),
                    np.maximum([one.high for _, one in there] - values, 0),
                ]
                axes.errorbar(
                    sizes + 0.05 * number, values, yerr=reach, color=COLOURS[number], ls=DASHES[number % len(DASHES)],
                    marker="o", ms=3.5, lw=1.4, capsize=2, label=name,
                )  # fmt: skip
            axes.axhline(0, color="#bbbbbb", lw=0.8, zorder=0)
            axes.set_xticks([s["k"] for s in of_family])
            if not column:
                axes.set_ylabel(label)
            if not row:
                axes.set_title(f"{family}, n = {of_family[0]['n']} a point", fontsize=10)
            if row == len(PANELS) - 1:
                axes.set_xlabel("free cells")
    handles = grid[0][0].get_legend_handles_labels()
    canvas.legend(*handles, loc="outside lower center", ncols=2 * len(families) + 1, frameon=False)
    canvas.suptitle("Estimates of a diffusion network's likelihood, random order; bars: 95 % intervals", fontsize=11)
    names = [f"estimates.{ending}" for ending in ("png", "svg")]
    for name in names:
        save_figure(canvas, folder / name)
    return names
