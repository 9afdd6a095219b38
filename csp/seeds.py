"""Randomness that depends on names alone: every stream is a hash of (seed, purpose, instance id, ...).

    >>> stream(0, "test", 3).random() == stream(0, "test", 3).random()
    True

`stream` gives a numpy Generator; `uniform` gives counter-based numbers for a whole batch at once, each a
pure function of its key and counters, so that no instance ever sees its batch neighbours.
"""

from __future__ import annotations

import hashlib

import numpy as np
from jaxtyping import Float, UInt64


def key(*parts: object) -> int:
    """A 64-bit integer from the parts' text; "a", 1 and "a1" differ because each part is length-prefixed."""
    text = "".join(f"{len(str(p))}:{p}" for p in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def stream(*parts: object) -> np.random.Generator:
    """A generator of its own for these parts, e.g. stream(seed, "test", index)."""
    return np.random.Generator(np.random.PCG64(key(*parts)))


def uniform(keys: UInt64[np.ndarray, "*shape"], *counters: object) -> Float[np.ndarray, "..."]:
    """Numbers in (0, 1), one for every broadcast of keys and counters (integers or integer arrays).

    Each counter is folded in by the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
    """
    with np.errstate(over="ignore"):  # products wrap around modulo 2^64, as SplitMix64 means them to
        state = np.asarray(keys, dtype=np.uint64)
        for counter in counters:
            # one step of the sequence (2^64 / golden ratio), then the finaliser's three shifts and two products
            state = state + np.uint64(0x9E3779B97F4A7C15) * (np.asarray(counter).astype(np.uint64) + np.uint64(1))
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))

    # 53 bits are what a float64 holds; the half keeps 0 out, whose logarithm callers take
    return ((state >> np.uint64(11)).astype(np.float64) + 0.5) / (1 << 53)
