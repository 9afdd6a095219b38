"""The likelihood of a filling over all orders of its k free cells, exactly, in 2^k states.

F({}) = 1 and F(S) = sum over i in S of F(S - i) pi(i | x_{S-i}) p(x_i | x_{S-i}): the chance that decoding, one cell a
call, has just the cells of S filled with x's values at some time. F of all free cells is the chance to write x.

    >>> table = Table.of(ask, row, values)              # values: (N,), a filling of the board at that row
    >>> table.log_likelihood(Uniform()), table.elbo()

Subsets are numbers 0 .. 2^k - 1, bit i says that free cell i is filled. Gradients flow through everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from csp.errors import BadInput
from csp.tokens import MASK
from generators.likelihood.conditionals import Conditionals
from generators.likelihood.order_policies import OrderPolicy

MOST = 14  # free cells: 16,384 states


@dataclass(frozen=True, eq=False)
class Subsets:
    """Of k cells. members (2^k, k); layers: for each size m > 0, of the subsets of that size in rising number, their
    cells, the subset without that cell, and where that one stands in the layer before, (count, m) each.
    """

    members: Bool[np.ndarray, "subsets k"]
    layers: tuple[tuple[Int[Tensor, "count m"], Int[Tensor, "count m"], Int[Tensor, "count m"]], ...]


@lru_cache
def subsets(k: int) -> Subsets:
    """Raises BadInput for more cells than a table is made for."""
    if k > MOST:
        raise BadInput(f"{k} free cells: an exact likelihood takes 2^k states, and is for {MOST} cells at most")
    numbers = np.arange(1 << k)
    members = (numbers[:, None] >> np.arange(k)) & 1 > 0
    sizes = members.sum(1)
    place = np.zeros(1 << k, dtype=np.int64)  # of a subset among those of its size
    for size in range(k + 1):
        place[sizes == size] = np.arange((sizes == size).sum())
    layers = []
    for size in range(1, k + 1):
        these = np.flatnonzero(sizes == size)
        cells = np.nonzero(members[these])[1].reshape(len(these), size)
        origins = these[:, None] - (1 << cells)
        layers.append(tuple(torch.from_numpy(part) for part in (cells, origins, place[origins])))
    return Subsets(members, tuple(layers))


@dataclass(frozen=True, eq=False)
class Table:
    """What a network says in all states on the way to a filling.

    log_probs: in the state of each subset, of all free cells; right: of the filling's own values.
    """

    log_probs: Float[Tensor, "subsets k d"]
    right: Float[Tensor, "subsets k"]

    @staticmethod
    def of(ask: Conditionals, row: int, values: Int[np.ndarray, " N"]) -> Table:
        """The table of a filling of the board at that row. Raises BadInput for too many free cells."""
        free = np.flatnonzero(ask.boards.free(np.array([row]))[0])
        members = subsets(len(free)).members
        states = np.repeat(ask.boards.givens[row][None], len(members), axis=0)
        states[:, free] = np.where(members, values[free], MASK)
        said = ask(np.full(len(states), row), states)[:, free].double()
        chosen = torch.from_numpy(values[free] - 1).expand(len(said), -1)
        return Table(said, said.gather(-1, chosen[..., None])[..., 0])

    @property
    def blank(self) -> Bool[Tensor, "subsets k"]:
        """Which cells are blank in each state."""
        return ~torch.from_numpy(subsets(self.right.shape[1]).members)

    def steps(self, policy: OrderPolicy) -> Float[Tensor, "subsets k"]:
        """log of the chance that a state's next commit is this cell with the filling's value."""
        return policy(self.log_probs, self.blank) + self.right

    def log_likelihood(self, policy: OrderPolicy) -> Float[Tensor, ""]:
        """log F of all free cells."""
        return log_chances(self.steps(policy))[-1][0]

    def elbo(self) -> Float[Tensor, ""]:
        """The expected log-likelihood along a uniformly random order: what the loss of masked diffusion bounds with,
        times the number of free cells and with its sign changed (Uria et al. 2014; Ou et al. 2025).

        It is at most log_likelihood(Uniform()), by Jensen's inequality.
        """
        return (self.right * bound_weights(self.right.shape[1], self.right.dtype)).sum()

    def along(self, order: Int[np.ndarray, " k"]) -> Float[Tensor, ""]:
        """log p of the filling's values along one order: free cells' numbers, 0 .. k - 1, as they are committed."""
        before = np.concatenate([[0], np.cumsum(1 << np.asarray(order))[:-1]])
        return self.right[torch.from_numpy(before), torch.from_numpy(np.asarray(order))].sum()


@lru_cache
def bound_weights(k: int, dtype: torch.dtype = torch.float64) -> Float[Tensor, "subsets k"]:
    """What log p of each blank cell in each state counts in the bound: a random order comes through a subset of size m
    with chance 1 / C(k, m), and goes on with each of the k - m others alike.
    """
    members = subsets(k).members
    sizes = members.sum(1)
    ways = np.bincount(sizes)[sizes]
    weights = np.where(members, 0.0, 1.0 / (ways * np.maximum(k - sizes, 1))[:, None])
    return torch.from_numpy(weights).to(dtype)


def log_chances(steps: Float[Tensor, "subsets k"]) -> list[Float[Tensor, " count"]]:
    """log F of the subsets of each size 0 .. k, in rising number within a size."""
    made = [steps.new_zeros(1)]
    for cells, origins, places in subsets(steps.shape[1]).layers:
        # Each subset from those with one cell less: the state before, and the commit that leads here.
        made.append((made[-1][places] + steps[origins, cells]).logsumexp(-1))
    return made


def draw_orders(steps: Float[Tensor, "subsets k"], count: int, rng: np.random.Generator) -> Int[np.ndarray, "count k"]:
    """When each free cell was committed, 1 .. k, `count` times: each order with its chance given that the filling was
    written.
    """
    k = steps.shape[1]
    with torch.no_grad():
        chances = [chance.numpy() for chance in log_chances(steps)]
    table, layers = steps.detach().numpy(), subsets(k).layers
    when = np.zeros((count, k), dtype=np.int64)
    places = np.zeros(count, dtype=np.int64)  # the full set is alone in its layer

    # Backwards: which cell came last, in proportion to the ways that lead through it.
    for size in range(k, 0, -1):
        cells, origins, before = (part.numpy()[places] for part in layers[size - 1])  # (count, size) each
        ways = chances[size - 1][before] + table[origins, cells]
        last = (ways + rng.gumbel(size=ways.shape)).argmax(1)[:, None]
        np.put_along_axis(when, np.take_along_axis(cells, last, 1), size, 1)
        places = np.take_along_axis(before, last, 1)[:, 0]
    return when
