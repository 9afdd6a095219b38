"""What a network says about the free cells of one instance in states of its choice, with gradients.

    >>> ask = NetworkConditionals(model, instance)
    >>> ask(ask.states(values, filled)).shape            # (rows, k, d): log-probabilities of the k free cells

A state is an assignment of the whole board, so that givens can be masked too (the prompt masking of diffu-GRPO).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from csp.errors import BadInput
from csp.problem import Instance
from csp.tokens import MASK
from generators.boards import stack
from generators.models.backbone_config import check_fits
from generators.models.board_network import BoardNetwork
from generators.models.exact import Exact
from generators.models.masked_diffusion import MaskedDiffusion
from generators.models.network_words import NAMED
from generators.models.transformer import pairs

TOGETHER = 128  # states a pass; of several passes only one is in memory at a time, backwards too


@runtime_checkable
class Conditionals(Protocol):
    """instance: with k free cells, `free`, in raster order. asked: how many states have been computed so far."""

    instance: Instance
    free: Int[np.ndarray, " k"]
    asked: int

    def __call__(self, states: Int[np.ndarray, "rows n"]) -> Float[Tensor, "rows k d"]:
        """Log-probabilities of each free cell's values 1..d in each state; they mean something where it is blank."""
        ...


def free_cells(instance: Instance) -> Int[np.ndarray, " k"]:
    """In raster order."""
    return np.flatnonzero(np.asarray(instance.givens) == MASK)


def states(
    instance: Instance, values: Int[np.ndarray, "rows k"], filled: Bool[np.ndarray, "rows k"]
) -> Int[np.ndarray, "rows n"]:
    """The givens, and the values of those free cells that are filled."""
    made = np.repeat(np.asarray(instance.givens)[None], len(values), axis=0)
    made[:, free_cells(instance)] = np.where(filled, values, MASK)
    return made


class NetworkConditionals:
    """Of a network that reads the board anew, so that its answer does not depend on the sequence of commits.

    Raises BadInput for another network, and for an instance that it cannot read.
    """

    def __init__(self, model: nn.Module, instance: Instance):
        anew = isinstance(model, MaskedDiffusion) and getattr(model, "words", NAMED["diffusion"]).reading == "anew"
        if not anew:
            raise BadInput(f"{model.name}: its answers depend on the sequence of commits; give one that reads anew")
        self.model, self.instance, self.free, self.asked = model, instance, free_cells(instance), 0
        self.boards = stack([instance], "likelihood")
        check_fits(model.name, model.backbone.config, self.boards)
        self.cells = torch.from_numpy(self.free)

    @property
    def flops(self) -> float:
        """Of one state, forwards."""
        n = self.instance.problem.n + int(self.model.edges(self.boards).max())
        return float(self.model.backbone.flops(n, n * n))

    def __call__(self, states: Int[np.ndarray, "rows n"]) -> Float[Tensor, "rows k d"]:
        self.asked += len(states)
        parts = [states[start : start + TOGETHER] for start in range(0, len(states), TOGETHER)]
        if len(parts) < 2 or not torch.is_grad_enabled():
            return torch.cat([self._answers(part) for part in parts])
        return torch.cat([checkpoint(self._answers, part, use_reentrant=False) for part in parts])

    def _answers(self, states: Int[np.ndarray, "rows n"]) -> Float[Tensor, "rows k d"]:
        boards = self.boards.take(np.zeros(len(states), dtype=np.int64))
        if isinstance(self.model, BoardNetwork):
            read = self.model.inputs(boards, states, np.zeros_like(states))
            return self.model.backbone(boards.d, *read)[:, self.cells]
        related = pairs(torch.as_tensor(boards.relations))
        said = self.model(boards.d, torch.as_tensor(states), related, torch.as_tensor(boards.real))
        return said[:, self.cells]


class ExactConditionals:
    """Of a perfect network: solutions counted (models/exact.py). Without gradients."""

    def __init__(self, instance: Instance):
        self.instance, self.free, self.asked = instance, free_cells(instance), 0
        self.session = Exact().open(stack([instance], "likelihood"))

    def __call__(self, states: Int[np.ndarray, "rows n"]) -> Float[Tensor, "rows k d"]:
        self.asked += len(states)
        said = self.session.predict(np.zeros(len(states), dtype=np.int64), states).log_probs
        return torch.from_numpy(said[:, self.free])
