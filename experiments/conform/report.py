"""What `takeback conform` and the checks of test suites say: a line a property, and each counterexample drawn.

>>> print(report(results, lambda name, case: f"takeback conform ... --property {name} --replay {case}", drawing))
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from experiments.conform.harness import Result


def _drawn(counts: Counter[tuple[int, str]]) -> str:
    """How many of each kind, the traits parted by semicolons."""
    traits = sorted({trait for trait, _ in counts})
    parts = [", ".join(f"{n} {kind}" for (of, kind), n in sorted(counts.items()) if of == trait) for trait in traits]
    return "; ".join(parts)


def _line(result: Result, width: int) -> str:
    """One property: what came of it, of how many."""
    word = "FAILED" if result.failed else "held" if result.judged else "open"
    about = f"{word:<7}{result.property.name:<{width}}  {result.property.about}"
    if result.failed:
        return f"{about}: number {result.draws} broke it"
    if not result.judged:
        return f"{about}: nothing to judge in {result.draws}"
    return (
        f"{about}: {result.draws}" if result.judged == result.draws else f"{about}: {result.judged} of {result.draws}"
    )


def report(
    results: Sequence[Result],
    replay: Callable[[str, Any], str],
    drawing: Callable[[Result], str],
) -> str:
    """All results. replay: the command for a property's name and its smallest counterexample; drawing: that case drawn.

    A property is open where no draw gave it anything to judge.
    """
    width = max(len(result.property.name) for result in results)
    lines = []
    for result in results:
        lines.append(_line(result, width))
        if result.drawn:
            lines.append(f"       {'':<{width}}  {_drawn(result.drawn)}")
        if result.failed:
            case = f"{result.finding.said}\n\n{drawing(result)}\n\nreplay: {replay(result.property.name, result.case)}"
            lines += ["", textwrap.indent(case, "       "), ""]
    failed = [result.property.name for result in results if result.failed]
    verdict = f"{len(failed)} of {len(results)} properties failed: {', '.join(failed)}" if failed else ""
    return "\n".join([*lines, verdict or f"none of {len(results)} properties failed"])


def raise_failed(
    results: Sequence[Result], replay: Callable[[str, Any], str], drawing: Callable[[Result], str]
) -> None:
    """Raises AssertionError with the report if a property failed: for test suites."""
    if any(result.failed for result in results):
        raise AssertionError("\n" + report(results, replay, drawing))


def show(results: Sequence[Result], replay: Callable[[str, Any], str], drawing: Callable[[Result], str]) -> None:
    """Print the report; raises SystemExit with 1 if a property failed: for the command line."""
    print(report(results, replay, drawing))
    if any(result.failed for result in results):
        raise SystemExit(1)
