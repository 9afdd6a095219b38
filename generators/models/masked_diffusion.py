"""Masked diffusion: the backbone with sight of every cell, trained to fill masked cells.

Loss (Sahoo et al. 2024; Shi et al. 2024; no time input, Ou et al. 2025): t ~ U(0, 1], each free cell is
masked with probability t, loss = 1/t * sum over masked cells of -log p(x_i | visible) / number of free cells,
an upper bound on -log p(x) per free cell. t is stratified over the batch. With `wrong` some boards show wrong values
at visible cells, and -log p(x_i | all that is shown, x_i's place included), mean over visible cells, is added there
(models/wrong_cells.py): such a network can be asked about cells that are filled (reread).

    >>> session = model.open(boards)
    >>> session.predict(rows, assignments).log_probs.shape          # (rows, N, d): of every blank cell at once
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from csp.tokens import start
from generators.boards import Boards
from generators.models.backbone_config import BackboneConfig, check_fits
from generators.models.board_reader import BoardReader
from generators.models.board_stack import NARROW, STACK, BoardStack
from generators.models.examples import Examples, stratified
from generators.models.inference import Weights, one_thread, rounded
from generators.models.interface import Prediction
from generators.models.transformer import BITS, Backbone, pairs, weighted_nats
from generators.models.wrong_cells import corrupted, drafted

TOGETHER = 4  # boards that take turns: weights that one of them has fetched serve the others too
KEPT_BYTES = 1 << 28  # of attention biases that a session keeps: those of 128 graphs of 250 nodes, say


class MaskedDiffusion(nn.Module):
    """A bidirectional Backbone over the in-place layout (csp/tokens.py); every blank cell can be spoken about."""

    def __init__(self, config: BackboneConfig, kind: str = "diffusion"):
        super().__init__()
        self.kind = self.name = kind
        self.backbone = Backbone(config)

    def forward(
        self, d: int, assignments: Int[Tensor, "batch N"], related: Tensor, real: Tensor
    ) -> Float[Tensor, "batch N d"]:
        """Log-probabilities of every cell's value 1..d; 0 in assignments is MASK."""
        return self.backbone(d, *self.read(assignments, related, real))[:, : assignments.shape[1]]

    def hidden(self, d: int, assignments: Int[Tensor, "batch N"], related: Tensor, real: Tensor) -> Tensor:
        """The last features, (batch, N, dim), before the norm and the head."""
        return self.backbone.hidden(d, *self.read(assignments, related, real))[:, : assignments.shape[1]]

    def read(self, assignments: Int[Tensor, "batch N"], related: Tensor, real: Tensor) -> tuple:
        """What the backbone reads: values, cells, targets (batch, tokens), related (batch, tokens, tokens), blocked."""
        width = assignments.shape[1]
        cells = self.backbone.ids(torch.arange(width, device=assignments.device).expand_as(assignments), width)
        if self.backbone.config.edges:
            return with_edges(assignments, cells, related, real, self.backbone.config)
        return assignments, cells, cells, related, self.blocked(real)

    def blocked(self, real: Bool[Tensor, "batch N"]) -> Bool[Tensor, "batch N N"] | None:
        """Where no cell may look: at padding. None if there is none."""
        return None if bool(real.all()) else ~real[:, None, :].expand(-1, real.shape[1], -1)

    def corrupt(
        self,
        boards: Boards,
        solutions: Int[np.ndarray, "batch N"],
        rng: np.random.Generator,
        lowest: float = 0.0,
        policy_masks: float = 0.0,
        wrong: str = "",
        wrong_rate: float = 0.0,
    ) -> Examples:
        """Which cells are masked, and what each of them weighs.

        lowest: t ~ U(lowest, 1] instead; policy_masks: this share of the boards is masked as a decoder would leave them
        (policy_masked); wrong: these shares of the boards show wrong cells, at most wrong_rate of the visible ones
        (models/wrong_cells.py). With any of them the loss is no bound any more.
        """
        masked, t = masks(boards, rng, lowest)
        weight = masked / (t * ((boards.givens == 0) & boards.real).sum(1))[:, None]  # (batch, N)
        by_policy = rng.random(len(boards)) < policy_masks if policy_masks else np.zeros(len(boards), dtype=bool)
        drawn = {"masked": masked, "weight": weight, "by_policy": by_policy}
        if wrong:
            drawn |= corrupted(boards, solutions, masked, wrong, wrong_rate, rng)
        return Examples(boards, solutions, drawn)

    def loss(self, examples: Examples) -> Float[Tensor, " batch"]:
        """The bound above for each board, in nats per free cell, and what visible cells add where some are wrong."""
        boards, solutions, device = examples.boards, examples.solutions, self.backbone.head.weight.device
        masked, weight, by_policy = examples["masked"], examples["weight"], examples["by_policy"]
        related = pairs(torch.as_tensor(boards.relations, device=device))

        # The policy masks as many cells of a board, so that a masked cell there weighs what one weighed before.
        if by_policy.any():
            each = weight.max(1, keepdims=True)
            masked = np.where(by_policy[:, None], self.policy_masked(boards, solutions, masked, related), masked)
            weight = masked * each

        shown, real = np.where(masked, 0, solutions), torch.as_tensor(boards.real, device=device)
        if "visible" in examples.drawn:
            visible = examples["visible"] * ~masked
            shown, weight = self.with_errors(examples, masked, related, real), weight + visible
        log_probs = self(boards.d, torch.as_tensor(shown, device=device), related, real)
        return weighted_nats(log_probs, solutions, weight)

    @torch.no_grad()
    def with_errors(
        self, examples: Examples, masked: Bool[np.ndarray, "batch N"], related: Tensor, real: Tensor
    ) -> Int[np.ndarray, "batch N"]:
        """What is shown of boards with wrong cells, those included that the network as it is now writes itself.

        related: (batch or 1, N, N).
        """
        shown, drafts = np.where(masked, 0, examples["written"]), examples["drafts"] * ~masked
        own = np.nonzero(drafts.any(1))[0]
        if not len(own):
            return shown
        boards, some = examples.boards, torch.as_tensor(own, device=real.device)
        seen = related if len(related) == 1 else related[some]

        def logits(now: Int[np.ndarray, "batch N"]) -> Float[np.ndarray, "batch N d"]:
            return self(boards.d, torch.as_tensor(now, device=real.device), seen, real[some]).double().cpu().numpy()

        shown[own] = drafted(logits, shown[own], drafts[own], examples["gumbel"][own])
        return shown

    @torch.no_grad()
    def policy_masked(
        self, boards: Boards, solutions, masked: Bool[np.ndarray, "batch N"], related: Tensor
    ) -> Bool[np.ndarray, "batch N"]:
        """As many masked cells as in `masked`, but those that are left when the cells that the net is surest about are
        filled rightly, first half of them at once and then the others: the states that confidence order passes
        through, as progressive unmasking trains on (Kim et al. 2026, in two steps a batch instead of one an update).
        related: (batch, N, N).
        """
        free = (boards.givens == 0) & boards.real
        left, real = free.copy(), torch.as_tensor(boards.real, device=related.device)
        to_fill = free.sum(1) - masked.sum(1)
        for share in (0.5, 1.0):
            shown = torch.as_tensor(np.where(left, 0, solutions), device=related.device)
            confidence = self(boards.d, shown, related, real).float().amax(-1).cpu().numpy()

            # So many cells are filled now: those that must be gone after this step, less those that are gone already.
            fill = left.sum(1) - np.round(free.sum(1) - share * to_fill).astype(np.int64)
            rank = np.argsort(np.argsort(np.where(left, -confidence, np.inf), axis=1, kind="stable"), axis=1)
            left &= rank >= fill[:, None]
        return left

    def training_flops(self, boards: Boards) -> float:
        """FLOPs of one update (with policy_masks, and of boards with errors of their own, two passes forward more,
        which are left out).
        """
        return self.backbone.training_flops(len(boards), boards.width + int(self.edges(boards).max()))

    def edges(self, boards: Boards) -> Int[np.ndarray, " batch"]:
        """How many tokens besides the cells each board has."""
        if not self.backbone.config.edges:
            return np.zeros(len(boards), dtype=np.int64)
        return np.broadcast_to(boards.adjacency.sum((1, 2)) // 2, len(boards))

    def open(self, boards: Boards) -> DiffusionSession:
        check_fits(self.name, self.backbone.config, boards)
        return DiffusionSession(self, boards)


def with_edges(assignments: Tensor, cells: Tensor, related: Tensor, real: Tensor, config: BackboneConfig) -> tuple:
    """The tokens of the cells, and behind them one for every pair of related cells: its value says that it is an edge
    (START, which this model has no other use for), its cell and target are the two ends. No relation but a cell's to
    itself is told otherwise. assignments, cells, real: (batch, N); related: (batch, N, N).
    """
    size, width = assignments.shape
    same = torch.eye(width, dtype=related.dtype, device=related.device) * related.diagonal(dim1=1, dim2=2).max()

    # Each pair of related cells once, and its number among its board's.
    board, a, b = torch.nonzero(torch.triu(related.expand(size, -1, -1), 1) > 0, as_tuple=True)
    counts = torch.bincount(board, minlength=size)
    most = int(counts.max())
    place = torch.arange(len(board), device=board.device) - (counts.cumsum(0) - counts)[board]

    # Boards of fewer edges are padded with tokens of no cell, which nobody may look at.
    values = torch.full((size, most), start(config.d), device=board.device)
    one, other = (torch.full((size, most), config.cells, device=board.device) for _ in range(2))
    one[board, place], other[board, place] = cells[0, a], cells[0, b]
    there = torch.cat([real, torch.arange(most, device=board.device) < counts[:, None]], dim=1)
    return (
        torch.cat([assignments, values], dim=1),  # (batch, N + edges), as are the next two
        torch.cat([cells, one], dim=1),
        torch.cat([cells, other], dim=1),
        F.pad(same, (0, most, 0, most))[None],
        ~there[:, None, :].expand(-1, width + most, -1),  # (batch, N + edges, N + edges)
    )


def masks(
    boards: Boards, rng: np.random.Generator, lowest: float = 0.0
) -> tuple[Bool[np.ndarray, "batch N"], Float[np.ndarray, " batch"]]:
    """(masked, t): each board's t in (lowest, 1], one draw per stratum; its free cells masked with that chance."""
    free = (boards.givens == 0) & boards.real
    t = 1 - stratified(len(boards), rng, 1 - lowest)
    return free & (rng.random(free.shape) < t[:, None]), t


class CellReader:
    """What a bidirectional net says of cells of boards, one board after the other (models/board_reader.py); of a narrow
    net several at a time (models/board_stack.py).

    Which cells are related is looked up once a board, and kept as long as there is room.
    """

    def __init__(self, model: MaskedDiffusion, weights: Weights, boards: Boards):
        self.model, self.weights, self.boards = model, weights, boards
        self.cells = boards.real.sum(1)
        self.readers: dict[tuple[int, int], BoardReader] = {}  # by slot and number of tokens
        self.stacks: dict[int, BoardStack] = {}  # by number of tokens
        self.stacked = weights.config.dim <= NARROW and not weights.config.edges
        self.told: dict[int, _Told] = {}
        self.room = KEPT_BYTES

    def logits(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        asked: Bool[np.ndarray, "rows N"],
        blocked: Bool[np.ndarray, "rows N N"] | None = None,
    ) -> Float[Tensor, "asked answers"]:
        """Of the cells asked about, board by board. The answer about a board is a function of that board alone.

        blocked: True where a cell may not look (boards without edge tokens only).
        """
        if self.stacked:
            return self._stacked(rows, assignments, asked, blocked)
        counts = asked.sum(1)
        out = torch.empty((int(counts.sum()), self.weights.head.shape[1]), dtype=self.weights.dtype)
        values, cells = torch.from_numpy(assignments), torch.from_numpy(np.nonzero(asked)[1])
        ends = np.cumsum(counts).tolist()
        passes = []
        for place in np.nonzero(counts)[0].tolist():
            span, row = slice(ends[place] - int(counts[place]), ends[place]), int(rows[place])
            n = self.cells[row]
            wall = None if blocked is None else torch.from_numpy(blocked[place, :n, :n])
            passes.append((values[place, :n], row, cells[span], out[span], wall))
        with one_thread():
            for start in range(0, len(passes), TOGETHER):
                turns = [self._pass(slot, *one) for slot, one in enumerate(passes[start : start + TOGETHER])]
                for _ in zip_longest(*turns):  # each takes a step, until all are through
                    pass
        return out[:, : self.weights.answers]

    def _stacked(self, rows, assignments, asked, blocked) -> Float[Tensor, "asked answers"]:
        """The same as logits, of a narrow net."""
        counts = asked.sum(1)
        starts = np.cumsum(counts) - counts
        out = torch.empty((int(counts.sum()), self.weights.answers), dtype=self.weights.dtype)

        # A board goes with boards of as many tokens that are asked about one cell, or about several, as it is.
        with one_thread():
            for n, single in {(int(self.cells[row]), count == 1) for row, count in zip(rows, counts) if count}:
                fits = (self.cells[rows] == n) & ((counts == 1) == single) & (counts > 0)
                for some in np.split(np.flatnonzero(fits), range(STACK, int(fits.sum()), STACK)):
                    cells = asked[some, :n].argmax(1) if single else None
                    walls = None if blocked is None else blocked[some, :n, :n]
                    answers = self._stack(n, rows[some], assignments[some, :n], walls, cells)
                    for place, board in enumerate(some):
                        own = answers[place] if single else answers[place][torch.from_numpy(asked[board, :n])]
                        out[starts[board] : starts[board] + counts[board]] = own[:, : self.weights.answers]
        return out

    def _stack(self, n, rows, assignments, walls, cells) -> Float[Tensor, "stack asked answers"]:
        """One pass over at most STACK boards of n tokens; those that are missing are blank."""
        if n not in self.stacks:
            self.stacks[n] = BoardStack(self.weights, n)
        missing = ((0, STACK - len(rows)), (0, 0))
        told = [self._told(int(row)) for row in rows]
        told += [told[0]] * (STACK - len(rows))
        biases = [torch.stack(of_block) for of_block in zip(*(one.biases for one in told))]  # (stack, heads, n, n)
        if walls is not None:
            wall = torch.from_numpy(np.pad(walls, (*missing, (0, 0))))[:, None]
            biases = [bias.masked_fill(wall, float("-inf")) for bias in biases]
        return self.stacks[n].read(
            torch.from_numpy(np.pad(assignments, missing)),
            torch.stack([one.at for one in told]),
            [bias.flatten(0, 1) for bias in biases],
            None if cells is None else torch.from_numpy(np.pad(cells, missing[0])),
        )

    def _pass(
        self, slot: int, board: Tensor, row: int, asked: Tensor, out: Tensor, wall: Tensor | None
    ) -> Iterator[None]:
        """The pass over one board, in the buffers of a slot."""
        told = self._told(row)
        biases = told.biases
        if wall is not None:
            biases = [bias.masked_fill(wall, float("-inf")) for bias in biases]
        board = board if told.more is None else torch.cat([board, told.more])
        place = slot, len(board)
        if place not in self.readers:
            self.readers[place] = BoardReader(self.weights, len(board))
        return self.readers[place].read(board, told.at, biases, asked, out)

    def _told(self, row: int) -> _Told:
        """What does not change while a board is filled."""
        key = 0 if len(self.boards.relations) == 1 else row
        if key in self.told:
            return self.told[key]

        # The board by itself: no padding, nothing blocked.
        n, w = int(self.cells[row]), self.weights
        blank, real = torch.zeros((1, n), dtype=torch.int64), torch.ones((1, n), dtype=torch.bool)
        related = pairs(torch.as_tensor(self.boards.relations[key : key + 1, :n, :n]))
        values, cells, targets, related, _ = self.model.read(blank, related, real)
        own, aim = related[0] & ((1 << BITS) - 1), related[0] >> BITS
        tables = [(torch.from_numpy(layer.own.T), torch.from_numpy(layer.aim.T)) for layer in w.distinct]
        biases = [(one[:, own] + other[:, aim]).contiguous() for one, other in tables]  # (heads, tokens, tokens)
        told = _Told(w.cell[cells[0]] + w.target[targets[0]], biases, None if values.shape[1] == n else values[0, n:])

        size = sum(bias.nbytes for bias in biases)
        if size <= self.room:
            self.told[key], self.room = told, self.room - size
        return told


class _Told(NamedTuple):
    """at: the embeddings of each token's cell and target; biases: a block's each; more: the values of edge tokens."""

    at: Float[Tensor, "tokens dim"]
    biases: list[Tensor]
    more: Int[Tensor, " edges"] | None


class DiffusionSession:
    """One full pass over all cells a call."""

    def __init__(self, model: MaskedDiffusion, boards: Boards):
        self.model, self.boards = model, boards
        self.reader = CellReader(model, Weights(model.backbone, boards.d), boards)
        self.edges = model.edges(boards)

    @torch.inference_mode()
    def predict(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"] | None = None,
        wanted: Bool[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        """About the blank cells that are wanted. commit_order changes nothing: no sequence is read."""
        asked = (assignments == 0) & self.boards.real[rows]
        return self._answers(rows, assignments, asked if wanted is None else asked & wanted)

    @torch.inference_mode()
    def reread(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        """About every free cell, given the board as it stands."""
        return self._answers(rows, assignments, self.boards.free(rows))

    def _answers(self, rows, assignments, asked: Bool[np.ndarray, "rows N"]) -> Prediction:
        log_probs = np.zeros((*assignments.shape, self.boards.d))
        log_probs[asked] = rounded(self.reader.logits(rows, assignments, asked))

        # Padding is never a board's cost: what a board is charged does not depend on those beside it.
        tokens = self.boards.real[rows].sum(1) + self.edges[rows]
        return Prediction(log_probs, asked, tokens, self.model.backbone.flops(tokens, tokens**2))
