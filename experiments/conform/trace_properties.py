"""What every trace must do, whoever made it.

    >>> trace_fault(trace, instance) is None
    >>> check_traces(traces, instances)             # in a test: raises AssertionError with the shortest bad trace

Each check judges a Claim: a trace, its puzzle, and what its file says beside the events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from csp.errors import BadInput
from csp.problem import Instance
from csp.trace import Trace, replay
from experiments.conform.brute_force import brute_debt, extending, is_small
from experiments.conform.cases import cell_name, count_to_two, draw_boards
from experiments.conform.harness import Finding, Outcome, Property, Result, chosen
from experiments.conform.report import raise_failed
from experiments.scoring.scorer import TraceAnalysis, score_life
from generators.decoding.spec import parse
from solvers.oracles.pick import pick


@dataclass(frozen=True)
class Claim:
    """A trace and its puzzle. irrevocable: its decoder may take nothing back; stated: further fields of its record."""

    trace: Trace
    instance: Instance
    irrevocable: bool = False
    stated: dict[str, Any] = field(default_factory=dict)


def is_irrevocable(decoder: str) -> bool:
    """Whether a decoder's name is a spelling of one (generators/decoding/spec.py) that takes nothing back. A model's
    name may stand before the words, if order or veto is among them.
    """
    _, _, words = decoder.rpartition(":")
    own = ["net:" + words] if {"order", "veto"} & {word.partition("=")[0] for word in words.split(",")} else []
    for name in (decoder, *own):
        try:
            return parse(name).retraction == "none"
        except BadInput:
            continue
    return False


def touches_no_given(_: None, claim: Claim) -> Outcome:
    givens = claim.instance.givens
    for number, (_, cell, value) in enumerate(claim.trace.events, 1):
        if 0 <= cell < len(givens) and givens[cell]:
            name = cell_name(claim.instance, cell)
            return Finding(f"event {number} writes {value} to {name}, which is given as {givens[cell]}")
    return True


def replays(_: None, claim: Claim) -> Outcome:
    if isinstance(touches_no_given(None, claim), Finding):
        return False
    try:
        replay(claim.trace, claim.instance.givens, claim.instance.problem.d)
    except BadInput as fault:
        return Finding(str(fault))
    return True


def _where_replayed(judge: Callable[[Claim, np.ndarray], Outcome]) -> Callable[[None, Claim], Outcome]:
    """A check of the states (events + 1, n) of a trace that replays; others are left to `replays`."""

    def check(_: None, claim: Claim) -> Outcome:
        if replays(None, claim) is not True:
            return False
        return judge(claim, replay(claim.trace, claim.instance.givens, claim.instance.problem.d))

    return check


@_where_replayed
def end_is_true(claim: Claim, states: np.ndarray) -> Outcome:
    last, said, instance = states[-1], claim.trace.end, claim.instance
    right, full = bool(instance.solved(last)), bool((last > 0).all())
    if (said == "solved") != right:
        return Finding(f"it says '{said}'; the checker says it is {'' if right else 'not '}solved", {"end": last})
    if said == "wrong" and not full:
        return Finding("it says 'wrong', which is of full boards; cells are blank", {"end": last})
    if said == "stuck" and full:
        return Finding("it says 'stuck', which is of boards with blank cells; none is blank", {"end": last})
    if said == "refuted" and count_to_two(instance):
        return Finding("it says 'refuted'; there is a solution", {"end": last})
    return True


def calls_never_fall(_: None, claim: Claim) -> Outcome:
    calls, most = claim.trace.events.array[:, 0], claim.trace.costs.calls
    falls = np.nonzero(np.diff(calls) < 0)[0]
    if len(falls):
        return Finding(f"event {falls[0] + 2} is of call {calls[falls[0] + 1]}, the one before of {calls[falls[0]]}")
    if len(calls) and not 0 <= calls.min() <= calls.max() <= most:
        return Finding(f"events are of calls {calls.min()} to {calls.max()}; {most} calls are counted")
    return True


def takes_nothing_back(_: None, claim: Claim) -> Outcome:
    if not claim.irrevocable:
        return False
    taken = np.nonzero(claim.trace.events.values == 0)[0]
    if len(taken):
        _, cell, _ = claim.trace.events[int(taken[0])]
        return Finding(f"event {taken[0] + 1} takes back {cell_name(claim.instance, cell)}")
    return True


@_where_replayed
def figures_are_right(claim: Claim, states: np.ndarray) -> Outcome:
    """By brute force on small puzzles: the scorer's figures, and those that the file states under the same names.
    board: (n,).
    """
    instance, trace = claim.instance, claim.trace
    if not is_small(instance.problem):
        return False
    life = TraceAnalysis(trace, instance, pick(instance))
    alive = np.array([len(extending(instance.problem, state)) > 0 for state in states])
    values = trace.events.values
    truth = {
        "solved": bool(instance.solved(states[-1])),
        "commits": int((values > 0).sum()),
        "retractions": int((values == 0).sum()),
        "dead_ends": int((alive[:-1] & ~alive[1:]).sum()),
        "recoveries": int((~alive[:-1] & alive[1:]).sum()),
        "need": bool((alive[:-1] & ~alive[1:]).any()),
    }
    if alive[0]:
        truth["debt"] = None if truth["solved"] else brute_debt(instance, states[-1])
        scored = score_life(life)
        for name, value in truth.items():
            if getattr(scored, name) != value:
                return Finding(f"brute force counts {name} {value}, the scorer {getattr(scored, name)}")
    for name in truth.keys() & claim.stated.keys():
        if claim.stated[name] != truth[name]:
            return Finding(f"it states {name} {claim.stated[name]}; brute force counts {truth[name]}")
    return True


TRACE_PROPERTIES = (
    Property("givens", "no given changes", touches_no_given),
    Property("replay", "every event can have happened", replays),
    Property("end", "it says truly how it ended", end_is_true),
    Property("calls", "calls never fall and are all counted", calls_never_fall),
    Property("irrevocable", "a decoder without retraction takes nothing back", takes_nothing_back),
    Property("figures", "counts, dead ends and debt equal brute force (small puzzles)", figures_are_right),
)


def trace_fault(trace: Trace, instance: Instance, irrevocable: bool = False) -> Finding | None:
    """The first thing that is wrong with a trace, but for its figures; None if nothing is."""
    claim = Claim(trace, instance, irrevocable)
    outcomes = (prop.check(None, claim) for prop in TRACE_PROPERTIES if prop.name != "figures")
    return next((outcome for outcome in outcomes if isinstance(outcome, Finding)), None)


def _read(_: None, claim: Claim | Finding) -> Finding | bool:
    return claim if isinstance(claim, Finding) else True


#: Of files: whatever is wrong with a line that is no trace of a puzzle.
READ = Property("read", "every line is a trace of one of the puzzles", _read)


def trace_results(claims: Sequence[tuple[int, Claim | Finding]], properties: Sequence[str] = ()) -> list[Result]:
    """What comes of each of TRACE_PROPERTIES on traces, each with the number of its line; a Finding stands for a line
    that holds none. The counterexample of a property is the failing trace with fewest events. Raises BadInput.
    """
    some = chosen((READ, *TRACE_PROPERTIES), properties)
    return [_traces_result(prop, claims) for prop in some]


def _traces_result(prop: Property, claims: Sequence[tuple[int, Claim | Finding]]) -> Result:
    some = [(line, claim) for line, claim in claims if prop is READ or isinstance(claim, Claim)]
    outcomes = [(line, claim, prop.check(None, claim)) for line, claim in some]
    broken = [outcome for outcome in outcomes if isinstance(outcome[2], Finding)]
    drawn = Counter((0, f"of {claim.trace.decoder}") for _, claim in some if isinstance(claim, Claim))
    first = next((number for number, outcome in enumerate(outcomes, 1) if isinstance(outcome[2], Finding)), len(some))
    judged = sum(bool(outcome) for *_, outcome in outcomes)
    if not broken:
        return Result(prop, len(some), judged, drawn)
    line, claim, finding = min(broken, key=lambda found: (_events(found[1]), found[0]))
    return Result(prop, first, judged, drawn, finding, (line, claim))


def _events(claim: Claim | Finding) -> int:
    return len(claim.trace.events) if isinstance(claim, Claim) else 0


def draw_result(result: Result) -> str:
    """The counterexample, drawn."""
    line, claim = result.case
    if isinstance(claim, Finding):
        return f"line {line}"
    boards = draw_boards(claim.instance, {"puzzle": claim.instance.givens, **result.finding.boards})
    return f"line {line}: {claim.trace.decoder}, {len(claim.trace.events)} events\n{boards}"


def check_traces(traces: Sequence[Trace], instances: Sequence[Instance]) -> list[Result]:
    """Run all properties of traces on traces of those instances; as check_solver.

    A decoder whose name is a spelling with retraction=none may take nothing back.
    """
    known = {instance.id: instance for instance in instances}
    claims: list[tuple[int, Claim | Finding]] = []
    for number, trace in enumerate(traces, 1):
        instance = known.get(trace.instance)
        missing = Finding(f"trace {number} is of {trace.instance}, which is none of the instances")
        claims.append((number, Claim(trace, instance, is_irrevocable(trace.decoder)) if instance else missing))
    results = trace_results(claims)
    raise_failed(results, lambda name, case: f"trace {case[0]} of those given", draw_result)
    return results
