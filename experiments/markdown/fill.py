"""Templates and what fills them: no figure in a document is typed.

    {{NAME|ROW|FIGURE}}           38 % [29, 48], or 1.95 [1.8, 2.1] for what is no share
    {{NAME|ROW|FIGURE|FORM}}      value: 38; percent: 38 %; cell: 38.0 [29, 48] as in a table; interval: [29, 48];
                                  low, high; n: 100; hits: 38; of: 38 of 100; each: 37, 39, 38 (of several networks);
                                  points: +9.3 points [1, 17], of a share that is a difference
    {{NAME|FACT}}                 n, seed, version, line, question or unit of the run
    {{NAME|note|K}}               the K-th sentence below its table (a verdict)
    {{NAME}}                      the whole table

NAME is that of a kept run (experiments/results/NAME.json), with several tables NAME/TABLE: evaluate-17-clues-500/>100.
FIGURE is a column's key or head, or any figure that the row holds besides. An unknown one is an error of one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from csp.errors import BadInput
from csp.io.files import read_text
from experiments.markdown import pages
from experiments.markdown.kept import Kept, load

#: Below the repository's root: each template, and the document that is made of it.
TEMPLATES = Path("docs/templates")
DOCUMENTS = ("README.md", "RESULTS.md")
PLACE = re.compile(r"\{\{([^{}\n]*)\}\}")


def fill(root: Path, name: str) -> str:
    """A document from its template. Raises BadInput, naming the line, for a placeholder that stands for nothing."""
    path = root / TEMPLATES / name
    runs: dict[str, Kept] = {}
    made = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        try:
            text = PLACE.sub(lambda place: _said(root, runs, place[1]), line)
        except BadInput as fault:
            raise BadInput(f"{path}, line {number}: {fault}") from None
        # a command of several lines keeps the indent that makes it code
        made.append(text.replace("\n", "\n" + line[: len(line) - len(line.lstrip())]))
    return "\n".join(made)


def filled(root: Path, text: str) -> str:
    """A sentence with its placeholders filled. Raises BadInput for one that stands for nothing."""
    runs: dict[str, Kept] = {}
    return PLACE.sub(lambda place: _said(root, runs, place[1]), text)


def _said(root: Path, runs: dict[str, Kept], words: str) -> str:
    """What a placeholder stands for."""
    name, *rest = (word.strip() for word in words.split("|"))
    run, part = (word.strip() for word in f"{name}/".split("/", 1))
    part = part.removesuffix("/")
    kept = runs.get(run) or runs.setdefault(run, load(root, run))
    if not rest:
        return pages.table(kept.table(part))
    if len(rest) == 1:
        return _fact(kept, part, rest[0])
    if rest[0] == "note":
        notes = kept.table(part)["notes"]
        if not rest[1].isdigit() or not 1 <= int(rest[1]) <= len(notes):
            raise BadInput(f"{name} has {len(notes)} notes, no {rest[1]!r}")
        return notes[int(rest[1]) - 1].removeprefix("- ")
    if len(rest) > 3:
        raise BadInput(f"{{{{{words}}}}}: at most NAME|ROW|FIGURE|FORM")
    return _figure(kept, part, *rest)


def _fact(kept: Kept, part: str, what: str) -> str:
    if what == "n" and part:
        return str(kept.table(part)["n"])
    if what not in ("n", "seed", "version", "line", "question", "unit") or kept.content[what] is None:
        raise BadInput(f"{kept.name} says no {what!r}; one word after it is n, seed, version, line, question or unit")
    return str(kept.content[what])


def _figure(kept: Kept, part: str, row: str, what: str, form: str = "") -> str:
    figures, columns = kept.row(part, row), kept.table(part)["columns"]
    key = next((column["key"] for column in columns if column["head"] == what and what not in figures), what)
    where = f"{kept.name}, row {row!r}"
    if key not in figures:
        raise BadInput(f"{where} has no figure {what!r}; it has {', '.join(figures)}")
    record = figures[key]
    if isinstance(record, str):
        if form:
            raise BadInput(f"{where}: {what!r} is a text, and has no {form!r}")
        return record
    if record["value"] is None:
        raise BadInput(f"{where}: {what!r} was not measured")
    percent = key in {column["key"] for column in columns if column["form"].endswith("share")} or _hidden_share(key)
    if form not in FORMS:
        raise BadInput(f"no form {form!r}; there are {', '.join(filter(None, FORMS))}")
    try:
        return FORMS[form](record, percent)
    except (TypeError, KeyError):
        raise BadInput(f"{where}: {what!r} has no {form!r}") from None


def _hidden_share(key: str) -> bool:
    """Whether a figure that no column shows is a share."""
    return key in ("need", "met", "unmet", "recovery") or key.startswith("seen by ") or key.endswith(" FLOPs")


def _value(record: dict, percent: bool) -> str:
    """The figure alone: 38, 32.8, 1.95."""
    text = pages.figure({**record, "low": None, "high": None}, percent)
    return text.removesuffix(".0") if percent else text


def _interval(record: dict, percent: bool) -> str:
    return f"[{_end(record, 'low', percent)}, {_end(record, 'high', percent)}]"


def _end(record: dict, end: str, percent: bool) -> str:
    if record[end] is None:
        raise TypeError("no interval")
    return f"{100 * record[end]:.0f}" if percent else _two(record[end])


def _two(number: float) -> str:
    """As the ends of intervals are written in tables."""
    return pages.figure({"value": 0, "low": number, "high": number, "n": 2}).partition("[")[2].partition(",")[0]


def _hits(record: dict, percent: bool) -> str:
    if not percent:
        raise TypeError("no share")
    return str(round(record["value"] * record["n"]))


def _full(record: dict, percent: bool) -> str:
    text = _value(record, percent) + " %" * percent
    return text if record["low"] is None else f"{text} {_interval(record, percent)}"


def _points(record: dict, percent: bool) -> str:
    if not percent:
        raise TypeError("no share")
    return f"{'+' * (record['value'] > 0)}{_value(record, True)} points {_interval(record, True)}"


def _number(record: dict, _: bool) -> str:
    if record["n"] is None:
        raise TypeError("not known")
    return str(record["n"])


FORMS: dict[str, Callable[[dict, bool], str]] = {
    "": _full,
    "value": _value,
    "percent": lambda record, percent: _value(record, percent) + " %",
    "cell": lambda record, percent: pages.shown(record, "share" if percent else "number"),
    "interval": _interval,
    "low": lambda record, percent: _end(record, "low", percent),
    "high": lambda record, percent: _end(record, "high", percent),
    "n": _number,
    "hits": _hits,
    "of": lambda record, percent: f"{_hits(record, percent)} of {_number(record, percent)}",
    "points": _points,
    "each": lambda record, _: ", ".join(f"{100 * one:.0f}" for one in record["each"]),
}
