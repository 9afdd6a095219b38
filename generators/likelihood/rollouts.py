"""Fillings drawn one cell a call from the process whose likelihood order_marginal.py computes.

>>> rows, keys = groups(boards, 8, seed)            # eight fillings of each board
>>> values, commit_order = roll_out(ask, Confidence(), rows, keys)          # (rows, N) each
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int, UInt64

from csp.seeds import key, uniform
from generators.boards import Boards
from generators.likelihood.conditionals import Conditionals
from generators.likelihood.order_policies import OrderPolicy

WHICH, WHAT = 0, 1  # counters: of the cell that is drawn, and of its value


def groups(boards: Boards, size: int, *seed: object) -> tuple[Int[np.ndarray, " rows"], UInt64[np.ndarray, " rows"]]:
    """(rows, keys): `size` fillings of each board, one board after the other, each with a stream of its own, which is a
    hash of the seed, the instance and its number.
    """
    names = [instance.id for instance in boards.instances]
    keys = [key("rollout", *seed, name, member) for name in names for member in range(size)]
    return np.repeat(np.arange(len(names)), size), np.array(keys, dtype=np.uint64)


@torch.no_grad()
def roll_out(
    ask: Conditionals,
    policy: OrderPolicy,
    rows: Int[np.ndarray, " rows"],
    keys: UInt64[np.ndarray, " rows"],
    temperature: float = 1.0,
) -> tuple[Int[np.ndarray, "rows N"], Int[np.ndarray, "rows N"]]:
    """(values, commit_order): a filling of the board at each row, and when each of its cells was committed.

    temperature: of values; the likelihood is that of 1.
    """
    boards = ask.boards
    values, commit_order = boards.givens[rows].copy(), np.zeros((len(rows), boards.width), dtype=np.int64)
    blank = (values == 0) & boards.real[rows]
    for call in range(int(blank.sum(1).max(initial=0))):
        left = np.flatnonzero(blank.any(1))
        log_probs = ask(rows[left], values[left]).double()
        log_pi = policy(log_probs, torch.from_numpy(blank[left])).numpy()
        cell = (log_pi + gumbel(keys[left], call, WHICH, boards.width)).argmax(1)
        of_cell = log_probs.numpy()[np.arange(len(left)), cell] / temperature
        values[left, cell] = (of_cell + gumbel(keys[left], call, WHAT, boards.d)).argmax(1) + 1
        commit_order[left, cell], blank[left, cell] = call + 1, False
    return values, commit_order


def gumbel(keys: UInt64[np.ndarray, " rows"], call: int, what: int, width: int) -> Float[np.ndarray, "rows width"]:
    """The highest of log-probabilities plus these is a draw from them (Gumbel 1954)."""
    return -np.log(-np.log(uniform(keys[:, None], call, what, np.arange(width)[None])))
