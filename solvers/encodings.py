"""One constraint, three languages: CP-SAT, CNF and python-constraint. A new constraint adds a case to each."""

from __future__ import annotations

from functools import lru_cache, singledispatch
from itertools import combinations

import constraint as pyc
from ortools.sat.python import cp_model

from csp.constraints import AllDifferent, Constraint, NotEqual
from csp.problem import Problem


@singledispatch
def to_cpsat(rule: Constraint, model: cp_model.CpModel, cells: list) -> None:
    """Post the rule on `cells`, the model's variable of each cell."""
    raise NotImplementedError(f"no CP-SAT encoding of {type(rule).__name__}")


@to_cpsat.register
def _(rule: AllDifferent, model: cp_model.CpModel, cells: list) -> None:
    model.add_all_different(cells[i] for i in rule.scope)


@to_cpsat.register
def _(rule: NotEqual, model: cp_model.CpModel, cells: list) -> None:
    model.add(cells[rule.scope[0]] != cells[rule.scope[1]])


@singledispatch
def to_cnf(rule: Constraint, d: int) -> list[list[int]]:
    """Clauses over literal(cell, value, d): positive where the cell holds the value."""
    raise NotImplementedError(f"no CNF encoding of {type(rule).__name__}")


@to_cnf.register
def _(rule: AllDifferent, d: int) -> list[list[int]]:
    values = range(1, d + 1)
    clauses = [[-literal(a, v, d), -literal(b, v, d)] for a, b in combinations(rule.scope, 2) for v in values]
    if len(rule.scope) == d:  # implied, and it propagates: each value has a place
        clauses += [[literal(cell, v, d) for cell in rule.scope] for v in values]
    return clauses


@to_cnf.register
def _(rule: NotEqual, d: int) -> list[list[int]]:
    a, b = rule.scope
    return [[-literal(a, v, d), -literal(b, v, d)] for v in range(1, d + 1)]


@lru_cache(maxsize=8)
def rules_cnf(problem: Problem) -> tuple[list[int], ...]:
    """The whole problem as clauses, not to be changed: every rule, and exactly one value a cell."""
    values = range(1, problem.d + 1)
    clauses = [clause for rule in problem.constraints for clause in to_cnf(rule, problem.d)]
    for cell in range(problem.n):
        clauses.append([literal(cell, v, problem.d) for v in values])
        clauses += [[-literal(cell, v, problem.d), -literal(cell, w, problem.d)] for v in values for w in range(1, v)]
    return tuple(clauses)


def literal(cell: int, value: int, d: int) -> int:
    """The variable that says "cell holds value" (1..d): 1, 2, ..."""
    return cell * d + value


@singledispatch
def to_python_constraint(rule: Constraint, problem: pyc.Problem) -> None:
    """Post the rule on a problem whose variables are the cells' numbers."""
    raise NotImplementedError(f"no python-constraint encoding of {type(rule).__name__}")


@to_python_constraint.register
def _(rule: AllDifferent, problem: pyc.Problem) -> None:
    problem.addConstraint(pyc.AllDifferentConstraint(), rule.scope)


@to_python_constraint.register
def _(rule: NotEqual, problem: pyc.Problem) -> None:
    problem.addConstraint(pyc.AllDifferentConstraint(), rule.scope)
