"""`takeback ceiling`: who needs to take a token back, and cannot? The main job.

    takeback ceiling                                  # 100 6x6 Sudokus, eight rows
    takeback ceiling --all --count 200                # every row, every figure
    takeback ceiling --family sudoku9 --stratum 11-100

Draws certified instances (or reads yours), decodes all of them with every row, replays and scores every trace
with an exact oracle, prints one table, and writes scores.parquet, traces.jsonl, run.json and ceiling.png.
Interrupted, it goes on where it was when the same command is given again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from csp.errors import BadInput
from csp.io import shipped_sets
from csp.problem import Instance
from csp.seeds import key
from experiments.ceiling import figures, screen
from experiments.cli.options import RunOptions, slug
from experiments.cli.terminal import console, progress
from experiments.engine.decoder_catalogue import FIRST_SCREEN, ROWS, chosen
from experiments.engine.run import decode_and_score
from experiments.puzzle_files import load
from experiments.puzzle_files.options import PuzzleOptions


@dataclass(frozen=True)
class Ceiling(PuzzleOptions, RunOptions):
    """Show how often, how early and how expensively each generator needs a retraction that it cannot perform.

    Every decoder and solver gets the same certified puzzles; an exact oracle says which states were dead.
    """

    family: str = "sudoku6"
    """Puzzles to draw: sudoku6, or colouring (planted 3-colourings near the threshold), whose networks are shipped; or
    any family of `takeback instances families`. Their symmetry orbits were not trained on."""
    stratum: Annotated[str | None, tyro.conf.arg(metavar="S")] = None
    """Instead take the shipped set of this need of search: 0, 1-3, 4-10, 11-100 or '>100' guesses. Then --family
    names a set: sudoku6, sudoku9, colouring3-30, colouring3-50, colouring3-100."""
    count: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """How many to draw (default 100), or how many to read from the head of the file (default all)."""
    all: tyro.conf.FlagCreatePairsOff[bool] = False
    """Run every row, not eight, and print every figure."""
    decoders: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")] = ()
    """Rows to run, by name or spelled out like diffusion:order=margin,k=2, or hf:FOLDER:order=margin for a Hugging Face
    model of yours (default: eight; with --all: all)."""
    puzzles: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Your puzzles: Sudokus one a line or as grids (`.` or `0` blank), .jsonl, .parquet, or a DIMACS .col graph."""
    colours: Annotated[int | None, tyro.conf.arg(metavar="K")] = None
    """Number of colours for a .col graph."""

    @property
    def source(self) -> str:
        """Where the puzzles come from, in words."""
        if self.puzzles:
            return self.puzzles.name
        if self.stratum:
            return f"{self.family}, shipped set of {self.stratum} guesses, seed {self.seed}"
        return f"{self.family}, test split, seed {self.seed}"


def main(options: Ceiling) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    _check(options)
    rows = chosen(options.decoders or tuple(ROWS if options.all else FIRST_SCREEN))
    folder = options.out or _default_folder(options)
    finished = decode_and_score("ceiling", options, rows, lambda: _instances(options), folder, _identity(options))

    # the eight plain rows have a screen of their own; other choices of rows get every figure
    summaries = [screen.summarise(row, finished.scores[row.name]) for row in finished.rows]
    count = len(finished.instances)
    title = f"takeback ceiling: {count} puzzle{'s' * (count > 1)} ({options.source})"
    finished.keep({"source": options.source, "summary": [summary.as_json() for summary in summaries]})
    figures.ceiling(summaries, finished.scores, title, folder / "ceiling.png")
    drawn = "ceiling.png and board.png" if figures.board(finished, folder / "board.png") else "ceiling.png"
    if options.json:
        print(json.dumps([summary.as_json() for summary in summaries], indent=1))
    elif options.all or options.decoders:
        screen.show_all(summaries, title, finished.instances)
    else:
        screen.show_first(summaries, title, finished)
    console.print(f"wrote scores.parquet, traces.jsonl, run.json, {drawn} to {folder}")


def _check(options: Ceiling) -> None:
    """Raises BadInput for options that do not go together."""
    if options.count is not None and options.count < 1:
        raise BadInput(f"--count {options.count}: at least 1 puzzle is needed")
    options.check()
    if options.batch_size < 1:
        raise BadInput(f"--batch-size {options.batch_size}: at least 1 board")
    if options.puzzles is not None and options.stratum is not None:
        raise BadInput("--stratum takes a shipped set, --puzzles your file: give one of them")
    if options.puzzles is None and options.colours is not None:
        raise BadInput("--colours goes with --puzzles GRAPH.col")
    if options.all and options.decoders:
        raise BadInput("--all runs every row, --decoders those you name: give one of them")


def _identity(options: Ceiling):
    """What the traces depend on beyond puzzles, rows, networks and seed."""
    stratum = {"stratum": options.stratum} if options.stratum else {}
    return lambda instances: {"family": instances[0].family if options.puzzles else options.family, **stratum}


def _instances(options: Ceiling) -> list[Instance]:
    """The puzzles, with a progress bar while they are drawn or certified."""
    with progress("puzzles") as bar:
        count = options.count or (None if options.puzzles else 100)
        task = bar.add_task("certifying puzzles" if options.puzzles else "drawing puzzles", total=count)
        if options.stratum is not None:
            return load.shipped(options.family, options.stratum, count)
        if options.puzzles:
            return options.read_puzzles(options.puzzles, options.colours, count, lambda: bar.advance(task))
        return load.drawn(options.family, options.seed, count, lambda: bar.advance(task))


def _default_folder(options: Ceiling) -> Path:
    """A folder of its own for each choice of puzzles, rows and networks."""
    source = options.puzzles.stem if options.puzzles else options.family
    source += f"-{shipped_sets.path_of(options.family, options.stratum).stem}" if options.stratum else ""
    words = ["ceiling", slug(source), str(options.count or ("all" if options.puzzles else 100)), f"seed{options.seed}"]
    other = options.decoders, options.colours, options.checkpoints
    other += tuple(word for word in (options.read_as, options.box) if word is not None)
    if other != (Ceiling.decoders, Ceiling.colours, Ceiling.checkpoints):
        words.append(f"{key(*other):016x}"[:6])
    return Path("results") / "-".join([*words, *["all"] * options.all])
