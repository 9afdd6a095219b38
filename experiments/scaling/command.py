"""`takeback scaling`: does scaling need autoregression? Networks of equal training FLOPs against an exact floor.

    takeback scaling                                     # fits shipped runs anew, trains two small ones; minutes
    takeback scaling --preset standard --out DIR         # trains everything; about a day of two cores; goes on
    takeback scaling --preset standard --out DIR --parts first,twins
    takeback scaling --preset standard --out DIR --so-far           # what is there by now; runs nothing

AR (raster and random orders), masked diffusion and blind diffusion of many sizes, trained for the same FLOPs on the
same puzzles, whose solutions are drawn uniformly: what a network that knew everything would be off by is the logarithm
of their number. What is left above that floor may go to zero, and how fast it does is compared. Prints tables; writes
run.json, shards/, networks/ and scaling as PNG and SVG.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from csp.errors import BadInput
from experiments.cli.terminal import console
from experiments.engine.studies import StudyOptions, opened
from experiments.engine.works import Work, keep_all, records
from experiments.scaling import figures, tables
from experiments.scaling.grid import QUICK, STANDARD, Part
from experiments.scaling.measure import Measure
from experiments.scaling.shipped import read
from experiments.scaling.stages import scales, stages
from experiments.scaling.summary import on_the_curve, summarise


@dataclass(frozen=True)
class Scaling(StudyOptions):
    """Does scaling need autoregression?"""

    preset: Literal["quick", "standard"] = "quick"
    """quick: fits the shipped summary of runs anew, and trains two small networks that should fall on its curves; some
    minutes. standard: trains everything, a part after the other, what tells most first; about a day, on two cores."""
    parts: Annotated[str, tyro.conf.arg(metavar="NAME,...")] = ""
    """Of standard: these parts alone, and those that tune the rates of their kinds (default: all)."""
    so_far: tyro.conf.FlagCreatePairsOff[bool] = False
    """Of standard: tables and figure of what is kept in DIR by now, also while a run goes on; nothing is run."""


def main(options: Scaling) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    if options.preset == "quick":
        if options.parts or options.so_far:
            raise BadInput("--parts and --so-far go with --preset standard")
        quick(options)
        return
    parts = chosen(options.parts)
    if options.so_far:
        so_far(options, parts)
        return
    study = opened("scaling", options, False)

    def keep(part: str, works: Sequence[Work]) -> None:
        keep_all(study.folder, works, study.executor, f"{part}:")

    found = stages(parts, study.out, study.networks, keep)
    study.finish(options, summarise(found), found.networks, figures.draw, tables.show_all, "networks/, ")


def chosen(names: str) -> list[Part]:
    """The parts of that spelling, in their own sequence, with those that tune rates for their kinds.

    Raises BadInput for one that there is not.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()] or list(STANDARD)
    if unknown := [name for name in wanted if name not in STANDARD]:
        raise BadInput(f"no part {unknown[0]!r}; there are {', '.join(STANDARD)}")
    kinds = {kind for name in wanted for kind in STANDARD[name].kinds}
    return [part for name, part in STANDARD.items() if name in wanted or (part.tunes and kinds & {*part.kinds})]


def so_far(options: Scaling, parts: Sequence[Part]) -> None:
    """Tables and figure of a run's folder, which somebody may be writing to. Raises BadInput if there is none."""
    out = options.out or Path("results") / f"scaling-{options.preset}"
    if not (out / "shards").is_dir():
        raise BadInput(f"{out}: nothing is kept there yet; run it without --so-far")
    found = stages(parts, out, (out / "networks").absolute(), lambda part, works: None)
    if not found.records:
        raise BadInput(f"{out}: none of these parts has a finished run yet")
    summary = summarise(found)
    drawn = figures.draw(summary, out)
    if options.json:
        print(json.dumps(summary, indent=1))
    else:
        tables.show_all(summary)
    if drawn:
        console.print(f"wrote {', '.join(drawn)} to {out}")


def quick(options: Scaling) -> None:
    """Fit the shipped runs, and see whether two new ones fall on their curves."""
    found = read()
    study = opened("scaling", options, False)
    rates = scales(found.records)
    works = [Measure(run.tuned(rates), str(study.networks)) for run in QUICK]
    keep_all(study.folder, works, study.executor, "trained")
    new = [record for work in works for record in records(study.folder, work)]
    summary = summarise(found) | {"quick": on_the_curve(found.records, new)}
    networks = {work.title: record["sha256"] for work, record in zip(works, new, strict=True)}
    study.finish(options, summary, networks, figures.draw, tables.show_all, "networks/, ")
