"""The files that attempts come in: JSON Lines of any shape, texts parted by headers, arrays of samplers' states.

    {"instance": 3, "decoder": "model-b", "text": "r1c2 = 3 ..."}      {"instance": 3, "messages": [{"role": ...}, ...]}
    === 3 model-b                                                     states.npy of shape (batch, steps, n)

A record is a line of JSON, at most MOST_RECORD characters of it; what is longer is named, not held in memory.
"""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from csp.errors import BadInput
from experiments.scoring.transcripts import histories
from experiments.scoring.transcripts.lines import BREAKS

MOST_RECORD = 8_000_000  # characters of one record
MOST_TEXT = 1_000_000  # characters of one transcript
MOST_LINES = 20_000  # lines of one transcript
MOST_NAME = 200  # characters of a decoder's name
MOST_DECODERS = 100  # names in one run
MOST_MESSAGE = 300  # characters of one message about what could not be read
HEADER = re.compile(r"===\s*(?P<instance>\S+)(?:\s+(?P<decoder>(?:(?!===).)*[^\s=]))?\s*(?:===)?")
SPEAKERS = {"assistant", "model", "gpt", "ai", "bot", "chatgpt", "chatbot", "llm", "agent"}


class Record(NamedTuple):
    """A line of a file, numbered from 1; fault: why it is not held, or ""."""

    number: int
    line: str
    fault: str = ""


@dataclass(frozen=True)
class Reading:
    """How attempts are read.

    index_from: what places count from, where that is settled; final_only: only last answers; mask: ids of blank cells
    in states; text_field: where the text of a record is; nodes_from, names: of the puzzles' file.
    """

    index_from: int | None = None
    final_only: bool = False
    mask: tuple[int, ...] = ()
    text_field: str | None = None
    nodes_from: int = 0
    names: tuple[str, ...] = ()


def records(path: Path) -> Iterator[Record]:
    """The records of a file, one by one. Raises BadInput for a file that cannot be read, or is none of its suffix."""
    suffix = path.suffix.lower()
    try:
        if suffix in (".npy", ".npz"):
            for number, record in enumerate(histories.arrays(path), 1):
                yield Record(number, json.dumps(record))
        elif suffix == ".txt":
            yield from _texts(path)
        else:
            for number, line in _lines(path):
                if line.strip():
                    long = len(line) > MOST_RECORD
                    yield Record(number, "", _too_long(MOST_RECORD)) if long else Record(number, line)
    except OSError as fault:
        raise BadInput(f"cannot read {path}: {fault.strerror or fault}") from None


def _too_long(most: int) -> str:
    return f"longer than {most:,} characters, the most that are read of one attempt; split it"


def _too_much(text: str) -> str:
    """Why a transcript is too long to be read, or ""."""
    if len(text) > MOST_TEXT:
        return _too_long(MOST_TEXT)
    lines = text.count("\n")
    return (
        f"a transcript of {lines:,} lines; at most {MOST_LINES:,} are read, so split it" if lines > MOST_LINES else ""
    )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number, line) of a text file; of a line beyond MOST_RECORD only its beginning."""
    number = 0
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        while line := file.readline(MOST_RECORD + 1):
            number += 1
            rest = line
            while len(rest) > MOST_RECORD and not rest.endswith("\n"):
                rest = file.readline(MOST_RECORD + 1)
            yield number, line


def _texts(path: Path) -> Iterator[Record]:
    for instance, decoder, text, first in sections((line.rstrip("\n") for _, line in _lines(path)), str(path)):
        fault = _too_much(text)
        record = {"instance": instance, "decoder": decoder, "text": text, "line": first}
        yield Record(first, "" if fault else json.dumps(record), fault)


def sections(text: str | Iterable[str], where: str) -> Iterator[tuple[str, str, str, int]]:
    """(instance, decoder, text, first line) of each part of a file, parted by lines "=== INSTANCE DECODER".

    text: the file's, or its lines. Of a part beyond MOST_TEXT characters only so much is kept that it shows. Raises
    BadInput if there is no such line before the first text.
    """
    now: tuple[str, str, int] | None = None
    body: list[str] = []
    length, number = 0, 0
    for number, line in enumerate(BREAKS.split(text) if isinstance(text, str) else text, 1):
        header = HEADER.fullmatch(line.strip()) if line.lstrip().startswith("===") and len(line) < 10_000 else None
        if not header:
            if now is None and line.strip():
                raise BadInput(f"{where}, line {number}: a transcript begins with a line like '=== INSTANCE DECODER'")
            if length <= MOST_TEXT:
                body.append(line)
            length += len(line) + 1
            continue
        if now is not None:
            yield now[0], now[1], "\n".join(body), now[2]
        now, body, length = (header["instance"], header["decoder"] or "transcript", number + 1), [], 0
    if now is None:
        raise BadInput(f"{where}: the file is empty")
    yield now[0], now[1], "\n".join(body), now[2]


def brief(message: str, most: int = MOST_MESSAGE) -> str:
    """A message that any terminal and file can hold: one line, cut, half characters escaped."""
    line = "".join(
        c if unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") else f"\\x{ord(c):02x}"
        for c in message[: most + 1]
    )
    return line if len(message) <= most else f"{line[:most]} ..."


def named(name: object, where: str) -> str:
    """A decoder's name. Raises BadInput for what no table can show."""
    if not isinstance(name, str):
        raise BadInput(f"{where}: decoder is a name in quotes, not {brief(str(type(name).__name__))}")
    if len(name) > MOST_NAME:
        raise BadInput(f"{where}: the decoder's name has {len(name)} characters; at most {MOST_NAME} are shown")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise BadInput(f"{where}: the decoder's name {brief(ascii(name), 60)} holds a character that cannot be shown")
    return name


def text_of(record: dict, reading: Reading, where: str) -> str | None:
    """The text of a record: of --text-field, "text", or what the model wrote in a chat; None if it has none.

    Raises BadInput for a field that is none, or holds no text.
    """
    if reading.text_field is not None:
        held: object = record
        for part in reading.text_field.split("."):
            if isinstance(held, list) and re.fullmatch(r"-?\d{1,4}", part) and -len(held) <= int(part) < len(held):
                held = held[int(part)]
            elif isinstance(held, dict) and part in held:
                held = held[part]
            else:
                raise BadInput(f"{where}: no {brief(part, 40)!r} of --text-field; there are {_fields(held)}")
        if isinstance(held, str):
            return _bounded(held, where)
        said = _chat(held)
        if said is None:
            raise BadInput(f"{where}: --text-field {reading.text_field} holds no text and no messages")
        return _bounded(said, where)
    if "text" in record:
        if not isinstance(record["text"], str):
            raise BadInput(f"{where}: text is not text")
        return _bounded(record["text"], where)
    for key in ("messages", "conversations", "conversation"):
        if key in record:
            said = _chat(record[key])
            if said is None:
                raise BadInput(f"{where}: {key} holds no message of an assistant's")
            return _bounded(said, where)
    return None


def _bounded(text: str, where: str) -> str:
    fault = _too_much(text)
    if fault:
        raise BadInput(f"{where}: {fault}")
    return text


def _fields(held: object) -> str:
    names = list(held) if isinstance(held, dict) else []
    return brief(", ".join(map(str, names[:10])), 100) or "no fields"


def _chat(messages: object) -> str | None:
    """What the assistant says in the messages of a chat, calls of tools as lines of JSON; None if it says nothing."""
    if isinstance(messages, dict):
        messages = messages.get("messages") or [messages]
    if not isinstance(messages, list):
        return None
    said: list[str] = []
    for message in messages:
        if not isinstance(message, dict):
            continue
        role = message.get("role") or message.get("from") or message.get("author")
        role = role.get("role") if isinstance(role, dict) else role
        if not isinstance(role, str) or role.lower() not in SPEAKERS:
            continue
        said += _content(message.get("content", message.get("value", message.get("text"))))
        calls = message.get("tool_calls") or ([message["function_call"]] if message.get("function_call") else [])
        for call in calls if isinstance(calls, list) else []:
            function = call.get("function", call) if isinstance(call, dict) else call
            said.append(json.dumps(function))
    return "\n".join(said) if said else None


def _content(content: object) -> list[str]:
    """The texts of a message's content: a text, or parts of which some are texts or calls of tools."""
    if isinstance(content, str):
        return [content]
    said = []
    for part in content if isinstance(content, list) else []:
        if isinstance(part, str):
            said.append(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            said.append(part["text"])
        elif isinstance(part, dict) and part.get("type") == "tool_use":
            said.append(json.dumps({"name": part.get("name"), "arguments": part.get("input")}))
    return said


def numbering(path: Path) -> tuple[int, tuple[str, ...]]:
    """What the nodes of a puzzle file count from, and their names if its comments say them ("c 1 WA 2 NT ...")."""
    try:
        head = path.read_bytes()[:200_000] if path.stat().st_size < 50_000_000 else b""
        if head[:2] == b"\x1f\x8b":
            with gzip.open(path) as file:
                head = file.read(200_000)
    except (OSError, EOFError):
        return 0, ()
    text = head.decode("utf-8", errors="replace")
    size = re.search(r"^p\s+(?:edges?|col)\s+(\d{1,6})\b", text, re.MULTILINE)
    if not size:
        return int(text.startswith("%%MatrixMarket") or path.suffix in (".graph", ".metis")), ()
    called: dict[int, str] = {}
    for line in re.findall(r"^c\s(.*)$", text, re.MULTILINE):
        for number, name in re.findall(r"(?<!\S)(\d{1,6})[\s:=]+([A-Za-z][\w'-]{0,30})(?!\S)", line):
            called.setdefault(int(number), name)
    n = int(size[1])
    whole = sorted(called) == list(range(1, n + 1)) and len({name.lower() for name in called.values()}) == n
    return 1, tuple(called[k] for k in range(1, n + 1)) if whole else ()
