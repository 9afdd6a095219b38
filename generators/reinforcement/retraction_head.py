"""Learning when and what to take back: a small network beside a frozen one, rewarded for boards that end up right.

    >>> policy = LearnedRetraction(frozen, RetractionHead(), decoder)           # a Policy
    >>> decode(decoder, frozen, instances, seed, remasker=policy.model)         # what it has become, as traces

After each call it blanks each committed cell with a chance of its own (generators/decoding/learned_retraction.py). The
frozen network goes on writing values, whose probabilities cancel from the gradient: what is left is a product over
cells and calls, and exact. It begins as a rule: of a board that is lost, each cell in conflict or around a blank cell
without a legal value goes with probability 1/2, another with 1/13; of a board that is not lost, hardly anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int, UInt64
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from generators.boards import Boards
from generators.decoding.learned_retraction import FEATURES
from generators.decoding.loop import fill
from generators.decoding.signals import SignalSources
from generators.decoding.spec import Decoder
from generators.decoding.state import Moment, State
from generators.models.inference import one_thread
from generators.models.interface import DIGITS, Model
from generators.reinforcement.order_head import in_double
from generators.reinforcement.policies import Fillings

WIDTH = 32
RARE, BESIDE = -6.0, -2.5  # logits at the start: of a board that is not lost; of a lost one, what is no suspect
LOST, CLASH, EMPTY = (FEATURES.index(name) for name in ("lost", "clash", "empty"))


class RetractionHead(nn.Module):
    """A Remasker with weights."""

    shown = FEATURES

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Linear(len(FEATURES), WIDTH)
        self.score = nn.Linear(WIDTH, 1)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)
        self.flops = 2 * WIDTH * (len(FEATURES) + 1)

    @property
    def about(self) -> dict:
        """What builds it again."""
        return {"features": list(self.shown)}

    def forward(self, features: Float[Tensor, "*cells features"]) -> Float[Tensor, "*cells"]:
        """Logits of being blanked."""
        lost, suspect = features[..., LOST], torch.maximum(features[..., CLASH], features[..., EMPTY])
        start = torch.where(lost > 0, BESIDE * (1 - suspect), RARE)
        return start + self.score(F.gelu(self.read(features)))[..., 0]

    @torch.no_grad()
    def chances(self, features: Float[np.ndarray, "rows N features"]) -> Float[np.ndarray, "rows N"]:
        """A Remasker's."""
        said = functional_call(self, in_double(self), torch.from_numpy(features))
        return said.sigmoid().numpy().round(DIGITS)


@dataclass(frozen=True, eq=False)
class Decodings(Fillings):
    """Boards as a decoder left them: cells may be blank. moments: what was taken back; which: these boards' rows there.
    calls: of each board.
    """

    moments: Sequence[Moment]
    which: Int[np.ndarray, " rows"]
    calls: Int[np.ndarray, " rows"]

    @property
    def read(self) -> int:
        """A state a call."""
        return int(self.calls.sum())

    def take(self, which: Int[np.ndarray, " some"]) -> Decodings:
        """Some of them."""
        parts = (part[which] for part in (self.rows, self.values, self.commit_order))
        return Decodings(*parts, self.moments, self.which[which], self.calls[which])


@dataclass(frozen=True, eq=False)
class LearnedRetraction:
    """A Policy. network: frozen. model: the head, whose weights are learned. decoder: with retraction=learned; what is
    random in it comes from the keys that roll_out is given.
    """

    network: Model
    model: RetractionHead
    decoder: Decoder

    def roll_out(self, boards: Boards, rows: Int[np.ndarray, " rows"], keys: UInt64[np.ndarray, " rows"]) -> Decodings:
        """Raises BadInput for boards that the network cannot read."""
        state = State(self.decoder, replace(boards.take(rows), keys=keys))
        state.moments = []
        with one_thread():
            fill(state, self.network, SignalSources(self.network, None, self.model, {}))
        which = np.arange(len(rows))
        return Decodings(rows, state.assignments, state.commit_order, state.moments, which, state.calls)

    def log_likelihood(self, boards: Boards, filled: Decodings, rng: np.random.Generator) -> Float[Tensor, " rows"]:
        """Of what was blanked and what was left, given all that was written."""
        place = np.full(1 + max((int(m.rows.max(initial=0)) for m in filled.moments), default=0), -1)
        wanted = filled.which[filled.which < len(place)]
        place[wanted] = np.arange(len(wanted))
        total = torch.zeros(len(filled.which))
        for moment in filled.moments:
            mine = place[moment.rows] >= 0
            committed = torch.from_numpy(moment.committed[mine])
            logits = self.model(torch.from_numpy(moment.features[mine].astype(np.float32)))
            blanked = torch.from_numpy(moment.blanked[mine]).to(logits.dtype)
            nats = F.binary_cross_entropy_with_logits(logits, blanked, reduction="none")
            of_row = -(nats * committed).sum(1)
            total = total.index_add(0, torch.from_numpy(place[moment.rows[mine]]), of_row)
        return total

    def forwards(self, k: int) -> int:
        """The network is not read again."""
        return 0
