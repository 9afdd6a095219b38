"""What `takeback policies` decodes with: heads that learn beside a frozen network, and ways to decode.

>>> [way.name for way in WAYS if way.head][:2]
['order: learned', 'order: learned, shuffled rewards']
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.engine.small_puzzles import SUDOKU6, SmallPuzzles
from generators.decoding.spec import Decoder, parse
from generators.reinforcement.trainer import ReinforceConfig

HALF, WHOLE = "half-trained", "shipped"  # networks to start from
SHIPPED = "sudoku6-diffusion"
RETRACTING = "net:order=confidence,veto=legal,retraction=learned,temperature=1,memory=tabu"


@dataclass(frozen=True)
class Head:
    """learn: "order" or "retraction", as ReinforceConfig has it. shuffled: from rewards dealt out anew."""

    learn: str
    shuffled: bool = False

    @property
    def name(self) -> str:
        return f"{self.learn}{', shuffled rewards' * self.shuffled}"


ORDER, RETRACTION = Head("order"), Head("retraction")
HEADS = (ORDER, Head("order", True), RETRACTION, Head("retraction", True))


@dataclass(frozen=True)
class Way:
    """words: of a decoder, less its budget. head: what it needs beside the network; untaught: as it begins."""

    name: str
    words: str
    head: Head | None = None
    untaught: bool = False

    def decoder(self, calls: int) -> Decoder:
        """With its budget, if it has one."""
        budget = f",calls={calls}" if "retraction=" in self.words else ""
        return parse(self.words + budget)


def _searching(words: str) -> str:
    return f"net:order=confidence,veto=legal,retraction={words}"


#: A head that has learned nothing decodes surest first: generators/reinforcement/order_head.py.
SUREST, UNTAUGHT = "order: surest first", "take back: head as it begins"
ORDERED, TAKING_BACK = "order: learned", "take back: learned"
PLACEBO, BEST_FIRST = f"{TAKING_BACK}, any cells (placebo)", "best-first"
WAYS = (
    Way("order: random", "net:order=random"),
    Way(SUREST, "net:order=confidence"),
    Way(ORDERED, "net:order=learned", ORDER),
    Way(f"{ORDERED}, shuffled rewards", "net:order=learned", HEADS[1]),
    Way("nothing taken back, legal", "net:order=confidence,veto=legal"),
    Way("restart", _searching("restart,temperature=1,attempts=0")),
    Way("remask violations", _searching("remask,signal=violations,temperature=1,memory=tabu")),
    Way("remask any (placebo)", _searching("remask,signal=random,temperature=1,memory=tabu")),
    Way(UNTAUGHT, RETRACTING, RETRACTION, True),
    Way(TAKING_BACK, RETRACTING, RETRACTION),
    Way(PLACEBO, f"{RETRACTING},signal=random", RETRACTION),
    Way(f"{TAKING_BACK}, shuffled rewards", RETRACTING, HEADS[3]),
    Way(BEST_FIRST, _searching("best-first")),
    Way("best-first at random (placebo)", _searching("best-first,signal=random")),
)
#: What the verdict rests on: (name, way, less this way).
GAINS = (
    ("learning the order", ORDERED, SUREST),
    ("learning the order, shuffled rewards", f"{ORDERED}, shuffled rewards", SUREST),
    ("learning what to take back", TAKING_BACK, UNTAUGHT),
    ("learning what to take back, shuffled rewards", f"{TAKING_BACK}, shuffled rewards", UNTAUGHT),
    ("learned retraction - any cells", TAKING_BACK, PLACEBO),
    ("best-first - learned retraction", BEST_FIRST, TAKING_BACK),
)


@dataclass(frozen=True)
class Preset:
    """strata, tests: puzzles of the shipped set, so many of each stratum. seeds: of half-trained networks, each with
    heads of its own; of heads beside the shipped one. pool: puzzles to learn from; updates, puzzles, group: as
    ReinforceConfig has them. calls: of a search.
    """

    networks: tuple[str, ...] = (HALF, WHOLE)
    puzzles: SmallPuzzles = SUDOKU6
    set: str = "sudoku6"
    strata: tuple[str, ...] = ("0", "1-3", "4-10", "11-100")
    tests: int = 100
    seeds: int = 3
    pool: int = 200
    updates: int = 100
    drawn: int = 8
    group: int = 8
    order_lr: float = 1e-2
    retraction_lr: float = 3e-2
    calls: int = 100
    shipped: bool = False

    def config(self, head: Head, start: str, seed: int) -> ReinforceConfig:
        """How a head learns."""
        return ReinforceConfig(
            start,
            self.puzzles.family,
            learn=head.learn,
            decoder=f"{RETRACTING},calls={self.calls}",
            shuffled=head.shuffled,
            updates=self.updates,
            puzzles=self.drawn,
            group=self.group,
            lr=self.order_lr if head.learn == "order" else self.retraction_lr,
            seed=seed,
            validate_every=max(1, self.updates // 5),
        )


PRESETS = {
    "quick": Preset(
        (HALF,), strata=("0", "11-100"), tests=30, seeds=1, pool=40, updates=10, drawn=4, calls=50, shipped=True
    ),
    "standard": Preset(),
}
