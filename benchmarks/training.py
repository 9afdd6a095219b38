"""Training throughput as a share of what this machine's matrix products reach, and where the rest goes.

    python -m benchmarks.training            # about two minutes on two cores

The peak is measured in the same run: the best of several products of the sizes that training uses, in the same
precision and with as many threads. FLOPs are those of the cards (backward counted as twice forward).
"""

from __future__ import annotations

import time
from collections import defaultdict

import numpy as np
import torch
from rich import box
from rich.console import Console
from rich.table import Table
from torch.profiler import ProfilerActivity, profile

from csp.seeds import stream
from experiments.cli.terminal import console
from generators.training import trainer
from generators.training.datasets import Dataset, dataset

REPEATS = 5
PUZZLES = 256
CASES = (("diffusion", "sudoku6"), ("ar", "sudoku6"), ("diffusion", "sudoku9"), ("ar", "sudoku9"))
PARTS = {
    "matrix products": ("mm", "bmm", "addmm"),
    "softmax": ("softmax", "log_softmax"),
    "GELU": ("gelu",),
    "copies and casts": ("copy_", "cat", "clone", "to"),
}


def peak(precision: str) -> float:
    """FLOPs a second of the best of some products that training makes."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    best = 0.0
    for m, k, n in ((10368, 128, 512), (10368, 512, 128), (128, 10368, 512)):
        a, b = torch.randn(m, k).to(kind), torch.randn(k, n).to(kind)
        for _ in range(2 * REPEATS):
            started = time.perf_counter()
            a @ b
            best = max(best, 2 * m * k * n / (time.perf_counter() - started))
    return best


def part_of(name: str) -> str:
    """The line of the profile that an operation belongs to."""
    bare = name.removeprefix("aten::").strip("_").removesuffix("_backward").removesuffix("_backward_data")
    return next((part for part, names in PARTS.items() if bare in {n.strip("_") for n in names}), "other")


def case(kind: str, name: str, precision: str, data: Dataset) -> tuple[list[str], list[str]]:
    """Two rows: throughput, and shares of the time by part."""
    config = trainer.TrainConfig(kind, name, precision=precision)
    model = trainer.build(config, [data])
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def update(number: int) -> None:
        rng = stream("benchmark", number)
        boards, solutions = data.batch(rng.integers(0, PUZZLES, size=config.batch), rng)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = model.loss(model.corrupt(boards, solutions, rng)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    update(0)
    seconds = []
    for number in range(REPEATS):
        started = time.perf_counter()
        update(number)
        seconds.append(time.perf_counter() - started)
    flops = model.training_flops(data.boards.take(np.arange(config.batch)))
    rates = flops / np.array(seconds)
    top = peak(precision)
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        update(0)
    spent: dict[str, float] = defaultdict(float)
    for event in seen.key_averages():
        spent[part_of(event.key)] += event.self_cpu_time_total
    total = sum(spent.values())
    label = [f"{name} {kind}", precision]
    return (
        [
            *label,
            f"{config.batch / np.median(seconds):.0f}",
            f"{np.median(rates) / 1e9:.0f} [{rates.min() / 1e9:.0f}, {rates.max() / 1e9:.0f}]",
            f"{top / 1e9:.0f}",
            f"{100 * np.median(rates) / top:.0f}",
        ],
        [*label, *(f"{100 * spent[part] / total:.0f}" for part in (*PARTS, "other"))],
    )


def main() -> None:
    """Print the tables."""
    console.print(f"{torch.get_num_threads()} threads, {REPEATS} updates of 128 puzzles each; median [lowest, highest]")
    rates = Table(title="training throughput", box=box.SIMPLE_HEAD, title_justify="left")
    for head in ("", "precision", "examples/s", "GFLOP/s", "peak GFLOP/s", "share %"):
        rates.add_column(head, justify="right" if head else "left", no_wrap=True)
    shares = Table(title="time by operation, %", box=box.SIMPLE_HEAD, title_justify="left")
    for head in ("", "precision", *PARTS, "other"):
        shares.add_column(head, justify="right" if head else "left", no_wrap=True)
    drawn = {name: dataset(name, 0, "train", PUZZLES) for name in dict.fromkeys(name for _, name in CASES)}
    for kind, name in CASES:
        for precision in ("fp32", "bf16"):
            rate, share = case(kind, name, precision, drawn[name])
            rates.add_row(*rate)
            shares.add_row(*share)
    Console().print(rates)
    Console().print(shares)


if __name__ == "__main__":
    main()
