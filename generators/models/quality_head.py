"""The quality head (PRISM, Kim et al. 2025): which of the values on a board are right, given all the others?

A masked-diffusion net, frozen, and on top of its last features one more block and a linear layer. Training: of a
solution, free cells are masked as for diffusion; some of the masked ones are filled with samples of the frozen net,
each drawn on its own; loss = binary cross-entropy of "this filled value is the solution's", mean over filled cells.
The net's own predictions stay what they were, so that a decoder with this signal differs from others in nothing else.

    >>> head.score(boards, rows, assignments).right          # (rows, N): what signal=quality ranks cells by
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from generators.boards import Boards
from generators.models.backbone_config import BackboneConfig, check_fits
from generators.models.examples import Examples
from generators.models.inference import DECIMALS, Weights
from generators.models.interface import Verdict
from generators.models.masked_diffusion import CellReader, MaskedDiffusion, masks
from generators.models.transformer import Backbone, Block, pairs


class QualityHead(nn.Module):
    """A Scorer. Its checkpoint holds the frozen net too."""

    def __init__(self, config: BackboneConfig, kind: str = "quality"):
        super().__init__()
        self.kind = self.name = kind
        self.base = MaskedDiffusion(config).requires_grad_(False)
        self.block, self.norm, self.head = Block(config), nn.RMSNorm(config.dim), nn.Linear(config.dim, 1)
        self.reading: CellReader | None = None

    @property
    def backbone(self) -> Backbone:
        """What reads the board: the frozen base's."""
        return self.base.backbone

    def forward(
        self, d: int, assignments: Int[Tensor, "batch N"], related: Tensor, real: Tensor
    ) -> Float[Tensor, "batch N"]:
        """Logits of "the value here is right"; they mean something where a value is."""
        blocked = self.base.blocked(real)
        with torch.no_grad():
            x = self.base.hidden(d, assignments, related, real)
        return self.head(self.norm(self.block(x, self.block.bias(related, blocked))))[..., 0]

    def corrupt(self, boards: Boards, solutions: Int[np.ndarray, "batch N"], rng: np.random.Generator) -> Examples:
        """Which cells are masked, which of those are filled with a sample, and the samples' noise."""
        masked, _ = masks(boards, rng)
        gumbel = -np.log(-np.log(rng.random((*masked.shape, boards.d))))  # the greatest of noisy log p is a sample
        filled = masked & (rng.random(masked.shape) < rng.random((len(masked), 1)))

        # Filled cells count alike, whichever board they are on: a board weighs as many as it has, the mean being 1.
        weight = filled * (len(boards) / max(1, int(filled.sum())))
        return Examples(boards, solutions, {"masked": masked, "gumbel": gumbel, "filled": filled, "weight": weight})

    def loss(self, examples: Examples) -> Float[Tensor, " batch"]:
        """Binary cross-entropy of each board's filled cells, so weighed that the mean over boards is nats a cell."""
        boards, solutions, device = examples.boards, examples.solutions, self.head.weight.device
        related = pairs(torch.as_tensor(boards.relations, device=device))
        real = torch.as_tensor(boards.real, device=device)

        # What a decoder would meet: values that the frozen net is likely to write, right ones and wrong ones.
        shown = np.where(examples["masked"], 0, solutions)
        with torch.no_grad():
            log_probs = self.base(boards.d, torch.as_tensor(shown, device=device), related, real)
        sampled = (log_probs.double().cpu().numpy() + examples["gumbel"]).argmax(-1) + 1
        written = np.where(examples["filled"], sampled, shown)

        logits = self(boards.d, torch.as_tensor(written, device=device), related, real)  # (batch, N)
        right = torch.as_tensor(sampled == solutions, dtype=logits.dtype, device=device)
        nats = F.binary_cross_entropy_with_logits(logits, right, reduction="none")
        return (nats * torch.as_tensor(examples["weight"], dtype=nats.dtype, device=device)).sum(1)

    def training_flops(self, boards: Boards) -> float:
        """FLOPs of one update: the frozen net forward twice, the block forward and back."""
        batch, width = len(boards), boards.width
        block = batch * self.backbone.layer_flops(width, width**2)
        return float(2 * batch * self.backbone.flops(width, width**2) + 3 * block)

    @torch.inference_mode()
    def score(self, boards: Boards, rows: Int[np.ndarray, " rows"], assignments: Int[np.ndarray, "rows N"]) -> Verdict:
        """How right each committed value looks. Raises BadInput if the net cannot read the boards."""
        check_fits(self.name, self.backbone.config, boards)
        committed = (assignments > 0) & boards.real[rows]
        right = np.zeros(assignments.shape)
        logits = self._reader(boards).logits(rows, assignments, committed)[:, 0]
        right[committed] = np.round(logits.double().sigmoid().numpy(), DECIMALS[logits.dtype])  # (rows, N)

        tokens = boards.real[rows].sum(1)
        extra = self.backbone.layer_flops(tokens, tokens**2)
        return Verdict(right, tokens, self.backbone.flops(tokens, tokens**2) + extra)

    def _reader(self, boards: Boards) -> CellReader:
        """The reader of these boards, which are the same from call to call of a decoder."""
        reading = self.reading
        if reading is None or reading.boards is not boards:
            weights = Weights(self.backbone, boards.d, self.block, self.norm, self.head)
            self.reading = reading = CellReader(self.base, weights, boards)
        return reading
