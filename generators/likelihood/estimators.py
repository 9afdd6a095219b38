"""What papers put in the place of a diffusion network's log-likelihood, by one protocol.

    >>> estimator = ESTIMATORS["elbo-count-4"]
    >>> estimator(ask, rows, values, commit_order, rng)          # (rows,): an estimate a filling, with gradients

Most read a filling with some of its free cells masked and add up log p of the masked ones, weighted: Masked, and a
function that draws the masks. What such an estimate is unbiased for (`target`): "bound" is the expected log-likelihood
along a random order (order_marginal.Table.elbo), "itself" the log-likelihood of another process, "nothing" none that is
known.

With t uniform in (0, 1] and cells masked independently, the second moment of 1/t * sum of log p has a term that is an
integral of 1/t over t: it has no finite variance, and released code stops at EARLIEST. Counting the masked cells
instead (l of k, weight k/l) has the same mean and a finite one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from csp.tokens import MASK
from generators.likelihood.conditionals import Conditionals
from generators.likelihood.order_marginal import Table
from generators.likelihood.order_policies import OrderPolicy, Uniform

EARLIEST = 1e-3  # the lowest share of masked cells, as in LLaDA's released training code
PROMPT = 0.15  # of the givens that diffu-GRPO masks
Target = Literal["likelihood", "bound", "itself", "nothing"]


@runtime_checkable
class Estimator(Protocol):
    """target: what it is unbiased for. source: the work that it is from."""

    target: Target
    source: str

    def forwards(self, k: int) -> int:
        """States that the network reads for a filling of k cells."""
        ...

    def __call__(
        self,
        ask: Conditionals,
        rows: Int[np.ndarray, " rows"],
        values: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"],
        rng: np.random.Generator,
    ) -> Float[Tensor, " rows"]:
        """An estimate of log p of a filling of the board at each row. commit_order: in which it was written, or may
        have been.
        """
        ...


@dataclass(frozen=True, eq=False)
class Masks:
    """Draws for each filling. masked: which free cells are blank; weight: what log p of each of them counts."""

    masked: Bool[np.ndarray, "rows draws N"]
    weight: Float[np.ndarray, "rows draws N"]


Draw = Callable[[Bool[np.ndarray, "rows N"], np.random.Generator], Masks]


@dataclass(frozen=True)
class Masked:
    """The weighted log p of masked cells. draw: masks of fillings, given their free cells. hidden: the share of givens
    that is masked too.
    """

    draw: Draw
    draws: int
    target: Target
    source: str
    hidden: float = 0.0

    def forwards(self, k: int) -> int:
        return self.draws

    def __call__(
        self,
        ask: Conditionals,
        rows: Int[np.ndarray, " rows"],
        values: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"],
        rng: np.random.Generator,
    ) -> Float[Tensor, " rows"]:
        free = ask.boards.free(rows)
        drawn = self.draw(free, rng)
        draws, width = drawn.masked.shape[1:]
        blank = drawn.masked.reshape(-1, width)  # (rows * draws, N)
        if self.hidden:
            given = np.repeat(~free & ask.boards.real[rows], draws, axis=0)
            blank = blank | (given & (rng.random(blank.shape) < self.hidden))

        whole, of_row = np.repeat(values, draws, axis=0), np.repeat(rows, draws)
        log_probs = ask(of_row, np.where(blank, MASK, whole))
        right = log_probs.gather(-1, torch.from_numpy(np.maximum(whole, 1) - 1)[..., None])[..., 0]
        weight = torch.from_numpy(drawn.weight.reshape(-1, width)).to(right.dtype)
        return torch.where(weight > 0, right * weight, 0.0).sum(1).view(len(rows), draws).sum(1)


def everything(free: Bool[np.ndarray, "rows N"], rng: np.random.Generator) -> Masks:
    """All cells at once, each by itself: the mean field."""
    return Masks(free[:, None], free[:, None].astype(float))


def by_time(free: Bool[np.ndarray, "rows N"], rng: np.random.Generator, draws: int) -> Masks:
    """Each cell with chance t, weight 1/t; t anew for each draw."""
    t = EARLIEST + (1 - EARLIEST) * rng.random((len(free), draws, 1))
    masked = free[:, None] & (rng.random((len(free), draws, free.shape[1])) < t)
    return Masks(masked, masked / (t * draws))


def by_count(free: Bool[np.ndarray, "rows N"], rng: np.random.Generator, draws: int, spaced: bool = False) -> Masks:
    """l of k cells, weight k/l; l uniform, or evenly spaced around the circle 1 .. k from a random start."""
    size, width = free.shape
    k = free.sum(1)[:, None, None]
    start = rng.random((size, draws, 1))
    if spaced:
        start = (start[:, :1] + np.arange(draws)[None, :, None] / draws) % 1.0
    count = 1 + np.floor(k * start).astype(np.int64)
    place = np.where(free[:, None], rng.random((size, draws, width)), np.inf).argsort(2).argsort(2)
    masked = free[:, None] & (place < count)
    return Masks(masked, masked * k / (count * draws))


def coupled(free: Bool[np.ndarray, "rows N"], rng: np.random.Generator, lowest: float = EARLIEST) -> Masks:
    """A mask at a share r and its complement, weights 1/r and 1/(1-r), halved: every cell is counted once."""
    r = lowest + (1 - 2 * lowest) * rng.random((len(free), 1))
    masked = free & (rng.random(free.shape) < r)
    rest = free & ~masked
    return Masks(np.stack([masked, rest], 1), np.stack([masked / (2 * r), rest / (2 * (1 - r))], 1))


@dataclass(frozen=True)
class Trajectory:
    """log pi + log p of the filling and of the order in which it was written, together.

    Exact for this joint event, and so at most the likelihood; but where orders are those that the fillings were written
    in, the expected gradient is that of the likelihood (Fisher's identity).
    """

    policy: OrderPolicy
    target: Target = "itself"
    source: str = "DCoLT (Huang et al. 2025)"

    def forwards(self, k: int) -> int:
        return k

    def __call__(
        self,
        ask: Conditionals,
        rows: Int[np.ndarray, " rows"],
        values: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"],
        rng: np.random.Generator,
    ) -> Float[Tensor, " rows"]:
        right, log_pi = along(ask, rows, values, commit_order, self.policy)
        return (right + log_pi).sum(1)


@dataclass(frozen=True)
class Raster:
    """log p along raster order: exact for decoding in raster order."""

    target: Target = "itself"
    source: str = "JustGRPO (Ni et al. 2026)"

    def forwards(self, k: int) -> int:
        return k

    def __call__(
        self,
        ask: Conditionals,
        rows: Int[np.ndarray, " rows"],
        values: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"],
        rng: np.random.Generator,
    ) -> Float[Tensor, " rows"]:
        free = ask.boards.free(rows)
        return along(ask, rows, values, np.where(free, free.cumsum(1), 0), Uniform())[0].sum(1)


@dataclass(frozen=True)
class Exact:
    """The likelihood over all orders of a policy."""

    policy: OrderPolicy
    target: Target = "likelihood"
    source: str = "order_marginal.py"

    def forwards(self, k: int) -> int:
        """All subsets of the cells."""
        return 1 << k

    def __call__(
        self,
        ask: Conditionals,
        rows: Int[np.ndarray, " rows"],
        values: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"],
        rng: np.random.Generator,
    ) -> Float[Tensor, " rows"]:
        tables = (Table.of(ask, int(row), filling) for row, filling in zip(rows, values))
        return torch.stack([table.log_likelihood(self.policy) for table in tables])


def along(
    ask: Conditionals,
    rows: Int[np.ndarray, " rows"],
    values: Int[np.ndarray, "rows N"],
    commit_order: Int[np.ndarray, "rows N"],
    policy: OrderPolicy,
) -> tuple[Float[Tensor, "rows calls"], Float[Tensor, "rows calls"]]:
    """(log p, log pi) of each commit when fillings are written in these orders; 0 where a filling is complete."""
    calls = int(commit_order.max(initial=0))
    row, call = np.nonzero(np.arange(1, calls + 1) <= commit_order.max(1, keepdims=True))  # a state each
    when = commit_order[row]  # (states, N)
    log_probs = ask(rows[row], np.where(when > call[:, None], MASK, values[row]))
    log_pi = policy(log_probs, torch.from_numpy(when > call[:, None]))

    cell = (when == call[:, None] + 1).argmax(1)
    each, value = torch.arange(len(row)), torch.from_numpy(values[row, cell] - 1)
    made = log_probs.new_zeros((2, len(rows), calls))
    made[0, row, call] = log_probs[each, cell, value]
    made[1, row, call] = log_pi[each, cell]
    return made[0], made[1]


VRPO, UNIGRPO, LLADA = "VRPO (Zhu et al. 2025)", "UniGRPO (Yang et al. 2025), times k", "LLaDA (Nie et al. 2025)"
ONE_STEP, PROMPTED = "one step, nothing of the prompt masked", "diffu-GRPO (Zhao et al. 2025)"
#: By name. Those that an order policy belongs to are made for it: see `estimators`.
ESTIMATORS: dict[str, Estimator] = {
    "mean-field": Masked(everything, 1, "nothing", ONE_STEP),
    "mean-field-prompt": Masked(everything, 1, "nothing", PROMPTED, hidden=PROMPT),
    **{f"elbo-time-{n}": Masked(partial(by_time, draws=n), n, "bound", VRPO) for n in (1, 4, 16)},
    **{f"elbo-count-{n}": Masked(partial(by_count, draws=n), n, "bound", LLADA) for n in (1, 4, 16)},
    "elbo-spaced-4": Masked(partial(by_count, draws=4, spaced=True), 4, "bound", UNIGRPO),
    "coupled": Masked(coupled, 2, "bound", "coupled-GRPO (Gong et al. 2025)"),
    "raster": Raster(),
}


def estimators(policy: OrderPolicy) -> dict[str, Estimator]:
    """All of them, for fillings that are written in this policy's order."""
    return ESTIMATORS | {"trajectory": Trajectory(policy), "exact": Exact(policy)}


def log_ratio(
    estimator: Estimator,
    ask: Conditionals,
    other: Conditionals,
    rows: Int[np.ndarray, " rows"],
    values: Int[np.ndarray, "rows N"],
    commit_order: Int[np.ndarray, "rows N"],
    rng: np.random.Generator,
    shared: bool,
) -> Float[Tensor, " rows"]:
    """An estimate of log p - log p of another network (the one before an update, or a reference). shared: both read the
    same masks, which VRPO calls antithetic.
    """
    seed = int(rng.integers(2**63))
    first, second = (np.random.default_rng(part) for part in (seed, seed if shared else seed + 1))
    filled = rows, values, commit_order
    return estimator(ask, *filled, first) - estimator(other, *filled, second)
