"""The pieces of work of `takeback selection`: each a function of its config, kept as it is done, and done once.

Drawn       a pool's items
Warmed      a warm-up: a checkpoint an epoch
Scored      some of the pool's items, scored by gradients against every target
Compared    all of them, by loss, hidden states and surfaces
Trained     a network trained on what one way chose, and how it does on the test puzzles
Redrawn     how many masks the ranking needs

>>> Trained(place, way, target)()
"""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import numpy as np
import pyarrow
import torch
from jaxtyping import Float, Int
from torch import nn

from csp.io.files import from_parquet, read_bytes
from csp.io.instance_records import from_record, to_record
from csp.problem import Instance
from csp.seeds import key, stream
from experiments.engine.shards import digest
from experiments.selection.grid import BEFORE, FULL, GRADIENTS, Preset, Way, rank_name
from generators import checkpoint
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from generators.selection import influence
from generators.selection.gradients import size
from generators.selection.lora import with_adapters
from generators.selection.neighbours import hidden, hidden_scores, surface_scores
from generators.selection.pool import Item, Pool, draw_pool, targets
from generators.selection.projection import Projection
from generators.selection.skills import item
from generators.selection.tuning import TuneConfig, load_checkpoint, tune, updates_of

WHOLE, FLOAT, TEXT = pyarrow.int64(), pyarrow.float64(), pyarrow.string()
ITEMS = pyarrow.schema(
    [("instance", TEXT), ("skill", TEXT), ("fault", TEXT), ("orbit", TEXT), ("label", pyarrow.list_(WHOLE))]
)
RECORDS = pyarrow.schema(
    [
        ("what", TEXT), ("target", TEXT), ("by", TEXT), ("index", WHOLE), ("score", FLOAT), ("flops", FLOAT),
        ("skill", TEXT), ("fault", TEXT), ("orbit", TEXT), ("stratum", TEXT), ("solved", WHOLE), ("loss", FLOAT),
    ]
)  # fmt: skip
MASKS = 8  # masks of a test puzzle, for its loss
DECODERS = {"diffusion": "net:order=confidence", "ar-solver": "net:order=solver"}


def record(**known) -> dict:
    """A record, all else None."""
    return dict.fromkeys(RECORDS.names) | known


@dataclass(frozen=True)
class Drawn:
    """The pool of a seed. shards: the folder that pieces of work are kept in."""

    schema = ITEMS

    count: int
    seed: int
    shards: str

    @property
    def title(self) -> str:
        return f"pool of {self.count:,}, seed {self.seed}"

    @property
    def config(self) -> dict:
        return {"what": "pool", "count": self.count, "seed": self.seed, "takeback": metadata.version("takeback")}

    def __call__(self) -> list[dict]:
        return [
            {
                "instance": json.dumps(to_record(one.instance)),
                "skill": one.skill,
                "fault": one.fault,
                "orbit": one.orbit,
                "label": one.label.tolist(),
            }
            for one in draw_pool(self.count, self.seed).items
        ]

    @property
    def pool(self) -> Pool:
        """As it is kept."""
        return _pool(kept_at(self))


def kept_at(work) -> str:
    """The file of a piece of work."""
    return str(Path(work.shards) / f"{digest(work.config)}.parquet")


@lru_cache(maxsize=1)
def _pool(path: str) -> Pool:
    made = []
    for row in from_parquet(read_bytes(Path(path)), path):
        instance = from_record(json.loads(row["instance"]), path)
        made.append(Item(instance, row["skill"], np.array(row["label"]), row["fault"], row["orbit"]))
    return Pool(made)


@lru_cache(maxsize=16)
def _target(name: str, count: int, seed: int) -> Pool:
    return targets(name, count, seed)


@lru_cache(maxsize=16)
def _tests(name: str, count: int) -> list[Instance]:
    return [item(name, 0, "test", index) for index in range(count)]


@dataclass(frozen=True)
class Place:
    """A kind of network and a seed. start, sha256: the network that everything begins with. out: the run's folder."""

    preset: Preset
    kind: str
    seed: int
    start: str
    sha256: str
    out: str

    schema = RECORDS

    @property
    def shards(self) -> str:
        """The folder of pieces of work."""
        return str(Path(self.out) / "shards")

    @property
    def name(self) -> str:
        """Said in titles."""
        return f"{self.kind}, seed {self.seed}"

    def basis(self, what: str) -> dict:
        """What all its records are a function of."""
        names = (
            "pool",
            "share",
            "targets",
            "examples",
            "subtasks",
            "warm_epochs",
            "batch",
            "lr",
            "lora_lr",
            "draws",
            "k",
        )
        preset = {name: getattr(self.preset, name) for name in names}
        return {
            "what": what,
            "network": self.sha256,
            "seed": self.seed,
            **preset,
            "takeback": metadata.version("takeback"),
        }

    @property
    def pool(self) -> Pool:
        """Its pool."""
        return Drawn(self.preset.pool, self.seed, self.shards).pool

    def target(self, name: str) -> Pool:
        """The examples of a target skill."""
        return _target(name, self.preset.examples, self.seed)

    def network(self, rank: int = FULL) -> nn.Module:
        """The network that everything begins with, ready to learn; with adapters of a rank, these alone."""
        model = checkpoint.load(Path(self.start), dtype=torch.float32).model
        model.requires_grad_(True)
        if rank:
            torch.manual_seed(key("adapters", self.seed) % 2**63)
            with_adapters(model, rank)
        return model


@dataclass(frozen=True)
class Warmed(Place):
    """The warm-up of a rank: so many epochs on a random choice, a checkpoint after each."""

    rank: int

    @property
    def title(self) -> str:
        return f"warm-up, {self.name}, {rank_name(self.rank)}"

    @property
    def config(self) -> dict:
        return self.basis("warm-up") | {"rank": self.rank}

    @property
    def options(self) -> TuneConfig:
        """How it trains."""
        preset = self.preset
        updates = updates_of(preset.chosen, preset.warm_epochs, preset.batch)
        lr = preset.lora_lr if self.rank else preset.lr
        return TuneConfig(updates, preset.batch, lr, seed=key("warm-up", self.seed))

    @property
    def ends(self) -> list[int]:
        """The update that ends each epoch."""
        preset = self.preset
        return [updates_of(preset.chosen, epoch + 1, preset.batch) for epoch in range(preset.warm_epochs)]

    @property
    def rates(self) -> list[float]:
        """The mean learning rate of each epoch."""
        starts = [0, *self.ends[:-1]]
        return [float(np.mean([self.options.rate(at) for at in range(*span)])) for span in zip(starts, self.ends)]

    @property
    def paths(self) -> list[Path]:
        """Of the checkpoints."""
        name = digest(self.config)
        return [
            Path(self.out) / "trained" / f"warm-up-{name}-{epoch + 1}.safetensors" for epoch in range(len(self.ends))
        ]

    def __call__(self) -> list[dict]:
        pool = self.pool
        rows = np.sort(stream("warm-up items", self.seed).choice(len(pool), self.preset.chosen, replace=False))
        for path in self.paths:
            path.parent.mkdir(parents=True, exist_ok=True)
        flops = tune(self.network(self.rank), pool, rows, self.options, dict(zip(self.ends, self.paths)))
        return [record(what="cost", by="warm-up", flops=flops)]

    def states(self) -> list[tuple[nn.Module, influence.Moments | None]]:
        """The network with its moments at each checkpoint, and at last as it was before the warm-up."""
        if not all(path.exists() for path in self.paths):
            self()  # somebody has removed them
        made: list[tuple[nn.Module, influence.Moments | None]] = []
        for path in self.paths:
            model = self.network(self.rank)
            made.append((model, load_checkpoint(model, path)))
        return [*made, (self.network(self.rank), None)]


@dataclass(frozen=True)
class Scored(Warmed):
    """The pool's items of one part, scored by gradients against every target, in every way that gradients allow."""

    part: int

    @property
    def title(self) -> str:
        return f"scores {self.part + 1}, {super().title.removeprefix('warm-up, ')}"

    @property
    def config(self) -> dict:
        return self.warm.config | {"what": "scores", "part": [self.part, self.preset.part]}

    @property
    def warm(self) -> Warmed:
        """The warm-up whose checkpoints it takes gradients at."""
        return Warmed(self.preset, self.kind, self.seed, self.start, self.sha256, self.out, self.rank)

    def __call__(self) -> list[dict]:
        preset, pool, warm = self.preset, self.pool, self.warm
        rows = np.arange(len(pool))[self.part * preset.part : (self.part + 1) * preset.part]
        names = preset.targets
        kept: dict[str, dict[str, list]] = {name: {"adam": [], "plain": [], "dot": []} for name in names}
        flops = []
        for model, moments in warm.states():
            projection = Projection(size(model), preset.k, self.seed)
            here = preset.draws, self.seed
            found = influence.features(model, pool, rows, moments, projection, *here)
            flops.append(found.flops + len(rows) * projection.flops)
            for name in names:
                to = _directions(warm, len(flops), name, model, projection)
                kept[name]["plain"].append(influence.cosines(found.plain, to))
                kept[name]["adam"].append(influence.cosines(found.adam, to))
                kept[name]["dot"].append(influence.products(found.adam, to))

        # The last is the network before the warm-up.
        rates, made = warm.rates, []
        for name in names:
            adam, plain, dot = (kept[name][what] for what in ("adam", "plain", "dot"))
            scores = (
                influence.combined(adam[:-1], rates),
                influence.combined(plain[:-1], rates),
                influence.combined(dot[:-1], rates),
                adam[-2].max(1),
                plain[-1].max(1),
            )
            for by, column in zip(GRADIENTS, scores, strict=True):
                made += [
                    record(what="score", target=name, by=by, index=int(row), score=float(one))
                    for row, one in zip(rows, column)
                ]
        costs = sum(flops[:-1]), sum(flops[:-1]), sum(flops[:-1]), flops[-2], flops[-1]
        return made + [record(what="cost", by=by, flops=cost) for by, cost in zip(GRADIENTS, costs)]


_kept_directions: dict[tuple, torch.Tensor] = {}  # of this process's latest warm-up


def _directions(warm: Warmed, number: int, name: str, model: nn.Module, projection: Projection) -> torch.Tensor:
    """The directions of a target at a checkpoint, (subtasks, k); the same for all parts."""
    place = digest(warm.config), number, name
    if place not in _kept_directions:
        if any(known[0] != place[0] for known in _kept_directions):
            _kept_directions.clear()
        preset, target = warm.preset, warm.target(name)
        rows = np.arange(len(target))
        found = influence.features(model, target, rows, None, projection, preset.draws, warm.seed)
        _kept_directions[place] = influence.directions(found.plain, influence.subtasks(target, preset.subtasks))
    return _kept_directions[place]


@dataclass(frozen=True)
class Compared(Warmed):
    """All of the pool's items by loss, by hidden states and by surfaces, at the end of the warm-up."""

    @property
    def title(self) -> str:
        return f"losses and neighbours, {self.name}"

    @property
    def config(self) -> dict:
        return super().config | {"what": "compared"}

    def __call__(self) -> list[dict]:
        preset, pool = self.preset, self.pool
        warm = Warmed(preset, self.kind, self.seed, self.start, self.sha256, self.out, self.rank)
        model, _ = warm.states()[-2]
        rows, here = np.arange(len(pool)), (preset.draws, self.seed)
        states, losses = hidden(model, pool, rows, *here)
        made = [record(what="score", by="loss", index=int(row), score=float(one)) for row, one in zip(rows, losses)]
        for name in preset.targets:
            target = self.target(name)
            parts = influence.subtasks(target, preset.subtasks)
            wanted, _ = hidden(model, target, np.arange(len(target)), *here)
            columns = hidden_scores(states, wanted, parts), surface_scores(pool, target, parts)
            for by, column in zip(("hidden", "surface"), columns):
                made += [
                    record(what="score", target=name, by=by, index=int(row), score=float(one))
                    for row, one in zip(rows, column)
                ]
        once = sum(model.training_flops(boards) for _, boards, _ in pool.groups(rows, influence.CHUNK)) / 3
        flops = once * (preset.draws if self.kind == "diffusion" else 1)
        return made + [record(what="cost", by=by, flops=flops) for by in ("loss", "hidden")]


@dataclass(frozen=True)
class Trained(Place):
    """The network trained on what one way chose for a target ("" for all targets), and what it solves. Without a way:
    the network that everything begins with.
    """

    way: Way | None
    for_target: str

    @property
    def title(self) -> str:
        return (
            f"{self.name}, {self.way.name if self.way else BEFORE}{f', {self.for_target}' if self.for_target else ''}"
        )

    @property
    def config(self) -> dict:
        preset = self.preset
        known = {"way": self.way and asdict(self.way), "target": self.for_target}
        return self.basis("trained") | known | {"epochs": preset.epochs, "tests": preset.tests}

    def __call__(self) -> list[dict]:
        made, model = [], self.network()
        if self.way is not None:
            pool, rows = self.pool, self.rows()
            if len(rows) < len(pool):
                for row in rows:
                    one = pool.items[row]
                    about = {"skill": one.skill, "fault": one.fault, "orbit": one.orbit}
                    made.append(record(what="chosen", target=self.for_target, index=int(row), **about))
            resume = Path(self.out) / "trained" / f"{digest(self.config)}.resume.safetensors"
            resume.parent.mkdir(parents=True, exist_ok=True)
            flops = tune(model, pool, rows, self.options(len(rows)), resume=resume)
            made.append(record(what="cost", by="training", flops=flops))
        for name in [self.for_target] if self.for_target else self.preset.targets:
            made += self.outcomes(name, model)
        return made

    def options(self, items: int) -> TuneConfig:
        """How it trains: as many updates whatever was chosen, or as many epochs over the whole pool."""
        preset = self.preset
        of = items if self.way.epochs else preset.chosen
        updates = updates_of(of, preset.epochs, preset.batch)
        return TuneConfig(updates, preset.batch, preset.lr, seed=key("training", self.seed))

    def rows(self) -> Int[np.ndarray, " rows"]:
        """The items that are chosen."""
        pool, way, count = self.pool, self.way, self.preset.chosen
        if way.by == "pool":
            return np.arange(len(pool))
        if way.by in ("random", "oracle"):
            able = np.arange(len(pool))
            if way.by == "oracle":
                able = able[(pool.skills == self.for_target) & ~pool.faulty]
            rng = stream("chosen at random", way.by, self.for_target, self.seed)
            return np.sort(rng.choice(able, min(count, len(able)), replace=False))
        scores = self.scores()
        return influence.highest(-scores if way.by == "low loss" else scores, count, key("ties", self.seed))

    def scores(self) -> Float[np.ndarray, " items"]:
        """What the way says of each item."""
        way = self.way
        by = "loss" if way.by.endswith("loss") else way.by
        scores = np.full(self.preset.pool, -np.inf)
        for work in scoring(self, way):
            for row in from_parquet(read_bytes(Path(kept_at(work))), kept_at(work)):
                if row["what"] == "score" and row["by"] == by and row["target"] in (self.for_target, None):
                    scores[row["index"]] = row["score"]
        return scores

    def outcomes(self, name: str, model: nn.Module) -> list[dict]:
        """A record a test puzzle."""
        instances = _tests(name, self.preset.tests)
        solver = copy.deepcopy(model).double().eval().requires_grad_(False)
        traces = decode(parse(DECODERS[self.kind]), solver, instances, self.seed)
        tests = Pool([Item(one, name, one.witness) for one in instances])
        _, losses = hidden(model.eval(), tests, np.arange(len(tests)), MASKS, key("test masks"))
        return [
            record(
                what="test", target=name, index=index, stratum=instance.difficulty.stratum,
                solved=int(trace.end == "solved"), loss=float(loss),
            )
            for index, (instance, trace, loss) in enumerate(zip(instances, traces, losses))
        ]  # fmt: skip


def scoring(place: Place, way: Way) -> list[Scored | Compared]:
    """The pieces of work that a way's scores are in."""
    here = place.preset, place.kind, place.seed, place.start, place.sha256, place.out
    if way.gradients:
        parts = -(-place.preset.pool // place.preset.part)
        return [Scored(*here, way.rank, part) for part in range(parts)]
    if way.by in ("hidden", "surface", "high loss", "low loss"):
        return [Compared(*here, place.preset.ranks[0])]
    return []


def rank_correlation(one: Float[np.ndarray, " items"], other: Float[np.ndarray, " items"]) -> float:
    """Spearman's (1904), of numbers of which no two are equal."""
    return float(np.corrcoef(one.argsort().argsort(), other.argsort().argsort())[0, 1])


@dataclass(frozen=True)
class Redrawn(Warmed):
    """How much two rankings agree that differ in their masks alone, by how many masks an item has: the rank correlation
    of the scores (Spearman 1904), and which share of the highest 5 % they have in common.
    """

    @property
    def title(self) -> str:
        return f"rankings by masks, {self.name}"

    @property
    def config(self) -> dict:
        return super().config | {"what": "redrawn", "curve": list(self.preset.curve)}

    def __call__(self) -> list[dict]:
        preset, pool = self.preset, self.pool
        warm = Warmed(preset, self.kind, self.seed, self.start, self.sha256, self.out, self.rank)
        model, moments = warm.states()[-2]
        count, most = preset.curve
        rows = np.arange(min(count, len(pool)))
        projection = Projection(size(model), preset.k, self.seed)
        made, draws = [], 1
        while draws <= most:
            for shared in (True, False):
                scores: dict[str, list] = {name: [] for name in preset.targets}
                for again in range(2):
                    seed = key("redrawn", self.seed, again)
                    found = influence.features(model, pool, rows, moments, projection, draws, seed, own=not shared)
                    for name in preset.targets:
                        target = self.target(name)
                        of = influence.features(model, target, np.arange(len(target)), None, projection, draws, seed)
                        to = influence.directions(of.plain, influence.subtasks(target, preset.subtasks))
                        scores[name].append(influence.cosines(found.adam, to).max(1))
                for name, (one, other) in scores.items():
                    by = "shared masks" if shared else "own masks"
                    top = [set(np.argsort(-some)[: round(preset.share * len(rows))].tolist()) for some in (one, other)]
                    in_common = len(top[0] & top[1]) / len(top[0])
                    rank = rank_correlation(one, other)
                    made.append(record(what="redrawn", target=name, by=by, index=draws, score=rank, loss=in_common))
            draws *= 2
        return made
