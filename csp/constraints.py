"""Constraints: plain data about which cells (the scope) may hold which values together.

    >>> AllDifferent((0, 1, 2), relation="row").violated(np.array([[1, 2, 1, 9], [1, 2, 0, 9]]))
    array([ True, False])

An assignment is an integer array of shape (n,) or (batch, n): 0 = blank, 1..d = value. A constraint is
violated once the values already there break it, whatever the blanks become. To add one: a class here or in
csp/global_constraints.py, its encodings in solvers/encodings.py; the tests then compare all of them with brute force.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Int

#: Names a pair of cells can be related by; networks get one learned bias per combination of these.
RELATIONS = ("row", "column", "box", "edge")


class Constraint(ABC):
    """What every constraint, a frozen dataclass, offers. `scope` holds its cells; `relation` is one of RELATIONS, or ""
    for a rule that networks cannot see.
    """

    scope: tuple[int, ...]
    relation: str

    @abstractmethod
    def culprits(self, values: Int[np.ndarray, "*batch k"]) -> Bool[np.ndarray, "*batch k"]:
        """Which of the scope's values (in scope order, 0 = blank) take part in a violation."""

    @property
    @abstractmethod
    def pairwise(self) -> bool:
        """Whether it says exactly that every two cells of its scope differ."""

    @property
    def parameters(self) -> tuple:
        """All its fields but scope and relation: rules of one class with equal parameters can be checked together."""
        return tuple(getattr(self, f.name) for f in fields(self) if f.name not in ("scope", "relation"))

    def violated(self, assignments: Int[np.ndarray, "*batch n"]) -> Bool[np.ndarray, "*batch"] | np.bool_:
        """Whether the committed values already break this constraint."""
        return self.culprits(assignments[..., list(self.scope)]).any(-1)


@dataclass(frozen=True)
class AllDifferent(Constraint):
    """No value stands twice in the scope."""

    scope: tuple[int, ...]
    relation: str = "row"
    pairwise: ClassVar[bool] = True
    parameters: ClassVar[tuple] = ()  # not looked up in each of a large graph's rules, as the property would

    def culprits(self, values: Int[np.ndarray, "*batch k"]) -> Bool[np.ndarray, "*batch k"]:
        same = values[..., :, None] == values[..., None, :]  # (..., k, k)
        return (same.sum(-1) > 1) & (values > 0)


@dataclass(frozen=True)
class NotEqual(Constraint):
    """The two cells of the scope hold different values: an edge of a graph to be coloured."""

    scope: tuple[int, int]
    relation: str = "edge"
    pairwise: ClassVar[bool] = True
    parameters: ClassVar[tuple] = ()

    def culprits(self, values: Int[np.ndarray, "*batch 2"]) -> Bool[np.ndarray, "*batch 2"]:
        broken = (values[..., :1] == values[..., 1:]) & (values[..., :1] > 0)
        return np.concatenate([broken, broken], axis=-1)
