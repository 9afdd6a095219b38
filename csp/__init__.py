"""csp: what a puzzle is. Problems, instances, tokens and traces; no solver and no network."""

from csp.constraints import AllDifferent, Constraint, NotEqual
from csp.errors import BadInput
from csp.global_constraints import Among, Increasing, NValues, Sum
from csp.problem import Difficulty, Instance, Problem
from csp.trace import Costs, Event, Trace, replay

__all__ = [
    "AllDifferent",
    "Among",
    "BadInput",
    "Constraint",
    "Costs",
    "Difficulty",
    "Event",
    "Increasing",
    "Instance",
    "NValues",
    "NotEqual",
    "Problem",
    "Sum",
    "Trace",
    "replay",
]
