"""`takeback report DIR`: a run's traces to play back, in one file that opens in any browser and needs no network.

takeback report results/ceiling-sudoku6-100-seed0
takeback report results/ceiling-sudoku6-100-seed0 --decoders ar best-first --out boards.html
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from csp.errors import BadInput
from csp.io.files import write_atomically
from experiments.cli.terminal import console, progress
from experiments.page import build, payload


@dataclass(frozen=True)
class Report:
    """Make a page of a run: its boards side by side, commit by commit, when each was lost, and the run's figures."""

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """Folder of a finished run of ceiling, frontier, evaluate or score."""
    decoders: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")] = ()
    """Only these (default: all of the run)."""
    most: Annotated[int, tyro.conf.arg(metavar="N")] = payload.MOST
    """Traces at most: as many whole puzzles as fit."""
    probabilities: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Of so many puzzles also what the networks said at each call: they decode again, and must do as they did."""
    checkpoints: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """With --probabilities: the folder of networks that the run was made with (default: the shipped ones)."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """The page (default: DIR/report.html)."""


def main(options: Report) -> None:
    """Write it. Raises BadInput for a folder that cannot be played back."""
    if options.most < 1:
        raise BadInput(f"--most {options.most}: at least 1")
    if options.probabilities < 0:
        raise BadInput(f"--probabilities {options.probabilities}: at least 0")
    out = options.out or options.folder / "report.html"
    with progress("traces") as bar:
        task = bar.add_task("asking the oracle", total=None)
        data = payload.read(
            options.folder,
            options.most,
            options.decoders,
            options.probabilities,
            options.checkpoints,
            tick=lambda: bar.advance(task),
        )
    html = build.page("report", data)
    write_atomically(out, html)
    left = f"; {data['left out']} more traces did not fit (--most)" if data["left out"] else ""
    console.print(f"wrote {out}: {len(data['traces'])} traces, {len(html) / 1e6:.1f} MB{left}")
