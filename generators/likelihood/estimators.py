"""What papers put in the place of a diffusion network's log-likelihood, by one protocol.

    >>> estimator = ESTIMATORS["elbo-count-4"]
    >>> estimator(ask, values, orders, rng)             # (rows,): an estimate for each filling, with gradients

Most read some cells of the filling masked and add up log p of the masked ones, weighted: Masked, and a function that
draws the masks. What such an estimate is unbiased for (`target`): "bound" is the expected log-likelihood along a random
order (order_marginal.Table.elbo), "itself" the log-likelihood of another process, "nothing" none that is known.

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
from generators.likelihood.conditionals import Conditionals, states
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
        values: Int[np.ndarray, "rows k"],
        orders: Int[np.ndarray, "rows k"],
        rng: np.random.Generator,
    ) -> Float[Tensor, " rows"]:
        """An estimate of log p of each filling. orders: in which each was written, or may have been."""
        ...


@dataclass(frozen=True, eq=False)
class Masks:
    """Draws for one filling. masked: which free cells are blank; weight: what log p of each of them counts; hidden: the
    share of givens that is masked too.
    """

    masked: Bool[np.ndarray, "draws k"]
    weight: Float[np.ndarray, "draws k"]
    hidden: float = 0.0


@dataclass(frozen=True)
class Masked:
    """The weighted log p of masked cells. draw: masks of a filling of k cells."""

    draw: Callable[[int, np.random.Generator], Masks]
    draws: int
    target: Target
    source: str

    def forwards(self, k: int) -> int:
        return self.draws

    def __call__(
        self,
        ask: Conditionals,
        values: Int[np.ndarray, "rows k"],
        orders: Int[np.ndarray, "rows k"],
        rng: np.random.Generator,
    ) -> Float[Tensor, " rows"]:
        drawn = [self.draw(values.shape[1], rng) for _ in values]
        masked, weight = (np.concatenate([getattr(one, part) for one in drawn]) for part in ("masked", "weight"))
        of_draw = np.repeat(values, [len(one.masked) for one in drawn], axis=0)  # (rows * draws, k)
        read = states(ask.instance, of_draw, ~masked)
        given = np.asarray(ask.instance.givens) != MASK
        read[given & (rng.random(read.shape) < drawn[0].hidden)] = MASK

        right = ask(read).gather(-1, torch.from_numpy(of_draw - 1)[..., None])[..., 0]
        counted = torch.where(torch.from_numpy(masked), right, 0.0) * torch.from_numpy(weight).to(right.dtype)
        return counted.sum(1).view(len(values), -1).sum(1)


def everything(k: int, rng: np.random.Generator, hidden: float = 0.0) -> Masks:
    """All cells at once, each by itself: the mean field."""
    return Masks(np.ones((1, k), dtype=bool), np.ones((1, k)), hidden)


def by_time(k: int, rng: np.random.Generator, draws: int) -> Masks:
    """Each cell with chance t, weight 1/t; t anew for each draw."""
    t = EARLIEST + (1 - EARLIEST) * rng.random((draws, 1))
    masked = rng.random((draws, k)) < t
    return Masks(masked, masked / (t * draws))


def by_count(k: int, rng: np.random.Generator, draws: int, spaced: bool = False) -> Masks:
    """l of k cells, weight k/l; l uniform, or evenly spaced around the circle 1 .. k from a random start."""
    start = rng.random((draws, 1)) if not spaced else (rng.random() + np.arange(draws)[:, None] / draws) % 1.0
    count = 1 + np.floor(k * start).astype(np.int64)
    masked = rng.random((draws, k)).argsort(1).argsort(1) < count
    return Masks(masked, masked * k / (count * draws))


def coupled(k: int, rng: np.random.Generator, lowest: float = EARLIEST) -> Masks:
    """A mask at a share r and its complement, weights 1/r and 1/(1-r), halved: every cell is counted once."""
    r = lowest + (1 - 2 * lowest) * rng.random()
    masked = rng.random(k) < r
    return Masks(np.stack([masked, ~masked]), np.stack([masked / (2 * r), ~masked / (2 * (1 - r))]))


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
        values: Int[np.ndarray, "rows k"],
        orders: Int[np.ndarray, "rows k"],
        rng: np.random.Generator,
    ) -> Float[Tensor, " rows"]:
        right, log_pi = along(ask, values, orders, self.policy)
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
        values: Int[np.ndarray, "rows k"],
        orders: Int[np.ndarray, "rows k"],
        rng: np.random.Generator,
    ) -> Float[Tensor, " rows"]:
        rising = np.broadcast_to(np.arange(values.shape[1]), values.shape)
        return along(ask, values, rising, Uniform())[0].sum(1)


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
        values: Int[np.ndarray, "rows k"],
        orders: Int[np.ndarray, "rows k"],
        rng: np.random.Generator,
    ) -> Float[Tensor, " rows"]:
        return torch.stack([Table.of(ask, row).log_likelihood(self.policy) for row in values])


def along(
    ask: Conditionals, values: Int[np.ndarray, "rows k"], orders: Int[np.ndarray, "rows k"], policy: OrderPolicy
) -> tuple[Float[Tensor, "rows k"], Float[Tensor, "rows k"]]:
    """(log p, log pi) of each commit when fillings are written in these orders."""
    rows, k = values.shape
    place = np.argsort(orders, axis=1)  # when each cell is committed
    filled = (place[:, None, :] < np.arange(k)[:, None]).reshape(rows * k, k)
    log_probs = ask(states(ask.instance, np.repeat(values, k, axis=0), filled))
    log_pi = policy(log_probs, torch.from_numpy(~filled))

    cell = torch.from_numpy(orders.reshape(-1))
    value = torch.from_numpy(np.take_along_axis(values, orders, 1).reshape(-1) - 1)
    each = torch.arange(rows * k)
    return log_probs[each, cell, value].view(rows, k), log_pi[each, cell].view(rows, k)


VRPO, UNIGRPO = "VRPO (Zhu et al. 2025)", "UniGRPO (Yang et al. 2025), times k"
#: By name. Those that an order policy belongs to are made for it: see `estimators`.
ESTIMATORS: dict[str, Estimator] = {
    "mean-field": Masked(everything, 1, "nothing", "one step, nothing of the prompt masked"),
    "mean-field-prompt": Masked(partial(everything, hidden=PROMPT), 1, "nothing", "diffu-GRPO (Zhao et al. 2025)"),
    **{f"elbo-time-{n}": Masked(partial(by_time, draws=n), n, "bound", VRPO) for n in (1, 4, 16)},
    **{
        f"elbo-count-{n}": Masked(partial(by_count, draws=n), n, "bound", "LLaDA (Nie et al. 2025)") for n in (1, 4, 16)
    },
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
    values: Int[np.ndarray, "rows k"],
    orders: Int[np.ndarray, "rows k"],
    rng: np.random.Generator,
    shared: bool,
) -> Float[Tensor, " rows"]:
    """An estimate of log p - log p of another network (the one before an update, or a reference). shared: both read the
    same masks, which VRPO calls antithetic.
    """
    seed = int(rng.integers(2**63))
    first, second = (np.random.default_rng(part) for part in (seed, seed if shared else seed + 1))
    return estimator(ask, values, orders, first) - estimator(other, values, orders, second)
