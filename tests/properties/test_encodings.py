"""Every encoding has exactly the solutions that the rules have, read naively."""

import constraint as pyc
import numpy as np
from hypothesis import given
from ortools.sat.python import cp_model
from pysat.solvers import Solver

from csp.errors import BadInput
from csp.global_constraints import Among, NValues, Sum
from csp.problem import Problem
from solvers.encodings import rules_cnf, to_cpsat, to_python_constraint
from takeback.testing import mixed, solutions_of


class Collector(cp_model.CpSolverSolutionCallback):
    def __init__(self, cells):
        super().__init__()
        self.cells, self.found = cells, []

    def on_solution_callback(self):
        self.found.append([self.value(cell) for cell in self.cells])


@given(mixed())
def test_cp_sat(problem):
    model = cp_model.CpModel()
    cells = [model.new_int_var(1, problem.d, "") for _ in range(problem.n)]
    for rule in problem.constraints:
        to_cpsat(rule, model, cells)
    solver, collector = cp_model.CpSolver(), Collector(cells)
    solver.parameters.enumerate_all_solutions = True
    solver.parameters.num_workers = 1
    solver.solve(model, collector)
    assert sorted(collector.found) == solutions_of(problem).tolist()


@given(mixed())
def test_python_constraint(problem):
    model = pyc.Problem(pyc.BacktrackingSolver())
    for cell in range(problem.n):
        model.addVariable(cell, list(range(1, problem.d + 1)))
    for rule in problem.constraints:
        to_python_constraint(rule, model)
    found = [[solution[cell] for cell in range(problem.n)] for solution in model.getSolutions()]
    assert sorted(found) == solutions_of(problem).tolist()


@given(mixed())
def test_cnf_or_none(problem):
    try:
        clauses = rules_cnf(problem)
    except BadInput as fault:
        assert "no CNF encoding" in str(fault)
        assert any(isinstance(rule, Sum | NValues | Among) for rule in problem.constraints)
        assert not all(isinstance(rule, Among) and len(rule.scope) == 1 for rule in problem.constraints)
        return
    with Solver(name="glucose4", bootstrap_with=clauses) as solver:
        models = [model[: problem.n * problem.d] for model in solver.enum_models()]
    true = np.array(models, dtype=np.int64).reshape(-1, problem.n, problem.d) > 0
    assert sorted((true.argmax(2) + 1).tolist()) == solutions_of(problem).tolist()


def test_a_value_that_no_cell_takes_is_not_the_next_cells():
    """literal(0, 3, 2) is literal(1, 1, 2)."""
    for high, expected in ((1, [[1, 1], [1, 2]]), (0, [[2, 1], [2, 2]])):
        problem = Problem(2, 2, (Among((0,), (1, 3), high, high),))
        with Solver(name="glucose4", bootstrap_with=rules_cnf(problem)) as solver:
            models = np.array(list(solver.enum_models())).reshape(-1, 2, 2) > 0
        assert sorted((models.argmax(2) + 1).tolist()) == expected
