"""Puzzles and batches of them: as one word, which --replay reads, and drawn for people.

sudoku4:1.3.............                        a Sudoku, row by row
graph:3:2:0-1,1-2:1..                           3 nodes, 2 colours, edges, given colours
PUZZLE+PUZZLE@7@3@net:k=2                       a batch of puzzles, a seed, a number of steps, a decoder

>>> parse_instance(spell_instance(instance)).id == instance.id
True
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from jaxtyping import Int

from csp.errors import BadInput, shown
from csp.families import colouring, sudoku
from csp.io.board_text import grid
from csp.io.instance_records import is_board
from csp.problem import Instance
from experiments.conform.brute_force import extending, is_small
from generators.decoding.spec import Decoder
from generators.decoding.spec import parse as parse_decoder
from solvers.oracles.pick import pick

MOST_EDGES = 12  # of a graph that are named where it is drawn


@dataclass(frozen=True)
class Batch:
    """Puzzles of one number of values; a seed; for how many commits a model is asked; the decoder that fills them."""

    instances: tuple[Instance, ...]
    seed: int
    steps: int
    decoder: Decoder


def count_to_two(instance: Instance) -> int:
    """How many solutions there are: 0, 1 or 2 (several). By brute force where that goes, else by an oracle."""
    if is_small(instance.problem):
        return min(2, len(extending(instance.problem, instance.givens)))
    return pick(instance).count(2)


def kinds(instance: Instance) -> tuple[str, str]:
    """What an instance counts as where draws are counted: its family, and how many solutions it has."""
    return instance.family, ("no solution", "one solution", "several solutions")[count_to_two(instance)]


def spell_instance(instance: Instance) -> str:
    """A Sudoku or graph as one word."""
    cells = sudoku.write(instance.problem, instance.givens)
    if is_board(instance.problem):
        return f"sudoku{instance.problem.d}:{cells}"
    edges = ",".join(f"{a}-{b}" for a, b in colouring.edges(instance.problem))
    return f"graph:{instance.problem.n}:{instance.problem.d}:{edges}:{cells}"


def parse_instance(text: str) -> Instance:
    """The inverse of spell_instance. Raises BadInput for anything else; givens may contradict each other."""
    graph = re.fullmatch(r"graph:(\d{1,4}):(\d{1,2}):((?:\d+-\d+,?)*):([.\dA-P]*)", text, re.ASCII)
    board = re.fullmatch(r"sudoku(\d{1,2}):([.\dA-P]*)", text, re.ASCII)
    if graph:
        nodes, colours = int(graph[1]), int(graph[2])
        edges = [tuple(map(int, pair.split("-"))) for pair in graph[3].split(",") if pair]
        if any(not 0 <= a != b < nodes or a >= nodes for a, b in edges):
            raise BadInput(f"--replay {shown(text)}: an edge of other nodes than 0 to {nodes - 1}, or of one node")
        problem, family, cells = colouring.graph(nodes, edges, colours), "colouring", graph[4]
    elif board:
        problem, family, cells = sudoku.board(int(board[1])), f"sudoku{board[1]}", board[2]
    else:
        raise BadInput(f"--replay {shown(text)}: a case is written as in the report, like sudoku4:1.3.............")
    givens = np.array([sudoku.SYMBOLS.index(symbol) for symbol in cells.replace("0", ".")], dtype=np.int64)
    return Instance(problem, givens, family, "replayed")


def spell_batch(batch: Batch) -> str:
    """A batch as one word."""
    boards = "+".join(map(spell_instance, batch.instances))
    return f"{boards}@{batch.seed}@{batch.steps}@{batch.decoder}"


def parse_batch(text: str) -> Batch:
    """The inverse of spell_batch. Raises BadInput for anything else."""
    match = re.fullmatch(r"([^@]+)@(\d{1,18})@(\d{1,4})@(.+)", text, re.ASCII)
    if not match:
        raise BadInput(f"--replay {shown(text)}: a case is written as in the report, like sudoku4:1.3...@0@0@net")
    instances = tuple(map(parse_instance, match[1].split("+")))
    return Batch(instances, int(match[2]), int(match[3]), parse_decoder(match[4]))


def fault_of(instance: Instance, values: Int[np.ndarray, " n"]) -> str:
    """What is wrong with an answer, in a clause; "" if nothing is."""
    problem = instance.problem
    outside = np.nonzero((values < 1) | (values > problem.d))[0]
    if len(outside):
        return f"{cell_name(instance, int(outside[0]))} holds {values[outside[0]]}; values are 1 to {problem.d}"
    changed = np.nonzero((instance.givens > 0) & (values != instance.givens))[0]
    if len(changed):
        cell = int(changed[0])
        return f"{cell_name(instance, cell)} is given as {instance.givens[cell]} and answered as {values[cell]}"
    if is_board(problem):
        return sudoku.contradiction(problem, values)
    broken = np.nonzero(problem.violated(values))[0]
    return f"nodes {' and '.join(map(str, problem.constraints[broken[0]].scope))} are joined" if len(broken) else ""


def cell_name(instance: Instance, cell: int) -> str:
    """What people call a cell: r1c2, or node 5."""
    if is_board(instance.problem):
        return f"r{cell // instance.problem.d + 1}c{cell % instance.problem.d + 1}"
    return f"node {cell}"


def draw_boards(instance: Instance, boards: dict[str, np.ndarray]) -> str:
    """The puzzle and assignments of it side by side, under their names; graphs as their edges and colours."""
    if not is_board(instance.problem):
        return _draw_graph(instance, boards)
    columns = [[name, *grid(instance, values).splitlines()] for name, values in boards.items()]
    widths = [max(map(len, column)) for column in columns]
    lines = zip_longest(*columns, fillvalue="")
    return "\n".join("    ".join(f"{text:{wide}}" for text, wide in zip(line, widths)).rstrip() for line in lines)


def _draw_graph(instance: Instance, boards: dict[str, np.ndarray]) -> str:
    problem = instance.problem
    edges = [f"{a}-{b}" for a, b in colouring.edges(problem)]
    more = f" and {len(edges) - MOST_EDGES} more" if len(edges) > MOST_EDGES else ""
    lines = [f"{problem.name}; edges {', '.join(edges[:MOST_EDGES]) or 'none'}{more}"]
    for name, values in boards.items():
        lines.append(f"{name + ':':<9} {' '.join('.' if not value else str(value) for value in values)}")
    return "\n".join(lines)
