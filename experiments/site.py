"""`takeback site`: the story in five scenes, and a page that decodes your own puzzles; no network is needed.

takeback site                          # writes takeback.html and your-puzzle.html to a temporary folder and opens it
takeback site --out story.html         # writes it and your-puzzle.html beside it, opens nothing
"""

from __future__ import annotations

import tempfile
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from csp.errors import BadInput
from csp.io.files import write_atomically
from experiments.cli.terminal import console
from experiments.page import build

YOURS = "your-puzzle.html"  # the story links to it by this name


@dataclass(frozen=True)
class Site:
    """What a decoder cannot take back, in five scenes: play it, watch it, compare."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the story here, your-puzzle.html beside it, and open nothing (default: temporary files, then opened)."""


def main(options: Site) -> None:
    """Write both pages, and open the story unless told where it goes. Raises BadInput for a place that is taken."""
    html = build.page("site", build.story())
    out = options.out or Path(tempfile.mkdtemp(prefix="takeback-")) / "takeback.html"
    yours = out.with_name(YOURS)
    if yours == out:
        raise BadInput(f"{out}: that name is taken by the page beside it; give another one")
    write_atomically(out, html)
    if options.out is None and not webbrowser.open(out.as_uri()):
        console.print("no browser was found; open that file in one")

    # The networks take some seconds to import and to export, in which the story can be read.
    from experiments.page import live

    write_atomically(yours, live.page(out.name))
    console.print(f"wrote {out} and {yours.name} beside it")
