"""Puzzles a second, side by side in one run: python -m benchmarks.instances [--seconds 5].

  drawing   unique 9x9 Sudokus here, against reasoning-gym, py-sudoku and dokusan, each with as many blanks as it makes
            by default, and ours at the same number: reasoning-gym 30 to 50, ours 50; plus ours with no clue to spare.
            dokusan and reasoning-gym promise one solution; py-sudoku 2 does not, and how many of its puzzles have
            several is counted.
  grading   ../shared/data/sudoku10k.txt, or --puzzles FILE: guesses, solutions and level, one core.
  hard      1,000 9x9 puzzles of the 11-100 stratum, test split, two processes.

Install the rivals with pip install -e '.[bench]'. Medians over rounds that alternate between the contenders; ratios
are of medians, with a bootstrap 95 % interval.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from csp import generate
from csp.difficulty import reference_search
from csp.families import sudoku
from csp.seeds import stream
from experiments.engine.executors import in_order
from experiments.puzzle_files.formats import read

ROUNDS = 7


def rate(job: Callable[[int], object], seconds: float, start: int) -> tuple[float, int]:
    """(items a second, items) of calling job(start), job(start + 1), ... for so many seconds."""
    began, done = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < seconds or not done:
        job(start + done)
        done += 1
    return done / spent, done


def contenders() -> dict[str, tuple[Callable[[int], object], bool]]:
    """name: (draw one puzzle, does it promise one solution)."""
    import reasoning_gym
    from dokusan import generators as dokusan
    from sudoku import Sudoku

    theirs = reasoning_gym.create_dataset("sudoku", seed=1, size=10**9)
    made: dict[str, tuple[Callable[[int], object], bool]] = {}
    for name, spelling in (("takeback, 50 blanks", "sudoku9:clues=31"), ("takeback, none to spare", "sudoku9")):
        family = generate.family(spelling)
        made[name] = (lambda i, family=family: family.propose(stream("bench", i)), True)
    made["takeback, certified"] = (lambda i: generate.draw("sudoku9", 0, "train", i), True)
    made["reasoning-gym"] = (lambda i: theirs[i], True)
    made["dokusan"] = (lambda i: dokusan.random_sudoku(avg_rank=150), True)
    made["py-sudoku"] = (lambda i: Sudoku(3, seed=i).difficulty(0.5), False)
    return made


def several(puzzles: list[np.ndarray]) -> int:
    """How many have more than one solution."""
    return sum(reference_search.count(sudoku.board(9), puzzle) > 1 for puzzle in puzzles)


def drawing(seconds: float, terminal: Console) -> None:
    """Rates of all contenders, in alternating rounds."""
    from sudoku import Sudoku

    jobs = contenders()
    rates: dict[str, list[float]] = {name: [] for name in jobs}
    blanks: dict[str, str] = {"reasoning-gym": "30-50", "dokusan": "about 50", "py-sudoku": "40"}
    for job, _ in jobs.values():
        job(0)
    at = dict.fromkeys(jobs, 1)
    for _ in range(ROUNDS):
        for name, (job, _) in jobs.items():
            speed, done = rate(job, seconds / ROUNDS, at[name])
            rates[name].append(speed)
            at[name] += done
    table = Table(title="Unique 9x9 Sudokus a second, one core", box=box.SIMPLE_HEAD, title_justify="left")
    for head in ("", "one solution", "median /s", "min-max", "drawn", "x fastest that promises it"):
        table.add_column(head, justify="right" if head else "left")
    rivals = [name for name, (_, unique) in jobs.items() if unique and not name.startswith("takeback")]
    best = max(rivals, key=lambda name: np.median(rates[name]))
    for name, (_, unique) in jobs.items():
        spread = f"{min(rates[name]):.4g}-{max(rates[name]):.4g}"
        shown = f"{blanks.get(name, '')}" and f" ({blanks[name]} blanks)"
        table.add_row(
            name + shown, "yes" if unique else "no", f"{np.median(rates[name]):.4g}", spread, str(at[name] - 1),
            ratio(rates[name], rates[best]),
        )  # fmt: skip
    terminal.print(table)
    boards = [Sudoku(3, seed=i).difficulty(0.5).board for i in range(200)]
    drawn = [np.array([[value or 0 for value in row] for row in board]).ravel() for board in boards]
    terminal.print(f"fastest that promises one solution: {best}. py-sudoku: {several(drawn)} of 200 have several.\n")


def ratio(mine: list[float], theirs: list[float]) -> str:
    """Ratio of medians with its bootstrap interval."""
    a, b = np.array(mine), np.array(theirs)
    picks = stream("bench ratio").integers(0, len(a), size=(2, 2000, len(a)))
    drawn = np.median(a[picks[0]], axis=1) / np.median(b[picks[1]], axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{np.median(a) / np.median(b):.3g} [{low:.3g}, {high:.3g}]"


def grading(path: Path, terminal: Console) -> None:
    """Puzzles graded a second on one core."""
    instances = read(path)
    speeds = []
    for _ in range(3):
        began = time.perf_counter()
        for instance in instances:
            reference_search.grade(instance.problem, instance.givens)
        speeds.append(len(instances) / (time.perf_counter() - began))
    low, high = min(speeds), max(speeds)
    terminal.print(
        f"Grading {len(instances)} puzzles of {path.name} (guesses, solutions, level), one core: median "
        f"{np.median(speeds):.0f} a second, {low:.0f} to {high:.0f} in {len(speeds)} passes.\n"
    )


def _hard(start: int) -> int:
    drawn = [generate.draw("sudoku9", 7, "test", index) for index in range(start, start + 32)]
    return sum(instance.difficulty.stratum == "11-100" for instance in drawn)


def hard(count: int, terminal: Console) -> None:
    """Seconds to draw so many of the 11-100 stratum with two processes, start-up included."""
    began, found, chunks = time.perf_counter(), 0, 0
    for hits in in_order(2, _hard, ((start,) for start in range(0, 10**7, 32)), "draws"):
        found += hits
        chunks += 1
        if found >= count:
            break
    seconds = time.perf_counter() - began
    drawn = 32 * chunks
    terminal.print(f"{found} 9x9 puzzles of 11-100 guesses among {drawn} drawn: {seconds:.0f} s on two processes.")


def main() -> None:
    """Run all three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each contender in all")
    parser.add_argument("--puzzles", type=Path, default=Path("../shared/data/sudoku10k.txt"))
    parser.add_argument("--hard", type=int, default=1000, help="how many of the 11-100 stratum")
    options = parser.parse_args()
    terminal = Console(highlight=False, width=120)
    drawing(options.seconds, terminal)
    if options.puzzles.exists():
        grading(options.puzzles, terminal)
    else:
        terminal.print(f"no {options.puzzles}: grading is not measured\n")
    hard(options.hard, terminal)


if __name__ == "__main__":
    main()
