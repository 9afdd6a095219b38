"""Incremental SAT under assumptions (python-sat): the oracle for instances that may have several solutions."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int
from pysat._utils import MainThread
from pysat.examples.rc2 import RC2
from pysat.formula import WCNF
from pysat.solvers import Solver

from csp.problem import Instance
from solvers.encodings import literal, rules_cnf
from solvers.oracles.base import Oracle, Undecided

# Asked from the main thread, python-sat answers Ctrl-C itself: by a jump out of the solver, which crashes when it is
# used or freed after that. Python's own answer waits for the end of a question, a fraction of a second.
MainThread.check = staticmethod(lambda: False)

# CP-SAT's deterministic time for one debt: its optimum must be proved, which can take far longer than a solve
DEBT_LIMIT = 5.0

RC2_COMMITS = 120  # commits up to which debts go to RC2, which knows no limit

MEMORY = 64  # solutions, and dead sets, that are kept: each new state is compared with all of them, (64, n) at most

CONFLICTS = 10_000  # of one question: G(n, p) of 100 nodes asks for under 100, le450_5a for over 200,000


class Sat(Oracle):
    """Incremental SAT: clauses are learned once, a state is a list of assumptions (python-sat, glucose 4).

    Solutions (the witness too) and dead sets that were met are kept, so that a state which some known solution extends,
    or which holds a known dead set, is answered without search; `asked` counts the states that did need one. count is
    CpSat's. Raises BadInput for an instance with rules that have no CNF encoding, Undecided over CONFLICTS for one
    state (how many it takes also depends on what was asked before).
    """

    name = "sat"

    def __init__(self, instance: Instance):
        self.instance = instance
        d = instance.problem.d
        known = [[literal(int(c), int(instance.givens[c]), d)] for c in np.nonzero(instance.givens)[0]]
        self.solver = Solver(name="glucose4", bootstrap_with=[*rules_cnf(instance.problem), *known])
        witnesses = [w for w in (instance.witness,) if w is not None and instance.solved(w)]
        self.known = np.array(witnesses, dtype=np.int64).reshape(-1, instance.problem.n)
        self.dead = np.zeros((0, instance.problem.n), dtype=np.int64)
        self.asked = 0

    def solve(self, assignment: Int[np.ndarray, " n"] | None = None) -> Int[np.ndarray, " n"] | None:
        problem = self.instance.problem
        assignment = self.instance.givens if assignment is None else assignment

        # what was met before answers most states of a trace: they differ by one commit from one that was asked
        extends = ((self.known == assignment) | (assignment == 0)).all(1)
        if extends.any():
            return self.known[np.argmax(extends)].copy()
        if ((self.dead == assignment) | (self.dead == 0)).all(1).any():
            return None

        self.asked += 1
        self.solver.conf_budget(CONFLICTS)
        satisfiable = self.solver.solve_limited(assumptions=self._literals(assignment, self.committed(assignment)))
        if satisfiable is None:
            raise Undecided(f"SAT: {self.instance.provenance} undecided after {CONFLICTS:,} conflicts")

        # the core is the part of the assumptions that the refutation used; its cells are dead wherever they occur
        if not satisfiable:
            blamed = [(abs(assumption) - 1) // problem.d for assumption in self.solver.get_core() or ()]
            self.dead = np.concatenate([self.dead[1 - MEMORY :], self.keep(assignment, np.array(blamed, int))[None]])
            return None

        true = np.array(self.solver.get_model()[: problem.n * problem.d]) > 0  # (n * d,), by literal
        solution = true.reshape(problem.n, problem.d).argmax(1) + 1
        self.known = np.concatenate([self.known[1 - MEMORY :], solution[None]])
        return solution

    def count(self, limit: int, assignment: Int[np.ndarray, " n"] | None = None) -> int:
        from solvers.oracles.cp_sat import CpSat  # OR-Tools: a second that most commands do not need

        return CpSat(self.instance).count(limit, assignment)

    def repair(self, assignment: Int[np.ndarray, " n"]) -> Int[np.ndarray, " cells"]:
        """By core-guided MaxSAT (RC2; Ignatiev, Morgado and Marques-Silva 2019); CpSat's where many are committed.
        Raises ValueError for an instance without solutions.
        """
        committed = self.committed(assignment)
        if self.solve(assignment) is not None:
            return committed[:0]
        if len(committed) > RC2_COMMITS:
            from solvers.oracles.cp_sat import CpSat

            return CpSat(self.instance, DEBT_LIMIT).repair(assignment)

        # rules and givens are hard, each commit a soft clause of weight 1: the least cost is the debt
        d = self.instance.problem.d
        formula = WCNF()
        formula.extend(rules_cnf(self.instance.problem))
        formula.extend([[given] for given in self._literals(self.instance.givens, np.nonzero(self.instance.givens)[0])])
        softs = self._literals(assignment, committed)
        formula.extend([[commit] for commit in softs], weights=[1] * len(softs))
        with RC2(formula, solver="glucose4", adapt=True, exhaust=True, minz=True) as solver:
            model = solver.compute()
        if model is None:
            raise ValueError(f"{self.instance.provenance} has no solution, so no debt")

        true = set(model[: self.instance.problem.n * d])  # RC2's own variables come after the problem's
        return committed[[commit not in true for commit in softs]]

    def _literals(self, assignment: Int[np.ndarray, " n"], cells: Int[np.ndarray, " cells"]) -> list[int]:
        return [literal(int(cell), int(assignment[cell]), self.instance.problem.d) for cell in cells]

    def __del__(self) -> None:
        # the solver's memory is C's; hasattr, since __init__ may have raised before there was one
        if hasattr(self, "solver"):
            self.solver.delete()
