"""Beam search: `width` boards of an instance side by side, each extended by one cell, the likeliest ones kept.

A board's score is the sum of the log-probabilities of its commits, after the veto. Each of the boards costs a call.
The trace is that of the leading board: when another one takes the lead, what differs is taken back and committed. The
first full board that the checker finds right is the answer (as in best-of-n); else the leading full one.

    >>> run(state, model)        # as the decode loop calls it

This loop stays apart from generators/decoding/loop.py: there a board is an instance and fills cells by its own lights,
here a call makes the boards of an instance compete for its slots, and none of them takes anything back. It shares with
the searches of steered nets (generators/control/particles.py) the choice of continuations, likeliest().
"""

from __future__ import annotations

import time

import numpy as np
from jaxtyping import Bool, Float, Int

from generators.decoding import orders
from generators.decoding.state import SMALLEST, State
from generators.decoding.vetoes import inspect
from generators.models.interface import Model, Moving


def run(state: State, model: Model) -> None:
    """Decode all boards of the state."""
    beams = _Beams(state, model)
    while len(beams.active):
        beams.step()


class _Beams:
    """Boards in slots: instance i has slots i * width .. (i + 1) * width - 1; a slot of score -inf is empty."""

    def __init__(self, state: State, model: Model):
        width = state.decoder.width
        self.state, self.width = state, width
        self.of = np.repeat(np.arange(len(state.boards)), width)
        self.slots = State(state.decoder, state.boards.take(self.of))
        self.score = np.where(np.arange(len(self.of)) % width == 0, 0.0, -np.inf)
        self.session = model.open(self.slots.boards)
        rows = np.arange(len(state.boards))
        self.active = rows[~state.full(rows)]
        self._close(np.zeros(len(self.active), dtype=bool))

    def _rows(self) -> Int[np.ndarray, " slots"]:
        """The slots in use, of all active instances."""
        slots = (self.active[:, None] * self.width + np.arange(self.width)).ravel()
        return slots[np.isfinite(self.score[slots])]

    def step(self) -> None:
        """One call for every board of every unfinished instance."""
        started = time.perf_counter()
        slots, rows = self.slots, self._rows()

        # Which cell each board is extended by: known before the model is asked, or chosen by its answer.
        seen = inspect(slots, rows)
        blank = (slots.assignments[rows] == 0) & slots.free[rows]
        priority = orders.before(slots, rows, seen)
        wanted = None
        if priority is not None:
            wanted = np.zeros(blank.shape, dtype=bool)
            wanted[np.arange(len(rows)), np.where(blank, priority, -np.inf).argmax(1)] = True
        prediction = self.session.predict(rows, slots.assignments[rows], slots.commit_order[rows], wanted)
        slots.calls[rows] += 1
        self._share(rows, prediction.tokens, prediction.flops)

        # Log-probabilities after the veto; -inf everywhere where it leaves no value.
        kept = np.where(seen.allowed, prediction.log_probs, -np.inf)  # (slots, N, d)
        top = kept.max(-1, keepdims=True)
        scaled = kept - np.where(np.isfinite(top), top, 0.0)
        log_probs = scaled - np.log(np.maximum(np.exp(scaled).sum(-1, keepdims=True), SMALLEST))
        log_probs = np.where(np.isfinite(kept), log_probs, -np.inf)
        if priority is None:
            priority = orders.after(self.state.decoder.order, np.exp(log_probs), np.exp(log_probs.max(-1)))
        cells = np.where(prediction.speaks & blank, priority, -np.inf).argmax(1)

        extended = self.score[rows][:, None] + log_probs[np.arange(len(rows)), cells]  # (slots, d)
        extended[seen.inconsistent] = -np.inf
        self._extend(rows, cells, extended)
        self._close(self.state.spent(self.active))
        self.state.seconds[self.active] += (time.perf_counter() - started) / max(1, len(self.active))

    def _share(self, rows: Int[np.ndarray, " slots"], tokens, flops) -> None:
        """What the slots have cost goes to their instances."""
        for total, cost in ((self.state.calls, 1), (self.state.tokens, tokens), (self.state.flops, flops)):
            np.add.at(total, self.of[rows], cost)

    def _extend(self, rows, cells, extended: Float[np.ndarray, "slots d"]) -> None:
        """Keep the likeliest extensions of each instance, no two boards alike."""
        slots, width = self.slots, self.width
        made: list[tuple[int, int, int, int]] = []  # slot, parent, cell, value
        score = np.full(len(self.score), -np.inf)
        for instance in self.active:
            mine = np.nonzero(self.of[rows] == instance)[0]
            boards = slots.assignments[rows[mine]]
            for number, (parent, value) in enumerate(likeliest(extended[mine], width, boards, cells[mine])):
                slot = instance * width + number
                made.append((slot, rows[mine[parent]], cells[mine[parent]], value))
                score[slot] = extended[mine[parent], value - 1]
        target, parent, cell, value = np.array(made, dtype=np.int64).reshape(-1, 4).T

        # Every slot takes over its parent's board (read before any is written) and the new value.
        for array in (slots.assignments, slots.commit_order, slots.calls):
            array[target] = array[parent]
        slots.commit_order[target, cell] = slots.commit_order[target].max(1, initial=0) + 1
        slots.assignments[target, cell] = value
        if isinstance(self.session, Moving) and len(target):
            self.session.move(target, parent)
        mine = np.isin(self.of, self.active)
        self.score[mine] = score[mine]

    def _close(self, spent: Bool[np.ndarray, " rows"]) -> None:
        """Show the leading boards in the trace; finish instances that are right, lost or out of budget."""
        state, slots, width = self.state, self.slots, self.width
        if not len(self.active):
            return
        every = (self.active[:, None] * width + np.arange(width)).ravel()
        seen = inspect(slots, every)

        # (active, width): slots in use, and of those the full, the right and the ones that can still be extended.
        real = np.isfinite(self.score[every]).reshape(-1, width)
        full = slots.full(every).reshape(-1, width) & real
        right = full & ~seen.clash.any(1).reshape(-1, width)
        alive = real & ~seen.inconsistent.reshape(-1, width) & ~full

        # The leading board is what the trace shows.
        lead = np.where(right.any(1), right.argmax(1), np.where(alive.any(1), alive.argmax(1), 0))
        chosen = every.reshape(-1, width)[np.arange(len(self.active)), lead]
        changed = real.any(1) & (state.assignments[self.active] != slots.assignments[chosen]).any(1)
        rows, chosen = self.active[changed], chosen[changed]
        state.restore(rows, slots.assignments[chosen], slots.commit_order[chosen], slots.confidence[chosen])

        self.score[every[seen.inconsistent]] = -np.inf  # lost: no call is spent on them
        over = right.any(1) | ~alive.any(1) | spent
        state.ends[self.active[over]] = np.select(
            [right.any(1), alive.any(1), state.full(self.active)], ["solved", "out of budget", "wrong"], "stuck"
        )[over]
        self.active = self.active[~over]


def likeliest(
    scores: Float[np.ndarray, "boards d"],
    width: int,
    boards: Int[np.ndarray, "boards N"],
    cells: Int[np.ndarray, " boards"],
) -> list[tuple[int, int]]:
    """(parent, value 1..d) of up to `width` continuations of some boards by one cell each, the likeliest first.

    Two that would be the same board count once; a score of -inf is no continuation.
    """
    kept: list[tuple[int, int]] = []
    made: set[bytes] = set()
    flat = scores.ravel()
    for spot in np.argsort(-flat, kind="stable").tolist():
        if not np.isfinite(flat[spot]) or len(kept) == width:
            break
        parent, value = spot // scores.shape[1], spot % scores.shape[1] + 1
        board = boards[parent].copy()
        board[cells[parent]] = value
        if board.tobytes() not in made:
            made.add(board.tobytes())
            kept.append((parent, value))
    return kept
