"""A target of control: an instance, further rules that its solution shall obey, and how rare that is.

>>> target = Target("span", plain, (Sum((0, 1, 6), 9, 6),), satisfying=3_111, among=28_200_960)
>>> target.instance.solved(board)      # valid and controlled, by the same checker as everything else
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

from csp.constraints import Constraint
from csp.global_constraints import Among
from csp.problem import Instance, Problem


@dataclass(frozen=True, eq=False)
class Target:
    """task: its name. plain: the puzzle without the control, whose givens are clues that an infilling keeps.

    satisfying, among: how many solutions of the empty board obey control and givens, and how many there are.
    """

    task: str
    plain: Instance
    controls: tuple[Constraint, ...]
    satisfying: int
    among: int

    @property
    def clues(self) -> tuple[Constraint, ...]:
        """The givens as rules."""
        givens = self.plain.givens
        return tuple(Among((cell,), (int(givens[cell]),), 1, 1) for cell in np.nonzero(givens)[0].tolist())

    @property
    def told(self) -> tuple[Constraint, ...]:
        """The control and the clues: what a solution must obey beyond the puzzle's own rules."""
        return self.controls + self.clues

    @cached_property
    def instance(self) -> Instance:
        """The puzzle with the control among its rules."""
        problem = self.plain.problem
        rules = Problem(problem.n, problem.d, problem.constraints + self.controls, f"{problem.name}, {self.task}")
        return Instance(rules, self.plain.givens, self.plain.family, f"{self.plain.provenance}, {self.task}")

    def controlled(self, boards: Int[np.ndarray, "*batch n"]) -> Bool[np.ndarray, "*batch"] | np.bool_:
        """Whether every given stands and every control is obeyed, the puzzle's own rules left aside."""
        givens = self.plain.givens
        kept = ((boards == givens) | (givens == 0)).all(-1)
        rules = Problem(self.plain.problem.n, self.plain.problem.d, self.controls)
        return kept & rules.solved(boards)

    def valid(self, boards: Int[np.ndarray, "*batch n"]) -> Bool[np.ndarray, "*batch"] | np.bool_:
        """Whether the puzzle's own rules are obeyed, the control left aside."""
        return self.plain.problem.solved(boards)
