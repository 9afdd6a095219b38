"""What became of every question, and the transcripts that `takeback score` reads.

DIR/asked.jsonl         a line a question: its puzzle, sample, status, tokens, seconds, why it failed
DIR/transcripts.jsonl   the replies that are scored, as docs/bring-your-own.md has them
DIR/puzzles.jsonl       the puzzles, certified
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from csp.errors import BadInput
from csp.io.files import read_text, text_stream, write_atomically
from csp.io.instance_records import read_jsonl, write_jsonl
from csp.problem import Instance
from experiments.ask import journal
from experiments.ask.asking import Kept
from experiments.ask.prompts import counts_from
from experiments.ask.questions import Question
from experiments.ask.replies import STATUSES, NoReply, parsed


@dataclass(frozen=True)
class Asked:
    """What became of a question. status: one of replies.STATUSES, "failed" or "not asked"; scored: whether there is a
    transcript of it; tokens: of the reply alone, None where the server does not count.
    """

    instance: str
    decoder: str
    seed: int  # the sample's number
    status: str
    scored: bool = False
    tokens: int | None = None
    seconds: float | None = None
    fault: str | None = None

    @property
    def replied(self) -> bool:
        """Whether there is a reply, of whatever kind."""
        return self.status not in ("failed", "not asked")


def collect(
    questions: Sequence[Question], kept: Kept, decoder: str, reasoning: bool, cut_off: bool
) -> Iterator[tuple[Asked, dict | None]]:
    """Each question with its transcript, if it is to be scored. Raises BadInput for a kept reply that is none.

    reasoning: what was reasoned is part of the transcript, before the text; cut_off: replies that reached their limit
    of tokens are scored, too.
    """
    for question in questions:
        head = question.instance.id, decoder, question.sample
        record = kept.replies.get(question.key)
        if record is None:
            fault = kept.faults.get(question.key)
            about = fault and f"{fault['fault']}: {fault['message']}"
            yield Asked(*head, "failed" if fault else "not asked", fault=about), None
            continue
        try:
            reply = parsed(record["body"].encode("utf-8", errors="surrogateescape"))
        except NoReply as fault:
            raise BadInput(f"the kept reply to request {record['request']} cannot be read: {fault}") from None
        text = f"{reply.reasoning}\n{reply.text}" if reasoning and reply.reasoning else reply.text
        scored = reply.status == "answered" or (cut_off and reply.status == "cut off" and bool(text.strip()))
        transcript = {
            "instance": question.instance.id,
            "decoder": decoder,
            "seed": question.sample,
            "index_from": counts_from(question.instance),
            "text": text,
        }
        asked = Asked(*head, reply.status, scored, reply.reply_tokens, record["seconds"])
        yield asked, transcript if scored else None


def write(folder: Path, instances: Sequence[Instance], made: Iterable[tuple[Asked, dict | None]]) -> list[Asked]:
    """Write the three files; what became of each question. Raises BadInput if one cannot be written."""
    write_atomically(folder / "puzzles.jsonl", write_jsonl(instances))
    every = []
    with text_stream(folder / "asked.jsonl") as asked, text_stream(folder / "transcripts.jsonl") as transcripts:
        for one, transcript in made:
            every.append(one)
            asked.write(json.dumps(asdict(one)) + "\n")
            if transcript is not None:
                transcripts.write(json.dumps(transcript) + "\n")
    return every


def read(folder: Path) -> tuple[list[Instance], list[tuple[Asked, dict | None]]]:
    """What `write` wrote. Raises BadInput for a folder that holds no such files."""
    if not (folder / "asked.jsonl").is_file():
        raise BadInput(f"{folder}: no run of takeback ask in it (no asked.jsonl)")
    instances = read_jsonl(read_text(folder / "puzzles.jsonl"), str(folder / "puzzles.jsonl"))
    transcripts = journal.read(folder / "transcripts.jsonl")
    known = {instance.id for instance in instances}
    made = []
    for number, record in enumerate(journal.read(folder / "asked.jsonl"), 1):
        try:
            one = Asked(**record)
            if one.instance not in known or one.status not in (*STATUSES, "failed", "not asked"):
                raise TypeError
            made.append((one, next(transcripts) if one.scored else None))
        except (TypeError, StopIteration):
            raise BadInput(
                f"{folder}, line {number} of asked.jsonl: not what takeback ask writes; run it again"
            ) from None
    return instances, made


def together(
    folders: Sequence[Path],
) -> tuple[list[Instance], list[tuple[Asked, dict | None]]]:
    """Several folders as one: each puzzle once, and names that several folders share with their folder's.

    Raises BadInput for a folder that cannot be read or is named twice, or if no puzzle is in two of them.
    """
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise BadInput(f"{', '.join(map(str, folders))}: a folder is named twice")
    called = [folder.name for folder in folders]
    called = called if len(set(called)) == len(called) else [str(folder) for folder in folders]
    parts = [read(folder) for folder in folders]
    places: dict[str, set[int]] = {}
    owners: dict[str, set[int]] = {}
    for number, (instances, made) in enumerate(parts):
        for instance in instances:
            places.setdefault(instance.id, set()).add(number)
        for one, _ in made:
            owners.setdefault(one.decoder, set()).add(number)
    if len(folders) > 1 and all(len(found) < 2 for found in places.values()):
        raise BadInput(f"{', '.join(map(str, folders))}: no puzzle is in two of them, so nothing can be compared")
    known: dict[str, Instance] = {}
    every = []
    for folder, (instances, made) in zip(called, parts):
        known |= {instance.id: instance for instance in instances if instance.id not in known}
        for one, transcript in made:
            name = one.decoder if len(owners[one.decoder]) == 1 else f"{one.decoder} ({folder[-40:]})"
            every.append(_renamed(one, transcript, name))
    return list(known.values()), every


def _renamed(one: Asked, transcript: Mapping | None, name: str) -> tuple[Asked, dict | None]:
    return Asked(**{**asdict(one), "decoder": name}), None if transcript is None else {**transcript, "decoder": name}
