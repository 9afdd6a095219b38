"""What is trained and decoded, as plain lists: networks x seeds, and cells of decoding x puzzles.

>>> [point.net.name for point in STANDARD.points()][:2]
['ar-random', 'diffusion-blind']
>>> str(cells()[0].decoder(36, 0.6))
'net'
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

from csp.problem import Instance
from experiments.engine.study_networks import SHIPPED, SMALL, Size, Training, file_of
from experiments.factors.networks import FACTORS, MAIN, NETWORKS, SWITCHES, WORDS, Net
from experiments.puzzle_files import load
from generators.decoding.spec import Decoder
from generators.models.network_words import NetworkWords

#: The shipped sets hold 500 puzzles a stratum, of which experiments so far took the first 200 at most.
DEVELOPMENT, TEST = (200, 300), (300, 500)
CALLS, TOKENS_A_CELL = 200, 100  # budget of a search: whichever is used up first


@dataclass(frozen=True)
class Puzzles:
    """family: what networks are trained on; set: the shipped set that they solve, and which of its strata."""

    family: str
    set: str
    strata: tuple[str, ...]

    def load(self, stratum: str, part: tuple[int, int]) -> list[Instance]:
        """The puzzles of a part of a stratum: from its first number to before its second."""
        return load.shipped(self.set, stratum, None)[slice(*part)]


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

    def training(self, at: Path) -> Training:
        """How it trains, and where in the folder it is kept."""
        title = f"{self.puzzles.set} {self.net.name}, seed {self.seed}"
        path = file_of(at, self.net.name, self.puzzles.family, self.size, self.seed)
        return Training(title, self.net.training(self.puzzles.family, self.size, self.seed), path)


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

    def of(self, name: str) -> list[Point]:
        """The points of a network."""
        return [point for point in self.points() if point.net == NETWORKS[name]]


@dataclass(frozen=True)
class Preset:
    """parts: in the sequence in which they are trained. count: puzzles a stratum. shipped: the networks come with the
    package. whole: the crossing of all cells too, start states, and temperatures chosen on the development set.
    factors: that Shapley shares are of; the others are present throughout.
    """

    parts: tuple[Part, ...]
    count: int = 200
    shipped: bool = False
    whole: bool = True
    factors: tuple[str, ...] = FACTORS

    def points(self) -> list[Point]:
        """The networks of all parts, each once."""
        return list(dict.fromkeys(point for part in self.parts for point in part.points()))

    def studies(self) -> list[Part]:
        """The parts, those of the same puzzles and size as one."""
        joined: dict[tuple[Puzzles, Size], Part] = {}
        for part in self.parts:
            before = joined.get((part.puzzles, part.size))
            names = tuple(dict.fromkeys([*(before.names if before else ()), *part.names]))
            joined[part.puzzles, part.size] = Part(part.puzzles, names, part.size, part.seeds)
        return list(joined.values())


def full_cells(name: str, factors: Sequence[str]) -> list[Cell]:
    """The cells that a network decodes every puzzle in: plain ones, and what planned comparisons and Shapley shares
    need.
    """
    made = [Cell(order, "none", "none") for order in ORDERS]
    if name in SEARCHED:
        made += [Cell(order, "legal", search) for search in ("restart", "best-first", PLACEBO) for order in ORDERS]
    elif name in corners(factors) and "search" in factors:
        made += [Cell(order, *SWITCHES["search"][1]) for order in SWITCHES["order"]]
    return made


def crossed_cells(name: str, factors: Sequence[str]) -> list[Cell]:
    """The cells of the crossing that are left: each network of these decodes a share of the puzzles in them."""
    done = full_cells(name, factors)
    return [cell for cell in cells() if cell not in done] if name in (*MAIN, NO_NET) else []


def corner(present: Collection[str]) -> tuple[str, Cell]:
    """The network and the cell in which just these factors are present."""
    words = {word: SWITCHES[word][word in present] for word in WORDS}
    net = Net(NetworkWords(**words), SWITCHES["depth"]["depth" in present])
    veto, search = SWITCHES["search"]["search" in present]
    return net.name, Cell(SWITCHES["order"]["order" in present], veto, search)


def corners(factors: Sequence[str]) -> list[str]:
    """The networks of all corners; factors that are not given are present throughout."""
    there = set(FACTORS) - set(factors)
    sets = (there | set(some) for size in range(len(factors) + 1) for some in combinations(factors, size))
    return list(dict.fromkeys(corner(present)[0] for present in sets))


NO_NET = "no net"
SEARCHED = ("diffusion", "ar-random", NO_NET)
SHALLOW_NETS = ("diffusion x1", "diffusion-blind x1")
DEEP_NETS = ("diffusion x6", "diffusion-blind x6")
MAIN_9 = ("ar-random", "diffusion-blind", "ar-inplace-supervised", "diffusion-causal", "diffusion")
#: In the sequence in which it is worth having them.
STANDARD = Preset(
    (
        Part(SUDOKU6, MAIN, SMALL, 5),
        Part(SUDOKU6, tuple(corners(FACTORS)), SMALL, 5),
        Part(SUDOKU6, DEEP_NETS, SMALL, 5),
        Part(COLOURING, MAIN, SMALL, 5),
        Part(SUDOKU9, MAIN_9, SMALL, 2),
        Part(SUDOKU6, tuple(NETWORKS), SMALL, 5),
    )
)
#: The main networks again, at the size of the shipped ones.
LARGE = Preset((Part(SUDOKU6, MAIN, SHIPPED, 3),), whole=False)
#: One seed of the networks that its comparisons need; supervision and depth are present throughout.
QUICK = Preset(
    (Part(SUDOKU6, (*MAIN, *SHALLOW_NETS, *DEEP_NETS, "none+cached+blanks"), SMALL, 1),),
    count=50,
    shipped=True,
    whole=False,
    factors=("order", "workspace", "reading", "search"),
)
PRESETS = {"quick": QUICK, "standard": STANDARD, "large": LARGE}
