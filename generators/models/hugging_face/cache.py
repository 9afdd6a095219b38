"""What a causal language model has read of a board: its tokens, and their keys and values in a cache of transformers.

    >>> read = ReadText(model.network, CacheRoom(KEPT_BYTES))
    >>> logits = read.on(ids)                           # after the last token; what is in the cache is not read again
    >>> answers = read.branch([(5, 6), (7,)])           # after each of some continuations, none of which is kept

Tokens that were taken back are found by comparison, and cropped. A network that remembers by other means than keys and
values (a recurrent state, say) could not forget them again: it reads the whole text at each call.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from csp.errors import BadInput
from generators.models.hugging_face.source import transformers

TOGETHER = 16  # continuations that are read at once: each of them needs a copy of the cache
KEPT_BYTES = 4 << 30  # of the caches that a session keeps between calls


@dataclass
class CacheRoom:
    """Bytes that are left for the caches of one session."""

    left: int


@dataclass
class ReadText:
    """tokens: those that count as read. What a call costs follows from them alone, so that it depends on the board's
    own past; `cache` may have been given up for want of room. remembers: whether the network's keys and values are all
    that it remembers (keys_and_values).
    """

    network: nn.Module
    room: CacheRoom
    remembers: bool = True
    tokens: list[int] = field(default_factory=list)
    cache: Any = None
    held: int = 0  # bytes that the cache counts for

    def known(self, ids: Sequence[int]) -> int:
        """How many leading tokens of the text count as read: all but the last, at most."""
        most = min(len(ids) - 1, len(self.tokens)) if self.remembers else 0
        return next((place for place in range(most) if ids[place] != self.tokens[place]), most)

    def on(self, ids: Sequence[int]) -> Tensor:
        """Read this text; the logits after its last token, (1, vocabulary)."""
        first = self.known(ids)
        if self.remembers:
            self._crop(first)
        start = 0 if self.cache is None else first
        logits = _forward(self.network, torch.tensor([ids[start:]]), self._begun())[:, -1]
        self.tokens = list(ids)
        self._keep()
        return logits

    def branch(self, continuations: Sequence[Sequence[int]]) -> Tensor:
        """The logits after each of those continuations of what was read last, (continuations, vocabulary)."""
        if not self.remembers:
            whole = (torch.tensor([[*self.tokens, *one]]) for one in continuations)
            return torch.cat([_forward(self.network, ids, None)[:, -1] for ids in whole])
        cache = self._read_anew() if self.cache is None else self.cache
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
        cache = None if self.cache is None else repeated(self.cache, 1)
        made = ReadText(self.network, self.room, self.remembers, list(self.tokens), cache)
        made._keep()
        return made

    def drop(self) -> None:
        """Forget all."""
        self.tokens = []
        self._release()

    def _begun(self) -> Any:
        """The cache, begun if there is none; None for a network that keeps none."""
        if self.remembers and self.cache is None:
            self.cache = transformers().DynamicCache()  # not by the configuration: layers with windows forget
        return self.cache

    def _read_anew(self) -> Any:
        """A cache with what was read last, for one call."""
        cache = transformers().DynamicCache()
        _forward(self.network, torch.tensor([self.tokens]), cache)
        return cache

    def _crop(self, first: int) -> None:
        """Leave the first tokens in the cache, or none of it where it holds others."""
        if self.cache is not None and first == 0:
            self._release()
        elif self.cache is not None and len(self.tokens) > first:
            self.cache.crop(first - len(self.tokens))  # less than 0: how many go

    def _keep(self) -> None:
        """Count the cache, or give it up if there is no room."""
        parts = (
            [] if self.cache is None else [part for layer in self.cache.layers for part in (layer.keys, layer.values)]
        )
        size = sum(part.nbytes for part in parts)
        self.room.left += self.held - size
        self.held = size
        if self.room.left < 0:
            self._release()

    def _release(self) -> None:
        self.room.left += self.held
        self.cache, self.held = None, 0


def keys_and_values(network: nn.Module) -> bool:
    """Whether keys and values of the tokens, of all or the last ones, are what the network would keep in its cache."""
    if not _words(type(network))[0]:
        return False
    library = transformers()
    kinds = (library.cache_utils.DynamicLayer, library.cache_utils.DynamicSlidingWindowLayer)
    try:
        return all(type(layer) in kinds for layer in library.DynamicCache(config=network.config).layers)
    except (AttributeError, KeyError, TypeError, ValueError):  # a configuration of its own that does not say
        return False


def repeated(cache: Any, times: int) -> Any:
    """A cache of its own for each of so many texts that begin alike; what is read on is not in the other's."""
    made = copy.copy(cache)
    made.layers = [copy.copy(layer) for layer in cache.layers]
    for layer in made.layers:  # (1, heads, text, width): reading on makes new tensors, so that these may be shared
        layer.keys, layer.values = (part.expand(times, *part.shape[1:]) for part in (layer.keys, layer.values))
    return made


@lru_cache(maxsize=32)
def _words(kind: type[nn.Module]) -> tuple[str, bool]:
    """(what the class of a network calls its cache, "" if it takes none; whether it can leave out the logits of all
    tokens but the last).
    """
    known = inspect.signature(kind.forward).parameters
    return next((name for name in ("cache", "past_key_values") if name in known), ""), "logits_to_keep" in known


def _forward(network: nn.Module, ids: Tensor, cache: Any, keep: int = 1) -> Tensor:
    """Logits of the last `keep` tokens, (batch, keep, vocabulary); the cache, if there is one, takes all of them in."""
    name, cuts = _words(type(network))
    words = {"use_cache": False} if cache is None else {name: cache, "use_cache": True}
    words |= {"logits_to_keep": keep} if cuts else {}
    return called(network, ids, **words)[:, -keep:]


def called(network: nn.Module, ids: Int[Tensor, "batch text"], **words: Any) -> Float[Tensor, "batch kept vocabulary"]:
    """The network's logits of those tokens. Raises BadInput if memory does not suffice."""
    device = next(network.parameters()).device
    try:
        return network(ids.to(device), **words).logits
    except RuntimeError as fault:
        if isinstance(fault, torch.OutOfMemoryError) or "can't allocate memory" in str(fault):
            raise BadInput(f"out of memory on {device}; try a smaller --batch-size, or a smaller dtype") from None
        raise
