"""gains: what learning the order and learning what to take back gains, stratum by stratum. As PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.cli.terminal import save_figure
from experiments.policies.measure import NO_NET

SHOWN = {
    "learning the order": ("C0", "o"),
    "learning the order, shuffled rewards": ("C0", "x"),
    "learning what to take back": ("C1", "s"),
    "learning what to take back, shuffled rewards": ("C1", "+"),
    "best-first - learned retraction": ("C2", "^"),
}
APART = 0.13  # between the points of a stratum


def draw(summary: Sequence[dict[str, Any]], folder: Path) -> list[str]:
    """Write it; the names of the files."""
    from matplotlib.figure import Figure

    studies = [study for study in summary if study["network"] != NO_NET]
    canvas = Figure(figsize=(6.2 * len(studies), 4.8), layout="constrained")
    for column, (study, axes) in enumerate(zip(studies, canvas.subplots(1, len(studies), squeeze=False)[0])):
        for number, (name, (colour, marker)) in enumerate(SHOWN.items()):
            figures = [study["gains"][name][stratum] for stratum in study["strata"]]
            places = [place + APART * (number - (len(SHOWN) - 1) / 2) for place in range(len(figures))]
            middle = [100 * figure["value"] for figure in figures]
            reach = [[100 * abs(f["value"] - f[end]) for f in figures] for end in ("low", "high")]
            axes.errorbar(places, middle, reach, color=colour, fmt=marker, ms=6, capsize=2, lw=1, label=name)
        axes.axhline(0, color="0.6", lw=0.8)
        axes.set_xticks(range(len(study["strata"])), study["strata"])
        axes.set_xlabel("guesses that a puzzle needs")
        about = f"{study['network']} network, {study['seeds']} seed{'s' * (study['seeds'] > 1)}"
        axes.set_title(f"{about}, n = {study['n']} a stratum", fontsize=10)
        if not column:
            axes.set_ylabel("more puzzles solved, points")
    handles = canvas.axes[0].get_legend_handles_labels()
    canvas.legend(*handles, loc="outside lower center", ncols=1 + (len(studies) > 1), frameon=False, fontsize=8)
    names = [f"gains.{ending}" for ending in ("png", "svg")]
    for name in names:
        save_figure(canvas, folder / name)
    return names
