"""The networks that `takeback factors` compares: every one of the same backbone, parameters, puzzles and batches.

    >>> NETWORKS["diffusion-blind"].training("sudoku6", SMALL, seed=0)
    TrainConfig(kind='net:', family='sudoku6', updates=500, ...)

A network is words (generators/models/network_words.py), a depth, and how long it trains: as many updates as all others,
or as many FLOPs as masked diffusion of three loops. A seed changes the puzzles, the batches and the first weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from experiments.engine.study_networks import Size
from generators.models.network_words import NAMED, NetworkWords
from generators.training.config import TrainConfig

LOOPS = 3  # of the networks that differ in words
SHALLOW, DEEP, DEEPEST = 1, 6, 12
#: What the Shapley shares are about: (absent, present).
SWITCHES: dict[str, tuple] = {
    "order": ("raster", "confidence"),
    "workspace": ("none", "live"),
    "reading": ("cached", "anew"),
    "supervision": ("next", "blanks"),
    "depth": (SHALLOW, LOOPS),
    "search": (("none", "none"), ("legal", "best-first")),  # veto and retraction
}
FACTORS = tuple(SWITCHES)


@dataclass(frozen=True)
class Net:
    """A network to compare. flops: it trains for as many FLOPs as masked diffusion of LOOPS loops, not updates."""

    words: NetworkWords
    loops: int = LOOPS
    flops: bool = False

    @property
    def name(self) -> str:
        """A kind's name where there is one, else the words; then the depth."""
        named = next((name for name, words in NAMED.items() if words == self.words), None)
        words = self.words
        name = named or "+".join([f"{words.workspace}", words.reading, words.supervision])
        return name + f" x{self.loops}" * (self.loops != LOOPS) + " flops" * self.flops

    def training(self, family: str, size: Size, seed: int) -> TrainConfig:
        """How it trains."""
        config = size.training(self.words.spelling, family, seed, self.loops)
        if not self.flops:
            return config
        updates = max(1, round(size.updates * LOOPS / self.loops * PROMPT_SHARE.get(self.words.workspace, 1.0)))
        return replace(config, updates=updates)


#: FLOPs of an update without a prompt, as a share of one with it: N tokens against N and one for every blank cell. A
#: 6x6 puzzle here has about 24 of 36 cells blank.
PROMPT_SHARE = {"prompt": 0.6}


def _networks() -> dict[str, Net]:
    """The main networks first, then the grid that the Shapley shares need, then controls."""
    main = [Net(NAMED[name]) for name in MAIN]
    grid = [
        Net(NetworkWords(workspace, reading, supervision), loops)
        for loops in (LOOPS, SHALLOW)
        for workspace, reading, supervision in product(*(SWITCHES[word] for word in WORDS))
    ]
    deep = [Net(NAMED[name], DEEP) for name in ("diffusion", "diffusion-blind", "ar-random")]
    special = [Net(NAMED[name]) for name in SPECIAL]
    equal = [
        Net(NAMED[name], loops, flops=True)
        for name, loops in [
            ("diffusion", SHALLOW), ("diffusion-blind", SHALLOW), ("diffusion", DEEP), ("diffusion-blind", DEEP),
            ("ar-inplace", LOOPS), ("ar-inplace-supervised", LOOPS),
        ]
    ]  # fmt: skip
    return {net.name: net for net in [*main, *grid, *special, *deep, *equal]}


WORDS = ("workspace", "reading", "supervision")
#: From AR to masked diffusion.
MAIN = ("ar-random", "diffusion-blind", "ar-inplace", "ar-inplace-supervised", "diffusion-causal", "diffusion")
#: Trained for one order.
SPECIAL = ("ar", "ar-solver", "diffusion-raster")
NETWORKS = _networks()
