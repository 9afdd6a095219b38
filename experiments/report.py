"""What a run says: a summary with counts and intervals, a table for the terminal, a figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from experiments.cli.terminal import cell, save_figure
from experiments.engine.decoder_catalogue import GROUPS, Row, irrevocable
from experiments.scoring.aggregate import figures
from experiments.scoring.scorer import Score
from experiments.scoring.statistics import Estimate


@dataclass(frozen=True)
class Summary:
    """One row of the table: every figure with its interval and its n."""

    row: Row
    figures: dict[str, Estimate | int]

    def as_json(self) -> dict:
        """For --json."""
        shown = {name: f if isinstance(f, int) else f._asdict() for name, f in self.figures.items()}
        return {"decoder": self.row.name, "group": self.row.group, "spec": str(self.row.spec), **shown}


def summarise(row: Row, scores: Sequence[Score]) -> Summary:
    """Scores of one row as figures."""
    return Summary(row, figures(scores))


#: Column head: the cell of a summary's figures.
COLUMNS: dict[str, Callable[[dict], Text]] = {
    "n": lambda f: Text(str(f["n"])),
    "solved %": lambda f: cell(f["solved"], percent=True),
    "need/met/unmet": lambda f: Text("/".join(str(f[k].hits) for k in ("need", "met", "unmet"))),
    "first dead": lambda f: cell(f["first_dead"]),
    "lag": lambda f: cell(f["lag"]),
    "debt": lambda f: cell(f["debt"]),
    "recovery %": lambda f: cell(f["recovery"], percent=True),
    "commits": lambda f: cell(f["commits"]),
    "retract": lambda f: cell(f["retractions"]),
    "calls": lambda f: cell(f["calls"]),
    "seconds": lambda f: cell(f["seconds"]),
}


def table(summaries: Sequence[Summary], title: str, heads: Sequence[str] = tuple(COLUMNS)) -> Table:
    """The table, grouped, with those columns; under each figure its 95 % interval."""
    made = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1), title_style="bold")
    made.add_column("decoder", no_wrap=True)
    for head in heads:
        made.add_column(head, justify="right", no_wrap=True)
    for group in GROUPS:
        of_group = [s for s in summaries if s.row.group == group]
        if of_group:
            made.add_row(Text(group, style="bold italic"))
        for summary in of_group:
            made.add_row(f"  {summary.row.name}", *(COLUMNS[head](summary.figures) for head in heads))
    return made


def show(summaries: Sequence[Summary], title: str, notes: Sequence[str]) -> None:
    """Print the table to standard output and what its words mean below; in a narrow terminal, in parts."""
    terminal = Console(highlight=False, markup=False)

    def wide(heads: Sequence[str]) -> int:
        options = terminal.options.update(width=400)
        return Measurement.get(terminal, options, table(summaries, title, heads)).maximum

    parts: list[list[str]] = [[]]
    for head in COLUMNS:
        if terminal.is_terminal and parts[-1] and wide([*parts[-1], head]) > terminal.width:
            parts.append([])
        parts[-1].append(head)
    widest = max(wide(heads) for heads in parts)
    terminal.width = max(terminal.width, widest)
    for heads in parts:
        terminal.print(table(summaries, title, heads))
    terminal.width = min(terminal.width, max(widest, 100))
    for note in notes:
        terminal.print(note, style="dim")


LEGEND = (
    "Below each figure: its 95 % interval (Wilson for shares, bootstrap otherwise; none from one observation). First "
    "dead, lag and recovery rest on the `need` traces, debt on the unsolved ones, everything else on n.",
    "need: traces that entered a dead end, a state that no solution extends; met: of those, solved all the same; "
    "unmet: not. recovery: met / need. first dead: commits made when it first was dead; lag: commits from there until "
    "it shows (medians over the traces that have one). debt: fewest cells to blank at the end for a solution to exist "
    "again (mean over unsolved traces). calls: network passes, or search steps (one call for cp-sat and "
    "python-constraint, which show no steps).",
    "A decoder that never retracts cannot recover: its unmet = not solved is an identity, not a finding. What it does "
    "measure is how early, how unseen and how expensive its dead ends are.",
)


def figure(summaries: Sequence[Summary], scores: dict[str, Sequence[Score]], title: str, path: Path) -> None:
    """ceiling.png: who solves, who needed to take back; where dead ends are made; what it costs."""
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
    styles = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
    seen: dict[str, int] = {}
    ends = []
    for summary in summaries:
        group, of_row = summary.row.group, scores[summary.row.name]
        dead = np.array([1.1 if s.first_dead_blanks is None else s.first_dead_blanks for s in of_row])
        alive = 100 * (dead[None, :] > grid[:, None]).mean(1)
        style = styles[seen.get(group, 0) % len(styles)]
        seen[group] = seen.get(group, 0) + 1
        axes.plot(100 * grid, alive, color=colours[group], ls=style, lw=1.5)
        ends.append([alive[-1], summary.row.name, colours[group]])
    ends.sort(key=lambda e: e[0])
    heights = np.array([end for end, _, _ in ends], dtype=float)
    for _ in range(500):  # labels of lines that end together push each other apart
        overlap = np.maximum(0, 3.5 - np.diff(heights)) / 2
        heights[:-1] -= overlap
        heights[1:] += overlap
        heights = np.clip(heights, -2, 103)
    for (end, name, colour), height in zip(ends, heights, strict=True):
        axes.annotate(
            name, (100, end), xytext=(103, height), fontsize=8, color=colour, va="center", annotation_clip=False
        )
    axes.set_xlim(0, 100)
    axes.set_ylim(-3, 104)
    axes.set_yticks(range(0, 101, 20))
    axes.set_xlabel("blanks filled, %")
    axes.set_ylabel("boards that some solution still extends, %")
    axes.set_title("How early a decoder that never takes back is lost")
