"""`takeback score TRACES --instances FILE`: score anybody's traces, transcripts, or histories of samplers' states.

    takeback score traces.jsonl --instances load.jsonl
    takeback score transcripts.txt --instances load.jsonl
    takeback score chats.jsonl --instances load.jsonl --text-field response

The forms that are read are in docs/bring-your-own.md. Writes scores.parquet (a row a trace), traces.jsonl (the moves
that were read; `takeback report` plays them back), run.json (every figure), score.png (hazard), skipped.txt (every line
that could not be read, and why), and of transcripts attempts.jsonl (what each counts from, and how much of it was
read). Traces are streamed, and kept in shards/ as they are scored: memory does not grow with their number, and a run
that was stopped goes on.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from csp.errors import BadInput
from csp.io.files import parquet_stream, read_bytes, text_stream, write_atomically
from csp.io.instance_records import write_parquet
from csp.problem import STRATA
from experiments.cli.signals import interrupted_says
from experiments.cli.tables import Line, cell, show
from experiments.cli.terminal import console, progress, save_figure, say_undecided
from experiments.engine.executors import Died, Executor, report_deaths
from experiments.engine.folder import RunFolder, kept_in, renewed
from experiments.engine.shards import digest
from experiments.puzzle_files.options import PuzzleOptions
from experiments.scoring.aggregate import BINS, Outcomes, Paired, Sums
from experiments.scoring.line_scorer import SCHEMA, Chunk, Key, score_lines
from experiments.scoring.statistics import Estimate
from experiments.scoring.transcripts.records import MOST_DECODERS, Reading, Record, numbering, records
from solvers.oracles.pick import pick

CHUNK = 256  # lines that are scored and kept at a time
CHUNK_SIZE = 8_000_000  # characters of them
SHOWN = 5  # unreadable lines that are shown


@dataclass(frozen=True)
class ScoreCommand(PuzzleOptions):
    """Score traces of your own decoder, or a language model's transcripts: who needed to take back what, and when?"""

    file: Annotated[Path, tyro.conf.Positional]
    """.jsonl: a trace, transcript, chat or history of states a line; .txt: transcripts, each after a line
    "=== INSTANCE DECODER"; .npy, .npz: states of shape (batch, steps, n)."""
    instances: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """The puzzles that they are about: any format of `takeback instances`."""
    colours: Annotated[int | None, tyro.conf.arg(metavar="K")] = None
    """Number of colours for a .col graph."""
    oracle: Literal["auto", "unique", "sat", "cp-sat"] = "auto"
    """Which oracle decides; auto takes the fastest that is exact for each puzzle."""
    debts: tyro.conf.FlagCreatePairsOff[bool] = False
    """Also write debts.jsonl: the debt of every state of every trace."""
    index_from: Literal[0, 1] | None = None
    """What transcripts count rows, columns and nodes from (default: found in each attempt)."""
    final_only: tyro.conf.FlagCreatePairsOff[bool] = False
    """Score the last answer of each transcript alone: one call, nothing about when it went wrong."""
    mask: tuple[int, ...] = ()
    """Ids that stand for a blank cell in histories of states, besides 0."""
    text_field: str | None = None
    """Where the text of a JSON line is, e.g. response or choices.0.message.content."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder for the results (default: results/score-NAME)."""
    workers: int = 0
    """Processes; 0 = as many as there are cores. Changes no figure."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print JSON instead of tables."""


@dataclass(frozen=True)
class Scored:
    """What came of a file of attempts: figures by (decoder, stratum), pairs of decoders, all as run.json holds it, and
    the folder that it is in.
    """

    total: dict[Key, Sums]
    figures: dict[Key, dict[str, Estimate | int]]
    pairs: list[Paired]
    about: dict
    path: Path


def main(options: ScoreCommand) -> None:
    """Run it. Raises BadInput if nothing can be scored."""
    made = scored(options)
    if options.json:
        print(json.dumps({"rows": made.about["rows"], "pairs": made.about["pairs"]}, indent=1))
    else:
        tell(made)
    console.print(f"wrote scores.parquet, traces.jsonl, run.json and score.png to {made.path}")


def scored(options: ScoreCommand) -> Scored:
    """Score the file and keep what comes of it in a folder. Raises BadInput if nothing can be scored."""
    if options.workers < 0:
        raise BadInput("--workers is at least 0")
    lines = records(options.file)
    instances = options.read_puzzles(options.instances, options.colours, one_kind=False)
    if options.oracle == "unique":
        for instance in instances:
            pick(instance, "unique")  # says which has several solutions
    path = options.out or Path("results") / f"score-{options.file.stem}"
    reading = Reading(
        options.index_from, options.final_only, options.mask, options.text_field, *numbering(options.instances)
    )
    puzzles = write_parquet(instances)
    identity = {
        "command": "score",
        "instances": hashlib.sha256(puzzles).hexdigest(),
        "oracle": options.oracle,
        "debts": options.debts,
        "reading": asdict(reading),
        "takeback": metadata.version("takeback"),
    }
    folder = renewed(path, identity)
    known = folder.path / "instances.parquet"
    write_atomically(known, puzzles)
    work = partial(score_lines, str(known), known.stat().st_mtime_ns, options.oracle, options.debts, reading)
    pieces = _score(options, folder, work, lines)
    for stale in set(folder.pieces()) - set(pieces):  # of a file that has changed since
        stale.unlink(missing_ok=True)
    total, outcomes = _collect(options, folder, pieces, [instance.id for instance in instances])
    return _finish(options, folder, total, outcomes)


def _score(options: ScoreCommand, folder: RunFolder, work: Callable[..., Chunk], lines: Iterator[Record]) -> list[Path]:
    """Score what the folder does not hold yet, and keep it chunk by chunk; the chunks' files in order."""
    pieces: list[Path] = []
    given_up: list[str] = []
    known = set(folder.pieces())

    def tasks() -> Iterator[tuple[tuple[Path, dict, Sequence[Record]], Callable[[], Chunk]]]:
        for chunk in _chunks(lines):
            config = {**folder.identity, "lines": [list(record) for record in chunk]}
            pieces.append(folder.piece(digest(config)))
            bar.update(task, total=len(pieces))
            if pieces[-1] in known:
                bar.advance(task)
            else:
                kept = {**config, "lines": [record.number for record in chunk]}
                yield (pieces[-1], kept, chunk), partial(work, chunk)

    with interrupted_says(kept_in(folder.path)), progress("pieces") as bar:
        task = bar.add_task("scoring", total=None)
        for (path, config, chunk), made, _ in Executor(options.workers).run(tasks()):
            if isinstance(made, Died):
                given_up.append(f"{options.file}, lines {chunk[0].number} to {chunk[-1].number}")
                continue
            write_atomically(path, made.write(config))
            bar.advance(task)
    report_deaths(given_up)
    return pieces


def _collect(
    options: ScoreCommand, folder: RunFolder, pieces: Sequence[Path], known: Sequence[str]
) -> tuple[dict[Key, Sums], Outcomes]:
    """Add the chunks up, and write scores.parquet, skipped.txt and the like; one chunk is in memory at a time."""
    place = {instance: number for number, instance in enumerate(known)}
    total, outcomes, skipped = dict[Key, Sums](), Outcomes(list(place)), 0
    counted: dict[str, int] = {}
    known_traces, repeated = set[tuple[str, int, int]](), 0
    with (
        parquet_stream(folder.path / "scores.parquet", SCHEMA) as write,
        text_stream(folder.path / "skipped.txt") as bad,
        text_stream(folder.path / "attempts.jsonl") as attempts,
        text_stream(folder.path / "traces.jsonl") as traces,
        text_stream(folder.path / "debts.jsonl") if options.debts else nullcontext() as debts,
    ):
        for path in pieces:
            made = Chunk.read(read_bytes(path), str(path))
            if made.scores:
                write([asdict(score) for score in made.scores])
            for key, sums in made.sums.items():
                total.setdefault(key, Sums()).merge(sums)
            if len({decoder for decoder, _ in total}) > MOST_DECODERS:
                raise BadInput(
                    f"{options.file}: more than {MOST_DECODERS} decoders' names, the most that are told apart; "
                    "'decoder' is for the kind of decoder, 'seed' for attempts of one"
                )
            traces.writelines(line + "\n" for line in made.traces)
            for about in made.attempts:
                attempts.write(json.dumps(about) + "\n")
                if about["counts from"] is not None and not about["settled"]:
                    counted[about["counts from"]] = counted.get(about["counts from"], 0) + 1
            for score in made.scores:
                outcomes.add(score.decoder, place[score.instance], score.solved)
                trace = score.decoder, score.seed, place[score.instance]
                repeated += trace in known_traces
                known_traces.add(trace)
            for fault in made.skipped:
                skipped += 1
                bad.write(fault + "\n")
                if skipped <= SHOWN:
                    console.print(f"skipped {options.file}, {fault}")
            if debts:
                debts.writelines(line + "\n" for line in made.debts)
    if skipped:
        where = folder.path / "skipped.txt"
        console.print(f"{skipped} lines or statements skipped in all; every one of them is in {where}")
    if repeated:
        console.print(
            f"{repeated} of a puzzle, decoder and seed that came before, all counted: attempts (seeds tell them "
            "apart), or two decoders under one name"
        )
    for what, attempts_ in sorted(counted.items()):
        console.print(f"{what}: {attempts_} attempt{'s' * (attempts_ > 1)}; --index-from 0 or 1 settles it")
    if not total:
        raise BadInput(f"{options.file}: no trace could be read")
    return total, outcomes


def _chunks(lines: Iterator[Record]) -> Iterator[list[Record]]:
    """The records, CHUNK at a time and no more than CHUNK_SIZE characters and one record more."""
    chunk: list[Record] = []
    size = 0
    for record in lines:
        chunk.append(record)
        size += len(record.line)
        if len(chunk) >= CHUNK or size > CHUNK_SIZE:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


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

#: The same of the take-backs of transcripts.
TAKE_BACKS = {
    "claimed": "claimed",
    "done %": "claims done",
    "put back %": "claims put back",
    "empty %": "claims empty",
    "taken back": "taken",
    "unsaid %": "taken unsaid",
    "needless %": "taken needless",
}
TAKE_BACKS_LEGEND = (
    "claimed: take-backs said in words, an attempt. Of those claims, done: a value left its cell; put back: the same "
    "one came back, and nothing was revised; empty: there was nothing to take. taken back: values that left their "
    "cells, an attempt, said or not. Of those values, unsaid: overwritten without a word; needless: taken from a board "
    "that a solution still extended. Attempts, not single take-backs, are what the intervals take as drawn."
)


def _finish(options: ScoreCommand, folder: RunFolder, total: dict[Key, Sums], outcomes: Outcomes) -> Scored:
    """Figures, run.json and the picture."""
    order = [*STRATA, "?", "all"]
    keys = sorted(total, key=lambda key: (key[0], order.index(key[1])))
    figures = {key: total[key].figures() for key in keys}
    if not options.final_only:
        say_undecided(sum(sums.undecided for (_, stratum), sums in total.items() if stratum == "all"))
    decoders = sorted({decoder for decoder, _ in keys if total[decoder, "all"].n})
    pairs = [outcomes.pair(a, b) for a, b in itertools.combinations(decoders, 2)] if len(decoders) <= 12 else []
    compared = [pair for pair in pairs if pair is not None]
    # of those that have a trace with figures
    hazard = {decoder: total[decoder, "all"].hazard for decoder in decoders}
    about = {
        "command": "score",
        "traces": str(options.file),
        "instances": str(options.instances),
        "oracle": options.oracle,
        "takeback": metadata.version("takeback"),
        "rows": [
            {"decoder": key[0], "stratum": key[1], **_plain(figures[key])}
            | {"unread": total[key].unread, "read in part": total[key].in_part}
            for key in keys
        ],
        "hazard": {
            name: {
                "by commit": {number: h._asdict() for number, h in curve.by_commit().items()},
                "by share of blanks filled": [h._asdict() for h in curve.by_share()],
            }
            for name, curve in hazard.items()
        },
        "pairs": [asdict(pair) | {"difference": pair.difference._asdict()} for pair in compared],
    }
    folder.write_card({"status": "complete", **about})
    folder.unlock()
    _figure(hazard, folder.path / "score.png")
    return Scored(total, figures, compared, about, folder.path)


def tell(made: Scored) -> None:
    """Print figures by decoder and stratum, take-backs, who sees the first dead end, and pairs of decoders."""
    keys = list(made.figures)
    _show_figures(keys, made.figures)
    show_transcripts(made.figures, "Take-backs: said, and made", TAKE_BACKS, TAKE_BACKS_LEGEND)
    _show_detectors(keys, made.figures)
    show_pairs(made.pairs)
    say_unread(made.total)


def say_unread(total: dict[Key, Sums]) -> None:
    """What of each decoder's attempts was not understood, beside the figures that leave it out."""
    for (decoder, stratum), sums in sorted(total.items()):
        if stratum == "all" and sums.unread:
            print(
                f"{decoder}: unread: {sums.unread} of {sums.n + sums.unread}, listed in skipped.txt, in no figure above"
            )
        if stratum == "all" and sums.in_part:
            print(f"{decoder}: read in part: {sums.in_part} of {sums.n}; attempts.jsonl says how much of each")


def _plain(figures: dict[str, Estimate | int]) -> dict:
    return {name: figure if isinstance(figure, int) else figure._asdict() for name, figure in figures.items()}


def _show_figures(keys: Sequence[Key], figures: dict) -> None:
    lines: list[Line] = []
    for key in keys:
        cells = [cell(figures[key][name], percent="%" in head) for head, name in COLUMNS.items()]
        lines.append((key[0], key[1], str(figures[key]["n"]), *cells))
    show("", ("decoder", "guesses", "n", *COLUMNS), lines, keep=3, notes=(LEGEND,))


def show_transcripts(figures: Mapping[Key, Mapping], title: str, columns: Mapping[str, str], legend: str) -> None:
    """Print figures of transcripts by decoder and stratum; nothing of traces, which claim nothing in words.

    columns: as COLUMNS.
    """
    lines: list[Line] = []
    for (decoder, stratum), found in figures.items():
        if "claimed" in found:
            cells = [cell(found[name], percent="%" in head) for head, name in columns.items()]
            lines.append((decoder, stratum, str(found["n"]), *cells))
    if lines:
        show(title, ("decoder", "guesses", "n", *columns), lines, keep=3, notes=(legend,))


def _show_detectors(keys: Sequence[Key], figures: dict) -> None:
    names = [name for name in figures[keys[0]] if name.startswith("seen by ")]
    lines = [(key[0], *(cell(figures[key][n], percent=True) for n in names)) for key in keys if key[1] == "all"]
    heads = ("decoder", *(name.removeprefix("seen by ") for name in names))
    show("Who sees the first dead end at once, % of those that need", heads, lines)


def show_pairs(compared: Sequence[Paired]) -> None:
    """Print pairs of decoders on the same puzzles, if there are any."""
    if compared:
        lines: list[Line] = []
        for pair in compared:
            d = pair.difference
            points = f"{100 * d.value:+.1f}" + (f" [{100 * d.low:.1f}, {100 * d.high:.1f}]" if d.n > 1 else "")
            p = "-" if pair.p is None else f"{pair.p:.3g}"
            lines.append((pair.first, pair.second, str(d.n), points, f"{pair.wins} : {pair.losses}", p))
        heads = ("first", "second", "n", "solved, points", "won : lost", "McNemar p")
        show("Pairs on the same instances", heads, lines, keep=2)


def label(name: str) -> str:
    """A decoder's name as a figure shows it: no mathematics, no hidden entry, 40 characters."""
    short = name if len(name) <= 40 else f"{name[:39]}…"
    return (f" {short}" if short.startswith("_") else short).replace("$", r"\$")


def _figure(hazard: dict, path: Path) -> None:
    """The hazard as blanks are filled, by decoder, with intervals."""
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(8, 4.5), layout="constrained")
    axes = canvas.subplots()
    middles = 100 * (np.arange(BINS) + 0.5) / BINS
    for name, curve in [(label(name), curve) for name, curve in hazard.items()][:10]:
        points = [(at, h) for at, h in zip(middles, curve.by_share()) if h.n]
        at = [100 * h.value for _, h in points]
        gaps = [[100 * (h.value - h.low) for _, h in points], [100 * (h.high - h.value) for _, h in points]]
        axes.errorbar([x for x, _ in points], at, yerr=gaps, marker="o", ms=3, lw=1.2, capsize=2, label=name)
    axes.set_xlim(0, 100)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("blanks filled before the commit, %")
    axes.set_ylabel("commits in an alive state that kill it, %")
    axes.set_title("Hazard: when is the error made?")
    if hazard:
        axes.legend(fontsize=8)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a name in a script that the font lacks
        save_figure(canvas, path)
