"""`takeback site`: the story in five scenes, opened in your browser; no network is needed.

takeback site                          # writes takeback.html to a temporary folder and opens it
takeback site --out story.html         # writes it, opens nothing
"""

from __future__ import annotations

import json
import tempfile
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from csp.io.files import read_text, write_atomically
from experiments.cli.terminal import console
from experiments.page import build, story


@dataclass(frozen=True)
class Site:
    """What a decoder cannot take back, in five scenes: play it, watch it, compare."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the page here and open nothing (default: a temporary file, which is opened)."""


def main(options: Site) -> None:
    """Write it, and open it unless told where it goes."""
    html = build.page("site", json.loads(read_text(story.PLACE)))
    out = options.out or Path(tempfile.mkdtemp(prefix="takeback-")) / "takeback.html"
    write_atomically(out, html)
    console.print(f"wrote {out}")
    if options.out is None and not webbrowser.open(out.as_uri()):
        console.print("no browser was found; open that file in one")
