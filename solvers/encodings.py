"""One constraint, three languages: CP-SAT, CNF and python-constraint. A new constraint adds a case to each.

    >>> to_cnf(NotEqual((0, 1)), 2)         # literals 1, 2: cell 0 holds 1, 2; literals 3, 4: cell 1 does
    [[-1, -3], [-2, -4]]

Each language is a function that dispatches on the constraint's class: @to_cpsat.register, @to_cnf.register and
@to_python_constraint.register. CNF has no case for what clauses over literal(cell, value) say only at length; such
rules raise BadInput there, and the oracle for them is CP-SAT. OR-Tools takes a second to import: most commands never
ask it, so that only what needs it does.
"""

from __future__ import annotations

from functools import lru_cache, singledispatch
from itertools import combinations, pairwise

import constraint as pyc

from csp.constraints import AllDifferent, Constraint, NotEqual
from csp.errors import BadInput
from csp.global_constraints import Allowed, Among, Increasing, NValues, Sum
from csp.problem import Problem


@singledispatch
def to_cpsat(rule: Constraint, model, cells: list) -> None:
    """Post the rule on `cells`, the variable of each cell in the model (a cp_model.CpModel). Raises
    NotImplementedError for a rule without an encoding.
    """
    raise NotImplementedError(f"no CP-SAT encoding of {type(rule).__name__}")


@to_cpsat.register
def _(rule: AllDifferent, model, cells: list) -> None:
    model.add_all_different(cells[i] for i in rule.scope)


@to_cpsat.register
def _(rule: NotEqual, model, cells: list) -> None:
    model.add(cells[rule.scope[0]] != cells[rule.scope[1]])


@to_cpsat.register
def _(rule: Among, model, cells: list) -> None:
    inside = [_holds(model, cells[i], rule.values) for i in rule.scope]
    model.add_linear_constraint(sum(inside), rule.low, rule.high)


@to_cpsat.register
def _(rule: Allowed, model, cells: list) -> None:
    from ortools.sat.python.cp_model import Domain

    model.add_linear_expression_in_domain(cells[rule.scope[0]], Domain.from_values(rule.values))


@to_cpsat.register
def _(rule: Sum, model, cells: list) -> None:
    model.add(sum(cells[i] for i in rule.scope) == rule.total)


@to_cpsat.register
def _(rule: Increasing, model, cells: list) -> None:
    for a, b in pairwise(rule.scope):
        model.add(cells[a] < cells[b])


@to_cpsat.register
def _(rule: NValues, model, cells: list) -> None:
    # the rule does not know d: the largest value that a cell of the scope may still hold bounds those that can be used
    used, largest = [], max(bound for i in rule.scope for bound in cells[i].proto.domain)
    for value in range(1, largest + 1):
        used.append(model.new_bool_var(""))  # a value is used if some cell holds it: a maximum of truth values
        model.add_max_equality(used[-1], [_holds(model, cells[i], (value,)) for i in rule.scope])
    model.add_linear_constraint(sum(used), rule.low, rule.high)


def _holds(model, cell, values: tuple[int, ...]):
    """A variable that is true exactly if the cell holds one of the values: both directions, since it is counted."""
    from ortools.sat.python.cp_model import Domain

    holds, domain = model.new_bool_var(""), Domain.from_values(values)
    model.add_linear_expression_in_domain(cell, domain).only_enforce_if(holds)
    model.add_linear_expression_in_domain(cell, domain.complement()).only_enforce_if(~holds)
    return holds


@singledispatch
def to_cnf(rule: Constraint, d: int) -> list[list[int]]:
    """Clauses over literal(cell, value, d): positive where the cell holds the value. Raises BadInput if it has none."""
    raise BadInput(f"{rule}: this rule has no CNF encoding")


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


@to_cnf.register
def _(rule: Among, d: int) -> list[list[int]]:
    """Where it says the same of each cell: all hold one of the values, none does, or any may."""
    inside = [[literal(cell, v, d) for v in rule.values if v <= d] for cell in rule.scope]
    if rule.low == len(rule.scope):
        return inside
    if rule.high == 0:
        return [[-inside_literal] for clause in inside for inside_literal in clause]
    if rule.low <= 0 and rule.high >= len(rule.scope):
        return []
    raise BadInput(f"{rule}: this rule has no CNF encoding")


@to_cnf.register
def _(rule: Allowed, d: int) -> list[list[int]]:
    return [[literal(rule.scope[0], v, d) for v in rule.values if v <= d]]


@to_cnf.register
def _(rule: Increasing, d: int) -> list[list[int]]:
    """A value is followed by a larger one. Neighbours are enough: strictly less is transitive."""
    pairs, values = pairwise(rule.scope), range(1, d + 1)
    return [[-literal(a, v, d), *(literal(b, w, d) for w in values if w > v)] for a, b in pairs for v in values]


@lru_cache(maxsize=8)
def rules_cnf(problem: Problem) -> tuple[list[int], ...]:
    """The whole problem as clauses, not to be changed: every rule, and exactly one value a cell. Raises as to_cnf."""
    values = range(1, problem.d + 1)
    clauses = [clause for rule in problem.constraints for clause in to_cnf(rule, problem.d)]
    for cell in range(problem.n):
        clauses.append([literal(cell, v, problem.d) for v in values])
        clauses += [[-literal(cell, v, problem.d), -literal(cell, w, problem.d)] for v in values for w in range(1, v)]
    return tuple(clauses)


def literal(cell: int, value: int, d: int) -> int:
    """The variable of "cell holds value" (1..d), numbered from 1 as DIMACS does: cell = (literal - 1) // d."""
    return cell * d + value


@singledispatch
def to_python_constraint(rule: Constraint, problem: pyc.Problem) -> None:
    """Post the rule on a problem whose variables are the cells' numbers. Raises NotImplementedError for a rule without
    an encoding.
    """
    raise NotImplementedError(f"no python-constraint encoding of {type(rule).__name__}")


@to_python_constraint.register
def _(rule: AllDifferent, problem: pyc.Problem) -> None:
    problem.addConstraint(pyc.AllDifferentConstraint(), rule.scope)


@to_python_constraint.register
def _(rule: NotEqual, problem: pyc.Problem) -> None:
    problem.addConstraint(pyc.AllDifferentConstraint(), rule.scope)


@to_python_constraint.register
def _(rule: Among, problem: pyc.Problem) -> None:
    problem.addConstraint(lambda *held: rule.low <= sum(v in rule.values for v in held) <= rule.high, rule.scope)


@to_python_constraint.register
def _(rule: Allowed, problem: pyc.Problem) -> None:
    problem.addConstraint(lambda held: held in rule.values, rule.scope)


@to_python_constraint.register
def _(rule: Sum, problem: pyc.Problem) -> None:
    # not ExactSumConstraint, which fails where another rule has emptied a cell's domain
    problem.addConstraint(lambda *held: sum(held) == rule.total, rule.scope)


@to_python_constraint.register
def _(rule: Increasing, problem: pyc.Problem) -> None:
    problem.addConstraint(lambda *held: all(a < b for a, b in pairwise(held)), rule.scope)


@to_python_constraint.register
def _(rule: NValues, problem: pyc.Problem) -> None:
    problem.addConstraint(lambda *held: rule.low <= len(set(held)) <= rule.high, rule.scope)
