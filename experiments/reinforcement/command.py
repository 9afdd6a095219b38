"""`takeback reinforcement`: does an estimated likelihood hurt the trained policy, or only the estimate?

    takeback reinforcement                               # shipped starting networks, some minutes
    takeback reinforcement --preset standard --out DIR   # trains its starting networks, three seeds; hours; goes on

Half-trained networks learn from a checker's word on their fillings: GRPO and DPO with the exact likelihood and with
each estimate of it, AR beside diffusion. Controls: shuffled rewards, expert iteration on own right fillings, as many
supervised updates. Prints pass@k before and after; writes run.json, shards/, trained/ and curves as PNG and SVG.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.engine.studies import StudyOptions, opened
from experiments.engine.study_networks import train_all
from experiments.engine.works import keep_all, records
from experiments.reinforcement import figures, tables
from experiments.reinforcement.grid import PRESETS, Preset
from experiments.reinforcement.measure import NO_NET, Before, Learned, NoNetwork
from experiments.reinforcement.summary import summarise


@dataclass(frozen=True)
class Reinforcement(StudyOptions):
    """Does an estimated likelihood hurt the policy that learns from rewards, or only the estimate?"""

    preset: Literal["quick", "standard"] = "quick"
    """quick: a shipped starting network of 4x4 Sudokus, five recipes. standard: three families, three starting networks
    of each kind, every recipe; hours, on two cores."""


def main(options: Reinforcement) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    preset = PRESETS[options.preset]
    study = opened("reinforcement", options, preset.shipped)
    out, folder, at, executor = study.out, study.folder, study.networks, study.executor

    if not preset.shipped:
        starts = [
            puzzles.training(kind, seed, puzzles.halfway, at)
            for puzzles in preset.families
            for kind in preset.kinds
            for seed in range(preset.seeds)
        ]
        train_all(starts, executor, out)
    works = list(runs(preset, at, (out / "trained").absolute()))
    keep_all(folder, works, executor, "learned")
    summary = summarise((record for work in works for record in records(folder, work)), preset)
    networks = {f"{w.puzzles.name}, {w.kind}, seed {w.seed}": w.sha256 for w in works if w.kind != NO_NET}
    study.finish(options, summary, networks, figures.draw, tables.show_all, "trained/, ")


def runs(preset: Preset, at: Path, trained: Path) -> Iterator[Before | Learned]:
    """Each starting network as it is, and after each recipe; values drawn at random in a network's place."""
    for puzzles in preset.families:
        for seed in range(preset.seeds):
            yield NoNetwork(preset, puzzles, NO_NET, seed, "", "")
            for kind in preset.kinds:
                training = puzzles.training(kind, seed, puzzles.halfway, at)
                place = preset, puzzles, kind, seed, str(training.path), training.card["sha256"]
                yield Before(*place)
                for recipe in preset.recipes:
                    if recipe.kind == kind:
                        yield Learned(*place, recipe, str(trained))
