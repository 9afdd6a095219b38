"""Boards over several lines or in one, in any drawing: rows of symbols, rules between them, heads and row labels.

| 4 | **3** | 2 | 1 |      4 3 | 2 1      │ 4 │   │ 2 │ 1 │      4 & 3 & 2 & 1 \\\\      Row 1: 4 3 2 1      [[4 3 2 1]
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from experiments.scoring.transcripts.grammar import LISTING
from experiments.scoring.transcripts.lines import Line, plain, undecorated
from experiments.scoring.transcripts.shapes import Shape, cell, symbols
from experiments.scoring.transcripts.statements import Statement, Unread, Whole

_RULE = re.compile(r"[\s|+:=*'.,\[\](){}\\-]*[-=+*:][\s|+:=*'.,\[\](){}\\-]*")
_FRAME = re.compile(r"[\s\[\](){}\\,;]*")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,100}>")
_LABEL = re.compile(
    r"\s*(?:(?:row|line)[\s_]*(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine)\s*(?:[:.|)\]=-]|->|→)?|(?:\d{1,2}(?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|top|bottom|last)\s+row\s*(?:[:=]|is)?|r\d{1,2}\s*[:|.)\]-]?|\d{1,2}\s*[:)|]|\d{1,2}\.(?=\s)|[A-P]\s*[:|])\s*",
    re.IGNORECASE,
)
_PREFIX = re.compile(r"\s*(?:[A-Za-z_][\w.]{0,30}\s*(?:=|:)\s*)?(?:[A-Za-z_.]{1,20}\s*\(\s*)?(?=\[)")
_COMMENT = re.compile(r"\s+(?:#|//|<-|←|--\s|\(\s*row).*$", re.IGNORECASE)
_LINKED = re.compile(r"\w(?:-\w)+")


def board(lines: Sequence[Line], at: int, shape: Shape) -> tuple[list[Statement], int] | None:
    """The grid that begins at line `at`, and how many lines it takes; None if there is none.

    A grid with a row too few, or with rows that may be something else, is nobody's move and no grid.
    """
    rows, used, ruled = _run(lines, at, shape)
    d = shape.d
    rows_, taken = [row for row, _ in rows], [line for _, line in rows]
    if len(rows_) < d:
        return None
    head = 0
    if len(rows_) > d and ruled and _counts(rows_[0], d):
        head = 1  # the heads of the columns
    if len(rows_) > d and len(rows_[0]) == d and len(rows_[1]) == d + 1:
        head = 1
    body = rows_[head : head + d]
    if len(body) == d and all(len(row) == d + 1 for row in body) and _counts([row[0] for row in body], d):
        body = [row[1:] for row in body]
    if len(body) < d or any(len(row) != d for row in body):
        return None
    last = taken[head + d - 1]
    values = tuple(token for row in body for token in row)
    statement = Whole(lines[at].number, " / ".join("".join(row) for row in body)[:80], values)
    if all(token == "." for token in values):
        return [Unread(lines[at].number, statement.text, "an empty grid")], last - at + 1
    return [statement], min(last - at + 1, used)


def _counts(row: Sequence[str], d: int) -> bool:
    """Whether a row counts 1..d, or 0..d - 1."""
    return list(row) in ([str(k + 1) for k in range(d)], [str(k) for k in range(d)])


def _run(lines: Sequence[Line], at: int, shape: Shape) -> tuple[list[tuple[list[str], int]], int, bool]:
    """Rows from line `at` on: (cells, line) each, how many lines they take, and whether a rule follows the first."""
    rows: list[tuple[list[str], int]] = []
    ruled, blank, line = False, 0, at
    while line < len(lines) and not lines[line].quoted:
        text = lines[line].text
        row = cells(text, shape)
        if row is not None:
            rows.append((row, line))
            blank = 0
            if len(rows) > shape.d + 1:
                break
        elif rows and _rule(text):
            ruled |= len(rows) == 1
            blank = 0
        elif rows and not text.strip() and not blank and len(rows) < shape.d:
            blank = 1
        else:
            break
        line += 1
    return rows, line - at, ruled


def _rule(text: str) -> bool:
    """Whether a line only decorates a grid."""
    if len(text) > 3000:
        return False
    left = _TAG.sub(" ", undecorated(text))
    return bool(text.strip()) and bool(_RULE.fullmatch(left) or _FRAME.fullmatch(left))


def cells(line: str, shape: Shape) -> list[str] | None:
    """The d cells of a row, or d + 1 where the first may be its label; None for a line that is no row."""
    d = shape.d
    if len(line) > 100 * d + 200:
        return None
    text = undecorated(line)
    if "<" in text:
        text = re.sub(r"<td[^<>]{0,60}>|<th[^<>]{0,60}>|</td>|</th>", " | ", text, flags=re.IGNORECASE).replace(
            "|  |", "|"
        )
        text = _TAG.sub(" ", text)
    text = text.strip().rstrip("\\").strip().removesuffix("\\\\").rstrip()
    if not text or len(text) > 40 * d + 40:
        return None
    named = _PREFIX.match(text)
    text = _COMMENT.sub("", text[named.end() :] if named else text)
    text = text.replace("-", " ") if _LINKED.fullmatch(text) else text
    bars = text.count("&") + 1 if "&" in text else text.count("|") - 1
    if bars == d and re.fullmatch(r"[\s&]+|\|(?:\s+\|)+", text):
        return ["."] * d  # a drawn row of blanks
    if not re.search(r"[\w.*?·□⬜]", text) or (_RULE.fullmatch(text) and not _dashes(text, d)):
        return None
    row = _cells(text, shape)
    if row is not None and len(row) == d:
        return row
    listed = re.match(r"[-*•]\s+", text)
    whole = _cells(text[listed.end() :], shape, exact=True) if listed else None
    if whole is not None or row is not None:
        return whole or row
    label = _LABEL.match(text)
    return _cells(text[label.end() :], shape, exact=True) if label else None


def _dashes(text: str, d: int) -> bool:
    """Whether it is a row of d blanks that are written as single dashes or asterisks."""
    words = text.replace("|", " ").split()
    return (len(words) == d and set(words) <= {"-", "*", "."}) or set(text) <= {".", " ", "|"}


def _cells(text: str, shape: Shape, exact: bool = False) -> list[str] | None:
    d = shape.d
    wanted = (d,) if exact else (d, d + 1)
    # cells between bars: an empty one is blank
    bar = "&" if "&" in text else "|"
    if bar in text:
        parts = text.split(bar)
        if bar == "|":
            parts = parts[1:] if not parts[0].strip() else parts
            parts = parts[:-1] if parts and not parts[-1].strip() else parts
        if len(parts) == d + 1 and not exact and re.fullmatch(r"\s*(?:r|row\s*)?\w{0,3}\s*", parts[0], re.IGNORECASE):
            row = [cell(part.strip(), shape) for part in parts[1:]]
            if all(row):
                label = parts[0].strip()
                kept = [token for token in row if token]
                return [label, *kept] if label.isdecimal() else kept
        if len(parts) in wanted:
            row = [cell(part.strip(" \"'"), shape) for part in parts]
            if all(row):
                return [token for token in row if token]
    # symbols, in groups or one by one
    words = re.sub(r"[|,;\[\](){}\"'&]", " ", text).split()
    if len(words) in wanted:
        row = [cell(word, shape) for word in words]
        if all(row):
            return [token for token in row if token]
    if len("".join(words)) == d and len(words) <= d:
        return symbols("".join(words), shape)
    return None


def one_line(line: str, number: int, shape: Shape) -> Whole | None:
    """A line that is nothing but an answer, after a label perhaps: one string, or n tokens."""
    if not shape.n <= len(line) <= 20 * shape.n + 1000:
        return None
    text = plain(line).strip()
    if len(text) != shape.n:  # a point may be a blank
        text = text.rstrip(".,;")
    text = text.replace("\\n", " ")
    label, _, rest = text.rpartition(":")
    if LISTING.search(label):
        return None
    if not shape.graph:
        runs = [
            word for word in re.findall(r"[\w.*?]+", text) if len(word.rstrip(".")) == shape.n or len(word) == shape.n
        ]
        whole = symbols(runs[0] if len(runs[0]) == shape.n else runs[0].rstrip("."), shape) if len(runs) == 1 else None
        if whole:
            return Whole(number, line.strip()[:80], tuple(whole))
    for body in (text, rest.strip(), re.sub(r"^[\w\s']{0,60}?\b(?:is|=)\s+", "", text)):
        words = body.strip("{}[]()\"' ").replace('"', "").split()
        if len(words) == 1:
            whole = symbols(words[0], shape) if len(words[0]) == shape.n else None
            if whole:
                return Whole(number, line.strip()[:80], tuple(whole))
        # rows as words, whatever parts them
        rows = [row for row in re.split(r"[\s,;|/\\\[\](){}\"'-]+", body) if row]
        if not shape.graph and len(rows) == shape.d and all(len(row) == shape.d for row in rows):
            whole = [symbols(row, shape) for row in rows]
            if all(whole):
                return Whole(number, line.strip()[:80], tuple(token for row in whole for token in row or ()))
        tokens = [cell(word, shape) for word in re.split(r"[\s,;|/]+", body.strip("{}[]()|/ "))]
        if len(tokens) == shape.n >= 4 and all(tokens) and (not shape.graph or "." not in body):
            return Whole(number, line.strip()[:80], tuple(token or "." for token in tokens))
    return None
