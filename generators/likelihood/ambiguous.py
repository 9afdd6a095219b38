"""Puzzles with few blank cells whose values can be exchanged, so that what one cell holds depends on the next.

    >>> with_blank(puzzle, k=6).blanks
    6

The last cells of a puzzle with one solution follow from the others, and a network is sure of them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from csp.errors import BadInput
from csp.problem import Instance
from csp.seeds import stream
from generators.models.exact import solutions

TRIED = 300  # choices of cells


def with_blank(puzzle: Instance, k: int, tries: int = TRIED) -> Instance:
    """The puzzle with its witness filled in, but for k cells: of so many choices of k cells that hold as few different
    values as possible, the one that leaves the most solutions. Raises BadInput for more cells than there are.
    """
    if not 0 < k <= puzzle.problem.n:
        raise BadInput(f"{puzzle.provenance}: {k} of its {puzzle.problem.n} cells cannot be blank")
    rng = stream("left blank", puzzle.id, k)
    best, most = puzzle, 0
    for _ in range(tries):
        # Cells of one value after another, in a random sequence of values, in a random one within each.
        rank = rng.permutation(puzzle.problem.d + 1)[puzzle.witness] + rng.random(puzzle.problem.n)
        givens = np.where(np.argsort(np.argsort(rank)) < k, 0, puzzle.witness)
        tried = replace(puzzle, givens=givens, difficulty=None)
        if (count := len(solutions(tried))) > most:
            best, most = tried, count
    return best
