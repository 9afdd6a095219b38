"""What a run says: a summary with counts and intervals, a table for the terminal, a figure."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from csp.files import write_atomically
from experiments.rows import GROUPS, Row
from experiments.scorer import Score
from experiments.statistics import Estimate, bootstrap, proportion

COLUMNS = {
    "n": "instances",
    "solved": "share solved",
    "need": "traces that entered a dead end",
    "met": "of those, solved all the same",
    "unmet": "of those, not solved",
    "first_dead": "commits made when it first was dead (median)",
    "lag": "commits from there until it shows (median)",
    "debt": "fewest cells to blank at the end of an unsolved trace (mean)",
    "recovery": "met / need",
    "commits": "mean",
    "retractions": "mean",
    "calls": "network passes or solver steps (mean)",
    "seconds": "wall time a puzzle (mean)",
}


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
    n, need = len(scores), sum(s.need for s in scores)
    met = sum(s.met for s in scores)

    def of(name: str) -> list[float]:
        return [value for s in scores if (value := getattr(s, name)) is not None]

    figures: dict[str, Estimate | int] = {
        "n": n,
        "solved": proportion(sum(s.solved for s in scores), n),
        "need": proportion(need, n),
        "met": proportion(met, n),
        "unmet": proportion(need - met, n),
        "first_dead": bootstrap(of("first_dead"), np.median),
        "lag": bootstrap(of("lag"), np.median),
        "debt": bootstrap(of("debt")),
        "recovery": proportion(met, need),
    }
    for name in ("commits", "retractions", "needless", "calls", "tokens", "flops", "seconds"):
        figures[name] = bootstrap(of(name))
    return Summary(row, figures)


def table(summaries: Sequence[Summary], title: str) -> Table:
    """The table, grouped; under each figure its 95 % interval."""
    made = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1), title_style="bold")
    made.add_column("decoder", no_wrap=True)
    heads = ["n", "solved %", "need/met/unmet", "first dead", "lag", "debt", "recovery %"]
    for head in [*heads, "commits", "retract", "calls", "seconds"]:
        made.add_column(head, justify="right", no_wrap=True)
    for group in GROUPS:
        of_group = [s for s in summaries if s.row.group == group]
        if of_group:
            made.add_row(Text(group, style="bold italic"))
        for summary in of_group:
            f = summary.figures
            counts = "/".join(str(round(f[name].value * f["n"])) for name in ("need", "met", "unmet"))
            made.add_row(
                f"  {summary.row.name}",
                str(f["n"]),
                _cell(f["solved"], _percent),
                Text(counts),
                _cell(f["first_dead"], _short),
                _cell(f["lag"], _short),
                _cell(f["debt"], _short),
                _cell(f["recovery"], _percent),
                *(_cell(f[name], _short) for name in ("commits", "retractions", "calls", "seconds")),
            )
    return made


def _percent(share: float) -> str:
    return f"{100 * share:.0f}" if share in (0, 1) else f"{100 * share:.1f}"


def _short(number: float) -> str:
    if number == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(number)))) if abs(number) < 100 else 0
    text = f"{number:.{min(digits, 4)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _cell(figure: Estimate, spell) -> Text:
    """The figure, its interval dim below; a dash where nothing was measured."""
    if figure.value is None:
        return Text("-", style="dim")
    return Text(spell(figure.value)).append(f"\n{spell(figure.low)}..{spell(figure.high)}", style="dim")


LEGEND = (
    "Below each figure: its 95 % interval (Wilson for shares, bootstrap else). need: traces that entered a dead end, a "
    "state that no solution extends;\nmet / unmet: solved all the same / not. first dead: commits made by then; lag: "
    "commits until it shows (medians over traces with one).\ndebt: fewest cells to blank at the end for a solution to "
    "exist (mean over unsolved). recovery: met / need. For a decoder that never retracts,\nunmet = not solved by "
    "definition: what it measures is when and how expensively, not that."
)


def figure(summaries: Sequence[Summary], scores: dict[str, Sequence[Score]], title: str, path: Path) -> None:
    """ceiling.png: who solves, who needed to take back; where dead ends are made; what it costs."""
    from matplotlib.figure import Figure

    colours = dict(zip(GROUPS, ("#7f7f7f", "#2ca02c", "#d62728", "#1f77b4", "#9467bd"), strict=True))
    ordered = [s for group in GROUPS for s in summaries if s.row.group == group]
    canvas = Figure(figsize=(13, max(4.5, 1.6 + 0.34 * len(ordered))), layout="constrained")
    left, middle = canvas.subplots(1, 2, width_ratios=(1.25, 1))
    places = np.arange(len(ordered))[::-1]
    for place, summary in zip(places, ordered, strict=True):
        f, colour = summary.figures, colours[summary.row.group]
        solved, met = 100 * f["solved"].value, 100 * f["met"].value
        left.barh(place, solved - met, color=colour)
        left.barh(place, met, left=solved - met, color=colour, alpha=0.5, hatch="///", edgecolor="white")
        low, high = 100 * f["solved"].low, 100 * f["solved"].high
        left.errorbar(solved, place, xerr=[[solved - low], [high - solved]], color="black", capsize=2, lw=1)
    left.set_yticks(places, [s.row.name for s in ordered])
    left.set_xlim(0, 100)
    left.set_ylim(-0.7, len(ordered) - 0.3)
    left.set_xlabel("solved, % (plain: no dead end met; hatched: taken back and solved; line: 95 % interval)")
    left.set_title("Who solves, and who had to take back")
    used = set()
    for summary in ordered:
        if summary.row.group == "solvers" or not scores[summary.row.name]:
            continue
        calls, solved = summary.figures["calls"], summary.figures["solved"]
        label = summary.row.group if summary.row.group not in used else None
        used.add(summary.row.group)
        middle.errorbar(
            calls.value,
            100 * solved.value,
            xerr=[[calls.value - calls.low], [calls.high - calls.value]],
            yerr=[[100 * (solved.value - solved.low)], [100 * (solved.high - solved.value)]],
            fmt="o",
            color=colours[summary.row.group],
            label=label,
            ms=5,
            lw=0.8,
        )
        middle.annotate(
            summary.row.name, (calls.value, 100 * solved.value), fontsize=7, xytext=(4, 3), textcoords="offset points"
        )
    middle.set_xscale("log")
    middle.set_ylim(-3, 106)
    middle.set_xlabel("calls a puzzle (network passes or search steps; log scale)")
    middle.set_ylabel("solved, %")
    middle.set_title("Success against calls")
    middle.legend(fontsize=8, loc="lower right")
    canvas.suptitle(title, fontsize=11)
    buffer = io.BytesIO()
    canvas.savefig(buffer, dpi=130, metadata={"Software": None})
    write_atomically(path, buffer.getvalue())
