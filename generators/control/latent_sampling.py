"""Sampling from a latent diffusion net, and steering it by gradients towards rules that it was not trained on.

    >>> sampler = parse("latent-values:steps=100,guide=estimate,strength=2")
    >>> traces = sample(sampler, nets, targets, seed=0)          # nets: models by kind

A call estimates the clean latents; what they round to is the board, so that a value that changes is a retraction and a
commit. The next latents are drawn around the estimate (eta=1: DDPM, Ho et al. 2020; eta=0: DDIM, Song et al. 2021).
A board that rounds to a solution of its target is finished (look=1). Given cells are fixed: their latents are those of
their value at every noise level. Traces depend on (target, sampler, seed, number of the sample) alone.

This loop stays apart from the others: what it keeps between calls are latents, not values, a call may change any cell,
and its calls are the steps of a noise schedule, with passes of their own. Books are generators/decoding/state.py's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from csp.control_target import Target
from csp.errors import BadInput
from csp.trace import Trace
from generators.control.guidance import STEEPEST, Guide, balance, held
from generators.control.guided_decoding import GuidedDecoding
from generators.control.latent_spec import Sampler
from generators.control.spec import Steering
from generators.control.state import ControlState, Nets
from generators.models.backbone_config import check_fits
from generators.models.interface import DIGITS
from generators.models.latent_diffusion import LATENT, STEPS, abar
from generators.models.rule_features import encode_rules
from generators.models.transformer import pairs

WITH_GRADIENT = 3  # passes that a gradient through a network counts as: forward, and back as twice forward
TRAVEL_FROM, TRAVEL_TO = STEPS * 3 / 4, STEPS / 4  # times between which steps are taken again (travel)
NARROWEST = 1e-3  # the least spread that fluency is measured by: eta=0 draws without any
ADAGRAD = 1e-10  # added to the root of the squares, which are 0 where nothing is asked of a cell


def sample(sampler: Sampler, nets: Nets, targets: Sequence[Target], seed: int) -> list[Trace]:
    """One trace for each target (the same target several times gives several samples). nets: what sampler.nets says.

    Raises BadInput if a net cannot read a target's board.
    """
    run = _LatentSampling(sampler, nets, targets, seed)

    # A pass from pure noise, then shorter ones in which cells that break a rule are drawn anew.
    run.descend(times(STEPS, sampler.steps))
    short = times(round(sampler.level * STEPS), max(1, round(sampler.level * sampler.steps)))
    for _ in range(sampler.repair):
        if not len(run.rows):
            break
        run.loosen(short[0])
        run.descend(short)

    # What is wrong even then may be left to masked diffusion.
    if sampler.finish == "masked" and len(run.rows):
        own = {"widen": sampler.widen, "calls": sampler.calls}
        plan = Steering("diffusion", "relaxed", sampler.about, retraction="remask", **own)
        GuidedDecoding(plan, nets, targets, seed).finish(run)
    return run.traces()


def times(first: int, steps: int) -> list[int]:
    """From `first` to 0 in `steps` even steps."""
    return np.linspace(first, 0, steps + 1).round().astype(int).tolist()


class _LatentSampling(ControlState):
    """The latents of all boards."""

    def __init__(self, sampler: Sampler, nets: Nets, targets: Sequence[Target], seed: int):
        super().__init__(str(sampler), targets, seed)
        self.sampler, self.model = sampler, nets[sampler.model]
        check_fits(self.model.name, self.model.backbone.config, self.boards)
        self.like = self.model.backbone.head.weight
        self.guide = Guide(self, sampler.about)

        # Cells whose value is settled: the givens, and in a repair pass all that break no rule.
        self.fixed, self.values = self.boards.givens > 0, self.boards.givens.copy()
        self.related = pairs(torch.as_tensor(self.boards.relations))
        self.real = torch.as_tensor(self.boards.real)

        # A classifier reads the latents of the net whose embeddings it was trained on, and no other's.
        self.classifier = None
        if sampler.guide == "classifier" and sampler.strength > 0:
            self.classifier = nets["latent-rules"]
            if not torch.equal(self.classifier.base.table, self.model.table):
                raise BadInput("guide=classifier: it was trained on the embeddings of another latent-values net")
            self.rules = encode_rules(self.told, self.boards)

        # (boards, N, LATENT): pure noise, and the net's estimate before, of which there is none yet.
        self.x = self.normals(self.rows)
        self.last = torch.zeros_like(self.x)

    def normals(self, rows: Int[np.ndarray, " rows"]) -> Float[Tensor, "rows N latent"]:
        """Standard normal numbers, a function of board, seed and draw alone."""
        return torch.special.ndtri(torch.as_tensor(self.uniforms(rows, LATENT))).to(self.like.dtype)

    def charge(self, rows: Int[np.ndarray, " rows"], passes: int = 1) -> None:
        """A call of each board. A gradient through the network counts as three passes over all its tokens."""
        n = self.boards.real[rows].sum(1)
        self.spend(rows, 1, passes * n, passes * self.model.backbone.flops(n, n**2))

    def descend(self, times: Sequence[int]) -> None:
        """From the latents at times[0] to clean ones."""
        for t, s in zip(times[:-1], times[1:]):
            again = self.sampler.travel if TRAVEL_TO < t < TRAVEL_FROM else 0
            for turn in range(again + 1):
                if not len(self.rows):
                    return
                self.step(t, s)
                if turn < again:
                    self.back(s, t)

    def step(self, t: int, s: int) -> None:
        """One call: estimate, commit what it rounds to, draw the latents of time s."""
        started = time.perf_counter()
        rows = self.rows
        x0 = self.estimate(rows, t)
        self.commit(rows, x0)
        self.x[rows] = self.draw(rows, x0, t, s)
        self.seconds[rows] += (time.perf_counter() - started) / len(rows)
        done = self.solved(rows) if self.sampler.look or s == 0 else np.zeros(len(rows), dtype=bool)
        self.rows = rows[~done & (self.calls[rows] < self.sampler.calls)]

    def estimate(self, rows: Int[np.ndarray, " rows"], t: int) -> Float[Tensor, "rows N latent"]:
        """The network's estimate, guided; fixed cells are what they are."""
        plan, d, where = self.sampler, self.boards.d, torch.as_tensor(rows)
        related = self.related if len(self.related) == 1 else self.related[where]
        last = self.last[where] if plan.remember else None
        through = plan.guide == "denoiser" and plan.strength > 0  # the gradient goes through the network
        x = self.x[where].requires_grad_(through)
        times = torch.full((len(rows),), t)
        with torch.set_grad_enabled(through):
            estimate = self.model(d, x, times, related, self.real[where], last)
        x0, log_probs = estimate.x0.detach(), estimate.log_probs.detach()
        self.last[where] = settled(x0)  # as in training, the net sees its own estimate, before the guide moves it

        # The guide moves the estimate: as a score is moved, by the slope at x, or to the balance of its values.
        weight = plan.strength * (1 - float(abar(t))) ** plan.fade
        if through:
            energy = self.guide(self.hold(estimate.log_probs.exp(), rows), rows)
            (slope,) = torch.autograd.grad(energy.sum(), x)
            x0 = shifted(x0, slope * weight, t)
        elif self.classifier is not None:
            x = x.detach().requires_grad_()
            told, real = self.rules.take(rows), self.real[where]
            (slope,) = torch.autograd.grad(self.classifier.energy(d, x, times, told, real).sum(), x)
            x0 = shifted(x0, slope * weight, t)
        elif plan.guide == "estimate" and plan.strength > 0:
            x0 = self.tilted(log_probs, rows, weight).exp() @ self.model.table[:d]

        # Clamping puts it on the nearest embedding; fixed cells are what they are.
        if plan.clamp:
            x0 = self.model.table[(x0 @ self.model.table[:d].T).argmax(-1)]
        x0 = torch.where(torch.as_tensor(self.fixed[rows])[..., None], self.embedded(rows), x0)

        self.charge(rows, WITH_GRADIENT if through else 1)
        if self.classifier is not None:
            self.charge(rows, WITH_GRADIENT)  # of a backbone of the same shape
        return settled(x0)

    def hold(self, probs: Float[Tensor, "rows N d"], rows: Int[np.ndarray, " rows"]) -> Float[Tensor, "rows N d"]:
        """The probabilities with fixed cells at their values."""
        return held(probs, self.fixed[rows], self.values[rows])

    def embedded(self, rows: Int[np.ndarray, " rows"]) -> Float[Tensor, "rows N latent"]:
        """The embeddings of the cells' values; any where a cell has none."""
        return self.model.table[np.maximum(self.values[rows] - 1, 0)]

    def tilted(self, log_probs: Tensor, rows: Int[np.ndarray, " rows"], weight: float) -> Float[Tensor, "rows N d"]:
        """The balance between the network's log-probabilities (batch, N, d) and the energy."""

        def slope(tilt: Tensor) -> Tensor:
            probs = self.hold(tilt.exp(), rows)
            steep = self.guide.slope(probs, rows)

            # A slope that is the same for all values of a cell moves nothing: without it the clamp keeps the rest.
            return (steep - (steep * probs.detach()).sum(-1, keepdim=True)).clamp(-STEEPEST, STEEPEST)

        return balance(log_probs, slope, weight, self.sampler.updates)

    def draw(self, rows: Int[np.ndarray, " rows"], x0: Tensor, t: int, s: int) -> Float[Tensor, "rows N latent"]:
        """Latents of time s < t, from p(x_s | x_t, x_0) with its variance times eta squared."""
        # DDIM's form: what is left of x_t's own noise, and new noise of standard deviation `spread`; eta = 1 is DDPM.
        before, after = float(abar(t)), float(abar(s))
        x = self.x[torch.as_tensor(rows)].detach()
        spread = self.sampler.eta * ((1 - after) / (1 - before) * (1 - before / after)) ** 0.5
        noise = (x - before**0.5 * x0) / (1 - before) ** 0.5
        mean = after**0.5 * x0 + max(0.0, 1 - after - spread**2) ** 0.5 * noise
        drawn = mean + spread * self.normals(rows)  # (rows, N, LATENT)
        if self.sampler.guide == "latents" and self.sampler.strength > 0 and s > 0:
            drawn = self.inner(rows, drawn, mean, spread, s)

        # Fixed cells are drawn around their value as the forward process would.
        exact = self.noised(self.embedded(rows), s, rows)
        return settled(torch.where(torch.as_tensor(self.fixed[rows])[..., None], exact, drawn))

    def noised(self, x0: Tensor, t: int, rows: Int[np.ndarray, " rows"]) -> Tensor:
        """Clean latents (rows, N, latent) at time t of the forward process."""
        share = float(abar(t))
        return share**0.5 * x0 + (1 - share) ** 0.5 * self.normals(rows)

    def inner(self, rows, drawn: Tensor, mean: Tensor, spread: float, s: int) -> Tensor:
        """Updates of the drawn latents that raise fluency * log p(x_s | x_t) + strength * log p(control | x_s)."""
        # Adagrad, whose sums of squares start anew at every step; inner=sign forgets them at every update.
        plan, squares = self.sampler, torch.zeros_like(drawn)
        weight = plan.strength * (1 - float(abar(s))) ** plan.fade
        for _ in range(plan.updates):
            x = drawn.detach().requires_grad_()
            probs = self.hold(self.model.posterior(self.boards.d, x, s).exp(), rows)
            lost = weight * self.guide(probs, rows).sum()
            lost = lost + plan.fluency * ((x - mean) ** 2).sum() / (2 * max(spread, NARROWEST) ** 2)
            (slope,) = torch.autograd.grad(lost, x)
            squares = slope**2 + (squares if plan.inner == "adagrad" else 0)
            drawn = settled(drawn - plan.rate * slope / (squares.sqrt() + ADAGRAD))
        return drawn

    def back(self, s: int, t: int) -> None:
        """Noise the latents of time s up to time t again."""
        rows = self.rows
        if len(rows):
            ratio = float(abar(t) / abar(s))
            self.x[rows] = settled(ratio**0.5 * self.x[rows] + (1 - ratio) ** 0.5 * self.normals(rows))

    def loosen(self, t: int) -> None:
        """Noise cells that break a rule, and some others, up to time t; all others stay fixed for a pass."""
        rows = self.rows
        loose = self.conflicts(rows) | (self.uniforms(rows)[..., 0] < self.sampler.widen)
        loose &= self.boards.givens[rows] == 0
        self.fixed[rows], self.values[rows] = ~loose & self.boards.real[rows], self.assignments[rows]
        self.x[rows] = settled(self.noised(self.embedded(rows), t, rows))
        self.last[rows] = 0

    def commit(self, rows: Int[np.ndarray, " rows"], x0: Tensor) -> None:
        """Write what the estimate (rows, N, latent) rounds to where it differs from the board."""
        rounded = (x0 @ self.model.table[: self.boards.d].T).argmax(-1).numpy() + 1
        rounded = np.where(self.boards.real[rows], rounded, 0)
        self.rewrite(rows, np.where(self.fixed[rows], self.values[rows], rounded))


def settled(x: Tensor) -> Tensor:
    """Rounded so that the noise of another batch shape is gone (see generators/models/interface.py)."""
    return x.detach().round(decimals=DIGITS)


def shifted(x0: Float[Tensor, "rows N latent"], slope: Float[Tensor, "rows N latent"], t: int):
    """An estimate moved as a score moved by -slope moves it (Dhariwal and Nichol 2021)."""
    share = float(abar(t))
    return x0 - shortened(slope * ((1 - share) / share**0.5))


def shortened(shift: Float[Tensor, "rows N latent"]) -> Float[Tensor, "rows N latent"]:
    """A shift no longer than an embedding, cell by cell."""
    length = shift.norm(dim=-1, keepdim=True)
    return shift * (LATENT**0.5 / length.clamp(min=LATENT**0.5))
