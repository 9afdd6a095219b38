"""The quality head (PRISM, Kim et al. 2025): which of the values on a board are right, given all the others?

A masked-diffusion net, frozen, and on top of its last features one more block and a linear layer. Training: of a
solution, free cells are masked as for diffusion; some of the masked ones are filled with samples of the frozen net,
each drawn on its own; loss = binary cross-entropy of "this filled value is the solution's", mean over filled cells.
The net's own predictions stay what they were, so that a decoder with this signal differs from others in nothing else.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from generators.boards import ALL, Boards
from generators.models.backbone_config import BackboneConfig, check_fits
from generators.models.interface import DIGITS, Verdict
from generators.models.masked_diffusion import DiffusionSession, MaskedDiffusion, masks
from generators.models.transformer import Backbone, Block, pairs


class QualityHead(nn.Module):
    """A Scorer. Its checkpoint holds the frozen net too."""

    def __init__(self, config: BackboneConfig, kind: str = "quality"):
        super().__init__()
        self.kind = self.name = kind
        self.base = MaskedDiffusion(config).requires_grad_(False)
        self.block, self.norm, self.head = Block(config), nn.RMSNorm(config.dim), nn.Linear(config.dim, 1)

    @property
    def backbone(self) -> Backbone:
        return self.base.backbone

    def forward(
        self, d: int, assignments: Int[Tensor, "batch N"], related: Tensor, real: Tensor
    ) -> Float[Tensor, "batch N"]:
        """Logits of "the value here is right"; they mean something where a value is."""
        blocked = self.base.blocked(real)
        with torch.no_grad():
            x = self.base.hidden(d, assignments, related, real)
        return self.head(self.norm(self.block(x, self.block.bias(related, blocked))))[..., 0]

    def loss(
        self, boards: Boards, solutions: Int[np.ndarray, "batch N"], rng: np.random.Generator, part: slice = ALL
    ) -> Float[Tensor, ""]:
        """Binary cross-entropy in nats a filled cell. solutions: 0 at padding.

        part: only these boards' share of that mean; what is drawn is the same for any part.
        """
        device = self.head.weight.device
        masked, _ = masks(boards, rng)
        noise = -np.log(-np.log(rng.random((*masked.shape, boards.d))))
        filled = masked & (rng.random(masked.shape) < rng.random((len(masked), 1)))
        count = max(1, int(filled.sum()))
        masked, noise, filled, solutions = (array[part] for array in (masked, noise, filled, solutions))
        boards = boards.take(part)
        related = pairs(torch.as_tensor(boards.relations, device=device))
        real = torch.as_tensor(boards.real, device=device)
        written = np.where(masked, 0, solutions)
        with torch.no_grad():
            said = self.base(boards.d, torch.as_tensor(written, device=device), related, real).double().cpu().numpy()
        drawn = (said + noise).argmax(-1) + 1
        written = np.where(filled, drawn, written)
        logits = self(boards.d, torch.as_tensor(written, device=device), related, real)
        right = torch.as_tensor(drawn == solutions, dtype=logits.dtype, device=device)
        weight = torch.as_tensor(filled, dtype=logits.dtype, device=device)
        nats = F.binary_cross_entropy_with_logits(logits, right, reduction="none")
        return (nats * weight).sum() / count

    def training_flops(self, boards: Boards) -> float:
        """FLOPs of one update: the frozen net forward twice, the block forward and back."""
        batch, width = len(boards), boards.width
        block = batch * self.backbone.layer_flops(width, width**2)
        return float(2 * batch * self.backbone.flops(width, width**2) + 3 * block)

    @torch.inference_mode()
    def score(self, boards: Boards, rows: Int[np.ndarray, " rows"], assignments: Int[np.ndarray, "rows N"]) -> Verdict:
        check_fits(self.name, self.backbone.config, boards)
        session = DiffusionSession(self.base, boards)
        related, real = session.of(rows)
        said = self(boards.d, torch.as_tensor(assignments, device=real.device), related, real).double().sigmoid()
        tokens = boards.real[rows].sum(1)
        extra = self.backbone.layer_flops(tokens, tokens**2)
        return Verdict(np.round(said.cpu().numpy(), DIGITS), tokens, self.backbone.flops(tokens, tokens**2) + extra)
