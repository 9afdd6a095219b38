"""Blocks filled one after the other: the likelihood along them, and decoding within them."""

import numpy as np
import pytest

from csp.errors import BadInput
from csp.families import colouring, sudoku
from csp.generate import draw
from generators.boards import stack
from generators.decoding.loop import decode
from generators.decoding.spec import Decoder
from generators.likelihood.ambiguous import with_blank
from generators.likelihood.block_orders import bound
from generators.likelihood.conditionals import NetworkConditionals
from generators.likelihood.order_marginal import Table
from generators.models.backbone_config import BackboneConfig
from generators.models.in_blocks import InBlocks, blocks_of
from generators.models.masked_diffusion import MaskedDiffusion
from generators.models.uniform import Uniform


@pytest.fixture(scope="module")
def model():
    import torch

    torch.manual_seed(0)
    made = MaskedDiffusion(BackboneConfig(4, 16, 8, 2, 1, 1))
    for weight in made.parameters():  # far from uniform answers
        weight.data.mul_(6)
    return made.eval().requires_grad_(False)


def test_blocks_of_boards():
    board = sudoku.board(6)
    assert blocks_of(board, "row").tolist() == [cell // 6 for cell in range(36)]
    assert blocks_of(board, "box").tolist() == [2 * (cell // 12) + cell % 6 // 3 for cell in range(36)]
    assert blocks_of(board, "cell").tolist() == list(range(36)) and not blocks_of(board, "board").any()
    for problem, word in ((board, "column block"), (colouring.graph(3, [(0, 1)], 3), "row")):
        with pytest.raises(BadInput):
            blocks_of(problem, word)


def test_the_bound_is_exact_where_blocks_are_cells_and_unbiased_where_they_are_not(model):
    puzzle = with_blank(draw("sudoku4:clues=6", 0, "test", 0), 6, 20)
    boards = stack([puzzle])
    ask, rng = NetworkConditionals(model, boards), np.random.default_rng(0)
    table = Table.of(ask, 0, puzzle.witness)
    values, rows = puzzle.witness[None], np.zeros(1, dtype=np.int64)

    # As many draws as cells visit every number of filled cells once: in raster order nothing is left to chance.
    raster = bound(ask, rows, values, blocks_of(puzzle.problem, "cell"), 6, rng)[0]
    assert raster == pytest.approx(float(table.along(np.arange(6))), abs=1e-4)

    many = np.zeros(1500, dtype=np.int64)
    estimates = bound(ask, many, puzzle.witness[None].repeat(1500, 0), blocks_of(puzzle.problem, "board"), 2, rng)
    error = estimates.std(ddof=1) / np.sqrt(len(estimates))
    assert abs(estimates.mean() - float(table.elbo())) < 4 * error and error < 0.1

    # Rows: the mean over all orders that go row by row.
    rows_of = blocks_of(puzzle.problem, "row")[puzzle.givens == 0]
    orders = [np.lexsort((rng.random(6), rows_of)) for _ in range(400)]
    wanted = np.array([float(table.along(order)) for order in orders])
    estimates = bound(ask, many, puzzle.witness[None].repeat(1500, 0), blocks_of(puzzle.problem, "row"), 2, rng)
    error = np.hypot(estimates.std() / np.sqrt(1500), wanted.std() / np.sqrt(400))
    assert abs(estimates.mean() - wanted.mean()) < 4 * error


def test_decoding_stays_in_the_block(model):
    puzzles = [draw("sudoku4:clues=6", 0, "test", index) for index in range(3)]
    decoder = Decoder("net", "confidence")
    for word, of in (("row", model), ("box", model), ("box", Uniform())):  # the last one answers about all cells
        for puzzle, trace in zip(puzzles, decode(decoder, InBlocks(of, word), puzzles, 0)):
            seen = [int(blocks_of(puzzle.problem, word)[event.cell]) for event in trace.events]
            assert seen == sorted(seen) and len(seen) == puzzle.blanks
    ends = [decode(decoder, InBlocks(model, word), puzzles, 0) for word in ("cell", "board")]
    alike = [decode(Decoder("net", order), model, puzzles, 0) for order in ("raster", "confidence")]
    for mine, theirs in zip(ends, alike):
        assert [t.events for t in mine] == [t.events for t in theirs]
    with pytest.raises(BadInput, match="blocks go with an order"):
        decode(Decoder("net", "random"), InBlocks(model, "row"), puzzles, 0)
