"""What a network may look at, and what it learned from, as words: a combination costs no code.

    >>> words_of("diffusion-blind")
    NetworkWords(workspace='none', reading='anew', supervision='blanks', order='random')
    >>> words_of("net:workspace=live,reading=cached").spelling
    'net:workspace=live,reading=cached'

How deep a network is (its loops) is said by its BackboneConfig. Words other than those of the kinds "ar", "ar-random",
"ar-solver" (models/autoregressive.py) and "diffusion" (models/masked_diffusion.py) are run by models/inplace_ar.py
(workspace=prompt) and models/board_network.py (one state of a board a pass).
"""

from __future__ import annotations

from dataclasses import dataclass

from csp import specs
from csp.errors import BadInput

#: word: its values, each with what it means.
NETWORK_WORDS: dict[str, dict[str, str]] = {
    "workspace": {
        "none": "no other token may look at a blank cell's token",
        "prompt": "blank cells' tokens are read once, with the clues, before the first commit; later tokens see them",
        "live": "blank cells' tokens are computed anew before each commit, and see each other",
    },
    "reading": {
        "anew": "the whole board is read again at each call: earlier commits see later ones",
        "cached": "a commit sees the clues and the commits before it, and is read once",
    },
    "supervision": {
        "blanks": "the loss is on every blank cell",
        "next": "the loss is on the cell that is filled next",
    },
    "order": {
        "random": "commits in a random order, another for each board and update",
        "raster": "commits in raster order",
        "solver": "commits in the solver's order (solvers/solver_order.py)",
    },
}


@dataclass(frozen=True)
class NetworkWords:
    """Raises BadInput for words that do not exist or do not go together."""

    workspace: str = "none"
    reading: str = "anew"
    supervision: str = "blanks"
    order: str = "random"

    def __post_init__(self) -> None:
        specs.check_words(self, NETWORK_WORDS)
        if self.workspace == "prompt" and self.reading != "cached":
            raise BadInput("workspace=prompt goes with reading=cached: a prompt is read once")

    @property
    def spelling(self) -> str:
        """As a kind: "net:word=value,..."."""
        return specs.format("net", self, NetworkWords())

    @property
    def every_prefix(self) -> bool:
        """Whether one pass learns from all the prefixes of an order: tokens then never change once they are read."""
        return self.workspace == "prompt" or (
            self.workspace == "none" and self.reading == "cached" and self.supervision == "next"
        )


#: Kinds whose words are these.
NAMED = {
    "ar": NetworkWords("none", "cached", "next", "raster"),
    "ar-random": NetworkWords("none", "cached", "next"),
    "ar-solver": NetworkWords("none", "cached", "next", "solver"),
    "ar-inplace": NetworkWords("prompt", "cached", "next"),
    "ar-inplace-supervised": NetworkWords("prompt", "cached", "blanks"),
    "diffusion": NetworkWords("live", "anew", "blanks"),
    "diffusion-blind": NetworkWords("none", "anew", "blanks"),
    "diffusion-causal": NetworkWords("live", "cached", "blanks"),
    "diffusion-raster": NetworkWords("live", "anew", "blanks", "raster"),
}


def spelled(kind: str) -> bool:
    """Whether a kind is words, "net:...", rather than a name."""
    return kind.partition(":")[0] == "net"


def words_of(kind: str) -> NetworkWords:
    """The words of a named or spelled kind. Raises BadInput for others."""
    return NAMED[kind] if kind in NAMED else specs.parse(kind, {"net": NetworkWords()}, "network")
