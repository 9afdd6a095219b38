"""UNKNOWN: what a solver answers that gave up: neither a grid nor "there is no solution" (None).

>>> from csp.answers import UNKNOWN
>>> UNKNOWN
UNKNOWN
"""

from __future__ import annotations

import enum


class Unknown(enum.Enum):
    """The type of UNKNOWN, its only member."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return self.name


UNKNOWN = Unknown.UNKNOWN
