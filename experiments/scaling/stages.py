"""The parts of `takeback scaling` one after the other: what a part trains may depend on what earlier ones have shown.

    >>> found = stages(parts, networks, keep)            # keep does what is missing of the works that it is given

The scales of the rates come from the part "rates"; second seeds stand where the parabolas have their vertices; the
networks that are decoded block by block are the best of each budget. All of it is a function of the records, so a run
that was stopped goes on as it was begun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from csp.io.files import from_parquet, read_bytes
from experiments.engine.shards import digest
from experiments.engine.works import Work
from experiments.scaling.fits import LEAST, Point, vertex
from experiments.scaling.grid import KINDS, SCALES, STANDARD, Part, Run
from experiments.scaling.measure import Measure, MeasureBlocks

Record = Mapping[str, Any]
SECOND = 1  # the seed at vertices


@dataclass
class Found:
    """records: of networks; blocks: of those decoded block by block; wanted: how many pieces each part has in all, as
    far as that is known, and how many of them are there; networks: SHA-256 by title.
    """

    records: list[dict] = field(default_factory=list)
    blocks: list[dict] = field(default_factory=list)
    wanted: dict[str, list[int]] = field(default_factory=dict)
    networks: dict[str, str] = field(default_factory=dict)


def stages(parts: Iterable[Part], folder: Path, networks: Path, keep: Callable[[str, Sequence[Work]], None]) -> Found:
    """folder: of the run; what is there of each part once `keep` has had its works."""
    found = Found()
    by_run: dict[Run, dict] = {}

    def collect(part: str, works: Sequence[Measure | MeasureBlocks], into: list[dict]) -> None:
        keep(part, works)
        counts = found.wanted.setdefault(part, [0, 0])
        for work in works:
            path = folder / "shards" / f"{digest(work.config)}.parquet"
            counts[1] += 1
            if path.exists():
                counts[0] += 1
                rows = [{"part": part} | row for row in from_parquet(read_bytes(path), str(path))]
                into += rows
                if isinstance(work, Measure):
                    by_run[work.run] = rows[0]
                    found.networks[work.title] = rows[0]["sha256"]

    for part in parts:
        rates = scales(found.records)
        runs = [run for run in part.runs(rates) if part.tunes or run.kind in rates]
        collect(part.name, [Measure(run, str(networks)) for run in runs], found.records)
        if part.seeds:
            again = second_seeds(runs, found.records)
            collect(part.name, [Measure(run, str(networks)) for run in again], found.records)
        if part.blocks:
            best = [MeasureBlocks(run, str(networks), by_run[run]["sha256"]) for run in best_diffusion(by_run)]
            collect(part.name, best, found.blocks)
    return found


def scales(records: Sequence[Record]) -> dict[str, float]:
    """The scale of each kind's rate, of the run with the fewest nats; of kinds whose runs are all there."""
    made = {}
    for kind in KINDS:
        tried = {r["scale"]: r["nats"] for r in records if r["kind"] == kind and _tuning(r)}
        if set(tried) == set(SCALES):
            made[kind] = min(tried, key=tried.get)
    return made


def _tuning(record: Record) -> bool:
    return record["part"] in STANDARD and STANDARD[record["part"]].tunes


def points(records: Sequence[Record], family: str, kind: str) -> list[Point]:
    """The runs of the main grid. What is within its standard error of the floor counts as that far above it."""
    return [
        Point(r["budget"], r["parameters"], max(r["excess"], r["excess_se"]))
        for r in main_grid(records)
        if (r["family"], r["kind"]) == (family, kind)
    ]


def main_grid(records: Sequence[Record]) -> list[Record]:
    """The records of the parts that make iso-FLOP curves."""
    return [record for record in records if record["part"] in STANDARD and STANDARD[record["part"]].seeds]


def second_seeds(runs: Sequence[Run], records: Sequence[Record]) -> list[Run]:
    """The runs nearest to the vertices of their budgets, once more with another seed."""
    made = []
    for family, kind, budget in dict.fromkeys((run.family, run.kind, run.budget) for run in runs):
        mine = [run for run in runs if (run.family, run.kind, run.budget) == (family, kind, budget)]
        sizes = {r["dim"]: r for r in records if _same(r, mine[0]) and r["seed"] == 0}
        if len(sizes) < max(LEAST, len(mine)):
            continue
        logs = np.log([sizes[run.dim]["parameters"] for run in mine])
        heights = np.log([sizes[run.dim]["excess"] for run in mine])
        where, _, _ = vertex(logs, heights[:, None])
        made.append(replace(mine[int(np.abs(logs - where[0]).argmin())], seed=SECOND))
    return made


def _same(record: Record, run: Run) -> bool:
    return all(record[name] == getattr(run, name) for name in ("part", "family", "kind", "budget", "scale"))


def best_diffusion(by_run: Mapping[Run, Record]) -> list[Run]:
    """Of every Sudoku family and budget so far the diffusion network with the least excess."""
    best: dict[tuple, Run] = {}
    for run, record in by_run.items():
        if run.kind == "diffusion" and run.seed == 0 and "sudoku" in run.family and STANDARD[run.part].seeds:
            place = run.family, run.budget
            if place not in best or record["excess"] < by_run[best[place]]["excess"]:
                best[place] = run
    return list(best.values())
