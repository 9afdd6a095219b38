"""Filling boards cell by cell under a guide: what generators/control/steer.py runs, but for searches.

Values are sampled from the net's probabilities, tilted by a guide's word (generators/control/spec.py): AR's by what is
known of the future (generators/control/prefix_potentials.py) or by steps on its activations; masked diffusion's at all
blank cells at once, by the slope of the energy, the others' probabilities being the net's own (mean field). Full boards
that are wrong are taken back as the retraction says; retraction=restart without a guide is rejection sampling, the best
of as many as the calls allow. A net of kind ar-prompted is told the target itself.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch.nn import functional as F

from csp.control_target import Target
from generators.control import pplm
from generators.control.guidance import Guide, balance, held
from generators.control.prefix_potentials import ExactPotential, LearnedPotential, PrefixPotential, RelaxedPotential
from generators.control.spec import Steering
from generators.control.state import ControlState, Nets
from generators.models.interface import DIGITS, Prediction
from generators.models.rule_features import encode_rules

UPDATES = 3  # of the mean-field balance
STEEPEST = 1e3  # of the energy's slope
CALLS = {"learned": 2, "activations": 2 + pplm.UPDATES}  # a step, where it is not one


class GuidedDecoding(ControlState):
    """The boards, and what guides them."""

    def __init__(self, steering: Steering, nets: Nets, targets: Sequence[Target], seed: int):
        super().__init__(str(steering), targets, seed)
        self.steering, self.model = steering, nets[steering.model]
        blank = replace(self.boards, givens=np.zeros_like(self.boards.givens))  # clues are like commits
        told = (encode_rules(self.told, blank),) if steering.model == "ar-prompted" else ()
        self.session = self.model.open(blank, *told)
        self.guide = Guide(self, steering.about)
        self.commit_order = np.zeros(self.assignments.shape, dtype=np.int64)
        self.potential: PrefixPotential | None = None
        match steering.guide:
            case "exact":
                self.potential = ExactPotential(self)
            case "learned":
                self.potential = LearnedPotential(self, nets["future"], steering.strength)
            case "relaxed" if steering.raster and steering.strength:
                self.potential = RelaxedPotential(self, self.guide, steering.strength)

    def step(self) -> None:
        """One call, what it commits, and what is taken back from boards that are full and wrong."""
        started = time.perf_counter()
        rows, plan = self.rows, self.steering
        said = self.predict(rows)
        tilted, _ = self.tilted(rows, said)
        values = (tilted + self.noise(rows)).argmax(-1) + 1
        confidence = np.where(said.speaks, tilted.max(-1), -np.inf)
        cells = np.argsort(-confidence, axis=1, kind="stable")[:, : plan.k]
        row, place = np.nonzero(np.take_along_axis(confidence, cells, axis=1) > -np.inf)
        cell = cells[row, place]
        boards = self.assignments[rows].copy()
        boards[row, cell] = values[row, cell]
        self.commit_order[rows[row], cell] = 1 + self.calls[rows[row]]
        self.turn(rows, boards)
        if self.potential is not None:
            self.potential.advance(rows, cells[:, 0], values[np.arange(len(rows)), cells[:, 0]])
        full = self.full(rows)
        right = np.zeros(len(rows), dtype=bool)
        right[full] = self.solved(rows[full])
        lost = full & ~right
        over = right | (self.calls[rows] >= plan.calls) | (lost & (plan.retraction == "none"))
        if (lost & ~over).any():
            self.take_back(rows[lost & ~over])
        self.seconds[rows] += (time.perf_counter() - started) / len(rows)
        self.rows = rows[~over]

    def finish(self, other: ControlState) -> None:
        """Take the boards that others have left unfinished, full and wrong, with their books, and go on."""
        shared = ("assignments", "calls", "tokens", "flops", "seconds", "draws", "log", "rows")
        for name in shared:
            setattr(self, name, getattr(other, name))
        self.take_back(self.rows)
        while len(self.rows):
            self.step()
        other.rows = self.rows

    def full(self, rows: Int[np.ndarray, " rows"]) -> Bool[np.ndarray, " rows"]:
        """Which boards have no blank cell."""
        return ((self.assignments[rows] > 0) | ~self.boards.real[rows]).all(1)

    def noise(self, rows: Int[np.ndarray, " rows"]) -> Float[np.ndarray, "rows N d"]:
        """Gumbel noise: the greatest of noisy log-probabilities is a sample."""
        return -np.log(-np.log(self.uniforms(rows, self.boards.d)))

    def predict(self, rows: Int[np.ndarray, " rows"]) -> Prediction:
        """What the net says of these boards, paid for."""
        plan, assignments = self.steering, self.assignments[rows]
        if plan.guide == "activations" and plan.strength:
            said = pplm.perturbed_prediction(self.model, self.boards, self.guide, rows, assignments, plan.strength)
            self.calls[rows] += CALLS["activations"] - 1
        else:
            visible = np.where(
                np.cumprod(assignments > 0, axis=1) > 0, assignments, 0
            )  # nothing to the right of the next cell
            said = self.session.predict(rows, visible if plan.raster else assignments, self.commit_order[rows])
        self.pay(rows, said)
        return said

    def tilted(
        self, rows: Int[np.ndarray, " rows"], said: Prediction
    ) -> tuple[Float[np.ndarray, "rows N d"], Float[np.ndarray, "rows d"] | None]:
        """Log-probabilities of the values of the cells that are spoken about, with the guide's word; and, of a Future,
        that word."""
        plan, log_probs = self.steering, said.log_probs
        if self.potential is not None:
            place, cell = np.arange(len(rows)), said.speaks.argmax(1)
            log_potential = self.potential.log_potential(rows, cell, self.assignments[rows])
            tilted = log_probs.copy()
            tilted[place, cell] = normalised(np.round(log_probs[place, cell] + log_potential, DIGITS))
            return tilted, log_potential
        if plan.raster or plan.guide == "none" or not plan.strength:
            return log_probs, None
        told = torch.as_tensor(np.where(said.speaks[..., None], log_probs, -np.log(self.boards.d)))
        assignments = self.assignments[rows]
        noise = torch.as_tensor(self.noise(rows)) if plan.guide == "straight" else None

        def slope(tilt: torch.Tensor) -> torch.Tensor:
            probs = tilt.exp()
            if noise is not None:
                probs = F.one_hot((tilt + noise).argmax(-1), self.boards.d).to(probs.dtype)
            return self.guide.slope(held(probs, assignments > 0, assignments), rows).clamp(-STEEPEST, STEEPEST)

        return np.round(balance(told, slope, plan.strength, UPDATES).numpy(), DIGITS), None

    def take_back(self, rows: Int[np.ndarray, " rows"]) -> None:
        """Blank what the retraction says, at least one cell."""
        free = (self.boards.givens[rows] == 0) & self.boards.real[rows]
        uniforms = np.where(free, self.uniforms(rows)[..., 0], np.inf)
        if self.steering.retraction == "restart":
            blank = free
        else:
            blank = free & (self.conflicts(rows) | (uniforms < self.steering.widen))
            if self.steering.retraction == "placebo":
                rank = np.argsort(np.argsort(uniforms, axis=1), axis=1)
                blank = free & (rank < blank.sum(1)[:, None])
            blank |= uniforms == uniforms.min(1, keepdims=True)
        self.turn(rows, np.where(blank, 0, self.assignments[rows]))
        if self.potential is not None:
            self.potential.restart(rows)


def normalised(weights: Float[np.ndarray, "rows d"]) -> Float[np.ndarray, "rows d"]:
    """Log-weights as log-probabilities; uniform where all are -inf."""
    weights = np.where(np.isfinite(weights).any(-1, keepdims=True), weights, 0.0)
    top = weights.max(-1, keepdims=True)
    return weights - top - np.log(np.exp(weights - top).sum(-1, keepdims=True))
