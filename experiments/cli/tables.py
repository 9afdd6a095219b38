"""Tables on a terminal, never wider than it: what does not fit goes into further tables below the first.

    >>> show("solved by decoder", ("decoder", "n", "solved %"), [["ar", "200", "9 [6, 14]"]])

Figures are shown with their 95 % interval; a dash stands where nothing was measured.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from experiments.scoring.statistics import Estimate

NAMES = 2 / 3  # of a terminal's width that leading columns may take; longer names are broken over lines
#: A line of cells, or the heading of a group of lines.
Line = Sequence[str | Text] | str


def percent(share: float) -> str:
    """A share as percent: 0 and 100 without a decimal, the others with one."""
    return f"{100 * share:.0f}" if share in (0, 1) else f"{100 * share:.1f}"


def short(number: float, digits: int = 3) -> str:
    """The number to that many significant digits, without needless zeros."""
    if number == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(number))))
    text = f"{number:.{min(places, 4)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain(figure: Estimate, share: bool = False, digits: int = 3) -> str:
    """The figure and its interval on one line, "9.0 [6, 14]"; "-" where nothing was measured."""
    if figure.value is None:
        return "-"
    value = percent(figure.value) if share else short(figure.value, digits)
    if figure.low is None:
        return f"{value} (n=1)"
    low, high = (f"{100 * end:.0f}" if share else short(end, 2) for end in (figure.low, figure.high))
    return f"{value} [{low}, {high}]"


def cell(figure: Estimate, percent: bool = False) -> Text:
    """The figure, its interval dim below; a dash where nothing was measured."""
    value, _, interval = plain(figure, percent).partition(" ")
    if value == "-":
        return Text("-", style="dim")
    low, _, high = interval.strip("[]()").partition(", ")
    dash = " to " if low.startswith("-") else "-"
    below = f"{low}{dash}{high}" if high and low != high else low
    return Text(value).append(f"\n{below}", style="dim")


def show(
    title: str,
    heads: Sequence[str],
    lines: Sequence[Line],
    keep: int = 1,
    left: Collection[str] = (),
    wrap: Collection[str] = (),
    notes: Sequence[str] = (),
    gap: int = 2,
) -> None:
    """Print a table to standard output.

    keep: how many leading columns are repeated where a table is cut. left: heads of columns that are aligned left
    besides those; wrap: of columns of prose, whose lines may be broken. notes: printed below, broken at the edge.
    gap: spaces between columns.
    """
    terminal = Console(highlight=False, markup=False)
    first = list(range(min(keep, len(heads))))

    def table(columns: Sequence[int], title: str = "") -> Table:
        look = {"box": box.SIMPLE_HEAD, "show_edge": False, "pad_edge": False, "padding": (0, 0, 0, gap)}
        made = Table(title=title or None, title_justify="left", title_style="bold", **look)
        for column in columns:
            aligned = "left" if column in first or heads[column] in left else "right"
            narrow = int(NAMES * terminal.width / len(first)) if column in first else None
            broken = heads[column] in wrap or column in first
            made.add_column(heads[column], justify=aligned, no_wrap=not broken, overflow="fold", max_width=narrow)
        for line in lines:
            if isinstance(line, str):
                made.add_row(Text(line, style="bold italic"))
            else:
                made.add_row(
                    *(line[column] if isinstance(line[column], Text) else Text(line[column]) for column in columns)
                )
        return made

    def width(columns: Sequence[int]) -> int:
        """What the columns need, prose at its narrowest."""
        measured = Measurement.get(terminal, terminal.options.update(width=1000), table(columns))
        return measured.minimum if any(heads[column] in wrap for column in columns) else measured.maximum

    # a column goes into the present part while that fits the terminal, else it begins the next part
    parts: list[list[int]] = [[*first]]
    for column in range(len(first), len(heads)):
        if len(parts[-1]) > len(first) and width([*parts[-1], column]) > terminal.width:
            parts.append([*first])
        parts[-1].append(column)
    for number, columns in enumerate(parts):
        terminal.print(table(columns, "" if number else title))  # the further parts are of the same table
    for note in notes:
        terminal.print(note, style="dim")
