"""samplers: success against calls and against FLOPs, a row a kind of puzzle and network. As PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.cli.line_labels import DASHES
from experiments.cli.terminal import save_figure
from experiments.samplers.tables import starred


def draw(summary: Sequence[dict[str, Any]], folder: Path) -> list[str]:
    """Write it; the names of the files."""
    from matplotlib.figure import Figure

    panels = [(study, net) for study in summary for net in study["samplers"]]
    canvas = Figure(figsize=(13, 4.6 * len(panels)), layout="constrained")
    axes = canvas.subplots(len(panels), 2, squeeze=False)
    for (study, net), pair in zip(panels, axes):
        for unit, place in zip(("calls", "flops"), pair):
            scale = study["pass"] if unit == "flops" else 1
            _lines(place, study["samplers"][net], unit, [b * scale for b in study["budgets"]])
            place.set_xscale("log")
            place.set_xticks([b * scale for b in study["budgets"]])
            place.set_xticklabels([f"{b * scale:.2g}" if unit == "flops" else str(b) for b in study["budgets"]])
            place.minorticks_off()
            place.set_ylim(-3, 103)
            place.set_xlabel("network calls a puzzle" if unit == "calls" else "FLOPs a puzzle")
        pair[0].set_ylabel("solved within, % (shade: 95 % interval)")
        pair[0].set_title(f"{study['family']}, network: {net}, n = {study['n']} at most", fontsize=10, loc="left")
        pair[1].legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.01, 0.5), handlelength=4)
    canvas.suptitle("Solid or dashed: a sampler; faint dots of its colour: its placebo. *: told the rules", fontsize=10)
    names = [f"samplers.{ending}" for ending in ("png", "svg")]
    for name in names:
        save_figure(canvas, folder / name)
    return names


def _lines(place, rows: dict[str, Any], unit: str, at: Sequence[float | int]) -> None:
    for number, (name, row) in enumerate(rows.items()):
        colour, dashes = f"C{number % 10}", DASHES[number // 10 % len(DASHES)]
        values, low, high = (
            [100 * figure[end] if figure[end] is not None else 100 * figure["value"] for figure in row[unit].values()]
            for end in ("value", "low", "high")
        )
        place.plot(at, values, color=colour, ls=dashes, marker="o", ms=3, lw=1.4, label=starred(name))
        place.fill_between(at, low, high, color=colour, alpha=0.06, lw=0)
        if "placebo" in row:
            beside = [100 * figure["value"] for figure in row["placebo"][unit].values()]
            place.plot(at, beside, color=colour, ls=(0, (1, 2)), lw=0.9, alpha=0.6)
