"""`takeback evaluate`: how many puzzles that nobody here made does each decoder solve, by search need and at what cost?

    takeback evaluate --puzzles ../shared/data/sudoku_17_clues.txt
    takeback evaluate --puzzles graphs/*.col --known graphs/best_known.txt --extra 0 1 2
    takeback evaluate --family sudoku9 --stratum '>100'

Puzzles come from files or from a shipped set; graphs can be asked for with their best known number of colours, and with
more. Prints a table a stratum of certified search need (graphs: also one line a graph), and writes scores.parquet,
traces.jsonl and run.json.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from csp.difficulty.reference_search import BUDGET
from csp.errors import BadInput
from csp.families.colouring import is_graph
from csp.io.files import read_text
from csp.problem import STRATA, Instance
from experiments.cli.options import RunOptions, slug
from experiments.cli.tables import Line, cell, show
from experiments.cli.terminal import console, progress
from experiments.engine import decoder_catalogue, run
from experiments.engine.decoder_catalogue import FRONTIER, Row
from experiments.puzzle_files import load
from experiments.puzzle_files.options import PuzzleOptions
from experiments.scoring.scorer import Score
from experiments.scoring.statistics import Estimate, bootstrap, proportion
from generators.decoding.spec import Decoder

DEFAULT = (
    *("free-depth", "ar", "ar-best-first", "still", "restart", "best-first-placebo", "best-first"),
    *("free-propagate-depth", "still-propagate", "best-first-propagate-placebo", "best-first-propagate"),
)


@dataclass(frozen=True)
class Evaluate(PuzzleOptions, RunOptions):
    """Share of puzzles solved, calls and seconds a puzzle, by certified search need: on your files or a shipped set."""

    puzzles: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FILE ...")] = ()
    """Puzzles: Sudokus one a line or as grids, .jsonl, .parquet, or DIMACS .col graphs (several)."""
    colours: Annotated[int | None, tyro.conf.arg(metavar="K")] = None
    """Number of colours for .col graphs."""
    known: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """For .col graphs, instead of --colours: lines of a graph's name and its best known number of colours."""
    extra: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N ...")] = (0,)
    """With --known: ask for the best known number and so many more, each a puzzle of its own."""
    patience: Annotated[int, tyro.conf.arg(metavar="N")] = BUDGET
    """Guesses after which the reference search gives up certifying a puzzle's need, which is then a lower bound."""
    family: str = "sudoku9"
    """Without --puzzles: a shipped set (sudoku6, sudoku9, colouring3-30, colouring3-50, colouring3-100)."""
    stratum: Annotated[tuple[str, ...], tyro.conf.arg(metavar="S ...")] = ()
    """Without --puzzles: strata of the shipped set: 0, 1-3, 4-10, 11-100, '>100' guesses."""
    count: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """How many from the head of each file or stratum (default all)."""
    calls: Annotated[int, tyro.conf.arg(metavar="N")] = 2000
    """Budget of network calls a puzzle."""
    decoders: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")] = DEFAULT
    """Decoders by name (as in `takeback frontier`) or spelled out, hf:FOLDER:order=margin for a Hugging Face model of
    yours; each gets --calls as its budget."""


def main(options: Evaluate) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    options.check("count", "calls", "batch_size", "patience")
    if bool(options.puzzles) == bool(options.stratum):
        raise BadInput("give --puzzles FILE, or --family SET with --stratum: one of the two")
    if options.known is None and options.extra != (0,):
        raise BadInput("--extra goes with --known")
    if options.known is not None and options.colours is not None:
        raise BadInput("give --colours or --known: one of the two")
    rows = [run.budgeted(row, options.calls) for row in decoder_catalogue.chosen(options.decoders, FRONTIER)]
    folder = options.out or _default_folder(options)
    finished = run.decode_and_score(
        "evaluate", options, rows, lambda: _instances(options), folder, lambda instances: {"calls": options.calls}
    )
    able, instances, scores = finished.rows, finished.instances, finished.scores

    # a table a stratum, and one of all puzzles where there are several strata
    needs = np.array([instance.difficulty.stratum for instance in instances])
    parts = {"all": np.ones(len(needs), dtype=bool)} | {s: needs == s for s in STRATA if (needs == s).any()}
    summary = {
        part: {row.name: figures([s for s, m in zip(scores[row.name], mine) if m]) for row in able}
        for part, mine in parts.items()
        if part != "all" or len(parts) > 2
    }
    as_json = {
        part: {name: {what: f._asdict() for what, f in of_row.items()} for name, of_row in of_part.items()}
        for part, of_part in summary.items()
    }
    finished.keep({"summary": as_json})
    if options.json:
        print(json.dumps(as_json, indent=1))
    else:
        for part, of_part in summary.items():
            show_part(part, of_part, able, options)
        if all(is_graph(instance.problem) for instance in instances) and len(instances) <= 100:
            show_graphs(instances, able, scores)
        console.print(run.strata(instances), LEGEND)
    console.print(f"wrote scores.parquet, traces.jsonl and run.json to {folder}")


LEGEND = """
Below each figure: its 95 % interval (Wilson for shares, bootstrap otherwise). calls: network passes or search steps a
puzzle, over all puzzles, the unsolved ones with what they spent; to solve: median over the solved. seconds: wall time a
puzzle, a batch's shared by calls. Decoders with the same veto know the same rules: compare within one."""


def figures(scores: Sequence[Score]) -> dict[str, Estimate]:
    """What the table shows of one decoder on some puzzles."""
    return {
        "solved": proportion(sum(s.solved for s in scores), len(scores)),
        "met": proportion(sum(s.met or 0 for s in scores), sum(s.need or 0 for s in scores)),
        "calls": bootstrap([s.calls for s in scores]),
        "to solve": bootstrap([s.calls for s in scores if s.solved], np.median),
        "tokens": bootstrap([s.tokens for s in scores]),
        "gflops": bootstrap([s.flops / 1e9 for s in scores]),
        "seconds": bootstrap([s.seconds for s in scores]),
    }


def show_part(part: str, of_part: dict[str, dict[str, Estimate]], able: Sequence[Row], options: Evaluate) -> None:
    """Print the table of one stratum, or of all puzzles."""
    n = next(iter(of_part.values()))["solved"].n
    source = ", ".join(path.name for path in options.puzzles[:3]) if options.puzzles else f"set {options.family}"
    source += f" and {len(options.puzzles) - 3} more" if len(options.puzzles) > 3 else ""
    what = "in all" if part == "all" else f"that need {part} guesses"
    title = f"takeback evaluate: {source}, {n} puzzles {what}, within {options.calls:,} calls"
    names = {"solved": "solved %", "met": "met / need %", "gflops": "GFLOPs"}
    figures = list(next(iter(of_part.values())))
    lines: list[Line] = []
    for group in dict.fromkeys(row.group for row in able):
        lines.append(group)
        for row in (row for row in able if row.group == group):
            cells = [cell(f, percent=name in ("solved", "met")) for name, f in of_part[row.name].items()]
            lines.append((f"  {row.name}", row.spec.veto if isinstance(row.spec, Decoder) else "", *cells))
    show(title, ("decoder", "veto", *(names.get(name, name) for name in figures)), lines, keep=2)


def show_graphs(instances: Sequence[Instance], able: Sequence[Row], scores: dict[str, list[Score]]) -> None:
    """Print a line a graph and number of colours: the calls that each decoder needed, or a dash."""
    lines: list[Line] = []
    for index, instance in enumerate(instances):
        problem, need = instance.problem, instance.difficulty
        guesses = f"{need.guesses}{'+' * need.given_up}"
        line = [Path(instance.provenance).stem, problem.n, len(problem.constraints), problem.d, guesses]
        line += [s.calls if (s := scores[row.name][index]).solved else "-" for row in able]
        lines.append([str(part) for part in line])
    heads = ("graph", "nodes", "edges", "colours", "guesses", *(row.name for row in able))
    show("calls to colour each graph (- : not coloured)", heads, lines)


def _instances(options: Evaluate) -> list[Instance]:
    """The puzzles, with a progress bar while they are certified."""
    if options.stratum:
        return load.of_strata(options.family, options.stratum, options.count)
    known = None if options.known is None else _known(options.known)
    jobs = [(path, colours) for path in options.puzzles for colours in _colours(path, known, options)]
    found: dict[str, Instance] = {}
    certified: dict[Path, Instance] = {}
    with progress("puzzles") as bar:
        task = bar.add_task("certifying puzzles", total=None)
        for path, colours in jobs:
            tick, patience = (lambda: bar.advance(task)), options.patience
            fewer = certified.get(path)
            how = {"patience": patience, "fewer": fewer, "maybe_none": True}
            read = options.read_puzzles(path, colours, options.count, tick, **how)
            if read:
                certified[path] = read[0]
            found |= {instance.id: instance for instance in read if instance.id not in found}
    if not found:
        raise BadInput(f"{options.puzzles[0]}: no puzzle is left to solve")
    kinds = {instance.family for instance in found.values()}
    if len(kinds) > 1:
        raise BadInput(f"--puzzles of more than one family ({', '.join(sorted(kinds))}): one at a time")
    return list(found.values())


def _known(path: Path) -> dict[str, int]:
    """Graphs' names and their best known numbers of colours."""
    known = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        words = line.split()
        if words and not (len(words) > 1 and words[1].isascii() and words[1].isdigit()):
            raise BadInput(f"{path}, line {number}: {line.strip()[:40]!r} is not a name and a number of colours")
        if words:
            known[words[0]] = int(words[1])
    return known


def _colours(path: Path, known: dict[str, int] | None, options: Evaluate) -> list[int | None]:
    """The numbers of colours to ask a file's graphs for."""
    if known is None:
        return [options.colours]
    if path.stem not in known:
        raise BadInput(f"{options.known} does not name {path.stem}")
    return [known[path.stem] + extra for extra in options.extra]


def _default_folder(options: Evaluate) -> Path:
    source = slug(options.puzzles[0].stem if options.puzzles else options.family)
    return Path("results") / f"evaluate-{source}-{options.digest()}"


if __name__ == "__main__":
    from experiments.cli.dispatch import run

    run(main, Evaluate)
