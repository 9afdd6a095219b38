"""Instances as plain data: JSON Lines for people and programs, Parquet for sets.

    {"id": ..., "family": "sudoku9", "board": "sudoku 9x9", "givens": "53..7....6..195...", "witness": "5346789...",
     "difficulty": {"guesses": 4, "solutions": 1, ...}, "provenance": "sudoku9 seed 0 test 3"}
    {"family": "colouring", "nodes": 3, "colours": 3, "edges": [[0, 1], [1, 2]], "givens": [0, 0, 2]}

Only board (or nodes, colours and edges) and givens are needed; a Sudoku whose rules are not the plain ones says them:

    "rules": {"boxes": "3x2"}
    "rules": {"regions": "111222...", "diagonals": true, "cages": [[15, [0, 1]]], "allowed": {"7": [1, 2]}}

Boards and graphs may also write cells as lists, 0 where blank. An id that is there must be the instance's own. Nodes
count from 0; "names", a text a node, is what messages call them. Sizes have limits: those of csp/families/colouring.py,
and MOST_INSTANCES.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import asdict, fields

import numpy as np
import pyarrow
import pyarrow.parquet

from csp.errors import BadInput, one_line, shown
from csp.families import colouring, latin, sudoku, sudoku_variants
from csp.families.sudoku_variants import Variant
from csp.io.files import from_parquet, to_parquet
from csp.io.json_values import decode, encode, lines, whole, wholes
from csp.problem import LEVELS, Difficulty, Instance, Problem

MOST_INSTANCES = 1_000_000  # of a file, where not only its first are asked for: each is kept in memory
MOST_LABEL = 500  # characters that are kept of a family's name and of where an instance came from: tables show both
MOST_LINES = 2 * MOST_INSTANCES  # of JSON Lines, blank ones included
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
    """Whether it is a Latin square or a Sudoku of any kind: a square of symbols, and no rules of another kind."""
    return is_plain(problem) or sudoku_variants.variant_of(problem) is not None


def is_plain(problem: Problem) -> bool:
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
        record["board"] = problem.name if is_plain(problem) else f"sudoku {problem.d}x{problem.d}"
        record["givens"], record["witness"] = (c if c is None else sudoku.write(problem, c) for c in cells)
        if not is_plain(problem):
            record["rules"] = _rules(sudoku_variants.variant_of(problem))
    elif colouring.is_graph(problem):
        edges = [list(edge) for edge in colouring.edges(problem)]
        record |= {"nodes": problem.n, "colours": problem.d, "edges": edges}
        record |= {"names": list(problem.names)} if problem.names else {}
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
        family = _label(record.get("family") or plain)
        need = record.get("difficulty")
        difficulty = None if need is None else _difficulty(need)
        source = _label(record.get("provenance") or where)
        instance = Instance(problem, givens, family, source, difficulty, witness)
    except KeyError as fault:
        raise BadInput(f"{where}: no {fault.args[0]!r} in the instance") from None
    except BadInput as fault:
        raise BadInput(f"{where}: {fault}") from None
    except (ValueError, TypeError, OverflowError, AttributeError, RecursionError) as fault:
        raise BadInput(f"{where}: not an instance ({fault})") from None
    said = record.get("id")
    if said is not None and not (isinstance(said, str) and said == instance.id):
        raise BadInput(f"{where}: its id is {shown(said)}, but what it holds is {instance.id}")
    if problem.violated(givens).any():
        first = problem.constraints[int(np.argmax(problem.violated(givens)))].scope[:9]
        spot = " and ".join(problem.names[cell] for cell in first) if problem.names else f"cells {list(first)}"
        raise BadInput(f"{where}: givens contradict at {spot}")
    if witness is not None and not instance.solved(witness):
        raise BadInput(f"{where}: what it calls its witness is no solution")
    return instance


def _problem(record: dict) -> Problem:
    name = record.get("board")
    if name is not None:
        rules = record.get("rules")
        rules = decode(rules, "rules") if isinstance(rules, str) else rules
        if rules and isinstance(rules, dict) and isinstance(name, str) and name.startswith("sudoku "):
            return sudoku_variants.problem(_variant(name, rules))
        problem = board(name) if isinstance(name, str) else None
        if problem is None or rules:
            raise ValueError(f"no board {shown(name)}; boards are called like 'sudoku 9x9' or 'latin 8x8'")
        return problem
    n = whole(record["nodes"], 1, colouring.MOST_NODES)
    colours = whole(record["colours"], 1, colouring.MOST_COLOURS)
    said, names = record["edges"], record.get("names")
    if not isinstance(said, list):
        raise ValueError(f"edges are a list of pairs of nodes, not {shown(said)}")
    colouring.check_listed(len(said))
    pairs = [(a, b) for a, b in said]
    wholes([end for pair in pairs for end in pair], 0, n - 1)
    if any(a == b for a, b in pairs):
        raise ValueError("an edge joins a node to itself")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise ValueError(f"names are a list of {n} texts, not {shown(names)}")
    return colouring.graph(n, pairs, colours, names or ())


def _label(said: object) -> str:
    """A text that tables and messages show: one line, cut to MOST_LABEL, nothing that cannot be written as UTF-8."""
    return one_line(said if isinstance(said, str) else shown(said))[:MOST_LABEL]


def _rules(variant: Variant) -> dict:
    """What a Sudoku's record says of rules that are not the plain ones."""
    said: dict = {}
    if variant.shape is None:
        said["regions"] = "".join(sudoku.SYMBOLS[region + 1] for region in variant.regions)
    elif variant.shape != sudoku.BOXES.get(variant.side):
        said["boxes"] = "x".join(map(str, variant.shape))
    if variant.diagonals:
        said["diagonals"] = True
    if variant.cages:
        said["cages"] = [[total, list(cells)] for total, cells in variant.cages]
    if variant.allowed:
        said["allowed"] = {str(cell): list(values) for cell, values in variant.allowed}
    return said


def _variant(name: str, said: dict) -> Variant:
    """The inverse of _rules. Raises ValueError for what says none."""
    match = re.fullmatch(r"sudoku (\d{1,2})x\1", name, re.ASCII)
    if not match or not set(said) <= {"regions", "boxes", "diagonals", "cages", "allowed"}:
        raise ValueError(f"no board {name[:40]!r} with rules {sorted(map(str, said))[:5]}")
    side = whole(int(match[1]), sudoku.SIDES[0], sudoku.SIDES[-1])
    box = re.fullmatch(r"(\d{1,2})x(\d{1,2})", str(said["boxes"]), re.ASCII) if "boxes" in said else None
    if "regions" in said:
        regions = sudoku_variants.numbered(tuple(said["regions"]))
    elif box:
        regions = sudoku_variants.boxes(side, int(box[1]), int(box[2]))
    else:
        regions = sudoku_variants.plain(side).regions
    n = side * side
    cages = tuple(
        (whole(sum_, 1, 10**6), tuple(whole(c, 0, n - 1) for c in cells)) for sum_, cells in said.get("cages", ())
    )
    allowed = {
        whole(int(cell), 0, n - 1): sorted({whole(v, 1, side) for v in values})
        for cell, values in said.get("allowed", {}).items()
    }
    marks = tuple((cell, tuple(values)) for cell, values in sorted(allowed.items()))
    return Variant(side, regions, bool(said.get("diagonals")), cages, marks)


def _cells(said: object, problem: Problem) -> np.ndarray:
    """Cell values from a line of symbols or a list; checked by Instance for size and range."""
    if isinstance(said, str):
        text = said.strip().upper().replace("0", ".")
        if problem.d >= len(sudoku.SYMBOLS) or any(symbol not in sudoku.SYMBOLS for symbol in text):
            raise ValueError("cells hold a symbol that stands for no value")
        values = [sudoku.SYMBOLS.index(symbol) for symbol in text]
    elif isinstance(said, list) and len(said) == problem.n:
        values = wholes(said, 0, problem.d)
    elif isinstance(said, list):
        values = said
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
    if text.count("\n") > MOST_LINES:
        raise BadInput(f"{where}: more than {MOST_LINES} lines; split it into several files")
    made = []
    for line, spot in lines(text, where):
        made.append(from_record(decode(line, spot), spot))
    return made


def write_parquet(instances: Iterable[Instance], about: dict[str, str] | None = None) -> bytes:
    """Instances as a Parquet file, one row each; `about` becomes the file's metadata."""
    rows = []
    for instance in instances:
        record = to_record(instance)
        record |= {"givens": instance.givens.tolist()}
        record |= {"witness": None if instance.witness is None else instance.witness.tolist()}
        record |= {"edges": [end for edge in record.get("edges", ()) for end in edge]}
        record |= record.pop("difficulty") or {}
        if "rules" in record:
            record["rules"] = encode(record["rules"])
        rows.append(record)
    schema = PARQUET
    if any("names" in row for row in rows):  # a column that files of puzzles without names do not have
        schema = schema.append(pyarrow.field("names", pyarrow.list_(pyarrow.string())))
    if any("rules" in row for row in rows):  # nor this one, where all boards have the plain rules
        schema = schema.append(pyarrow.field("rules", pyarrow.string()))
    return to_parquet(rows, schema.with_metadata(about))


def read_parquet(data: bytes, where: str = "instances", count: int | None = None) -> list[Instance]:
    """The inverse of write_parquet; only its first `count` instances, if that is given. Raises BadInput, naming
    `where`, for anything else.
    """
    made = []
    rows = from_parquet(data, where, MOST_INSTANCES if count is None else None)
    for number, row in enumerate(itertools.islice(rows, count), 1):
        spot = f"{where}, row {number}"
        need = {name: row.pop(name, None) for name in DIFFICULTY}
        ends = [] if row.get("edges") is None else row["edges"]
        if not isinstance(ends, list) or len(ends) % 2:
            raise BadInput(f"{spot}: edges are a list of nodes, both ends of each edge in turn, not {shown(ends)}")
        colouring.check_listed(len(ends) // 2, f"{spot}: ")
        row["edges"] = list(zip(ends[::2], ends[1::2]))
        row["difficulty"] = None if need["guesses"] is None else need
        made.append(from_record(row, spot))
    return made
