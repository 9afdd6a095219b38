"""Oracles: is this partial assignment alive, and how much must be taken back? Decided exactly, never guessed.

    >>> oracle = pick(instance)             # the fastest one that is exact for this instance
    >>> oracle.alive(states)                # (batch, n) -> (batch,) bool
    >>> oracle.repair(state)                # fewest commits to blank so that it is alive again; debt counts them
    >>> oracle.core(state)                  # commits that cannot stand together, none of them to spare

Three that must agree: CpSat (OR-Tools, the reference), Sat (incremental SAT under assumptions, python-sat)
and Unique (comparison with the only solution). An assignment's givens are never blanked and never changed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Bool, Int
from ortools.sat.python import cp_model
from pysat.examples.rc2 import RC2
from pysat.formula import WCNF
from pysat.solvers import Solver

from csp.errors import BadInput
from csp.problem import Instance
from solvers.encodings import literal, rules_cnf, to_cpsat

DEBT_LIMIT = 5.0  # CP-SAT's deterministic time for one debt
RC2_COMMITS = 120  # commits up to which Sat's debts go to RC2, which knows no limit
LARGE = 200  # cells from which on CP-SAT is asked for a solution: Sat may take minutes where it takes seconds
MEMORY = 64  # solutions and dead sets that Sat keeps
CONFLICTS = 10_000  # of one question to Sat: G(n, p) of 100 nodes asks for under 100, le450_5a for over 200,000


class Undecided(RuntimeError):
    """A limit was reached before the answer was known: neither yes nor no."""


class Oracle(ABC):
    """Exact answers about one instance. `assignment` arguments are (n,), 0 = blank, givens included."""

    name: str
    instance: Instance

    def alive(self, assignments: Int[np.ndarray, "batch n"]) -> Bool[np.ndarray, " batch"]:
        """Whether some solution extends each assignment."""
        return np.array([self.solve(assignment) is not None for assignment in assignments], dtype=bool)

    @abstractmethod
    def solve(self, assignment: Int[np.ndarray, " n"] | None = None) -> Int[np.ndarray, " n"] | None:
        """A solution that extends the assignment (default: the givens), or None if there is none."""

    @abstractmethod
    def count(self, limit: int, assignment: Int[np.ndarray, " n"] | None = None) -> int:
        """How many solutions extend the assignment (default: the givens), exact up to `limit`."""

    @abstractmethod
    def repair(self, assignment: Int[np.ndarray, " n"]) -> Int[np.ndarray, " cells"]:
        """Fewest committed cells that must be blanked for the assignment to be alive, rising; none if it is alive.

        Raises ValueError if the instance has no solution (then nothing helps), Undecided over a limit.
        """

    def debt(self, assignment: Int[np.ndarray, " n"]) -> int:
        """How many cells repair blanks. Raises as it does."""
        return len(self.repair(assignment))

    def core(
        self, assignment: Int[np.ndarray, " n"], order: Int[np.ndarray, " commits"] | None = None
    ) -> Int[np.ndarray, " cells"]:
        """Committed cells, rising, that cannot stand together (with the givens): no part of them is dead by itself.

        order: the committed cells in the sequence in which it is tried to do without them (default: rising); every
        oracle finds the same core in the same order. Empty if the instance has no solution. Raises ValueError if the
        assignment is alive.
        """
        if self._alive(assignment):
            raise ValueError(f"{self.instance.provenance}: the assignment is alive, so it has no core")
        rest = (self.committed(assignment) if order is None else order).tolist()
        kept: list[int] = []
        while True:  # deletion (Marques-Silva 2010), a run of cells at a time
            low, high = 0, len(rest) + 1  # without the first `low` of the rest it is dead, without `high` alive
            while high - low > 1:
                middle = (low + high) // 2
                fewer = self.keep(assignment, np.array([*kept, *rest[middle:]], dtype=np.int64))
                low, high = (low, middle) if self._alive(fewer) else (middle, high)
            if low == len(rest):
                return np.array(sorted(kept), dtype=np.int64)
            kept.append(rest[low])
            rest = rest[low + 1 :]

    def _alive(self, assignment: Int[np.ndarray, " n"]) -> bool:
        return bool(self.alive(assignment[None])[0])

    def committed(self, assignment: Int[np.ndarray, " n"]) -> Int[np.ndarray, " cells"]:
        """The cells that hold a value and are not given, rising."""
        return np.nonzero((assignment > 0) & (self.instance.givens == 0))[0]

    def keep(self, assignment: Int[np.ndarray, " n"], cells: Int[np.ndarray, " cells"]) -> Int[np.ndarray, " n"]:
        """The givens and, of the commits, only those of the cells."""
        kept = self.instance.givens.copy()
        kept[cells] = assignment[cells]
        return kept


class CpSat(Oracle):
    """The reference: a CP-SAT model a query, one worker, fixed seed. Raises Undecided over `limit`.

    limit: CP-SAT's deterministic time, so that the same query always ends the same way.
    """

    name = "cp-sat"

    def __init__(self, instance: Instance, limit: float = 60.0):
        self.instance, self.limit = instance, limit

    def _model(self, assignment):
        """The model and its variables; committed cells are constants."""
        model, d = cp_model.CpModel(), self.instance.problem.d
        cells = [
            model.new_constant(int(v)) if v else model.new_int_var(1, d, f"cell {i}") for i, v in enumerate(assignment)
        ]
        for rule in self.instance.problem.constraints:
            to_cpsat(rule, model, cells)
        return model, cells

    def effort(self) -> tuple[int, int]:
        """(conflicts, branches) to a first solution, or to the proof that there is none, presolve off.

        (Presolve alone settles most puzzles of this size, so that both would be 0.)
        """
        solver = self._solver()
        solver.parameters.cp_model_presolve = False
        if solver.solve(self._model(self.instance.givens)[0]) == cp_model.UNKNOWN:
            raise Undecided(f"CP-SAT: {self.instance.provenance} undecided after {self.limit} deterministic s")
        return solver.num_conflicts, solver.num_branches

    def _solver(self) -> cp_model.CpSolver:
        """One worker, one seed, so that the same model always goes the same way."""
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 0
        solver.parameters.max_deterministic_time = self.limit
        return solver

    def _run(self, model, callback=None) -> cp_model.CpSolver | None:
        """The solver after a run, or None if infeasible."""
        solver = self._solver()
        if callback is not None:
            solver.parameters.enumerate_all_solutions = True
        status = solver.solve(model, callback)
        if status == cp_model.UNKNOWN:
            raise Undecided(f"CP-SAT: {self.instance.provenance} undecided after {self.limit} deterministic s")
        if status == cp_model.MODEL_INVALID:
            raise ValueError(f"CP-SAT: {model.validate()}")
        if status == cp_model.FEASIBLE and model.has_objective():
            raise Undecided(f"CP-SAT: optimum of {self.instance.provenance} not proved in {self.limit} s")
        return None if status == cp_model.INFEASIBLE else solver

    def solve(self, assignment: Int[np.ndarray, " n"] | None = None) -> Int[np.ndarray, " n"] | None:
        model, cells = self._model(self.instance.givens if assignment is None else assignment)
        solver = self._run(model)
        return None if solver is None else np.array([solver.value(cell) for cell in cells], dtype=np.int64)

    def count(self, limit: int, assignment: Int[np.ndarray, " n"] | None = None) -> int:
        model, _ = self._model(self.instance.givens if assignment is None else assignment)
        counter = _Counter(limit)
        try:
            self._run(model, counter)
        except Undecided:
            if counter.found < limit:
                raise
        return counter.found

    def repair(self, assignment: Int[np.ndarray, " n"]) -> Int[np.ndarray, " cells"]:
        model, cells = self._model(self.instance.givens)
        committed = self.committed(assignment)
        kept = []
        for cell in committed:
            kept.append(model.new_bool_var(f"keep {cell}"))
            model.add(cells[cell] == int(assignment[cell])).only_enforce_if(kept[-1])
        model.maximize(sum(kept))
        solver = self._run(model)
        if solver is None:
            raise ValueError(f"{self.instance.provenance} has no solution, so no debt")
        return committed[np.array([not solver.value(keep) for keep in kept], dtype=bool)]


class _Counter(cp_model.CpSolverSolutionCallback):
    """Stops the search at `limit` solutions."""

    def __init__(self, limit: int):
        super().__init__()
        self.limit, self.found = limit, 0

    def on_solution_callback(self) -> None:
        self.found += 1
        if self.found >= self.limit:
            self.stop_search()


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
        if not satisfiable:
            blamed = [(abs(said) - 1) // problem.d for said in self.solver.get_core() or ()]
            self.dead = np.concatenate([self.dead[1 - MEMORY :], self.keep(assignment, np.array(blamed, int))[None]])
            return None
        true = np.array(self.solver.get_model()[: problem.n * problem.d]) > 0
        solution = true.reshape(problem.n, problem.d).argmax(1) + 1
        self.known = np.concatenate([self.known[1 - MEMORY :], solution[None]])
        return solution

    def count(self, limit: int, assignment: Int[np.ndarray, " n"] | None = None) -> int:
        return CpSat(self.instance).count(limit, assignment)

    def repair(self, assignment: Int[np.ndarray, " n"]) -> Int[np.ndarray, " cells"]:
        """By core-guided MaxSAT (RC2; Ignatiev, Morgado and Marques-Silva 2019); CpSat's where many are committed."""
        committed = self.committed(assignment)
        if self.solve(assignment) is not None:
            return committed[:0]
        if len(committed) > RC2_COMMITS:
            return CpSat(self.instance, DEBT_LIMIT).repair(assignment)
        d = self.instance.problem.d
        formula = WCNF()
        formula.extend(rules_cnf(self.instance.problem))
        formula.extend([[said] for said in self._literals(self.instance.givens, np.nonzero(self.instance.givens)[0])])
        softs = self._literals(assignment, committed)
        formula.extend([[said] for said in softs], weights=[1] * len(softs))
        with RC2(formula, solver="glucose4", adapt=True, exhaust=True, minz=True) as solver:
            model = solver.compute()
        if model is None:
            raise ValueError(f"{self.instance.provenance} has no solution, so no debt")
        true = set(model[: self.instance.problem.n * d])
        return committed[[said not in true for said in softs]]

    def _literals(self, assignment: Int[np.ndarray, " n"], cells: Int[np.ndarray, " cells"]) -> list[int]:
        return [literal(int(cell), int(assignment[cell]), self.instance.problem.d) for cell in cells]

    def __del__(self) -> None:
        if hasattr(self, "solver"):
            self.solver.delete()


class Unique(Oracle):
    """For an instance with exactly one solution: alive is agreement with it, debt is disagreement."""

    name = "unique"

    def __init__(self, instance: Instance, solution: Int[np.ndarray, " n"], checked: bool = False):
        """checked: the checker has accepted the solution already. Raises ValueError for one that it does not accept."""
        if not checked and not instance.solved(solution):
            raise ValueError(f"{instance.provenance}: what is called its solution is none")
        self.instance, self.solution = instance, solution

    def alive(self, assignments: Int[np.ndarray, "batch n"]) -> Bool[np.ndarray, " batch"]:
        return ((assignments == self.solution) | (assignments == 0)).all(1)

    def solve(self, assignment: Int[np.ndarray, " n"] | None = None) -> Int[np.ndarray, " n"] | None:
        assignment = self.instance.givens if assignment is None else assignment
        return self.solution.copy() if self.alive(assignment[None])[0] else None

    def count(self, limit: int, assignment: Int[np.ndarray, " n"] | None = None) -> int:
        return min(limit, int(self.solve(assignment) is not None))

    def repair(self, assignment: Int[np.ndarray, " n"]) -> Int[np.ndarray, " cells"]:
        return np.nonzero((assignment != self.solution) & (assignment > 0))[0]


def settle(instance: Instance) -> Int[np.ndarray, " n"] | None:
    """A solution of the instance, or None if it has none: what csp.generate asks where its own search gives up."""
    return (CpSat(instance) if instance.problem.n > LARGE else pick(instance)).solve()


def pick(instance: Instance, name: str = "auto") -> Oracle:
    """The oracle of that name. auto: the fastest that is exact for the instance: Unique if it is certified to have
    one solution, else Sat, or CpSat where Sat does not know the rules. Raises BadInput for "unique" and "sat" there.
    """
    certified = instance.difficulty is not None and instance.difficulty.unique and instance.witness is not None
    if name == "cp-sat":
        return CpSat(instance)
    if name == "sat" or (name == "auto" and not certified):
        try:
            return Sat(instance)
        except BadInput:
            if name == "sat":
                raise
            return CpSat(instance)
    if not certified:
        raise BadInput(f"{instance.provenance} is not certified to have one solution, as oracle {name!r} needs")
    return Unique(instance, instance.witness, checked=True)  # when it was certified
