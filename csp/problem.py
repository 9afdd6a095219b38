"""Problem and Instance: the two nouns every other file is about.

A Problem is n cells, values 1..d and constraints; an Instance is a Problem with some cells given.
Sudoku and graph colouring are both "colour these cells so that related ones differ", so one Problem
serves them. The checker (`violated`, `solved`) lives here and shares no code with any solver.
"""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

from csp.constraints import RELATIONS, AllDifferent, Constraint
from csp.errors import BadInput
from csp.global_constraints import Allowed, Increasing, Sum

#: Code of a cell's relation to itself, and how many codes there are (see Problem.relations).
SELF = 1 << len(RELATIONS)
CODES = SELF + 1


@dataclass(frozen=True, eq=False)
class Problem:
    """n cells that take values 1..d under constraints. `name` is what messages call it, e.g. "sudoku 9x9"; `names`
    what they call its cells, in order, where its file does so (nodes of a graph), else (). Neither is part of an id.

    Raises BadInput for a rule about values up to another d, and for names that are not one a cell, each its own.
    """

    n: int
    d: int
    constraints: tuple[Constraint, ...]
    name: str = "problem"
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.names and not (len(self.names) == len(set(self.names)) == self.n):
            raise BadInput(f"{self.name}: {len(set(self.names))} different names for {self.n} cells")
        if not any(issubclass(kind, (Sum, Increasing, Allowed)) for kind in set(map(type, self.constraints))):
            return  # a large graph's edges are not looked at one by one
        for rule in self.constraints:
            if isinstance(rule, (Sum, Increasing)) and rule.d != self.d:
                raise BadInput(f"{rule}: a rule about values up to {rule.d} in a {self.name} of {self.d} values")
            if isinstance(rule, Allowed) and rule.values[-1] > self.d:
                raise BadInput(f"{rule}: a rule about value {rule.values[-1]} in a {self.name} of {self.d} values")

    def violated(self, assignments: Int[np.ndarray, "*batch n"]) -> Bool[np.ndarray, "*batch m"]:
        """Which constraints, in their own order, the committed values already break."""
        broken = np.zeros((*assignments.shape[:-1], len(self.constraints)), dtype=bool)
        for indices, scopes in self._groups:
            rule = self.constraints[indices[0]]
            broken[..., indices] = rule.culprits(assignments[..., scopes]).any(-1)  # scopes (m, k) -> (..., m)
        return broken

    def conflicts(self, assignments: Int[np.ndarray, "*batch n"]) -> Bool[np.ndarray, "*batch n"]:
        """Which cells take part in a violation: the visible symptoms (not always the cause)."""
        flat = assignments.reshape(-1, assignments.shape[-1])
        involved = np.zeros(flat.shape, dtype=bool)
        for indices, scopes in self._groups:
            culprits = self.constraints[indices[0]].culprits(flat[:, scopes])  # (batch, m, k)

            # not involved[:, scopes] |= culprits: a cell of several scopes would keep the last scope's answer only
            rows, which, places = np.nonzero(culprits)
            involved[rows, scopes[which, places]] = True
        return involved.reshape(assignments.shape)

    def solved(self, assignments: Int[np.ndarray, "*batch n"]) -> Bool[np.ndarray, "*batch"] | np.bool_:
        """Whether every cell holds a value 1..d and no constraint is violated."""
        in_range = ((assignments >= 1) & (assignments <= self.d)).all(-1)
        return in_range & ~self.violated(assignments).any(-1)

    @cached_property
    def adjacency(self) -> Bool[np.ndarray, "n n"]:
        """Which two cells must differ because of a pairwise constraint."""
        related = np.zeros((self.n, self.n), dtype=bool)
        for indices, scopes in self._groups:
            if self.constraints[indices[0]].pairwise:
                related[scopes[:, :, None], scopes[:, None, :]] = True
        np.fill_diagonal(related, False)
        return related

    @cached_property
    def pairwise(self) -> bool:
        """Whether every rule says that its cells differ, two by two: then `adjacency` is all there is to know."""
        return all(rule.pairwise for rule in self.constraints)

    @cached_property
    def relations(self) -> Int[np.ndarray, "n n"]:
        """How two cells are related: a bit per name in RELATIONS, SELF on the diagonal, 0 = unrelated.

        Rules whose relation is "" do not show.
        """
        codes = np.zeros((self.n, self.n), dtype=np.int64)
        for rule in self.constraints:
            if rule.relation:
                codes[np.ix_(rule.scope, rule.scope)] |= 1 << RELATIONS.index(rule.relation)
        np.fill_diagonal(codes, SELF)
        return codes

    @cached_property
    def covers(self) -> tuple[tuple[int, ...], ...]:
        """Scopes of d cells that must all differ, so that each value has exactly one place in them."""
        rules = (r for r in self.constraints if isinstance(r, AllDifferent))
        return tuple(r.scope for r in rules if len(r.scope) == self.d)

    @cached_property
    def candidates(self) -> Bool[np.ndarray, "n d"]:
        """Which values the unary rules (Allowed) leave each cell, whatever the others hold."""
        left = np.ones((self.n, self.d), dtype=bool)
        for rule in self.constraints:
            if isinstance(rule, Allowed):
                left[rule.scope[0]] &= np.isin(np.arange(1, self.d + 1), rule.values)
        return left

    @cached_property
    def searchable(self) -> bool:
        """Whether it is made of pairwise and unary rules: what the reference search knows."""
        return all(rule.pairwise or isinstance(rule, Allowed) for rule in self.constraints)

    @cached_property
    def _groups(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Constraints checked in one go: (indices (m,), scopes (m, k)) of equal class, scope size and parameters.

        A Sudoku's 27 rules are one group, so the checker makes one array operation of them.
        """
        groups: dict[tuple[type, int, tuple], list[int]] = defaultdict(list)
        for index, rule in enumerate(self.constraints):
            groups[type(rule), len(rule.scope), rule.parameters].append(index)
        return [(np.array(g), np.array([self.constraints[i].scope for i in g])) for g in groups.values()]


#: What it takes without a guess, weakest first (csp/difficulty/reference_search.py, `level`):
#: legal = each blank cell has one value that no given rules out; naked = the same, again and again; hidden = also
#: values with one place left; search = none of these is enough.
LEVELS = ("legal", "naked", "hidden", "search")

#: Strata of search need: name to (fewest, most) guesses.
STRATA = {"0": (0, 0), "1-3": (1, 3), "4-10": (4, 10), "11-100": (11, 100), ">100": (101, sys.maxsize)}


def stratum_of(guesses: int) -> str:
    """The name in STRATA of a number of guesses."""
    return next(name for name, (low, high) in STRATA.items() if low <= guesses <= high)


@dataclass(frozen=True)
class Difficulty:
    """Certified search need, by the reference search of csp/difficulty/reference_search.py.

    guesses: values tried at branchings until the search is exhausted or a second solution appears; if given_up,
      the search was stopped there and needs at least as many.
    solutions: exact up to `limit` (solutions == limit: `limit` or more); None if they could not be counted.
    level: one of LEVELS. conflicts, branches: CP-SAT's, to a first solution or the proof that there is none
      (solvers/oracles/cp_sat.py, `effort`); None where that was not run.
    """

    guesses: int
    solutions: int | None
    limit: int = 2
    level: str = "search"
    given_up: bool = False
    conflicts: int | None = None
    branches: int | None = None

    @property
    def unique(self) -> bool:
        """Whether exactly one solution is certified."""
        return self.solutions == 1 and self.limit > 1

    @property
    def stratum(self) -> str:
        """The name in STRATA."""
        return stratum_of(self.guesses)


@dataclass(frozen=True, eq=False)
class Instance:
    """A problem with givens (n,), 0 where blank; where it came from; how hard it is, if that was certified.

    Raises BadInput for givens of another size or outside 0..d.
    """

    problem: Problem
    givens: Int[np.ndarray, " n"]
    family: str
    provenance: str
    difficulty: Difficulty | None = None
    witness: Int[np.ndarray, " n"] | None = field(default=None, repr=False)  # a known solution, if one is known

    def __post_init__(self) -> None:
        if self.givens.shape != (self.problem.n,):
            raise BadInput(f"{self.provenance}: {len(self.givens)} givens for {self.problem.n} cells")
        if ((self.givens < 0) | (self.givens > self.problem.d)).any():
            raise BadInput(f"{self.provenance}: a given is outside 0..{self.problem.d}")

    @cached_property
    def id(self) -> str:
        """Family and a hash of the content, so that the same puzzle has the same id wherever it was found."""
        # rules are sorted, so that their sequence does not matter; relation and name are for networks and messages only
        ordered = sorted(((type(r).__name__, *r.scope), r.parameters) for r in self.problem.constraints)
        rules = [(*scope, *parameters) for scope, parameters in ordered]
        content = repr((self.problem.n, self.problem.d, rules, self.givens.tolist()))
        return f"{self.family}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    @property
    def blanks(self) -> int:
        """How many cells are to be filled."""
        return int((self.givens == 0).sum())

    def solved(self, assignments: Int[np.ndarray, "*batch n"]) -> Bool[np.ndarray, "*batch"] | np.bool_:
        """The checker: complete, every constraint kept, every given still there."""
        kept = ((assignments == self.givens) | (self.givens == 0)).all(-1)
        return kept & self.problem.solved(assignments)
