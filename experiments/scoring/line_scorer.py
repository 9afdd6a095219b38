"""Some lines of a file of attempts, scored: what a process of `takeback score` does at a time, and how that is kept.

    >>> chunk = score_lines(instances_path, mtime, "auto", False, Reading(), records)
    >>> Chunk.read(chunk.write({"lines": ...})).scores == chunk.scores
    True

A line that cannot be read is named in the chunk's `skipped`, and the others go on.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import pyarrow
import pyarrow.parquet

from csp.errors import BadInput
from csp.io.files import from_parquet, read_bytes, to_parquet
from csp.io.instance_records import read_parquet
from csp.io.trace_records import from_lenient, to_json
from csp.problem import Instance, stratum_of
from csp.trace import Trace
from experiments.scoring.aggregate import SCORE_FIELDS, Sums
from experiments.scoring.scorer import LIFE, Score, TraceAnalysis, score_life
from experiments.scoring.take_backs import TakeBacks, judged, of_transcript
from experiments.scoring.transcripts import histories, read
from experiments.scoring.transcripts.records import Reading, Record, brief, named, text_of
from solvers.oracles.base import Oracle
from solvers.oracles.pick import pick

NAMED = 200  # unreadable lines of one attempt that are named one by one
ORACLES = 1024  # that a process keeps

Key = tuple[str, str]  # decoder, stratum
SCHEMA = pyarrow.schema(SCORE_FIELDS)


@dataclass
class Chunk:
    """What a worker made of some lines."""

    scores: list[Score] = field(default_factory=list)
    sums: dict[Key, Sums] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    attempts: list[dict] = field(default_factory=list)  # what was made of each transcript
    debts: list[str] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)  # of the scores, as they were read

    def write(self, config: dict) -> bytes:
        """As a Parquet file: a row a score, all else in its metadata, with what the chunk is a function of."""
        rest = {
            "sums": [[*key, sums.plain()] for key, sums in self.sums.items()],
            "skipped": self.skipped,
            "attempts": self.attempts,
            "debts": self.debts,
            "traces": self.traces,
        }
        schema = SCHEMA.with_metadata({"config": json.dumps(config), "chunk": json.dumps(rest)})
        return to_parquet([asdict(score) for score in self.scores], schema)

    @classmethod
    def read(cls, data: bytes, where: str = "chunk") -> Chunk:
        """The inverse of write. Raises BadInput, naming `where`, for anything else."""
        try:
            rest = json.loads(pyarrow.parquet.read_schema(io.BytesIO(data)).metadata[b"chunk"])
            if "traces" not in rest:
                raise KeyError("traces")  # a piece of before they were kept
            sums = {(decoder, stratum): Sums.of(plain) for decoder, stratum, plain in rest.pop("sums")}
            return cls([Score(**record) for record in from_parquet(data, where)], sums, **rest)
        except (pyarrow.ArrowException, OSError, KeyError, TypeError, ValueError):
            raise BadInput(f"{where}: not a finished piece; delete the file to redo it") from None


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
            record = parsed(line, spot)
            instance = instance_of(record, *_known(path, changed))
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
            counts = attempt.take_backs and judged(attempt.take_backs, life)
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
        made.traces.append(to_json(attempt.trace))
        need = "?" if score.guesses is None else stratum_of(score.guesses)
        for key in ((decoder, need), (decoder, "all")):
            sums = made.sums.setdefault(key, Sums())
            sums.add(score, life_, counts)
            sums.in_part += attempt.in_part
        if debts:
            about = {"instance": instance.id, "decoder": decoder, "seed": attempt.trace.seed, "debts": life.debts()}
            made.debts.append(json.dumps(about, separators=(",", ":")))
    return made


def parsed(line: str, spot: str) -> dict:
    """The JSON object of a line. Raises BadInput, naming `spot`, for anything else."""
    try:
        record = json.loads(line)
        if not isinstance(record, dict):
            raise ValueError("no JSON object")
    except (ValueError, RecursionError) as fault:
        raise BadInput(f"{spot}: not a record ({str(fault)[:100]})") from None
    return record


def instance_of(record: dict, by_id: dict[str, Instance], ordered: list[Instance]) -> Instance:
    """The instance that a record speaks of: by id, or by its place from 1. Raises BadInput if there is none."""
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
    altered: it ends with a board that changes a given. take_backs: of a transcript, those that are said and made.
    """

    trace: Trace
    unread: bool = False
    in_part: bool = False
    altered: bool = False
    take_backs: TakeBacks | None = None


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
    own = record.get("index_from")
    if own not in (None, 0, 1) or isinstance(own, bool):
        raise BadInput(f"{spot}: index_from is 0 or 1")
    said = read(
        text,
        instance,
        decoder,
        seed,
        first or 1,
        own if reading.index_from is None else reading.index_from,
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
    counts = None if reading.final_only else of_transcript(said, instance.givens)
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
            "settled": own is not None,
            "sign": said.counting.why or said.counting.fault or None,
            "take-backs": counts
            and {"said": counts.claimed, "said and done": counts.done, "put back": counts.put_back},
        }
    )
    return _Attempt(said.trace, said.nothing, bool(said.missed), said.altered, counts)
