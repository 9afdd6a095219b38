"""Kept runs: experiments/results/NAME.json holds what documents may quote of a run. One form for every command.

    question, command, line   what was asked, the subcommand, the command line (null if it is not known)
    recovered                 only if the run's folder was not kept: where the figures were read off
    n, unit, strata           how many puzzles (targets, networks); how many of them need how many guesses
    seed, version, versions   of the run, of takeback, of Python and the libraries
    checkpoints, config       the networks' SHA-256; what else the run's identity holds
    tables                    each: name, title, n, head, columns, rows, notes
    notes                     paragraphs below all tables

A column is {key, head, form}: the figure it shows, what stands above it, and how a figure is written ("share": in
percent; "whole share": in percent without decimals; "number"; "counted number": with the n that it rests on; "whole":
without decimals or interval; "text"). A row is {name, figures} and, if need be, group and shown (what stands in its
first cell instead of its name). A figure is {value, low, high, n}: low and high are its 95 % interval, null where there
is none; n is how many observations it rests on, null where a recovered table does not say. `each` beside them: the same
figure of every network apart. Shares are from 0 to 1. A figure that is no number is a text. Rows may hold figures that
no column shows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from csp.errors import BadInput
from csp.io.files import read_text, write_atomically

#: Below the repository's root.
RESULTS = Path("experiments/results")
FACTS = ("question", "command", "line", "n", "unit", "strata", "seed", "version", "versions", "checkpoints", "config")
FORMS = ("share", "whole share", "number", "counted number", "whole", "text")


@dataclass(frozen=True)
class Kept:
    """One kept run: its name and what its file holds."""

    name: str
    content: dict

    def table(self, name: str) -> dict:
        """The table of that name; "" stands for the only one, or for the one named "all". Raises BadInput if
        there is none.
        """
        tables = {table["name"]: table for table in self.content["tables"]}
        if name in tables:
            return tables[name]
        if not name and (len(tables) == 1 or "all" in tables):
            return tables.get("all") or next(iter(tables.values()))
        problem = f"has no table {name!r}" if name else "has several tables"
        raise BadInput(f"{self.name} {problem}; write {self.name}/TABLE, with TABLE one of {_some(tables)}")

    def row(self, table: str, name: str) -> dict:
        """The figures of a row. Raises BadInput if there is none of that name."""
        rows = {row["name"]: row["figures"] for row in self.table(table)["rows"]}
        if name not in rows:
            raise BadInput(f"{self.name}{'/' * bool(table)}{table} has no row {name!r}; there are {_some(rows)}")
        return rows[name]


def _some(names: Sequence[str] | dict, most: int = 12) -> str:
    """Names in one line, the first few of many."""
    listed = list(names)
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")


def path_of(root: Path, name: str) -> Path:
    """Where a run of that name is kept. Raises BadInput for a name that is no plain file name."""
    if not name or not all(c.isascii() and (c.islower() or c.isdigit() or c == "-") for c in name):
        raise BadInput(f"{name!r} is no name for a kept run: small letters, digits and - only")
    return root / RESULTS / f"{name}.json"


def save(root: Path, kept: Kept) -> Path:
    """Write a kept run's file; a figure stands on one line, so that a change of one is a change of one line."""
    path = path_of(root, kept.name)
    write_atomically(path, _text(kept.content) + "\n")
    return path


def _text(value, indent: str = "") -> str:
    """JSON, broken into lines down to what fits on one."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or len(indent) + len(flat) <= 116:
        return flat
    deeper = indent + " "
    if isinstance(value, dict):
        parts = [f"{deeper}{json.dumps(k, ensure_ascii=False)}: {_text(v, deeper)}" for k, v in value.items()]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    return "[\n" + ",\n".join(deeper + _text(v, deeper) for v in value) + f"\n{indent}]"


def load(root: Path, name: str) -> Kept:
    """A kept run. Raises BadInput if there is none of that name, or its file is not of the form above."""
    path = path_of(root, name)
    if not path.exists():
        raise BadInput(f"no kept run {name!r} in {root / RESULTS}")
    try:
        content = json.loads(read_text(path))
        for fact in (*FACTS, "tables", "notes"):
            content[fact]
        for table in content["tables"]:
            _check(table)
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError) as fault:
        raise BadInput(f"{path}: not a kept run ({type(fault).__name__}: {fault})") from None
    return Kept(name, content)


def _check(table: dict) -> None:
    """Raises ValueError, KeyError or TypeError for a table that is not of the form above."""
    for part in ("name", "title", "n", "head", "notes"):
        table[part]
    if unknown := [column["form"] for column in table["columns"] if column["form"] not in FORMS]:
        raise ValueError(f"no form {unknown[0]!r}")
    names = [row["name"] for row in table["rows"]]
    if doubled := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two rows {doubled[0]!r} in table {table['name']!r}")
    for row in table["rows"]:
        for key, figure in row["figures"].items():
            if isinstance(figure, dict) and not {"value", "low", "high", "n"} <= set(figure):
                raise ValueError(f"figure {key!r} of row {row['name']!r}")


def every(root: Path) -> list[Kept]:
    """All kept runs, by name. Raises BadInput if the folder is not there."""
    folder = root / RESULTS
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder; run this in the repository, or give --root")
    return [load(root, path.stem) for path in sorted(folder.glob("*.json"))]
