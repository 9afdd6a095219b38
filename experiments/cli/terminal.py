"""What commands show with besides tables: messages and progress to standard error, figures to files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from csp.io.files import write_atomically

console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def progress(unit: str, own_time: bool = False) -> Progress:
    """A progress bar counting `unit`, with the time that is left; nothing where there is no terminal.

    own_time: instead of that time, what each task says in its field `left`.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TextColumn("{task.fields[left]}") if own_time else TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


#: What matplotlib would write into a picture that differs from day to day, by the file's ending.
UNDATED = {".png": {"Software": None}, ".svg": {"Date": None}}


def save_figure(canvas: Any, path: Path) -> None:
    """Write a matplotlib figure as PNG or SVG, the same bytes for the same figure. Raises BadInput if it cannot be
    written.
    """
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": path.stem}):
        canvas.savefig(buffer, format=path.suffix[1:], dpi=130, metadata=UNDATED[path.suffix])
    write_atomically(path, buffer.getvalue())


def say_undecided(traces: int) -> None:
    """Say for how many traces the oracle left open which states were alive, if for any."""
    if traces:
        console.print(f"dead ends stayed undecided for {traces} traces; need, met and the like are of the others")


def say_left_out(reasons: dict[str, list[str]]) -> None:
    """Name what cannot run, by reason."""
    for reason, names in reasons.items():
        console.print(f"left out: {', '.join(names)}\n  because {reason}")
