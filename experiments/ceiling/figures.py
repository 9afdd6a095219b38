"""ceiling.png: who solves, who had to take back, and how early a decoder that never takes back is lost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.ceiling.screen import Summary
from experiments.cli.line_labels import DASHES, label_ends
from experiments.cli.terminal import save_figure
from experiments.engine.decoder_catalogue import GROUPS, irrevocable
from experiments.scoring.scorer import Score


def ceiling(summaries: Sequence[Summary], scores: dict[str, Sequence[Score]], title: str, path: Path) -> None:
    """Draw it: a bar a row, and the share of boards still alive as blanks are filled, for rows that never retract."""
    from matplotlib.figure import Figure

    colours = dict(zip(GROUPS, ("#7f7f7f", "#2ca02c", "#d62728", "#ff7f0e", "#1f77b4", "#9467bd"), strict=True))
    ordered = [s for group in GROUPS for s in summaries if s.row.group == group]
    canvas = Figure(figsize=(14, max(4.5, 1.6 + 0.34 * len(ordered))), layout="constrained")
    left, middle = canvas.subplots(1, 2, width_ratios=(1.25, 1))
    places = np.arange(len(ordered))[::-1]
    for place, summary in zip(places, ordered, strict=True):
        f, colour = summary.figures, colours[summary.row.group]
        solved, met = 100 * f["solved"].value, 100 * f["met"].hits / f["n"]
        left.barh(place, solved - met, color=colour)
        left.barh(place, met, left=solved - met, color=colour, alpha=0.5, hatch="///", edgecolor="white")
        low, high = 100 * f["solved"].low, 100 * f["solved"].high
        left.errorbar(solved, place, xerr=[[solved - low], [high - solved]], color="black", capsize=2, lw=1)
    left.set_yticks(places, [s.row.name for s in ordered])
    left.set_xlim(0, 100)
    left.set_ylim(-0.7, len(ordered) - 0.3)
    left.set_title("Who solves, and who had to take back")
    left.set_xlabel("solved, % (plain: no dead end met; hatched: taken back and solved; line: 95 % interval)")
    _survival(middle, [s for s in ordered if irrevocable(s.row)], scores, colours)
    canvas.suptitle(title, fontsize=11)
    save_figure(canvas, path)


def _survival(axes, summaries: Sequence[Summary], scores: dict[str, Sequence[Score]], colours: dict) -> None:
    """How early decoders that never retract kill the board: the share still alive as blanks are filled."""
    grid = np.linspace(0, 1, 201)
    drawn: dict[str, int] = {}  # lines of each group so far: each gets a dash of its own
    lines = {}
    for summary in summaries:
        group, of_row = summary.row.group, scores[summary.row.name]
        dead = np.array([1.1 if s.first_dead_blanks is None else s.first_dead_blanks for s in of_row])  # (puzzles,)
        alive = 100 * (dead[None, :] > grid[:, None]).mean(1)  # (grid,)
        dash = DASHES[drawn.get(group, 0) % len(DASHES)]
        drawn[group] = drawn.get(group, 0) + 1
        axes.plot(100 * grid, alive, color=colours[group], ls=dash, lw=1.5)
        lines[summary.row.name] = (100 * grid, alive, colours[group])
    axes.set_xlim(0, 100)
    axes.set_ylim(-3, 104)
    label_ends(axes, lines, gap=3.5)
    axes.set_yticks(range(0, 101, 20))
    axes.set_xlabel("blanks filled, %")
    axes.set_ylabel("boards that some solution still extends, %")
    axes.set_title("How early a decoder that never takes back is lost")
