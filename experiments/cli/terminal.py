"""What commands show with: tables to standard output, progress to standard error, figures to files."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from csp.io.files import write_atomically
from experiments.scoring.statistics import Estimate

console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def progress(unit: str) -> Progress:
    """A progress bar counting `unit`, with the time that is left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def print_wide(table: Table) -> None:
    """Print a table to standard output, never narrower than it is."""
    terminal = Console(highlight=False)
    options = terminal.options.update(width=400)
    terminal.width = max(terminal.width, min(200, Measurement.get(terminal, options, table).maximum))
    terminal.print(table)


def _percent(share: float) -> str:
    return f"{100 * share:.0f}" if share in (0, 1) else f"{100 * share:.1f}"


def _short(number: float, digits: int = 3) -> str:
    """The number with so many significant digits, and no needless zeros."""
    if number == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(number))))
    text = f"{number:.{min(places, 4)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def cell(figure: Estimate, percent: bool = False) -> Text:
    """The figure, its interval dim below; a dash where nothing was measured."""
    if figure.value is None:
        return Text("-", style="dim")
    if figure.low is None:
        return Text(_percent(figure.value) if percent else _short(figure.value)).append("\nn=1", style="dim")
    if percent:
        value, low, high = _percent(figure.value), f"{100 * figure.low:.0f}", f"{100 * figure.high:.0f}"
    else:
        value, low, high = _short(figure.value), _short(figure.low, 2), _short(figure.high, 2)
    dash = " to " if low.startswith("-") else "-"
    return Text(value).append(f"\n{low}{dash}{high}" if low != high else f"\n{low}", style="dim")


def save_figure(canvas: Any, path: Path) -> None:
    """Write a matplotlib figure as PNG, the same bytes for the same figure. Raises BadInput if it cannot be written."""
    buffer = io.BytesIO()
    canvas.savefig(buffer, dpi=130, metadata={"Software": None})
    write_atomically(path, buffer.getvalue())


def say_undecided(traces: int) -> None:
    """Say for how many traces the oracle left open which states were alive, if for any."""
    if traces:
        console.print(f"dead ends stayed undecided for {traces} traces; need, met and the like are of the others")
