"""`takeback factors`: which of order, workspace, reading, supervision, depth and search closes the gap?

    takeback factors                                  # shipped small networks, some minutes
    takeback factors --preset standard --out DIR      # trains what DIR/networks lacks; many hours; goes on
    takeback factors --preset standard --out DIR --trained      # measures what has been trained by now

Networks that differ in one word at a time are trained on the same puzzles and batches, and decode the same puzzles in
every order, with every veto and retraction, one cell a call. What is compared was planned before
(docs/results/factors-plan.md). Prints shares solved, the planned comparisons, Shapley shares and verdicts; writes
run.json, shards/, interaction and shapley as PNG and SVG.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from csp.errors import BadInput
from experiments.cli.options import check_processes
from experiments.cli.terminal import console
from experiments.engine import run
from experiments.engine.executors import Executor
from experiments.engine.folder import RunFolder, renewed
from experiments.engine.study_networks import train_all
from experiments.engine.works import keep_all, records
from experiments.factors import figures, mechanism, tables
from experiments.factors.comparisons import Study
from experiments.factors.grid import (
    DEVELOPMENT,
    NO_NET,
    ORDERS,
    PRESETS,
    Cell,
    Part,
    Point,
    Preset,
    crossed_cells,
    full_cells,
)  # fmt: skip
from experiments.factors.measure import Place, Solve, StartStates
from experiments.factors.networks import MAIN, NETWORKS, SPECIAL
from experiments.factors.resampling import RESAMPLES
from experiments.factors.results import Results
from experiments.factors.summary import summarise
from generators import checkpoint

TEMPERATURES = (0.3, 0.6, 1.0)
TRIED_ON = 50  # development puzzles a stratum
STARTS = 100  # puzzles whose prefixes are start states
STARTED = (*MAIN, *SPECIAL)  # networks that are given start states
PLAIN_TEMPERATURE = 1.0  # where none was chosen
Work = Solve | StartStates | mechanism.Probe | mechanism.Ablate


@dataclass(frozen=True)
class Factors:
    """Which of order, workspace, reading, supervision, depth and search closes the gap between AR and diffusion?"""

    preset: Literal["quick", "standard", "large"] = "quick"
    """quick: shipped small networks, one seed, 6x6. standard: trains every small network of the plan, five seeds, three
    families; large: the main ones at the size of the shipped networks, three seeds. Hours each, on two cores."""
    sets: Annotated[tuple[str, ...], tyro.conf.arg(metavar="SET ...")] = ()
    """Only these of sudoku6, colouring3-30 and sudoku9 (default: all of the preset)."""
    trained: tyro.conf.FlagCreatePairsOff[bool] = False
    """Train nothing: measure the networks that DIR/networks holds all seeds of, and name those that are missing."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder for networks/, shards/, run.json and figures (default: results/factors-PRESET)."""
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Processes; 0 = as many as there are cores. Changes no figure."""
    engine: Annotated[str, tyro.conf.arg(metavar="NAME")] = "local"
    """Where they run: local, ray or ray:ADDRESS (then DIR is a folder that every node sees)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print JSON instead of the tables."""


def main(options: Factors) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    check_processes(1, options.workers, options.engine)
    preset = chosen(options)
    out = options.out or Path("results") / f"factors-{options.preset}"
    folder = renewed(out, {"command": "factors", "preset": options.preset, "sets": list(options.sets)})
    at = checkpoint.FOLDER / "factors" if preset.shipped else (out / "networks").absolute()
    executor = Executor(options.workers, 1, options.engine)

    missing: list[str] = []
    if options.trained:
        preset, missing = with_what_is_there(preset, at)
    elif not preset.shipped:
        train_all([point.training(at) for point in preset.points()], executor, out)
    places = {part: list(_places(part, at)) for part in preset.studies()}
    temperatures = choose_temperatures(preset, places, folder, executor)
    results = Results.read(keep_all(folder, _works(preset, places, temperatures), executor, "measured"))
    studies = {
        part: Study(results, part.puzzles.set, part.puzzles.strata, part.size.name, part.seeds, preset.count, RESAMPLES)
        for part in places
    }
    summary = summarise(preset, studies, places)
    card = {"summary": summary, "temperatures": temperatures, "missing": missing, "versions": run.versions()}
    folder.write_card({"status": "complete", **card})
    folder.unlock()
    main_study = next(iter(studies.values()))
    drawn = figures.draw(preset, main_study, out)
    if options.json:
        print(json.dumps(summary, indent=1))
    else:
        tables.show(summary)
    console.print(f"wrote {', '.join(drawn)}, shards and run.json to {out}")


def chosen(options: Factors) -> Preset:
    """The preset, with the sets asked for. Raises BadInput for one that it has not."""
    preset = PRESETS[options.preset]
    there = list(dict.fromkeys(part.puzzles.set for part in preset.parts))
    for name in options.sets:
        if name not in there:
            raise BadInput(f"preset {options.preset} has no set {name!r}; it has {', '.join(there)}")
    if not options.sets:
        return preset
    return replace(preset, parts=tuple(part for part in preset.parts if part.puzzles.set in options.sets))


def with_what_is_there(preset: Preset, at: Path) -> tuple[Preset, list[str]]:
    """The preset with those networks of which every seed has been trained, and the names of the others. Raises BadInput
    if there are none.
    """
    parts, missing = [], []
    for part in preset.studies():
        trained = [name for name in part.names if all(point.training(at).path.exists() for point in part.of(name))]
        missing += [f"{part.puzzles.set} {part.size.name}: {name}" for name in part.names if name not in trained]
        if trained:
            parts.append(replace(part, names=tuple(trained)))
    if not parts:
        raise BadInput(f"{at} holds no network of the preset of which every seed has been trained")
    if missing:
        console.print(f"not trained yet, and left out: {', '.join(missing)}")
    return replace(preset, parts=tuple(parts)), missing


def _places(part: Part, at: Path) -> Iterator[Place]:
    """The networks of a part, and the uniform one, seed by seed. Raises BadInput for a network of other options."""
    for seed in range(part.seeds):
        for name in part.names:
            training = Point(part.puzzles, NETWORKS[name], part.size, seed).training(at)
            place = str(training.path), part.puzzles.family, training.card["sha256"]
            yield Place(name, part.size.name, seed, *place)
        yield Place(NO_NET, part.size.name, seed)


def choose_temperatures(
    preset: Preset, places: dict[Part, list[Place]], folder: RunFolder, executor: Executor
) -> dict[str, dict[str, float]]:
    """By set and network: the temperature of restarts with which most of the development puzzles are solved."""
    if not preset.whole:
        return {}
    tried: dict[tuple[Part, str], dict[float, list[Solve]]] = {}
    for part, of_part in places.items():
        for place in of_part:
            if place.seed == 0 and any(cell.search == "restart" for cell in _all_cells(place.net, preset)):
                tried[part, place.net] = {
                    temperature: [
                        Solve(place, _TRIAL, part.puzzles, stratum, tuple(range(TRIED_ON)), temperature, DEVELOPMENT)
                        for stratum in part.puzzles.strata
                    ]
                    for temperature in TEMPERATURES
                }
    keep_all(folder, (work for of in tried.values() for works in of.values() for work in works), executor, "tried")

    best: dict[str, dict[str, float]] = {}
    for (part, net), of_net in tried.items():
        solved = {
            temperature: sum(record["solved"] for work in works for record in records(folder, work))
            for temperature, works in of_net.items()
        }
        of_set = best.setdefault(f"{part.puzzles.set} {part.size.name}", {})
        of_set[net] = max(TEMPERATURES, key=lambda temperature: solved[temperature])
    return best


_TRIAL = tuple(Cell(order, "legal", "restart") for order in ORDERS)


def _all_cells(net: str, preset: Preset) -> list[Cell]:
    return full_cells(net, preset.factors) + (crossed_cells(net, preset.factors) if preset.whole else [])


def _works(preset: Preset, places: dict[Part, list[Place]], temperatures: dict) -> Iterator[Work]:
    """Everything that is measured, a shard a network, stratum and kind of search; what the planned comparisons and the
    Shapley shares need comes first.
    """
    every = tuple(range(preset.count))
    strata = [
        (part, place, stratum)
        for part, of_part in places.items()
        for place in of_part
        for stratum in part.puzzles.strata
    ]

    def solve(
        part: Part, place: Place, stratum: str, cells: Sequence[Cell], indices: tuple[int, ...]
    ) -> Iterator[Solve]:
        of_set = temperatures.get(f"{part.puzzles.set} {part.size.name}", {})
        for alike in _by_search(cells):
            yield Solve(place, alike, part.puzzles, stratum, indices, of_set.get(place.net, PLAIN_TEMPERATURE))

    for part, place, stratum in strata:
        yield from solve(part, place, stratum, full_cells(place.net, preset.factors), every)
    if not preset.whole:
        return

    # Described only: the mechanism, shared start states, and the rest of the crossing on a share of the puzzles.
    for part, of_part in places.items():
        yield from mechanism.works(of_part, part.puzzles, preset.count)
    for part, place, stratum in strata:
        if place.net in STARTED:
            yield StartStates(place, part.puzzles, stratum, min(STARTS, preset.count))
    for part, place, stratum in strata:
        share = every[place.seed :: part.seeds] if part.seeds > 1 else every
        yield from solve(part, place, stratum, crossed_cells(place.net, preset.factors), share)


def _by_search(cells: Sequence[Cell]) -> Iterator[tuple[Cell, ...]]:
    """The cells of each veto and search together."""
    for kind in dict.fromkeys((cell.veto, cell.search) for cell in cells):
        yield tuple(cell for cell in cells if (cell.veto, cell.search) == kind)
