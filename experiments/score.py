"""`takeback score TRACES --instances FILE`: score anybody's traces, or a language model's transcripts.

    takeback score traces.jsonl --instances load.jsonl
    takeback score transcripts.txt --instances load.jsonl

The forms that are read are in docs/bring-your-own.md. Writes scores.parquet (a row a trace), run.json (every figure),
score.png (hazard), and skipped.txt (every line that could not be read, and why). Traces are streamed: memory does not
grow with their number.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pyarrow
import tyro

from csp.errors import BadInput
from csp.io.files import parquet_stream, read_bytes, read_text, write_atomically
from csp.io.instance_records import read_parquet, write_parquet
from csp.io.trace_records import from_lenient
from csp.problem import STRATA, Instance, stratum_of
from experiments.cli.tables import Line, cell, show
from experiments.cli.terminal import console, progress, save_figure, say_undecided
from experiments.engine.parallel import parallel
from experiments.puzzle_files import load
from experiments.scoring import transcripts
from experiments.scoring.aggregate import BINS, SCORE_FIELDS, Outcomes, Sums
from experiments.scoring.scorer import Score, TraceAnalysis, score_life
from experiments.scoring.statistics import Estimate
from solvers.oracles.base import Oracle
from solvers.oracles.pick import pick

CHUNK = 64  # lines a worker scores at a time
SHOWN = 5  # unreadable lines that are shown
ORACLES = 1024  # a worker keeps

Key = tuple[str, str]  # decoder, stratum


@dataclass(frozen=True)
class ScoreCommand:
    """Score traces of your own decoder, or a language model's transcripts: who needed to take back what, and when?"""

    file: Annotated[Path, tyro.conf.Positional]
    """.jsonl: a trace or a transcript a line; .txt: transcripts, each after a line "=== INSTANCE DECODER"."""
    instances: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """The puzzles that they are about: any format of `takeback instances`."""
    colours: Annotated[int | None, tyro.conf.arg(metavar="K")] = None
    """Number of colours for a .col graph."""
    oracle: Literal["auto", "unique", "sat", "cp-sat"] = "auto"
    """Which oracle decides; auto takes the fastest that is exact for each puzzle."""
    debts: tyro.conf.FlagCreatePairsOff[bool] = False
    """Also write debts.jsonl: the debt of every state of every trace."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder for the results (default: results/score-NAME)."""
    workers: int = 0
    """Processes; 0 = as many as there are cores. Changes no figure."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print JSON instead of tables."""


@dataclass
class Chunk:
    """What a worker made of some lines."""

    scores: list[Score] = field(default_factory=list)
    sums: dict[Key, Sums] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    debts: list[str] = field(default_factory=list)


def main(options: ScoreCommand) -> None:
    """Run it. Raises BadInput if nothing can be scored."""
    if options.workers < 0:
        raise BadInput("--workers is at least 0")
    lines = _lines(options.file)
    folder = options.out or Path("results") / f"score-{options.file.stem}"
    instances = load.read(options.instances, options.colours, one_kind=False)
    if options.oracle == "unique":
        for instance in instances:
            pick(instance, "unique")  # says which has several solutions
    known = folder / "instances.parquet"
    write_atomically(known, write_parquet(instances))
    place = {instance.id: number for number, instance in enumerate(instances)}
    total, outcomes, skipped = dict[Key, Sums](), Outcomes(list(place)), 0
    workers = options.workers if options.file.stat().st_size > 300_000 else 1
    chunks = iter(lambda: list(itertools.islice(lines, CHUNK)), [])
    tasks = ((str(known), known.stat().st_mtime_ns, options.oracle, options.debts, chunk) for chunk in chunks)
    with (
        parquet_stream(folder / "scores.parquet", SCHEMA) as write,
        (folder / "skipped.txt").open("w") as bad,
        (folder / "debts.jsonl").open("w") if options.debts else nullcontext() as debts,
        progress("traces") as bar,
    ):
        task = bar.add_task("scoring", total=None)
        for made in parallel(workers, score_lines, tasks):
            if made.scores:
                write([asdict(score) for score in made.scores])
            for key, sums in made.sums.items():
                total.setdefault(key, Sums()).merge(sums)
            for score in made.scores:
                outcomes.add(score.decoder, place[score.instance], score.solved)
            for fault in made.skipped:
                skipped += 1
                bad.write(fault + "\n")
                if skipped <= SHOWN:
                    console.print(f"skipped {options.file}, {fault}")
            if debts:
                debts.writelines(line + "\n" for line in made.debts)
            bar.advance(task, len(made.scores))
    if skipped:
        console.print(f"{skipped} lines or statements skipped in all; every one of them is in {folder / 'skipped.txt'}")
    if not total:
        raise BadInput(f"{options.file}: no trace could be read")
    _finish(options, folder, total, outcomes)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, JSON) of each record of the file, one by one; transcripts in a .txt become records too."""
    if path.suffix.lower() == ".txt":
        for instance, decoder, text, first in transcripts.sections(read_text(path), str(path)):
            yield first, json.dumps({"instance": instance, "decoder": decoder, "text": text, "line": first})
        return
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except OSError as fault:
        raise BadInput(f"cannot read {path}: {fault.strerror or fault}") from None


@lru_cache(maxsize=4)
def _known(path: str, changed: int) -> tuple[dict[str, Instance], list[Instance]]:
    """The instances by id, and in order."""
    instances = read_parquet(read_bytes(Path(path)), path)
    return {instance.id: instance for instance in instances}, instances


@lru_cache(maxsize=ORACLES)
def _oracle(path: str, changed: int, instance: str, name: str) -> Oracle:
    return pick(_known(path, changed)[0][instance], name)


def score_lines(path: str, changed: int, oracle: str, debts: bool, lines: Sequence[tuple[int, str]]) -> Chunk:
    """Score some lines against the instances of a Parquet file."""
    made = Chunk()
    for number, line in lines:
        spot = f"line {number}"
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("no JSON object")
        except (ValueError, RecursionError) as fault:
            made.skipped.append(f"{spot}: not a record ({fault})")
            continue
        try:
            instance = _named(record, path, changed)
            if "text" in record:
                trace = _transcript(record, instance, spot, made)
            else:
                trace = from_lenient(record, instance, spot)
            life = TraceAnalysis(trace, instance, _oracle(path, changed, instance.id, oracle))
            score = score_life(life)
        except BadInput as fault:
            made.skipped.append(str(fault) if str(fault).startswith(spot) else f"{spot}: {fault}")
            continue
        made.scores.append(score)
        need = "?" if score.guesses is None else stratum_of(score.guesses)
        for key in ((trace.decoder, need), (trace.decoder, "all")):
            made.sums.setdefault(key, Sums()).add(score, life)
        if debts:
            about = {"instance": instance.id, "decoder": trace.decoder, "seed": trace.seed, "debts": life.debts()}
            made.debts.append(json.dumps(about, separators=(",", ":")))
    return made


def _named(record: dict, path: str, changed: int) -> Instance:
    """The instance that a record speaks of: by id, or by its place in the file from 1."""
    by_id, ordered = _known(path, changed)
    name = record.get("instance")
    if isinstance(name, str) and name in by_id:
        return by_id[name]
    if str(name).isdecimal() and 1 <= int(str(name)) <= len(ordered):
        return ordered[int(str(name)) - 1]
    raise BadInput(f"no instance {str(name)[:60]!r} among the {len(ordered)} of --instances (an id, or a place from 1)")


def _transcript(record: dict, instance: Instance, spot: str, made: Chunk):
    """The trace of a record with a text; what of it cannot be read is skipped by line."""
    text, seed = record["text"], record.get("seed", 0)
    if not isinstance(text, str) or not isinstance(seed, int):
        raise BadInput(f"{spot}: text is not text, or seed no whole number")
    first = record.get("line")
    said = transcripts.read(text, instance, str(record.get("decoder", "transcript")), seed, first or 1)
    for fault in said.unread:
        at = f"line {fault.line}" if first else f"{spot}, line {fault.line} of its text"
        made.skipped.append(f"{at}: {fault.why}: {fault.text!r}")
    return said.trace


SCHEMA = pyarrow.schema(SCORE_FIELDS)
#: Column head: figure's name; a percent sign marks a share.
COLUMNS = {
    "solved %": "solved",
    "need %": "need",
    "recovery %": "recovery",
    "first dead": "first_dead",
    "lag": "lag",
    "lag calls": "lag_calls",
    "birth": "birth",
    "debt": "debt",
    "distance": "distance",
    "wasted": "wasted",
    "needless": "needless",
    "calls": "calls",
}
LEGEND = (
    "Below each figure its 95 % interval (Wilson for shares, bootstrap otherwise). need: entered a dead end; recovery: "
    "of those, solved all the same. first dead: commits made by then; lag, lag calls: commits and calls from there "
    "until it shows; birth: commits from the earliest commit of its core to it; distance: events until it was left "
    "(medians). debt: fewest cells to blank at the end of an unsolved trace; wasted: commits made on a dead state; "
    "needless: cells taken back from an alive one (means)."
)


def _finish(options: ScoreCommand, folder: Path, total: dict[Key, Sums], outcomes: Outcomes) -> None:
    """Tables, run.json and the figure."""
    order = [*STRATA, "?", "all"]
    keys = sorted(total, key=lambda key: (key[0], order.index(key[1])))
    figures = {key: total[key].figures() for key in keys}
    say_undecided(sum(sums.undecided for (_, stratum), sums in total.items() if stratum == "all"))
    decoders = sorted({decoder for decoder, _ in keys})
    pairs = [outcomes.pair(a, b) for a, b in itertools.combinations(decoders, 2)] if len(decoders) <= 12 else []
    compared = [pair for pair in pairs if pair is not None]
    hazard = {decoder: total[decoder, "all"].hazard for decoder in decoders}
    about = {
        "command": "score",
        "traces": str(options.file),
        "instances": str(options.instances),
        "oracle": options.oracle,
        "takeback": metadata.version("takeback"),
        "rows": [{"decoder": key[0], "stratum": key[1], **_plain(figures[key])} for key in keys],
        "hazard": {
            name: {
                "by commit": {number: h._asdict() for number, h in curve.by_commit().items()},
                "by share of blanks filled": [h._asdict() for h in curve.by_share()],
            }
            for name, curve in hazard.items()
        },
        "pairs": [asdict(pair) | {"difference": pair.difference._asdict()} for pair in compared],
    }
    write_atomically(folder / "run.json", json.dumps(about, indent=1) + "\n")
    _figure(hazard, folder / "score.png")
    if options.json:
        print(json.dumps({"rows": about["rows"], "pairs": about["pairs"]}, indent=1))
    else:
        _show(keys, figures, compared)
    console.print(f"wrote scores.parquet, run.json and score.png to {folder}")


def _plain(figures: dict[str, Estimate | int]) -> dict:
    return {name: figure if isinstance(figure, int) else figure._asdict() for name, figure in figures.items()}


def _show(keys: Sequence[Key], figures: dict, compared: Sequence) -> None:
    """Print figures by decoder and stratum, who sees the first dead end, and pairs of decoders."""
    lines: list[Line] = []
    for key in keys:
        cells = [cell(figures[key][name], percent="%" in head) for head, name in COLUMNS.items()]
        lines.append((key[0], key[1], str(figures[key]["n"]), *cells))
    show("", ("decoder", "guesses", "n", *COLUMNS), lines, keep=3, notes=(LEGEND,))
    names = [name for name in figures[keys[0]] if name.startswith("seen by ")]
    lines = [(key[0], *(cell(figures[key][n], percent=True) for n in names)) for key in keys if key[1] == "all"]
    heads = ("decoder", *(name.removeprefix("seen by ") for name in names))
    show("Who sees the first dead end at once, % of those that need", heads, lines)
    if compared:
        lines = []
        for pair in compared:
            d = pair.difference
            points = f"{100 * d.value:+.1f}" + (f" [{100 * d.low:.1f}, {100 * d.high:.1f}]" if d.n > 1 else "")
            p = "-" if pair.p is None else f"{pair.p:.3g}"
            lines.append((pair.first, pair.second, str(d.n), points, f"{pair.wins} : {pair.losses}", p))
        heads = ("first", "second", "n", "solved, points", "won : lost", "McNemar p")
        show("Pairs on the same instances", heads, lines, keep=2)


def _figure(hazard: dict, path: Path) -> None:
    """The hazard as blanks are filled, by decoder, with intervals."""
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(8, 4.5), layout="constrained")
    axes = canvas.subplots()
    middles = 100 * (np.arange(BINS) + 0.5) / BINS
    for name, curve in list(hazard.items())[:10]:
        points = [(at, h) for at, h in zip(middles, curve.by_share()) if h.n]
        at = [100 * h.value for _, h in points]
        gaps = [[100 * (h.value - h.low) for _, h in points], [100 * (h.high - h.value) for _, h in points]]
        axes.errorbar([x for x, _ in points], at, yerr=gaps, marker="o", ms=3, lw=1.2, capsize=2, label=name)
    axes.set_xlim(0, 100)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("blanks filled before the commit, %")
    axes.set_ylabel("commits in an alive state that kill it, %")
    axes.set_title("Hazard: when is the error made?")
    axes.legend(fontsize=8)
    save_figure(canvas, path)
