"""Gaussian diffusion over continuous latents of the whole assignment (Diffusion-LM, Li et al. 2022).

Each value has a learned embedding of LATENT numbers, kept at length sqrt(LATENT), so that noise of unit variance means
the same for every net. Forward, t = 0 ... STEPS: x_t = sqrt(abar_t) Emb(w) + sqrt(1 - abar_t) noise, with
abar_t = 1 - sqrt(t / STEPS + 1e-4). The network reads x_t, t and maybe its last estimate (self-conditioning, Chen et
al. 2023) and estimates x_0. Two kinds, of equal backbone:

  latent          estimates x_0 itself; loss = squared error of x_0 (of the embedding at t = 1) + rounding cross-entropy
                  -log p(w | x_0), means over cells and dimensions, as in the paper
  latent-values   answers with probabilities of values, x_0 being the mean of their embeddings; loss = their
                  cross-entropy at every t (Dieleman et al. 2022)

Trained on complete boards: it does not read givens. Sampling and control: generators/control/latent_sampling.py.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from generators.boards import Boards
from generators.models.backbone_config import BackboneConfig
from generators.models.examples import Examples, stratified
from generators.models.transformer import Backbone, pairs, weighted_nats

LATENT = 16  # dimensions of a value's embedding
STEPS = 2000  # of the forward process
OFFSET = 1e-4  # of the square-root schedule
LOWEST = 1e-5  # abar at STEPS, where the formula falls below 0
WAVES = 32  # frequencies of the time embedding
SELF_CONDITIONED = 0.5  # share of the updates in which the net sees its own first estimate


def abar(t: Int[np.ndarray, "*any"] | int) -> Float[np.ndarray, "*any"]:
    """The share of the signal's variance that is left at t = 0 ... STEPS."""
    return np.asarray(np.maximum(1 - np.sqrt(np.asarray(t) / STEPS + OFFSET), LOWEST))


class Estimate(NamedTuple):
    """A net's estimate of clean latents: x0 (batch, N, LATENT), and log-probabilities (batch, N, d) of the values they
    round to."""

    x0: Tensor
    log_probs: Tensor


class LatentDiffusion(nn.Module):
    """A bidirectional Backbone over noisy latents."""

    def __init__(self, config: BackboneConfig, kind: str = "latent"):
        super().__init__()
        self.kind = self.name = kind
        self.backbone = Backbone(config)
        self.embedding = nn.Embedding(config.d, LATENT)
        self.read_latents = nn.Linear(2 * LATENT, config.dim)
        self.read_time = nn.Sequential(nn.Linear(2 * WAVES, config.dim), nn.GELU(), nn.Linear(config.dim, config.dim))

    @property
    def table(self) -> Float[Tensor, "d latent"]:
        """The values' embeddings."""
        return F.normalize(self.embedding.weight, dim=-1) * math.sqrt(LATENT)

    def forward(
        self,
        d: int,
        x: Float[Tensor, "batch N latent"],
        t: Int[Tensor, " batch"],
        related: Int[Tensor, "shared N N"],
        real,
        last: Float[Tensor, "batch N latent"] | None = None,
    ) -> Estimate:
        """The estimate of clean latents, from latents at time t. last: the estimate before (self-conditioning)."""
        width = x.shape[1]
        cells = self.backbone.ids(torch.arange(width, device=x.device).expand(x.shape[:2]), width)
        blank = torch.zeros_like(cells)
        blocked = None if bool(real.all()) else ~real[:, None, :].expand(-1, width, -1)  # padding is not looked at

        # A token is its cell, all values being MASK; its latents, the last estimate and the time are added to it.
        last = torch.zeros_like(x) if last is None else last
        more = self.read_latents(torch.cat([x, last], dim=-1)) + self.read_time(waves(t, x))[:, None]  # (batch, N, dim)
        features = self.backbone.norm(self.backbone.hidden(d, blank, cells, cells, related, blocked, more=more))
        answer = self.backbone.head(features).to(x.dtype)

        # The two kinds: the answer is x_0, or logits of values whose mean embedding is x_0.
        table = self.table[:d]
        if self.kind == "latent":
            return Estimate(answer, (answer @ table.T).log_softmax(-1))
        log_probs = answer[..., :d].log_softmax(-1)
        return Estimate(log_probs.exp() @ table, log_probs)

    def posterior(self, d: int, x: Float[Tensor, "batch N latent"], t: int) -> Float[Tensor, "batch N d"]:
        """log p(value | its latent at time t) by Bayes' rule, if all values were equally likely: cells apart."""
        share = float(abar(t))
        return (x @ self.table[:d].T * (math.sqrt(share) / (1 - share))).log_softmax(-1)

    def corrupt(self, boards: Boards, solutions: Int[np.ndarray, "batch N"], rng: np.random.Generator) -> Examples:
        """Each board's time and noise, and whether the net sees its own first estimate: one coin for the batch, so that
        the first pass is made for all of it or not at all."""
        size = len(boards)
        t = 1 + np.floor(stratified(size, rng, STEPS)).astype(np.int64)  # 1 ... STEPS
        noise = rng.standard_normal((2, *solutions.shape, LATENT), dtype=np.float32)
        conditioned = np.full(size, rng.random() < SELF_CONDITIONED)
        drawn = {"t": t, "embedding noise": noise[0], "noise": noise[1], "conditioned": conditioned}
        return Examples(boards, solutions, drawn)

    def loss(self, examples: Examples) -> Float[Tensor, " batch"]:
        """The kind's loss, mean over each board's cells."""
        boards, solutions, device = examples.boards, examples.solutions, self.backbone.head.weight.device
        values, times, real, related, embedding_noise, noise = (
            torch.as_tensor(array, device=device)
            for array in (
                np.maximum(solutions - 1, 0), examples["t"], boards.real, boards.relations,
                examples["embedding noise"], examples["noise"],
            )
        )  # fmt: skip
        related = pairs(related)

        # x_0 is the embedding, in Diffusion-LM with the little noise of time 0; x_t is drawn around it.
        clean = self.table[values]  # (batch, N, LATENT)
        x0 = clean + math.sqrt(1 - float(abar(0))) * embedding_noise if self.kind == "latent" else clean
        x = diffuse(x0, times, noise)

        # Self-conditioning: half of the time the net is shown its own first estimate, through which nothing is learned.
        last = None
        if examples["conditioned"].any():
            with torch.no_grad():
                last = self(boards.d, x, times, related, real).x0
        estimate = self(boards.d, x, times, related, real, last)

        weight = boards.real / boards.real.sum(1, keepdims=True)  # (batch, N)
        if self.kind != "latent":
            return weighted_nats(estimate.log_probs, solutions, weight)
        aim = torch.where((times == 1)[:, None, None], clean, x0)
        errors = ((estimate.x0 - aim) ** 2).mean(-1) * torch.as_tensor(weight, dtype=x.dtype, device=device)
        return errors.sum(1) + weighted_nats((x0 @ self.table.T).log_softmax(-1), solutions, weight)

    def training_flops(self, boards: Boards) -> float:
        """FLOPs of one update, a half of them with a first pass forward."""
        return self.backbone.training_flops(len(boards), boards.width) * (1 + SELF_CONDITIONED / 3)


def diffuse(
    x0: Float[Tensor, "batch N latent"], t: Int[Tensor, " batch"], noise: Float[Tensor, "batch N latent"]
) -> Float[Tensor, "batch N latent"]:
    """x_t: mean sqrt(abar_t) x_0, variance 1 - abar_t."""
    share = torch.as_tensor(abar(t.cpu().numpy()), dtype=x0.dtype, device=x0.device)[:, None, None]
    return share.sqrt() * x0 + (1 - share).sqrt() * noise


def waves(t: Int[Tensor, " batch"], like: Tensor) -> Float[Tensor, "batch waves"]:
    """Sines and cosines of the time, of periods from 1 to 10,000 steps (Vaswani et al. 2017). like: of any
    shape, for its type and device.
    """
    rates = torch.exp(-math.log(1e4) * torch.arange(WAVES, device=like.device, dtype=like.dtype) / WAVES)
    angles = t[:, None].to(like.dtype) * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
