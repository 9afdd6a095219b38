"""`takeback instances sweep`: the same family at growing mean degree, across the threshold where colourings vanish.

    takeback instances sweep gnp:n=100 --degree 3.6 5.4 0.2 --count 100

Every instance is certified solvable or not. For 3 colours and large n the threshold is near mean degree 4.69 (Mulet,
Pagnani, Weigt and Zecchina 2002); on small graphs the fall is gradual and comes earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from csp import generate
from csp.errors import BadInput
from csp.families.random_graphs import RandomGraph
from csp.io.files import check_room, write_atomically
from csp.io.instance_records import write_parquet
from csp.problem import Instance
from experiments.cli.tables import cell, show
from experiments.cli.terminal import console, progress, save_figure
from experiments.engine.executors import in_order
from experiments.scoring.statistics import Estimate, bootstrap, proportion
from solvers.oracles.pick import settle


@dataclass(frozen=True)
class Sweep:
    """Draw a family of graphs at growing mean degree: how many are solvable, and how much search that takes."""

    family: Annotated[str, tyro.conf.Positional] = "gnp:n=100"
    """A family of random graphs with its words: gnp, planted, flat, regular."""
    degree: Annotated[tuple[float, float, float], tyro.conf.arg(metavar="FROM TO STEP")] = (3.8, 5.4, 0.2)
    """Mean degrees, both ends counted."""
    count: Annotated[int, tyro.conf.arg(metavar="N")] = 100
    """Graphs at each degree."""
    seed: int = 0
    """Other seeds give other graphs."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("results/sweep")
    """Folder for sweep.parquet (every graph) and sweep.png."""
    workers: int = 0
    """Processes; 0 = as many as there are cores."""


def main(options: Sweep) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    low, high, step = options.degree
    if not (0 <= low <= high and step > 0 and (high - low) / step < 200) or options.count < 1 or options.workers < 0:
        raise BadInput("--degree FROM TO STEP rises from 0 up in at most 200 steps; --count is at least 1")
    if not isinstance(generate.family(options.family), RandomGraph):
        raise BadInput(f"{options.family}: a sweep needs a family with a mean degree: gnp, planted, flat, regular")
    degrees = [round(low + i * step, 6) for i in range(int((high - low) / step + 1e-9) + 1)]
    joint = "," if ":" in options.family else ":"
    names = [generate.spelling(f"{options.family}{joint}degree={degree}") for degree in degrees]
    check_room(options.out / "sweep.parquet")
    drawn: list[list[Instance]] = []
    with progress("graphs") as bar:
        task = bar.add_task("drawing", total=len(names) * options.count)
        tasks = ((name, options.seed, index) for name in names for index in range(options.count))
        answers = in_order(options.workers, _draw, tasks, "graphs")
        for name in names:
            bar.update(task, description=name)
            drawn.append([])
            for _ in range(options.count):
                drawn[-1].append(next(answers))
                bar.advance(task)
    everything = [instance for at_degree in drawn for instance in at_degree]
    points = [_point(at_degree) for at_degree in drawn]
    _show(options, degrees, points)  # first: a disk that has become full does not take it away
    write_atomically(options.out / "sweep.parquet", write_parquet(everything, {"family": options.family}))
    _figure(options, degrees, drawn, points)
    console.print(f"wrote sweep.parquet and sweep.png to {options.out}")


def _draw(name: str, seed: int, index: int) -> Instance:
    return generate.draw(name, seed, generate.ANY, index, settle)


def _point(instances: Sequence[Instance]) -> dict[str, Estimate]:
    guesses = [instance.difficulty.guesses for instance in instances]
    return {
        "solvable %": proportion(sum(i.difficulty.solutions != 0 for i in instances), len(instances)),
        "median guesses": bootstrap(guesses, np.median),
        "mean guesses": bootstrap(guesses),
        "over 100 %": proportion(sum(g > 100 for g in guesses), len(guesses)),
    }


def _show(options: Sweep, degrees: Sequence[float], points: Sequence[dict[str, Estimate]]) -> None:
    """Print a line a degree."""
    lines = [
        (f"{degree:g}", str(options.count), *(cell(f, percent=head.endswith("%")) for head, f in point.items()))
        for degree, point in zip(degrees, points)
    ]
    show(
        f"{options.family}: {options.count} graphs at each mean degree, seed {options.seed}",
        ("degree", "n", *points[0]),
        lines,
        notes=("Below each figure its 95 % interval (Wilson for shares, bootstrap otherwise).",),
    )


def _figure(options: Sweep, degrees, drawn, points) -> None:
    """The share that is solvable falls across the threshold; guesses peak near it."""
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(8, 4.5), layout="constrained")
    axes = canvas.subplots()
    other = axes.twinx()
    solvable = [point["solvable %"] for point in points]
    share = 100 * np.array([[p.value, p.low, p.high] for p in solvable])
    axes.fill_between(degrees, share[:, 1], share[:, 2], color="#1f77b4", alpha=0.2)
    axes.plot(degrees, share[:, 0], "o-", color="#1f77b4")
    axes.set_ylabel("certified solvable, %", color="#1f77b4")
    axes.set_ylim(-3, 103)
    axes.set_xlabel("mean degree")
    for at, instances in zip(degrees, drawn):
        guesses = np.array([instance.difficulty.guesses for instance in instances])
        other.plot(np.full(len(guesses), at), guesses + 1, ".", color="#d62728", alpha=0.15)
    median = [point["median guesses"].value + 1 for point in points]
    other.plot(degrees, median, "s--", color="#d62728")
    other.set_yscale("log")
    other.set_ylabel("guesses + 1 (dots), and median", color="#d62728")
    axes.set_title(f"{options.family}, {options.count} graphs at each degree", fontsize=11)
    save_figure(canvas, options.out / "sweep.png")
