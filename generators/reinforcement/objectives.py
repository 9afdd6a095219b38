"""What an update lowers, as a function of fillings, their rewards and their log-likelihoods.

    >>> loss = OBJECTIVES["grpo"](policy, reference, boards, filled, rewards, rng)

One update a batch of fillings, so that the policy that wrote them is the one that learns: importance ratios are 1, and
GRPO's clipping has nothing to clip.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from generators.boards import Boards
from generators.reinforcement.advantages import grpo, wd1
from generators.reinforcement.policies import Fillings, Policy

BETA = 0.1  # of DPO: how far preferences may move the policy from its reference


def weighted(
    policy: Policy,
    reference: Policy,
    boards: Boards,
    filled: Fillings,
    rewards: Float[np.ndarray, " rows"],
    rng: np.random.Generator,
    weigh: Callable[[np.ndarray], np.ndarray],
) -> Float[Tensor, ""]:
    """Minus the mean over groups of weights times log-likelihoods; fillings that weigh nothing are not computed."""
    weights = np.zeros_like(rewards)
    for board in np.unique(filled.rows):
        of_board = filled.rows == board
        weights[of_board] = weigh(rewards[of_board])
    there = np.flatnonzero(weights)
    if not len(there):
        return _nothing(policy)
    log_likelihoods = policy.log_likelihood(boards, filled.take(there), rng)
    return -(torch.from_numpy(weights[there]).to(log_likelihoods.dtype) * log_likelihoods).sum() / len(boards)


def dpo(
    policy: Policy,
    reference: Policy,
    boards: Boards,
    filled: Fillings,
    rewards: Float[np.ndarray, " rows"],
    rng: np.random.Generator,
) -> Float[Tensor, ""]:
    """Right fillings preferred to wrong ones of the same board, all such pairs (Rafailov et al. 2023).

    Both policies read the same masks (VRPO's antithetic sharing).
    """
    pairs = [
        (one, other)
        for board in np.unique(filled.rows)
        for one in np.flatnonzero((filled.rows == board) & (rewards > 0))
        for other in np.flatnonzero((filled.rows == board) & (rewards <= 0))
    ]
    if not pairs:
        return _nothing(policy)
    better, worse = np.array(pairs).T
    seed = int(rng.integers(2**63))
    log_likelihoods = policy.log_likelihood(boards, filled, np.random.default_rng(seed))
    with torch.no_grad():
        before = reference.log_likelihood(boards, filled, np.random.default_rng(seed))
    ratio = log_likelihoods - before
    return -F.logsigmoid(BETA * (ratio[better] - ratio[worse])).mean()


def _nothing(policy: Policy) -> Float[Tensor, ""]:
    """0, with gradients of 0."""
    return sum((weight.sum() for weight in policy.model.parameters()), torch.zeros(())) * 0.0


def own_right(rewards: Float[np.ndarray, " group"]) -> Float[np.ndarray, " group"]:
    """The right ones alike, 1 together: expert iteration, or rejection-sampling fine-tuning."""
    return rewards / max(rewards.sum(), 1.0)


def everyone(rewards: Float[np.ndarray, " group"]) -> Float[np.ndarray, " group"]:
    """All alike, 1 together: likelihood of what was given, as in supervised training."""
    return np.full_like(rewards, 1 / len(rewards))


Objective = Callable[..., Tensor]
OBJECTIVES: dict[str, Objective] = {
    "grpo": partial(weighted, weigh=lambda rewards: grpo(rewards) / len(rewards)),
    "wd1": partial(weighted, weigh=wd1),
    "dpo": dpo,
    "expert": partial(weighted, weigh=own_right),
    "supervised": partial(weighted, weigh=everyone),
}
