"""Two worker processes against one, command by command, side by side in one run: wall time, and the same bytes.

    python -m benchmarks.engine                  # all five, about an hour on two cores
    python -m benchmarks.engine ceiling score

Each command is started as a user starts it, so that imports and the start of the processes are in its time.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from csp.io import shipped_sets
from csp.io.instance_records import write_jsonl
from experiments.cli.terminal import console

REPEATS = 3
ROWS = ("best-first", "best-first-placebo", "ar-best-first", "diffusion-confidence")
#: Words of each command, each some minutes of work for one process: the processes' start takes about ten seconds.
COMMANDS = {
    "ceiling": ["--family", "sudoku9", "--stratum", "11-100", "--count", "60", "--decoders", *ROWS],
    "frontier": ["--stratum", "11-100", "--count", "140", "--calls", "300", "--decoders", "remask", "best-first"],
    "evaluate": ["--stratum", "11-100", "--count", "200", "--calls", "200", "--decoders", "restart", "best-first"],
    "control": ["--task", "span", "--methods", "masked-best", "ar-all-best", "--targets", "96", "--calls", "300"],
    "score": [],
}
COPIES = 40  # of the traces that `score` is given


def timed(words: list[str], out: Path) -> float:
    """Seconds of a command."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "experiments.cli.dispatch", *words, "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - started


def attempts(folder: Path) -> list[str]:
    """Words of `score`: many traces of a search on colourings, whose states an oracle is asked about."""
    words = ["--family", "colouring3-50", "--stratum", "11-100", "--decoders", "min-conflicts", "no-net-raster"]
    timed(["ceiling", *words, "--workers", "1"], folder / "made")
    text = (folder / "made" / "traces.jsonl").read_text()
    (folder / "traces.jsonl").write_text(text * COPIES)
    (folder / "puzzles.jsonl").write_text(write_jsonl(shipped_sets.load("colouring3-50", "11-100")))
    return [str(folder / "traces.jsonl"), "--instances", str(folder / "puzzles.jsonl")]


def result(out: Path) -> bytes:
    """The bytes that must not depend on the number of processes."""
    traces = out / "traces.jsonl"
    if traces.exists():
        return traces.read_bytes()
    import pyarrow.parquet

    return repr(pyarrow.parquet.read_table(out / "scores.parquet").drop(["seconds"]).to_pydict()).encode()


def main() -> None:
    """Print the table."""
    chosen = sys.argv[1:] or list(COMMANDS)
    table = Table(title="one process / two, a thread each", box=box.SIMPLE_HEAD, title_justify="left")
    for head in ("", "one, s", "two, s", "ratio", "same bytes"):
        table.add_column(head, justify="right" if head else "left", no_wrap=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for command in chosen:
            words = [command, *(attempts(folder) if command == "score" else COMMANDS[command])]
            seconds, same = [], True
            for repeat in range(REPEATS):
                pair = []
                for workers in (1, 2) if repeat % 2 else (2, 1):
                    out = folder / f"{command}-{repeat}-{workers}"
                    pair.append((workers, timed([*words, "--workers", str(workers)], out)))
                    same &= result(out) == result(folder / f"{command}-0-2")
                seconds.append([took for _, took in sorted(pair)])
                console.print(f"{command}: {seconds[-1][0]:.1f} s, {seconds[-1][1]:.1f} s")
            ratios = sorted(one / two for one, two in seconds)
            one, two = np.median(seconds, axis=0)
            spread = f"{np.median(ratios):.2f}x [{ratios[0]:.2f}, {ratios[-1]:.2f}]"
            table.add_row(command, f"{one:.1f}", f"{two:.1f}", spread, "yes" if same else "NO")
    Console().print(table)


if __name__ == "__main__":
    main()
