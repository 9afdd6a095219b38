"""Beam search: `width` boards of an instance side by side, each extended by one cell, the likeliest ones kept.

A board's score is the sum of the log-probabilities of its commits, after the veto. Each of the boards costs a call.
The trace is that of the leading board: when another one takes the lead, what differs is taken back and committed. The
first full board that the checker finds right is the answer (as in best-of-n); else the leading full one.
"""

from __future__ import annotations

import time

import numpy as np
from jaxtyping import Bool, Float, Int

from generators.decoding import orders
from generators.decoding.state import State
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
        slots, rows, d = self.slots, self._rows(), self.state.boards.d
        seen = inspect(slots, rows)
        blank = (slots.assignments[rows] == 0) & slots.free[rows]
        priority = orders.before(slots, rows, seen)
        wanted = None
        if priority is not None:
            wanted = np.zeros(blank.shape, dtype=bool)
            wanted[np.arange(len(rows)), np.where(blank, priority, -np.inf).argmax(1)] = True
        said = self.session.predict(rows, slots.assignments[rows], slots.commit_order[rows], wanted)
        slots.calls[rows] += 1
        self._share(rows, said.tokens, said.flops)
        kept = np.where(seen.allowed, said.log_probs, -np.inf)
        top = kept.max(-1, keepdims=True)
        scaled = kept - np.where(np.isfinite(top), top, 0.0)
        log_probs = scaled - np.log(np.maximum(np.exp(scaled).sum(-1, keepdims=True), 1e-300))
        log_probs = np.where(np.isfinite(kept), log_probs, -np.inf)
        if priority is None:
            priority = orders.after(self.state.decoder.order, np.exp(log_probs), np.exp(log_probs.max(-1)))
        cells = np.where(said.speaks & blank, priority, -np.inf).argmax(1)
        extended = self.score[rows][:, None] + log_probs[np.arange(len(rows)), cells]  # (slots, d)
        extended[seen.inconsistent] = -np.inf
        self._extend(rows, cells, extended, d)
        self._close(self.state.spent(self.active))
        self.state.seconds[self.active] += (time.perf_counter() - started) / max(1, len(self.active))

    def _share(self, rows: Int[np.ndarray, " slots"], tokens, flops) -> None:
        """What the slots have cost goes to their instances."""
        for total, cost in ((self.state.calls, 1), (self.state.tokens, tokens), (self.state.flops, flops)):
            np.add.at(total, self.of[rows], cost)

    def _extend(self, rows, cells, extended: Float[np.ndarray, "slots d"], d: int) -> None:
        """Keep the likeliest extensions of each instance, no two boards alike."""
        slots, width = self.slots, self.width
        new = [], [], [], []  # slot, parent, cell, value
        score = np.full(len(self.score), -np.inf)
        for instance in self.active:
            mine = np.nonzero(self.of[rows] == instance)[0]
            flat = extended[mine].ravel()
            seen: set[bytes] = set()
            for spot in np.argsort(-flat, kind="stable"):
                if not np.isfinite(flat[spot]) or len(seen) == width:
                    break
                parent, value = mine[spot // d], spot % d + 1
                board = slots.assignments[rows[parent]].copy()
                board[cells[parent]] = value
                if board.tobytes() in seen:
                    continue
                slot = instance * width + len(seen)
                seen.add(board.tobytes())
                score[slot] = flat[spot]
                for part, item in zip(new, (slot, rows[parent], cells[parent], value)):
                    part.append(item)
        target, parent, cell, value = (np.array(part, dtype=np.int64) for part in new)
        for name in ("assignments", "commit_order", "calls"):
            part = getattr(slots, name)
            part[target] = part[parent]
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
        real = np.isfinite(self.score[every])
        full = (slots.full(every) & real).reshape(-1, width)
        right = full & ~seen.clash.any(1).reshape(-1, width)
        alive = (real & ~seen.inconsistent).reshape(-1, width) & ~full
        lead = np.where(right.any(1), right.argmax(1), np.where(alive.any(1), alive.argmax(1), 0))
        some = real.reshape(-1, width).any(1)
        chosen = every.reshape(-1, width)[np.arange(len(self.active)), lead]
        changed = some & (state.assignments[self.active] != slots.assignments[chosen]).any(1)
        rows, chosen = self.active[changed], chosen[changed]
        state.restore(rows, slots.assignments[chosen], slots.commit_order[chosen], slots.confidence[chosen])
        self.score[every[seen.inconsistent]] = -np.inf  # lost: no call is spent on them
        over = right.any(1) | ~alive.any(1) | spent
        state.ends[self.active[over]] = np.select(
            [right.any(1), alive.any(1), state.full(self.active)], ["solved", "out of budget", "wrong"], "stuck"
        )[over]
        self.active = self.active[~over]
