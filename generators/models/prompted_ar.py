"""Autoregression that is told a target's rules: a prompt of one token a cell (generators/models/rule_features.py), then
the text.

  ar-prompted   p(x_t | prefix, rules), trained with the rules in its prompt: conditional AR. Loss: nats a cell.
  future        for each value of the next cell, log p(rules of that cell hold in the end | prefix, value) + the same of
                the cells that it must differ from: the discriminator of FUDGE (Yang and Klein 2021), attributes taken
                apart. Half of the boards meet their own rules, the others those of another board; loss = the two binary
                cross-entropies, mean over cells, the board being read up to each.

Both are trained on complete boards and rules that are read off them (solvers/counting/control_tasks.py). Cells are
written in raster order, all of them: clues are rules of the prompt.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from csp.tokens import start
from generators.boards import ALL, Boards
from generators.models.backbone_config import BackboneConfig, check_fits
from generators.models.causal import sight
from generators.models.interface import DIGITS, Prediction
from generators.models.kv_cache import Cache
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
        """What is said of cells 0 ... t - 1, given all values before each."""
        return self.say(d, self.text(d, told, values))

    def text(self, d: int, told: RuleFeatures, values: Int[Tensor, "batch t"]) -> Float[Tensor, "batch t dim"]:
        """The last features of the text START and values[:, :-1] behind the prompt."""
        device = values.device
        size, t = values.shape
        width = told.relations.shape[-1]
        text = torch.cat([torch.full((size, 1), start(self.backbone.config.d), device=device), values[:, :-1]], dim=1)
        places = torch.arange(width + t, device=device).expand(size, -1)
        more = F.pad(self.told(told), (0, 0, 0, t))
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
        cells, targets, keys = self._of(places, width), self._of(places + 1, width), self._of(spots, width)
        targets = torch.where(places < width, places, targets)
        codes = torch.as_tensor(told.relations, device=device)
        related = pairs(codes, cells, targets, keys)
        blocked = sight(np.full(len(values), width), places.cpu().numpy(), total).to(device)
        ids = (self.backbone.ids(part, width) for part in (cells, targets))
        return self.backbone.hidden(d, values, *ids, related, blocked, cache, places, more=more)

    @staticmethod
    def _of(places: Int[Tensor, "batch m"], width: int) -> Int[Tensor, "batch m"]:
        """The cell that the token at each place speaks of; width: none."""
        behind = torch.where(places == width, width, (places - width - 1).clamp(max=width))
        return torch.where(places < width, places, behind)

    def loss(
        self, boards: Boards, solutions: Int[np.ndarray, "batch N"], rng: np.random.Generator, part: slice = ALL
    ) -> Float[Tensor, ""]:
        """The kind's loss, mean over cells and batch. Boards of one size. rng: of the rules.

        part: only these boards' share of that mean; what is drawn is the same for any part.
        """
        device, size = self.backbone.head.weight.device, len(boards)
        rules = [rules_of(solution, boards.d, rng) for solution in solutions]
        if self.kind == "future":
            rules = mismatched_rules(rules)
        boards, solutions, rules = boards.take(part), solutions[part], rules[part]
        values = torch.as_tensor(solutions, device=device)
        read = self.text(boards.d, encode_rules(rules, boards), values)
        if self.kind == "ar-prompted":
            weight = np.full(solutions.shape, 1 / boards.width)
            return weighted_nats(self.say(boards.d, read), solutions, weight, size)
        own = satisfied_cells(rules, solutions)
        near = (own[:, None, :] | ~boards.adjacency).all(2)
        held = torch.as_tensor(np.stack([own, near], axis=2), device=device)
        odds = self.odds(boards.d, read).gather(-1, (values - 1)[..., None, None].expand(-1, -1, 2, 1))[..., 0]
        return F.softplus(torch.where(held, -odds, odds)).sum(2).mean(1).sum() / size

    def training_flops(self, boards: Boards) -> float:
        """FLOPs of one update."""
        return self.backbone.training_flops(len(boards), 2 * boards.width)

    def open(self, boards: Boards, told: RuleFeatures) -> PromptedSession:
        check_fits(self.name, self.backbone.config, boards)
        return PromptedSession(self, boards, told)


class PromptedSession:
    """Reads the prompt once and each token of the text once: a KV cache, as AutoregressiveSession's."""

    def __init__(self, model: Prompted, boards: Boards, told: RuleFeatures):
        self.model, self.boards, self.told = model, boards, told
        self.weight = model.backbone.head.weight
        self.cache = Cache(model.backbone.config, len(boards), 2 * boards.width + 1, self.weight)
        self.read = np.full(boards.givens.shape, -1)  # the tokens of the text in the cache, -1 where there is none
        self.fresh = np.ones(len(boards), dtype=bool)  # whose prompt is not paid for yet
        with torch.inference_mode():
            places = torch.arange(boards.width).expand(len(boards), -1)
            model.hidden(boards.d, told, torch.zeros_like(places), places, model.told(told), self.cache)

    @torch.inference_mode()
    def predict(self, rows, assignments, commit_order=None, wanted=None) -> Prediction:
        """About the first blank cell of each board; every cell before it is filled."""
        width, each = self.boards.width, np.arange(len(rows))
        text = np.concatenate([np.full((len(rows), 1), start(self.model.backbone.config.d)), assignments[:, :-1]], 1)
        last = (assignments == 0).argmax(1)
        first = np.minimum(np.cumprod(self.read[rows] == text, axis=1).sum(1), last)
        steps = np.arange((last - first).max() + 1)
        places = np.where(steps <= (last - first)[:, None], width + first[:, None] + steps, 2 * width)
        values = np.take_along_axis(text, np.minimum(first[:, None] + steps, width - 1), axis=1)
        where, part = torch.as_tensor(rows), self.cache
        if len(rows) < len(self.read):
            part = self.cache.part(where)
        x = self.model.hidden(
            self.boards.d, self.told.take(rows), torch.as_tensor(values), torch.as_tensor(places), None, part
        )
        if part is not self.cache:
            self.cache.put(where, part)
        answer = self.model.say(self.boards.d, x[each, last - first]).double().numpy()
        self.read[rows] = np.where(np.arange(width) <= last[:, None], text, -1)
        log_probs, speaks = np.zeros((*assignments.shape, self.boards.d)), np.zeros(assignments.shape, dtype=bool)
        log_probs[each, last], speaks[each, last] = np.round(answer, DIGITS), True
        tokens = last - first + 1
        looked = tokens * width + ((last + 1) * (last + 2) - first * (first + 1)) // 2
        flops = self.model.backbone.flops(tokens, looked)
        prompt = np.where(self.fresh[rows], width, 0)
        self.fresh[rows] = False
        return Prediction(log_probs, speaks, tokens + prompt, flops + self.model.backbone.flops(prompt, prompt * width))

    def move(self, rows: Int[np.ndarray, " rows"], sources: Int[np.ndarray, " rows"]) -> None:
        """What is on the boards at `rows` goes on from what was on those at `sources`, of the same target."""
        self.cache.put(torch.as_tensor(rows), self.cache.part(torch.as_tensor(sources)))
        self.read[rows], self.fresh[rows] = self.read[sources], self.fresh[sources]
