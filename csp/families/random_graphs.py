"""Families of graphs to be coloured: random (G(n,p), planted, flat, regular) and structured (Mycielski, queen).

Every one can also give some nodes their colour, drawn from a proper colouring (`given`), and says whether its graphs
are solvable, not, or either: that is certified before an instance is accepted.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from csp.difficulty import reference_search
from csp.errors import BadInput
from csp.families import colouring
from csp.families.base import Family, Symmetry
from csp.problem import Difficulty, Instance
from csp.specs import Span, one_of

MOST_COLOURS = reference_search.MOST_VALUES  # every graph is certified by that search
Edges = list[tuple[int, int]]
FIFTY = Span(50, 50)


@dataclass(frozen=True)
class GraphFamily(Family):
    """What the families of graphs share.

    colours: values. solvable: yes, no or any. given: share of the nodes whose colour is given. solutions: any; or
    unique = as few nodes are given as make the rest certain, none to spare.
    """

    colours: int = 3
    solvable: str = "any"
    given: float = 0.0
    solutions: str = "any"

    def __post_init__(self) -> None:
        """Raises BadInput for words out of range."""
        one_of("solvable", self.solvable, ("yes", "no", "any"))
        one_of("solutions", self.solutions, ("any", "unique"))
        if not 1 <= self.colours <= MOST_COLOURS:
            raise BadInput(f"colours is from 1 to {MOST_COLOURS}")
        if not 0 <= self.given < 1:
            raise BadInput("given is a share from 0 to below 1")
        if (self.given or self.solutions == "unique") and self.solvable == "no":
            raise BadInput("given colours are drawn from a proper colouring: solvable=no has none")
        if self.given and self.solutions == "unique":
            raise BadInput("solutions=unique decides which nodes are given: no given=SHARE beside it")

    @property
    def kind(self) -> str:
        """All graphs are one family to a network."""
        return "colouring"

    @abstractmethod
    def graph(self, rng: np.random.Generator) -> tuple[int, Edges, Int[np.ndarray, " n"] | None]:
        """(nodes, edges, a proper colouring if one is known)."""

    def symmetry(self, rng: np.random.Generator, cells: int) -> Symmetry:
        """Renumberings of the nodes and permutations of the colours."""
        return rng.permutation(cells), np.concatenate([[0], 1 + rng.permutation(self.colours)])

    def accepts(self, difficulty: Difficulty) -> bool:
        """Solvability was certified: no solution is known to be none only by a finished search."""
        if self.solutions == "unique" and not difficulty.unique:
            return False
        refuted = difficulty.solutions == 0
        return self.solvable == "any" or refuted == (self.solvable == "no")

    def propose(self, rng: np.random.Generator) -> Instance | None:
        n, edges, witness = self.graph(rng)
        problem = colouring.graph(n, edges, self.colours)
        givens = np.zeros(n, dtype=np.int64)

        # given colours are those of some proper colouring, so they never make a colourable graph uncolourable
        if self.given or self.solutions == "unique":
            if witness is None:
                try:
                    witness = reference_search.complete(problem, givens, rng)
                except reference_search.SearchGivenUp:
                    return None
                if witness is None:  # no proper colouring: another graph
                    return None

            if self.solutions == "unique":
                givens = reference_search.thin(problem, witness, rng.permutation(n))
            else:
                shown = rng.choice(n, size=round(self.given * n), replace=False)
                givens[shown] = witness[shown]
        return self._candidate(problem, givens, witness)


@dataclass(frozen=True)
class RandomGraph(GraphFamily):
    """What the random ones share: n nodes (one number or a range) and a mean degree."""

    n: Span = FIFTY
    degree: float = 4.6

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.n.low <= self.n.high <= colouring.MOST_NODES:
            raise BadInput(f"n is from 1 to {colouring.MOST_NODES}")
        if not 0 <= self.degree < self.n.high:
            raise BadInput(f"degree {self.degree}: from 0 to below n")

    def size(self, rng: np.random.Generator) -> int:
        """The number of nodes of one graph."""
        return int(rng.integers(self.n.low, self.n.high + 1))


@dataclass(frozen=True)
class Gnp(RandomGraph):
    """Each pair is an edge with the same probability, degree / (n - 1) (Gilbert 1959)."""

    about: ClassVar[str] = "random graph G(n,p) of a mean degree; solvable or not, certified"

    @property
    def solvable_all(self) -> bool:
        return self.solvable == "yes"

    def graph(self, rng: np.random.Generator) -> tuple[int, Edges, None]:
        n = self.size(rng)
        a, b = np.triu_indices(n, 1)  # each pair once
        chosen = np.nonzero(rng.random(len(a)) < self.degree / max(1, n - 1))[0]
        return n, list(zip(a[chosen].tolist(), b[chosen].tolist())), None


@dataclass(frozen=True)
class Planted(RandomGraph):
    """A hidden colouring, and edges between nodes that it colours differently."""

    about: ClassVar[str] = "planted: edges drawn among the pairs that a hidden colouring tells apart"

    def graph(self, rng: np.random.Generator) -> tuple[int, Edges, Int[np.ndarray, " n"]]:
        n = self.size(rng)
        problem, hidden = colouring.planted(rng, n, self.colours, self.degree)
        return n, colouring.edges(problem), hidden


@dataclass(frozen=True)
class Flat(RandomGraph):
    """A hidden colouring with equal classes, equally many edges between any two (Culberson and Luo 1996)."""

    about: ClassVar[str] = "flat: planted with equal classes and equally many edges between any two"

    def graph(self, rng: np.random.Generator) -> tuple[int, Edges, Int[np.ndarray, " n"]]:
        n = self.size(rng)
        hidden = 1 + rng.permutation(n) % self.colours  # (n,): class sizes differ by one at most

        # the total is split evenly among the pairs of classes, what does not divide falling to random ones
        pairs = list(combinations(range(1, self.colours + 1), 2))
        total = round(n * self.degree / 2)
        shares = [total * (i + 1) // len(pairs) - total * i // len(pairs) for i in range(len(pairs))] if pairs else []

        # within a pair of classes, that number of different edges: spot = i * len(right) + j is edge left[i], right[j]
        edges: Edges = []
        for which, share in zip(rng.permutation(len(pairs)).tolist(), shares):
            left, right = (np.nonzero(hidden == colour)[0] for colour in pairs[which])
            size = min(share, len(left) * len(right))
            for spot in rng.choice(len(left) * len(right), size=size, replace=False).tolist():
                edges.append((int(left[spot // len(right)]), int(right[spot % len(right)])))
        return n, edges, hidden


@dataclass(frozen=True)
class Regular(RandomGraph):
    """Every node has the same degree (networkx's random_regular_graph, Kim and Vu 2003)."""

    degree: float = 5.0

    about: ClassVar[str] = "random regular graph"

    def __post_init__(self) -> None:
        super().__post_init__()
        odd = any(n * int(self.degree) % 2 for n in range(self.n.low, self.n.high + 1))
        if self.degree != int(self.degree) or self.degree >= self.n.low or (odd and self.n.low == self.n.high):
            raise BadInput("degree of a regular graph is a whole number below n, and n x degree is even")

    @property
    def solvable_all(self) -> bool:
        return self.solvable == "yes"

    def graph(self, rng: np.random.Generator) -> tuple[int, Edges, None]:
        n, degree = self.size(rng), int(self.degree)

        # n x degree is twice the number of edges, so it is even
        n -= n * degree % 2 and (1 if n > self.n.low else -1)  # a range of n: the nearest that makes it even
        import networkx  # here: a quarter of a second that no other family needs

        drawn = networkx.random_regular_graph(degree, n, seed=int(rng.integers(2**32)))
        return n, sorted((min(e), max(e)) for e in drawn.edges), None


@dataclass(frozen=True)
class Mycielski(GraphFamily):
    """The Mycielski graph that needs `order` colours and has no triangle (Mycielski 1955): 2, 5, 11, 23, ... nodes."""

    colours: int = 5
    given: float = 0.2
    order: int = 5

    about: ClassVar[str] = "Mycielski graph that needs `order` colours, some nodes given"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.order <= 9:
            raise BadInput("order is from 2 to 9")

    def graph(self, rng: np.random.Generator) -> tuple[int, Edges, None]:
        import networkx

        drawn = networkx.mycielski_graph(self.order)
        return len(drawn), [(int(a), int(b)) for a, b in drawn.edges], None


@dataclass(frozen=True)
class Queen(GraphFamily):
    """The squares of a chess board, joined where a queen moves from one to the other: `rows` x `columns` nodes."""

    colours: int = 7
    given: float = 0.2
    rows: int = 6
    columns: int = 6

    about: ClassVar[str] = "queen graph of a chess board, some squares given"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (1 <= self.rows <= 50 and 1 <= self.columns <= 50):
            raise BadInput("rows and columns are from 1 to 50")

    def graph(self, rng: np.random.Generator) -> tuple[int, Edges, None]:
        squares = [(r, c) for r in range(self.rows) for c in range(self.columns)]
        edges = [
            (i, j)
            for (i, (r, c)), (j, (s, t)) in combinations(enumerate(squares), 2)
            if r == s or c == t or abs(r - s) == abs(c - t)
        ]
        return len(squares), edges, None
