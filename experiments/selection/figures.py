"""choices: what networks solve that were trained on each choice, a panel a target and kind. As PNG and SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.cli.terminal import save_figure
from experiments.selection.grid import BEFORE, CHOICE, ORACLE, POOL, POOL_EPOCHS, RANDOM

COLOURS = {CHOICE: "C3", RANDOM: "0.45", POOL: "C0", POOL_EPOCHS: "C0", ORACLE: "C2", BEFORE: "0.7"}


def draw(summary: dict[str, Any], folder: Path) -> list[str]:
    """Write it; the names of the files."""
    from matplotlib.figure import Figure

    studies = summary["studies"]
    kinds = list(dict.fromkeys(study["kind"] for study in studies))
    goals = list(dict.fromkeys(study["target"] for study in studies))
    most = max(len(study["ways"]) for study in studies)
    size = 1.6 + 3.4 * len(goals), 0.9 + (0.26 * most + 0.7) * len(kinds)
    canvas = Figure(figsize=size, layout="constrained")
    axes = canvas.subplots(len(kinds), len(goals), squeeze=False, sharey=True)
    for study in studies:
        panel = axes[kinds.index(study["kind"])][goals.index(study["target"])]
        names = list(study["ways"])
        for place, name in enumerate(names):
            row = study["ways"][name]["solved"]
            low, high = (100 * (row[end] if row[end] is not None else row["value"]) for end in ("low", "high"))
            colour = COLOURS.get(name, "C1")
            panel.plot([low, high], [place, place], color=colour, lw=2.2, alpha=0.5)
            panel.plot(100 * row["value"], place, "o", color=colour, ms=5)
        panel.set_yticks(range(len(names)), names, fontsize=8)
        panel.set_ylim(len(names) - 0.4, -0.6)
        panel.set_xlim(-2, 102)
        panel.grid(axis="x", lw=0.3)
        panel.set_title(f"{study['target']}, {study['kind']}", fontsize=9)
        panel.set_xlabel(f"solved, % of {study['tests']} puzzles x {study['seeds']}", fontsize=8)
    names = [f"choices.{ending}" for ending in ("png", "svg")]
    for name in names:
        save_figure(canvas, folder / name)
    return names
