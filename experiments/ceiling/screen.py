"""What `takeback ceiling` prints: one board that is lost, ten words, eight rows and what they come to; or every figure.

The first screen fits 80 columns; its sentences are computed from the rows above them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.console import Console
from rich.text import Text

from csp.io.instance_records import is_board
from csp.problem import Instance
from csp.trace import replay
from experiments.cli.tables import Line, cell, plain, show
from experiments.engine.decoder_catalogue import FIRST_SCREEN, GROUPS, Row, steps_unseen
from experiments.engine.run import Finished, strata
from experiments.scoring.aggregate import figures, mcnemar
from experiments.scoring.scorer import Score
from experiments.scoring.statistics import Estimate

WIDTH = 80  # of the first screen
UNSEEN = 4  # commits after which a loss that nobody sees makes an example
NOTHING = Estimate(None, None, None, 0)
#: Figures that a solver without visible steps has: its trace is one commit of the whole solution.
SEEN_ANYWAY = ("n", "solved", "calls", "tokens", "flops", "seconds")

WORDS = {
    "commit": "one cell gets one value",
    "alive, dead": "some solution extends the board; none does any more",
    "dead end": "the commit that turns an alive board dead",
    "take back": "blank a committed cell",
    "raster": "cells in reading order; AR knows no other here",
    "surest first": "the cell whose value the network is surest of",
    "goes back": "at a failure, to the untried value that loses least probability",
    "placebo": "the same, but to any untried value, drawn at random",
    "no network": "a search by the same rule, every value equally likely",
    "call": "one pass of the network, or one step of a search",
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
    """Scores of one row as figures; nothing about dead ends where a solver's steps are not seen."""
    made = figures(scores)
    if steps_unseen(row):
        made = {name: figure if name in SEEN_ANYWAY else NOTHING for name, figure in made.items()}
    return Summary(row, made)


def show_first(summaries: Sequence[Summary], title: str, finished: Finished) -> None:
    """One board, ten words, the eight rows, two sentences."""
    terminal = Console(highlight=False, markup=False)
    for line in worked_board(finished):
        terminal.print(line)
    terminal.print()
    for word, meaning in WORDS.items():
        terminal.print(Text(f"{word:>13}  ", style="bold").append(meaning, style="not bold"))
    terminal.print()
    lines = [
        (
            FIRST_SCREEN[summary.row.name],
            plain(f["solved"], share=True),
            "-" if f["need"].value is None else str(f["need"].hits),
            plain(f["retractions"], digits=2),
            plain(f["calls"], digits=2),
        )
        for summary in summaries
        for f in [summary.figures]
    ]
    show(title, ("", "solved %", "dead end", "took back", "calls"), lines, gap=1)
    terminal.print(
        "[ ]: 95 % interval. dead end: puzzles on which it made one; took back: cells a puzzle.", style="dim"
    )
    for sentence in conclusion({s.row.name: s.figures for s in summaries}, finished.scores):
        terminal.print(sentence)
    terminal.print(strata(finished.instances), "--all: every row, every figure.", style="dim")
    names = ", ".join(summary.row.name for summary in summaries)
    terminal.print(f"Names of the rows, for --decoders, SQL, report and gif: {names}.", style="dim")


def lost_and_solved(finished: Finished) -> int | None:
    """The index of a board that AR loses and the same network, going back, solves; None if there is none.

    One on which the loss stays unseen for some commits, and few cells are taken back, is preferred: it shows more.
    """
    pairs = enumerate(zip(*(finished.scores.get(name, []) for name in ("ar", "ar-best-first"))))
    able = {i: (one.lag < UNSEEN, other.retractions) for i, (one, other) in pairs if one.lag and other.solved}
    boards = [index for index in able if is_board(finished.instances[index].problem)]
    return min(boards, key=able.get, default=None)


def worked_board(finished: Finished) -> list[str]:
    """That board with the commit that lost it, in lines for the terminal."""
    index = lost_and_solved(finished)
    if index is None:
        return []
    lost, back = (finished.scores[name][index] for name in ("ar", "ar-best-first"))
    instance, trace = finished.instances[index], finished.store.trace("ar", index)
    side = instance.problem.d
    state, fatal = replay(trace, instance.givens)[lost.first_dead], trace.events[lost.first_dead - 1]
    board = [
        "".join(f"({v})" if at == fatal.cell else f" {v or '.'} " for at, v in enumerate(line, start))
        for start in range(0, len(state), side)
        for line in [state[start : start + side]]
    ]
    later = f"{lost.lag} commit{'s' * (lost.lag > 1)}"
    said = (
        f"One of the puzzles. AR's commit number {lost.first_dead}, ({fatal.value}) at r{fatal.cell // side + 1}"
        f"c{fatal.cell % side + 1}, is a dead end: no solution has it there. It shows {later} later, when a rule is "
        f"broken or a cell has no value left. Going back, the same network takes {back.retractions} cells back and "
        "solves it."
    )
    beside = textwrap.wrap(said, WIDTH - 3 * side - 6)
    return [f"  {row:{3 * side}}   {text}".rstrip() for row, text in zip_longest(board, beside, fillvalue="")]


def conclusion(rows: dict[str, dict], scores: dict[str, Sequence[Score]]) -> list[str]:
    """What the rows come to, in two sentences; the second may say that there is no difference."""
    if not {"ar", "ar-best-first", "no-net-raster", "diffusion-raster", "diffusion-confidence"} <= rows.keys():
        return ["Networks are missing here, so that nothing can be said of AR against diffusion."]

    def solved(name: str) -> str:
        return f"{plain(rows[name]['solved'], share=True)} %"

    def p(first: str, second: str) -> float:
        """McNemar's p of the two rows on the same puzzles."""
        pairs = [(a.solved, b.solved) for a, b in zip(scores[first], scores[second], strict=True)]
        return mcnemar(sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs))

    def ahead(first: str, second: str) -> bool | None:
        """Whether the first solves more; None where the puzzles do not tell them apart."""
        if p(first, second) >= 0.05:
            return None
        return rows[first]["solved"].value > rows[second]["solved"].value

    others = ("ar-best-first", "diffusion-raster", "diffusion-confidence", "best-first")
    if all(p("ar", name) >= 0.05 for name in others if name in rows):
        return [
            f"On these {rows['ar']['n']} puzzles there is no difference to be seen: AR solved {solved('ar')}, the same "
            f"network going back {solved('ar-best-first')}.",
            f"Diffusion solved {solved('diffusion-raster')} in raster order and {solved('diffusion-confidence')} "
            "surest first; none of them differs from AR at p < 0.05 (McNemar).",
        ]
    need, first = rows["ar"]["need"], rows["ar"]["first_dead"]
    by = {
        None: "not told apart from the same rule and search without a network",
        True: "more than the same rule and search do without a network",
        False: "fewer than the same rule and search do without a network",
    }[ahead("ar-best-first", "no-net-raster")]
    where = {None: "not told apart", True: "so where it goes back matters", False: "so going by its confidence hurts"}
    back = ""
    if "best-first" in rows and "best-first-placebo" in rows:
        back = (
            f"; going back it solved {solved('best-first')}, its placebo {solved('best-first-placebo')}, "
            f"{where[ahead('best-first', 'best-first-placebo')]}"
        )
    return [
        f"AR, which cannot take a token back, made a dead end on {need.hits} of {need.n} puzzles (commit "
        f"{plain(first)} in the median of those {first.n}) and solved {solved('ar')}; the same network going back "
        f"solved {solved('ar-best-first')}, {by} ({solved('no-net-raster')}).",
        f"Diffusion took nothing back either and solved {solved('diffusion-raster')} in AR's own order and "
        f"{solved('diffusion-confidence')} surest first, reading {plain(rows['diffusion-confidence']['tokens'])} "
        f"tokens a puzzle against AR's {plain(rows['ar']['tokens'])}{back}.",
    ]


def _with_n(figure: Estimate) -> Text:
    """A figure that rests on some of the traces only, with how many."""
    return cell(figure).append(f" n={figure.n}" if figure.n > 1 else "", style="dim")


def _outcomes(f: dict) -> Text:
    """need/met/unmet as counts."""
    known = f["need"].value is not None
    return Text("/".join(str(f[k].hits) for k in ("need", "met", "unmet"))) if known else Text("-", style="dim")


#: Column head: the cell of a summary's figures.
COLUMNS: dict[str, Callable[[dict], Text]] = {
    "n": lambda f: Text(str(f["n"])),
    "solved %": lambda f: cell(f["solved"], percent=True),
    "need/met/unmet": _outcomes,
    "first dead": lambda f: _with_n(f["first_dead"]),
    "lag": lambda f: _with_n(f["lag"]),
    "debt/filled": lambda f: _with_n(f["debt_share"]),
    "recovery %": lambda f: cell(f["recovery"], percent=True),
    "commits": lambda f: cell(f["commits"]),
    "retract": lambda f: cell(f["retractions"]),
    "calls": lambda f: cell(f["calls"]),
    "tokens": lambda f: cell(f["tokens"]),
    "seconds": lambda f: cell(f["seconds"]),
}
LEGEND = (
    "Below each figure: its 95 % interval (Wilson for shares, bootstrap otherwise; none from one observation) and, "
    "where it rests on fewer traces than n, how many.",
    "need: traces that made a dead end, after which no solution extends the board; met: of those, solved all the same; "
    "unmet: not. recovery: met / need. first dead: commits made by then; lag: commits from there until it shows "
    "(medians over the traces that have one). debt/filled: fewest cells to blank at the end for a solution to exist "
    "again, as a share of the cells filled by then (mean over unsolved traces). calls: network passes, or search "
    "steps. cp-sat and python-constraint show no steps: -.",
    "A decoder that never retracts cannot recover: its unmet = not solved is an identity, not a finding. What it does "
    "measure is how early, how unseen and how expensive its dead ends are.",
)


def show_all(summaries: Sequence[Summary], title: str, instances: Sequence[Instance]) -> None:
    """Every row with every figure, by groups, and what the words mean."""
    lines: list[Line] = []
    for group in GROUPS:
        of_group = [s for s in summaries if s.row.group == group]
        lines += [group] * bool(of_group)
        lines += [(f"  {s.row.name}", *(make(s.figures) for make in COLUMNS.values())) for s in of_group]
    show(title, ("decoder", *COLUMNS), lines, notes=(strata(instances), *LEGEND))
