"""The shape of a backbone, and whether a network of that shape can read given boards.

>>> BackboneConfig(d=6, cells=36).misfit(9, 81)
'reads 6 values and up to 36 cells, not 9 values and 81 cells'
"""

from __future__ import annotations

from dataclasses import dataclass

from csp.errors import BadInput
from generators.boards import Boards


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

    def misfit(self, d: int, cells: int) -> str | None:
        """Why a network of this shape cannot read puzzles of d values and up to `cells` cells; None if it can."""
        roomy = self.flexible and not self.edges  # an edge token names its ends by their ids
        if (d <= self.d if self.flexible else d == self.d) and (roomy or cells <= self.cells):
            return None
        if roomy:
            return f"reads up to {self.d} values, not {d}"
        return f"reads {self.d} values and up to {self.cells} cells, not {d} values and {cells} cells"
