"""Instances drawn from seeds, with certified search need, split by symmetry orbit.

    >>> draw("sudoku6", seed=0, split="test", index=0).difficulty
    Difficulty(guesses=..., solutions=1)

An item's randomness is a hash of (family, seed, split, index), so no two seeds share items. Its split is a
hash of its orbit key: candidates of another split are thrown away and drawn again, so that no puzzle that
was trained on, nor a relabelled or turned copy of one, is ever in the test split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pynauty

from csp import colouring, reference, sudoku
from csp.errors import BadInput
from csp.problem import Instance
from csp.seeds import key, stream

TRIES = 2_000  # candidates for one item
SHARES = {"train": range(0, 80), "validation": range(80, 90), "test": range(90, 100)}  # of 100 orbit buckets


#: (rng, number of cells) to a random symmetry (cells, relabel): relabel[assignment[cells]] obeys the moved rules.
Symmetry = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Family:
    """A puzzle family: `propose(rng)` gives one candidate, with a known solution and not graded yet."""

    name: str
    propose: Callable[[np.random.Generator], Instance]
    symmetry: Symmetry
    about: str


def unique_sudoku(side: int) -> Callable[[np.random.Generator], Instance]:
    """Candidates with one solution and no clue to spare: a random grid, clues removed in random order."""

    def propose(rng: np.random.Generator) -> Instance:
        problem = sudoku.board(side)
        grid = reference.complete(problem, np.zeros(problem.n, dtype=np.int64), rng)
        cells, relabel = sudoku.symmetry(rng, side)
        grid = relabel[grid[cells]]
        givens = grid.copy()
        for cell in rng.permutation(problem.n):
            kept = givens[cell]
            givens[cell] = 0
            if reference.count(problem, givens) > 1:
                givens[cell] = kept
        return Instance(problem, givens, f"sudoku{side}", "proposed", witness=grid)

    return propose


def planted_colouring(colours: int, nodes: tuple[int, int], degree: float) -> Callable[[np.random.Generator], Instance]:
    """Candidates with a hidden colouring, between nodes[0] and nodes[1] nodes, at a mean degree."""

    def propose(rng: np.random.Generator) -> Instance:
        n = int(rng.integers(nodes[0], nodes[1] + 1))
        problem, hidden = colouring.planted(rng, n, colours, degree)
        blank = np.zeros(n, dtype=np.int64)
        return Instance(problem, blank, "colouring", "proposed", witness=hidden)

    return propose


def sudoku_symmetry(side: int) -> Symmetry:
    """Geometric symmetries and relabellings of a board."""
    return lambda rng, cells: sudoku.symmetry(rng, side)


def colouring_symmetry(colours: int) -> Symmetry:
    """Renumberings of the nodes and permutations of the colours."""
    return lambda rng, cells: (rng.permutation(cells), np.concatenate([[0], 1 + rng.permutation(colours)]))


FAMILIES = {
    family.name: family
    for family in (
        Family("sudoku4", unique_sudoku(4), sudoku_symmetry(4), "4x4 Sudoku, one solution, no clue to spare"),
        Family("sudoku6", unique_sudoku(6), sudoku_symmetry(6), "6x6 Sudoku, one solution, no clue to spare"),
        Family("sudoku9", unique_sudoku(9), sudoku_symmetry(9), "9x9 Sudoku, one solution, no clue to spare"),
        Family(
            "colouring",
            planted_colouring(3, (20, 50), 4.7),
            colouring_symmetry(3),
            "planted 3-colouring, 20 to 50 nodes, mean degree 4.7 (near the threshold)",
        ),
    )
}


def family(name: str) -> Family:
    """The family of that name. Raises BadInput if there is none."""
    if name not in FAMILIES:
        raise BadInput(f"no family {name!r}; there are {', '.join(FAMILIES)}")
    return FAMILIES[name]


def orbit_key(instance: Instance) -> str:
    """A text equal for two puzzles exactly if relabelling values and moving cells turns one into the other.

    The puzzle becomes a coloured graph (cells joined as they are related, each given joined to its value's
    vertex), and nauty (McKay and Piperno 2014) names its isomorphism class. For Sudoku the moves that keep
    the relations are the geometric symmetries; for a graph they are the renumberings of its nodes.
    """
    problem, n = instance.problem, instance.problem.n
    joined = {cell: np.nonzero(problem.adjacency[cell])[0].tolist() for cell in range(n)}
    for cell in np.nonzero(instance.givens)[0]:
        joined[int(cell)].append(n + int(instance.givens[cell]) - 1)
    graph = pynauty.Graph(
        n + problem.d, adjacency_dict=joined, vertex_coloring=[set(range(n)), set(range(n, n + problem.d))]
    )
    header = f"{n},{problem.d},{instance.blanks};".encode()
    return hashlib.sha256(header + pynauty.certificate(graph)).hexdigest()[:24]


def split_of(orbit: str) -> str:
    """The split that an orbit belongs to."""
    bucket = key("split", orbit) % 100
    return next(name for name, share in SHARES.items() if bucket in share)


def draw(name: str, seed: int, split: str, index: int) -> Instance:
    """Item `index` of a family's split: the same for the same arguments, on any machine.

    Raises BadInput for an unknown family or split, or if TRIES candidates in a row belong to other splits (4x4
    boards have so few orbits that a split can be empty).
    """
    if split not in SHARES:
        raise BadInput(f"no split {split!r}; there are {', '.join(SHARES)}")
    source = family(name)
    rng = stream("instance", name, seed, split, index)
    for _ in range(TRIES):
        instance = source.propose(rng)
        if split_of(orbit_key(instance)) != split:
            continue
        difficulty = reference.grade(instance.problem, instance.givens)
        if difficulty is None:  # its need cannot be certified: draw another
            continue
        where = f"{name} seed {seed} {split} {index}"
        return replace(instance, provenance=where, difficulty=difficulty)
    raise BadInput(f"{name}: no {split} puzzle among {TRIES} candidates; this family may have none")
