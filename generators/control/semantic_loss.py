"""Energies of rules on probabilities: how far cells of uncertain values are from keeping a rule.

    >>> energies = Energies(problem.constraints)
    >>> energies(probs).sum(-1)             # (batch, n, d) -> (batch,), differentiable

The energy is the semantic loss (Xu et al. 2018): -log of the probability that the rule holds if cell i holds value v
with probability probs[i, v - 1], independently of the others. It is 0 where the rule is sure to hold. Every probability
has FLOOR added to it, so that energies and gradients are finite where the rule is sure to be broken. A new rule adds a
case to `batched_energy`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import singledispatch
from math import comb

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from csp.constraints import AllDifferent, Constraint, NotEqual
from csp.errors import BadInput
from csp.global_constraints import Allowed, Among, Increasing, NValues, Sum

FLOOR = 1e-12  # added to probabilities, so that energies stay below 28
MOST_VALUES = 12  # NValues sums over all subsets of the values


def energy(rule: Constraint, probs: Float[Tensor, "batch n d"]) -> Float[Tensor, " batch"]:
    """The energy of one rule, in nats. Raises BadInput if the rule has none."""
    return batched_energy(rule, (rule,), probs[:, [list(rule.scope)]])[:, 0]


class Energies:
    """The energies of several rules, in their order: (batch, n, d) -> (batch, rules). Raises as energy does.

    Rules of one class and scope size are computed together.
    """

    def __init__(self, constraints: Sequence[Constraint]):
        groups: dict[tuple[type, int], list[int]] = defaultdict(list)
        for index, rule in enumerate(constraints):
            groups[type(rule), len(rule.scope)].append(index)
        self.groups = [tuple(constraints[index] for index in group) for group in groups.values()]
        self.scopes = [torch.tensor([rule.scope for rule in rules]) for rules in self.groups]
        self.order = torch.tensor([index for group in groups.values() for index in group], dtype=torch.long).argsort()

    def __call__(self, probs: Float[Tensor, "batch n d"]) -> Float[Tensor, "batch rules"]:
        parts = [batched_energy(rules[0], rules, probs[:, scopes]) for rules, scopes in zip(self.groups, self.scopes)]
        return torch.cat([probs[:, :0, 0], *parts], dim=1)[:, self.order]


@singledispatch
def batched_energy(
    first: Constraint, rules: Sequence[Constraint], probs: Float[Tensor, "batch rules k d"]
) -> Float[Tensor, "batch rules"]:
    """The energies of rules of one class, given the probabilities of their scopes; `first` is the first of them.
    Raises BadInput for a rule that has none.
    """
    raise BadInput(f"{first}: this rule has no energy")


def _energy(satisfied: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """-log of a probability; rounding may have left it below 0."""
    return -(satisfied.clamp(min=0) + FLOOR).log()


@batched_energy.register(NotEqual)
@batched_energy.register(AllDifferent)
def _(first, rules, probs: Float[Tensor, "batch rules k d"]) -> Float[Tensor, "batch rules"]:
    """-sum_(i<j) log(1 - sum_v p_iv p_jv): for more than two cells not the energy of them all, whose pairs depend on
    each other, but 0 in the same places. 1 - sum_v p_iv p_jv as sum_(v!=w) p_iv p_jw, which nothing cancels in.
    """
    k, d = probs.shape[2:]
    others = probs @ (1 - torch.eye(d, dtype=probs.dtype, device=probs.device))
    a, b = torch.triu_indices(k, k, 1)
    return _energy((probs[:, :, a] * others[:, :, b]).sum(-1)).sum(-1)


@batched_energy.register(Among)
def _(first, rules, probs: Float[Tensor, "batch rules k d"]) -> Float[Tensor, "batch rules"]:
    """P(count = c) cell by cell, then summed over c from low to high."""
    k, d = probs.shape[2:]
    listed = torch.tensor([[v in rule.values for v in range(1, d + 1)] for rule in rules], device=probs.device)
    wanted = torch.tensor([[rule.low <= c <= rule.high for c in range(k + 1)] for rule in rules], device=probs.device)
    inside, outside = ((probs * mask[:, None]).sum(-1)[..., None] for mask in (listed, ~listed))
    counts = torch.ones_like(inside[:, :, 0])  # (batch, rules, 1): none of no cells
    for cell in range(k):
        counts = F.pad(counts * outside[:, :, cell], (0, 1)) + F.pad(counts * inside[:, :, cell], (1, 0))
    return _energy((counts * wanted).sum(-1))


@batched_energy.register(Allowed)
def _(first, rules, probs: Float[Tensor, "batch rules k d"]) -> Float[Tensor, "batch rules"]:
    """P(the cell holds one of the values)."""
    d = probs.shape[3]
    listed = torch.tensor([[v in rule.values for v in range(1, d + 1)] for rule in rules], device=probs.device)
    return _energy((probs[:, :, 0] * listed).sum(-1))


@batched_energy.register(Sum)
def _(first, rules, probs: Float[Tensor, "batch rules k d"]) -> Float[Tensor, "batch rules"]:
    """P(total = t) by convolution, cell by cell: all totals at once, of which each rule takes its own."""
    k, d = probs.shape[2:]
    totals = probs[:, :, 0]  # (batch, rules, how many there are): of the first cell, from its lowest total on
    for cell in range(1, k):
        windows = F.pad(totals, (d - 1, d - 1)).unfold(-1, d, 1)  # windows[t, j] = totals[t - (d - 1 - j)]
        totals = (windows * probs[:, :, cell, None].flip(-1)).sum(-1)
    asked = torch.tensor([rule.total - k for rule in rules], device=probs.device)
    return _energy(totals.gather(2, asked.expand(len(probs), -1)[..., None])[..., 0])


@batched_energy.register(Increasing)
def _(first, rules, probs: Float[Tensor, "batch rules k d"]) -> Float[Tensor, "batch rules"]:
    """P(it rises so far and the last value is v), cell by cell."""
    last = probs[:, :, 0]
    for cell in range(1, probs.shape[2]):
        last = probs[:, :, cell] * F.pad(last.cumsum(-1)[..., :-1], (1, 0))
    return _energy(last.sum(-1))


@batched_energy.register(NValues)
def _(first, rules, probs: Float[Tensor, "batch rules k d"]) -> Float[Tensor, "batch rules"]:
    """Inclusion-exclusion over sets of values: with g(T) = P(every cell's value is in T) = prod_i sum_(v in T) p_iv,

    P(low..high values are used) = sum_T g(T) sum_(s=low..high) (-1)^(s-|T|) C(d-|T|, s-|T|). In float64: it cancels.
    """
    d = probs.shape[3]
    if d > MOST_VALUES:
        raise BadInput(f"{first}: the energy of NValues takes up to {MOST_VALUES} values, not {d}")
    sets = (torch.arange(2**d, device=probs.device)[:, None] >> torch.arange(d, device=probs.device)) & 1  # (2^d, d)
    sizes = [range(max(rule.low, 0), min(rule.high, d) + 1) for rule in rules]
    weights = [[sum((-1) ** (s - t) * comb(d - t, s - t) for s in of if s >= t) for t in range(d + 1)] for of in sizes]
    by_set = torch.tensor(weights, dtype=torch.float64, device=probs.device)[:, sets.sum(1)]  # (rules, 2^d)
    within = (probs.double() @ sets.T.double()).prod(2)  # (batch, rules, 2^d)
    return _energy((within * by_set).sum(-1)).to(probs.dtype)
