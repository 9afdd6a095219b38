"""Depth-first search that writes down every commit and retraction."""

from __future__ import annotations

from csp.problem import Instance
from csp.trace import Costs, Event, Trace
from solvers.search.domains import Domains

BUDGET = 20_000  # commits of the depth-first search


def depth_first(instance: Instance, seed: int, budget: int = BUDGET) -> Trace:
    """Chronological backtracking, fewest legal values first, values rising; a call is one commit.

    Takes back the last commit when a blank cell has no legal value. Ends "refuted" when the whole space is
    searched, "out of budget" after `budget` commits. Nothing is random: seed is only recorded.
    """
    domains = Domains(instance)
    if instance.problem.violated(instance.givens).any():  # a full board of them would be taken for a solution
        return Trace(instance.id, "depth-first", seed, (), "refuted", Costs(0))
    events: list[Event] = []
    calls = 0
    trail: list[tuple[int, list[int]]] = []  # cell, values still to be tried there
    end = "solved"
    while (cell := domains.tightest()) is not None:
        trail.append((cell, domains.legal(cell)))

        # while the last cell has no value left to try, forget it and take back the commit before it
        while trail and not trail[-1][1]:
            trail.pop()
            if trail:
                domains.retract(trail[-1][0])
                events.append(Event(calls, trail[-1][0], 0))
        if not trail:
            end = "refuted"
            break
        if calls >= budget:
            end = "out of budget"
            break

        # the next value of the last cell: of a new one its first, after a retraction another
        cell, values = trail[-1]
        calls += 1
        domains.commit(cell, values[0])
        events.append(Event(calls, cell, values.pop(0)))
    assert end != "solved" or instance.solved(domains.assignment), "the checker found the search wrong"
    return Trace(instance.id, "depth-first", seed, tuple(events), end, Costs(calls))
