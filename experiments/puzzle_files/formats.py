"""Files of instances. FORMATS is the table of what is written; what is read is told by content (sniff.py).

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
from csp.io.files import read_bytes
from csp.io.json_values import MOST_JSON, decode, lines
from csp.problem import Instance
from experiments.puzzle_files import graphs, opensudoku, sniff, sudoku_text, tables
from experiments.puzzle_files.boards import Reading, Shape, build
from solvers.encodings import literal, rules_cnf

MARK = "takeback instance "  # what a comment that carries an instance begins with


@dataclass(frozen=True)
class Format:
    """One file format that is written. `one`: a file holds one instance."""

    suffix: str
    about: str
    write: Callable[[Sequence[Instance]], bytes]
    one: bool = False


def _write_col(instances: Sequence[Instance]) -> bytes:
    problem, givens = instances[0].problem, instances[0].givens
    if not colouring.is_graph(problem):
        raise BadInput(f"{instances[0].provenance}: a {problem.name} is no graph; write .txt, .jsonl, .cnf or .xml")
    if givens.any():
        raise BadInput(f"{instances[0].provenance}: DIMACS .col cannot hold given colours; write .jsonl, .cnf or .xml")
    return f"c takeback colours {problem.d}\n{colouring.write_dimacs(problem)}".encode()


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
    "lines": Format(".txt", "one line a puzzle", lambda many: board_text.write_lines(many).encode()),
    "grid": Format(".grid", "grids, for people", lambda many: board_text.write_grids(many).encode()),
    "jsonl": Format(".jsonl", "JSON Lines, everything", lambda many: instance_records.write_jsonl(many).encode()),
    "parquet": Format(".parquet", "Parquet, everything", instance_records.write_parquet),
    "col": Format(".col", "DIMACS graph", _write_col, one=True),
    "cnf": Format(".cnf", "DIMACS CNF, for SAT solvers", _write_cnf, one=True),
    "xcsp3": Format(".xml", "XCSP3, for CP solvers", _write_xcsp3, one=True),
}

#: What --read-as takes, beside the names of graphs' formats.
READ_AS = {
    "text": "Sudoku text of any kind: lines, grids, candidates, .sdk, .sdm, .ss, HoDoKu's lines",
    "lines": "Sudoku text, each line a puzzle",
    "grid": "Sudoku text, lines are rows of grids",
    "x": "Sudoku text, boards with diagonals",
    "csv": "a table with a column puzzle, question, quizzes or board",
    "json": "JSON or JSON Lines: instances, or such a table",
    "jsonl": "the same",
    "parquet": "Parquet: instances, or such a table",
    "opensudoku": "OpenSudoku's XML",
    "col": "a DIMACS graph",
    "cnf": "DIMACS CNF that was written here",
    "xcsp3": "XCSP3 that was written here",
}


def format_of(path: Path, name: str | None = None) -> Format:
    """The format to write of that name, or by the path's suffix; lines of text if the suffix is none of theirs.

    Raises BadInput for an unknown name.
    """
    if name in graphs.FORMATS:
        return replace(FORMATS["col"], read=lambda path, colours: graphs.read(path, colours, name))
    if name is not None:
        if name not in FORMATS:
            raise BadInput(f"no format {name!r}; there are {', '.join([*FORMATS, *graphs.FORMATS])}")
        return FORMATS[name]
    return next((f for f in FORMATS.values() if f.suffix == path.suffix.lower()), FORMATS["lines"])


def read(
    path: Path, colours: int | None = None, name: str | None = None, box: Shape | None = None, strict: bool = True
) -> list[Instance]:
    """The instances of a file, ungraded unless they carry it. strict: Raises BadInput, naming file and line, for any
    fault; else only if there is nothing but faults.
    """
    reading = examine(path, colours, name, box)
    if reading.faults and (strict or not reading.instances):
        raise reading.faults[0]
    return reading.instances


def examine(path: Path, colours: int | None = None, name: str | None = None, box: Shape | None = None) -> Reading:
    """What a file holds, by its content or as a format of READ_AS or of graphs. At least an instance or a fault.

    colours: of a graph. box: of Sudokus whose boxes nothing else says. Raises BadInput, naming the file and the format
    that was assumed, for a file that is none of these.
    """
    of_graphs = tuple(graphs.FORMATS)
    if name is not None and name not in READ_AS and name not in of_graphs:
        raise BadInput(f"no format {name!r}; there are {', '.join([*READ_AS, *of_graphs])}")
    data = read_bytes(path)
    kind = name or graphs.sniff(data, path) or sniff.what(data, path)
    if kind == "col" or kind in of_graphs:
        if box is not None:
            raise BadInput(f"--box is for Sudokus; {path.name} was read as a graph ({kind})")
        return Reading(graphs.read(path, colours, "dimacs" if kind == "col" else kind))
    if colours is not None:
        raise BadInput(
            f"--colours is for .col graphs and their like; {path.name} was read as {READ_AS[kind]}"
            + (f"; graphs are read as {', '.join(of_graphs)} (--read-as)" if of_graphs else "")
        )
    reading = _sudokus(kind, data, str(path), box)
    if not reading.instances and not reading.faults:
        raise BadInput(
            f"{path}: no puzzle in it; read as {READ_AS[kind]} (--read-as {', '.join(READ_AS)} says otherwise)"
        )
    return reading


def _sudokus(kind: str, data: bytes, where: str, box: Shape | None) -> Reading:
    """What a file of boards, or of instances that were written here, holds."""
    if kind == "parquet":
        columns = tables.parquet_columns(data, where)
        if {"board", "givens"} <= set(columns) or {"nodes", "edges"} <= set(columns):
            return Reading(instance_records.read_parquet(data, where))
        return build(tables.from_parquet(data, where), where, box)
    text = sniff.text_of(data, where)
    if kind in ("cnf", "xcsp3"):
        return Reading(_carried(text, where))
    if kind in ("json", "jsonl"):
        return _json(text, where, box)
    if kind == "csv":
        return build(tables.from_csv(text, where), where, box)
    if kind == "opensudoku":
        return build(opensudoku.read(text, where), where, box)
    found, _ = sudoku_text.read(text, where, kind if kind in ("lines", "grid") else None)
    return build(found, where, box, crossed=kind == "x")


def _json(text: str, where: str, box: Shape | None) -> Reading:
    """Instances or tables as JSON, whole or a line each."""
    reading, found = Reading(), []
    several = list(lines(text, where))
    values = []
    try:
        # a text of several lines is one value, or, where it is none, a value a line
        values.append((decode(text, where, "read as JSON: not JSON"), where))
    except BadInput:
        if len(several) == 1 or (len(text) > MOST_JSON and not _is_json(several[0][0])):
            raise
        for line, spot in several:
            try:
                values.append((decode(line, spot, "read as JSON Lines: not JSON"), spot))
            except BadInput as broken:
                reading.faults.append(broken)
    for value, spot in values:
        records = value if isinstance(value, list) and value and all(_is_record(one) for one in value) else [value]
        for number, record in enumerate(records, 1):
            if not _is_record(record):
                found += tables.from_json(record, spot)
                continue
            try:
                at = spot if len(records) == 1 else f"{spot}, puzzle {number}"
                reading.instances.append(instance_records.from_record(record, at))
            except BadInput as fault:
                reading.faults.append(fault)
    made = build(found, where, box)
    return Reading(reading.instances + made.instances, reading.faults + made.faults, made.notices)


def _is_json(line: str) -> bool:
    """Whether a line is JSON by itself."""
    try:
        decode(line, "line")
    except BadInput:
        return False
    return True


def _is_record(value: object) -> bool:
    """Whether a JSON value is one of this project's instances, whole or not."""
    return isinstance(value, dict) and ({"board", "givens"} <= set(value) or "nodes" in value)


def _carried(text: str, where: str) -> list[Instance]:
    """The instance in a comment."""
    for line in text.splitlines():
        _, mark, rest = line.partition(MARK)
        if mark:
            return instance_records.read_jsonl(rest.removesuffix("-->").strip(), where)
    raise BadInput(f"{where}: carries no instance of takeback's; other files of this format cannot be read as puzzles")
