"""A learned order: a small network that says which blank cell is committed next, on top of a frozen one.

    >>> head = OrderHead(d=6)
    >>> policy = LearnedOrder(frozen, head)              # a Policy whose likelihood is that of its orders alone

It reads what the frozen network answers, and begins as Confidence. Only the chance of each chosen cell is learned: the
values that are written there have the frozen network's probabilities, which cancel from the gradient. Cells are drawn
without replacement as in DCoLT (Huang et al. 2025); where it begins is the reference of UPO (Hong et al. 2025).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt64
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from generators.boards import Boards
from generators.likelihood.conditionals import NetworkConditionals
from generators.likelihood.estimators import along
from generators.likelihood.order_policies import Confidence, log_softmax_of_blank
from generators.likelihood.rollouts import roll_out
from generators.models.interface import DIGITS
from generators.reinforcement.policies import Fillings

WIDTH = 32


def in_double(head: nn.Module) -> dict[str, Tensor]:
    """Its weights, so that what it says to a decoder does not follow the batch."""
    return {name: weight.double() for name, weight in head.named_parameters()}


class OrderHead(nn.Module):
    """An OrderPolicy with weights. A cell's score: the logarithm of its likeliest value's probability, over the
    temperature, plus a perceptron of its own sorted probabilities, their entropy, how many cells are blank, and the
    mean over the blank cells.
    """

    def __init__(self, d: int, temperature: float = 0.1):
        super().__init__()
        self.d, self.start = d, Confidence(temperature)
        self.read = nn.Linear(d + 2, WIDTH)
        self.context = nn.Linear(WIDTH, WIDTH, bias=False)
        self.score = nn.Linear(WIDTH, 1)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)
        self.flops = 2 * WIDTH * (d + 2 + WIDTH + 1)

    @property
    def about(self) -> dict:
        """What builds it again."""
        return {"d": self.d, "temperature": self.start.temperature}

    def forward(self, log_probs: Float[Tensor, "rows N d"], blank: Bool[Tensor, "rows N"]) -> Float[Tensor, "rows N"]:
        """log pi of each cell."""
        probs = log_probs.exp().sort(-1, descending=True).values
        entropy = -(probs * probs.clamp_min(1e-12).log()).sum(-1, keepdim=True)
        left = blank.to(probs).sum(-1).log1p()[:, None, None].expand(*blank.shape, 1)  # whatever the padding
        own = F.gelu(self.read(torch.cat([probs, entropy, left], -1).to(self.read.weight.dtype)))  # (rows, N, WIDTH)
        weight = blank.to(own)[..., None]
        mean = (own * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp_min(1.0)
        learned = self.score(F.gelu(own + self.context(mean)))[..., 0]
        return log_softmax_of_blank(self.start.scores(log_probs) + learned.to(log_probs.dtype), blank)

    @torch.no_grad()
    def priorities(
        self, log_probs: Float[np.ndarray, "rows N d"], blank: Bool[np.ndarray, "rows N"]
    ) -> Float[np.ndarray, "rows N"]:
        """An Orderer's."""
        inputs = torch.from_numpy(log_probs), torch.from_numpy(blank)
        return functional_call(self, in_double(self), inputs).numpy().round(DIGITS)


@dataclass(frozen=True, eq=False)
class LearnedOrder:
    """A Policy. model: the head, whose weights are learned. network: frozen."""

    network: nn.Module
    model: OrderHead

    def roll_out(self, boards: Boards, rows: Int[np.ndarray, " rows"], keys: UInt64[np.ndarray, " rows"]) -> Fillings:
        """Raises BadInput for a network or boards that conditionals refuse."""
        return Fillings(rows, *roll_out(NetworkConditionals(self.network, boards), self.model, rows, keys))

    def log_likelihood(self, boards: Boards, filled: Fillings, rng: np.random.Generator) -> Float[Tensor, " rows"]:
        """Of the sequence of cells, given what was written there."""
        ask = NetworkConditionals(self.network, boards)
        return along(ask, filled.rows, filled.values, filled.commit_order, self.model)[1].sum(1)

    def forwards(self, k: int) -> int:
        """A state before each commit."""
        return k
