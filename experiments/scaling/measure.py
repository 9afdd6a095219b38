"""A network of the grid: trained, then measured on held-out puzzles. The work of a shard, and a function of its config.

    >>> Measure(run, "networks")()              # one record; a training that was stopped goes on

Nats are of whole puzzles, given their clues. AR: exact, along the order that it was trained for; of random orders
ORDERS_A_PUZZLE, each exactly. Diffusion: the bound along random orders, by states with evenly spaced numbers of filled
cells; on puzzles with FEW_BLANK cells also the exact likelihood over all orders, so that the bound's slack is known.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import torch
from jaxtyping import Float
from torch import nn

from csp.generate import draw
from csp.problem import Instance
from csp.seeds import stream
from experiments.engine.study_networks import Training
from experiments.scaling.grid import FAMILIES, Run
from generators import checkpoint
from generators.boards import Boards, stack
from generators.decoding.loop import decode
from generators.decoding.spec import Decoder
from generators.likelihood.ambiguous import with_blank
from generators.likelihood.block_orders import bound
from generators.likelihood.conditionals import NetworkConditionals
from generators.likelihood.order_marginal import Table
from generators.likelihood.order_policies import Uniform
from generators.models.in_blocks import BLOCKS, InBlocks, blocks_of
from generators.models.masked_diffusion import MaskedDiffusion
from generators.training import trainer
from generators.training.datasets import Dataset, with_uniform_witness
from solvers.counting.partial_solutions import Solutions
from solvers.oracles.pick import settle

TESTS = 256  # puzzles whose likelihood is measured
SOLVED_OF = 64  # of them that are solved
STATES = 8  # of each puzzle, for the bound
ORDERS_A_PUZZLE = 4  # random ones, for AR networks that are trained on them
FEW_BLANK, FEW_BLANK_TESTS, CHOICES = 8, 16, 20  # cells; puzzles; choices of cells that are tried for each
#: name: order and cells a call.
ORDERS = {"raster": ("raster", 1), "random": ("random", 1), "confidence": ("confidence", 1), "four": ("confidence", 4)}
TEXT, WHOLE, FLOAT, TRUTH = pyarrow.string(), pyarrow.int64(), pyarrow.float64(), pyarrow.bool_()
PLACE = [("family", TEXT), ("kind", TEXT), ("budget", FLOAT), ("dim", WHOLE), ("loops", WHOLE), ("seed", WHOLE),
         ("parameters", WHOLE), ("flops", FLOAT)]  # fmt: skip
SCHEMA = pyarrow.schema(
    [
        *PLACE, ("puzzles", WHOLE), ("symmetries", TRUTH), ("scale", FLOAT), ("rate", FLOAT),
        ("updates", WHOLE), ("epochs", FLOAT), ("nats", FLOAT), ("floor", FLOAT), ("excess", FLOAT),
        ("excess_se", FLOAT), ("n", WHOLE), ("few_bound", FLOAT), ("few_exact", FLOAT), ("few_floor", FLOAT),
        ("few_slack_se", FLOAT), ("few_n", WHOLE), ("solved_of", WHOLE),
        *((f"solved {order}", WHOLE) for order in ORDERS), *((f"flops {order}", FLOAT) for order in ORDERS),
        ("seconds", FLOAT), ("sha256", TEXT),
    ]
)  # fmt: skip
BLOCK_SCHEMA = pyarrow.schema(
    [*PLACE, ("block", TEXT), ("nats", FLOAT), ("excess", FLOAT), ("excess_se", FLOAT), ("n", WHOLE),
     ("solved", WHOLE), ("solved_of", WHOLE), ("decoding", FLOAT)]
)  # fmt: skip


@lru_cache(maxsize=4)
def tests(name: str, count: int) -> tuple[list[Instance], Float[np.ndarray, " tests"]]:
    """(puzzles, floor): the first of a family's test split, each with a witness drawn uniformly from its solutions; and
    the logarithm of the number of these.
    """
    drawn = [draw(FAMILIES[name], 0, "test", index, settle) for index in range(count)]
    floor = [math.log(Solutions(instance).total) for instance in drawn]
    return [with_uniform_witness(instance) for instance in drawn], np.array(floor)


@lru_cache(maxsize=4)
def few_blank(name: str, count: int) -> tuple[list[Instance], Float[np.ndarray, " tests"]]:
    """The same with all cells but FEW_BLANK filled in."""
    drawn = [draw(FAMILIES[name], 0, "test", index, settle) for index in range(count)]
    made = [with_blank(instance, FEW_BLANK, CHOICES) for instance in drawn]
    floor = [math.log(Solutions(instance).total) for instance in made]
    return [with_uniform_witness(instance) for instance in made], np.array(floor)


@lru_cache(maxsize=8)
def training_sets(name: str, puzzles: int, seed: int, held_out: int) -> tuple[list[Dataset], list[Dataset]]:
    """Puzzles to train and to validate on, alike for all networks of a seed."""
    config = Run("", name, "diffusion", 1.0, 8, seed=seed).config
    return trainer.datasets(config, "train", puzzles), trainer.datasets(config, "validation", held_out)


@dataclass(frozen=True)
class Measure:
    """folder: where networks are kept."""

    schema = SCHEMA

    run: Run
    folder: str

    @property
    def title(self) -> str:
        return self.run.title

    @property
    def config(self) -> dict[str, Any]:
        """What the record is a function of."""
        return {
            "what": "scaling",
            "training": asdict(self.run.config),
            "run": {name: value for name, value in asdict(self.run).items() if name != "part"},
            "tests": [TESTS, SOLVED_OF, STATES, ORDERS_A_PUZZLE, FEW_BLANK, FEW_BLANK_TESTS, CHOICES],
            "takeback": metadata.version("takeback"),
        }

    def __call__(self) -> list[dict[str, Any]]:
        run = self.run
        training = run.training(Path(self.folder))
        made = {name: getattr(run, name) for name in ("family", "kind", "budget", "dim", "loops", "seed")}
        made |= {
            "puzzles": run.puzzles,
            "symmetries": run.symmetries,
            "scale": run.scale,
            "rate": run.config.lr,
            "updates": run.config.updates,
            "epochs": run.config.updates * run.config.batch / run.puzzles,
        }
        try:
            self._train(training)
            made |= measured(training, run)
        except trainer.Diverged:
            made |= untrained(run)
        return [{name: made.get(name) for name in SCHEMA.names}]

    def _train(self, training: Training) -> None:
        """Train the network unless its file is there; from where it was stopped."""
        if not training.path.exists():
            run = self.run
            training.path.parent.mkdir(parents=True, exist_ok=True)
            sets = training_sets(run.family, run.puzzles, run.seed, run.held_out)
            trainer.train(run.config, *sets, training.path, lambda news: None)


def measured(training: Training, run: Run) -> dict[str, Any]:
    """All that is measured of a trained network."""
    card, model = training.card, checkpoint.load(training.path, dtype=torch.float32).model
    nats, floor = likelihoods(model, run.family, TESTS)
    return {
        **{name: card[name] for name in ("parameters", "flops", "seconds", "sha256")},
        **_excess(nats, floor),
        "floor": float(floor.mean()),
        **few_blank_figures(model, run.family),
        **solved(model, run.kind, run.family),
    }


def untrained(run: Run) -> dict[str, Any]:
    """Of a training that diverged: what a network that knows nothing is off by."""
    instances, floor = tests(run.family, TESTS)
    nats = np.array([instance.blanks * math.log(instance.problem.d) for instance in instances])
    outline = trainer.build(run.config, training_sets(run.family, run.puzzles, run.seed, run.held_out)[0])
    parameters = sum(weight.numel() for weight in outline.parameters())
    return {"parameters": parameters, **_excess(nats, floor), "floor": float(floor.mean()), "sha256": ""}


def _excess(nats: Float[np.ndarray, " tests"], floor: Float[np.ndarray, " tests"]) -> dict[str, Any]:
    """Their mean, and what they are above the floor, with its standard error over puzzles."""
    over = nats - floor
    error = float(over.std(ddof=1) / math.sqrt(len(over))) if len(over) > 1 else float("nan")
    return {"nats": float(nats.mean()), "excess": float(over.mean()), "excess_se": error, "n": len(over)}


@torch.inference_mode()
def likelihoods(
    model: nn.Module, name: str, count: int
) -> tuple[Float[np.ndarray, " tests"], Float[np.ndarray, " tests"]]:
    """(nats, floor) of each test puzzle's witness: exact for AR, the bound for diffusion."""
    instances, floor = tests(name, count)
    boards = stack(instances, "scaling")
    if isinstance(model, MaskedDiffusion):
        return -blockwise(model, boards, np.zeros(boards.givens.shape, dtype=np.int64)), floor
    orders = ORDERS_A_PUZZLE if model.words.order == "random" else 1
    free, made = ((boards.givens == 0) & boards.real).sum(1), np.zeros(count)
    for order in range(orders):
        for part in np.array_split(np.arange(count), max(1, count // 64)):
            some = boards.take(part)
            examples = model.corrupt(some, boards.witnesses[part], stream("test orders", name, order, int(part[0])))
            made[part] += model.loss(examples).double().numpy() * free[part] / orders
    return made, floor


def blockwise(model: nn.Module, boards: Boards, blocks) -> Float[np.ndarray, " tests"]:
    """The bound on each board's witness when blocks are filled one after the other (negative nats)."""
    ask = NetworkConditionals(model, boards)
    return bound(ask, np.arange(len(boards)), boards.witnesses, blocks, STATES, stream("test states", len(boards)))


@torch.inference_mode()
def few_blank_figures(model: nn.Module, name: str) -> dict[str, Any]:
    """Of diffusion, on puzzles with few blank cells: the bound and the likelihood over all orders, both exact, nats."""
    if not isinstance(model, MaskedDiffusion):
        return {}
    instances, floor = few_blank(name, FEW_BLANK_TESTS)
    ask = NetworkConditionals(model, stack(instances, "few blank"))
    tables = [Table.of(ask, row, instance.witness) for row, instance in enumerate(instances)]
    bounds = np.array([-float(table.elbo()) for table in tables])
    exact = np.array([-float(table.log_likelihood(Uniform())) for table in tables])
    return {
        "few_bound": float(bounds.mean()),
        "few_exact": float(exact.mean()),
        "few_floor": float(floor.mean()),
        "few_slack_se": float((bounds - exact).std(ddof=1) / math.sqrt(len(exact))),
        "few_n": len(exact),
    }


def solved(model: nn.Module, kind: str, name: str) -> dict[str, Any]:
    """How many of the first test puzzles are solved by order, greedily, nothing taken back, and FLOPs of a puzzle."""
    instances = tests(name, TESTS)[0][:SOLVED_OF]
    made: dict[str, Any] = {"solved_of": len(instances)}
    for order, (word, cells) in ORDERS.items():
        if kind == "ar" and order != "raster":
            continue
        traces = decode(Decoder("net", word, cells), model, instances, 0)
        made[f"solved {order}"] = sum(trace.end == "solved" for trace in traces)
        made[f"flops {order}"] = float(np.mean([trace.costs.flops for trace in traces]))
    return made


@dataclass(frozen=True)
class MeasureBlocks:
    """A diffusion network, block by block: its bound, and what it solves by confidence within the block."""

    schema = BLOCK_SCHEMA

    run: Run
    folder: str
    sha256: str

    @property
    def title(self) -> str:
        return f"{self.run.title}, block by block"

    @property
    def config(self) -> dict[str, Any]:
        """What the records are a function of."""
        return {
            "what": "scaling blocks",
            "network": self.sha256,
            "family": self.run.family,
            "tests": [TESTS, SOLVED_OF, STATES],
            "blocks": list(BLOCKS),
            "takeback": metadata.version("takeback"),
        }

    def __call__(self) -> list[dict[str, Any]]:
        run = self.run
        path = run.training(Path(self.folder)).path
        loaded = checkpoint.load(path, dtype=torch.float32)
        instances, floor = tests(run.family, TESTS)
        boards = stack(instances, "scaling")
        records = []
        for block in BLOCKS:
            nats = -blockwise(loaded.model, boards, blocks_of(instances[0].problem, block))
            some = instances[:SOLVED_OF]
            traces = decode(Decoder("net", "confidence"), InBlocks(loaded.model, block), some, 0)
            records.append(
                {
                    **{name: getattr(run, name) for name in ("family", "kind", "budget", "dim", "loops", "seed")},
                    "parameters": loaded.card["parameters"],
                    "flops": loaded.card["flops"],
                    "block": block,
                    **_excess(nats, floor),
                    "solved": sum(trace.end == "solved" for trace in traces),
                    "solved_of": len(some),
                    "decoding": float(np.mean([trace.costs.flops for trace in traces])),
                }
            )
        return records
