"""Autoregression: the same backbone, each token blind to what comes after it, trained to predict the next.

Tokens are in the causal layout (csp/tokens.py): clues first, which see each other, then the blanks in the order
that the net is trained for: raster (kind "ar"), a random one for every board and update ("ar-random", which can
therefore be asked about any blank cell after any sequence of commits), or the solver's ("ar-solver",
solvers/propagate.py). Loss = mean over blank cells of -log p(x_i | clues, earlier blanks): exact, in nats per free
cell.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from csp import tokens
from generators.boards import ALL, Boards
from generators.models.backbone_config import BackboneConfig, check_fits
from generators.models.causal import random_order, raster, sight
from generators.models.interface import DIGITS, Prediction
from generators.models.kv_cache import Cache
from generators.models.transformer import Backbone, pairs, weighted_nats
from solvers.solver_order import solver_sequence

FAR = 4  # tokens behind the others from which a board is read apart from them


class Autoregressive(nn.Module):
    """A causal Backbone. kind "ar" speaks about the first blank cell in raster order, and about no other; the other
    kinds about whichever blank cells they are asked about, given the commits in the sequence in which they were made.
    """

    def __init__(self, config: BackboneConfig, kind: str = "ar"):
        super().__init__()
        self.kind = self.name = kind
        self.backbone = Backbone(config)

    def read(
        self,
        values: Int[Tensor, "batch m"],
        cells: Int[Tensor, "batch m"],
        targets: Int[Tensor, "batch m"],
        keys: Int[Tensor, "batch T"],
        codes: Int[Tensor, "shared N N"],
        blocked: Bool[Tensor, "batch m T"],
        d: int,
        cache: Cache | None = None,
        places: Int[Tensor, "batch m"] | None = None,
        more: Float[Tensor, "batch m dim"] | None = None,
    ) -> Float[Tensor, "batch m d"]:
        """Log-probabilities of the targets' values 1..d. In cells and keys (the keys' cells), N means no cell. more:
        added to the tokens' embeddings."""
        width = codes.shape[-1]
        related = pairs(codes, cells, targets, keys)
        cells, targets = (self.backbone.ids(part, width) for part in (cells, targets))
        return self.backbone(d, values, cells, targets, related, blocked, cache, places, more=more)

    def text(self, assignments, givens, order) -> tokens.Tokens:
        """The causal layout, with this network's START."""
        return tokens.causal(assignments, givens, order, self.backbone.config.d)

    def loss(
        self, boards: Boards, solutions: Int[np.ndarray, "batch N"], rng: np.random.Generator, part: slice = ALL
    ) -> Float[Tensor, ""]:
        """Mean negative log-likelihood in nats per free cell. solutions: 0 at padding. rng: of random orders.

        part: only these boards' share of that mean; what is drawn is the same for any part.
        """
        device, size = self.backbone.head.weight.device, len(boards)
        order = self.order(boards, solutions, rng)[part]
        boards, solutions = boards.take(part), solutions[part]
        said = self.text(solutions, boards.givens, order)
        places = np.broadcast_to(np.arange(boards.width), said.values.shape)
        values, cells, targets, codes, blocked = (
            torch.as_tensor(array, device=device)
            for array in (
                said.values,
                said.cells,
                said.targets,
                boards.relations,
                sight(said.clues, places, boards.width),
            )
        )
        log_probs = self.read(values, cells, targets, cells, codes, blocked, boards.d)
        counted = (places >= said.clues[:, None]) & (said.labels > 0)
        weight = counted / counted.sum(1, keepdims=True)
        return weighted_nats(log_probs, said.labels, weight, size)

    def order(self, boards: Boards, solutions, rng: np.random.Generator) -> Int[np.ndarray, "batch N"]:
        """The order in which boards are read in training."""
        match self.kind:
            case "ar-random":
                return random_order(boards, rng)
            case "ar-solver":
                return solver_sequence(boards.givens, solutions, boards.near, boards.d)
        return raster(boards)

    def training_flops(self, boards: Boards) -> float:
        """FLOPs of one update."""
        return self.backbone.training_flops(len(boards), boards.width)

    def open(self, boards: Boards) -> AutoregressiveSession:
        check_fits(self.name, self.backbone.config, boards)
        return AutoregressiveSession(self, boards)


class AutoregressiveSession:
    """Reads only the tokens it has not read yet: what is in the KV cache and still stands is kept.

    Behind the places of the cells the cache has one where the padding of a ragged batch goes, and behind that one for
    each question of a call that asks about several cells at once: a question sees what was committed, and itself.
    """

    def __init__(self, model: Autoregressive, boards: Boards):
        self.model, self.boards = model, boards
        self.weight = model.backbone.head.weight
        self.order = raster(boards)
        self.codes = torch.as_tensor(boards.relations, device=self.weight.device)
        self.rows = np.arange(len(boards))
        self.read = np.full(boards.givens.shape, -1)  # the tokens in the cache, -1 where there is none
        places = boards.width + 1 + (boards.width if model.kind == "ar-random" else 0)
        self.cache = Cache(model.backbone.config, len(boards), places, self.weight)

    @torch.inference_mode()
    def predict(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"] | None = None,
        wanted: Bool[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        self._keep(rows)
        width, each = self.boards.width, np.arange(len(rows))
        order, wanted = self._sequence(rows, assignments, commit_order, wanted)
        said = self.model.text(assignments, self.boards.givens[rows], order)
        blank = (said.labels == 0) & np.take_along_axis(self.boards.real[rows], said.targets, axis=1)
        last = np.argmax(blank, axis=1)  # the token whose target is the first blank cell
        text = np.stack([said.values, said.cells, said.targets])  # (3, rows, N)
        token = (text[0] * (width + 1) + text[1]) * (width + 1) + text[2]
        known = np.cumprod(self.read == token, axis=1).sum(1)  # how many leading tokens are cached
        asked = wanted.sum(1)
        single = asked == 1  # such a question stands at its own place, and stays in the cache
        first = np.minimum(known, last)
        history = last - first + single
        spent = last - first + asked
        flops = self._flops(first, history, said.clues, last, spent)
        far = last - first > FAR
        if far.any() and not far.all():  # a few boards that were rewound: not everybody has to wait for them
            self._catch_up(rows, text, said.clues, first, last, far)
            first = np.where(far, last, first)
            history = last - first + single
        steps = np.arange(history.max())
        places = np.where(steps < history[:, None], first[:, None] + steps, width)
        ids = np.take_along_axis(text, np.minimum(places, width - 1)[None], axis=2)
        cells = np.argsort(~wanted, axis=1, kind="stable")[:, : asked.max()]
        fits = np.arange(asked.max()) < asked[:, None]
        own = None
        if not single.all():
            questions = np.stack([*(np.broadcast_to(text[k, each, last][:, None], cells.shape) for k in (0, 1)), cells])
            ids = np.concatenate([ids, questions], axis=2)
            spots = np.where(fits & ~single[:, None], width + 1 + np.arange(asked.max()), width)
            places = np.concatenate([places, spots], axis=1)
            own = text[1, each, last]
        answer = self._feed(rows, text, ids, places, said.clues, last, own, self.cache).double().cpu().numpy()
        column = np.where(single, history - 1, steps.size)[:, None] + np.arange(asked.max())
        self.read = np.where(np.arange(width) >= (last + single)[:, None], -1, token)
        row, place = np.nonzero(fits)
        log_probs = np.zeros((*assignments.shape, self.boards.d))
        log_probs[row, cells[row, place]] = np.round(answer[row, column[row, place]], DIGITS)
        speaks = np.zeros(assignments.shape, dtype=bool)
        speaks[row, cells[row, place]] = True
        return Prediction(log_probs, speaks, spent, flops)

    def _feed(self, rows, text, ids, places, clues, last, own, cache: Cache) -> Tensor:
        """Read tokens (ids, at places) of these boards into a cache; what the net answers at each.

        own: the cell that the questions behind the text come from, None if there are none.
        """
        width, device = self.boards.width, self.weight.device
        keys = np.pad(text[1], ((0, 0), (0, cache.width - width)), constant_values=width)
        if own is not None:
            keys[:, width + 1 :] = own[:, None]
        codes = self.codes if len(self.codes) == 1 else self.codes[torch.as_tensor(rows, device=device)]
        fed = [torch.as_tensor(part, device=device) for part in (*ids, keys)]
        blocked = self._sight(clues, places, last).to(device)
        return self.model.read(*fed, codes, blocked, self.boards.d, cache, torch.as_tensor(places, device=device))

    def _catch_up(self, rows, text, clues, first, last, far: Bool[np.ndarray, " rows"]) -> None:
        """Read the text of the boards that are far behind, up to the token before the last."""
        some = np.nonzero(far)[0]
        steps = np.arange((last - first)[some].max())
        behind = (last - first)[some][:, None]
        places = np.where(steps < behind, first[some][:, None] + steps, self.boards.width)
        text = text[:, some]
        ids = np.take_along_axis(text, np.minimum(places, self.boards.width - 1)[None], axis=2)
        where = torch.as_tensor(some, device=self.weight.device)
        part = self.cache.part(where)
        self._feed(rows[some], text, ids, places, clues[some], last[some], None, part)
        self.cache.put(where, part)

    def _sequence(self, rows, assignments, commit_order, wanted):
        """The cells in the order in which the net reads and is asked about them, and what it is asked about."""
        blank = (assignments == 0) & self.boards.real[rows]
        if self.model.kind == "ar":
            wanted = np.zeros(blank.shape, dtype=bool)
            wanted[np.arange(len(rows)), blank.argmax(1)] = True
            return self.order[rows], wanted
        wanted = blank if wanted is None else wanted & blank
        commit_order = np.where(blank, 0, 1) if commit_order is None else commit_order
        late = commit_order.max(initial=0) + 1
        rank = np.where(wanted, late, np.where(blank, late + 1, np.where(assignments > 0, commit_order, late + 2)))
        return np.argsort(rank, axis=1, kind="stable"), wanted

    def _sight(self, clues: np.ndarray, places: np.ndarray, last: np.ndarray) -> Bool[Tensor, "rows m T"]:
        """blocked: where each fed token may not look. Padding looks at its own place, so that it has something to."""
        width = self.boards.width
        blocked = sight(clues, np.minimum(places, width), self.cache.width)
        beyond = torch.from_numpy(places >= width)
        history = torch.from_numpy(np.arange(self.cache.width) < last[:, None])
        own = torch.from_numpy(np.arange(self.cache.width) == places[:, :, None])
        question = torch.from_numpy(places > width)[:, :, None]
        alone = ~own & ~(question & history[:, None, :])
        return torch.where(beyond[:, :, None], alone, blocked)

    def move(self, rows: Int[np.ndarray, " rows"], sources: Int[np.ndarray, " rows"]) -> None:
        """What is on the boards at `rows` (rising) goes on from what was on those at `sources`: caches are copied."""
        places = np.searchsorted(self.rows, sources)
        self.cache.keep(torch.as_tensor(places, device=self.weight.device))
        self.read, self.rows = self.read[places], rows

    def _keep(self, rows: Int[np.ndarray, " rows"]) -> None:
        """Forget the rows that are not asked about; one that comes back is read anew."""
        if not np.array_equal(rows, self.rows):
            places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
            self.cache.keep(torch.as_tensor(places, device=self.weight.device))
            there = self.rows[places] == rows
            self.read, self.rows = np.where(there[:, None], self.read[places], -1), rows

    def _flops(self, first, history, clues, last, spent) -> Float[np.ndarray, " rows"]:
        """FLOPs of reading `history` tokens from place `first` on, each looking at itself and those before, clues at
        all clues; the other tokens of `spent` are questions, which look at the `last` tokens and themselves.
        """
        end, tail = first + history, np.maximum(first, clues)
        pairs = end * (end + 1) // 2 - tail * (tail + 1) // 2
        pairs = np.where(end > tail, pairs, 0) + np.where((first == 0) & (end > 0), clues**2, 0)
        return self.model.backbone.flops(spent, pairs + (spent - history) * (last + 1))
