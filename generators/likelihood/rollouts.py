"""Fillings drawn one cell a call from the process whose likelihood order_marginal.py computes.

>>> values, orders = roll_out(ask, Confidence(), 8, 0, "group", instance.id)      # (8, k) each
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int

from csp.seeds import key, uniform
from generators.likelihood.conditionals import Conditionals, states
from generators.likelihood.order_policies import OrderPolicy

WHICH, WHAT = 0, 1  # counters: of the cell that is drawn, and of its value


@torch.no_grad()
def roll_out(
    ask: Conditionals, policy: OrderPolicy, count: int, *seed: object, temperature: float = 1.0
) -> tuple[Int[np.ndarray, "count k"], Int[np.ndarray, "count k"]]:
    """(values, orders): `count` fillings, and the sequence in which each was written, as places among the free cells.

    temperature: of values; the likelihood is that of 1. Each filling has its own stream, hashed from the seed.
    """
    k = len(ask.free)
    values, orders = np.zeros((count, k), dtype=np.int64), np.zeros((count, k), dtype=np.int64)
    keys = np.array([key("rollout", *seed, index) for index in range(count)], dtype=np.uint64)
    each = np.arange(count)
    for call in range(k):
        log_probs = ask(states(ask.instance, values, values > 0)).double()
        log_pi = policy(log_probs, torch.from_numpy(values == 0)).numpy()
        cell = (log_pi + _gumbel(keys, call, WHICH, k)).argmax(1)
        of_cell = log_probs.numpy()[each, cell] / temperature
        values[each, cell] = (of_cell + _gumbel(keys, call, WHAT, of_cell.shape[1])).argmax(1) + 1
        orders[:, call] = cell
    return values, orders


def _gumbel(keys: np.ndarray, call: int, what: int, width: int) -> np.ndarray:
    """(count, width): the highest of log-probabilities plus these is a draw from them (Gumbel 1954)."""
    return -np.log(-np.log(uniform(keys[:, None], call, what, np.arange(width)[None])))
