"""The gradient of each item's loss by itself, by torch.func: the function of one item, mapped over items.

    >>> gradients, losses = of_items(model, boards.d, states)            # (items, P), (items,)

P counts the parameters that have gradients, in the order of their names.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from generators.selection.reading import States


def learned(model: nn.Module) -> dict[str, nn.Parameter]:
    """The backbone's parameters that have gradients, by name, in the order of a gradient's parts."""
    return {name: p for name, p in sorted(model.backbone.named_parameters()) if p.requires_grad}


def size(model: nn.Module) -> int:
    """P."""
    return sum(p.numel() for p in learned(model).values())


def of_items(model: nn.Module, d: int, states: States) -> tuple[Float[Tensor, "items P"], Float[Tensor, " items"]]:
    """(gradients, losses) of items whose puzzles have d values."""
    parameters = {name: p.detach() for name, p in learned(model).items()}

    def loss(parameters, values, cells, targets, related, blocked, labels, weight):
        blocked = blocked.expand(len(values), -1, -1)
        log_probs = functional_call(model.backbone, parameters, (d, values, cells, targets, related, blocked))
        nats = -log_probs.gather(-1, labels[..., None])[..., 0]  # (draws, tokens)
        return (nats * weight).sum(1).mean()

    mapped = vmap(grad_and_value(loss), in_dims=(None, *(0,) * len(states)))
    parts, losses = mapped(parameters, *states)
    return torch.cat([part.flatten(1) for part in parts.values()], dim=1), losses
