"""`takeback selection`: does choosing 5 % of the data by gradients beat all of it, and at what cost?

    takeback selection                                   # one target, one pool, two kinds of networks; some minutes
    takeback selection --preset standard --out DIR       # four targets, three pools; hours; goes on if stopped

A pool of mixed puzzles, some with spoiled labels, is scored against 32 examples of one skill by gradients of low rank
(LESS, Xia et al. 2024). A network is trained on the best 5 %, and beside it others: on a random 5 %, on neighbours, on
what has the highest or lowest loss, on items of the true skill, on all of the pool. Prints tables; writes run.json,
shards/, networks/, trained/ and choices as PNG and SVG. Standard needs peft: pip install 'takeback[selection]'.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import tyro

from csp.errors import BadInput
from experiments.engine.studies import Study, StudyOptions, opened
from experiments.engine.study_networks import train_all
from experiments.engine.works import Work, keep_all, records
from experiments.selection import figures, tables
from experiments.selection.grid import MAIN, PRESETS, Preset, Way
from experiments.selection.measure import Drawn, Place, Redrawn, Trained, Warmed, scoring
from experiments.selection.summary import summarise
from generators.selection.lora import check_installed


@dataclass(frozen=True)
class Selection(StudyOptions):
    """Does choosing 5 % of the data by gradients beat all of it, and at what cost?"""

    preset: Literal["quick", "standard"] = "quick"
    """quick: 4x4 Sudokus, 1,200 items, one network of each kind; some minutes. standard: four skills, 20,000
    items, three networks of each kind; hours, on two cores."""
    seeds: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Only the first so many pools, each with its networks (0: all); a later run without it adds the others."""
    main: tyro.conf.FlagCreatePairsOff[bool] = False
    """Only the ways that the claim is about; a later run without it adds the others."""


def main(options: Selection) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    preset = PRESETS[options.preset]
    if not 0 <= options.seeds <= preset.seeds:
        raise BadInput(f"--seeds {options.seeds}; {options.preset} has {preset.seeds}")
    if any(preset.ranks):
        check_installed()
    study = opened("selection", options, shipped=False)

    # What the claim is about first, pool by pool; then what explains it.
    waves = [preset.ways[:MAIN], *([] if options.main else [preset.ways[MAIN:]])]
    done: dict[Work, None] = {}
    for number, ways in enumerate(waves):
        for seed in range(options.seeds or preset.seeds):
            done |= dict.fromkeys(_of_seed(preset, study, seed, ways, first=number == 0))
    found = [(work, records(study.folder, work)) for work in done if not isinstance(work, Drawn)]
    networks = {work.name: work.sha256 for work in done if isinstance(work, Place)}
    made = options.seeds or preset.seeds
    summary = summarise(replace(preset, seeds=made), found)
    study.finish(options, summary, networks, figures.draw, tables.show_all, "networks/, trained/, ")


def _of_seed(preset: Preset, study: Study, seed: int, ways: Sequence[Way], first: bool) -> Iterator[Work]:
    """Do a seed's work for these ways; all of it."""
    out, folder, executor = study.out.absolute(), study.folder, study.executor
    keep_all(folder, [Drawn(preset.pool, seed, str(out / "shards"))], executor, "drawn")
    trainings = [preset.training(kind, seed, study.networks) for kind in preset.kinds]
    train_all(trainings, executor, study.out)
    places = [
        Place(preset, kind, seed, str(training.path), training.card["sha256"], str(out))
        for kind, training in zip(preset.kinds, trainings)
    ]

    ranks = {way.rank for way in ways if way.gradients} | {preset.ranks[0]}
    warmed = [Warmed(*_fields(place), rank) for place in places for rank in preset.ranks if rank in ranks]
    keep_all(folder, warmed, executor, "warmed up")
    scored = list(dict.fromkeys(work for place in places for way in ways for work in scoring(place, way)))
    keep_all(folder, scored, executor, "scored")

    trained: list[Work] = [Trained(*_fields(place), None, "") for place in places] if first else []
    for way in ways:
        goals = [""] if way.shared else preset.targets
        trained += [Trained(*_fields(place), way, goal) for place in places for goal in goals]
    keep_all(folder, trained, executor, "trained")

    # Masks are redrawn of one network only: rankings of one pool.
    masked = [place for place in places if place.kind == "diffusion" and seed == 0 and not first]
    redrawn = [Redrawn(*_fields(place), preset.ranks[0]) for place in masked]
    keep_all(folder, redrawn, executor, "redrawn")
    yield from (*warmed, *scored, *trained, *redrawn)


def _fields(place: Place) -> tuple:
    """What a piece of work at a place begins with."""
    return place.preset, place.kind, place.seed, place.start, place.sha256, place.out
