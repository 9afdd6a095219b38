"""One training run on several processes (torchrun): each takes its part of every batch, and sums are added up.

>>> share = Share(rank=0, size=2)
>>> loss = share.mean(model, examples)          # this process's part of the batch's mean
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import distributed

from generators.models.examples import Examples


@dataclass(frozen=True)
class Share:
    """This process's part of every batch, and adding up over all processes. One process has all of it."""

    rank: int = 0
    size: int = 1

    @property
    def part(self) -> slice:
        """The boards of a batch that are this process's."""
        return slice(self.rank, None, self.size)

    def mean(self, model: torch.nn.Module, examples: Examples) -> torch.Tensor:
        """This process's part of the mean loss of a batch: over all processes the parts add up to the mean
        (a scalar).
        """
        return model.loss(examples.take(self.part)).sum() / len(examples)

    def add(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""
        if self.size > 1:
            flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
            distributed.all_reduce(flat)
            for tensor, summed in zip(tensors, flat.split([tensor.numel() for tensor in tensors])):
                tensor.copy_(summed.view_as(tensor))


#: A run on one process, which has all of every batch.
ALONE = Share()
