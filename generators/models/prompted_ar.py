"""Autoregression that is told a target's rules: a prompt of one token a cell (generators/models/rule_features.py), then
the text.

  ar-prompted   p(x_t | prefix, rules), trained with the rules in its prompt: conditional AR. Loss: nats a cell.
  future        for each value of the next cell, log p(rules of that cell hold in the end | prefix, value) + the same of
                the cells that it must differ from: the discriminator of FUDGE (Yang and Klein 2021), attributes taken
                apart. Half of the boards meet their own rules, the others those of another board; loss = the two binary
                cross-entropies, mean over cells, the board being read up to each.

Both are trained on complete boards and rules that are read off them (solvers/counting/control_tasks.py). Cells are
written in raster order, all of them: clues are rules of the prompt.

    >>> session = model.open(boards, encode_rules(rules, boards))
    >>> session.predict(rows, assignments).log_probs          # (rows, N, d), of each board's first blank cell alone
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from csp.tokens import start
from generators.boards import Boards
from generators.models.backbone_config import BackboneConfig, check_fits
from generators.models.causal import pairs_read, sight
from generators.models.examples import Examples
from generators.models.interface import DIGITS, Prediction
from generators.models.kv_cache import Cache, ReadTokens, reading_places
from generators.models.rule_features import ReadRules, RuleFeatures, encode_rules
from generators.models.transformer import Backbone, pairs, weighted_nats
from solvers.counting.control_tasks import mismatched_rules, rules_of, satisfied_cells


class Prompted(nn.Module):
    """A causal Backbone behind a prompt, of kind ar-prompted or future."""

    def __init__(self, config: BackboneConfig, kind: str = "ar-prompted"):
        super().__init__()
        self.kind = self.name = kind
        self.backbone = Backbone(config)
        self.told = ReadRules(config.dim)

    def forward(self, d: int, told: RuleFeatures, values: Int[Tensor, "batch t"]) -> Float[Tensor, "batch t d"]:
        """The answers about cells 0 ... t - 1, given all values before each."""
        return self.say(d, self.text(d, told, values))

    def text(self, d: int, told: RuleFeatures, values: Int[Tensor, "batch t"]) -> Float[Tensor, "batch t dim"]:
        """The last features of the text START and values[:, :-1] behind the prompt."""
        device = values.device
        size, t = values.shape
        width = told.relations.shape[-1]
        text = torch.cat([torch.full((size, 1), start(self.backbone.config.d), device=device), values[:, :-1]], dim=1)

        # The prompt's tokens hold no value: what the rules ask of their cells is added to them instead.
        places = torch.arange(width + t, device=device).expand(size, -1)
        more = F.pad(self.told(told), (0, 0, 0, t))  # (batch, N + t, dim)
        return self.hidden(d, told, F.pad(text, (width, 0)), places, more)[:, width:]

    def say(self, d: int, x: Float[Tensor, "*tokens dim"]) -> Float[Tensor, "*tokens d"]:
        """Features to log-probabilities: of the values (ar-prompted), or that rules hold (future)."""
        if self.kind == "future":
            return F.logsigmoid(self.odds(d, x)).sum(-2)
        return self.backbone.head(self.backbone.norm(x)).to(x.dtype)[..., :d].log_softmax(-1)

    def odds(self, d: int, x: Float[Tensor, "*tokens dim"]) -> Float[Tensor, "*tokens 2 d"]:
        """future: log-odds that the rules of the next cell hold, and those of the cells that it must differ from."""
        return self.backbone.head(self.backbone.norm(x)).to(x.dtype).unflatten(-1, (2, -1))[..., :d]

    def hidden(
        self,
        d: int,
        told: RuleFeatures,
        values: Int[Tensor, "batch m"],
        places: Int[Tensor, "batch m"],
        more: Float[Tensor, "batch m dim"] | None = None,
        cache: Cache | None = None,
    ) -> Float[Tensor, "batch m dim"]:
        """The last features of tokens at those places: 0 ... N - 1 the prompt, then the text, 2 N nothing. Without a
        cache the tokens see each other alone, from place 0 on."""
        width, device = told.relations.shape[-1], values.device
        total = places.shape[1] if cache is None else cache.width
        spots = torch.arange(total, device=device).expand(len(values), -1)

        # A prompt's token speaks of its own cell; one of the text is aimed at the next.
        cells, targets, keys = self._of(places, width), self._of(places + 1, width), self._of(spots, width)
        targets = torch.where(places < width, places, targets)
        related = pairs(torch.as_tensor(told.relations, device=device), cells, targets, keys)  # (batch, m, T)

        # The prompt's tokens see each other, as clues do elsewhere.
        blocked = sight(np.full(len(values), width), places.cpu().numpy(), total).to(device)
        ids = (self.backbone.ids(part, width) for part in (cells, targets))
        return self.backbone.hidden(d, values, *ids, related, blocked, cache, places, more=more)

    @staticmethod
    def _of(places: Int[Tensor, "batch m"], width: int) -> Int[Tensor, "batch m"]:
        """The cell that the token at each place speaks of; width: none."""
        behind = torch.where(places == width, width, (places - width - 1).clamp(max=width))
        return torch.where(places < width, places, behind)

    def corrupt(self, boards: Boards, solutions: Int[np.ndarray, "batch N"], rng: np.random.Generator) -> Examples:
        """The rules that each board is told: its own, and for kind future half of the time another board's."""
        rules = [rules_of(solution, boards.d, rng) for solution in solutions]
        return Examples(boards, solutions, {"rules": mismatched_rules(rules) if self.kind == "future" else rules})

    def loss(self, examples: Examples) -> Float[Tensor, " batch"]:
        """The kind's loss, mean over each board's cells. Boards of one size."""
        boards, solutions, rules = examples.boards, examples.solutions, examples["rules"]
        values = torch.as_tensor(solutions, device=self.backbone.head.weight.device)
        features = self.text(boards.d, encode_rules(rules, boards), values)  # (batch, N, dim)
        if self.kind == "ar-prompted":
            return weighted_nats(self.say(boards.d, features), solutions, np.full(solutions.shape, 1 / boards.width))

        # future: do the next cell's rules hold on the whole board, and those of the cells that must differ from it?
        own = satisfied_cells(rules, solutions)
        near = (own[:, None, :] | ~boards.adjacency).all(2)
        held = torch.as_tensor(np.stack([own, near], axis=2), device=values.device)  # (batch, N, 2)
        written = (values - 1)[..., None, None].expand(-1, -1, 2, 1)
        odds = self.odds(boards.d, features).gather(-1, written)[..., 0]
        return F.softplus(torch.where(held, -odds, odds)).sum(2).mean(1)

    def training_flops(self, boards: Boards) -> float:
        """FLOPs of one update."""
        return self.backbone.training_flops(len(boards), 2 * boards.width)

    def open(self, boards: Boards, told: RuleFeatures) -> PromptedSession:
        check_fits(self.name, self.backbone.config, boards)
        return PromptedSession(self, boards, told)


class PromptedSession:
    """Reads the prompt once and each token of the text once.

    Places of the cache: the prompt, the text, and one where the padding of a ragged batch goes. All boards stay in it,
    for a prompt that was forgotten would have to be read again.
    """

    def __init__(self, model: Prompted, boards: Boards, told: RuleFeatures):
        self.model, self.boards, self.told = model, boards, told
        self.weight = model.backbone.head.weight
        self.cache = Cache(model.backbone.config, len(boards), 2 * boards.width + 1, self.weight)
        self.read = ReadTokens(len(boards), boards.width)
        self.fresh = np.ones(len(boards), dtype=bool)  # whose prompt is not paid for yet
        with torch.inference_mode():
            places = torch.arange(boards.width).expand(len(boards), -1)
            model.hidden(boards.d, told, torch.zeros_like(places), places, model.told(told), self.cache)

    @torch.inference_mode()
    def predict(self, rows, assignments, commit_order=None, wanted=None) -> Prediction:
        """About the first blank cell of each board; every cell before it is filled."""
        width, each = self.boards.width, np.arange(len(rows))
        text = np.concatenate([np.full((len(rows), 1), start(self.model.backbone.config.d)), assignments[:, :-1]], 1)
        last = (assignments == 0).argmax(1)  # the token whose target is the first blank cell
        first = np.minimum(self.read.known(text, rows), last)
        tokens = last - first + 1

        # In the cache the text stands behind the prompt.
        places = reading_places(width + first, tokens, 2 * width)
        values = np.take_along_axis(text, np.minimum(places - width, width - 1), axis=1)
        where, part = torch.as_tensor(rows), self.cache
        if len(rows) < len(self.boards):
            part = self.cache.part(where)
        features = self.model.hidden(
            self.boards.d, self.told.take(rows), torch.as_tensor(values), torch.as_tensor(places), None, part
        )  # (rows, m, dim)
        if part is not self.cache:
            self.cache.put(where, part)
        self.read.note(text, last + 1, rows)

        answer = self.model.say(self.boards.d, features[each, last - first]).double().numpy()
        log_probs, speaks = np.zeros((*assignments.shape, self.boards.d)), np.zeros(assignments.shape, dtype=bool)
        log_probs[each, last], speaks[each, last] = np.round(answer, DIGITS), True

        # Every token of the text looks at the whole prompt too; the prompt itself is paid for at a board's first call.
        flops = self.model.backbone.flops(tokens, tokens * width + pairs_read(first, tokens))
        prompt = np.where(self.fresh[rows], width, 0)
        self.fresh[rows] = False
        return Prediction(log_probs, speaks, tokens + prompt, flops + self.model.backbone.flops(prompt, prompt * width))

    def move(self, rows: Int[np.ndarray, " rows"], sources: Int[np.ndarray, " rows"]) -> None:
        """What is on the boards at `rows` goes on from what was on those at `sources`, of the same target."""
        self.cache.put(torch.as_tensor(rows), self.cache.part(torch.as_tensor(sources)))
        self.read.copy(rows, sources)
        self.fresh[rows] = self.fresh[sources]
