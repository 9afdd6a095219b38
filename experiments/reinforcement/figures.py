"""curves: pass@1 on held-out puzzles against updates, a line a recipe, with Student's interval over starting networks
where there are several. As PNG and SVG.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.cli.line_labels import DASHES
from experiments.cli.terminal import save_figure
from experiments.reinforcement.measure import HELD_OUT
from experiments.scoring.statistics import mean


def draw(summary: Sequence[dict[str, Any]], folder: Path) -> list[str]:
    """Write it; the names of the files."""
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(6.2 * len(summary), 5.6), layout="constrained")
    for column, (study, axes) in enumerate(zip(summary, canvas.subplots(1, len(summary), squeeze=False)[0])):
        for number, (name, row) in enumerate(study["recipes"].items()):
            updates = sorted({point[0] for point in row["curve"]})
            found = [mean([point[3] for point in row["curve"] if point[0] == update]) for update in updates]
            colour, dashes = f"C{number % 10}", DASHES[number // 10 % len(DASHES)]
            means = [100 * one.value for one in found]
            axes.plot(updates, means, color=colour, ls=dashes, marker="o", ms=3, lw=1.4, label=name)
            if study["seeds"] > 1:
                ends = [[100 * one.low for one in found], [100 * one.high for one in found]]
                axes.fill_between(updates, *ends, color=colour, alpha=0.1, lw=0)
        axes.set_ylim(-2, 102)
        axes.set_xlabel("updates")
        about = (
            f"{study['family']}, {study['blank']} blank cells; {HELD_OUT} held-out puzzles, {study['seeds']} networks"
        )
        axes.set_title(about, fontsize=10)
        if not column:
            axes.set_ylabel("right fillings of held-out puzzles, %")
    handles = canvas.axes[0].get_legend_handles_labels()
    canvas.legend(*handles, loc="outside lower center", ncols=2 * len(summary), frameon=False, fontsize=8)
    names = [f"curves.{ending}" for ending in ("png", "svg")]
    for name in names:
        save_figure(canvas, folder / name)
    return names
