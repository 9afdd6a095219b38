"""A pool of items to choose from: puzzles of all skills with a label each, of which some are spoiled.

    >>> pool = draw_pool(20_000, seed=0)
    >>> for rows, boards, labels in pool.groups(np.arange(32)): ...     # boards of one number of values each

An item is trained on as it stands: no symmetry moves it. Instead the pool holds some puzzles in several guises, so that
a choice can be asked how many different puzzles it is of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int

from csp.generate import orbit_key
from csp.problem import Instance
from csp.seeds import stream
from generators.boards import Boards, stack
from generators.selection.skills import SKILLS, in_another_guise, item

SPOILED = 0.15  # share of the items whose label is wrong
GUISES = 0.25  # share of the items that are an earlier one in another guise
POPULAR = 0.05  # share of a skill's puzzles that have those guises
#: What may be wrong with a label: two cells' values exchanged; all free cells' values dealt out anew.
FAULTS = ("exchanged", "dealt anew")
TRIES = 100  # of a fault that is none: colourings have many solutions


@dataclass(frozen=True, eq=False)
class Item:
    """label: (n,), the values that are trained on. fault: of FAULTS, "" for a right label. orbit: equal for the same
    puzzle in two guises.
    """

    instance: Instance
    skill: str
    label: Int[np.ndarray, " n"]
    fault: str = ""
    orbit: str = ""


@dataclass(frozen=True, eq=False)
class Pool:
    """Items to choose from."""

    items: Sequence[Item]

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def values(self) -> Int[np.ndarray, " items"]:
        """How many values each item's puzzle has."""
        return np.array([one.instance.problem.d for one in self.items])

    @cached_property
    def skills(self) -> np.ndarray:
        """Each item's skill, (items,)."""
        return np.array([one.skill for one in self.items])

    @cached_property
    def faulty(self) -> np.ndarray:
        """Whether each item's label is spoiled, (items,)."""
        return np.array([bool(one.fault) for one in self.items])

    def groups(
        self, rows: Int[np.ndarray, " rows"], most: int = 0
    ) -> Iterator[tuple[Int[np.ndarray, " group"], Boards, Int[np.ndarray, "group N"]]]:
        """(rows, boards, labels) of the rows with the same number of values, in the rows' order; at most `most` each
        (0: no limit).
        """
        values = self.values[rows]
        for d in np.unique(values):
            same = rows[values == d]
            size = most or len(same)
            for some in np.split(same, range(size, len(same), size)):
                boards = stack([self.items[row].instance for row in some], "selection")
                labels = np.zeros_like(boards.givens)
                for place, row in enumerate(some):
                    labels[place, : len(self.items[row].label)] = self.items[row].label
                yield some, boards, labels


def draw_pool(count: int, seed: int, tick: Callable[[], None] = lambda: None) -> Pool:
    """So many items, equally many of each skill (the last ones a few less), shuffled. `tick` is called after each."""
    made: list[Item] = []
    for name in SKILLS:
        share = count // len(SKILLS) + (list(SKILLS).index(name) < count % len(SKILLS))
        made += _of_skill(name, share, seed, tick)
    order = stream("pool order", seed).permutation(len(made))
    return Pool([made[place] for place in order])


def targets(name: str, count: int, seed: int) -> Pool:
    """So many right items of a skill, from its validation split: what a choice is to serve."""
    found = [item(name, seed, "validation", index) for index in range(count)]
    return Pool([Item(one, name, one.witness) for one in found])


def _of_skill(name: str, count: int, seed: int, tick: Callable[[], None]) -> Iterator[Item]:
    guises = int(GUISES * count)
    originals = [item(name, seed, "train", index) for index in range(count - guises)]
    popular = max(1, int(POPULAR * len(originals)))
    for index in range(count):
        rng = stream("item", name, seed, index)
        if index < len(originals):
            instance = originals[index]
        else:
            instance = in_another_guise(originals[int(rng.integers(popular))], name, rng)
        label, fault = instance.witness, ""
        if rng.random() < SPOILED:
            fault = FAULTS[int(rng.integers(len(FAULTS)))]
            label, fault = spoiled(instance, fault, rng)
        yield Item(instance, name, label, fault, orbit_key(instance))
        tick()


def spoiled(instance: Instance, fault: str, rng: np.random.Generator) -> tuple[Int[np.ndarray, " n"], str]:
    """(label, fault): a label (n,) that the checker refuses; the right one, and "", where none was found."""
    free = np.nonzero(instance.givens == 0)[0]
    for _ in range(TRIES):
        label = instance.witness.copy()
        if fault == "exchanged":
            one, other = rng.choice(free, 2, replace=False)
            label[[one, other]] = label[[other, one]]
        else:
            label[free] = label[rng.permutation(free)]
        if not instance.solved(label):
            return label, fault
    return instance.witness, ""
