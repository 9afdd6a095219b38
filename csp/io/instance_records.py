"""Instances as plain data: JSON Lines for people and programs, Parquet for sets.

    {"id": ..., "family": "sudoku9", "board": "sudoku 9x9", "givens": "53..7....6..195...", "witness": "5346789...",
     "difficulty": {"guesses": 4, "solutions": 1, ...}, "provenance": "sudoku9 seed 0 test 3"}
    {"family": "colouring", "nodes": 3, "colours": 3, "edges": [[0, 1], [1, 2]], "givens": [0, 0, 2]}

Only board (or nodes, colours and edges) and givens are needed; boards and graphs may also write cells as lists, 0 where
blank. An id that is there must be the instance's own. Nodes count from 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, fields

import numpy as np
import pyarrow
import pyarrow.parquet

from csp.errors import BadInput
from csp.families import colouring, latin, sudoku
from csp.io.files import from_parquet, to_parquet
from csp.io.json_values import decode, encode, lines, whole
from csp.problem import LEVELS, Difficulty, Instance, Problem

BOARDS = {"sudoku": sudoku.board, "latin": latin.board}
DIFFICULTY = {
    "guesses": pyarrow.int64(),
    "solutions": pyarrow.int64(),
    "limit": pyarrow.int64(),
    "level": pyarrow.string(),
    "given_up": pyarrow.bool_(),
    "conflicts": pyarrow.int64(),
    "branches": pyarrow.int64(),
}
CELLS = pyarrow.list_(pyarrow.uint8())
PARQUET = pyarrow.schema(
    [
        ("id", pyarrow.string()),
        ("family", pyarrow.string()),
        ("board", pyarrow.string()),
        ("nodes", pyarrow.int64()),
        ("colours", pyarrow.int64()),
        ("edges", pyarrow.list_(pyarrow.uint16())),  # both ends of each edge in turn
        ("givens", CELLS),
        ("witness", CELLS),
        *DIFFICULTY.items(),
        ("provenance", pyarrow.string()),
    ]
)


def is_board(problem: Problem) -> bool:
    """Whether it is one of BOARDS, with rows and columns and no further rules."""
    named = board(problem.name)
    return named is not None and named.constraints == problem.constraints


def board(name: str) -> Problem | None:
    """The board called so, e.g. "sudoku 9x9" or "latin 8x8"; None if there is none."""
    match = re.fullmatch(r"([a-z]+) (\d{1,2})x(\d{1,2})", name, re.ASCII)
    if not match or match[1] not in BOARDS or match[2] != match[3]:
        return None
    return BOARDS[match[1]](int(match[2]))


def to_record(instance: Instance) -> dict:
    """The instance as plain data. Raises BadInput for a problem that is neither a board nor a graph."""
    problem = instance.problem
    cells = [instance.givens, instance.witness]
    record: dict = {"id": instance.id, "family": instance.family}
    if is_board(problem):
        record["board"] = problem.name
        record["givens"], record["witness"] = (c if c is None else sudoku.write(problem, c) for c in cells)
    elif colouring.is_graph(problem):
        edges = [list(edge) for edge in colouring.edges(problem)]
        record |= {"nodes": problem.n, "colours": problem.d, "edges": edges}
        record["givens"], record["witness"] = (c if c is None else c.tolist() for c in cells)
    else:
        raise BadInput(f"{instance.provenance}: {problem.name} is neither a board nor a graph, so no record of it")
    record["difficulty"] = None if instance.difficulty is None else asdict(instance.difficulty)
    return record | {"provenance": instance.provenance}


def from_record(record: object, where: str = "instance") -> Instance:
    """The inverse of to_record. Raises BadInput, naming `where`, for anything else, and for contradictory givens."""
    try:
        if not isinstance(record, dict):
            raise ValueError("no JSON object")
        problem = _problem(record)
        givens = _cells(record["givens"], problem)
        witness = None if record.get("witness") is None else _cells(record["witness"], problem)
        plain = f"{problem.name.partition(' ')[0]}{problem.d}" if is_board(problem) else "colouring"
        family = record.get("family") or plain
        need = record.get("difficulty")
        difficulty = None if need is None else _difficulty(need)
        source = str(record.get("provenance") or where)
        instance = Instance(problem, givens, str(family), source, difficulty, witness)
    except KeyError as fault:
        raise BadInput(f"{where}: no {fault.args[0]!r} in the instance") from None
    except BadInput as fault:
        raise BadInput(f"{where}: {fault}") from None
    except (ValueError, TypeError, OverflowError) as fault:
        raise BadInput(f"{where}: not an instance ({fault})") from None

    # an id is a hash of the content: another one means that the file was changed, or is read as another puzzle
    if record.get("id") not in (None, instance.id):
        raise BadInput(f"{where}: its id is {str(record['id'])[:60]!r}, but what it holds is {instance.id}")

    # the checker has the last word, whatever program wrote the record
    if instance.problem.violated(givens).any():
        first = int(np.argmax(instance.problem.violated(givens)))
        raise BadInput(f"{where}: givens contradict at cells {list(instance.problem.constraints[first].scope)[:9]}")
    if witness is not None and not instance.solved(witness):
        raise BadInput(f"{where}: what it calls its witness is no solution")
    return instance


def _problem(record: dict) -> Problem:
    name = record.get("board")
    if name is not None:
        problem = board(str(name))
        if problem is None:
            raise ValueError(f"no board {str(name)[:40]!r}; boards are called like 'sudoku 9x9' or 'latin 8x8'")
        return problem
    n, colours = whole(record["nodes"], 1, colouring.MOST_NODES), whole(record["colours"], 1, 10**6)
    edges = [(whole(a, 0, n - 1), whole(b, 0, n - 1)) for a, b in record["edges"]]
    if any(a == b for a, b in edges):
        raise ValueError("an edge joins a node to itself")
    return colouring.graph(n, edges, colours)


def _cells(said: object, problem: Problem) -> np.ndarray:
    """Cell values from a line of symbols or a list; checked by Instance for size and range."""
    if isinstance(said, str):
        text = said.strip().upper().replace("0", ".")
        if problem.d >= len(sudoku.SYMBOLS) or any(symbol not in sudoku.SYMBOLS for symbol in text):
            raise ValueError("cells hold a symbol that stands for no value")
        values = [sudoku.SYMBOLS.index(symbol) for symbol in text]
    elif isinstance(said, list):
        values = [whole(value, 0, problem.d) for value in said]
    else:
        raise ValueError("cells are a line of symbols or a list of numbers")
    if len(values) != problem.n:
        raise ValueError(f"{len(values)} cells for {problem.n}")
    return np.array(values, dtype=np.int64)


def _difficulty(said: object) -> Difficulty:
    """Raises ValueError for what is no difficulty."""
    if not isinstance(said, dict) or not set(said) <= {f.name for f in fields(Difficulty)}:
        raise ValueError("difficulty is no object with guesses, solutions, limit, level, ...")
    for name in ("guesses", "limit"):
        whole(said.get(name, 2), 0, 10**15)
    for name in ("solutions", "conflicts", "branches"):
        if said.get(name) is not None:
            whole(said[name], 0, 10**15)
    if said.get("level", "search") not in LEVELS or not isinstance(said.get("given_up", False), bool):
        raise ValueError("difficulty has an unknown level")
    return Difficulty(**said)


def write_jsonl(instances: Iterable[Instance]) -> str:
    """Instances as JSON Lines."""
    return "".join(encode(to_record(instance)) + "\n" for instance in instances)


def read_jsonl(text: str, where: str = "instances") -> list[Instance]:
    """The instances of JSON Lines; blank lines are skipped. Raises BadInput, naming the line."""
    return [from_record(decode(line, spot), spot) for line, spot in lines(text, where)]


def write_parquet(instances: Iterable[Instance], about: dict[str, str] | None = None) -> bytes:
    """Instances as a Parquet file, one row each; `about` becomes the file's metadata."""
    rows = []
    for instance in instances:
        record = to_record(instance)
        record |= {"givens": instance.givens.tolist()}
        record |= {"witness": None if instance.witness is None else instance.witness.tolist()}
        record |= {"edges": [end for edge in record.get("edges", ()) for end in edge]}
        record |= record.pop("difficulty") or {}
        rows.append(record)
    return to_parquet(rows, PARQUET.with_metadata(about))


def read_parquet(data: bytes, where: str = "instances", count: int | None = None) -> list[Instance]:
    """The inverse of write_parquet; only its first `count` instances, if that is given. Raises BadInput, naming
    `where`, for anything else.
    """
    made = []
    for number, row in enumerate(from_parquet(data, where)[:count], 1):
        need = {name: row.pop(name, None) for name in DIFFICULTY}
        ends = row.get("edges") or []
        row["edges"] = list(zip(ends[::2], ends[1::2]))
        row["difficulty"] = None if need["guesses"] is None else need
        made.append(from_record(row, f"{where}, row {number}"))
    return made
