"""Certificates of puzzles that were read: a solution, the guesses a search needs, CP-SAT's effort."""

from __future__ import annotations

from dataclasses import replace

from csp.difficulty.reference_search import BUDGET
from csp.errors import BadInput
from csp.generate import certified
from csp.problem import Difficulty, Instance
from solvers.oracles.base import Undecided
from solvers.oracles.pick import settle

EFFORT = 10.0  # CP-SAT's deterministic time for one instance
COUNTING = 60.0  # the same, for solving and counting where the reference search knows not all rules


def with_effort(instance: Instance) -> Instance:
    """The graded instance with CP-SAT's conflicts and branches, None where it reached its limit."""
    from solvers.oracles.cp_sat import CpSat  # OR-Tools: a second that most commands do not need

    try:
        conflicts, branches = CpSat(instance, EFFORT).effort()
    except Undecided:
        return instance
    return replace(instance, difficulty=replace(instance.difficulty, conflicts=conflicts, branches=branches))


def graded(instance: Instance, limit: int = 2, budget: int = BUDGET) -> Instance:
    """The instance with its difficulty, solutions counted up to `limit`, and a witness if it has a solution.

    The reference search knows no sums: of a board with cages CP-SAT counts the solutions, and the search need is not
    known (no guess at least, given up). Raises Undecided where CP-SAT finds neither a solution nor that there is none.
    """
    if instance.problem.searchable:
        return certified(instance, settle, limit, budget)
    from solvers.oracles.cp_sat import CpSat

    oracle = CpSat(instance, COUNTING)
    witness = instance.witness if instance.witness is not None else oracle.solve()
    try:
        solutions = 0 if witness is None else oracle.count(limit)
    except Undecided:
        solutions = None
    assert witness is None or instance.solved(witness), "the checker found CP-SAT's solution wrong"
    return replace(instance, difficulty=Difficulty(0, solutions, limit, given_up=True), witness=witness)


def certify(instance: Instance, patience: int) -> Instance:
    """The instance, certified. Raises BadInput if it has no solution, or that cannot be decided."""
    try:
        return solvable(graded(instance, budget=patience))
    except Undecided as fault:
        raise BadInput(f"{instance.provenance}: whether it has a solution is undecided ({fault})") from None


def solvable(instance: Instance) -> Instance:
    """The instance. Raises BadInput if it has no solution."""
    if instance.witness is None:
        raise BadInput(f"{instance.provenance}: impossible: this {instance.problem.name} has no solution")
    return instance
