"""A network that is asked about one block of the board at a time, as LLaDA decodes: between AR and diffusion.

    >>> decode(parse("net:order=confidence"), InBlocks(model, "row"), instances, seed=0)

Blocks are filled one after the other; within a block the decoder's order decides. Blocks of one cell are raster order,
one block of all cells is no restriction. The network itself reads what it always reads.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from csp.errors import BadInput
from csp.problem import Problem
from generators.boards import Boards
from generators.models.interface import Model, Prediction

#: word: what a block is.
BLOCKS = {
    "cell": "a cell: raster order",
    "row": "a row of a Sudoku board",
    "box": "a box of a Sudoku board",
    "board": "all cells: the order alone decides",
}


def blocks_of(problem: Problem, word: str) -> Int[np.ndarray, " n"]:
    """Each cell's block, from 0 on in the sequence in which they are filled.

    Raises BadInput for a word that there is not, and rows or boxes of a problem that has none.
    """
    if word not in BLOCKS:
        raise BadInput(f"no blocks {word!r}; there are {', '.join(BLOCKS)}")
    if word in ("cell", "board"):
        return np.arange(problem.n) * (word == "cell")
    scopes = [rule.scope for rule in problem.constraints if getattr(rule, "relation", "") == word]
    made = np.full(problem.n, -1)
    for block, scope in enumerate(scopes):
        made[list(scope)] = block
    if (made < 0).any():
        raise BadInput(f"{problem.name}: its cells are not in {word} blocks")
    return made


def current(
    blank: Bool[np.ndarray, "rows N"], blocks: Int[np.ndarray, "rows N"] | Int[np.ndarray, " N"]
) -> Bool[np.ndarray, "rows N"]:
    """The blank cells of each board's first block that has any."""
    first = np.where(blank, blocks, np.iinfo(np.int64).max).min(1, keepdims=True)
    return blank & (blocks == first)


class InBlocks:
    """A model restricted to the first unfinished block, for orders that its answer decides (confidence, margin,
    entropy). Raises BadInput for another order, and, when boards are opened, as blocks_of does.
    """

    def __init__(self, model: Model, word: str):
        self.model, self.word = model, word
        self.name = model.name

    def open(self, boards: Boards) -> InBlocksSession:
        blocks = np.zeros(boards.givens.shape, dtype=np.int64)
        for row, instance in enumerate(boards.instances):
            blocks[row, : instance.problem.n] = blocks_of(instance.problem, self.word)
        return InBlocksSession(self.model.open(boards), boards, blocks)


class InBlocksSession:
    """What the model's session says of the block; it costs what it costs there."""

    def __init__(self, session, boards: Boards, blocks: Int[np.ndarray, "batch N"]):
        self.session, self.boards, self.blocks = session, boards, blocks

    def predict(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"] | None = None,
        wanted: Bool[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        """About the blank cells of the block. Raises BadInput for an order that asks about cells of its own choice."""
        here = current((assignments == 0) & self.boards.real[rows], self.blocks[rows])
        if wanted is not None:
            raise BadInput("blocks go with an order that the network's answer decides: confidence, margin or entropy")
        prediction = self.session.predict(rows, assignments, commit_order, here)
        speaks = prediction.speaks & here
        log_probs: Float[np.ndarray, "rows N d"] = np.where(speaks[..., None], prediction.log_probs, 0.0)
        return replace(prediction, log_probs=log_probs, speaks=speaks)
