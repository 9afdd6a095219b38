"""The reference search: the fixed, documented search whose guesses define an instance's difficulty.

Rules, for problems of pairwise constraints, and of candidates that single cells are left (csp.global_constraints,
Allowed; those are where its domains begin, and tell values apart, so that no two are interchangeable):
  1. propagate to a fixpoint: naked singles (a cell with one value left takes it, and its neighbours lose
     it) and hidden singles (in a scope of d cells that must all differ, a value with one place left takes it);
  2. branch on the blank cell with fewest values left (lowest index among equals), values in rising order;
     values that stand nowhere yet are interchangeable, so only the lowest of them is tried;
  3. stop when exhausted or at a second solution. Every value tried at a branching is one guess, unless all
     the cell's values are interchangeable: then the one that is tried stands for them all.

`count` and `complete` search without the interchange rule, so that they count solutions plainly.
The inner loops are compiled (csp/difficulty/kernels.py); the tests compare them with brute force and CP-SAT.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Int

from csp.difficulty import kernels
from csp.errors import BadInput
from csp.problem import LEVELS, Difficulty, Problem

BUDGET = 200_000  # values tried at branchings after which a search is given up
THIN_BUDGET = 1_000  # the same, for one clue's removal: 6x6 and 9x9 stay far below, 16x16 does not always
MOST_VALUES = 60  # a domain is the bits of one int64, with room for the shifts


class SearchGivenUp(RuntimeError):
    """The reference search went over its budget: neither yes nor no."""


@lru_cache(maxsize=64)
def compiled(problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(starts (n + 1,), neighbours (edges,), covers (scopes, d)) of a problem as the kernels want them.

    Raises BadInput for rules that are neither pairwise nor lists of candidates, or more than MOST_VALUES values.
    """
    if not problem.searchable:
        raise BadInput(f"{problem.name}: the reference search knows pairwise constraints only")
    return pairs(problem)


@lru_cache(maxsize=64)
def pairs(problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(starts, neighbours, covers) of a problem's pairwise rules, whatever others it has. Raises BadInput for too many
    values.
    """
    if problem.d > MOST_VALUES:
        raise BadInput(f"{problem.name}: {problem.d} values; the reference search takes up to {MOST_VALUES}")

    # adjacency as compressed rows: cell i's neighbours are neighbours[starts[i]:starts[i + 1]]
    rows, neighbours = np.nonzero(problem.adjacency)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=problem.n))])
    covers = np.array(problem.covers, dtype=np.int64).reshape(-1, problem.d)
    return starts.astype(np.int64), neighbours.astype(np.int64), covers


@lru_cache(maxsize=64)
def _rising(problem: Problem) -> np.ndarray:
    """Every cell's values in rising order, from 0: (n, d)."""
    return np.tile(np.arange(problem.d, dtype=np.int64), (problem.n, 1))


def _domains(problem: Problem, givens: np.ndarray) -> np.ndarray:
    """(n,): bit v - 1 set while value v is left; a given's one bit, a blank's all that its candidates allow."""
    domains = np.where(givens > 0, 1 << np.maximum(givens - 1, 0), (1 << problem.d) - 1).astype(np.int64)
    return domains if problem.pairwise else domains & (problem.candidates @ (1 << np.arange(problem.d)))


def _search(problem, givens, limit, interchange, budget, order=None):
    """(found, guesses, pruned, over budget, last solution) of one search. See kernels.search."""
    solution = np.zeros(problem.n, dtype=np.int64)
    arrays = compiled(problem)  # refuses what the kernels cannot hold, before tables of n x d are made
    order = _rising(problem) if order is None else np.ascontiguousarray(order, dtype=np.int64)
    domains = _domains(problem, givens)
    interchange = interchange and problem.pairwise  # lists of candidates tell values apart
    outcome = kernels.search(domains, *arrays, problem.d, order, limit, interchange, budget, solution)
    return *outcome, solution


def grade(problem: Problem, givens: Int[np.ndarray, " n"], limit: int = 2, budget: int = BUDGET) -> Difficulty:
    """Certified search need of a puzzle (see the module's text), solutions counted up to `limit`.

    Over budget, guesses is a lower bound (given_up is set) and solutions None; so it is if only the count was.
    """
    return graded(problem, givens, limit, budget)[0]


def graded(
    problem: Problem, givens: Int[np.ndarray, " n"], limit: int = 2, budget: int = BUDGET
) -> tuple[Difficulty, Int[np.ndarray, " n"] | None]:
    """As grade, and a solution if one was met on the way.

    Guesses are always of the search for a second solution, so that they do not depend on `limit`.
    """
    found, guesses, pruned, over, solution = _search(problem, givens, 2, True, budget)
    witness = solution if found else None
    solutions: int | None = min(int(found), limit)

    # that search stops at two solutions, and one of them stands for all its relabellings by values that stand nowhere:
    # where either may hide solutions, count again, plainly
    if over:
        solutions = None
    elif found and (pruned or (found == 2 and limit > 2)):
        plain, _, _, uncounted, _ = _search(problem, givens, limit, False, budget)
        solutions = None if uncounted else int(plain)
    return Difficulty(int(guesses), solutions, limit, level(problem, givens), bool(over)), witness


def level(problem: Problem, givens: Int[np.ndarray, " n"]) -> str:
    """The weakest of LEVELS that fills every blank cell, or shows a contradiction, without a guess."""
    arrays = compiled(problem)
    for strength, name in enumerate(LEVELS[:-1]):
        if kernels.settle(_domains(problem, givens), *arrays, problem.d, strength):
            return name
    return LEVELS[-1]


def count(problem: Problem, givens: Int[np.ndarray, " n"], limit: int = 2, budget: int = BUDGET) -> int:
    """How many solutions extend the givens, exact up to `limit`. Raises SearchGivenUp over budget."""
    found, _, _, over, _ = _search(problem, givens, limit, False, budget)
    if over:
        raise SearchGivenUp(f"{problem.name}: no count within {budget} guesses")
    return int(found)


def complete(
    problem: Problem,
    givens: Int[np.ndarray, " n"],
    rng: np.random.Generator | None = None,
    budget: int = BUDGET,
) -> Int[np.ndarray, " n"] | None:
    """The first solution that extends the givens, values tried in rising order, or shuffled by rng; None if none.

    Raises SearchGivenUp over budget.
    """
    order = rng.permuted(np.tile(np.arange(problem.d), (problem.n, 1)), axis=1) if rng is not None else None
    found, _, _, over, solution = _search(problem, givens, 1, False, budget, order)
    if over:
        raise SearchGivenUp(f"{problem.name}: no solution within {budget} guesses")
    return solution if found else None


def thin(
    problem: Problem, givens: Int[np.ndarray, " n"], cells: Int[np.ndarray, " some"], most: int | None = None
) -> Int[np.ndarray, " n"]:
    """The givens of a puzzle with one solution, less those of `cells`, in sequence, that it can spare.

    At most `most` cells are blank in the end. Without it and with every given among `cells`, none can be spared in
    the end (unless some removal was not settled within THIN_BUDGET).
    """
    thinned = givens.astype(np.int64)
    kernels.thin(
        thinned, cells.astype(np.int64), *compiled(problem), problem.d, _rising(problem),
        problem.n if most is None else most, THIN_BUDGET,
    )  # fmt: skip
    return thinned
