"""Masked diffusion: the backbone with sight of every cell, trained to fill masked cells.

Loss (Sahoo et al. 2024; Shi et al. 2024; no time input, Ou et al. 2025): t ~ U(0, 1], each free cell is
masked with probability t, loss = 1/t * sum over masked cells of -log p(x_i | visible) / number of free cells,
an upper bound on -log p(x) per free cell. t is stratified over the batch.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from csp.errors import BadInput
from generators.boards import Boards
from generators.model import DIGITS, Prediction
from generators.transformer import Backbone, BackboneConfig, features, weighted_nats


class MaskedDiffusion(nn.Module):
    """A bidirectional Backbone over the in-place layout (csp/tokens.py); every blank cell can be spoken about."""

    def __init__(self, config: BackboneConfig, kind: str = "diffusion"):
        super().__init__()
        self.kind = self.name = kind
        self.backbone = Backbone(config)

    def forward(self, assignments: Int[Tensor, "batch N"], related: Tensor, real: Tensor) -> Float[Tensor, "batch N d"]:
        """Log-probabilities of every cell's value; 0 in assignments is MASK."""
        cells = torch.arange(assignments.shape[1], device=assignments.device).expand_as(assignments)
        blocked = None if bool(real.all()) else ~real[:, None, :].expand(-1, real.shape[1], -1)
        return self.backbone(assignments, cells, cells, related, blocked)

    def loss(
        self, boards: Boards, solutions: Int[np.ndarray, "batch N"], rng: np.random.Generator
    ) -> Float[Tensor, ""]:
        """The mean over the batch of the bound above, in nats per free cell. solutions: 0 at padding."""
        device = self.backbone.head.weight.device
        free = (boards.givens == 0) & boards.real
        size = len(boards)
        t = 1 - (rng.permutation(size) + rng.random(size)) / size  # (0, 1], one draw per stratum
        masked = free & (rng.random(free.shape) < t[:, None])
        weight = masked / (t * free.sum(1))[:, None]
        related = features(torch.as_tensor(boards.relations, device=device))
        said = self(
            torch.as_tensor(np.where(masked, 0, solutions), device=device),
            related,
            torch.as_tensor(boards.real, device=device),
        )
        return weighted_nats(said, solutions, weight)

    def open(self, boards: Boards) -> DiffusionSession:
        check_fits(self.name, self.backbone.config, boards)
        return DiffusionSession(self, boards)


def check_fits(name: str, config: BackboneConfig, boards: Boards) -> None:
    """Raises BadInput if a network of that config cannot read the boards."""
    if misfit := config.misfit(boards.d, boards.width):
        raise BadInput(f"{name} {misfit}")


class DiffusionSession:
    """One full pass over all cells a call."""

    def __init__(self, model: MaskedDiffusion, boards: Boards):
        weight = model.backbone.head.weight
        self.model, self.boards = model, boards
        self.related = features(torch.as_tensor(boards.relations, device=weight.device), dtype=weight.dtype)
        self.real = torch.as_tensor(boards.real, device=weight.device)

    @torch.inference_mode()
    def predict(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        turns: Int[np.ndarray, "rows N"] | None = None,
        wanted: Bool[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        device = self.real.device
        where = torch.as_tensor(rows, device=device)
        related = self.related if len(self.related) == 1 else self.related[where]
        said = self.model(torch.as_tensor(assignments, device=device), related, self.real[where])
        real = self.boards.real[rows]
        tokens = real.sum(1)
        flops = self.model.backbone.flops(tokens, tokens**2)
        log_probs = np.round(said.double().cpu().numpy(), DIGITS)
        return Prediction(log_probs, (assignments == 0) & real, tokens, flops)
