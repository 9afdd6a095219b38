"""Decoders by name: which model, which order, which veto, which retraction, which signal.

    >>> parse("diffusion:order=confidence,k=4,retraction=remask,signal=violations")
    Decoder(model='diffusion', order='confidence', k=4, ...)

order says which blank cells are filled next, veto which values are ruled out first, retraction what is taken
back, signal what retraction may look at. Every masked-diffusion row thus states its order and its
retraction separately.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, get_args

from csp.errors import BadInput

Order = Literal["raster", "random", "fewest", "confidence", "margin"]
Veto = Literal["none", "legal"]
Retraction = Literal["none", "restart", "remask"]
Signal = Literal["none", "random", "violations"]


@dataclass(frozen=True)
class Decoder:
    """A decoding policy. Raises BadInput for words that do not exist or do not go together.

    order: raster = lowest cell first; random; fewest = fewest legal values; confidence = highest probability
      of the value chosen; margin = largest gap between the two likeliest values (Kim et al. 2025).
    k: cells committed a call. veto: legal = values that a committed neighbour holds are ruled out; a
      board with a blank cell that has none left is stuck at once.
    temperature: 0 takes the likeliest value; otherwise values are sampled at it. redraft: the same, for
      everything after the first remasking.
    retraction: restart = blank everything and draw again, until the board is right or `attempts` are used up;
      remask = whenever the board is full and wrong (or stuck), blank some cells and go on.
    signal: violations = remask the cells in visible conflict; random = as many cells, chosen at random, at the
      same moments: the placebo (it follows the same rule; how much it takes back in all depends on its own
      boards). widen: this share of the other committed cells, chosen at random, goes too.
    calls: most network calls a board (0: no limit; remasking needs one).
    """

    model: str
    order: Order = "raster"
    k: int = 1
    veto: Veto = "none"
    temperature: float = 0.0
    retraction: Retraction = "none"
    signal: Signal = "none"
    attempts: int = 10
    redraft: float = 0.0
    widen: float = 0.0
    calls: int = 0

    def __post_init__(self) -> None:
        check_words(vars(self))
        if self.model == "ar" and (self.order != "raster" or self.k != 1):
            raise BadInput("an AR model speaks of its next cell only: order=raster and k=1")
        if self.k < 1 or self.attempts < 1 or self.calls < 0 or self.temperature < 0 or self.redraft < 0:
            raise BadInput("k and attempts are at least 1; calls, temperature and redraft at least 0")
        if not (math.isfinite(self.temperature) and math.isfinite(self.redraft)):
            raise BadInput("temperature and redraft are finite numbers")
        if not 0 <= self.widen <= 1:
            raise BadInput("widen is a share from 0 to 1")
        if (self.retraction == "remask") != (self.signal != "none"):
            raise BadInput("retraction=remask needs a signal (violations or random), and only it takes one")
        if self.retraction == "remask" and not self.calls:
            raise BadInput("retraction=remask needs a budget: calls=N")

    def __str__(self) -> str:
        """The spelling that parse reads; fields at their defaults are left out."""
        said = [f"{f.name}={getattr(self, f.name)}" for f in fields(self)[1:] if getattr(self, f.name) != f.default]
        return self.model + (":" + ",".join(said) if said else "")


MODELS = ("uniform", "ar", "diffusion")
WORDS = {"order": Order, "veto": Veto, "retraction": Retraction, "signal": Signal}


def check_words(words: Mapping[str, object]) -> None:
    """Raises BadInput if the model, order, veto, retraction or signal among the words does not exist."""
    for name, choices in {"model": MODELS, **{name: get_args(kind) for name, kind in WORDS.items()}}.items():
        if name in words and words[name] not in choices:
            raise BadInput(f"no {name} {words[name]!r}; there are {', '.join(choices)}")


def parse(text: str) -> Decoder:
    """A Decoder from "model:word=value,...". Raises BadInput, naming the word that is wrong."""
    model, _, rest = text.partition(":")
    kinds = {f.name: type(f.default) for f in fields(Decoder)[1:]}
    words: dict[str, object] = {}
    for part in filter(None, rest.split(",")):
        name, equals, value = part.partition("=")
        if name not in kinds or not equals:
            raise BadInput(f"decoder {text!r}: {part!r} is not one of {', '.join(kinds)} with =VALUE")
        try:
            words[name] = kinds[name](value)
        except ValueError:
            raise BadInput(f"decoder {text!r}: {value!r} is not a number for {name}") from None
    try:
        check_words({"model": model, **words})
        return Decoder(model, **words)
    except BadInput as fault:
        raise BadInput(f"decoder {text!r}: {fault}") from None
