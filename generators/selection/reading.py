"""Items as tensors that torch.func can map over: what a network reads of each of them, several states an item.

    >>> states = read(model, boards, labels, draws=4, seed=0)
    >>> states.values.shape                                              # (items, draws, tokens)

The loss of an item is the mean over its states. An AR network reads one text of an item. Of masked diffusion the masks
are random, and all items, of the pool and of the target, share them: a cell is masked in draw s if its number u[s,
cell] is below t[s], the same numbers for every board. Two items' gradients then differ by what they are, and not by
what was masked of them. The t of the draws are stratified: (s + v) / draws.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from csp import tokens
from csp.errors import BadInput
from csp.seeds import key, uniform
from generators.boards import Boards
from generators.models.autoregressive import Autoregressive
from generators.models.causal import sight
from generators.models.masked_diffusion import MaskedDiffusion
from generators.models.transformer import pairs


class States(NamedTuple):
    """What is read, by item and draw; related, blocked and labels are alike in all draws. weight: of each token's
    nats in the loss.
    """

    values: Int[Tensor, "items draws tokens"]
    cells: Int[Tensor, "items draws tokens"]
    targets: Int[Tensor, "items draws tokens"]
    related: Int[Tensor, "items 1 tokens tokens"]
    blocked: Bool[Tensor, "items 1 tokens tokens"]
    labels: Int[Tensor, "items draws tokens"]
    weight: Float[Tensor, "items draws tokens"]


def read(
    model: torch.nn.Module,
    boards: Boards,
    labels: Int[np.ndarray, "items N"],
    draws: int,
    seed: int,
    own: Int[np.ndarray, " items"] | None = None,
) -> States:
    """The states of each item. own: a number an item, for masks of its own instead of shared ones. Raises BadInput for
    a network of another kind.
    """
    if isinstance(model, Autoregressive):
        return _text(model, boards, labels)
    if type(model) is not MaskedDiffusion or model.backbone.config.edges:
        raise BadInput(f"{model.name}: gradients of items are known of masked diffusion and AR networks only")
    return _masked(model, boards, labels, draws, seed, own)


def _masked(model, boards, labels, draws, seed, own) -> States:
    size, width = labels.shape
    masked, t = shared_masks(boards, draws, seed, own)
    free = ((boards.givens == 0) & boards.real).sum(1)
    weight = masked / (t[None, :, None] * np.maximum(free, 1)[:, None, None])
    cells = model.backbone.ids(torch.arange(width).expand(1, width), width).expand(size, draws, width)
    return States(
        torch.from_numpy(np.where(masked, 0, labels[:, None])),
        cells,
        cells,
        pairs(_each(boards.relations, size))[:, None],
        _each(~boards.real[:, None, :], size).expand(size, width, width)[:, None],
        torch.from_numpy(np.maximum(labels - 1, 0))[:, None].expand(size, draws, width),
        torch.from_numpy(weight).float(),
    )


def _each(array: np.ndarray, size: int) -> Tensor:
    """A tensor (size, ...) of an array (size or 1, ...)."""
    tensor = torch.tensor(array)
    return tensor.expand(size, *tensor.shape[1:])


def shared_masks(
    boards: Boards, draws: int, seed: int, own: Int[np.ndarray, " items"] | None = None
) -> tuple[Bool[np.ndarray, "items draws N"], Float[np.ndarray, " draws"]]:
    """(masked, t): the free cells whose number is below the draw's t."""
    free = (boards.givens == 0) & boards.real
    names = np.zeros(1, dtype=np.int64) if own is None else own
    draw = np.arange(draws)
    base = np.array([key("masks", seed)], dtype=np.uint64)
    t = (draw + uniform(base, draw, np.array([0]))) / draws  # (draws,)
    cell = np.arange(boards.width)
    u = uniform(base, 1 + names[:, None, None], draw[None, :, None], cell[None, None])  # (items or 1, draws, N)
    return free[:, None] & (u < t[None, :, None]), t


def _text(model, boards, labels) -> States:
    examples = model.corrupt(boards, labels, np.random.default_rng(key("text")))  # nothing random in a fixed order
    text = tokens.first(model.text(labels, boards.givens, examples["order"], boards.real), model.longest(boards))
    places = np.broadcast_to(np.arange(text.values.shape[1]), text.values.shape)
    blocked = sight(text.clues, places, places.shape[1])
    values, cells, targets = (torch.from_numpy(part) for part in (text.values, text.cells, text.targets))
    related = pairs(_each(boards.relations, len(labels)), cells, targets, cells)
    width = boards.width
    return States(
        values[:, None],
        model.backbone.ids(cells, width)[:, None],
        model.backbone.ids(targets, width)[:, None],
        related[:, None],
        blocked[:, None],
        torch.from_numpy(np.maximum(text.labels - 1, 0))[:, None],
        torch.from_numpy(model.weights(text, places)).float()[:, None],
    )
