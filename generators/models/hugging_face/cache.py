"""What a causal language model has read of a board: its tokens, and their keys and values in a cache of transformers.

    >>> read = ReadText(model.network)
    >>> logits = read.on(ids)                           # after the last token; what is in the cache is not read again
    >>> answers = read.branch([(5, 6), (7,)])           # after each of some continuations, none of which is kept

Tokens that were taken back are found by comparison, and cropped. A cache that cannot be cropped (of a network with a
recurrent state, say) is read anew instead; so is one for which there is no room.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from generators.models.hugging_face.source import transformers

TOGETHER = 16  # continuations that are read at once: each of them needs a copy of the cache
KEPT_BYTES = 4 << 30  # of the caches that a session keeps between calls


@dataclass
class CacheRoom:
    """Bytes that are left for caches of one session, and whether the network's caches can be cropped."""

    left: int
    croppable: bool


@dataclass
class ReadText:
    """tokens: those that count as read. What a call costs follows from them alone, so that it depends on the board's
    own past; `cache` may have been given up for want of room.
    """

    network: nn.Module
    room: CacheRoom
    tokens: list[int] = field(default_factory=list)
    cache: Any = None
    held: int = 0  # bytes that the cache counts for

    def known(self, ids: Sequence[int]) -> int:
        """How many leading tokens of the text count as read: all but the last, at most."""
        most = min(len(ids) - 1, len(self.tokens))
        same = next((place for place in range(most) if ids[place] != self.tokens[place]), most)
        return same if self.room.croppable or same == len(self.tokens) else 0

    def on(self, ids: Sequence[int]) -> Tensor:
        """Read this text; the logits after its last token, (1, vocabulary)."""
        first = self.known(ids)
        self._crop(first)
        start = 0 if self.cache is None else first
        if self.cache is None:
            self.cache = transformers().DynamicCache(config=self.network.config)
        logits = _forward(self.network, torch.tensor([ids[start:]]), self.cache)[:, -1]
        self.tokens = list(ids)
        self._keep()
        return logits

    def branch(self, continuations: Sequence[Sequence[int]]) -> Tensor:
        """The logits after each of those continuations of what was read last, (continuations, vocabulary)."""
        if self.cache is None:
            self.on(self.tokens)
        cache = self.cache
        answers = []
        for begin in range(0, len(continuations), TOGETHER):
            some = continuations[begin : begin + TOGETHER]
            width = max(map(len, some))
            padded = torch.tensor([[*one, *[0] * (width - len(one))] for one in some])  # nobody looks at what is behind
            logits = _forward(self.network, padded, repeated(cache, len(some)), keep=width)
            answers.append(logits[torch.arange(len(some)), torch.tensor([len(one) - 1 for one in some])])
        return torch.cat(answers)

    def other(self) -> ReadText:
        """One that goes on from the same text."""
        made = ReadText(
            self.network, self.room, list(self.tokens), None if self.cache is None else repeated(self.cache, 1)
        )
        made._keep()
        return made

    def drop(self) -> None:
        """Forget all."""
        self.tokens = []
        self._release()

    def _crop(self, first: int) -> None:
        """Leave the first tokens in the cache, or none of it where it holds others."""
        if self.cache is None:
            return
        surplus = len(self.tokens) - first
        if first == 0 or (surplus and not self.room.croppable):
            self._release()
        elif surplus:
            self.cache.crop(-surplus)

    def _keep(self) -> None:
        """Count the cache, or give it up if there is no room."""
        size = sum(part.nbytes for layer in self.cache.layers for part in _tensors(layer)) if self.cache else 0
        self.room.left += self.held - size
        self.held = size
        if self.room.left < 0:
            self._release()

    def _release(self) -> None:
        self.room.left += self.held
        self.cache, self.held = None, 0


def croppable(network: nn.Module) -> bool:
    """Whether what the network has read last can be taken out of its cache again."""
    layers = transformers().DynamicCache(config=network.config).layers
    windows = any(getattr(layer, "is_sliding", False) for layer in layers)  # they forget what a crop would bring back
    return not windows and all(getattr(layer, "is_croppable", True) for layer in layers)


def repeated(cache: Any, times: int) -> Any:
    """A cache of its own for each of so many texts that begin alike; what is written to it is not in the other."""
    made = copy.copy(cache)
    made.layers = [copy.copy(layer) for layer in cache.layers]
    for layer in made.layers:
        for name, part in vars(layer).items():
            if isinstance(part, Tensor) and part.ndim > 1:  # (1, heads, text, width): reading on makes new tensors
                setattr(layer, name, part.expand(times, *part.shape[1:]) if times > 1 else part.clone())
    return made


def _tensors(layer: Any) -> list[Tensor]:
    return [part for part in vars(layer).values() if isinstance(part, Tensor)]


@lru_cache(maxsize=32)
def _words(kind: type[nn.Module]) -> tuple[str, bool]:
    """(what the class of a network calls its cache, whether it can leave out the logits of all tokens but the last)."""
    known = inspect.signature(kind.forward).parameters
    return "cache" if "cache" in known else "past_key_values", "logits_to_keep" in known


def _forward(network: nn.Module, ids: Tensor, cache: Any, keep: int = 1) -> Tensor:
    """Logits of the last `keep` tokens, (batch, keep, vocabulary); the cache takes all of them in."""
    name, cuts = _words(type(network))
    words = {name: cache, "use_cache": True, **({"logits_to_keep": keep} if cuts else {})}
    return network(ids.to(next(network.parameters()).device), **words).logits[:, -keep:]
