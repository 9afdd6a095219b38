"""Files of instances: text, grids, JSON Lines, Parquet, DIMACS .col and .cnf, XCSP3. FORMATS is the table.

DIMACS .cnf and XCSP3 are for other people's solvers: what is written carries the instance in a comment, and is read
back by it; other files of these two formats are not puzzles that can be told, and are refused.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pysat.formula import CNF

from csp.errors import BadInput
from csp.families import colouring
from csp.io import board_text, instance_records
from csp.io.files import read_bytes, read_text
from csp.problem import Instance
from experiments.puzzle_files import graphs
from solvers.encodings import literal, rules_cnf

MARK = "takeback instance "  # what a comment that carries an instance begins with


@dataclass(frozen=True)
class Format:
    """One file format. `one`: a file holds one instance. read: (path, colours of a graph or None)."""

    suffix: str
    about: str
    read: Callable[[Path, int | None], list[Instance]]
    write: Callable[[Sequence[Instance]], bytes]
    one: bool = False


def _text(reader: Callable[[str, str], list[Instance]]) -> Callable[[Path, int | None], list[Instance]]:
    return _colourless(lambda path: reader(read_text(path), str(path)))


def _colourless(reader: Callable[[Path], list[Instance]]) -> Callable[[Path, int | None], list[Instance]]:
    """The reader of a format in which --colours has no place."""

    def read(path: Path, colours: int | None) -> list[Instance]:
        if colours is not None:
            raise BadInput(f"--colours is for .col graphs; {path.name} is none")
        return reader(path)

    return read


def _read_parquet(path: Path) -> list[Instance]:
    return instance_records.read_parquet(read_bytes(path), str(path))


def _read_graph(path: Path, colours: int | None) -> list[Instance]:
    return graphs.read(path, colours)


def _write_col(instances: Sequence[Instance]) -> bytes:
    problem, givens = instances[0].problem, instances[0].givens
    if not colouring.is_graph(problem):
        raise BadInput(f"{instances[0].provenance}: a {problem.name} is no graph; write .txt, .jsonl, .cnf or .xml")
    if givens.any():
        raise BadInput(f"{instances[0].provenance}: DIMACS .col cannot hold given colours; write .jsonl, .cnf or .xml")
    return f"c takeback colours {problem.d}\n{colouring.write_dimacs(problem)}".encode()


def _carried(text: str, where: str) -> list[Instance]:
    """The instance in a comment."""
    for line in text.splitlines():
        _, mark, rest = line.partition(MARK)
        if mark:
            return instance_records.read_jsonl(rest.removesuffix("-->").strip(), where)
    raise BadInput(f"{where}: carries no instance of takeback's; other files of this format cannot be read as puzzles")


def _record(instance: Instance) -> str:
    """The instance for a comment; no two dashes in a row, which XML comments must not hold."""
    return MARK + instance_records.write_jsonl([instance]).strip().replace("--", "-\\u002d")


def _write_cnf(instances: Sequence[Instance]) -> bytes:
    instance = instances[0]
    d = instance.problem.d
    known = [[literal(cell, int(value), d)] for cell, value in enumerate(instance.givens) if value]
    formula = CNF(from_clauses=[*rules_cnf(instance.problem), *known])
    formula.nv = instance.problem.n * d
    out = io.StringIO()
    note = f"c cell i (from 0) holds value v: variable i * {d} + v"
    formula.to_fp(out, comments=[note, f"c {_record(instance)}"])
    return out.getvalue().encode()


def _write_xcsp3(instances: Sequence[Instance]) -> bytes:
    """By pycsp3, which keeps its model in globals and reads sys.argv: so in a process of its own."""
    job = [sys.executable, "-m", "experiments.puzzle_files.xcsp3"]
    done = subprocess.run(job, input=json.dumps(instance_records.to_record(instances[0])).encode(), capture_output=True)
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no word why"])[-1]
        raise BadInput(f"pycsp3 could not write {instances[0].provenance}: {last}")
    head, _, rest = done.stdout.decode().partition("\n")
    return f"{head}\n  <!-- {_record(instances[0])} -->\n{rest}".encode()


FORMATS = {
    "lines": Format(
        ".txt", "one line a puzzle", _text(board_text.read), lambda many: board_text.write_lines(many).encode()
    ),
    "grid": Format(
        ".grid", "grids, for people", _text(board_text.read), lambda many: board_text.write_grids(many).encode()
    ),
    "jsonl": Format(
        ".jsonl",
        "JSON Lines, everything",
        _text(instance_records.read_jsonl),
        lambda many: instance_records.write_jsonl(many).encode(),
    ),
    "parquet": Format(".parquet", "Parquet, everything", _colourless(_read_parquet), instance_records.write_parquet),
    "col": Format(".col", "graph; written as DIMACS", _read_graph, _write_col, one=True),
    "cnf": Format(".cnf", "DIMACS CNF, for SAT solvers", _text(_carried), _write_cnf, one=True),
    "xcsp3": Format(".xml", "XCSP3, for CP solvers", _text(_carried), _write_xcsp3, one=True),
}


def format_of(path: Path, name: str | None = None) -> Format:
    """The format of that name, or by the path's suffix; lines of text if the suffix is none of theirs.

    Raises BadInput for an unknown name.
    """
    if name in graphs.FORMATS:
        return replace(FORMATS["col"], read=lambda path, colours: graphs.read(path, colours, name))
    if name is not None:
        if name not in FORMATS:
            raise BadInput(f"no format {name!r}; there are {', '.join([*FORMATS, *graphs.FORMATS])}")
        return FORMATS[name]
    return next((f for f in FORMATS.values() if f.suffix == path.suffix.lower()), FORMATS["lines"])


def read(path: Path, colours: int | None = None, name: str | None = None) -> list[Instance]:
    """The instances of a file, ungraded unless they carry it. Raises BadInput, naming file and line."""
    if name is None and graphs.sniff(read_bytes(path), path):
        return graphs.read(path, colours)
    made = format_of(path, name).read(path, colours)
    if not made:
        raise BadInput(f"{path}: no puzzle in it")
    return made
