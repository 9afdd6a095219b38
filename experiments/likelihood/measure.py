"""Estimates of the likelihood of a group of fillings, and of its policy gradient, beside the exact ones.

    >>> Group(...)()                  # a record an estimator

A group is fillings of one puzzle, written by the network in an order; their rewards are 1 where the checker is content,
and their advantages GRPO's. What is compared: the estimates themselves (bias, spread, ranks within the group), the
gradient of advantages times estimates, and log-ratios to the same network one update later.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import numpy as np
import pyarrow
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from csp.seeds import stream
from experiments.likelihood.grid import Case
from generators import checkpoint
from generators.boards import stack
from generators.likelihood.conditionals import NetworkConditionals
from generators.likelihood.estimators import Estimator, Masked, estimators, log_ratio
from generators.likelihood.order_marginal import Table, draw_orders
from generators.likelihood.order_policies import ORDERS
from generators.likelihood.rollouts import groups, roll_out
from generators.reinforcement.advantages import grpo

RATE = 3e-4  # of the update that log-ratios are about: each weight moves by so much, as in Adam's first step
TEXT, WHOLE, FLOAT = pyarrow.string(), pyarrow.int64(), pyarrow.float64()
SCHEMA = pyarrow.schema(
    [
        ("family", TEXT), ("updates", WHOLE), ("k", WHOLE), ("order", TEXT), ("seed", WHOLE), ("index", WHOLE),
        ("estimator", TEXT), ("forwards", WHOLE),
        ("exact", FLOAT), ("right", FLOAT), ("bias", FLOAT), ("sd", FLOAT), ("rank", FLOAT), ("cosine", FLOAT),
        ("cosine_of_mean", FLOAT), ("ratio_shared", FLOAT), ("ratio_apart", FLOAT), ("ratio_bias", FLOAT),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """path, sha256: of the network's checkpoint. count: fillings; draws: estimates of each."""

    schema = SCHEMA

    case: Case
    path: str
    sha256: str
    seed: int
    order: str
    index: int
    count: int
    draws: int

    @property
    def title(self) -> str:
        case = self.case
        return f"{case.puzzles.name}, {case.k} cells, {self.order} order, network {self.seed}, puzzle {self.index}"

    @property
    def config(self) -> dict:
        """What the records are a function of."""
        return {
            "what": "likelihood",
            "network": self.sha256,
            "family": self.case.puzzles.family,
            "k": self.case.k,
            "order": self.order,
            "item": self.index,
            "group": [self.count, self.draws],
            "estimators": list(estimators(ORDERS[self.order])),
            "takeback": metadata.version("takeback"),
        }

    def __call__(self) -> list[dict]:
        puzzles, k = self.case.puzzles, self.case.k
        model, instance = network(self.path, puzzles.family), puzzles.instance("test", k, self.index)
        boards, policy = stack([instance], "likelihood"), ORDERS[self.order]
        ask = NetworkConditionals(model, boards)
        rows, keys = groups(boards, self.count, "likelihood", self.order)
        values, commit_order = roll_out(ask, policy, rows, keys)
        rewarded = instance.solved(values).astype(float)
        advantages = grpo(rewarded)

        # The truth: log-likelihoods, the group's gradient, and both after one update.
        tables = [Table.of(ask, 0, filling) for filling in values]
        exact = torch.stack([table.log_likelihood(policy) for table in tables])
        gradient = group_gradient(model, exact, advantages)
        direction = gradient if advantages.any() else group_gradient(model, exact, np.ones(self.count))
        later = NetworkConditionals(moved(model, direction), boards)
        exact, steps = exact.detach(), [table.steps(policy).detach() for table in tables]
        del tables  # with all that gradients need
        with torch.no_grad():
            ratio = exact - torch.stack([Table.of(later, 0, filling).log_likelihood(policy) for filling in values])

        # Further orders in which the same fillings may have been written; the first is the one in which they were.
        rng, free = stream("orders", instance.id, self.order), np.flatnonzero(instance.givens == 0)
        orders = np.zeros((self.draws, *values.shape), dtype=np.int64)
        orders[:, :, free] = np.stack([draw_orders(one, self.draws, rng) for one in steps], 1)
        orders[0] = commit_order

        records = []
        for name, estimator in estimators(policy).items():
            rng = stream("estimates", instance.id, self.order, name)
            draws = self.draws if name not in SURE else 1
            made = [estimate(estimator, model, ask, values, orders[one], rng, advantages) for one in range(draws)]
            estimates, gradients = np.stack([one for one, _ in made]), [one for _, one in made]
            records.append(
                {
                    "family": puzzles.name,
                    "updates": self.case.updates,
                    "k": k,
                    "order": self.order,
                    "seed": self.seed,
                    "index": self.index,
                    "estimator": name,
                    "forwards": estimator.forwards(k),
                    "exact": exact.mean().item(),
                    "right": float(rewarded.mean()),
                    "bias": float((estimates.mean(0) - exact.numpy()).mean()),
                    "sd": float(estimates.std(0, ddof=1).mean()) if draws > 1 else 0.0,
                    "rank": mean_or_none([spearman(one, exact.numpy()) for one in estimates]),
                    **cosines(gradients, gradient),
                    **self._ratios(estimator, ask, later, values, ratio.numpy(), rng),
                }
            )
        return records

    def _ratios(self, estimator, ask, later, values, exact, rng) -> dict:
        """The spread of estimated log-ratios when both networks read the same masks, and when each draws its own; the
        bias of the first.
        """
        if not isinstance(estimator, Masked):
            return {"ratio_shared": None, "ratio_apart": None, "ratio_bias": None}
        filled = np.zeros(self.count, dtype=np.int64), values, np.zeros_like(values)
        with torch.no_grad():
            shared, apart = (
                np.stack([log_ratio(estimator, ask, later, *filled, rng, way) for _ in range(self.draws)])
                for way in (True, False)
            )
        return {
            "ratio_shared": float(shared.std(0, ddof=1).mean()),
            "ratio_apart": float(apart.std(0, ddof=1).mean()),
            "ratio_bias": float(np.abs(shared.mean(0) - exact).mean()),
        }


SURE = ("mean-field", "raster", "exact")  # nothing about them is drawn


@lru_cache(maxsize=2)
def network(path: str, family: str) -> nn.Module:
    """A checkpoint's network, to be differentiated."""
    model = checkpoint.load(Path(path), family, dtype=torch.float32).model
    return model.requires_grad_(True)


def estimate(
    estimator: Estimator,
    model: nn.Module,
    ask: NetworkConditionals,
    values: Int[np.ndarray, "group N"],
    commit_order: Int[np.ndarray, "group N"],
    rng: np.random.Generator,
    advantages: Float[np.ndarray, " group"],
) -> tuple[Float[np.ndarray, " group"], Float[Tensor, " weights"] | None]:
    """One estimate of each filling's log-likelihood, and the group's gradient by it; none without contrast."""
    filled = np.zeros(len(values), dtype=np.int64), values, commit_order
    if not advantages.any():
        with torch.no_grad():
            return estimator(ask, *filled, rng).double().numpy(), None
    made = estimator(ask, *filled, rng)
    return made.detach().double().numpy(), group_gradient(model, made, advantages)


def group_gradient(
    model: nn.Module, log_likelihoods: Float[Tensor, " group"], advantages: Float[np.ndarray, " group"]
) -> Float[Tensor, " weights"]:
    """Of the advantages times the log-likelihoods, over all weights; keeps the graph."""
    weighed = (torch.from_numpy(advantages).to(log_likelihoods.dtype) * log_likelihoods).sum()
    weights = list(model.parameters())
    parts = torch.autograd.grad(weighed, weights, retain_graph=True, allow_unused=True)
    return torch.cat([torch.zeros_like(w).flatten() if g is None else g.flatten() for w, g in zip(weights, parts)])


def moved(model: nn.Module, direction: Float[Tensor, " weights"]) -> nn.Module:
    """The network after one update: every weight by RATE, uphill."""
    other, start = copy.deepcopy(model).requires_grad_(False), 0
    for weight in other.parameters():
        weight += RATE * direction[start : start + weight.numel()].view_as(weight).sign()
        start += weight.numel()
    return other


def cosines(gradients: list[Tensor | None], exact: Float[Tensor, " weights"]) -> dict[str, float | None]:
    """Between the exact gradient and a single estimate's, on average, and the mean estimate's."""
    if gradients[0] is None or not exact.any():
        return {"cosine": None, "cosine_of_mean": None}
    of = torch.nn.functional.cosine_similarity
    each = [of(one, exact, dim=0).item() for one in gradients]
    return {"cosine": float(np.mean(each)), "cosine_of_mean": of(torch.stack(gradients).mean(0), exact, dim=0).item()}


def spearman(one: Float[np.ndarray, " group"], other: Float[np.ndarray, " group"]) -> float:
    """Rank correlation, equal numbers sharing their mean rank; NaN where one of them does not vary."""
    ranks = [_ranks(numbers) for numbers in (one, other)]
    if min(rank.std() for rank in ranks) == 0:
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def _ranks(numbers: Float[np.ndarray, " group"]) -> Float[np.ndarray, " group"]:
    """1 .. n; numbers that differ by rounding alone are equal."""
    rounded = np.round(numbers, 6)
    return ((rounded[:, None] > rounded).sum(1) + (rounded[:, None] >= rounded).sum(1) + 1) / 2


def mean_or_none(numbers: list[float]) -> float | None:
    """The mean of what is no NaN, if there is any."""
    there = [number for number in numbers if np.isfinite(number)]
    return float(np.mean(there)) if there else None
