"""The shape of a backbone, and whether a network of that shape can read given boards.

>>> BackboneConfig(d=6, cells=36).misfit(9, 81)
'reads 6 values and up to 36 cells, not 9 values and 81 cells'
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from csp.errors import BadInput, shown
from generators.boards import Boards

#: (fewest, most) of each number of a BackboneConfig. Cards are read from files: beyond these a network would not be
#: built or run in any sensible time. The largest here has 25 values, 50 cells, 128 dimensions, 2 blocks, 6 loops.
RANGES = {
    "d": (1, 1_000),  # as many values as a puzzle may have
    "cells": (1, 5_000),  # and as many cells
    "dim": (1, 8_192),
    "heads": (1, 256),
    "blocks": (1, 200),
    "loops": (1, 1_000),  # costs time only: decoders may ask for many
    "words": (0, 10_000),
    "answers": (0, 10_000),
}


def check_fits(name: str, config: BackboneConfig, boards: Boards) -> None:
    """Raises BadInput if a network of that config cannot read the boards."""
    if misfit := config.misfit(boards.d, boards.width):
        raise BadInput(f"{name} {misfit}")


@dataclass(frozen=True)
class BackboneConfig:
    """d: values. cells: most cells a sequence may have. bias: the structural attention bias (off = ablation).

    words, answers: how many different tokens are read and predicted (0: the d values, MASK and START; the d values).
    flexible: reads puzzles of fewer values too (it is told how many), and of any number of cells (ids count modulo
    `cells`: for families whose cells are numbered at random). edges: instead of the bias by relations, a token an edge
    (masked diffusion only; an ablation).

    Raises BadInput, before anything is built, for a value of another type, outside RANGES, or heads that do not divide
    dim.
    """

    d: int
    cells: int
    dim: int = 128
    heads: int = 4
    blocks: int = 2
    loops: int = 3
    bias: bool = True
    words: int = 0
    answers: int = 0
    flexible: bool = False
    edges: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            low, high = RANGES.get(field.name, (0, 1))
            if type(value) is not (int if field.name in RANGES else bool):
                raise BadInput(f"backbone: {field.name} is {shown(value)}, no {field.type}")
            if not low <= value <= high:
                raise BadInput(f"backbone: {field.name} is {shown(value)}; it is from {low} to {high}")
        if self.dim % self.heads:
            raise BadInput(f"backbone: dim {self.dim} does not divide into {self.heads} heads")

    def misfit(self, d: int, cells: int) -> str | None:
        """Why a network of this shape cannot read puzzles of d values and up to `cells` cells; None if it can."""
        roomy = self.flexible and not self.edges  # an edge token names its ends by their ids
        if (d <= self.d if self.flexible else d == self.d) and (roomy or cells <= self.cells):
            return None
        if roomy:
            return f"reads up to {self.d} values, not {d}"
        return f"reads {self.d} values and up to {self.cells} cells, not {d} values and {cells} cells"
