"""The scorer: replays a trace, asks the oracle which states were alive, and says what that means.

    >>> score(trace, instance, pick(instance)).need
    True

A dead end is a commit that turns an alive state dead. Between retractions death is monotone: commits never
revive and retractions never kill, so each run of like events is settled by its last state and a bisection.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from csp.difficulty import reference_search
from csp.problem import Instance, Problem
from csp.trace import Trace, replay
from experiments.scoring import replay_kernels
from experiments.scoring.replay_kernels import DETECTORS
from solvers.oracles.base import Oracle, Undecided
from solvers.oracles.unique import Unique

#: Fields of a score that speak of the first dead end, and all that rest on which states were alive.
FIRST = ("first_dead", "first_dead_blanks", "lag", "lag_calls", "detector", "core", "birth", "distance")
LIFE = ("need", "met", "unmet", "dead_ends", *FIRST, "debt", "recoveries", "needless", "wasted")


@dataclass(frozen=True)
class Score:
    """What one trace shows. None where there is nothing to measure.

    solved: by the checker, whatever the trace says. need: it entered a dead end; met: and ended solved; unmet: and did
    not. dead_ends: how many it entered. Of the first one: first_dead: how many commits had been made, that commit
    counted; first_dead_blanks: cells filled then, as a share of the blanks; lag: commits from there to the first
    visible sign (a broken constraint, or a blank cell without a legal value), if the state was still dead; lag_calls:
    calls likewise; detector: which of DETECTORS sees it at once; core: commits in a minimal core of it; birth: commits
    made since the earliest of them (0: the killing commit is dead by itself); distance: events until it was alive
    again, if it ever was. debt: fewest commits to blank for the final state to be alive; None if it ended solved, or
    undecided (at the dead end itself it is always 1: the commit just made). recoveries: times the trace went from dead
    back to alive. needless: retractions of cells from an alive state. wasted: commits made on a dead state. seconds:
    wall time, a batch's shared by calls. What rests on which states were alive (need to wasted) is None where the
    oracle left that undecided; so are core and birth alone where it left the core open.
    """

    instance: str
    decoder: str
    seed: int
    end: str
    solved: bool
    need: bool | None
    met: bool | None
    unmet: bool | None
    dead_ends: int | None
    first_dead: int | None
    first_dead_blanks: float | None
    lag: int | None
    lag_calls: int | None
    detector: str | None
    core: int | None
    birth: int | None
    distance: int | None
    debt: int | None
    recoveries: int | None
    needless: int | None
    wasted: int | None
    commits: int
    retractions: int
    calls: int
    tokens: int
    flops: float
    seconds: float
    blanks: int
    guesses: int | None
    oracle: str

    @property
    def debt_share(self) -> float | None:
        """Debt as a share of the cells that were filled in the end; a fuller board can owe more."""
        filled = self.commits - self.retractions
        return None if self.debt is None or not filled else self.debt / filled


class TraceAnalysis:
    """A trace on its instance: which of its states were alive, and what follows. Raises BadInput if it does not fit.

    State 0 is before any event, state t + 1 after event t. Everything is worked out when it is first asked for (the
    properties are made of plain methods so that mutation testing reaches them).
    """

    def __init__(self, trace: Trace, instance: Instance, oracle: Oracle):
        self.trace, self.instance, self.oracle = trace, instance, oracle
        self.givens = instance.givens
        self.calls, self.cells, self.values = trace.events.array.T
        event = replay_kernels.fault(self.cells, self.values, self.givens, instance.problem.d)
        if event >= 0:
            replay(trace, self.givens, instance.problem.d)  # names the fault

    def state(self, index: int) -> Int[np.ndarray, " n"]:
        """The assignment in state `index`."""
        return replay_kernels.state_after(self.cells, self.values, self.givens, index)

    def _alive(self) -> Bool[np.ndarray, " states"]:
        """Which states some solution extends, with as few questions to the oracle as it takes."""
        if isinstance(self.oracle, Unique):
            return replay_kernels.wrong(self.cells, self.values, self.givens, self.oracle.solution) == 0
        alive = np.zeros(len(self.values) + 1, dtype=bool)
        now, at = self._ask(0), 0
        alive[0] = now
        taking = self.values == 0
        ends = [*np.nonzero(taking[1:] != taking[:-1])[0] + 1, len(taking)] if len(taking) else []
        for last in map(int, ends):  # states at + 1 .. last are of one run
            if taking[at] == now or self._ask(last) == now:  # commits on a dead state, retractions from an alive one
                alive[at + 1 : last + 1] = now
            else:
                low, high = at, last  # state `low` is as before, state `high` is turned
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (middle, high) if self._ask(middle) == now else (low, middle)
                alive[at + 1 : high] = now
                alive[high : last + 1] = not now
                now = not now
            at = last
        return alive

    alive = cached_property(_alive)

    def _ask(self, index: int) -> bool:
        if self.signs[index] < replay_kernels.CLEAR:
            return False
        state = self.state(index)
        return bool((state > 0).all()) or bool(self.oracle.alive(state[None])[0])  # full, and nothing is broken

    def _signs(self) -> Int[np.ndarray, " states"]:
        """What shows in each state: 0 a broken constraint, 1 a blank cell without a legal value, 2 neither."""
        if not self.instance.problem.pairwise:
            return np.array(
                [_sign(self.instance.problem, self.state(i)) for i in range(len(self.values) + 1)], dtype=int
            )
        starts, neighbours, _ = reference_search.compiled(self.instance.problem)
        return replay_kernels.signs(self.cells, self.values, self.givens, starts, neighbours, self.instance.problem.d)

    signs = cached_property(_signs)

    def _dead_ends(self) -> Int[np.ndarray, " dead"]:
        """The events that turned an alive state dead."""
        return np.nonzero(self.alive[:-1] & ~self.alive[1:])[0]

    dead_ends = cached_property(_dead_ends)

    def _revivals(self) -> Int[np.ndarray, " alive"]:
        """The events that turned a dead state alive."""
        return np.nonzero(~self.alive[:-1] & self.alive[1:])[0]

    revivals = cached_property(_revivals)

    def _at_risk(self) -> Int[np.ndarray, " commits"]:
        """The events that committed in an alive state."""
        return np.nonzero(self.alive[:-1] & (self.values > 0))[0]

    at_risk = cached_property(_at_risk)

    def _commit_numbers(self) -> Int[np.ndarray, " events"]:
        """How many commits had been made by each event, itself counted."""
        return np.cumsum(self.values > 0)

    commit_numbers = cached_property(_commit_numbers)

    def _filled(self) -> Int[np.ndarray, " events"]:
        """How many cells that were not given hold a value after each event."""
        return np.cumsum(np.where(self.values > 0, 1, -1))

    filled = cached_property(_filled)

    def until_it_shows(self, event: int) -> tuple[int, int] | None:
        """(commits, calls) from the dead end at `event` until it shows; None if the trace left it, or ended, before."""
        sign = self.shows_at(event)
        if sign is None:
            return None
        return int(self.commit_numbers[sign] - self.commit_numbers[event]), int(self.calls[sign] - self.calls[event])

    def shows_at(self, event: int) -> int | None:
        """The event after which the dead end at `event` shows; None if the trace left it, or ended, before."""
        revived = self.revivals[self.revivals > event]
        until = int(revived[0]) + 1 if len(revived) else len(self.alive)
        shown = np.nonzero(self.signs[event + 1 : until] < replay_kernels.CLEAR)[0]
        return event + int(shown[0]) if len(shown) else None

    def detector(self, event: int) -> str:
        """The weakest of DETECTORS that sees the dead end at `event` in the state right after it."""
        sign = int(self.signs[event + 1])
        if sign < replay_kernels.CLEAR:
            return DETECTORS[sign]
        problem = self.instance.problem
        state, begin = self.state(event + 1), None
        if not problem.pairwise:  # propagation knows pairwise rules, and begins with what the others leave
            begin = _legal(problem, state) @ (1 << np.arange(problem.d))
        return DETECTORS[replay_kernels.detector(state, *reference_search.pairs(problem), problem.d, begin)]

    def core(self, event: int) -> Int[np.ndarray, " commits"]:
        """The events, rising, that committed a minimal core of the dead end at `event`: the core of latest commits.

        (Earlier commits are done without first, so the first of these begins the shortest run of last commits that
        cannot stand with the givens.)
        """
        state, last = self.state(event + 1), {}
        for number, cell in enumerate(self.cells[: event + 1].tolist()):
            last[cell] = number  # of the write that stands there
        standing = sorted((number, cell) for cell, number in last.items() if state[cell])
        cells = self.oracle.core(state, np.array([cell for _, cell in standing], dtype=np.int64))
        return np.array(sorted(last[cell] for cell in cells.tolist()), dtype=np.int64)

    def distance(self, event: int) -> int | None:
        """Events from the dead end at `event` until the trace was alive again; None if it never was."""
        revived = self.revivals[self.revivals > event]
        return int(revived[0]) - event if len(revived) else None

    def debt(self, index: int) -> int | None:
        """The debt of state `index`, or None if the oracle cannot settle it within its limit."""
        if self.alive[index]:
            return 0
        try:
            return self.oracle.debt(self.state(index))
        except Undecided:
            return None

    def debts(self) -> list[int | None]:
        """The debt of every state: what would have had to be taken back, over time."""
        if isinstance(self.oracle, Unique):
            return replay_kernels.wrong(self.cells, self.values, self.givens, self.oracle.solution).tolist()
        try:
            states = len(self.alive)
        except Undecided:  # asked once, not once a state
            return [None] * (len(self.values) + 1)
        return [self.debt(index) for index in range(states)]


def _legal(problem: Problem, state: Int[np.ndarray, " n"]) -> Bool[np.ndarray, "n d"]:
    """Which values break no rule in each cell, the others as they are; a filled cell has its own."""
    n, d = problem.n, problem.d
    legal = np.zeros((n, d), dtype=bool)
    filled = np.nonzero(state)[0]
    legal[filled, state[filled] - 1] = True
    blank = np.nonzero(state == 0)[0]
    tried = np.repeat(state[None], len(blank) * d, axis=0)  # (blank x d, n)
    tried[np.arange(len(tried)), np.repeat(blank, d)] = np.tile(np.arange(1, d + 1), len(blank))
    legal[blank] = ~problem.violated(tried).any(1).reshape(len(blank), d)
    return legal


def _sign(problem: Problem, state: Int[np.ndarray, " n"]) -> int:
    """What shows in a state of a problem with rules of any class, as TraceAnalysis.signs."""
    if problem.violated(state).any():
        return 0
    return replay_kernels.CLEAR if _legal(problem, state).any(1).all() else 1


def liveness(trace: Trace, instance: Instance, oracle: Oracle) -> Bool[np.ndarray, " states"]:
    """Which of a trace's states (before any event, and after each) some solution extends."""
    return TraceAnalysis(trace, instance, oracle).alive


def score(trace: Trace, instance: Instance, oracle: Oracle) -> Score:
    """Replay the trace and score it. Raises BadInput if its events do not fit the instance."""
    return score_life(TraceAnalysis(trace, instance, oracle))


def score_life(life: TraceAnalysis) -> Score:
    """The score of a trace whose life has been looked into."""
    trace, instance, values = life.trace, life.instance, life.values
    solved = bool(instance.solved(life.state(len(values))))
    try:
        story = _story(life, solved)
    except Undecided:
        story = dict.fromkeys(LIFE)
    return Score(
        instance=instance.id,
        decoder=trace.decoder,
        seed=trace.seed,
        end=trace.end,
        solved=solved,
        **story,
        commits=int((values > 0).sum()),
        retractions=int((values == 0).sum()),
        calls=trace.costs.calls,
        tokens=trace.costs.tokens,
        flops=trace.costs.flops,
        seconds=trace.costs.seconds,
        blanks=instance.blanks,
        guesses=None if instance.difficulty is None else instance.difficulty.guesses,
        oracle=life.oracle.name,
    )


def _story(life: TraceAnalysis, solved: bool) -> dict[str, Any]:
    """The fields in LIFE. Raises Undecided where the oracle leaves open which states were alive."""
    alive, values = life.alive, life.values
    need = bool(len(life.dead_ends))
    first: dict[str, Any] = dict.fromkeys(FIRST)
    if need:
        event = int(life.dead_ends[0])
        first_dead = int(life.commit_numbers[event])
        shown = life.until_it_shows(event) or (None, None)
        first |= {
            "first_dead": first_dead,
            "first_dead_blanks": float(life.filled[event] / life.instance.blanks),
            "lag": shown[0],
            "lag_calls": shown[1],
            "detector": life.detector(event),
            "distance": life.distance(event),
        }
        with suppress(Undecided):
            commits = life.core(event)
            first |= {"core": len(commits), "birth": first_dead - int(life.commit_numbers[commits[0]])}
    return {
        "need": need,
        "met": need and solved,
        "unmet": need and not solved,
        "dead_ends": len(life.dead_ends),
        **first,
        "debt": None if solved else life.debt(len(values)),
        "recoveries": len(life.revivals),
        "needless": int((alive[:-1] & (values == 0)).sum()),
        "wasted": int((~alive[:-1] & (values > 0)).sum()),
    }
