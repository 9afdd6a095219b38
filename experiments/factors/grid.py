"""What is trained and decoded, as plain lists: networks x seeds, and cells of decoding x puzzles.

>>> [point.net.name for point in STANDARD.points()][:2]
['ar-random', 'diffusion-blind']
>>> str(cells()[0].decoder(36, 0.6))
'net'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from csp.problem import Instance
from experiments.factors.networks import MAIN, NETWORKS, SHIPPED, SMALL, Net, Size
from experiments.puzzle_files import load
from generators.decoding.spec import Decoder

#: The shipped sets hold 500 puzzles a stratum, of which experiments so far took the first 200 at most.
DEVELOPMENT, TEST = slice(200, 300), slice(300, 500)
CALLS, TOKENS_A_CELL = 500, 100  # budget of a search: whichever is used up first


@dataclass(frozen=True)
class Puzzles:
    """family: what networks are trained on; set: the shipped set that they solve, and which of its strata."""

    family: str
    set: str
    strata: tuple[str, ...]

    def load(self, stratum: str, part: slice) -> list[Instance]:
        return load.shipped(self.set, stratum, None)[part]


SUDOKU6 = Puzzles("sudoku6", "sudoku6", ("0", "4-10", "11-100"))
COLOURING = Puzzles("gnp:n=30,degree=4.6,solvable=yes", "colouring3-30", ("11-100",))
SUDOKU9 = Puzzles("sudoku9", "sudoku9", ("0", "11-100"))


@dataclass(frozen=True)
class Cell:
    """A way to decode, one cell a call. search: "none", or what is done after a failure; best-first at random is its
    placebo.
    """

    order: str
    veto: str
    search: str

    @property
    def name(self) -> str:
        return f"{self.order}, {self.veto}, {self.search}"

    def decoder(self, cells: int, temperature: float) -> Decoder:
        """temperature: of restarts, after the first attempt, which is greedy."""
        if self.search == "none":
            return Decoder("net", self.order, veto=self.veto)
        retraction, _, placebo = self.search.partition(" at ")
        return Decoder(
            "net",
            self.order,
            veto=self.veto,
            retraction=retraction,
            signal="random" if placebo else "none",
            calls=CALLS,
            tokens=TOKENS_A_CELL * cells,
            **({"attempts": 0, "redraft": temperature} if retraction == "restart" else {}),
        )


ORDERS = ("raster", "random", "solver", "confidence")
PLACEBO = "best-first at random"
SEARCHES = {  # by veto: a retraction that goes on with the next value needs one
    "none": ("none", "restart"),
    "legal": ("none", "restart", "depth", "best-first", PLACEBO),
    "propagate": ("none", "restart", "depth", "best-first", PLACEBO),
}


def cells(orders: Sequence[str] = ORDERS) -> list[Cell]:
    """The crossing."""
    return [
        Cell(order, veto, search) for veto, searches in SEARCHES.items() for search, order in product(searches, orders)
    ]


@dataclass(frozen=True)
class Point:
    """A network to train."""

    puzzles: Puzzles
    net: Net
    size: Size
    seed: int


@dataclass(frozen=True)
class Part:
    """Networks that are trained on a family at a size, so many seeds of each."""

    puzzles: Puzzles
    names: tuple[str, ...]
    size: Size
    seeds: int

    def points(self) -> Iterator[Point]:
        """Seed by seed: the puzzles of a seed are drawn once."""
        for seed, name in product(range(self.seeds), self.names):
            yield Point(self.puzzles, NETWORKS[name], self.size, seed)


@dataclass(frozen=True)
class Preset:
    """parts: in the sequence in which they are trained."""

    parts: tuple[Part, ...]

    def points(self) -> list[Point]:
        return list(dict.fromkeys(point for part in self.parts for point in part.points()))


DEPTHS = ("diffusion x1", "diffusion-blind x1", "diffusion x6", "diffusion-blind x6", "ar-random x1", "ar-random x6")
STANDARD = Preset(
    (
        Part(SUDOKU6, MAIN, SMALL, 5),
        Part(SUDOKU6, DEPTHS, SMALL, 5),
        Part(COLOURING, MAIN, SMALL, 5),
        Part(SUDOKU6, tuple(NETWORKS), SMALL, 5),
        Part(
            SUDOKU9,
            ("ar-random", "diffusion-blind", "ar-inplace-supervised", "diffusion-causal", "diffusion"),
            SMALL,
            2,
        ),
        Part(SUDOKU6, MAIN, SHIPPED, 3),
    )
)
