"""What a network says about the free cells of boards in states of its choice, with gradients.

    >>> ask = NetworkConditionals(model, boards)
    >>> ask(rows, states).shape                          # (states, N, d): log-probabilities of every cell's values

A state is a whole assignment of the board at its row, so that givens can be masked too (the prompt masking of
diffu-GRPO). A filling is a state without a blank cell; its commit_order says when each cell was filled: 1 .. k, 0 at
givens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from csp.errors import BadInput
from csp.problem import Instance
from generators.boards import Boards, stack
from generators.models.backbone_config import check_fits
from generators.models.board_network import BoardNetwork
from generators.models.exact import Exact
from generators.models.masked_diffusion import MaskedDiffusion
from generators.models.network_words import NAMED
from generators.models.transformer import pairs

TOGETHER = 128  # states a pass; of several passes only one is in memory at a time, backwards too


@runtime_checkable
class Conditionals(Protocol):
    """asked: how many states have been computed so far."""

    boards: Boards
    asked: int

    def __call__(
        self, rows: Int[np.ndarray, " states"], states: Int[np.ndarray, "states N"]
    ) -> Float[Tensor, "states N d"]:
        """Log-probabilities of each cell's values 1..d in each state of the boards at rows; they mean something where a
        cell is blank.
        """
        ...


class NetworkConditionals:
    """Of a network that reads the board anew, so that its answer does not depend on the sequence of commits.

    Raises BadInput for another network, and for boards that it cannot read.
    """

    def __init__(self, model: nn.Module, boards: Boards):
        anew = isinstance(model, MaskedDiffusion) and getattr(model, "words", NAMED["diffusion"]).reading == "anew"
        if not anew:
            raise BadInput(f"{model.name}: its answers depend on the sequence of commits; give one that reads anew")
        check_fits(model.name, model.backbone.config, boards)
        self.model, self.boards, self.asked = model, boards, 0

    @property
    def flops(self) -> Float[np.ndarray, " batch"]:
        """Of one state of each board, forwards."""
        n = self.boards.real.sum(1) + self.model.edges(self.boards)
        return self.model.backbone.flops(n, n * n)

    def __call__(
        self, rows: Int[np.ndarray, " states"], states: Int[np.ndarray, "states N"]
    ) -> Float[Tensor, "states N d"]:
        self.asked += len(states)
        parts = [slice(start, start + TOGETHER) for start in range(0, len(states), TOGETHER)]
        if len(parts) < 2 or not torch.is_grad_enabled():
            return torch.cat([self._answers(rows[part], states[part]) for part in parts])
        return torch.cat([checkpoint(self._answers, rows[part], states[part], use_reentrant=False) for part in parts])

    def _answers(
        self, rows: Int[np.ndarray, " states"], states: Int[np.ndarray, "states N"]
    ) -> Float[Tensor, "states N d"]:
        boards = self.boards.take(rows)
        if isinstance(self.model, BoardNetwork):
            return self.model.backbone(boards.d, *self.model.inputs(boards, states, np.zeros_like(states)))
        related = pairs(torch.as_tensor(boards.relations))
        return self.model(boards.d, torch.as_tensor(states), related, torch.as_tensor(boards.real))


class ExactConditionals:
    """Of a perfect network: solutions counted (models/exact.py). Without gradients."""

    def __init__(self, instances: Sequence[Instance]):
        self.boards, self.asked = stack(instances, "likelihood"), 0
        self.session = Exact().open(self.boards)

    def __call__(
        self, rows: Int[np.ndarray, " states"], states: Int[np.ndarray, "states N"]
    ) -> Float[Tensor, "states N d"]:
        self.asked += len(states)
        return torch.from_numpy(self.session.predict(rows, states).log_probs)
