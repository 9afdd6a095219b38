"""Min-conflicts (Minton et al. 1992): fill the board, then keep moving a cell that is in conflict."""

from __future__ import annotations

import numpy as np

from csp.problem import Instance
from csp.seeds import stream
from csp.trace import Costs, Event, Trace
from solvers.search.domains import Domains

BUDGET = 1_000  # calls: commits of the first draft and moves after it
NOISE = 0.05  # chance that a move takes a random value, to leave plateaus


def min_conflicts(instance: Instance, seed: int, budget: int = BUDGET) -> Trace:
    """A first draft in random cell order, each cell to a value with fewest conflicts (ties at random); then,
    until no conflict is left, a random cell in conflict is moved to another value with fewest conflicts.

    A call is one commit; a move is a retraction and a commit. Ends "out of budget" after `budget` calls.
    """
    rng = stream("min-conflicts", seed, instance.id)
    domains = Domains(instance)
    free = np.nonzero(instance.givens == 0)[0]
    events: list[Event] = []

    # the first draft: greedy, and in conflict where it must be
    for call, cell in enumerate(rng.permutation(free), 1):
        value = _best(domains.held[cell, 1:], rng)
        domains.commit(int(cell), value)
        events.append(Event(call, int(cell), value))
    calls = len(free)

    # repair: held[cell, value] counts the neighbours that a value would be in conflict with
    while True:
        here = domains.held[free, domains.assignment[free]] > 0
        if not here.any() or calls >= budget:
            break
        calls += 1
        cell = int(rng.choice(free[here]))
        held = domains.held[cell, 1:].astype(float)
        held[domains.assignment[cell] - 1] = np.inf  # a move changes the value
        value = int(rng.integers(1, domains.d + 1)) if rng.random() < NOISE else _best(held, rng)
        if value == domains.assignment[cell]:  # the random value was the old one: a call, but no move
            continue
        domains.retract(cell)
        domains.commit(cell, value)
        events += [Event(calls, cell, 0), Event(calls, cell, value)]

    end = "solved" if instance.solved(domains.assignment) else "out of budget"
    return Trace(instance.id, "min-conflicts", seed, tuple(events), end, Costs(calls))


def _best(conflicts: np.ndarray, rng: np.random.Generator) -> int:
    """A value 1..d with fewest conflicts, ties at random."""
    return int(rng.choice(np.nonzero(conflicts == conflicts.min())[0])) + 1
