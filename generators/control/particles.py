"""Several boards a sample, written side by side in raster order: beam search, and twisted sequential Monte Carlo.

    >>> traces = steer(parse("ar:guide=relaxed,search=smc,width=16"), nets, targets, seed=0)

  beam   of all continuations of a sample's boards, the `width` that the tilted net finds likeliest
  smc    every board goes on by the tilted probabilities; its weight is multiplied by how much more likely they made
         what follows than the net did, relative to what the guide had promised (Zhao et al. 2024). Where the weights
         are worth less than half of the boards, these are drawn anew, in proportion (systematic resampling)

The answer is one of the full boards that the checker finds right (as in best-of-n), else of all: the likeliest (beam),
or one drawn in proportion to the weights (smc). A trace tells the answer's own commits: nothing is ever taken back.
What all boards cost is the sample's. Clues are passed over unweighed, as if the net had written them.

The step stays apart from GuidedDecoding's: here the boards of a sample take one another's places between a prediction
and its commits, and only the answer's commits are logged. Prediction, tilt, books and the choice of a beam's
continuations (generators/decoding/beam.py) are shared.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from csp.control_target import Target
from csp.trace import Costs, Events, Trace
from generators.control.guided_decoding import CALLS, GuidedDecoding, normalised
from generators.control.spec import Steering
from generators.control.state import Nets
from generators.decoding.beam import likeliest
from generators.models.interface import DIGITS

FEWEST = 0.5  # resample where the effective number of boards is less than this share of them


class Particles(GuidedDecoding):
    """Boards in groups of `width`, a group a sample. Targets with one number of blank cells."""

    def __init__(self, steering: Steering, nets: Nets, targets: Sequence[Target], seed: int):
        # As many boards as can be written to the end within the budget.
        (blanks,) = {blanks_of(target) for target in targets}
        self.width = max(1, min(steering.width, steering.calls // (blanks * CALLS.get(steering.guide, 1))))
        super().__init__(steering, nets, [target for target in targets for _ in range(self.width)], seed)
        self.beam = steering.search == "beam"

        # A beam starts with one board, of log-probability 0; the log-weights of smc are all alike.
        first = np.arange(len(self.rows)) % self.width == 0
        self.score = np.where(first | (not self.beam), 0.0, -np.inf)
        self.promise = np.zeros(len(self.rows))  # smc: the guide's potential of what each board holds
        self.rows = self.rows[np.isfinite(self.score)]

    def step(self) -> None:
        """A cell of every board."""
        started = time.perf_counter()
        rows = self.rows
        place, prediction = np.arange(len(rows)), self.predict(rows)
        tilted, log_potential = self.tilted(rows, prediction)
        cell = prediction.speaks.argmax(1)
        log_probs = tilted[place, cell]  # (rows, d)

        # beam: the likeliest continuations take the slots. smc: each board samples its own, and is weighed.
        if self.beam:
            rows, parents, cell, values = self.extended(rows, cell, log_probs)
            self.move(rows, parents)
        else:
            values = (log_probs + self.noise(rows)[place, cell]).argmax(-1) + 1
            self.weigh(rows, prediction.log_probs[place, cell], log_potential, values)
        self.assignments[rows, cell] = values
        self.commit_order[rows, cell] = self.spent(rows)
        if self.potential is not None:
            self.potential.advance(rows, cell, values)
        if not self.beam:
            self.resample(rows)
        self.seconds[rows] += (time.perf_counter() - started) / len(rows)
        self.rows = rows[~self.full(rows) & (self.spent(rows) < self.steering.calls)]

    def spent(self, rows: Int[np.ndarray, " rows"]) -> Int[np.ndarray, " rows"]:
        """The calls of each board's group."""
        return self.calls.reshape(-1, self.width).sum(1)[rows // self.width]

    def move(self, rows: Int[np.ndarray, " rows"], sources: Int[np.ndarray, " rows"]) -> None:
        """The boards at rows (rising, all that go on) go on from those at sources."""
        self.session.move(rows, sources)
        if self.potential is not None:
            self.potential.move(rows, sources)
        for array in (self.assignments, self.commit_order, self.promise):
            array[rows] = array[sources]

    def extended(self, rows, cell, log_probs: Float[np.ndarray, "rows d"]):
        """The likeliest continuations: (slots, parents, cells, values), slots rising."""
        made: list[tuple[int, int, int, int]] = []
        score = np.full(len(self.score), -np.inf)
        for group in np.unique(rows // self.width).tolist():
            mine = np.nonzero(rows // self.width == group)[0]
            every = self.score[rows[mine]][:, None] + log_probs[mine]  # (boards, d)

            # A group of which nothing can go on keeps its first board, so that its sample has an answer.
            going = likeliest(every, self.width, self.assignments[rows[mine]], cell[mine]) or [(0, 1)]
            for number, (parent, value) in enumerate(going):
                slot = group * self.width + number
                made.append((slot, rows[mine[parent]], cell[mine[parent]], value))
                score[slot] = every[parent, value - 1]
        slots, parents, cells, values = np.array(made, dtype=np.int64).T
        self.score[np.isin(np.arange(len(score)) // self.width, rows // self.width)] = -np.inf
        self.score[slots] = score[slots]
        return slots, parents, cells, values

    def weigh(
        self, rows, log_probs: Float[np.ndarray, "rows d"], log_potential, values: Int[np.ndarray, " rows"]
    ) -> None:
        """Multiply the weights by sum_v p(v) psi(prefix, v) / psi(prefix).

        A guide that speaks of other rules at each cell has no psi(prefix) of its own: the factor is then the sum alone,
        and what it promised for earlier cells stays in the weights.
        """
        if log_potential is None:
            return
        raw = log_probs + log_potential
        top = raw.max(-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            total = np.where(np.isfinite(top), top + np.log(np.exp(raw - top[:, None]).sum(-1)), -np.inf)
        self.score[rows] += np.round(total - self.promise[rows], DIGITS)
        if self.potential is not None and self.potential.whole:
            promised = log_potential[np.arange(len(rows)), values - 1]
            self.promise[rows] = np.where(np.isfinite(promised), promised, 0.0)

    def resample(self, rows: Int[np.ndarray, " rows"]) -> None:
        """Draw the boards of each group anew where the effective number of weights is less than half of them."""
        uniforms, going = self.uniforms(rows)[:, 0, 0], ~self.full(rows)
        rows, uniforms = rows[going], uniforms[going]
        sources = rows.copy()
        for group in np.unique(rows // self.width).tolist():
            mine = np.nonzero(rows // self.width == group)[0]
            shares = np.exp(normalised(self.score[rows[mine]][None])[0])
            if 1 / (shares**2).sum() < len(mine) * FEWEST:
                # Systematic: one uniform number, and evenly spaced ticks from it over the cumulated shares.
                ticks = (uniforms[mine[0]] + np.arange(len(mine))) / len(mine)
                drawn = np.minimum(np.searchsorted(np.cumsum(shares), ticks), len(mine) - 1)
                sources[mine], self.score[rows[mine]] = rows[mine[drawn]], 0.0
        if (sources != rows).any():
            self.move(rows, sources)

    def traces(self) -> list[Trace]:
        """The answers, a trace a sample."""
        every = np.arange(len(self.assignments))
        made, solved = [], self.solved(every) & self.full(every)
        uniforms = self.uniforms(every)[:, 0, 0]
        for start in range(0, len(every), self.width):
            group = slice(start, start + self.width)

            # Among boards that are right if there are any, else among all: the likeliest, or one drawn by weight.
            score = self.score[group]
            if (solved[group] & np.isfinite(score)).any():
                score = np.where(solved[group], score, -np.inf)
            shares = np.exp(normalised(score[None])[0])
            drawn = shares.argmax() if self.beam else np.searchsorted(np.cumsum(shares), uniforms[start] * shares.sum())
            row = start + min(int(drawn), self.width - 1)

            # Its own commits, at the costs of all boards of the group.
            written = np.nonzero((self.assignments[row] > 0) & (self.boards.givens[row] == 0))[0]
            events = np.stack([self.commit_order[row, written], written, self.assignments[row, written]], axis=1)
            sums = (array[group].sum() for array in (self.calls, self.tokens, self.flops, self.seconds))
            made.append(self.trace(row, Events(events), bool(solved[row]), Costs(*(part.item() for part in sums))))
        return made


def blanks_of(target: Target) -> int:
    """How many cells are to be written."""
    return int((target.plain.givens == 0).sum())
