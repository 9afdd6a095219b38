"""`takeback score TRACES --instances FILE`: score anybody's traces, transcripts, or histories of samplers' states.

    takeback score traces.jsonl --instances load.jsonl
    takeback score transcripts.txt --instances load.jsonl
    takeback score chats.jsonl --instances load.jsonl --text-field response

The forms that are read are in docs/bring-your-own.md. Writes scores.parquet (a row a trace), run.json (every figure),
score.png (hazard), skipped.txt (every line that could not be read, and why), and of transcripts attempts.jsonl (what
each counts from, and how much of it was read). Traces are streamed: memory does not grow with their number.
"""

from __future__ import annotations

import itertools
import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pyarrow
import tyro

from csp.errors import BadInput
from csp.io.files import parquet_stream, read_bytes, write_atomically
from csp.io.instance_records import read_parquet, write_parquet
from csp.io.trace_records import from_lenient
from csp.problem import STRATA, Instance, stratum_of
from csp.trace import Trace
from experiments.cli.tables import Line, cell, show
from experiments.cli.terminal import console, progress, save_figure, say_undecided
from experiments.engine.parallel import parallel
from experiments.puzzle_files.options import PuzzleOptions
from experiments.scoring.aggregate import BINS, SCORE_FIELDS, Outcomes, Sums
from experiments.scoring.scorer import LIFE, Score, TraceAnalysis, score_life
from experiments.scoring.statistics import Estimate
from experiments.scoring.transcripts import histories, read
from experiments.scoring.transcripts.records import (
    MOST_DECODERS,
    Reading,
    Record,
    brief,
    named,
    numbering,
    records,
    text_of,
)
from solvers.oracles.base import Oracle
from solvers.oracles.pick import pick

CHUNK = 64  # lines a worker scores at a time
CHUNK_SIZE = 8_000_000  # characters of them
SHOWN = 5  # unreadable lines that are shown
NAMED = 200  # unreadable lines of one attempt that are named one by one
ORACLES = 1024  # a worker keeps

Key = tuple[str, str]  # decoder, stratum


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


@dataclass
class Chunk:
    """What a worker made of some lines."""

    scores: list[Score] = field(default_factory=list)
    sums: dict[Key, Sums] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    attempts: list[dict] = field(default_factory=list)  # what was made of each transcript
    debts: list[str] = field(default_factory=list)


def main(options: ScoreCommand) -> None:
    """Run it. Raises BadInput if nothing can be scored."""
    if options.workers < 0:
        raise BadInput("--workers is at least 0")
    lines = records(options.file)
    folder = options.out or Path("results") / f"score-{options.file.stem}"
    instances = options.read_puzzles(options.instances, options.colours, one_kind=False)
    if options.oracle == "unique":
        for instance in instances:
            pick(instance, "unique")  # says which has several solutions
    known = folder / "instances.parquet"
    write_atomically(known, write_parquet(instances))
    place = {instance.id: number for number, instance in enumerate(instances)}
    reading = Reading(
        options.index_from, options.final_only, options.mask, options.text_field, *numbering(options.instances)
    )
    total, outcomes, skipped = dict[Key, Sums](), Outcomes(list(place)), 0
    counted: dict[str, int] = {}
    workers = options.workers if options.file.stat().st_size > 300_000 else 1
    task_of = (str(known), known.stat().st_mtime_ns, options.oracle, options.debts, reading)
    tasks = ((*task_of, chunk) for chunk in _chunks(lines))
    with (
        parquet_stream(folder / "scores.parquet", SCHEMA) as write,
        (folder / "skipped.txt").open("w", encoding="utf-8", errors="backslashreplace") as bad,
        (folder / "attempts.jsonl").open("w") as attempts,
        (folder / "debts.jsonl").open("w") if options.debts else nullcontext() as debts,
        progress("traces") as bar,
    ):
        task = bar.add_task("scoring", total=None)
        for made in parallel(workers, score_lines, tasks):
            if made.scores:
                write([asdict(score) for score in made.scores])
            for key, sums in made.sums.items():
                total.setdefault(key, Sums()).merge(sums)
            if len({decoder for decoder, _ in total}) > MOST_DECODERS:
                raise BadInput(
                    f"{options.file}: more than {MOST_DECODERS} decoders' names, the most that are told apart; "
                    "'decoder' is for the kind of decoder, 'seed' for attempts of one"
                )
            for about in made.attempts:
                attempts.write(json.dumps(about) + "\n")
                if about["counts from"] is not None:
                    counted[about["counts from"]] = counted.get(about["counts from"], 0) + 1
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
    for what, attempts_ in sorted(counted.items()):
        console.print(f"{what}: {attempts_} attempt{'s' * (attempts_ > 1)}; --index-from 0 or 1 settles it")
    if not total:
        raise BadInput(f"{options.file}: no trace could be read")
    _finish(options, folder, total, outcomes)


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


@lru_cache(maxsize=4)
def _known(path: str, changed: int) -> tuple[dict[str, Instance], list[Instance]]:
    """The instances by id, and in order."""
    instances = read_parquet(read_bytes(Path(path)), path)
    return {instance.id: instance for instance in instances}, instances


@lru_cache(maxsize=ORACLES)
def _oracle(path: str, changed: int, instance: str, name: str) -> Oracle:
    return pick(_known(path, changed)[0][instance], name)


def score_lines(path: str, changed: int, oracle: str, debts: bool, reading: Reading, lines: Sequence[Record]) -> Chunk:
    """Score some records against the instances of a Parquet file."""
    made = Chunk()
    for number, line, fault in lines:
        spot = f"line {number}"
        try:
            if fault:
                raise BadInput(f"{spot}: {fault}")
            record = _parsed(line, spot)
            instance = _named(record, path, changed)
            attempt = _attempt(record, instance, spot, reading, made)
            decoder = attempt.trace.decoder
            need = "?" if instance.difficulty is None else stratum_of(instance.difficulty.guesses)
            if attempt.unread:
                made.skipped.append(f"{spot}: unread: no move or answer of {decoder} was understood; in no figure")
                for key in ((decoder, need), (decoder, "all")):
                    made.sums.setdefault(key, Sums()).unread += 1
                continue
            life = TraceAnalysis(attempt.trace, instance, _oracle(path, changed, instance.id, oracle))
            score = score_life(life)
        except BadInput as fault:
            said = brief(str(fault))
            made.skipped.append(said if said.startswith(spot) else f"{spot}: {said}")
            continue
        if attempt.altered:  # its free cells may be right, but it changes the puzzle
            score = replace(score, solved=False, met=score.met and False, unmet=score.need)
        if reading.final_only:
            score, life_ = replace(score, **dict.fromkeys(LIFE)), None
        else:
            life_ = life
        made.scores.append(score)
        need = "?" if score.guesses is None else stratum_of(score.guesses)
        for key in ((decoder, need), (decoder, "all")):
            sums = made.sums.setdefault(key, Sums())
            sums.add(score, life_)
            sums.in_part += attempt.in_part
        if debts:
            about = {"instance": instance.id, "decoder": decoder, "seed": attempt.trace.seed, "debts": life.debts()}
            made.debts.append(json.dumps(about, separators=(",", ":")))
    return made


def _parsed(line: str, spot: str) -> dict:
    try:
        record = json.loads(line)
        if not isinstance(record, dict):
            raise ValueError("no JSON object")
    except (ValueError, RecursionError) as fault:
        raise BadInput(f"{spot}: not a record ({str(fault)[:100]})") from None
    return record


def _named(record: dict, path: str, changed: int) -> Instance:
    """The instance that a record speaks of: by id, or by its place in the file from 1."""
    by_id, ordered = _known(path, changed)
    if record.get("array") in by_id:  # an array of a .npz that is called by its puzzle's id
        record["instance"], record["decoder"] = record["array"], record["file"]
    name = record.get("instance")
    if name is None:
        name = next((record[key] for key in ("instance_id", "puzzle_id", "id") if str(record.get(key)) in by_id), None)
    if isinstance(name, str) and name in by_id:
        return by_id[name]
    shown = str(name)[:60] if not isinstance(name, int) or abs(name) < 10**60 else "a number beyond 64 bits"
    if isinstance(name, (int, str)) and len(shown) < 10 and shown.isdecimal() and 1 <= int(shown) <= len(ordered):
        return ordered[int(shown) - 1]
    raise BadInput(f"no instance {shown!r} among the {len(ordered)} of --instances (an id, or a place from 1)")


@dataclass(frozen=True)
class _Attempt:
    """A record's trace. unread: nothing of it was understood; in_part: some statements could not be followed;
    altered: it ends with a board that changes a given.
    """

    trace: Trace
    unread: bool = False
    in_part: bool = False
    altered: bool = False


def _attempt(record: dict, instance: Instance, spot: str, reading: Reading, made: Chunk) -> _Attempt:
    """The attempt of a record, whatever its form; what of it cannot be read is skipped and named. Raises BadInput."""
    text = text_of(record, reading, spot)
    states = histories.states_of(record)
    if text is None and states is None:
        if "events" not in record:
            fields = brief(", ".join(map(str, list(record)[:10])), 100)
            raise BadInput(
                f"{spot}: no events, text, messages or states; its fields are {fields}: --text-field NAME reads one"
            )
        if "decoder" in record:
            named(record["decoder"], spot)
        return _Attempt(from_lenient(record, instance, spot))
    decoder = named(record.get("decoder", record.get("model", "transcript" if text is not None else "sampler")), spot)
    seed = record.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or not -(2**63) <= seed < 2**63:
        raise BadInput(f"{spot}: seed is no whole number of 64 bits")
    if text is None:
        history = histories.read(record, instance, spot, decoder, seed, reading.mask)
        made.skipped += [f"{spot}: {note}" for note in history.notes]
        return _Attempt(history.trace, altered=history.altered)
    return _transcript(record, text, instance, spot, decoder, seed, reading, made)


def _transcript(
    record: dict, text: str, instance: Instance, spot: str, decoder: str, seed: int, reading: Reading, made: Chunk
) -> _Attempt:
    """The attempt of a record with a text; what of it cannot be read is skipped by line."""
    first = record.get("line")
    first = first if isinstance(first, int) and not isinstance(first, bool) and 0 < first < 2**53 else None
    said = read(
        text,
        instance,
        decoder,
        seed,
        first or 1,
        reading.index_from,
        reading.final_only,
        reading.nodes_from,
        reading.names,
    )
    for number, fault in enumerate(said.unread):
        at = f"line {fault.line}" if first else f"{spot}, line {fault.line} of its text"
        if number == NAMED:
            made.skipped.append(f"{at}: and {len(said.unread) - NAMED} lines more of this attempt")
            break
        made.skipped.append(f"{at}: {brief(fault.why)}: {brief(repr(fault.text), 100)}")
    made.attempts.append(
        {
            "line": spot,
            "instance": instance.id,
            "decoder": decoder,
            "seed": seed,
            "unread": said.nothing,
            "statements followed": said.followed,
            "statements not followed": said.missed,
            "lines of prose": len(said.unread) - said.missed,
            "counts from": said.base,
            "sign": said.counting.why or said.counting.fault or None,
        }
    )
    return _Attempt(said.trace, said.nothing, bool(said.missed), said.altered)


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
    write_atomically(folder / "run.json", json.dumps(about, indent=1) + "\n")
    _figure(hazard, folder / "score.png")
    if options.json:
        print(json.dumps({"rows": about["rows"], "pairs": about["pairs"]}, indent=1))
    else:
        _show(keys, figures, compared)
        _say_unread(total)
    console.print(f"wrote scores.parquet, run.json and score.png to {folder}")


def _say_unread(total: dict[Key, Sums]) -> None:
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
