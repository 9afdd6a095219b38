"""A property, the search for its smallest counterexample, and what is said of it.

    >>> result = search(Property("checker", "an answer passes the checker", check), subject, puzzles(), 100, seed=0)
    >>> result.failed, result.case                   # whether a draw broke it; the smallest that does, shrunk

hypothesis draws and shrinks. Its randomness comes from the seed and the property's name alone, so the same call draws
the same cases, with any other properties beside it.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from typing import Any

import hypothesis
import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy

from csp.errors import BadInput
from csp.seeds import key
from experiments.cli.signals import interrupted_says

DRAWS = 100  # of each property, where nothing else is said


@dataclass(frozen=True)
class Finding:
    """What breaks a property: said in a line; boards: assignments (n,) that show it, by what they are called."""

    said: str
    boards: dict[str, np.ndarray] = field(default_factory=dict)


#: What a check returns: what it found; or whether there was anything to judge (False where a solver answers "unknown",
#: say, and the property is about its grids).
Outcome = Finding | bool


@dataclass(frozen=True)
class Property:
    """check(subject, case) judges one case. name: for --property; about: what must hold, as a sentence's core."""

    name: str
    about: str
    check: Callable[[Any, Any], Outcome]


@dataclass(frozen=True)
class Result:
    """What came of a property. draws, judged: cases until the first that broke it, and those with something to judge;
    drawn: how many of each kind, (0, "sudoku4") by family, say, and (1, "no solution") by another trait; case, finding:
    the smallest counterexample.
    """

    property: Property
    draws: int
    judged: int
    drawn: Counter[tuple[int, str]]
    finding: Finding | None = None
    case: Any = None

    @property
    def failed(self) -> bool:
        """Whether a case broke it."""
        return self.finding is not None


class _Broken(Exception):
    """A case broke the property: tells hypothesis to shrink it."""


def search(
    prop: Property,
    subject: Any,
    cases: SearchStrategy,
    draws: int,
    seed: int,
    kinds: Callable[[Any], Sequence[str]] = lambda case: (),
    spelled: Callable[[Any], str] = str,
) -> Result:
    """Draw cases until one breaks the property, and shrink it.

    kinds: what a case counts as in the result's `drawn`. spelled: a case as one word, for the line of an interruption.
    What the subject prints is dropped.
    """
    drawn = Counter[tuple[int, str]]()
    tally = Counter[str]()
    broken: tuple[Any, Finding] | None = None
    now: Any = None

    # every source of chance, and of an early end, that is not the seed is turned off
    @hypothesis.seed(key("conform", prop.name, seed))
    @hypothesis.settings(
        max_examples=draws,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        print_blob=False,
    )
    @hypothesis.given(cases)
    def attempt(case):
        nonlocal broken, now
        now = case
        outcome = prop.check(subject, case)
        if broken is None:  # what is drawn while a counterexample is shrunk is no part of the count
            tally["draws"] += 1
            tally["judged"] += bool(outcome)
            drawn.update(enumerate(kinds(case)))
        if isinstance(outcome, Finding):
            broken = case, outcome
            raise _Broken

    with redirect_stdout(io.StringIO()), interrupted_says(lambda: f"it was at {spelled(now)}"):
        try:
            attempt()
        except _Broken:
            pass
        except Flaky:  # broken once, and not again
            case, finding = broken
            broken = case, replace(finding, said=f"{finding.said} (once; on the same case again it did not)")
    case, finding = broken or (None, None)
    return Result(prop, tally["draws"], tally["judged"], drawn, finding, case)


def replayed(prop: Property, subject: Any, case: Any) -> Result:
    """What comes of a property on one case."""
    outcome = prop.check(subject, case)
    finding = outcome if isinstance(outcome, Finding) else None
    return Result(prop, 1, int(bool(outcome)), Counter(), finding, case if finding else None)


def chosen(properties: Sequence[Property], names: Sequence[str]) -> list[Property]:
    """The properties of those names; all of them where none is named. Raises BadInput for a name that is none."""
    known = {prop.name: prop for prop in properties}
    for name in names:
        if name not in known:
            raise BadInput(f"no property {name!r}; there are {', '.join(known)}")
    return [prop for prop in properties if not names or prop.name in names]
