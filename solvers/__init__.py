"""solvers: everything that knows the rules and searches. SOLVERS is the table of complete solvers.

    >>> SOLVERS["dsatur"](instance, seed=0).end                 # every solver returns a csp.trace.Trace
    'solved'

Where things live, and what is added for one more:
    search/           a solver: a file with a function (instance, seed) -> Trace, and an entry in SOLVERS below;
                      tests/conformance/test_solvers.py runs it without further code
    oracles/          an oracle (is this partial assignment alive? what must go back?): a subclass of base.Oracle, a
                      name in pick.py, a line in tests/properties/test_oracle.py
    encodings.py      each constraint as CP-SAT, CNF and python-constraint say it
    propagate.py      legal values and unit propagation for a whole batch: what vetoes ask
    solver_order.py   the order in which a person would fill the cells
    counting/         all solutions of small problems, counted exactly and drawn uniformly; control's tasks
"""

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
