r"""The lines of a transcript, cleaned of what only decorates: emphasis, tags, LaTeX, box drawing, list marks.

    >>> plain("- **r1c2** = \\mathbf{3}").strip()
    'r1c2 = 3'

What a chat's user or system wrote is quoted, not said: `spoken` marks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

MOST_LINE = 100_000  # characters of a line that are read
PIECE = 3_000  # characters of a line that are searched for moves at a time
BREAKS = re.compile(r"\r\n|\r|\n")
_UPRIGHT = "│┃║╎╏┆┇┊┋╵╷╽╿"
_DRAWN = {code: "|" if chr(code) in _UPRIGHT else "-" for code in range(0x2500, 0x2580)}
_FANCY = (
    {ord(a): b for a, b in zip("０１２３４５６７８９₀₁₂₃₄₅₆₇₈₉", "01234567890123456789")}
    | {ord(c): "'" for c in "‘’"}
    | {ord(c): '"' for c in "“”"}
    | {
        0xFE0F: None,
        0x20E3: None,
        0x200B: None,
        0xA0: " ",
        0x2212: "-",
    }
    | dict.fromkeys(map(ord, "｜¦❘⎮∣⏐"), "|")
)
_WRAPPED = re.compile(
    r"\\(?:textcolor|color)\{\w{1,20}\}\{([^{}]{0,40})\}|\\(?:math|text)\w{0,8}\{([^{}]{0,40})\}|\\boxed\{([^{}]{0,40})\}"
)
_LATEX = re.compile(
    r"\\(?:begin|end)\{[a-zA-Z*]{1,20}\}(?:\{[lcr|@{} ]{0,200}\})?"
    r"|\\(?:hline|cline\{[\d-]*\}|left|right|quad|,|;|\[|\]|\(|\))|"
    r"\\boxed|\$"
)
_STRONG = re.compile(
    r"\*\*\*?([^*\s]|[^*\s][^*]{0,200}?[^*\s])\*\*\*?|__([^_\s][^_]{0,200})__|(?<![\w*])\*(\w{1,40})\*(?![\w*])"
)
_TAG = re.compile(r"</?[A-Za-z][\w:.-]{0,40}(?:\s[^<>]{0,200})?/?>|<\|[^|<>]{1,40}\|>")
_BULLET = re.compile(r"^\s*(?:[-*+•‣]\s+|#{1,6}\s+|\(?\d{1,4}[.)]\s+(?=\S))+")
_ROW = re.compile(r"<tr\b[^<>]{0,100}>|<br\s*/?>", re.IGNORECASE)
_WIDE = re.compile(r"(\W)\1{700,}")  # long runs of one mark say nothing and make searches slow
_USER = re.compile(
    r"\s*(?:<\|(?:im_start|start_header_id)\|>\s*(?:user|system)|#+\s*(?:instruction|user|prompt)\b|\[INST\]|"
    r"(?:\*\*)?(?:user|human|system|prompt)(?:\*\*)?\s*:)",
    re.IGNORECASE,
)
_MODEL = re.compile(
    r"\s*(?:<\|(?:im_start|start_header_id)\|>\s*assistant|<\|(?:im_end|eot_id)\|>|#+\s*(?:response|assistant|answer|output)\b|"
    r"(?:\*\*)?(?:assistant|model|ai|answer|final answer|response|output)(?:\*\*)?\s*:)|.{0,2000}\[/INST\]",
    re.IGNORECASE,
)


class Line(NamedTuple):
    """A line or, where several rows stand in one, a part of it. quoted: why it is nobody's move, or ""."""

    number: int
    text: str
    quoted: str = ""


def spoken(text: str, first: int) -> Iterator[Line]:
    """The lines of a text, numbered from `first`; what a prompt, a quotation or an overlong line holds is marked."""
    asked, opened = False, list[str]()
    for number, line in enumerate(BREAKS.split(text), first):
        if len(line) > MOST_LINE:
            yield Line(number, line[:100], f"a line of {len(line)} characters; at most {MOST_LINE} are read")
            continue
        line = _WIDE.sub(lambda run: run.group()[:700], line)
        if _MODEL.match(line):
            asked = False
        elif _USER.match(line):
            asked = True
        if asked or re.match(r"\s{0,3}>\s", line):
            yield Line(number, line, "quoted, so no move" if line.strip() else "")
            continue
        # rows of a LaTeX array or an HTML table may share a line
        if "&" in line and "\\\\" in line.strip().removesuffix("\\\\"):
            yield from (Line(number, part) for part in line.split("\\\\"))
        elif _ROW.search(line) or opened:
            # so may the cells of a table's row stand on lines of their own
            opened.append(line)
            if len(opened) < 60 and "</tr" not in line.lower():
                continue
            parts, opened = _ROW.split(" ".join(opened)), []
            yield from (Line(number, part) for part in parts)
        else:
            yield Line(number, line)


def pieces(text: str) -> Iterator[str]:
    """A long line in parts of PIECE characters at most, each ending with a sentence, a comma or a word if it can."""
    while len(text) > PIECE:
        cut = max(text.rfind(mark, PIECE // 2, PIECE) for mark in (". ", "; ", ", ")) + 1
        cut = cut or max(text.rfind(" ", PIECE // 2, PIECE), 0) or PIECE
        yield text[:cut]
        text = text[cut:]
    yield text


def undecorated(line: str) -> str:
    """The line without emphasis, LaTeX and fancy characters; drawn lines become | and -."""
    line = line.translate(_FANCY)
    if "\\" in line or "$" in line:
        for _ in range(3):
            line = _WRAPPED.sub(lambda m: m[1] or m[2] or m[3] or "", line)
        line = _LATEX.sub(" ", line)
    line = line.replace("`", " ")
    if "*" in line or "__" in line:
        line = _STRONG.sub(lambda m: next(g for g in m.groups() if g), line)
    return line.translate(_DRAWN)


def plain(line: str) -> str:
    """`undecorated`, and without tags and list marks, for the recogniser of moves."""
    line = re.sub(r"_\{(\d{1,4})\s?,\s?(\d{1,4})\}", r"(\1,\2)", line)  # x_{1,2}
    line = re.sub(r"_\{(\d{1,4})\}", r"\1", line)  # r_{1}c_{2}
    line = undecorated(line)
    if "<" in line:
        line = _TAG.sub(" ", line)
    return _BULLET.sub("", line)
