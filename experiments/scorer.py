"""The scorer: replays a trace, asks the oracle which states were alive, and says what that means.

    >>> score(trace, instance, pick(instance)).need
    True

A dead end is a commit that turns an alive state dead. Between retractions death is monotone: commits never
revive and retractions never kill, so each run of like events is settled by its last state and a bisection.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np
from jaxtyping import Bool, Int

from csp.problem import Instance
from csp.trace import Trace, replay
from solvers import propagate
from solvers.oracle import Oracle, Undecided


@dataclass(frozen=True)
class Score:
    """What one trace shows. None where there is nothing to measure.

    solved: by the checker, whatever the trace says. need: it entered a dead end; met: and ended solved;
    unmet: and did not. first_dead: how many commits had been made when it first did, that commit counted;
    first_dead_blanks: cells filled then, as a share of the blanks. lag: commits from there to the first
    visible sign (a broken constraint, or a blank cell without a legal value), if the state was still dead.
    debt: fewest commits to blank for the final state to be alive; None if it ended solved, or undecided. (At the dead
    end itself it is always 1: the commit just made.) recoveries: times the trace went from dead back to alive.
    needless: retractions of cells from an alive state. seconds: wall time, a batch's shared by calls.
    """

    instance: str
    decoder: str
    seed: int
    end: str
    solved: bool
    need: bool
    met: bool
    unmet: bool
    first_dead: int | None
    first_dead_blanks: float | None
    lag: int | None
    debt: int | None
    recoveries: int
    needless: int
    commits: int
    retractions: int
    calls: int
    tokens: int
    flops: float
    seconds: float
    blanks: int
    guesses: int | None
    oracle: str


def liveness(
    states: Int[np.ndarray, "states n"], values: Int[np.ndarray, " events"], oracle: Oracle
) -> Bool[np.ndarray, " states"]:
    """Which of a trace's states are alive, with as few questions to the oracle as it takes.

    values are the events' values: 0 takes back, any other commits.
    """
    problem = oracle.instance.problem
    alive = np.zeros(len(states), dtype=bool)

    def ask(index: int) -> bool:
        if problem.violated(states[index]).any():
            return False
        if (states[index] > 0).all():  # complete and not violated
            return True
        return bool(oracle.alive(states[index : index + 1])[0])

    now, at = ask(0), 0
    alive[0] = now
    for taking, run in groupby(values == 0):
        last = at + len(list(run))  # states at+1 .. last are of this run
        if (
            bool(taking) == now or ask(last) == now
        ):  # commits on a dead state, retractions from an alive one: nothing changes
            alive[at + 1 : last + 1] = now
        else:
            low, high = at, last  # states[low] is as before, states[high] is turned
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if ask(middle) == now else (low, middle)
            alive[at + 1 : high] = now
            alive[high : last + 1] = not now
            now = not now
        at = last
    return alive


def score(trace: Trace, instance: Instance, oracle: Oracle) -> Score:
    """Replay the trace and score it. Raises BadInput if its events do not fit the instance."""
    states = replay(trace, instance.givens)
    values = np.array([event.value for event in trace.events], dtype=np.int64)
    alive = liveness(states, values, oracle)
    solved = bool(instance.solved(states[-1]))
    dead_ends = np.nonzero(alive[:-1] & ~alive[1:])[0]  # events that killed
    first_dead = first_dead_blanks = lag = None
    if len(dead_ends):
        event = int(dead_ends[0])
        first_dead = int((values[: event + 1] > 0).sum())
        filled = (states[event + 1] > 0).sum() - (instance.givens > 0).sum()
        first_dead_blanks = float(filled / instance.blanks)
        lag = _lag(states, values, alive, event, instance)
    return Score(
        instance=instance.id,
        decoder=trace.decoder,
        seed=trace.seed,
        end=trace.end,
        solved=solved,
        need=bool(len(dead_ends)),
        met=bool(len(dead_ends)) and solved,
        unmet=bool(len(dead_ends)) and not solved,
        first_dead=first_dead,
        first_dead_blanks=first_dead_blanks,
        lag=lag,
        debt=None if solved else (0 if alive[-1] else _debt(states[-1], oracle)),
        recoveries=int((~alive[:-1] & alive[1:]).sum()),
        needless=int((alive[:-1] & (values == 0)).sum()),
        commits=trace.commits,
        retractions=trace.retractions,
        calls=trace.costs.calls,
        tokens=trace.costs.tokens,
        flops=trace.costs.flops,
        seconds=trace.costs.seconds,
        blanks=instance.blanks,
        guesses=None if instance.difficulty is None else instance.difficulty.guesses,
        oracle=oracle.name,
    )


def _debt(state: Int[np.ndarray, " n"], oracle: Oracle) -> int | None:
    """The debt, or None if the oracle cannot settle it within its limit."""
    try:
        return oracle.debt(state)
    except Undecided:
        return None


def _lag(states, values, alive, event: int, instance: Instance) -> int | None:
    """Commits after the dead end at `event` until it shows; None if the trace left it, or stopped, before."""
    revived = np.nonzero(alive[event + 1 :])[0]
    until = event + 1 + (int(revived[0]) if len(revived) else len(alive) - event - 1)
    shown = propagate.visible(states[event + 1 : until], instance.problem.adjacency[None], instance.problem.d)
    if not shown.any():
        return None
    sign = event + 1 + int(np.argmax(shown))  # the state in which it shows
    return int((values[event + 1 : sign] > 0).sum())
