"""`takeback samplers`: which published way of taking back is worth its compute, and must the network have learned it?

    takeback samplers                                 # trains three small networks, some minutes
    takeback samplers --preset standard --out DIR     # hours; stage after stage, and goes on

Plain masked diffusion and networks trained on wrong visible cells (uniform noise, their own errors, edits, all three; a
placebo whose loss counts visible cells though none is wrong), alike in everything else, fill the same puzzles within
the same calls: nothing taken back, restarts, ReMDM, LLaDA 2.1's editing, informed correctors, path planning,
Token-Critic, PRISM, VGB, best-first search, each beside its placebo, which takes back as much at random, and its no-net
twin. Prints success by calls and FLOPs, and what learning to revise costs on clean states. Writes networks/, shards/,
run.json and samplers as PNG and SVG; after each stage what there is.

A command of its own: `takeback frontier` runs one network of a kind, this one trains several and compares them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.engine.studies import Study, StudyOptions, opened
from experiments.engine.study_networks import train_all
from experiments.engine.works import Work, keep_all, records
from experiments.samplers import figures, tables
from experiments.samplers.grid import ITSELF, NO_NET, PRESETS, SAMPLERS, Preset, Stage
from experiments.samplers.measure import Said, Sampled
from experiments.samplers.summary import summarise
from generators import checkpoint


@dataclass(frozen=True)
class Samplers(StudyOptions):
    """Which published way of taking back is worth its compute, and must the network have learned it?"""

    preset: Literal["quick", "standard"] = "quick"
    """quick: three small networks of 4x4 Sudokus, which it trains. standard: 6x6 Sudokus, six ways of training, three
    seeds; the shipped network of 9x9; 3-colouring; hours, on two cores, each stage kept as it is done."""


def main(options: Samplers) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    preset = PRESETS[options.preset]
    study = opened("samplers", options, shipped=False)
    done: list[Work] = []
    networks: dict[str, str] = {}
    for stage in preset.stages:
        works = list(_measured(study, preset, stage))
        done += works
        networks |= {f"{w.puzzles.name}, {w.net}, seed {w.seed}": w.sha256 for w in works if w.sha256}
        if stage != preset.stages[-1]:
            summary = summarise(preset, (record for work in done for record in records(study.folder, work)))
            study.so_far(summary, networks, figures.draw)
    summary = summarise(preset, (record for work in done for record in records(study.folder, work)))
    study.finish(options, summary, networks, figures.draw, tables.show_all, "networks/, ")


def _measured(study: Study, preset: Preset, stage: Stage) -> Iterator[Work]:
    """A stage's networks trained, and its work done."""
    if stage.size is not None:
        train_all([stage.training(net, study.networks) for net in stage.nets], study.executor, study.out)
        train_all([stage.head(net, study.networks) for net in stage.nets], study.executor, study.out)
    works = list(works_of(preset, stage, study.networks))
    keep_all(study.folder, works, study.executor, "measured")
    return iter(works)


def works_of(preset: Preset, stage: Stage, at: Path) -> Iterator[Work]:
    """What is measured of a stage: each network's word on wrong cells, each sampler with its placebo, and the twins."""
    for net in stage.nets:
        path = stage.training(net, at).path
        of = stage.puzzles, net, stage.seed, str(path), _sha256(path)
        yield Said(*of, preset.errors)
        for name in preset.samplers:
            yield from _variants(preset, stage, name, at, net, of, but=NO_NET)
    for name in preset.samplers:
        yield from _variants(preset, stage, name, at, "", (stage.puzzles, "", stage.seed, "", ""), only=NO_NET)


def _variants(
    preset: Preset, stage: Stage, name: str, at: Path, net: str, of: tuple, but: str = "", only: str = ""
) -> Iterator[Sampled]:
    """A sampler's variants at its budgets: at each where it follows the budget, otherwise at the largest."""
    sampler = SAMPLERS[name]
    for variant in sampler.variants:
        if variant == but or (only and variant != only):
            continue
        head = stage.head(net, at).path if sampler.quality and variant == ITSELF else None
        with_head = (str(head), _sha256(head)) if head else ("", "")
        for budget in preset.budgets if sampler.by_budget else preset.budgets[-1:]:
            spelled = str(sampler.decoder("net", budget, variant))
            yield Sampled(*of, name, variant, budget, spelled, stage.count, *with_head)


def _sha256(path: Path) -> str:
    return checkpoint.read_card(path.with_suffix(".json"))["sha256"]
