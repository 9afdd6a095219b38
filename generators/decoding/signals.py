"""Signals: what retraction may look at. Each says of every committed cell how much it is to blame.

Pointing signals (violations, neighbourhood, core) name a set of suspects; ranking ones (random, stored, left-out,
quality, reread) give an order, and take as many as the pointing signal of their `dose` would at the same moment.

    >>> pointed, blame = suspects(state, sources, rows, seen)          # (rows, N) each

A new signal is a function here, in POINTING or called in suspects, and a word in generators/decoding/spec.py.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from generators.decoding.spec import RANKING
from generators.decoding.state import REMASK, State, highest
from generators.decoding.vetoes import Inspection
from generators.models.interface import Model, Orderer, Remasker, Rereading, Scorer
from solvers.oracles.base import Oracle
from solvers.oracles.pick import pick

NAMED = 2  # added to the doubt, which is at most 1, of cells that a pointing signal names


@dataclass
class SignalSources:
    """Whom order and retraction may ask: the decoder's own model, heads, an oracle an instance."""

    model: Model
    quality: Scorer | None
    remasker: Remasker | None
    oracles: dict[int, Oracle]
    orderer: Orderer | None = None

    def oracle(self, state: State, row: int) -> Oracle:
        """The oracle of one board's instance."""
        if row not in self.oracles:
            self.oracles[row] = pick(state.boards.instances[row])
        return self.oracles[row]

    def core(self, state: State, row: int) -> Int[np.ndarray, " cells"]:
        """Commits of one board that cannot stand together, latest ones left out first where there is a choice."""
        n = state.boards.instances[row].problem.n
        cells = np.nonzero(state.committed(np.array([row]))[0, :n])[0]
        latest = cells[np.argsort(-state.commit_order[row, cells], kind="stable")]
        return self.oracle(state, row).core(state.assignments[row, :n], latest)


def suspects(
    state: State, sources: SignalSources, rows: Int[np.ndarray, " rows"], seen: Inspection
) -> tuple[Bool[np.ndarray, "rows N"], Float[np.ndarray, "rows N"]]:
    """(suspects, blame): the cells that the decoder's signal points at, at least one a row where any is committed, and
    how much each committed cell is to blame (-inf where none is committed).

    Cells that a pointing signal names are blamed above all others, the least confident of them first.
    """
    signal = state.decoder.signal
    committed = state.committed(rows)
    doubt = 1 - state.confidence[rows]
    if signal not in RANKING:
        pointed = POINTING[signal](state, sources, rows, seen)
        return pointed, np.where(committed, pointed * NAMED + doubt, -np.inf)

    # As many as the pointing signal of the dose names now, so that only the choice differs, not the number.
    dose = state.decoder.dose
    size = np.ones(len(rows)) if dose == "one" else POINTING[dose](state, sources, rows, seen).sum(1)
    if signal == "random":
        blame = state.random(rows, REMASK)
    elif signal == "stored":
        blame = doubt
    else:
        blame = {"left-out": left_out, "quality": quality, "reread": reread}[signal](state, sources, rows)
    blame = np.where(committed, blame, -np.inf)
    return committed & highest(blame, size), blame


def violations(
    state: State, sources: SignalSources, rows: Int[np.ndarray, " rows"], seen: Inspection
) -> Bool[np.ndarray, "rows N"]:
    """Committed cells in visible conflict; without any, those around blank cells that have no value left; where the
    veto alone knows why the board is lost, all committed cells.
    """
    committed = state.committed(rows)
    pointed = seen.clash & committed
    for left in (seen.legal, seen.allowed):
        none = ~pointed.any(1)
        if none.any():
            empty = (state.assignments[rows[none]] == 0) & state.free[rows[none]] & ~left[none].any(-1)
            pointed[none] = beside(state, rows[none], empty) & committed[none]
    return np.where(pointed.any(1, keepdims=True), pointed, committed)


def neighbourhood(
    state: State, sources: SignalSources, rows: Int[np.ndarray, " rows"], seen: Inspection
) -> Bool[np.ndarray, "rows N"]:
    """The cells in violation and every committed neighbour of theirs."""
    pointed = violations(state, sources, rows, seen)
    return pointed | (beside(state, rows, pointed) & state.committed(rows))


def core(
    state: State, sources: SignalSources, rows: Int[np.ndarray, " rows"], seen: Inspection
) -> Bool[np.ndarray, "rows N"]:
    """Commits that cannot stand together."""
    pointed = np.zeros((len(rows), state.boards.width), dtype=bool)
    for place, row in enumerate(rows.tolist()):
        pointed[place, sources.core(state, row)] = True
    return pointed


POINTING = {"violations": violations, "neighbourhood": neighbourhood, "core": core}


def left_out(state: State, sources: SignalSources, rows: Int[np.ndarray, " rows"]) -> Float[np.ndarray, "rows N"]:
    """1 - the model's probability of each committed value given all other cells. A call a cell."""
    started = time.perf_counter()
    which, cells = np.nonzero(state.committed(rows))  # a question each: this cell blank, all others as they are
    boards = state.boards.take(rows[which])
    without = state.assignments[rows[which]]
    each = np.arange(len(which))
    values = without[each, cells]
    without[each, cells] = 0
    wanted = np.zeros(without.shape, dtype=bool)
    wanted[each, cells] = True
    commit_order = state.commit_order[rows[which]]
    prediction = sources.model.open(boards).predict(each, without, commit_order, wanted)

    # A cell that the model cannot speak about is not to blame.
    blame = np.zeros((len(rows), state.boards.width))
    chance = np.exp(prediction.log_probs[each, cells, values - 1])
    blame[which, cells] = 1 - np.where(prediction.speaks[each, cells], chance, 1.0)

    calls, tokens, flops = (
        np.bincount(which, weights=weights, minlength=len(rows))
        for weights in (None, prediction.tokens, prediction.flops)
    )
    state.spend(rows, calls, tokens.astype(np.int64), flops, time.perf_counter() - started)
    return blame


def quality(state: State, sources: SignalSources, rows: Int[np.ndarray, " rows"]) -> Float[np.ndarray, "rows N"]:
    """1 - the quality head's probability that each committed value is right. A call."""
    return 1 - quality_of(state, sources, rows, state.assignments[rows])


def quality_of(
    state: State, sources: SignalSources, rows: Int[np.ndarray, " rows"], assignments: Int[np.ndarray, "rows N"]
) -> Float[np.ndarray, "rows N"]:
    """The quality head's probability that each value of those boards, filled so, is right. A call."""
    started = time.perf_counter()
    assert sources.quality is not None, "decode checks that there is one"
    verdict = sources.quality.score(state.boards, rows, assignments)
    state.spend(rows, 1, verdict.tokens, verdict.flops, time.perf_counter() - started)
    return verdict.right


def reread(state: State, sources: SignalSources, rows: Int[np.ndarray, " rows"]) -> Float[np.ndarray, "rows N"]:
    """1 - the probability that the model, reading the boards as they stand, gives each committed value. A call."""
    started = time.perf_counter()
    session = sources.model.open(state.boards)
    assert isinstance(session, Rereading), "decode checks that it is one"
    now = state.assignments[rows]
    prediction = session.reread(rows, now, state.commit_order[rows])
    state.spend(rows, 1, prediction.tokens, prediction.flops, time.perf_counter() - started)
    return 1 - np.exp(np.take_along_axis(prediction.log_probs, np.maximum(now - 1, 0)[..., None], axis=2)[..., 0])


def beside(
    state: State, rows: Int[np.ndarray, " rows"], cells: Bool[np.ndarray, "rows N"]
) -> Bool[np.ndarray, "rows N"]:
    """The neighbours of those cells, given or not, blank or not."""
    adjacency = state.boards.adjacency
    adjacency = adjacency if len(adjacency) == 1 else adjacency[rows]
    return np.matmul(adjacency.astype(np.float32), cells[..., None].astype(np.float32))[..., 0] > 0
