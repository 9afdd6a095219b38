"""Filling boards cell by cell under a guide: what generators/control/steer.py runs, but for searches.

Values are sampled from the net's probabilities, tilted by a guide (generators/control/spec.py): AR's by what is known
of the future (generators/control/prefix_potentials.py) or by steps on its activations; masked diffusion's at all blank
cells at once, by the slope of the energy, the others' probabilities being the net's own (mean field). Full boards that
are wrong are taken back as the retraction says; retraction=restart without a guide is rejection sampling, the best of
as many as the calls allow. A net of kind ar-prompted is told the target itself.

    >>> run = GuidedDecoding(steering, nets, targets, seed)
    >>> while len(run.rows):
    ...     run.step()

This loop stays apart from generators/decoding/loop.py, which asks a veto after every call and may take back at any
moment: here nothing is seen of a board before it is full, targets have rules of every kind, and values are drawn from
tilted probabilities. Books (generators/decoding/state.py) and names are the same.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch.nn import functional as F

from csp.control_target import Target
from generators.control import pplm
from generators.control.guidance import STEEPEST, Guide, balance, held
from generators.control.prefix_potentials import ExactPotential, LearnedPotential, PrefixPotential, RelaxedPotential
from generators.control.spec import Steering
from generators.control.state import ControlState, Nets
from generators.decoding.state import highest
from generators.models.interface import DIGITS, Prediction
from generators.models.rule_features import encode_rules
from generators.models.uniform import Uniform

#: What stands in a network's place in its no-net twin.
UNIFORM = {"uniform": Uniform(next_only=True), "uniform-masked": Uniform()}
UPDATES = 3  # of the mean-field balance
CALLS = {"learned": 2, "activations": 2 + pplm.UPDATES}  # a step, of guides that ask a network more than once


class GuidedDecoding(ControlState):
    """The boards, and what guides them."""

    def __init__(self, steering: Steering, nets: Nets, targets: Sequence[Target], seed: int):
        super().__init__(str(steering), targets, seed)
        self.steering, self.model = steering, UNIFORM.get(steering.model) or nets[steering.model]

        # The net was trained on complete boards: to it clues are commits like all others.
        blank = replace(self.boards, givens=np.zeros_like(self.boards.givens))
        told = (encode_rules(self.told, blank),) if steering.model == "ar-prompted" else ()
        self.session = self.model.open(blank, *told)
        self.guide = Guide(self, steering.about)
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
        prediction = self.predict(rows)

        # Sample every cell's value, and commit the k cells whose values are most likely.
        tilted, _ = self.tilted(rows, prediction)
        values = (tilted + self.noise(rows)).argmax(-1) + 1
        confidence = np.where(prediction.speaks, tilted.max(-1), -np.inf)
        cells = np.argsort(-confidence, axis=1, kind="stable")[:, : plan.k]
        row, place = np.nonzero(np.take_along_axis(confidence, cells, axis=1) > -np.inf)
        cell = cells[row, place]
        boards = self.assignments[rows].copy()
        boards[row, cell] = values[row, cell]
        self.commit_order[rows[row], cell] = 1 + self.calls[rows[row]]
        self.rewrite(rows, boards)
        if self.potential is not None:  # of raster order: one cell a board
            self.potential.advance(rows, cells[:, 0], values[np.arange(len(rows)), cells[:, 0]])

        # A full board is right and finished, or wrong, and taken back if retraction and budget allow.
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
        for name in shared:  # the same arrays, not copies: what is written here is the other's
            setattr(self, name, getattr(other, name))
        self.take_back(self.rows)
        while len(self.rows):
            self.step()
        other.rows = self.rows

    def noise(self, rows: Int[np.ndarray, " rows"]) -> Float[np.ndarray, "rows N d"]:
        """Gumbel noise: the greatest of noisy log-probabilities is a sample."""
        return -np.log(-np.log(self.uniforms(rows, self.boards.d)))

    def predict(self, rows: Int[np.ndarray, " rows"]) -> Prediction:
        """The net's prediction for these boards, paid for."""
        plan, assignments = self.steering, self.assignments[rows]
        if plan.guide == "activations" and plan.strength:
            prediction = pplm.perturbed_prediction(
                self.model, self.boards, self.guide, rows, assignments, plan.strength
            )
            self.calls[rows] += CALLS["activations"] - 1
        else:
            # In raster order clues to the right of the next cell are not read yet.
            filled = np.cumprod(assignments > 0, axis=1) > 0
            visible = np.where(filled, assignments, 0) if plan.raster else assignments
            prediction = self.session.predict(rows, visible, self.commit_order[rows])
        self.spend(rows, 1, prediction.tokens, prediction.flops)
        return prediction

    def tilted(
        self, rows: Int[np.ndarray, " rows"], prediction: Prediction
    ) -> tuple[Float[np.ndarray, "rows N d"], Float[np.ndarray, "rows d"] | None]:
        """(log-probabilities of the cells' values under the guide, the potential of the next cell's values); the latter
        is None without a PrefixPotential."""
        plan, log_probs = self.steering, prediction.log_probs
        if self.potential is not None:
            place, cell = np.arange(len(rows)), prediction.speaks.argmax(1)
            log_potential = self.potential.log_potential(rows, cell, self.assignments[rows])
            tilted = log_probs.copy()
            tilted[place, cell] = normalised(np.round(log_probs[place, cell] + log_potential, DIGITS))
            return tilted, log_potential
        if plan.raster or plan.guide == "none" or not plan.strength:
            return log_probs, None

        # Mean field: log q = log p - strength * slope of the energy at q; at a sampled board for guide=straight.
        uniform = -np.log(self.boards.d)
        prior = torch.as_tensor(np.where(prediction.speaks[..., None], log_probs, uniform))  # (rows, N, d)
        assignments = self.assignments[rows]
        noise = torch.as_tensor(self.noise(rows)) if plan.guide == "straight" else None

        def slope(tilt: torch.Tensor) -> torch.Tensor:
            probs = tilt.exp()
            if noise is not None:
                probs = F.one_hot((tilt + noise).argmax(-1), self.boards.d).to(probs.dtype)
            return self.guide.slope(held(probs, assignments > 0, assignments), rows).clamp(-STEEPEST, STEEPEST)

        return np.round(balance(prior, slope, plan.strength, UPDATES).numpy(), DIGITS), None

    def take_back(self, rows: Int[np.ndarray, " rows"]) -> None:
        """Blank what the retraction says, at least one cell.

        The rule is control's own (see generators/decoding/retractions.py): every cell of no conflict is drawn at rate
        widen, apart from the others.
        """
        free = self.free[rows]
        uniforms = np.where(free, self.uniforms(rows)[..., 0], np.inf)
        if self.steering.retraction == "restart":
            blank = free
        else:
            blank = free & (self.conflicts(rows) | (uniforms < self.steering.widen))
            if self.steering.retraction == "placebo":  # as many, those of the lowest numbers
                blank = free & highest(-uniforms, blank.sum(1))

            # A board without any would be met again as it is.
            blank |= uniforms == uniforms.min(1, keepdims=True)
        self.rewrite(rows, np.where(blank, 0, self.assignments[rows]))
        if self.potential is not None:
            self.potential.restart(rows)


def normalised(weights: Float[np.ndarray, "rows d"]) -> Float[np.ndarray, "rows d"]:
    """Log-weights as log-probabilities; uniform where all are -inf."""
    weights = np.where(np.isfinite(weights).any(-1, keepdims=True), weights, 0.0)
    top = weights.max(-1, keepdims=True)
    return weights - top - np.log(np.exp(weights - top).sum(-1, keepdims=True))
