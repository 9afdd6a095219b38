"""Which blank cell is committed next, as probabilities that the network's answers decide.

    >>> Uniform()(log_probs, blank)                     # (rows, N) log-probabilities, minus infinity at filled cells

Decoders (generators/decoding/orders.py) choose the highest priority; here a cell is drawn, so that every order has a
likelihood. Confidence at a temperature near 0 is order=confidence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@runtime_checkable
class OrderPolicy(Protocol):
    """log pi(i | state) for each cell i."""

    def __call__(
        self, log_probs: Float[Tensor, "rows N d"], blank: Bool[Tensor, "rows N"]
    ) -> Float[Tensor, "rows N"]: ...


def log_softmax_of_blank(scores: Float[Tensor, "rows N"], blank: Bool[Tensor, "rows N"]) -> Float[Tensor, "rows N"]:
    """Log-softmax over the blank cells. A full board has nothing to choose from, and gets minus infinities."""
    scores = scores.masked_fill(~blank, -math.inf)
    full = ~blank.any(-1, keepdim=True)
    return scores.masked_fill(full, 0.0).log_softmax(-1).masked_fill(~blank, -math.inf)


@dataclass(frozen=True)
class Uniform:
    """Every blank cell alike: random order."""

    def __call__(self, log_probs: Float[Tensor, "rows N d"], blank: Bool[Tensor, "rows N"]) -> Float[Tensor, "rows N"]:
        return log_softmax_of_blank(torch.zeros_like(log_probs[..., 0]), blank)


@dataclass(frozen=True)
class Confidence:
    """A cell with chance proportional to its likeliest value's probability to the power 1 / temperature."""

    temperature: float = 0.1

    def scores(self, log_probs: Float[Tensor, "rows N d"]) -> Float[Tensor, "rows N"]:
        """The logarithm of the likeliest value's probability, over the temperature."""
        return log_probs.amax(-1) / self.temperature

    def __call__(self, log_probs: Float[Tensor, "rows N d"], blank: Bool[Tensor, "rows N"]) -> Float[Tensor, "rows N"]:
        return log_softmax_of_blank(self.scores(log_probs), blank)


@dataclass(frozen=True, eq=False)
class PlackettLuce:
    """Cells drawn without replacement by fixed scores (Plackett 1975; Luce 1959), as a policy head gives them."""

    scores: Float[Tensor, " N"]

    def __call__(self, log_probs: Float[Tensor, "rows N d"], blank: Bool[Tensor, "rows N"]) -> Float[Tensor, "rows N"]:
        return log_softmax_of_blank(self.scores.expand(blank.shape), blank)


#: In which fillings are written. At a temperature of 0.1 it is nearly always the surest cell.
ORDERS: dict[str, OrderPolicy] = {"random": Uniform(), "confidence": Confidence(0.1)}
