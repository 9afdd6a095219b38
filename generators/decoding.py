"""The one decode loop: a model and a Decoder (order x veto x retraction x signal) turn instances into traces.

    >>> traces = decode(parse("diffusion:order=confidence"), model, instances, seed=0)

A call asks the model about every unfinished board at once; each board then commits k cells, or takes cells
back. Whatever is random comes from counters hashed with the board's own key, and networks run in float64, so
a trace depends on (instance, decoder, seed) alone: not on batch neighbours, batch size or padding.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from csp.errors import BadInput
from csp.problem import Instance
from csp.seeds import uniform
from csp.trace import Costs, Events, Trace
from generators.boards import Boards, stack
from generators.decoders import Decoder
from generators.model import Model
from solvers import propagate

# Purposes of random numbers, folded into each board's key.
VALUE, CELL, REMASK = 1, 2, 3


def decode(decoder: Decoder, model: Model, instances: Sequence[Instance], seed: int) -> list[Trace]:
    """One trace an instance, in order. Instances share one number of values d.

    Raises BadInput if the model cannot read them or they hold other constraints than pairwise ones.
    """
    for instance in instances:
        if not all(rule.pairwise for rule in instance.problem.constraints):
            raise BadInput(f"{instance.provenance}: the decode loop knows pairwise constraints only")
    started = time.perf_counter()
    boards = stack(instances, "decode", seed, decoder)
    run = _Run(decoder, boards)
    session = model.open(boards)
    while len(run.active):
        said = session.predict(run.active, run.assignments[run.active])
        run.count(said.tokens, said.flops)
        run.commit(said.log_probs, said.speaks)
        run.review()
    seconds = (time.perf_counter() - started) * run.calls / max(1, run.calls.sum())
    return run.traces(seed, seconds)


def choose_values(
    log_probs: Float[np.ndarray, "batch N d"], allowed: Bool[np.ndarray, "batch N d"], gumbel: np.ndarray | None
) -> tuple[Int[np.ndarray, "batch N"], Float[np.ndarray, "batch N d"]]:
    """A value 1..d for every cell, and the probabilities left after the veto (0 everywhere if none is allowed).

    gumbel: temperature times Gumbel noise to sample, None to take the likeliest (lowest among equals).
    """
    kept = np.where(allowed, log_probs, -np.inf)
    top = kept.max(-1, keepdims=True)
    weights = np.exp(kept - np.where(np.isfinite(top), top, 0.0))
    probs = weights / np.maximum(weights.sum(-1, keepdims=True), 1e-300)
    scores = kept if gumbel is None else kept + gumbel
    return scores.argmax(-1) + 1, probs


class _Run:
    """The state of one decode call: boards, what is on them, and what each has cost."""

    def __init__(self, decoder: Decoder, boards: Boards):
        size = len(boards)
        self.decoder, self.boards = decoder, boards
        self.free = (boards.givens == 0) & boards.real
        self.assignments = boards.givens.copy()
        self.calls, self.tokens = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
        self.flops = np.zeros(size)
        self.rounds = np.zeros(size, dtype=np.int64)  # retractions made: restarts or remaskings
        self.ends = np.full(size, "solved", dtype=object)
        self.log: list[np.ndarray] = []  # (events, 4): board, call, cell, value
        self.active = np.arange(size)
        self.stalled = np.zeros(size, dtype=bool)  # no cell could be committed in the last call
        self._retire(~self.free.any(1))

    def count(self, tokens: Int[np.ndarray, " rows"], flops: Float[np.ndarray, " rows"]) -> None:
        """One more call for every active board."""
        self.calls[self.active] += 1
        self.tokens[self.active] += tokens
        self.flops[self.active] += flops

    def _random(self, purpose: int, values: bool = False) -> np.ndarray:
        """Uniform numbers for the active boards, shape (rows, N), or (rows, N, d) with values."""
        keys, calls = self.boards.keys[self.active][:, None], self.calls[self.active][:, None]
        cells = np.arange(self.boards.width)
        if not values:
            return uniform(keys, purpose, calls, cells)
        return uniform(keys[..., None], purpose, calls[..., None], cells[:, None], np.arange(self.boards.d))

    def commit(self, log_probs: Float[np.ndarray, "rows N d"], speaks: Bool[np.ndarray, "rows N"]) -> None:
        """Let the policy choose up to k cells of every active board and their values."""
        decoder, rows = self.decoder, self.active
        now = self.assignments[rows]
        legal = np.ones(log_probs.shape, dtype=bool)
        if decoder.veto == "legal" or decoder.order == "fewest":
            legal = propagate.legal(now, self._adjacency(), self.boards.d)
        allowed = legal if decoder.veto == "legal" else np.ones_like(legal)
        redrafting = (self.rounds[rows] > 0) & (decoder.retraction == "remask")
        heat = np.where(redrafting, decoder.redraft, decoder.temperature)
        gumbel = None
        if heat.any():
            gumbel = heat[:, None, None] * -np.log(-np.log(self._random(VALUE, values=True)))
        values, probs = choose_values(log_probs, allowed, gumbel)
        stuck = (speaks & ~allowed.any(-1)).any(1, keepdims=True)  # a cell without a value: nothing more is filled
        eligible = speaks & ~stuck
        rank = np.where(eligible, self._scores(values, probs, legal), -np.inf)
        best = np.argsort(-rank, axis=1, kind="stable")[:, : decoder.k]  # (rows, k): lowest cell among equals
        fine = np.take_along_axis(eligible, best, axis=1)
        row, place = np.nonzero(fine)
        cell = best[row, place]
        self._write(rows[row], cell, values[row, cell])
        self.stalled[rows] = ~fine.any(1)

    def _scores(self, values, probs, legal) -> Float[np.ndarray, "rows N"]:
        """How eager the policy is to commit each cell now."""
        match self.decoder.order:
            case "raster":
                return np.broadcast_to(-np.arange(values.shape[1], dtype=float), values.shape)
            case "random":
                return self._random(CELL)
            case "fewest":
                return -legal.sum(-1).astype(float)
            case "confidence":
                return np.take_along_axis(probs, values[..., None] - 1, axis=2)[..., 0]
            case "margin":
                two = np.partition(probs, -2, axis=-1)[..., -2:] if probs.shape[-1] > 1 else probs
                return two[..., -1] - two[..., 0]

    def review(self) -> None:
        """Finish boards that are full, stalled or out of calls, or take back what the policy says."""
        decoder, rows = self.decoder, self.active
        now = self.assignments[rows]
        full = ~((now == 0) & self.free[rows]).any(1)
        clash = propagate.conflicts(now, self._adjacency(), self.boards.d)  # (rows, N)
        wrong = full & clash.any(1)
        stuck = ~full & self.stalled[rows]
        spent = (self.calls[rows] >= decoder.calls) if decoder.calls else np.zeros(len(rows), dtype=bool)
        failed = wrong | stuck
        back = np.zeros(len(rows), dtype=bool)
        if decoder.retraction == "restart":
            back = failed & ~spent & (self.rounds[rows] + 1 < decoder.attempts)
            blanked = back[:, None] & self.free[rows] & (now > 0)
        elif decoder.retraction == "remask":
            back = failed & ~spent
            blanked = back[:, None] & self._suspects(now, clash)
        if back.any():
            row, cell = np.nonzero(blanked)
            self._write(rows[row], cell, np.zeros(len(row), dtype=np.int64))
            self.rounds[rows] += back
        over = (full | stuck | spent) & ~back
        ends = np.select(
            [full & ~wrong, spent & (decoder.retraction != "none"), wrong, stuck],
            ["solved", "out of budget", "wrong", "stuck"],
            "out of budget",
        )
        self.ends[rows[over]] = ends[over]
        self._retire(over)

    def _suspects(self, now: Int[np.ndarray, "rows N"], clash: Bool[np.ndarray, "rows N"]) -> np.ndarray:
        """The committed cells that the signal points at: those in conflict, or as many at random."""
        rows = self.active
        committed = self.free[rows] & (now > 0)
        blame = clash & committed
        stalled = ~blame.any(1) & self.stalled[rows]  # a blank cell without a legal value, nothing in conflict
        blame[stalled] = self._around_blanks(now[stalled], rows[stalled]) & committed[stalled]
        others = (committed & ~blame).sum(1)
        size = blame.sum(1) + np.round(self.decoder.widen * others)
        lot = np.where(committed, self._random(REMASK), np.inf)
        if self.decoder.signal == "violations":
            lot = np.where(blame, -1.0, lot)  # these first, then others at random
        rank = np.argsort(np.argsort(lot, axis=1, kind="stable"), axis=1)
        return committed & (rank < size[:, None])

    def _around_blanks(self, now: Int[np.ndarray, "rows N"], rows: Int[np.ndarray, " rows"]) -> np.ndarray:
        """Neighbours of blank cells that have no legal value: the visible sign of a stuck board."""
        adjacency = self._adjacency(rows)
        legal = propagate.legal(now, adjacency, self.boards.d)
        empty = (now == 0) & self.free[rows] & ~legal.any(-1)
        return (adjacency & empty[:, None, :]).any(-1)

    def _adjacency(self, rows: Int[np.ndarray, " rows"] | None = None) -> Bool[np.ndarray, "shared N N"]:
        every = self.boards.adjacency
        return every if len(every) == 1 else every[self.active if rows is None else rows]

    def _write(self, rows, cells, values) -> None:
        """Put values on boards and into the log."""
        self.assignments[rows, cells] = values
        self.log.append(np.stack([rows, self.calls[rows], cells, values], axis=1))

    def _retire(self, over: Bool[np.ndarray, " rows"]) -> None:
        self.active = self.active[~over]

    def traces(self, seed: int, seconds: Float[np.ndarray, " batch"]) -> list[Trace]:
        """What happened, one trace a board."""
        log = np.concatenate(self.log) if self.log else np.zeros((0, 4), dtype=np.int64)
        log = log[np.argsort(log[:, 0], kind="stable")]
        cuts = np.searchsorted(log[:, 0], np.arange(len(self.boards) + 1))
        made = []
        for row, instance in enumerate(self.boards.instances):
            events = Events(log[cuts[row] : cuts[row + 1], 1:])
            costs = Costs(int(self.calls[row]), int(self.tokens[row]), float(self.flops[row]), float(seconds[row]))
            right = bool(instance.solved(self.assignments[row, : instance.problem.n]))
            assert right == (self.ends[row] == "solved"), "the checker disagrees with the decode loop"
            made.append(Trace(instance.id, str(self.decoder), seed, events, self.ends[row], costs))
        return made
