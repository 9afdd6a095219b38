"""`takeback subnetworks`: which weights does learning from rewards change, and is it peculiar to rewards?

    takeback subnetworks                                 # a shipped starting network, some minutes
    takeback subnetworks --preset standard --out DIR     # trains its starting networks; hours; goes on

Runs of several seeds begin with one network and learn from rewards, from shuffled ones, from their own right fillings,
from given solutions, and from solutions of another rule, in float32. Compared: how many weights differ afterwards, by
tolerance and after rounding to bfloat16; whether other seeds change the same ones, against masks dealt out anew; ranks;
and what becomes of a run that may change nothing but the weights that it changed, or as many others. Prints tables;
writes run.json, shards/, trained/, masks/ and updates as PNG and SVG.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from csp.seeds import stream
from experiments.engine.studies import StudyOptions, opened
from experiments.engine.study_networks import train_all
from experiments.engine.works import keep_all, records
from experiments.reinforcement.grid import Recipe
from experiments.reinforcement.measure import Before, Learned
from experiments.subnetworks import figures, tables
from experiments.subnetworks.grid import MASKED, PRESETS, Preset
from experiments.subnetworks.measure import rounded_masks
from experiments.subnetworks.summary import summarise, weights_of
from generators.weights.masks import write_masks
from generators.weights.subnetworks import dealt_anew


@dataclass(frozen=True)
class Subnetworks(StudyOptions):
    """Which weights does learning from rewards change, and is it peculiar to rewards?"""

    preset: Literal["quick", "standard"] = "quick"
    """quick: a shipped starting network of 4x4 Sudokus, two seeds. standard: 4x4 and 6x6, AR and diffusion, three
    seeds; hours, on two cores."""


def main(options: Subnetworks) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    preset = PRESETS[options.preset]
    study = opened("subnetworks", options, preset.learning.shipped)
    out, folder, at, executor = study.out, study.folder, study.networks, study.executor

    if not preset.learning.shipped:
        families = preset.learning.families
        train_all([p.training(kind, 0, p.halfway, at) for p in families for kind in preset.kinds], executor, out)

    # First the runs that may change everything, then those that may change what the first ones did.
    free = list(runs(preset, at, (out / "trained").absolute()))
    keep_all(folder, free, executor, "learned")
    bound = [work for learned in rewarded(preset, free) for work in with_masks(learned, (out / "masks").absolute())]
    keep_all(folder, bound, executor, "learned again")

    works = [*free, *bound]
    summary = summarise(preset, [(work, records(folder, work)) for work in works])
    networks = {f"{work.puzzles.name}, {work.kind}": work.sha256 for work in works}
    study.finish(options, summary, networks, figures.draw, tables.show_all, "trained/, masks/, ")


def runs(preset: Preset, at: Path, trained: Path) -> Iterator[Before | Learned]:
    """Each starting network as it is, and after each way of learning, a run a seed."""
    for puzzles in preset.learning.families:
        for kind in preset.kinds:
            start = puzzles.training(kind, 0, puzzles.halfway, at)
            for seed in range(preset.learning.seeds):
                place = preset.learning, puzzles, kind, seed, str(start.path), start.card["sha256"]
                yield Before(*place)
                for recipe in preset.recipes(puzzles):
                    if recipe.kind == kind:
                        yield Learned(*place, recipe, str(trained))


def rewarded(preset: Preset, works: list[Before | Learned]) -> list[Learned]:
    """The runs that learned from rewards at the main rate."""
    wanted = {Recipe(kind, "grpo") for kind in preset.kinds}
    return [work for work in works if isinstance(work, Learned) and work.recipe in wanted]


def with_masks(learned: Learned, folder: Path) -> Iterator[Learned]:
    """The same run once more, which may change only the matrices' weights that it changed to a precision of bfloat16,
    or as many others of each matrix.
    """
    own = rounded_masks(weights_of(Path(learned.start)), weights_of(learned.path))
    rng = stream("random mask", learned.title)
    other = {name: dealt_anew(mask, None, rng) for name, mask in own.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, masks in zip(MASKED, (own, other)):
        path = folder / learned.path.stem / f"{name}.safetensors"
        path.parent.mkdir(exist_ok=True)
        write_masks(masks, path)
        yield replace(learned, recipe=replace(learned.recipe, only=str(path)))
