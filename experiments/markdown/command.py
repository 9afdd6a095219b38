"""`takeback markdown`: a run's tables; keep a run; write anew every document that quotes kept runs.

    takeback markdown results/evaluate-sudoku10k-1a2b3c               # its tables, to standard output
    takeback markdown results/evaluate-sudoku10k-1a2b3c --keep evaluate-sudoku10k-300 --line "takeback evaluate ..."
    takeback markdown                                                 # docs/results/, README.md and RESULTS.md

Reads what ceiling, frontier, evaluate, ablations and control write. --keep writes experiments/results/NAME.json and
docs/results/NAME.md. Without a run, docs/results/ is written from experiments/results/, and README.md and RESULTS.md
from their templates in docs/templates/ (experiments/markdown/fill.py says what stands in them).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from csp.errors import BadInput
from csp.io.files import read_text, write_atomically
from experiments.cli.terminal import console
from experiments.markdown import distil, fill, pages
from experiments.markdown.kept import RESULTS, every, path_of, save


@dataclass(frozen=True)
class Markdown:
    """Print the figures of finished runs as Markdown tables; keep a run; write the documents from the kept runs."""

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DIR ...")] = ()
    """Folders of runs. Without any, docs/results/, README.md and RESULTS.md are written from the kept runs."""
    keep: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Keep the run's figures as experiments/results/NAME.json, and write docs/results/NAME.md."""
    question: Annotated[str, tyro.conf.arg(metavar="TEXT")] = ""
    """With --keep: what the run asks, in a sentence (default: what its command asks)."""
    line: Annotated[str, tyro.conf.arg(metavar="COMMAND")] = ""
    """With --keep: the command line that made the run, for the page."""
    root: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path(".")
    """The repository."""


def main(options: Markdown) -> None:
    """Run it. Raises BadInput for a folder without a finished run, a bad name, a placeholder for nothing."""
    if options.keep is None and (options.question or options.line):
        raise BadInput("--question and --line go with --keep NAME")
    if options.keep is not None:
        _keep(options)
    elif options.folders:
        print("\n\n".join(part for folder in options.folders for part in printed(folder)))
    else:
        made = documents(options.root)
        for path, text in made.items():
            write_atomically(options.root / path, text)
        for path in stale(options.root, made):
            (options.root / path).unlink()
        console.print(f"wrote {', '.join(map(str, made))}")


def printed(folder: Path) -> list[str]:
    """The tables of one run, and what its verdicts say."""
    return pages.parts(distil.tables_of(distil.read(folder)))


def _keep(options: Markdown) -> None:
    """--keep: one run's file and page."""
    if len(options.folders) != 1:
        raise BadInput("--keep takes one folder of a run")
    path_of(options.root, options.keep)
    kept = distil.distil(distil.read(options.folders[0]), options.keep, options.question, options.line)
    path = save(options.root, kept)
    page = options.root / pages.PAGES / f"{options.keep}.md"
    write_atomically(page, pages.page(kept))
    console.print(f"wrote {path} and {page}")


def documents(root: Path) -> dict[Path, str]:
    """Every document that is made of kept runs, by its path below the root. A missing template is passed over.
    Raises BadInput where no run is kept.
    """
    runs = every(root)
    if not runs:
        raise BadInput(f"{root / RESULTS} holds no kept run")
    made = {pages.PAGES / f"{kept.name}.md": pages.page(kept) for kept in runs}
    made[pages.PAGES / "README.md"] = pages.index(runs)
    for name in fill.DOCUMENTS:
        if (root / fill.TEMPLATES / name).exists():
            made[Path(name)] = fill.fill(root, name)
    return made


def stale(root: Path, made: dict[Path, str]) -> list[Path]:
    """Pages of runs that are no longer kept. What a person wrote beside them stays."""
    pages_there = (path for path in sorted((root / pages.PAGES).glob("*.md")) if pages.MADE in read_text(path))
    return [path.relative_to(root) for path in pages_there if path.relative_to(root) not in made]


if __name__ == "__main__":
    from experiments.cli.dispatch import run

    run(main, Markdown)
