"""updates: which share of the weights differs by more than a tolerance, a line a way of learning. As PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.cli.line_labels import DASHES
from experiments.cli.terminal import save_figure
from experiments.subnetworks.summary import with_rate


def draw(summary: Sequence[dict[str, Any]], folder: Path) -> list[str]:
    """Write it; the names of the files."""
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(6.4 * len(summary), 5.8), layout="constrained")
    for column, (study, axes) in enumerate(zip(summary, canvas.subplots(1, len(summary), squeeze=False)[0])):
        for number, (name, way) in enumerate(study["ways"].items()):
            points = [(at, row) for at, row in way["float32"].items()]
            places = range(len(points))
            middle = [100 * row["value"] for _, row in points]
            low, high = (
                [100 * (row[end] if row[end] is not None else row["value"]) for _, row in points]
                for end in ("low", "high")
            )
            colour, dashes = f"C{number % 10}", DASHES[number // 10 % len(DASHES)]
            axes.plot(places, middle, color=colour, ls=dashes, marker="o", ms=3, lw=1.4, label=with_rate(name, way))
            axes.fill_between(places, low, high, color=colour, alpha=0.12, lw=0)
            axes.plot(len(points), 100 * way["bfloat16"]["value"], color=colour, marker="s", ms=5, ls="none")
        axes.set_xticks(range(len(points) + 1), [*(f">{float(at):g}" for at, _ in points), "bf16"])
        axes.set_ylim(-2, 102)
        axes.set_xlabel("tolerance, in float32; squares: any difference once rounded to bfloat16")
        axes.set_title(f"{study['family']}, {study['kind']}, {study['seeds']} runs each", fontsize=10)
        if not column:
            axes.set_ylabel("weights that differ from the start, %")
        axes.legend(frameon=False, fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.1))
    names = [f"updates.{ending}" for ending in ("png", "svg")]
    for name in names:
        save_figure(canvas, folder / name)
    return names
