"""`takeback ablations`: what does each choice in training buy? Small networks, one choice changed a time, over seeds.

    takeback ablations --family sudoku6 --updates 400 --dim 64 --seeds 3
    takeback ablations --family colouring --solve colouring3-50 --stratum 0 11-100 --variants diffusion edges ar

Every variant gets the same backbone, number of puzzles, batches and updates; a seed changes the puzzles, the batches
and the first weights. Networks are kept in DIR, and a run that was stopped goes on. Each then fills the puzzles of the
shipped set one cell a call, greedily, nothing vetoed and nothing taken back. A variant of a seed is a shard, named by
all that it depends on, so that one folder serves many grids. Writes run.json.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow
import torch
import tyro

from csp.errors import BadInput
from csp.generate import family
from csp.io.files import from_parquet, read_bytes, to_parquet, write_atomically
from csp.problem import Instance
from experiments.cli.options import check_processes
from experiments.cli.signals import interrupted_says
from experiments.cli.tables import cell, show
from experiments.cli.terminal import console, progress
from experiments.engine import run
from experiments.engine.executors import Died, Executor, report_deaths
from experiments.engine.folder import RunFolder, kept_in, renewed
from experiments.engine.shards import digest
from experiments.puzzle_files import load
from experiments.scoring.statistics import Estimate, bootstrap_crossed
from generators import checkpoint
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from generators.training import trainer
from generators.training.config import TrainConfig
from generators.training.datasets import Dataset

Change = Callable[[TrainConfig], TrainConfig]


@dataclass(frozen=True)
class Variant:
    """kind: of the network; change: what differs from the plain recipe; decoder: how it fills boards; about: in words.

    of: decode another variant's network instead of training one. only: for families of this kind.
    """

    kind: str
    decoder: str
    about: str
    change: Change = lambda config: config
    of: str = ""
    only: str = ""


HELD_OUT = 512  # puzzles for the validation loss
PRECISION = "float32"  # that the networks answer in
PARTS = 4  # of a training, after each of which it may be stopped and goes on from there
CONFIDENCE = "diffusion:order=confidence"
VARIANTS: dict[str, Variant] = {
    "diffusion": Variant("diffusion", CONFIDENCE, "masked diffusion, the plain recipe"),
    "diffusion-raster": Variant("diffusion", "diffusion", "the same nets, raster order", of="diffusion"),
    "ar": Variant("ar", "ar", "its AR twin, raster order"),
    "ar-random": Variant("ar-random", "ar-random:order=confidence", "AR on random orders, surest cell first"),
    "ar-solver": Variant("ar-solver", "ar-solver", "AR in solver order"),
    "loops=6": Variant("diffusion", f"{CONFIDENCE},loops=6", "twice the loops when decoding only", of="diffusion"),
    "bf16": Variant("diffusion", CONFIDENCE, "half precision", lambda c: replace(c, precision="bf16")),
    "no-bias": Variant("diffusion", CONFIDENCE, "no structural attention bias", lambda c: replace(c, bias=False)),
    "average": Variant("diffusion", CONFIDENCE, "moving average of weights, .98", lambda c: replace(c, ema=0.98)),
    "every-loop": Variant(
        "diffusion", CONFIDENCE, "learns from every loop", lambda c: replace(c, deep_supervision=True)
    ),
    "high-masks": Variant("diffusion", CONFIDENCE, "mask rates from 0.5 on", lambda c: replace(c, lowest=0.5)),
    "reached": Variant(
        "diffusion", CONFIDENCE, "masks as confidence order leaves them", lambda c: replace(c, policy_masks=1.0)
    ),
    "thinned": Variant("diffusion", CONFIDENCE, "half the puzzles lose givens", lambda c: replace(c, drop_givens=0.5)),
    "hard": Variant(
        "diffusion",
        CONFIDENCE,
        "half the puzzles from a hill climb",
        lambda c: replace(c, mix=(c.family, f"{c.family}:climb=20")),
        only="sudoku",
    ),
    "several": Variant(
        "diffusion",
        CONFIDENCE,
        "half the puzzles with several solutions",
        lambda c: replace(c, mix=(c.family, f"{c.family}:solutions=several")),
        only="sudoku",
    ),
    "edges": Variant(
        "diffusion",
        CONFIDENCE,
        "the graph as tokens, one an edge",
        lambda c: replace(c, edges=True),
        only="colouring",
    ),
    "ar-average": Variant("ar", "ar", "AR, moving average of weights, .98", lambda c: replace(c, ema=0.98)),
    "ar-every-loop": Variant("ar", "ar", "AR learns from every loop", lambda c: replace(c, deep_supervision=True)),
    "ar-thinned": Variant("ar", "ar", "AR, half the puzzles lose givens", lambda c: replace(c, drop_givens=0.5)),
}


@dataclass(frozen=True)
class Ablations:
    """What each choice in training buys: small nets that differ in one choice, several seeds, same puzzles to solve."""

    variants: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")] = ()
    """Which (default: all that suit the family)."""
    family: str = "sudoku6"
    """Family to train on."""
    solve: Annotated[str, tyro.conf.arg(metavar="SET")] = ""
    """Shipped set to solve (default: the family's)."""
    stratum: Annotated[tuple[str, ...], tyro.conf.arg(metavar="S ...")] = ("0", "4-10")
    """Strata of the shipped set."""
    count: Annotated[int, tyro.conf.arg(metavar="N")] = 100
    """Puzzles a stratum."""
    updates: Annotated[int, tyro.conf.arg(metavar="N")] = 400
    """Optimiser steps of 128 puzzles each."""
    puzzles: Annotated[int, tyro.conf.arg(metavar="N")] = 5000
    """Puzzles to train on."""
    dim: Annotated[int, tyro.conf.arg(metavar="N")] = 128
    """Width of the networks."""
    seeds: Annotated[int, tyro.conf.arg(metavar="N")] = 3
    """Networks a variant."""
    threads: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """CPU threads of each process."""
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Processes, each at a network of its own; 0 = as many as there are cores."""
    engine: Annotated[str, tyro.conf.arg(metavar="NAME")] = "local"
    """Where they run: local, ray or ray:ADDRESS (then DIR is a folder that every node sees)."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("results/ablations")
    """Folder for networks, shards/ (what each solved) and run.json."""


def main(options: Ablations) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    for name in ("count", "updates", "puzzles", "dim", "seeds"):
        if getattr(options, name) < 1:
            raise BadInput(f"--{name} {getattr(options, name)}: at least 1")
    suited = {name: v for name, v in VARIANTS.items() if family(options.family).kind.startswith(v.only)}
    for name in options.variants:
        if name not in suited:
            raise BadInput(f"no variant {name!r} for {options.family}; there are {', '.join(suited)}")
    check_processes(options.threads, options.workers, options.engine)
    chosen = {name: v for name, v in suited.items() if not options.variants or name in options.variants}
    solved_on = {s: load.shipped(options.solve or options.family, s, options.count) for s in options.stratum}

    # a shard a variant and seed; variants that decode one network are the work of one process
    folder = renewed(options.out, {"command": "ablations"})
    grid = [(name, seed) for name in chosen for seed in range(options.seeds)]
    works = {point: _work(options, *point, solved_on) for point in grid}
    by_network: dict[Path, list[tuple[str, int]]] = {}
    for point in grid:
        if not folder.piece(digest(works[point].config)).exists():
            by_network.setdefault(works[point].path, []).append(point)
    _measure(options, folder, works, by_network, len(grid))

    made = {name: [_kept(folder, works[name, seed]) for seed in range(options.seeds)] for name in chosen}
    folder.write_card({"status": "complete", **as_json(options, made)})
    folder.unlock()
    show_table(options, made)
    console.print(LEGEND)
    console.print(f"wrote networks, shards and run.json to {options.out}")


def _measure(options: Ablations, folder: RunFolder, works: dict, by_network: dict, total: int) -> None:
    """Train and decode what is missing; each variant is kept as soon as its network is done."""
    workers = options.workers or min(len(by_network), Executor(0, engine=options.engine).size)
    given_up = []
    with interrupted_says(kept_in(options.out)), progress("networks") as bar:
        task = bar.add_task("training", total=total, completed=total - sum(map(len, by_network.values())))
        tasks = ((points, partial(_all, [works[point] for point in points])) for points in by_network.values())
        for points, answers, _ in Executor(workers, options.threads, options.engine).run(tasks):
            if isinstance(answers, Died):
                given_up.append(", ".join(f"{name}, seed {seed}" for name, seed in points))
                continue
            for point, records in zip(points, answers, strict=True):
                config = works[point].config
                schema = SCHEMA.with_metadata({"config": json.dumps(config)})
                write_atomically(folder.piece(digest(config)), to_parquet(records, schema))
                bar.update(task, advance=1, description=point[0])
    report_deaths(given_up)


SCHEMA = pyarrow.schema(
    [
        *((name, pyarrow.string()) for name in ("row", "stratum", "instance", "sha256")),
        *((name, pyarrow.int64()) for name in ("seed", "index")),
        ("validation", pyarrow.float64()),
        ("solved", pyarrow.bool_()),
    ]
)


LEGEND = """
validation: nats on held-out orbits, mean over seeds, lowest to highest (comparable within one kind of net and one
source of puzzles). solved %: mean over seeds and puzzles with its 95 % interval (bootstrap over networks and puzzles
alike; with three networks it is rough), and in brackets each seed's. gain: percentage points more than ar or
diffusion, same seeds and puzzles, all strata together, with the same kind of interval."""


@dataclass(frozen=True, eq=False)
class TrainAndSolve:
    """The work of a shard: what a variant's network solves; it is trained first if it is not there yet.

    training: of the network, kept at `path`.
    """

    name: str
    decoder: str
    training: TrainConfig
    path: Path
    solved_on: dict[str, Sequence[Instance]]

    @property
    def config(self) -> dict:
        """What the results are a function of."""
        return {
            "row": self.name,
            "decoder": self.decoder,
            "training": asdict(self.training),
            "held out": HELD_OUT,
            "precision": PRECISION,
            "puzzles": {stratum: [i.id for i in instances] for stratum, instances in self.solved_on.items()},
            "takeback": metadata.version("takeback"),
        }

    def __call__(self) -> list[dict]:
        """A record a puzzle."""
        config, seed = self.training, self.training.seed
        if not self.path.exists():
            counts = {"train": config.puzzles, "validation": HELD_OUT}
            sets = [_drawn(config.sources, seed, split, count) for split, count in counts.items()]
            trainer.train(config, *sets, self.path, lambda news: None)
        loaded = checkpoint.load(self.path, config.family, config.kind, getattr(torch, PRECISION))
        if not config.made(loaded.card["training"]):
            raise BadInput(f"{self.path} was trained with other options; remove it or give another --out")
        net = {"sha256": loaded.sha256, "validation": loaded.card["curve"]["rows"][-1][2]}
        return [
            {"row": self.name, "seed": seed, "stratum": stratum, "index": index, "instance": trace.instance, **net}
            | {"solved": trace.end == "solved"}
            for stratum, instances in self.solved_on.items()
            for index, trace in enumerate(decode(parse(self.decoder), loaded.model, instances, seed))
        ]


def _all(works: Sequence[TrainAndSolve]) -> list[list[dict]]:
    return [work() for work in works]


def _work(options: Ablations, name: str, seed: int, solved_on: dict[str, Sequence[Instance]]) -> TrainAndSolve:
    """What a variant of a seed is."""
    variant = VARIANTS[name]
    net = variant.of or name
    plain = TrainConfig(
        variant.kind,
        options.family,
        options.updates,
        puzzles=options.puzzles,
        seed=seed,
        data_seed=seed,
        dim=options.dim,
        validate_every=-(-options.updates // PARTS),
    )
    words = f"{options.family}-{net}-{options.dim}-{options.updates}x{options.puzzles}-seed{seed}".replace("=", "")
    path = options.out.absolute() / f"{words}.safetensors"
    return TrainAndSolve(name, variant.decoder, VARIANTS[net].change(plain), path, solved_on)


def _kept(folder: RunFolder, work: TrainAndSolve) -> dict:
    """A shard as the tables read it: the seed's network, its validation loss, what it solved by stratum."""
    path = folder.piece(digest(work.config))
    solved: dict[str, list[bool]] = {}
    for record in from_parquet(read_bytes(path), str(path)):
        solved.setdefault(record["stratum"], []).append(record["solved"])
    net = {name: record[name] for name in ("seed", "sha256", "validation")}
    return {**net, "solved": solved}


def validation(results: Sequence[dict]) -> Estimate:
    """Mean validation loss of a variant's networks, and the lowest and highest of them."""
    losses = [result["validation"] for result in results]
    return Estimate(float(np.mean(losses)), min(losses), max(losses), len(losses))


def solved_share(results: Sequence[dict], stratum: str) -> tuple[Estimate, str]:
    """The share that a variant's networks solve, its interval over networks and puzzles, and each seed's share."""
    right = np.array([result["solved"][stratum] for result in results], dtype=float)
    return bootstrap_crossed(right), ", ".join(f"{100 * share:.0f}" for share in right.mean(1))


def gain(made: dict[str, list[dict]], name: str) -> Estimate:
    """What a variant solves more than the plain recipe of its kind with the same seeds, as a share of all puzzles.

    Its interval is over networks and puzzles alike. Nothing for the plain recipes and where theirs was not run.
    """
    plain = "ar" if VARIANTS[name].kind.startswith("ar") else "diffusion"
    if name == plain or plain not in made:
        return Estimate(None, None, None, 0)
    one, other = (
        np.array([[right for of in result["solved"].values() for right in of] for result in made[which]], dtype=float)
        for which in (name, plain)
    )
    return bootstrap_crossed(one - other)


@lru_cache(maxsize=8)
def _drawn(sources: tuple[str, ...], seed: int, split: str, count: int) -> list[Dataset]:
    """The puzzles of a split, drawn once for all variants that are trained on them."""
    return trainer.datasets(TrainConfig("diffusion", mix=sources, data_seed=seed), split, count)


def show_table(options: Ablations, made: dict[str, list[dict]]) -> None:
    """Print a row a variant."""
    nets = f"{options.updates} updates, width {options.dim}, {options.seeds} seeds"
    lines = []
    for name, results in made.items():
        cells = []
        for stratum in options.stratum:
            share, of_seeds = solved_share(results, stratum)
            cells.append(cell(share, percent=True).append(f" ({of_seeds})", style="dim"))
        figures = cell(validation(results)), *cells, cell(gain(made, name), percent=True)
        lines.append((name, VARIANTS[name].about, *figures))
    heads = ("variant", "", "validation", *(f"{stratum} guesses, solved %" for stratum in options.stratum), "gain")
    show(f"takeback ablations: {options.family}, {nets}; nothing retracted", heads, lines, left=("",), wrap=("",))


def as_json(options: Ablations, made: dict[str, list[dict]]) -> dict:
    """run.json."""
    asked = {name: str(value) for name, value in asdict(options).items()}
    return {"options": asked, "versions": run.versions(), "variants": made}


if __name__ == "__main__":
    from experiments.cli.dispatch import run

    run(main, Ablations)
