"""`takeback policies`: does learning the order gain more, or learning what to take back, and on which puzzles?

    takeback policies                               # a shipped half-trained network, some minutes
    takeback policies --preset standard --out DIR   # half-trained and shipped networks, three seeds; hours; goes on

Beside a frozen network a small head learns from the checker's word on whole boards: which cell is next, or which cells
are taken back after each call. Controls: shuffled rewards, the head as it begins, as many cells anywhere, best-first
search, no network. Prints shares solved by need of search; writes run.json, shards/, trained/ and gains as PNG and SVG.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.engine.studies import StudyOptions, opened
from experiments.engine.study_networks import train_all
from experiments.engine.works import keep_all, records
from experiments.policies import figures, tables
from experiments.policies.grid import HALF, HEADS, PRESETS, SHIPPED, WAYS, Preset
from experiments.policies.measure import NO_NET, Solved, Start, Taught
from experiments.policies.summary import summarise
from generators import checkpoint


@dataclass(frozen=True)
class Policies(StudyOptions):
    """Does learning the order gain more, or learning what to take back, and on which puzzles?"""

    preset: Literal["quick", "standard"] = "quick"
    """quick: a shipped half-trained network, ten updates, two strata: shows how it works, decides nothing. standard:
    half-trained and shipped networks, three seeds, four strata; hours, on two cores."""


def main(options: Policies) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    preset = PRESETS[options.preset]
    study = opened("policies", options, preset.shipped)
    out, folder, executor = study.out, study.folder, study.executor

    if not preset.shipped and HALF in preset.networks:
        train_all([_half_trained(preset, seed, study.networks) for seed in range(preset.seeds)], executor, out)
    starts = list(_starts(preset, study.networks))
    taught = {(start, head): Taught(preset, start, head, str((out / "trained").absolute())) for start in starts
              for head in HEADS}  # fmt: skip
    keep_all(folder, taught.values(), executor, "learned")
    solved = list(_solved(preset, starts, taught))
    keep_all(folder, solved, executor, "decoded")

    every = (record for work in (*taught.values(), *solved) for record in records(folder, work))
    networks = {start.title: start.sha256 for start in starts}
    study.finish(options, summarise(every, preset), networks, figures.draw, tables.show_all, "trained/, ")


def _half_trained(preset: Preset, seed: int, at: Path):
    return preset.puzzles.training("diffusion", seed, preset.puzzles.halfway, at)


def _starts(preset: Preset, at: Path) -> Iterator[Start]:
    """The networks that heads learn beside, seed by seed."""
    for network in preset.networks:
        for seed in range(preset.seeds):
            if network == HALF:
                training = _half_trained(preset, seed, at)
                path, card = training.path, training.card
            else:
                path = checkpoint.FOLDER / f"{SHIPPED}.safetensors"
                card = checkpoint.read_card(path.with_suffix(".json"))
            yield Start(network, seed, str(path), card["sha256"])


def _solved(preset: Preset, starts: list[Start], taught: dict) -> Iterator[Solved]:
    """Every way on every stratum; without a network with the heads of the first network."""
    for start in starts:
        beside = [start] + [Start(NO_NET, start.seed)] * (start.network == preset.networks[0])
        for stratum in preset.strata:
            for way in WAYS:
                head = taught[start, way.head] if way.head else None
                for place in beside:
                    yield Solved(preset, place, way, stratum, head)
