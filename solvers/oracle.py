"""Oracles: is this partial assignment alive, and how much must be taken back? Decided exactly, never guessed.

    >>> oracle = pick(instance)             # the fastest one that is exact for this instance
    >>> oracle.alive(states)                # (batch, n) -> (batch,) bool
    >>> oracle.debt(state)                  # fewest commits to blank so that it is alive again

Three that must agree: CpSat (OR-Tools, the reference), Sat (incremental SAT under assumptions, python-sat)
and Unique (comparison with the only solution). An assignment's givens are never blanked and never changed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Bool, Int
from ortools.sat.python import cp_model
from pysat.solvers import Solver

from csp.problem import Instance
from solvers.encodings import literal, rules_cnf, to_cpsat

DEBT_LIMIT = 5.0  # CP-SAT's deterministic time for one debt


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
    def debt(self, assignment: Int[np.ndarray, " n"]) -> int:
        """Fewest committed cells that must be blanked for the assignment to be alive.

        Raises ValueError if the instance has no solution (then nothing helps), Undecided over a limit.
        """


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

    def debt(self, assignment: Int[np.ndarray, " n"]) -> int:
        givens = self.instance.givens
        model, cells = self._model(givens)
        committed = np.nonzero((assignment > 0) & (givens == 0))[0]
        kept = []
        for cell in committed:
            keep = model.new_bool_var(f"keep {cell}")
            model.add(cells[cell] == int(assignment[cell])).only_enforce_if(keep)
            kept.append(keep)
        model.maximize(sum(kept))
        solver = self._run(model)
        if solver is None:
            raise ValueError(f"{self.instance.provenance} has no solution, so no debt")
        return len(kept) - round(solver.objective_value)


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
    """Incremental SAT: clauses are learned once, a state is a list of assumptions.

    Every solution met is kept, so that a state some known solution extends is answered without search.
    count and debt are CpSat's.
    """

    name = "sat"

    def __init__(self, instance: Instance):
        self.instance = instance
        self.solver = Solver(name="glucose4", bootstrap_with=rules_cnf(instance.problem))
        self.known = np.zeros((0, instance.problem.n), dtype=np.int64)

    def solve(self, assignment: Int[np.ndarray, " n"] | None = None) -> Int[np.ndarray, " n"] | None:
        problem = self.instance.problem
        assignment = self.instance.givens if assignment is None else assignment
        extends = ((self.known == assignment) | (assignment == 0)).all(1)
        if extends.any():
            return self.known[np.argmax(extends)].copy()
        fixed = np.nonzero(assignment)[0]
        if not self.solver.solve(assumptions=[literal(int(c), int(assignment[c]), problem.d) for c in fixed]):
            return None
        true = np.array(self.solver.get_model()[: problem.n * problem.d]) > 0
        solution = true.reshape(problem.n, problem.d).argmax(1) + 1
        self.known = np.concatenate([self.known[-31:], solution[None]])
        return solution

    def count(self, limit: int, assignment: Int[np.ndarray, " n"] | None = None) -> int:
        return CpSat(self.instance).count(limit, assignment)

    def debt(self, assignment: Int[np.ndarray, " n"]) -> int:
        if self.solve(assignment) is not None:
            return 0
        return CpSat(self.instance, DEBT_LIMIT).debt(assignment)

    def __del__(self) -> None:
        if hasattr(self, "solver"):
            self.solver.delete()


class Unique(Oracle):
    """For an instance with exactly one solution: alive is agreement with it, debt is disagreement."""

    name = "unique"

    def __init__(self, instance: Instance, solution: Int[np.ndarray, " n"]):
        if not instance.solved(solution):
            raise ValueError(f"{instance.provenance}: what is called its solution is none")
        self.instance, self.solution = instance, solution

    def alive(self, assignments: Int[np.ndarray, "batch n"]) -> Bool[np.ndarray, " batch"]:
        return ((assignments == self.solution) | (assignments == 0)).all(1)

    def solve(self, assignment: Int[np.ndarray, " n"] | None = None) -> Int[np.ndarray, " n"] | None:
        assignment = self.instance.givens if assignment is None else assignment
        return self.solution.copy() if self.alive(assignment[None])[0] else None

    def count(self, limit: int, assignment: Int[np.ndarray, " n"] | None = None) -> int:
        return min(limit, int(self.solve(assignment) is not None))

    def debt(self, assignment: Int[np.ndarray, " n"]) -> int:
        return int(((assignment != self.solution) & (assignment > 0)).sum())


def settle(instance: Instance) -> Int[np.ndarray, " n"] | None:
    """A solution of the instance, or None if it has none: what csp.generate asks where its own search gives up."""
    return Sat(instance).solve()


def pick(instance: Instance) -> Oracle:
    """The fastest oracle that is exact for the instance: Unique if it is certified to have one solution, else Sat."""
    if instance.difficulty is not None and instance.difficulty.unique and instance.witness is not None:
        return Unique(instance, instance.witness)
    return Sat(instance)
