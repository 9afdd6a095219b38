"""What a model is asked: a plain text file a style, filled with the puzzle's own words.

    >>> print(prompt(puzzle, template("steps")))

The files are in experiments/ask/prompts/. In one of your own (`takeback ask --prompt FILE`) stand these words, of which
$puzzle is needed; $$ is a dollar sign:

    $rules    what is to be filled, and which values must differ
    $puzzle   the grid, or the graph's edges
    $move     a move as the reader takes it, "r2c3 = 1" or "node 2 = 1"
    $undo     a take-back likewise
    $answer   how the finished puzzle is to be written
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from string import Template

from csp.errors import BadInput
from csp.families import colouring, sudoku, sudoku_variants
from csp.io.files import read_text
from csp.io.instance_records import is_board
from csp.problem import Instance
from experiments.scoring.transcripts.statements import COLOURS

STYLES = ("steps", "answer", "free")
FOLDER = Path(__file__).parent / "prompts"
WORDS = ("rules", "puzzle", "move", "undo", "answer")
#: Names of nodes that the reader of transcripts cannot take for anything else (one letter may be a colour).
_NAME = re.compile(r"(?!(?:node|vertex|region|v|n)[\s_#]{0,3}\d)[A-Za-z][A-Za-z0-9_'-]+")


def template(style: str, own: Path | None = None) -> str:
    """The text of a style, or of a file of one's own. Raises BadInput for one that cannot be filled."""
    path = own or FOLDER / f"{style}.txt"
    text = read_text(path)
    made = Template(text)
    if not made.is_valid():
        raise BadInput(f"{path}: a $ that begins no word; write $$ for a dollar sign")
    names = made.get_identifiers()
    if strange := [name for name in names if name not in WORDS]:
        raise BadInput(f"{path}: no word ${strange[0]}; there are {', '.join(f'${word}' for word in WORDS)}")
    if "puzzle" not in names:
        raise BadInput(f"{path}: it does not say where the $puzzle goes")
    return text


def prompt(instance: Instance, text: str) -> str:
    """The template filled for a puzzle. Raises BadInput for a puzzle that is neither a board nor a graph."""
    return Template(text).substitute(words(instance)).strip()


def words(instance: Instance) -> dict[str, str]:
    """What each of WORDS stands for. Raises BadInput for a puzzle that is neither a board nor a graph."""
    if is_board(instance.problem):
        return _board(instance)
    if colouring.is_graph(instance.problem):
        return _graph(instance)
    raise BadInput(
        f"{instance.provenance}: {instance.problem.name} is neither a board nor a graph; it is not asked about"
    )


def counts_from(instance: Instance) -> int:
    """What rows, columns and nodes count from in a prompt: 1 on a board, 0 in a graph."""
    return int(is_board(instance.problem))


def readable(instance: Instance) -> Instance:
    """The puzzle without its nodes' names if a reader could take one of them for a number, a colour or a word.

    Its id is the same: names are no part of it.
    """
    names = getattr(instance.problem, "names", ())
    if all(_NAME.fullmatch(name) and name.lower() not in COLOURS for name in names):
        return instance
    return replace(instance, problem=replace(instance.problem, names=()))


def _board(instance: Instance) -> dict[str, str]:
    """Rows and columns count from 1."""
    side = instance.problem.d
    values = " ".join(sudoku.SYMBOLS[1 : side + 1])
    variant = sudoku_variants.variant_of(instance.problem)
    units, more = ["row", "column"], []
    if variant is not None and variant.shape is not None:
        units.append("box of {} rows and {} columns".format(*variant.shape))
    elif variant is not None:
        units.append("region")
        letters = [chr(ord("A") + region) for region in variant.regions]
        more.append("The regions, a letter each:\n" + _rows(letters, side))
    if variant is not None and variant.diagonals:
        units.append("long diagonal")
    for total, cells in variant.cages if variant else ():
        more.append(f"{', '.join(_cell(cell, side) for cell in cells)} differ and sum to {total}.")
    for cell, allowed in variant.allowed if variant else ():
        more.append(f"{_cell(cell, side)} is one of {' '.join(sudoku.SYMBOLS[value] for value in allowed)}.")
    listed = ", every ".join(units[:-1]) + f" and every {units[-1]}"
    rules = [
        f"Fill the blank cells of this {side}x{side} grid so that every {listed} holds each of {values} once.",
        "A blank cell is _; the other cells stay as they are.",
        "Rows count from 1 at the top, columns from 1 at the left: r2c1 is row 2, column 1.",
    ]
    return {
        "rules": "\n".join([" ".join(rules), *more]),
        "puzzle": _rows([sudoku.SYMBOLS[value] if value else "_" for value in instance.givens], side),
        "move": "r2c1 = 1",
        "undo": "undo r2c1",
        "answer": f"{side} lines, a line a row, values separated by spaces.",
    }


def _rows(symbols: list[str], side: int) -> str:
    return "\n".join(" ".join(symbols[start : start + side]) for start in range(0, side * side, side))


def _cell(cell: int, side: int) -> str:
    return f"r{cell // side + 1}c{cell % side + 1}"


def _graph(instance: Instance) -> dict[str, str]:
    """Nodes by name, or counted from 0; colours from 1."""
    problem = instance.problem
    names = getattr(problem, "names", ())
    called = names or [f"node {node}" for node in range(problem.n)]
    joined = defaultdict[int, list[int]](list)
    for a, b in colouring.edges(problem):
        joined[a].append(b)
    plain = names or [str(node) for node in range(problem.n)]
    edges = [f"{plain[a]} - {', '.join(plain[b] for b in joined[a])}" for a in sorted(joined)]
    given = [f"{called[node]} = {value}" for node, value in enumerate(instance.givens.tolist()) if value]
    nodes = f"the {problem.n} nodes {', '.join(names)}" if names else f"the nodes 0 to {problem.n - 1}"
    rules = f"Give each of {nodes} of this graph one of the colours 1 to {problem.d} so that joined nodes differ."
    example = called[min(2, problem.n - 1)]
    parts = ["Each line names a node and nodes that it is joined to:", *edges]
    parts += [f"Given, and not to be changed: {'; '.join(given)}."] if given else []
    return {
        "rules": rules,
        "puzzle": "\n".join(parts) if edges or given else "It has no edges.",
        "move": f"{example} = 1",
        "undo": f"undo {example}",
        "answer": f"a line a node, like {called[0]} = 1, all {problem.n} of them.",
    }
