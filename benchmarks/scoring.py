"""Scoring speed, side by side on the same traces in one run: python -m benchmarks.scoring [--quick].

  ratios    saying of every state of a trace whether it is alive: here, against the naive way, a CP-SAT model built and
            solved for every state. Unique 9x9 Sudokus, and colourings of 50 nodes with several solutions.
  growth    states a second (alive or not, of every state) for boards of 6, 9 and 16 and for graphs of 30 to 200 nodes;
            whole scores a second beside it.
  workers   `takeback score` on one file with one process and with two.
  memory    the peak of one process over one and over ten times as many traces.

Traces: uniform over legal values in random order, restarted up to 5 times, so that they hold retractions too. Each rate
is a median over rounds in which the contenders alternate.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from csp.generate import draw
from csp.io.instance_records import write_jsonl as write_instances
from csp.io.trace_records import write_jsonl
from csp.problem import Instance
from csp.trace import Trace, replay
from experiments.scoring.scorer import liveness, score
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from generators.models.uniform import Uniform
from solvers.oracles.cp_sat import CpSat
from solvers.oracles.pick import pick, settle

DECODER = parse("uniform:order=random,veto=legal,temperature=1,retraction=restart,attempts=5")
ROUNDS = 5
Work = list[tuple[Trace, Instance]]


def traces(family: str, count: int) -> Work:
    """A trace on each of so many instances of a family."""
    instances = [draw(family, 5, "any", index, settle) for index in range(count)]
    return list(zip(decode(DECODER, Uniform(), instances, 0), instances, strict=True))


def states(work: Work) -> int:
    """How many states the traces hold."""
    return sum(len(trace.events) + 1 for trace, _ in work)


def fast(work: Work) -> None:
    """Every state's life, as the scorer finds it; oracles are made anew, and that counts."""
    for trace, instance in work:
        liveness(trace, instance, pick(instance))


def naive(work: Work) -> None:
    """Every state's life, by a CP-SAT model for each."""
    for trace, instance in work:
        oracle = CpSat(instance)
        for state in replay(trace, instance.givens):
            oracle.solve(state)


def full(work: Work) -> None:
    """Whole scores."""
    for trace, instance in work:
        score(trace, instance, pick(instance))


def rate(job: Callable[[Work], None], work: Work) -> float:
    """States a second."""
    began = time.perf_counter()
    job(work)
    return states(work) / (time.perf_counter() - began)


def ratios(terminal: Console, quick: bool) -> None:
    """Ours against the naive way."""
    table = Table(title="States a second: is each alive?", box=box.SIMPLE_HEAD, title_justify="left")
    for head in ("traces of", "states", "CP-SAT model a state", "here", "ratio", "min-max"):
        table.add_column(head, justify="right" if head != "traces of" else "left")
    for name, family in (("unique 9x9", "sudoku9"), ("colouring n = 50, several", "planted:n=50,degree=4.6")):
        work = traces(family, 200)
        few = work[: 2 if quick else 4]
        fast(work)
        slow, ours = [], []
        for _ in range(ROUNDS):
            slow.append(rate(naive, few))
            ours.append(rate(fast, work))
        for trace, instance in few:  # the same answers
            oracle = CpSat(instance)
            truth = [oracle.solve(state) is not None for state in replay(trace, instance.givens)]
            assert liveness(trace, instance, pick(instance)).tolist() == truth
        each = np.array(ours) / np.array(slow)
        table.add_row(
            name, f"{states(few)} / {states(work)}", f"{np.median(slow):.4g}", f"{np.median(ours):.4g}",
            f"{np.median(each):,.0f}", f"{each.min():,.0f}-{each.max():,.0f}",
        )  # fmt: skip
    terminal.print(table)


def growth(terminal: Console, quick: bool) -> None:
    """How the rates fall with size."""
    table = Table(title="States a second by size, one core", box=box.SIMPLE_HEAD, title_justify="left")
    for head in ("traces of", "oracle", "states", "alive?", "whole scores", "scores a second"):
        table.add_column(head, justify="right" if head not in ("traces of", "oracle") else "left")
    sizes = [(f"board {side}", f"sudoku{side}") for side in (6, 9, 16)]
    sizes.append(("board 9, several", "sudoku9:solutions=several"))
    sizes += [(f"colouring n = {n}", f"planted:n={n},degree=4.6") for n in (30, 50, 100, 200)]
    for name, family in sizes:
        work = traces(family, 20 if quick else 60)
        fast(work)
        alive = np.median([rate(fast, work) for _ in range(3)])
        whole = np.median([rate(full, work) for _ in range(1 if quick else 3)])
        each = whole * len(work) / states(work)
        made = pick(work[0][1]).name, str(states(work)), f"{alive:,.0f}", f"{whole:,.0f}", f"{each:,.0f}"
        table.add_row(name, *made)
    terminal.print(table)


def command(folder: Path, workers: int, file: str) -> float:
    """Seconds of `takeback score` on a file of the folder, as a process of its own."""
    words = [file, "--instances", "puzzles.jsonl", "--workers", str(workers), "--out", f"out{workers}", "--json"]
    began = time.perf_counter()
    job = [sys.executable, "-m", "benchmarks.scoring", "--score", *words]
    subprocess.run(job, cwd=folder, check=True, capture_output=True, env={"PYTHONPATH": str(Path.cwd()), "PATH": ""})
    return time.perf_counter() - began


def workers(terminal: Console, quick: bool) -> None:
    """One process against two, start-up included."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        work = traces("planted:n=100,degree=4.6", 40)
        (folder / "puzzles.jsonl").write_text(write_instances([instance for _, instance in work]))
        once = write_jsonl(trace for trace, _ in work)
        (folder / "traces.jsonl").write_text(once * (20 if quick else 100))
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(1 if quick else 3):
            for count in seconds:
                seconds[count].append(command(folder, count, "traces.jsonl"))
        one, two = (float(np.median(seconds[count])) for count in (1, 2))
        total = len(work) * (20 if quick else 100)
        terminal.print(
            f"takeback score on {total} traces of colouring n = 100: {one:.1f} s with one process, {two:.1f} s with "
            f"two: {one / two:.2f} times as fast (medians of {len(seconds[1])}, start-up counted)."
        )
        small, large = (_peak(folder, once * times, times) for times in (10, 100))
        terminal.print(f"Peak memory of one process: {small:.0f} MiB over 400 traces, {large:.0f} MiB over 4000.")


def _peak(folder: Path, text: str, times: int) -> float:
    """MiB at most, scoring that many traces in one process."""
    (folder / f"{times}.jsonl").write_text(text)
    job = [sys.executable, "-m", "benchmarks.scoring", "--score", f"{times}.jsonl", "--instances", "puzzles.jsonl"]
    job += ["--workers", "1", "--out", "peak", "--json"]
    environment = {"PYTHONPATH": str(Path.cwd()), "PATH": ""}
    done = subprocess.run(job, cwd=folder, check=True, capture_output=True, text=True, env=environment)
    return float(done.stderr.strip().splitlines()[-1].split()[-1])


def score_command(words: Sequence[str]) -> None:
    """`takeback score`, and its peak memory in MiB as the last line of standard error."""
    import tyro

    from experiments.score import ScoreCommand, main

    main(tyro.cli(ScoreCommand, args=list(words)))
    print("peak MiB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, file=sys.stderr)


def main() -> None:
    """Run all."""
    if sys.argv[1:2] == ["--score"]:
        score_command(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer traces and rounds")
    options = parser.parse_args()
    terminal = Console(highlight=False, width=120)
    ratios(terminal, options.quick)
    growth(terminal, options.quick)
    workers(terminal, options.quick)


if __name__ == "__main__":
    main()
