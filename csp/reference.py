"""The reference search: the fixed, documented search whose guesses define an instance's difficulty.

Rules, for problems of pairwise constraints:
  1. propagate to a fixpoint: naked singles (a cell with one value left takes it, and its neighbours lose
     it) and hidden singles (in a scope of d cells that must all differ, a value with one place left takes it);
  2. branch on the blank cell with fewest values left (lowest index among equals), values in rising order;
     values that stand nowhere yet are interchangeable, so only the lowest of them is tried;
  3. stop when exhausted or at a second solution. Every value tried at a branching is one guess.

`count` and `complete` share the kernel without the interchange rule, so that they count solutions plainly.
Compiled by numba; the tests compare it with brute force and CP-SAT.
"""

from __future__ import annotations

from functools import lru_cache
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Int

from csp.errors import BadInput
from csp.problem import Difficulty, Problem

BUDGET = 200_000  # guesses after which a search is given up


class SearchGivenUp(RuntimeError):
    """The reference search went over its budget of guesses: neither yes nor no."""


@numba.njit(cache=True)
@no_type_check
def _propagate(domains, fixed, starts, neighbours, covers, full):
    """Naked and hidden singles to a fixpoint, in place; False at a contradiction."""
    changed = True
    while changed:
        changed = False
        for cell in range(len(domains)):
            bits = domains[cell]
            if bits == 0:
                return False
            if not fixed[cell] and bits & (bits - 1) == 0:
                fixed[cell] = True
                for place in range(starts[cell], starts[cell + 1]):
                    other = neighbours[place]
                    if domains[other] & bits:
                        domains[other] &= ~bits
                        if domains[other] == 0:
                            return False
                        changed = True
        if changed:
            continue
        for group in range(covers.shape[0]):
            once, twice = 0, 0
            for cell in covers[group]:
                twice |= once & domains[cell]
                once |= domains[cell]
            if once != full:
                return False
            single = once & ~twice
            for cell in covers[group]:
                only = domains[cell] & single
                if only and only != domains[cell]:
                    if only & (only - 1):
                        return False
                    domains[cell] = only
                    changed = True
    return True


@numba.njit(cache=True)
@no_type_check
def _search(domains, starts, neighbours, covers, d, order, limit, interchange, budget, solution):
    """Depth-first search; returns (solutions found up to limit, guesses; -1 guesses if over budget)."""
    n = len(domains)
    full = (1 << d) - 1
    depth, found, guesses = 0, 0, 0
    stack = np.zeros((n + 1, n), dtype=np.int64)
    done = np.zeros((n + 1, n), dtype=np.bool_)
    cells = np.zeros(n + 1, dtype=np.int64)
    nexts = np.zeros(n + 1, dtype=np.int64)  # next place in `order` to try at this depth
    stack[0] = domains
    fresh = True  # the state at `depth` has just been made and is not propagated yet
    while depth >= 0:
        if fresh:
            fresh = False
            if not _propagate(stack[depth], done[depth], starts, neighbours, covers, full):
                depth -= 1
                continue
            best, fewest = -1, d + 1
            for cell in range(n):
                if not done[depth, cell]:
                    size, bits = 0, stack[depth, cell]
                    while bits:
                        bits &= bits - 1
                        size += 1
                    if size < fewest:
                        best, fewest = cell, size
            if best < 0:
                for cell in range(n):
                    value, bits = 0, stack[depth, cell]
                    while bits:
                        bits >>= 1
                        value += 1
                    solution[cell] = value
                found += 1
                if found >= limit:
                    return found, guesses
                depth -= 1
                continue
            cells[depth] = best
            nexts[depth] = 0
        cell = cells[depth]
        used = 0
        if interchange:
            for other in range(n):
                if done[depth, other]:
                    used |= stack[depth, other]
        bit, seen_new = 0, False
        for earlier in range(nexts[depth]):
            tried = 1 << order[cell, earlier]
            if stack[depth, cell] & tried and not used & tried:
                seen_new = True
        while nexts[depth] < d:
            candidate = 1 << order[cell, nexts[depth]]
            nexts[depth] += 1
            if stack[depth, cell] & candidate:
                if interchange and seen_new and not used & candidate:
                    continue
                bit = candidate
                break
        if bit == 0:
            depth -= 1
            continue
        guesses += 1
        if guesses > budget:
            return found, -1
        stack[depth + 1] = stack[depth]
        done[depth + 1] = done[depth]
        stack[depth + 1, cell] = bit
        depth += 1
        fresh = True
    return found, guesses


@lru_cache(maxsize=64)
def _compiled(problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(starts, neighbours, covers) of a problem as the kernel wants them."""
    if not all(rule.pairwise for rule in problem.constraints):
        raise BadInput(f"{problem.name}: the reference search knows pairwise constraints only")
    if problem.d > 60:
        raise BadInput(f"{problem.name}: {problem.d} values; the reference search takes up to 60")
    rows, neighbours = np.nonzero(problem.adjacency)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=problem.n))])
    covers = np.array(problem.covers, dtype=np.int64).reshape(-1, problem.d)
    return starts.astype(np.int64), neighbours.astype(np.int64), covers


def _run(problem, givens, order, limit, interchange, budget):
    """(solutions found, guesses, last solution) of one search; None if it went over budget."""
    starts, neighbours, covers = _compiled(problem)
    full = (1 << problem.d) - 1
    domains = np.where(givens > 0, 1 << np.maximum(givens - 1, 0), full).astype(np.int64)
    if order is None:
        order = np.broadcast_to(np.arange(problem.d), (problem.n, problem.d))
    order = np.ascontiguousarray(order, dtype=np.int64)
    solution = np.zeros(problem.n, dtype=np.int64)
    found, guesses = _search(
        domains, starts, neighbours, covers, problem.d, order, limit, interchange, budget, solution
    )
    return None if guesses < 0 else (int(found), int(guesses), solution)


def grade(problem: Problem, givens: Int[np.ndarray, " n"], budget: int = BUDGET) -> Difficulty | None:
    """Certified search need of a puzzle (see the module's text); None if not certified within `budget` guesses."""
    need = _run(problem, givens, None, 2, True, budget)
    solutions = _run(problem, givens, None, 2, False, budget)
    return Difficulty(need[1], solutions[0]) if need and solutions else None


def count(problem: Problem, givens: Int[np.ndarray, " n"], limit: int = 2, budget: int = BUDGET) -> int:
    """How many solutions extend the givens, exact up to `limit`. Raises SearchGivenUp after `budget` guesses."""
    result = _run(problem, givens, None, limit, False, budget)
    if result is None:
        raise SearchGivenUp(f"{problem.name}: no count within {budget} guesses")
    return result[0]


def complete(
    problem: Problem,
    givens: Int[np.ndarray, " n"],
    rng: np.random.Generator | None = None,
    budget: int = BUDGET,
) -> Int[np.ndarray, " n"] | None:
    """The first solution that extends the givens, values tried in rising order, or shuffled by rng; None if none.

    Raises SearchGivenUp after `budget` guesses.
    """
    order = rng.permuted(np.tile(np.arange(problem.d), (problem.n, 1)), axis=1) if rng is not None else None
    result = _run(problem, givens, order, 1, False, budget)
    if result is None:
        raise SearchGivenUp(f"{problem.name}: no solution within {budget} guesses")
    return result[2] if result[0] else None
