"""What is written on blank cells' tokens, and what is lost without it.

    Probe(place, puzzles, stratum, fit_on)()      # linear probes of the features at blank cells, by loop and fill
    Ablate(place, puzzles, stratum, count)()      # plain decoding while others see a mean in the place of such tokens

A probe is ridge regression on indicators, fitted on states of other puzzles: the cell's own right value; which values
no committed neighbour holds (its candidates); the right values of two other blank cells, one that must differ from it
and one that need not. Under ablation the keys and values of some tokens are, for every token that looks at them, their
mean over states of other puzzles; the tokens themselves go on as they were. Its placebo takes as many visible cells'
tokens instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import product

import numpy as np
import pyarrow
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from csp.problem import Instance
from csp.seeds import stream
from experiments.factors.grid import DEVELOPMENT, TEST, Cell, Puzzles
from experiments.factors.measure import PLACE, SHARES, STRING, TRUTH, Place, loaded, puzzles_of, start_states
from generators.boards import Boards, stack
from generators.decoding.loop import decode
from generators.models.board_network import BoardNetwork
from generators.models.inference import rounded
from generators.models.inplace_ar import InPlaceAR
from generators.models.interface import Prediction
from generators.models.transformer import pairs

PRECISION = "float64"  # whole batches go through the net: noise between batch shapes is far below what is rounded
TARGETS = ("own value", "own candidates", "neighbour's value", "stranger's value")
PENALTY = 1e-2  # of the ridge, per observation
#: What is replaced by its mean: which tokens, in which loops (None: in all).
ABLATIONS: dict[str, tuple[str, int | None]] = {
    "nothing": ("nothing", None),
    "blanks": ("blanks", None),
    "as many visible": ("visible", None),
    **{f"blanks, loop {loop + 1}": ("blanks", loop) for loop in range(3)},
}
ABLATED_ORDERS = ("raster", "confidence")
PROBES = pyarrow.schema(
    [*PLACE, ("loop", pyarrow.int64()), ("filled", pyarrow.float64()), ("target", STRING), ("right", pyarrow.float64())]
)
ABLATED = pyarrow.schema([*PLACE, ("ablation", STRING), ("order", STRING), ("solved", TRUTH)])


@dataclass(frozen=True)
class _Study:
    """A network on puzzles that its probes or means were not fitted on."""

    place: Place
    puzzles: Puzzles
    stratum: str
    count: int
    fitted_on: tuple[int, int] = DEVELOPMENT
    part: tuple[int, int] = TEST

    @property
    def title(self) -> str:
        return self.place.title(self.puzzles, self.stratum)

    def config_of(self, what: str) -> dict:
        """What the records are a function of."""
        return {
            "what": what,
            "network": self.place.sha256,
            "seed": self.place.seed,
            "set": self.puzzles.set,
            "stratum": self.stratum,
            "items": [self.part[0], self.count, *self.fitted_on],
            "shares": SHARES,
            "precision": PRECISION,
            "takeback": metadata.version("takeback"),
        }

    def instances(self) -> list[Instance]:
        return puzzles_of(self.puzzles, self.stratum, self.part)[: self.count]

    def others(self) -> list[Instance]:
        """What probes and means are fitted on."""
        return puzzles_of(self.puzzles, self.stratum, self.fitted_on)


class Probe(_Study):
    """The share of blank cells that a linear probe is right about: a record a puzzle, loop, fill and target."""

    schema = PROBES

    @property
    def config(self) -> dict:
        return self.config_of("probe")

    def __call__(self) -> list[dict]:
        model = loaded(self.place, PRECISION)
        records = []
        for share in SHARES:
            fit, test = (States(some, share) for some in (self.others(), self.instances()))
            layers = zip(features(model, fit), features(model, test), strict=True)
            for loop, (seen, unseen) in enumerate(layers, 1):
                for target in TARGETS:
                    right = _right(seen, fit.labels(target), unseen, test.labels(target))
                    for index in range(len(test.instances)):
                        of_board = right[test.board == index]
                        where = self.place.record(self.puzzles, self.stratum, index)
                        where |= {"loop": loop, "filled": share, "target": target}
                        if np.isfinite(of_board).any():
                            records.append(where | {"right": float(np.nanmean(of_board))})
        return records


class Ablate(_Study):
    """Whether each puzzle is solved, plain, under each ablation."""

    schema = ABLATED

    @property
    def config(self) -> dict:
        return self.config_of("ablate") | {"ablations": list(ABLATIONS), "orders": ABLATED_ORDERS}

    def __call__(self) -> list[dict]:
        model, instances = loaded(self.place, PRECISION), self.instances()
        means = mean_keys_and_values(model, self.others())
        records = []
        for (name, (tokens, loop)), order in product(ABLATIONS.items(), ABLATED_ORDERS):
            ablated = Ablated(model, means, tokens, loop)
            traces = decode(Cell(order, "none", "none").decoder(0, 0.0), ablated, instances, self.place.seed)
            for index, trace in enumerate(traces):
                where = self.place.record(self.puzzles, self.stratum, index)
                records.append(where | {"ablation": name, "order": order, "solved": trace.end == "solved"})
        return records


class States:
    """Boards with a random share of their blank cells filled rightly, and their blank cells, one after another."""

    def __init__(self, instances: Sequence[Instance], share: float):
        self.instances, self.boards = instances, stack(instances, "probe")
        self.sequence = start_states(instances, "random", share)
        self.solutions = self.boards.witnesses
        self.now = np.where(self.sequence > 0, self.solutions, self.boards.givens)
        self.blank = (self.now == 0) & self.boards.real
        self.board, self.cell = np.nonzero(self.blank)

    def labels(self, target: str) -> Float[np.ndarray, "blanks classes"]:
        """Indicators, (blank cells, d); a row of NaN where there is no such other cell."""
        d = self.boards.d
        near = np.broadcast_to(self.boards.adjacency, (len(self.boards), *self.boards.adjacency.shape[1:]))
        if target == "own value":
            return np.eye(d)[self.solutions[self.board, self.cell] - 1]
        if target == "own candidates":
            held = near[self.board, self.cell][:, :, None] & (self.now[self.board][:, :, None] == np.arange(1, d + 1))
            return (~held.any(1)).astype(float)

        # Another blank cell, at random, that must differ from this one, or that need not.
        fitting = near[self.board, self.cell] if target.startswith("neighbour") else ~near[self.board, self.cell]
        fitting = fitting & self.blank[self.board]
        fitting[np.arange(len(fitting)), self.cell] = False
        draws = stream("other cell", target, *fitting.shape).random(fitting.shape)
        other = np.where(fitting, draws, -1.0).argmax(1)
        labels = np.eye(d)[self.solutions[self.board, other] - 1]
        labels[~fitting.any(1)] = np.nan
        return labels


@torch.inference_mode()
def features(model: BoardNetwork | InPlaceAR, states: States) -> list[Float[np.ndarray, "blanks dim"]]:
    """Of the blank cells' tokens after each loop, as the head reads them. Of a prompt: those that it is read with."""
    backbone, boards = model.backbone, states.boards
    read = reading(model, boards, states.now, states.sequence)
    return [backbone.norm(x).numpy()[states.board, states.cell] for x in backbone.each_loop(boards.d, *read)]


def reading(
    model: BoardNetwork | InPlaceAR,
    boards: Boards,
    now: Int[np.ndarray, "batch N"],
    sequence: Int[np.ndarray, "batch N"],
) -> tuple:
    """What the backbone reads of states: values, cells, targets, related, blocked."""
    if isinstance(model, BoardNetwork):
        return model.inputs(boards, now, sequence)
    cells = torch.arange(boards.width).expand(len(boards), -1)
    padding = torch.as_tensor(~boards.real)[:, None, :].expand(-1, boards.width, -1)
    return torch.as_tensor(boards.givens), cells, cells, pairs(torch.as_tensor(boards.relations)), padding


def _right(
    seen: Float[np.ndarray, "a dim"], labels: Float[np.ndarray, "a d"], unseen: Float[np.ndarray, "b dim"], wanted
) -> Float[np.ndarray, " b"]:
    """How right a ridge fitted on the seen is about each unseen row: 1 or 0 for a value, the share of values for a
    set; NaN where there is nothing to be right about.
    """
    known = np.isfinite(labels[:, 0])
    x, y = np.pad(seen[known], ((0, 0), (0, 1)), constant_values=1.0), labels[known]
    weights = np.linalg.solve(x.T @ x + PENALTY * len(x) * np.eye(x.shape[1]), x.T @ y)
    said = np.pad(unseen, ((0, 0), (0, 1)), constant_values=1.0) @ weights
    if np.nansum(wanted, axis=1).max() > 1:
        return ((said > 0.5) == (wanted > 0.5)).mean(1)
    right = (said.argmax(1) == np.nan_to_num(wanted).argmax(1)).astype(float)
    return np.where(np.isfinite(wanted[:, 0]), right, np.nan)


class _Recorder:
    """Stands in a cache's place and adds up keys and values of some tokens, layer by layer."""

    def __init__(self, chosen: Bool[Tensor, "batch N"]):
        self.chosen, self.sums, self.count = chosen, {}, int(chosen.sum())

    def write(self, layer: int, places: object, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        self.sums[layer] = tuple(part.transpose(1, 2)[self.chosen].sum(0) for part in (k, v))  # (heads, hd) each
        return k, v


class _Replaced:
    """Stands in a cache's place: whoever looks at the chosen tokens sees their means."""

    def __init__(self, chosen: Bool[Tensor, "batch N"], means: dict[int, tuple[Tensor, Tensor]], layers: set[int]):
        self.chosen, self.means, self.layers = chosen[:, None, :, None], means, layers

    def write(self, layer: int, places: object, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if layer not in self.layers:
            return k, v
        k, v = (
            torch.where(self.chosen, mean[None, :, None, :], part)
            for part, mean in zip((k, v), self.means[layer], strict=True)
        )
        return k, v


Means = dict[str, dict[int, tuple[Tensor, Tensor]]]


@torch.inference_mode()
def mean_keys_and_values(model: BoardNetwork, instances: Sequence[Instance]) -> Means:
    """Of blank and of visible cells' tokens, by layer, over states of all fills."""
    totals: dict[str, dict[int, list]] = {"blanks": {}, "visible": {}}
    counts = dict.fromkeys(totals, 0)
    for share in SHARES:
        states = States(instances, share)
        read = model.inputs(states.boards, states.now, states.sequence)
        for kind, chosen in (("blanks", states.blank), ("visible", states.boards.real & ~states.blank)):
            recorder = _Recorder(torch.as_tensor(chosen))
            model.backbone.hidden(states.boards.d, *read, cache=recorder)
            counts[kind] += recorder.count
            for layer, sums in recorder.sums.items():
                before = totals[kind].setdefault(layer, [0.0, 0.0])
                totals[kind][layer] = [b + s for b, s in zip(before, sums, strict=True)]
    return {
        kind: {layer: (sums[0] / counts[kind], sums[1] / counts[kind]) for layer, sums in of_kind.items()}
        for kind, of_kind in totals.items()
    }


@dataclass(frozen=True, eq=False)
class Ablated:
    """A network whose blank or visible tokens others see as means; a Model. loop: in that loop only."""

    model: BoardNetwork
    means: Means
    tokens: str
    loop: int | None
    name: str = "ablated"

    def open(self, boards: Boards) -> AblatedSession:
        return AblatedSession(self, boards)


class AblatedSession:
    """Whole batches, by the backbone itself."""

    def __init__(self, ablated: Ablated, boards: Boards):
        self.ablated, self.boards = ablated, boards
        config = ablated.model.backbone.config
        loops = range(config.loops) if ablated.loop is None else [ablated.loop]
        self.layers = {loop * config.blocks + block for loop in loops for block in range(config.blocks)}

    @torch.inference_mode()
    def predict(self, rows, assignments, commit_order=None, wanted=None) -> Prediction:
        """About all blank cells."""
        boards, ablated = self.boards.take(rows), self.ablated
        blank = (assignments == 0) & boards.real
        read = ablated.model.inputs(boards, assignments, commit_order)
        cache = None
        if ablated.tokens != "nothing":
            chosen = blank if ablated.tokens == "blanks" else self._as_many(rows, blank)
            cache = _Replaced(torch.as_tensor(chosen), ablated.means[ablated.tokens], self.layers)
        answers = ablated.model.backbone(boards.d, *read, cache=cache)
        log_probs = np.where(blank[..., None], rounded(answers), 0.0)
        tokens = boards.real.sum(1)
        return Prediction(log_probs, blank, tokens, ablated.model.backbone.flops(tokens, tokens**2))

    def _as_many(self, rows, blank: Bool[np.ndarray, "rows N"]) -> Bool[np.ndarray, "rows N"]:
        """As many visible cells as there are blank ones (or all of them), a hash of the instance and the state."""
        chosen = np.zeros_like(blank)
        for place, row in enumerate(rows):
            visible = np.flatnonzero(self.boards.real[row] & ~blank[place])
            some = stream("placebo", self.boards.instances[row].id, len(visible)).permutation(visible)
            chosen[place, some[: int(blank[place].sum())]] = True
        return chosen


def works(places: Sequence[Place], puzzles: Puzzles, count: int) -> Iterator[Probe | Ablate]:
    """Probes of every network with a token at each blank cell; ablation where others see it anew at each call."""
    for place in places:
        for stratum in puzzles.strata:
            if place.net in PROBED:
                yield Probe(place, puzzles, stratum, count)
            if place.net in ("diffusion", "diffusion-blind"):
                yield Ablate(place, puzzles, stratum, count)


PROBED = ("diffusion", "diffusion-causal", "diffusion-blind", "ar-inplace-supervised", "ar-inplace")
