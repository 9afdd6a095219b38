"""`takeback reinforcement`: does an estimated likelihood hurt the trained policy, or only the estimate?

    takeback reinforcement                               # shipped starting networks, some minutes
    takeback reinforcement --preset standard --out DIR   # trains its starting networks, three seeds; hours; goes on

Half-trained networks learn from a checker's word on their fillings: GRPO and DPO with the exact likelihood and with
each estimate of it, AR beside diffusion. Controls: shuffled rewards, expert iteration on own right fillings, as many
supervised updates. Prints pass@k before and after; writes run.json, shards/, trained/ and curves as PNG and SVG.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from experiments.cli.options import check_processes
from experiments.cli.terminal import console
from experiments.engine import run
from experiments.engine.executors import Executor
from experiments.engine.folder import renewed
from experiments.engine.study_networks import train_all
from experiments.engine.works import keep_all, records
from experiments.reinforcement import figures, tables
from experiments.reinforcement.grid import PRESETS, Preset
from experiments.reinforcement.measure import NO_NET, Before, Learned, NoNetwork
from experiments.reinforcement.summary import summarise
from generators import checkpoint


@dataclass(frozen=True)
class Reinforcement:
    """Does an estimated likelihood hurt the policy that learns from rewards, or only the estimate?"""

    preset: Literal["quick", "standard"] = "quick"
    """quick: a shipped starting network of 4x4 Sudokus, five recipes. standard: three families, three starting networks
    of each kind, every recipe; hours, on two cores."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder for networks/, trained/, shards/, run.json and figures (default: results/reinforcement-PRESET)."""
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Processes; 0 = as many as there are cores. Changes no figure."""
    engine: Annotated[str, tyro.conf.arg(metavar="NAME")] = "local"
    """Where they run: local, ray or ray:ADDRESS (then DIR is a folder that every node sees)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print JSON instead of the tables."""


def main(options: Reinforcement) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    check_processes(1, options.workers, options.engine)
    preset = PRESETS[options.preset]
    out = options.out or Path("results") / f"reinforcement-{options.preset}"
    folder = renewed(out, {"command": "reinforcement", "preset": options.preset})
    at = checkpoint.FOLDER / "likelihood" if preset.shipped else (out / "networks").absolute()
    executor = Executor(options.workers, 1, options.engine)

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
    folder.write_card({"status": "complete", "summary": summary, "networks": networks, "versions": run.versions()})
    folder.unlock()

    drawn = figures.draw(summary, out)
    if options.json:
        print(json.dumps(summary, indent=1))
    else:
        tables.show_all(summary)
    console.print(f"wrote {', '.join(drawn)}, trained/, shards and run.json to {out}")


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
