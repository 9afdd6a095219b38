"""Instances drawn from seeds, with certified search need, split by symmetry orbit.

    >>> draw("sudoku6", seed=0, split="test", index=0).difficulty
    Difficulty(guesses=..., solutions=1, ...)

An item's randomness is a hash of (family, seed, split, index), so no two seeds share items. Its split is a
hash of its orbit key: candidates of another split are thrown away and drawn again, so that no puzzle that
was trained on, nor a relabelled or turned copy of one, is ever in the test split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pynauty
from jaxtyping import Int

from csp import specs
from csp.difficulty import reference_search
from csp.errors import BadInput
from csp.families import random_graphs
from csp.families.base import Family
from csp.families.latin import Latin
from csp.families.sudoku import Grid, Sudoku
from csp.families.x_sudoku import XSudoku
from csp.problem import Instance
from csp.seeds import key, stream
from csp.specs import Span

TRIES = 2_000  # candidates for one item: of a large family a tenth fit the smallest split
SHARES = {"train": range(0, 80), "validation": range(80, 90), "test": range(90, 100)}  # of 100 orbit buckets
ANY = "any"  # not a split: items of every orbit

#: name: the family with its default words; "name:word=value,..." changes them.
FAMILIES: dict[str, Family] = {
    **{f"sudoku{side}": Sudoku(side) for side in (4, 6, 9, 16)},
    **{f"grid{side}": Grid(side) for side in (4, 6)},
    "xsudoku6": XSudoku(6),
    "latin": Latin(),
    "colouring": random_graphs.Planted(n=Span(20, 50), degree=4.7),
    "graph20": random_graphs.Planted(n=Span(20, 20), colours=6, degree=4.0),
    "gnp": random_graphs.Gnp(),
    "planted": random_graphs.Planted(),
    "flat": random_graphs.Flat(),
    "regular": random_graphs.Regular(),
    "mycielski": random_graphs.Mycielski(),
    "queen": random_graphs.Queen(),
}

#: Decides whether an instance has a solution where the reference search gave up: a solution, or None if there is none.
Settle = Callable[[Instance], Int[np.ndarray, " n"] | None]


def family(name: str) -> Family:
    """The family of that name or spelling. Raises BadInput, naming what is wrong."""
    fixed = getattr(FAMILIES.get(name.partition(":")[0]), "fixed", ())
    return specs.parse(name, FAMILIES, "family", fixed)


def spelling(name: str) -> str:
    """The family's canonical spelling, so that the same family has the same items however it was spelled."""
    bare = name.partition(":")[0]
    return specs.format(bare, family(name), FAMILIES[bare])


def orbit_key(instance: Instance) -> str:
    """A text equal for two puzzles exactly if relabelling values and moving cells turns one into the other.

    The puzzle becomes a coloured graph (cells joined as they are related, each given joined to its value's
    vertex), and nauty (McKay and Piperno 2014) names its isomorphism class. For Sudoku the moves that keep
    the relations are the geometric symmetries; for a graph they are the renumberings of its nodes. Raises BadInput for
    constraints that are not pairwise.
    """
    problem, n = instance.problem, instance.problem.n
    if not problem.pairwise:
        raise BadInput(f"{instance.provenance}: orbits are known for pairwise constraints only")

    # vertices 0..n - 1 are the cells, n..n + d - 1 the values, in a colour of their own so that neither becomes the
    # other; values have no edges but to givens, so any relabelling of values is an isomorphism
    joined = {cell: np.nonzero(problem.adjacency[cell])[0].tolist() for cell in range(n)}
    for cell in np.nonzero(instance.givens)[0]:
        joined[int(cell)].append(n + int(instance.givens[cell]) - 1)
    graph = pynauty.Graph(
        n + problem.d, adjacency_dict=joined, vertex_coloring=[set(range(n)), set(range(n, n + problem.d))]
    )

    # a certificate holds edges alone: the sizes, which tell puzzles apart too, go into the hash beside it
    header = f"{n},{problem.d},{instance.blanks};".encode()
    return hashlib.sha256(header + pynauty.certificate(graph)).hexdigest()[:24]


def split_of(orbit: str) -> str:
    """The split that an orbit belongs to."""
    bucket = key("split", orbit) % 100
    return next(name for name, share in SHARES.items() if bucket in share)


def draw(name: str, seed: int, split: str, index: int, settle: Settle | None = None) -> Instance:
    """Item `index` of a family's split: the same for the same arguments, on any machine.

    settle: asked where the reference search gives up on whether a candidate has a solution; without it such a
    candidate raises BadInput. Raises BadInput too for an unknown family or split, or if TRIES candidates in a row
    belong to other splits (4x4 boards have so few orbits that a split can be empty) or are not what was asked for.
    """
    if split not in SHARES and split != ANY:
        raise BadInput(f"no split {split!r}; there are {', '.join(SHARES)}")

    # the canonical spelling names the stream, so that two spellings of a family draw the same items
    source = family(name)
    name = spelling(name)
    rng = stream("instance", name, seed, split, index)

    # the split is asked before the certificate, which costs a search
    candidate = None
    for _ in range(TRIES):
        candidate = source.propose(rng) if candidate is None else source.again(candidate, rng)
        if candidate is None or (split != ANY and split_of(orbit_key(candidate)) != split):
            continue
        instance = certified(candidate, settle)
        if source.accepts(instance.difficulty):
            return replace(instance, provenance=f"{name} seed {seed} {split} {index}")
    raise BadInput(f"{name}: no {split} puzzle among {TRIES} candidates; this family may have none")


def certified(
    instance: Instance, settle: Settle | None = None, limit: int = 2, budget: int = reference_search.BUDGET
) -> Instance:
    """The instance with its difficulty, and a witness if it has a solution (checked by the checker).

    limit: solutions are counted up to it. budget: guesses after which the reference search gives up. settle: see draw;
    without it, raises BadInput where that search gives up before it meets a solution.
    """
    difficulty, met = reference_search.graded(instance.problem, instance.givens, limit, budget)
    witness = met if instance.witness is None else instance.witness

    # the search gave up before it met a solution: somebody must say whether there is one, or the stratum is unknown
    if witness is None and difficulty.solutions is None:
        if settle is None:
            raise BadInput(f"{instance.provenance}: the reference search gave up; a solver is needed to settle it")
        witness = settle(instance)
        difficulty = replace(difficulty, solutions=None if witness is not None else 0)

    # no instance leaves with a certificate that contradicts its witness, whoever found either
    if (witness is None) != (difficulty.solutions == 0) or not (witness is None or instance.solved(witness)):
        raise AssertionError(f"the checker found a witness wrong: {instance.provenance}")
    return replace(instance, difficulty=difficulty, witness=witness)
