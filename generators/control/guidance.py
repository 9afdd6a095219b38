"""The energy of each board's rules, its slope, and the balance between an energy and a network's log-probabilities.

>>> guide = Guide(state, about="control")
>>> guide(probs, rows), guide.slope(probs, rows)          # (rows,) and (rows, N, d)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from generators.control.semantic_loss import Energies
from generators.control.state import ControlState

#: The greatest slope of an energy that is followed. An energy is at most -log FLOOR, but where a rule is all but sure
#: to be broken its slope is up to 1 / FLOOR = 1e12: from such a step log-probabilities would not come back.
STEEPEST = 1e3
#: What the energies of guidance are about.
ABOUT = {"control": "guidance knows the control alone", "all": "guidance knows the board's own rules too"}


class Guide:
    """The energy of every board's own rules of control (and, about all, of its puzzle's)."""

    def __init__(self, state: ControlState, about: str):
        self.state, self.energies = state, []
        for target in state.distinct:
            rules = target.controls + (target.plain.problem.constraints if about == "all" else ())
            self.energies.append((target.plain.problem.n, Energies(rules)))

    def __call__(self, probs: Float[Tensor, "rows N d"], rows: Int[np.ndarray, " rows"]) -> Float[Tensor, " rows"]:
        """Energy of each of those boards: 0 if its cells are sure to obey, larger the less likely that is."""
        parts, places = [], []  # of each target, and where its boards stand in rows
        for which, place in self.state.by_target(rows):
            n, energies = self.energies[which]
            parts.append(energies(probs[torch.as_tensor(place), :n]).sum(-1))
            places.append(place)
        return torch.cat(parts)[torch.as_tensor(np.argsort(np.concatenate(places)))]

    def slope(self, probs: Float[Tensor, "rows N d"], rows: Int[np.ndarray, " rows"]) -> Float[Tensor, "rows N d"]:
        """The energy's derivative."""
        probs = probs.requires_grad_()
        return torch.autograd.grad(self(probs, rows).sum(), probs)[0]


def held(
    probs: Float[Tensor, "rows N d"], fixed: Bool[np.ndarray, "rows N"], values: Int[np.ndarray, "rows N"]
) -> Float[Tensor, "rows N d"]:
    """The probabilities with fixed cells at their values."""
    one_hot = torch.eye(probs.shape[-1], dtype=probs.dtype)[np.maximum(values - 1, 0)]
    return torch.where(torch.as_tensor(fixed)[..., None], one_hot, probs)


def balance(
    log_probs: Float[Tensor, "rows N d"],
    slope: Callable[[Tensor], Float[Tensor, "rows N d"]],
    weight: float,
    updates: int,
) -> Float[Tensor, "rows N d"]:
    """Log-probabilities q with log q = log p - weight * slope(q) up to a constant, approached by damped updates: the
    mean-field balance between a network and an energy. slope: the energy's derivative at log-probabilities.
    """
    tilt = log_probs
    for _ in range(updates):  # half of the way each time: the whole of it may swing to and fro
        tilt = (0.5 * tilt + 0.5 * (log_probs - weight * slope(tilt))).log_softmax(-1)
    return tilt
