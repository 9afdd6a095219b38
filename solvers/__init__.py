"""solvers: everything that knows the rules and searches. SOLVERS is the table: add one entry for a new one."""

from __future__ import annotations

from collections.abc import Callable

from csp.problem import Instance
from csp.trace import Trace
from solvers.backtracking import PythonConstraint, depth_first
from solvers.cp_sat import cp_sat
from solvers.greedy import dsatur
from solvers.local_search import min_conflicts

#: name: (instance, seed) -> Trace
SOLVERS: dict[str, Callable[[Instance, int], Trace]] = {
    "dsatur": dsatur,
    "min-conflicts": min_conflicts,
    "depth-first": depth_first,
    "cp-sat": cp_sat,
    "python-constraint": PythonConstraint(),
}
