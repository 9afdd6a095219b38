"""A noise-aware classifier: do the rules of a target hold on the board that these noisy latents will become?

The backbone reads latents of the forward process at time t, with the embeddings of a frozen latent-values net, and what
is told of each cell (generators/models/rule_features.py). It says for every cell the log-odds that all of its rules
hold. Training: of complete boards, half with rules that are read off the board itself and half with those of another
board of the batch; loss = binary cross-entropy, each rule counting as one that its cells share. The checkpoint holds
the frozen net.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from generators.boards import Boards
from generators.models.backbone_config import BackboneConfig
from generators.models.examples import Examples, stratified
from generators.models.latent_diffusion import LATENT, STEPS, WAVES, LatentDiffusion, diffuse, waves
from generators.models.rule_features import ReadRules, RuleFeatures, encode_rules
from generators.models.transformer import Backbone, pairs
from solvers.counting.control_tasks import mismatched_rules, rules_of, satisfied_cells


class LatentRules(nn.Module):
    """A bidirectional Backbone over noisy latents and rules."""

    def __init__(self, config: BackboneConfig, kind: str = "latent-rules"):
        super().__init__()
        self.kind = self.name = kind
        self.backbone = Backbone(config)
        self.base = LatentDiffusion(config, "latent-values").requires_grad_(False)
        self.read_latents = nn.Linear(LATENT, config.dim)
        self.read_time = nn.Sequential(nn.Linear(2 * WAVES, config.dim), nn.GELU(), nn.Linear(config.dim, config.dim))
        self.told = ReadRules(config.dim)

    def forward(
        self, d: int, x: Float[Tensor, "batch N latent"], t: Int[Tensor, " batch"], told: RuleFeatures, real
    ) -> Float[Tensor, "batch N"]:
        """Log-odds that all rules of each cell hold; they mean nothing where it has none."""
        width, device = x.shape[1], x.device
        cells = self.backbone.ids(torch.arange(width, device=device).expand(x.shape[:2]), width)
        blocked = None if bool(real.all()) else ~real[:, None, :].expand(-1, width, -1)
        more = self.read_latents(x) + self.read_time(waves(t, x))[:, None] + self.told(told)
        related = pairs(torch.as_tensor(told.relations, device=device))
        hidden = self.backbone.hidden(d, torch.zeros_like(cells), cells, cells, related, blocked, more=more)
        return self.backbone.head(self.backbone.norm(hidden)).to(x.dtype)[..., 0]

    def energy(
        self, d: int, x: Float[Tensor, "batch N latent"], t: Int[Tensor, " batch"], told: RuleFeatures, real
    ) -> Float[Tensor, " batch"]:
        """-log p(the rules hold | x at time t), the rules taken one by one."""
        shares = torch.as_tensor(told.shares, device=x.device).to(x.dtype)
        return (F.softplus(-self(d, x, t, told, real)) * shares).sum(1)

    def corrupt(self, boards: Boards, solutions: Int[np.ndarray, "batch N"], rng: np.random.Generator) -> Examples:
        """Each board's rules (half of them another board's), time and noise."""
        rules = mismatched_rules([rules_of(solution, boards.d, rng) for solution in solutions])
        t = 1 + np.floor(stratified(len(boards), rng, STEPS)).astype(np.int64)  # 1 ... STEPS
        noise = rng.standard_normal((*solutions.shape, LATENT), dtype=np.float32)
        return Examples(boards, solutions, {"rules": rules, "t": t, "noise": noise})

    def loss(self, examples: Examples) -> Float[Tensor, " batch"]:
        """Binary cross-entropy of each board's rules, in nats a rule."""
        boards, solutions, rules = examples.boards, examples.solutions, examples["rules"]
        device = self.backbone.head.weight.device
        told = encode_rules(rules, boards)
        weight = told.shares / told.shares.sum(1, keepdims=True)  # (batch, N)
        held, weight, values, times, real, noise = (
            torch.as_tensor(array, device=device)
            for array in (
                satisfied_cells(rules, solutions), weight, np.maximum(solutions - 1, 0), examples["t"], boards.real,
                examples["noise"],
            )
        )  # fmt: skip
        x = diffuse(self.base.table[values], times, noise)
        odds = self(boards.d, x, times, told, real)
        nats = F.binary_cross_entropy_with_logits(odds, held.to(odds.dtype), reduction="none")
        return (nats * weight).sum(1)

    def training_flops(self, boards: Boards) -> float:
        """FLOPs of one update."""
        return self.backbone.training_flops(len(boards), boards.width)
