"""Skills: families of puzzles of at most six values and 36 cells, which one network reads in one token format.

>>> item("6x6 Sudoku, hard", seed=0, split="train", index=0).difficulty.guesses
4
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from csp.errors import BadInput
from csp.families import colouring
from csp.generate import draw, family
from csp.problem import Instance
from csp.seeds import key
from solvers.oracles.pick import settle

TRIES = 200  # puzzles for one that is hard enough


@dataclass(frozen=True)
class Skill:
    """family: as `takeback instances families` has it. guesses: that its puzzles need at least."""

    family: str
    guesses: int = 0


#: The X-Sudoku looks like the 6x6 boards (size, clues, rows, columns, boxes), and has another rule.
SKILLS = {
    "4x4 Sudoku": Skill("sudoku4:clues=6"),
    "6x6 Sudoku, easy": Skill("sudoku6:clues=14"),
    "6x6 Sudoku, hard": Skill("sudoku6:climb=8", 1),
    "Latin square": Skill("latin:side=6,holes=0.6,solutions=unique"),
    "sparse colouring": Skill("planted:n=24-36,colours=3,degree=3,given=0.2"),
    "dense colouring": Skill("planted:n=20-30,colours=6,degree=11,given=0.2"),
    "X-Sudoku": Skill("xsudoku6:clues=10"),
}


def item(name: str, seed: int, split: str, index: int) -> Instance:
    """The index-th puzzle of a skill's split. Raises BadInput for a skill that there is not."""
    if name not in SKILLS:
        raise BadInput(f"no skill {name!r}; there are {', '.join(SKILLS)}")
    skill = SKILLS[name]
    for attempt in range(TRIES):
        found = draw(skill.family, key("skill", seed, attempt) if skill.guesses else seed, split, index, settle)
        if found.difficulty.guesses >= skill.guesses:
            return found
    raise BadInput(f"{name}: no puzzle of {skill.guesses} guesses among {TRIES}")


def in_another_guise(instance: Instance, name: str, rng: np.random.Generator) -> Instance:
    """The same puzzle moved by a random symmetry of its family: its cells moved, its values renamed."""
    problem = instance.problem
    cells, relabel = family(SKILLS[name].family).symmetry(rng, problem.n)
    if colouring.is_graph(problem):
        place = np.argsort(cells)  # where each node has gone
        edges = [(int(place[a]), int(place[b])) for a, b in colouring.edges(problem)]
        problem = colouring.graph(problem.n, edges, problem.d)
    givens, witness = (relabel[one[cells]] for one in (instance.givens, instance.witness))
    source = f"{instance.provenance}, moved"
    return Instance(problem, givens, instance.family, source, instance.difficulty, witness)
