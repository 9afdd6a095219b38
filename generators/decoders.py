"""Decoders by name: which model, which order, which veto, which retraction, which signal.

    >>> parse("diffusion:order=confidence,k=4,retraction=remask,signal=violations")
    Decoder(model='diffusion', order='confidence', k=4, ...)

order says which blank cells are filled next, veto which values are ruled out first, retraction what is taken
back, signal what retraction may look at. Every masked-diffusion row thus states its order and its
retraction separately.
"""

from __future__ import annotations

from dataclasses import dataclass

from csp.errors import BadInput
from csp.spelling import one_of, read, spell

WORDS = {
    "model": ("uniform", "ar", "diffusion"),
    "order": ("raster", "random", "fewest", "confidence", "margin"),
    "veto": ("none", "legal"),
    "retraction": ("none", "restart", "remask"),
    "signal": ("none", "random", "violations"),
}


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
    order: str = "raster"
    k: int = 1
    veto: str = "none"
    temperature: float = 0.0
    retraction: str = "none"
    signal: str = "none"
    attempts: int = 10
    redraft: float = 0.0
    widen: float = 0.0
    calls: int = 0

    def __post_init__(self) -> None:
        for word, choices in WORDS.items():
            one_of(word, getattr(self, word), choices)
        if self.model == "ar" and (self.order != "raster" or self.k != 1):
            raise BadInput("an AR model speaks of its next cell only: order=raster and k=1")
        if self.k < 1 or self.attempts < 1 or self.calls < 0 or self.temperature < 0 or self.redraft < 0:
            raise BadInput("k and attempts are at least 1; calls, temperature and redraft at least 0")
        if not 0 <= self.widen <= 1:
            raise BadInput("widen is a share from 0 to 1")
        if (self.retraction == "remask") != (self.signal != "none"):
            raise BadInput("retraction=remask needs a signal (violations or random), and only it takes one")
        if self.retraction == "remask" and not self.calls:
            raise BadInput("retraction=remask needs a budget: calls=N")

    def __str__(self) -> str:
        """The spelling that parse reads; fields at their defaults are left out."""
        return spell(self.model, self, PLAIN[self.model])


def parse(text: str) -> Decoder:
    """A Decoder from "model:word=value,...". Raises BadInput, naming the word that is wrong."""
    return read(text, PLAIN, "decoder", ("model",))


#: model: its decoder with the default words.
PLAIN = {model: Decoder(model) for model in WORDS["model"]}
