"""Rules that controls are made of: what a solution shall be like beyond being valid.

    >>> Sum((0, 1, 2), 9, 6).violated(np.array([[1, 2, 0], [1, 1, 0]]))     # 1 + 1 + 6 < 9
    array([False,  True])

They say more than "these cells differ", so they are not pairwise. Like every constraint they are violated once the
committed values break them whatever the blanks become; then all committed cells of the scope take part. Their relation
is "" by default: networks do not see them. Scopes hold different cells, at least one.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from csp.constraints import Constraint
from csp.errors import BadInput


class GlobalConstraint(Constraint):
    """A rule about its scope as a whole. Raises BadInput for what can never hold on that scope."""

    def __post_init__(self) -> None:
        if not self.scope or len(set(self.scope)) < len(self.scope):
            raise BadInput(f"{self}: a scope holds different cells, at least one")

    @property
    def pairwise(self) -> bool:
        return False

    def culprits(self, values: Int[np.ndarray, "*batch k"]) -> Bool[np.ndarray, "*batch k"]:
        return self.broken(values)[..., None] & (values > 0)

    @abstractmethod
    def broken(self, values: Int[np.ndarray, "*batch k"]) -> Bool[np.ndarray, "*batch"] | np.bool_:
        """Whether the scope's values (0 = blank) break the rule whatever the blanks become."""


@dataclass(frozen=True)
class Among(GlobalConstraint):
    """From low to high cells of the scope hold one of the values, which rise; blanks may become any or none of them."""

    scope: tuple[int, ...]
    values: tuple[int, ...]
    low: int
    high: int
    relation: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.values or self.values[0] < 1 or any(a >= b for a, b in zip(self.values, self.values[1:])):
            raise BadInput(f"{self}: values are at least 1 and rise, and there is at least one")
        _reachable(self, 0)

    def broken(self, values: Int[np.ndarray, "*batch k"]) -> Bool[np.ndarray, "*batch"] | np.bool_:
        # blanks count for low, since they may yet become one of the values, and not for high
        inside = np.isin(values, self.values).sum(-1)
        return (inside > self.high) | (inside + (values == 0).sum(-1) < self.low)


@dataclass(frozen=True)
class Allowed(GlobalConstraint):
    """The one cell of the scope holds one of the values, which rise: what pencil marks leave of it."""

    scope: tuple[int]
    values: tuple[int, ...]
    relation: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.scope) != 1:
            raise BadInput(f"{self}: candidates are of one cell")
        if not self.values or self.values[0] < 1 or any(a >= b for a, b in zip(self.values, self.values[1:])):
            raise BadInput(f"{self}: values are at least 1 and rise, and there is at least one")

    def broken(self, values: Int[np.ndarray, "*batch k"]) -> Bool[np.ndarray, "*batch"] | np.bool_:
        return ((values > 0) & ~np.isin(values, self.values)).any(-1)


@dataclass(frozen=True)
class Sum(GlobalConstraint):
    """The values of the scope sum to total; d: the largest value of a cell."""

    scope: tuple[int, ...]
    total: int
    d: int
    relation: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not len(self.scope) <= self.total <= len(self.scope) * self.d:
            raise BadInput(f"{self}: {len(self.scope)} values from 1 to {self.d} never sum to {self.total}")

    def broken(self, values: Int[np.ndarray, "*batch k"]) -> Bool[np.ndarray, "*batch"] | np.bool_:
        # blanks add from 1 to d each
        rest, blanks = self.total - values.sum(-1), (values == 0).sum(-1)
        return (rest < blanks) | (rest > blanks * self.d)


@dataclass(frozen=True)
class Increasing(GlobalConstraint):
    """The values strictly rise in scope order; d: the largest value of a cell."""

    scope: tuple[int, ...]
    d: int
    relation: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.scope) > self.d:
            raise BadInput(f"{self}: {len(self.scope)} values from 1 to {self.d} never rise strictly")

    def broken(self, values: Int[np.ndarray, "*batch k"]) -> Bool[np.ndarray, "*batch"] | np.bool_:
        # a value at place i of k has i smaller ones before it: less i, values must not fall, and end by d - (k - 1)
        k = len(self.scope)
        above = np.where(values > 0, values - np.arange(k), 1)  # (..., k); a blank may be as low as it likes
        lows = np.maximum.accumulate(above, axis=-1)
        return ((values > 0) & ((above < lows) | (above > self.d - k + 1))).any(-1)


@dataclass(frozen=True)
class NValues(GlobalConstraint):
    """From low to high different values stand in the scope; low is at most the number of values there are."""

    scope: tuple[int, ...]
    low: int
    high: int
    relation: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        _reachable(self, 1)

    def broken(self, values: Int[np.ndarray, "*batch k"]) -> Bool[np.ndarray, "*batch"] | np.bool_:
        ordered = np.sort(values, axis=-1)
        starts = np.diff(ordered, axis=-1, prepend=0) > 0  # blanks sort first and start nothing
        used = starts.sum(-1)
        return (used > self.high) | (used + (values == 0).sum(-1) < self.low)


def _reachable(rule: Among | NValues, fewest: int) -> None:
    """Raises BadInput unless low..high holds a number from `fewest` to the scope's size."""
    if rule.low > rule.high or rule.high < fewest or rule.low > len(rule.scope):
        raise BadInput(f"{rule}: no number from low to high lies from {fewest} to {len(rule.scope)}")
