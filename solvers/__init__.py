"""solvers: everything that knows the rules and searches. SOLVERS is the table: add one entry for a new one."""

from __future__ import annotations

from collections.abc import Callable

from csp.problem import Instance
from csp.trace import Trace
from solvers.search.cp_sat import cp_sat
from solvers.search.depth_first import depth_first
from solvers.search.dsatur import dsatur
from solvers.search.min_conflicts import min_conflicts
from solvers.search.python_constraint import PythonConstraint

#: name: (instance, seed) -> Trace
SOLVERS: dict[str, Callable[[Instance, int], Trace]] = {
    "dsatur": dsatur,
    "min-conflicts": min_conflicts,
    "depth-first": depth_first,
    "cp-sat": cp_sat,
    "python-constraint": PythonConstraint(),
}
