"""What a file of puzzles is, told by its content; its suffix counts only where the content leaves it open.

>>> what(b"PAR1...", Path("puzzles.dat"))
'parquet'
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from csp.errors import BadInput
from experiments.puzzle_files import opensudoku, tables

HEAD = 20_000  # characters that say what a text is


def text_of(data: bytes, where: str) -> str:
    """The text of a file, UTF-8 or UTF-16 by its mark. Raises BadInput for what is none, and for an empty file."""
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as fault:
        raise BadInput(f"{where}: not a text file: no UTF-8 at byte {fault.start}; save it as UTF-8") from None
    if not text.strip():
        raise BadInput(f"{where}: the file is empty")
    if "\0" in text[:HEAD] or not any(symbol.isascii() for symbol in text[:HEAD]):
        raise BadInput(f"{where}: not a text file; puzzles come as text, .parquet, or .gz of these")
    return text


def what(data: bytes, path: Path) -> str:
    """The name of the format that a file holds. Raises BadInput for what is neither text nor Parquet."""
    if data[:4] == b"PAR1" or path.suffix.lower() == ".parquet":
        return "parquet"
    text = text_of(data, str(path))
    head = text[:HEAD].lstrip()
    if re.search(r"^p cnf |^c takeback instance ", head, re.MULTILINE) or path.suffix.lower() == ".cnf":
        return "cnf"
    if head.startswith("<"):
        return "opensudoku" if opensudoku.is_opensudoku(text) else "xcsp3"
    if head[0] in "{[" and _is_json(text, head):
        return "json"
    if path.suffix.lower() in (".json", ".jsonl", ".ndjson"):
        return "json"
    tabular = path.suffix.lower() in (".csv", ".tsv") and re.search(r"[A-Za-z]{3}", head.partition("\n")[0])
    if tables.is_csv(head) or tabular:
        return "csv"
    if path.suffix.lower() == ".xml":
        return "xcsp3"
    return "text"


#: Characters that are parsed to tell JSON from a grid in brackets; longer texts are told by how they begin.
MOST_PARSED = 200_000


def _is_json(text: str, head: str) -> bool:
    """Whether text in brackets is JSON, and no grid that Python or NumPy printed, no [Puzzle] heading."""
    first = head.partition("\n")[0]
    for part in (part for part in (first, text) if len(part) < MOST_PARSED):
        try:
            json.loads(part)
            return True
        except (ValueError, RecursionError):
            continue
    return head[0] == "{" or bool(re.match(r"\[\s*[{\"]", head))
