"""CP-SAT (OR-Tools) as oracle: the reference that the other oracles must agree with."""

from __future__ import annotations

import os
import signal
import threading
from functools import lru_cache

import numpy as np
from jaxtyping import Int
from ortools.sat.python import cp_model

from csp.problem import Instance
from solvers.encodings import to_cpsat
from solvers.oracles.base import Oracle, Undecided


class Model(cp_model.CpModel):
    """A CP-SAT model without OR-Tools' aliases of older names, a millisecond each time one is made."""

    def _add_pre_pep8_methods(self) -> None:
        pass


class CpSat(Oracle):
    """The reference: a CP-SAT model a query, one worker, fixed seed. Raises Undecided over `limit`.

    limit: CP-SAT's deterministic time, so that the same query always ends the same way.
    """

    name = "cp-sat"

    def __init__(self, instance: Instance, limit: float = 60.0):
        self.instance, self.limit = instance, limit

    def _model(self, assignment):
        """The model and its variables; committed cells are constants."""
        model, d = Model(), self.instance.problem.d

        # constants rather than equalities: every constraint is posted on fewer variables
        cells = [
            model.new_constant(int(v)) if v else model.new_int_var(1, d, f"cell {i}") for i, v in enumerate(assignment)
        ]
        for rule in self.instance.problem.constraints:
            to_cpsat(rule, model, cells)
        return model, cells

    def effort(self) -> tuple[int, int]:
        """(conflicts, branches) to a first solution, or to the proof that there is none, presolve off.

        (Presolve alone settles most puzzles of this size, so that both would be 0.) Raises Undecided beyond the limit.
        """
        solver = self._solver()
        solver.parameters.cp_model_presolve = False
        if _solve(solver, self._model(self.instance.givens)[0]) == cp_model.UNKNOWN:
            raise Undecided(f"CP-SAT: {self.instance.provenance} undecided after {self.limit} deterministic s")
        return solver.num_conflicts, solver.num_branches

    def _solver(self) -> cp_model.CpSolver:
        """One worker, one seed, so that the same model always goes the same way."""
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 0
        solver.parameters.max_deterministic_time = self.limit
        solver.parameters.catch_sigint_signal = False  # CP-SAT would end its search and pass Ctrl-C for a limit
        return solver

    def _run(self, model, callback=None) -> cp_model.CpSolver | None:
        """The solver after a run, or None if infeasible."""
        solver = self._solver()
        if callback is not None:
            solver.parameters.enumerate_all_solutions = True
        status = _solve(solver, model, callback)

        # everything but a proof is refused: a limit must never pass for "no", nor a good repair for the best
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
            if counter.found < limit:  # with `limit` found the answer is known, however the search ended
                raise
        return counter.found

    def repair(self, assignment: Int[np.ndarray, " n"]) -> Int[np.ndarray, " cells"]:
        model, cells = self._model(self.instance.givens)
        committed = self.committed(assignment)

        # max-keep: a switch for each commit that puts its value back, and as many switches on as can be
        kept = []
        for cell in committed:
            kept.append(model.new_bool_var(f"keep {cell}"))
            model.add(cells[cell] == int(assignment[cell])).only_enforce_if(kept[-1])
        model.maximize(sum(kept))
        solver = self._run(model)
        if solver is None:
            raise ValueError(f"{self.instance.provenance} has no solution, so no debt")
        return committed[np.array([not solver.value(keep) for keep in kept], dtype=bool)]


def _solve(solver: cp_model.CpSolver, model: cp_model.CpModel, callback=None) -> cp_model.CpSolverStatus:
    """The status of a solve, which Ctrl-C and SIGTERM interrupt as they do Python."""
    if threading.current_thread() is not threading.main_thread():  # no signal is answered here
        return solver.solve(model, callback)
    listener = _listener(os.getpid())
    listener.solver, before = solver, signal.set_wakeup_fd(listener.writing, warn_on_full_buffer=False)
    try:
        return solver.solve(model, callback)
    finally:
        listener.solver = None
        signal.set_wakeup_fd(before)


class _Listener:
    """A thread that stops the search under way when a signal arrives: the main one is in C then, and answers it only
    when it is back.
    """

    def __init__(self):
        self.solver: cp_model.CpSolver | None = None
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.writing, False)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while number := os.read(self.reading, 1):
            if number[0] in (signal.SIGINT, signal.SIGTERM) and (solver := self.solver) is not None:
                solver.stop_search()


@lru_cache(maxsize=1)
def _listener(process: int) -> _Listener:
    """The process's own: threads do not live on in a forked one."""
    return _Listener()


class _Counter(cp_model.CpSolverSolutionCallback):
    """Stops the search at `limit` solutions."""

    def __init__(self, limit: int):
        super().__init__()
        self.limit, self.found = limit, 0

    def on_solution_callback(self) -> None:
        self.found += 1
        if self.found >= self.limit:
            self.stop_search()
