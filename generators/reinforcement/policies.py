"""Networks as policies: they write fillings of boards, and say how likely each was, with gradients.

    >>> policy = DiffusionPolicy(model, Confidence(), estimators(Confidence())["exact"])
    >>> filled = policy.roll_out(boards, rows, keys)
    >>> policy.log_likelihood(boards, filled, rng)                 # (rows,)

Of an autoregressive network the likelihood is exact: the chain rule in the order of the commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int, UInt64
from torch import Tensor, nn

from csp.errors import BadInput
from csp.seeds import uniform
from generators.boards import Boards
from generators.likelihood.conditionals import NetworkConditionals
from generators.likelihood.estimators import Estimator
from generators.likelihood.order_policies import OrderPolicy
from generators.likelihood.rollouts import WHAT, WHICH, gumbel, roll_out
from generators.models.autoregressive import Autoregressive
from generators.models.examples import Examples


@dataclass(frozen=True, eq=False)
class Fillings:
    """Of the boards at rows. commit_order: when each cell was filled, 1 .. k; 0 at givens."""

    rows: Int[np.ndarray, " rows"]
    values: Int[np.ndarray, "rows N"]
    commit_order: Int[np.ndarray, "rows N"]

    @property
    def read(self) -> int:
        """States that the network read to write them."""
        return int((self.commit_order > 0).sum())

    def take(self, which: Int[np.ndarray, " some"]) -> Fillings:
        """Some of them."""
        return Fillings(self.rows[which], self.values[which], self.commit_order[which])


@runtime_checkable
class Policy(Protocol):
    """model: whose weights are learned."""

    model: nn.Module

    def roll_out(self, boards: Boards, rows: Int[np.ndarray, " rows"], keys: UInt64[np.ndarray, " rows"]) -> Fillings:
        """A filling of the board at each row, at temperature 1; each key gives its own."""
        ...

    def log_likelihood(self, boards: Boards, filled: Fillings, rng: np.random.Generator) -> Float[Tensor, " rows"]:
        """log p of each filling, or an estimate of it."""
        ...

    def forwards(self, k: int) -> int:
        """States that the network reads for the log-likelihood of a filling of k cells."""
        ...


@dataclass(frozen=True, eq=False)
class DiffusionPolicy:
    """order: in which fillings are written. estimator: of their likelihood."""

    model: nn.Module
    order: OrderPolicy
    estimator: Estimator

    def roll_out(self, boards: Boards, rows: Int[np.ndarray, " rows"], keys: UInt64[np.ndarray, " rows"]) -> Fillings:
        """Raises BadInput for a network or boards that conditionals refuse."""
        return Fillings(rows, *roll_out(NetworkConditionals(self.model, boards), self.order, rows, keys))

    def log_likelihood(self, boards: Boards, filled: Fillings, rng: np.random.Generator) -> Float[Tensor, " rows"]:
        """By the estimator."""
        ask = NetworkConditionals(self.model, boards)
        return self.estimator(ask, filled.rows, filled.values, filled.commit_order, rng)

    def forwards(self, k: int) -> int:
        """The estimator's."""
        return self.estimator.forwards(k)


@dataclass(frozen=True, eq=False)
class AutoregressivePolicy:
    """In the order that the network was trained for: raster, or a random one. Raises BadInput for another."""

    model: Autoregressive

    def __post_init__(self) -> None:
        if self.model.words.order not in ("raster", "random"):
            raise BadInput(f"{self.model.name}: which cell is next in its order depends on the solution")

    @torch.no_grad()
    def roll_out(self, boards: Boards, rows: Int[np.ndarray, " rows"], keys: UInt64[np.ndarray, " rows"]) -> Fillings:
        """Raises BadInput for boards that the network cannot read."""
        session = self.model.open(boards.take(rows))
        values, commit_order = boards.givens[rows].copy(), np.zeros((len(rows), boards.width), dtype=np.int64)
        blank = boards.free(rows)
        for call in range(int(blank.sum(1).max(initial=0))):
            left = np.flatnonzero(blank.any(1))
            wanted = self._next(blank[left], keys[left], call)
            said = session.predict(left, values[left], commit_order[left], wanted).log_probs
            cell = wanted.argmax(1)
            of_cell = said[np.arange(len(left)), cell]
            values[left, cell] = (of_cell + gumbel(keys[left], call, WHAT, boards.d)).argmax(1) + 1
            commit_order[left, cell], blank[left, cell] = call + 1, False
        return Fillings(rows, values, commit_order)

    def _next(self, blank, keys, call: int):
        """(rows, N), True at the cell that comes next."""
        rank = np.broadcast_to(-np.arange(blank.shape[1], dtype=float), blank.shape)
        if self.model.words.order == "random":
            rank = uniform(keys[:, None], call, WHICH, np.arange(blank.shape[1])[None])
        chosen = np.zeros_like(blank)
        chosen[np.arange(len(blank)), np.where(blank, rank, -np.inf).argmax(1)] = True
        return chosen

    def log_likelihood(self, boards: Boards, filled: Fillings, rng: np.random.Generator) -> Float[Tensor, " rows"]:
        """Exactly, in one pass over the text."""
        real = boards.real[filled.rows]
        order = np.argsort(np.where(real, filled.commit_order, boards.width + 1), axis=1, kind="stable")
        nats = self.model.loss(Examples(boards.take(filled.rows), filled.values, {"order": order}))  # a free cell
        return -nats * torch.from_numpy(boards.free(filled.rows).sum(1))

    def forwards(self, k: int) -> int:
        """One text, as long as a board."""
        return 1
