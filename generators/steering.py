"""Steering a frozen AR or masked-diffusion net of complete boards towards targets, without training it again.

    >>> traces = steer(parse("ar:guide=exact"), model, targets, seed=0)

Boards are filled cell by cell with values sampled from the net's probabilities, tilted by a guide:

  none      the net alone; with retraction=restart this is rejection sampling, the best of as many as the calls allow
  relaxed   log p - strength * energy of the rules (generators/relaxation.py), given the board so far: AR weighs each
            value of its next cell, the cells to come being uniform; masked diffusion tilts all blank cells at once,
            the others' probabilities being the net's own (mean field)
  exact     FUDGE (Yang and Klein 2021) with the exact future discriminator: p(control | prefix, value) counted over all
            grids. AR on grid6 only. It never goes wrong, so that what other discriminators miss is theirs.

Retraction, once a board is full and wrong: none; restart, from nothing; local, cells that break a rule and a share
`widen` of the others; placebo, as many cells at random.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int

from csp.errors import BadInput
from csp.spelling import check_words, read, spell
from csp.targets import Target
from csp.trace import Trace
from generators.model import DIGITS, Model
from generators.samples import ABOUT, Guide, Samples, balance, held
from solvers.grids import Prefixes, all_grids

WORDS: dict[str, dict[str, str]] = {
    "guide": {
        "none": "the net alone",
        "relaxed": "values weighed by the energy of the rules",
        "exact": "FUDGE with the exact p(control | prefix): AR on grid6",
    },
    "about": ABOUT,
    "retraction": {
        "none": "nothing is taken back",
        "restart": "a full wrong board is begun anew",
        "local": "cells that break a rule are blanked, and some others",
        "placebo": "as many cells as local would blank, at random",
    },
}
UPDATES = 3  # of the mean-field balance
MOST = 3_000_000  # grids of one target that are kept


@dataclass(frozen=True)
class Steering:
    """How a net is steered. Raises BadInput for words that do not exist or do not go together.

    strength: weight of the energy. k: cells committed a call (masked diffusion), the surest first. widen: see the
    module's text. calls: no call begins once so many are spent.
    """

    model: str
    guide: str = "none"
    about: str = "control"
    strength: float = 1.0
    k: int = 1
    retraction: str = "none"
    widen: float = 0.2
    calls: int = 2000

    def __post_init__(self) -> None:
        check_words(self, WORDS)
        if self.k < 1 or self.calls < 1 or self.strength < 0 or not 0 <= self.widen <= 1:
            raise BadInput("k and calls are at least 1, strength at least 0, widen is a share from 0 to 1")
        if self.model == "ar" and (self.k > 1 or self.retraction in ("local", "placebo")):
            raise BadInput("model ar writes in raster order, a cell a call: k=1, retraction=none or restart")
        if self.model != "ar" and self.guide == "exact":
            raise BadInput("guide=exact goes with model ar")

    def __str__(self) -> str:
        return spell(self.model, self, PLAIN[self.model])


PLAIN = {model: Steering(model) for model in ("ar", "diffusion")}


def parse(text: str) -> Steering:
    """A Steering from "model:word=value,...". Raises BadInput, naming the word that is wrong."""
    return read(text, PLAIN, "steering", ("model",))


def steer(steering: Steering, model: Model, targets: Sequence[Target], seed: int) -> list[Trace]:
    """One trace for each target. Raises BadInput if the model cannot read a board, or the guide has no exact counts."""
    run = _Run(steering, model, targets, seed)
    while len(run.rows):
        run.step()
    return run.traces(model.backbone)


class _Run(Samples):
    """The boards, and what guides them."""

    def __init__(self, steering: Steering, model: Model, targets: Sequence[Target], seed: int):
        super().__init__(str(steering), targets, seed)
        self.steering = steering
        self.session = model.open(replace(self.boards, givens=np.zeros_like(self.boards.givens)))  # clues: like commits
        self.guide = Guide(self, steering.about)
        self.turns = np.zeros(self.now.shape, dtype=np.int64)
        self.exact = _Exact(self) if steering.guide == "exact" else None

    def step(self) -> None:
        """One call, what it commits, and what is taken back from boards that are full and wrong."""
        started = time.perf_counter()
        rows, plan = self.rows, self.steering
        said = self.session.predict(rows, self.visible(rows), self.turns[rows])
        self.calls[rows] += 1
        self.tokens[rows] += said.tokens
        self.flops[rows] += said.flops
        tilted = self.tilted(rows, said.log_probs, said.speaks)
        noise = -np.log(-np.log(self.lots(rows, self.boards.d)))
        values = (tilted + noise).argmax(-1) + 1
        sure = np.where(said.speaks, tilted.max(-1), -np.inf)
        cells = np.argsort(-sure, axis=1, kind="stable")[:, : plan.k]
        row, place = np.nonzero(np.take_along_axis(sure, cells, axis=1) > -np.inf)
        cell = cells[row, place]
        boards = self.now[rows].copy()
        boards[row, cell] = values[row, cell]
        self.turns[rows[row], cell] = 1 + self.calls[rows[row]]
        self.turn(rows, boards)
        if self.exact is not None:
            self.exact.advance(rows, cells[:, 0], values[np.arange(len(rows)), cells[:, 0]])
        full = ((self.now[rows] > 0) | ~self.boards.real[rows]).all(1)
        right = np.zeros(len(rows), dtype=bool)
        right[full] = self.solved(rows[full])
        lost = full & ~right
        over = right | (self.calls[rows] >= plan.calls) | (lost & (plan.retraction == "none"))
        if (lost & ~over).any():
            self.take_back(rows[lost & ~over])
        self.seconds[rows] += (time.perf_counter() - started) / len(rows)
        self.rows = rows[~over]

    def visible(self, rows: Int[np.ndarray, " rows"]) -> Int[np.ndarray, "rows N"]:
        """What the net is shown: AR sees nothing to the right of its next cell, clues neither."""
        now = self.now[rows]
        return now if self.steering.model != "ar" else np.where(np.cumprod(now > 0, axis=1) > 0, now, 0)

    def tilted(self, rows, log_probs: np.ndarray, speaks: np.ndarray) -> Float[np.ndarray, "rows N d"]:
        """Log-probabilities of the values of the cells that are spoken about, with the guide's word."""
        plan = self.steering
        if self.exact is not None:
            cell = speaks.argmax(1)
            place = np.arange(len(rows))
            tilted = log_probs.copy()
            tilted[place, cell] += self.exact.future(rows, cell, self.now[rows])
            top = tilted[place, cell].max(-1, keepdims=True)
            tilted[place, cell] -= top + np.log(np.exp(tilted[place, cell] - top).sum(-1, keepdims=True))
            return tilted
        if plan.guide == "none" or not plan.strength:
            return log_probs
        told = torch.as_tensor(np.where(speaks[..., None], log_probs, -np.log(self.boards.d)))
        now = self.now[rows]
        if plan.model == "ar":
            tilt = (told - plan.strength * self.costs(rows, speaks.argmax(1), now)).log_softmax(-1)
        else:

            def slope(tilt: torch.Tensor) -> torch.Tensor:
                return self.guide.slope(held(tilt.exp(), now > 0, now), rows).clamp(-1e3, 1e3)

            tilt = balance(told, slope, plan.strength, UPDATES)
        return np.round(tilt.numpy(), DIGITS)

    def costs(self, rows, cell: Int[np.ndarray, " rows"], now: Int[np.ndarray, "rows N"]) -> torch.Tensor:
        """The energy of each board with each value in its next cell, the cells to come being uniform; 0 elsewhere."""
        d, place = self.boards.d, np.arange(len(rows))
        board = held(torch.full((*now.shape, d), 1 / d, dtype=torch.float64), now > 0, now)
        costs = torch.zeros_like(board)
        for value in range(d):
            board[place, cell] = torch.eye(d, dtype=board.dtype)[value]
            costs[place, cell, value] = self.guide(board, rows)
        return costs

    def take_back(self, rows: Int[np.ndarray, " rows"]) -> None:
        """Blank what the retraction says, at least one cell."""
        free = (self.boards.givens[rows] == 0) & self.boards.real[rows]
        lots = np.where(free, self.lots(rows)[..., 0], np.inf)
        if self.steering.retraction == "restart":
            blank = free
        else:
            blank = free & (self.conflicts(rows) | (lots < self.steering.widen))
            if self.steering.retraction == "placebo":
                rank = np.argsort(np.argsort(lots, axis=1), axis=1)
                blank = free & (rank < blank.sum(1)[:, None])
            blank |= lots == lots.min(1, keepdims=True)
        self.turn(rows, np.where(blank, 0, self.now[rows]))
        if self.exact is not None:
            self.exact.restart(rows)


class _Exact:
    """Exact p(control | prefix, next value): counts of the grids that obey, over counts of all grids."""

    def __init__(self, samples: Samples):
        first = samples.distinct[0].plain.problem
        self.grids, self.givens = all_grids(first), samples.boards.givens
        known = []
        for target in samples.distinct:
            kept = self.grids.satisfying((*target.controls, *target.clues), MOST)
            if kept is None:
                raise BadInput(f"{target.instance.provenance}: more than {MOST:,} grids obey; too many to keep")
            known.append(Prefixes(kept, first.d))
        self.prefixes = [known[which] for which in samples.which]
        self.ranges = np.zeros((len(self.prefixes), 2), dtype=np.int64)
        self.place = np.zeros(len(self.prefixes), dtype=np.int64)  # the next cell
        self.restart(np.arange(len(self.prefixes)))

    def restart(self, rows: Int[np.ndarray, " rows"]) -> None:
        """Back to the empty prefix, and past the clues at its head."""
        for row in rows.tolist():
            self.ranges[row], self.place[row] = self.prefixes[row].start(1)[0], 0
            self._pass_clues(row)

    def _pass_clues(self, row: int) -> None:
        while self.place[row] < len(self.givens[row]) and (value := self.givens[row][self.place[row]]):
            self._go(row, int(value))

    def _go(self, row: int, value: int) -> None:
        ranges, t = self.ranges[row : row + 1], int(self.place[row])
        self.ranges[row] = self.prefixes[row].advance(ranges, t, np.array([value]))[0]
        self.place[row] += 1

    def future(self, rows, cells, now: Int[np.ndarray, "rows N"]) -> Float[np.ndarray, "rows d"]:
        """log p(control | prefix, value) for each value of the next cell; -inf where no grid goes on."""
        made = []
        for place, row in enumerate(rows.tolist()):
            t = int(cells[place])
            obey = self.prefixes[row].counts(self.ranges[row : row + 1], t)[0]
            every = self.grids.prefix_counts(now[place : place + 1, :t])[0]
            with np.errstate(divide="ignore", invalid="ignore"):
                made.append(np.where(obey > 0, np.log(obey) - np.log(np.maximum(every, 1)), -np.inf))
        return np.stack(made)

    def advance(self, rows, cells, values) -> None:
        """The values of the next cells are these."""
        for row, value in zip(rows.tolist(), values.tolist()):
            self._go(row, value)
            self._pass_clues(row)
