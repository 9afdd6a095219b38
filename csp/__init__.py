"""csp: what a puzzle is. Problems, instances, tokens and traces; no solver and no network.

    >>> problem = Problem(3, 2, (NotEqual((0, 1)), NotEqual((1, 2))))           # a path of three nodes, two colours
    >>> problem.solved(np.array([[1, 2, 1], [1, 1, 2]]))
    array([ True, False])

Where things live, and what is added for one more:
    constraints.py, global_constraints.py   a constraint: a frozen dataclass here, its encodings in solvers/encodings.py
    families/                               a puzzle family: a file with a subclass of Family, an entry in generate.py
    problem.py                              Problem, Instance, and the checker that every solution must pass
    generate.py                             instances drawn from seeds, certified, split by symmetry orbit
    difficulty/                             the reference search whose guesses are an instance's certified search need
    trace.py, tokens.py                     what a decoder did, event by event; assignments as token sequences
    control_target.py                       a puzzle with further rules, and how rare it is to obey them
    io/                                     records, board text, shipped sets, files written whole or not at all
    specs.py, seeds.py, errors.py           one-line spellings; random streams that depend on names alone; BadInput
"""

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
