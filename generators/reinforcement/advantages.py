"""What each member of a group of fillings of one puzzle counts for in an update of log-likelihoods.

    >>> grpo(np.array([1.0, 0, 0, 0])), wd1(np.array([1.0, 0, 0, 0]))

Members of a group without contrast (all right, or none) count for nothing.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

TINY = 1e-9  # a spread of rewards below this is none


def grpo(rewards: Float[np.ndarray, " group"]) -> Float[np.ndarray, " group"]:
    """Rewards less their mean, in standard deviations (Shao et al. 2024); they add up to 0."""
    spread = rewards.std()
    return (rewards - rewards.mean()) / spread if spread > TINY else np.zeros_like(rewards)


def wd1(rewards: Float[np.ndarray, " group"]) -> Float[np.ndarray, " group"]:
    """Softmax of the standardised rewards less softmax of their negatives: what wd1 weighs log-likelihoods with (Tang
    et al. 2025). They add up to 0 too, and with rewards of 0 and 1 both take two values: wd1's are then GRPO's times a
    constant, and only the size of the step differs.
    """
    advantages = grpo(rewards)
    positive, negative = (np.exp(sign * advantages) / np.exp(sign * advantages).sum() for sign in (1, -1))
    return positive - negative
