"""The runs of `takeback subnetworks`, summed up: a study for each family and kind of network.

>>> summarise(preset, [(work, records(folder, work)) for work in works])[0]["ways"]["diffusion: grpo, exact"]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from experiments.engine.small_puzzles import SmallPuzzles
from experiments.reinforcement.grid import Preset as Learning
from experiments.reinforcement.measure import Before, Learned
from experiments.reinforcement.summary import pass_table
from experiments.scoring.statistics import bootstrap_crossed
from experiments.subnetworks.grid import MASKED, Preset
from experiments.subnetworks.measure import changes, distance, over_runs
from generators.weights.tensor_files import read_tensors

Done = Sequence[tuple[Before | Learned, list[dict]]]


def weights_of(path: Path) -> Mapping[str, Tensor]:
    """A network's tensors by name. Raises BadInput for what cannot be read."""
    return read_tensors(path, "a network's weights")[0]


def summarise(preset: Preset, done: Done) -> list[dict[str, Any]]:
    """Shares of changed weights and what the runs have learned, by way of learning."""
    return [
        _study(preset, puzzles, kind, [pair for pair in done if (pair[0].puzzles, pair[0].kind) == (puzzles, kind)])
        for puzzles in preset.learning.families
        for kind in preset.kinds
    ]


def with_rate(name: str, way: Mapping[str, Any]) -> str:
    """A way of learning with its rate, which some names have already."""
    return name if ", rate " in name else f"{name}, rate {way['rate']:g}"


def _study(preset: Preset, puzzles: SmallPuzzles, kind: str, done: Done) -> dict[str, Any]:
    """done: the works of this family and kind."""
    learning = preset.learning
    before = weights_of(Path(done[0][0].start))
    ways = {}
    for recipe in preset.recipes(puzzles):
        if recipe.kind == kind:
            mine = [pair for pair in done if isinstance(pair[0], Learned) and pair[0].recipe == recipe]
            found = changes(before, [weights_of(work.path) for work, _ in mine], recipe.name)
            ways[recipe.name] = {"rate": recipe.lr or learning.lr, **_passed(learning, mine), **found}
    return {
        "family": puzzles.name,
        "kind": kind,
        "blank": learning.blank,
        "seeds": learning.seeds,
        "n": learning.seeds * learning.tests,
        "updates": learning.updates,
        "parameters": sum(weight.numel() for weight in before.values()),
        "before": _passed(learning, [pair for pair in done if isinstance(pair[0], Before)]),
        "ways": ways,
        "masked": _masked(learning, done),
    }


def _masked(learning: Learning, done: Done) -> dict[str, Any]:
    """What becomes of runs that may change few weights: right fillings, and how far from the free run they end."""
    free = {
        (work.recipe.name, work.seed): work for work, _ in done if isinstance(work, Learned) and not work.recipe.only
    }
    made = {}
    for name in MASKED:
        mine = [pair for pair in done if isinstance(pair[0], Learned) and Path(pair[0].recipe.only).stem == name]
        apart = []
        for work, _ in mine:
            of = free[replace(work.recipe, only="").name, work.seed]
            apart.append(distance(weights_of(of.path), weights_of(work.path), weights_of(Path(work.start))))
        made[name] = {**_passed(learning, mine), "distance": over_runs(apart)}
    return made


def _passed(learning: Learning, pairs: Done) -> dict[str, Any]:
    """pass@1 over runs and puzzles."""
    found = [record for _, of_work in pairs for record in of_work]
    return {"pass@1": bootstrap_crossed(pass_table(found, learning, 1))._asdict()}
