"""ceiling.png: who solves, who had to take back, how early others are lost; board.png: a board lost and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from csp.problem import Instance
from csp.trace import replay
from experiments.ceiling.screen import Summary, lost_and_solved
from experiments.cli.line_labels import DASHES, label_ends
from experiments.cli.terminal import save_figure
from experiments.engine.decoder_catalogue import GROUPS, irrevocable
from experiments.engine.run import Finished
from experiments.scoring.scorer import Score


def ceiling(summaries: Sequence[Summary], scores: dict[str, Sequence[Score]], title: str, path: Path) -> None:
    """Draw it: a bar a row, and the share of boards still alive as blanks are filled, for rows that never retract."""
    from matplotlib.figure import Figure

    tints = ("#7f7f7f", "#2ca02c", "#d62728", "#ff7f0e", "#1f77b4", "#9467bd", "#8c564b", "#e377c2")
    colours = dict(zip(GROUPS, tints, strict=True))
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


def board(finished: Finished, path: Path) -> bool:
    """board.png: a board that AR loses, when that shows, and how the same network solves it by going back.

    Returns whether there is such a board; without one nothing is drawn.
    """
    from matplotlib.figure import Figure

    index = lost_and_solved(finished)
    if index is None:
        return False
    instance = finished.instances[index]
    lost, back = (finished.scores[name][index] for name in ("ar", "ar-best-first"))
    traces = [finished.store.trace(name, index) for name in ("ar", "ar-best-first")]
    states, taken_back = replay(traces[0], instance.givens), replay(traces[1], instance.givens)
    fatal = traces[0].events[lost.first_dead - 1].cell
    seen = lost.first_dead + lost.lag  # the state in which the dead end shows
    again = {event.cell for event in traces[1].events if event.value == 0}
    canvas = Figure(figsize=(11, 4.4), layout="constrained")
    panels = canvas.subplots(1, 3)
    marked = {fatal: "#f4a6a6"}
    _draw(panels[0], instance, states[lost.first_dead], marked)
    panels[0].set_title(f"AR's commit {lost.first_dead} (red) loses the board:\nno solution has it there", fontsize=11)
    _draw(panels[1], instance, states[seen], {**_conflicts(instance, states[seen]), **marked})
    later = f"{lost.lag} commit{'s' * (lost.lag > 1)} later"
    panels[1].set_title(f"It goes on; {later} it shows (orange:\na clash, or a cell with no value left)", fontsize=11)
    _draw(panels[2], instance, taken_back[-1], dict.fromkeys(again, "#cfe3f7"))
    panels[2].set_title(
        f"The same network, going back: {back.retractions} cells\ntaken back (blue), solved", fontsize=11
    )
    save_figure(canvas, path)
    return True


def _conflicts(instance: Instance, state: np.ndarray) -> dict[int, str]:
    """The cells of broken rules, or the blank cells that have no legal value left, in orange."""
    clash = np.nonzero(instance.problem.conflicts(state))[0].tolist()
    if clash:
        return dict.fromkeys(clash, "#fdd0a2")
    near, values = instance.problem.adjacency, set(range(1, instance.problem.d + 1))
    blank = np.nonzero(state == 0)[0].tolist()
    return {cell: "#fdd0a2" for cell in blank if values <= set(state[near[cell]].tolist())}


def _draw(axes, instance: Instance, state: np.ndarray, tints: dict[int, str]) -> None:
    """A board: givens bold, commits plain, tinted cells, thick lines between boxes."""
    from matplotlib.patches import Rectangle

    side = instance.problem.d
    box_of = {cell: rule for rule in instance.problem.constraints if rule.relation == "box" for cell in rule.scope}
    for cell, value in enumerate(state.tolist()):
        row, column = divmod(cell, side)
        face = tints.get(cell, "white")
        axes.add_patch(Rectangle((column, side - 1 - row), 1, 1, facecolor=face, edgecolor="#bbbbbb", lw=0.8))
        if value:
            given = bool(instance.givens[cell])
            style = {"weight": "bold" if given else "normal", "color": "black" if given else "#1f4e79"}
            axes.text(column + 0.5, side - 0.5 - row, str(value), ha="center", va="center", fontsize=14, **style)
        # a thick line wherever the neighbour to the right or below is of another box, and around the board
        for across, down, x, y in ((1, 0, (1, 1), (0, 1)), (0, 1, (0, 1), (0, 0))):
            other = cell + across + side * down
            inside = column + across < side and row + down < side
            if not inside or box_of.get(other) is not box_of.get(cell):
                axes.plot([column + x[0], column + x[1]], [side - 1 - row + y[0], side - 1 - row + y[1]], "k", lw=1.8)
    axes.plot([0, 0, side], [0, side, side], "k", lw=1.8)
    axes.set_xlim(-0.05, side + 0.05)
    axes.set_ylim(-0.05, side + 0.05)
    axes.set_aspect("equal")
    axes.axis("off")
