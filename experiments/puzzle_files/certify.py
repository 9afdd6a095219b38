"""Certificates of puzzles that were read: a solution, the guesses a search needs, CP-SAT's effort."""

from __future__ import annotations

from dataclasses import replace

from csp.errors import BadInput
from csp.generate import certified
from csp.problem import Instance
from solvers.oracles.base import Undecided
from solvers.oracles.cp_sat import CpSat
from solvers.oracles.pick import settle

EFFORT = 10.0  # CP-SAT's deterministic time for one instance


def with_effort(instance: Instance) -> Instance:
    """The graded instance with CP-SAT's conflicts and branches, None where it reached its limit."""
    try:
        conflicts, branches = CpSat(instance, EFFORT).effort()
    except Undecided:
        return instance
    return replace(instance, difficulty=replace(instance.difficulty, conflicts=conflicts, branches=branches))


def certify(instance: Instance, patience: int) -> Instance:
    """The instance, certified. Raises BadInput if it has no solution, or that cannot be decided."""
    try:
        return solvable(certified(instance, settle, budget=patience))
    except Undecided as fault:
        raise BadInput(f"{instance.provenance}: whether it has a solution is undecided ({fault})") from None


def solvable(instance: Instance) -> Instance:
    """The instance. Raises BadInput if it has no solution."""
    if instance.witness is None:
        raise BadInput(f"{instance.provenance}: impossible: this {instance.problem.name} has no solution")
    return instance
