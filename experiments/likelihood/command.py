"""`takeback likelihood`: what estimates of a diffusion network's likelihood are off by, against the exact one.

    takeback likelihood                                  # shipped small networks, some minutes
    takeback likelihood --preset standard --out DIR      # trains its networks, three seeds; hours; goes on

Reinforcement learning for diffusion puts an estimate in the place of log p(filling), which is said to be intractable.
With k free cells, filled one a call, it is a recursion over 2^k states (generators/likelihood/order_marginal.py). Each
estimate is compared with it: bias, spread, ranks within a group, and the direction of the group's gradient. Prints
tables; writes run.json, shards/ and estimates as PNG and SVG.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import tyro

from experiments.engine.studies import StudyOptions, opened
from experiments.engine.study_networks import train_all
from experiments.engine.works import keep_all, records
from experiments.likelihood import figures, tables
from experiments.likelihood.grid import PRESETS, Preset
from experiments.likelihood.measure import Group
from experiments.likelihood.summary import summarise
from generators.likelihood.order_policies import ORDERS


@dataclass(frozen=True)
class Likelihood(StudyOptions):
    """What are estimates of a diffusion network's likelihood off by, against the exact one?"""

    preset: Literal["quick", "standard"] = "quick"
    """quick: shipped small networks, one a family. standard: trains three of each, at three stages, and goes to more
    free cells; hours, on two cores."""
    all_sizes: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print a table for every number of free cells, not for the largest alone."""


def main(options: Likelihood) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    preset = PRESETS[options.preset]
    study = opened("likelihood", options, preset.shipped)
    out, folder, at, executor = study.out, study.folder, study.networks, study.executor

    if not preset.shipped:
        cases = dict.fromkeys((case.puzzles, case.updates) for case in preset.cases())
        trainings = [puzzles.training("diffusion", seed, n, at) for puzzles, n in cases for seed in range(preset.seeds)]
        train_all(trainings, executor, out)
    works = list(groups(preset, at))
    keep_all(folder, works, executor, "measured")
    summary = summarise((record for work in works for record in records(folder, work)), preset)
    networks = {
        f"{work.case.puzzles.name}, {work.case.updates} updates, seed {work.seed}": work.sha256 for work in works
    }
    study.finish(options, summary, networks, figures.draw, partial(tables.show_all, all_sizes=options.all_sizes))


def groups(preset: Preset, at: Path) -> Iterator[Group]:
    """What is measured: each case, order, network and puzzle."""
    for case in preset.cases():
        for seed in range(preset.seeds):
            training = case.puzzles.training("diffusion", seed, case.updates, at)
            sha256 = training.card["sha256"]
            for order in ORDERS:
                for index in range(preset.instances):
                    yield Group(case, str(training.path), sha256, seed, order, index, preset.group, preset.draws)
