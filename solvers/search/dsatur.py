"""First fit, fewest values first, never taking back: DSATUR (Brélaz 1979) on graphs, and its like on boards."""

from __future__ import annotations

from csp.problem import Instance
from csp.trace import Costs, Event, Trace
from solvers.search.domains import Domains


def dsatur(instance: Instance, seed: int) -> Trace:
    """Commit the blank cell with fewest legal values (most blank neighbours among equals) to its lowest one.

    Ends stuck at the first blank cell without a legal value; wrong, if there is none and the givens contradict each
    other. Nothing is random: seed is only recorded.
    """
    domains = Domains(instance)
    events: list[Event] = []
    end = "solved"
    while (cell := domains.tightest()) is not None:
        legal = domains.legal(cell)
        if not legal:
            end = "stuck"
            break
        domains.commit(cell, legal[0])
        events.append(Event(len(events) + 1, cell, legal[0]))

    if end == "solved" and not instance.solved(domains.assignment):
        assert instance.problem.violated(instance.givens).any(), "the checker found first fit wrong"
        end = "wrong"
    return Trace(instance.id, "dsatur", seed, tuple(events), end, Costs(len(events)))
