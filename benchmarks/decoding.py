"""The decode loop against plainer ones, side by side in one run: same weights, same instances, same boards out.

    python -m benchmarks.decoding                # about ten minutes on two cores
    python -m benchmarks.decoding --quick        # precision and threads alone; --quick 200 also counts what is solved

float32 against float64 as it was (benchmarks/plain_sessions.py), with the share of the machine's matmul peak;
KV-cached AR against reading everything anew at each call; the batched loop, which drops finished boards, against a
plain loop that follows LLaDA's sampler step by step (Nie et al. 2025: all rows to the last step, top-k of the
confidence of masked cells); traces a second over batch sizes; the share of time spent outside the network.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from itertools import product
from unittest.mock import patch

import numpy as np
import torch
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.plain_sessions import PlainAR, PlainDiffusion
from csp.io import shipped_sets
from csp.problem import Instance
from experiments.cli.terminal import console
from experiments.engine.loaded_models import in_threads
from generators import checkpoint
from generators.boards import stack
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from generators.models.autoregressive import Autoregressive
from generators.models.masked_diffusion import CellReader
from generators.models.text_reader import TextReader
from generators.models.transformer import pairs

REPEATS = 5
DECODED = {"ar": "ar", "diffusion": "diffusion:order=confidence"}
BRIEF = {"ar": "ar", "diffusion": "diffusion:order=confidence,calls=4"}  # what is timed: all calls cost alike
SETS = {"sudoku6": ("4-10", 36), "sudoku9": ("1-3", 81)}


@dataclass
class Recomputing:
    """An AR model that forgets its cache after every call."""

    model: Autoregressive
    name: str = "ar"

    def open(self, boards):
        self.boards = boards
        return self

    def predict(self, rows, assignments, commit_order=None, wanted=None):
        session = self.model.open(self.boards.take(rows))
        return session.predict(np.arange(len(rows)), assignments, commit_order, wanted)


@torch.inference_mode()
def llada(model, instances: Sequence[Instance], k: int) -> np.ndarray:
    """Final boards, by the published sampler's steps: every row is computed at every step, k cells of it are kept."""
    boards = stack(instances)
    x = torch.as_tensor(boards.givens)
    related = pairs(torch.as_tensor(boards.relations))
    real = torch.as_tensor(boards.real)
    masked = (boards.givens == 0) & boards.real
    for _ in range(int(np.ceil(masked.sum(1).max() / k))):
        mask = (x == 0) & real
        said = model(boards.d, x, related, real)
        p = said.exp()
        x0 = p.argmax(-1)
        confidence = p.gather(-1, x0[..., None])[..., 0]
        confidence = torch.where(mask, confidence, -torch.inf)
        transfer = torch.zeros_like(mask)
        for row in range(len(x)):
            left = min(k, int(mask[row].sum()))
            _, chosen = torch.topk(confidence[row], k=left)
            transfer[row, chosen] = True
        x = torch.where(transfer, x0 + 1, x)
    return x.numpy()


def finals(traces, instances) -> np.ndarray:
    """The boards that traces of decoders that never retract end with."""
    made = stack(instances).givens
    for row, trace in enumerate(traces):
        _, cells, values = trace.events.array.T
        made[row, cells] = values
    return made


def timed(job: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> tuple[float, object]:
    """(seconds, result) of one run."""
    started = clock()
    result = job()
    return clock() - started, result


def ratio(
    name: str, ours: Callable, theirs: Callable, count: int, same: Callable, clock=time.perf_counter
) -> list[str]:
    """A row of the table: medians over alternating repeats, and the ratio with its range."""
    pairs = []
    for repeat in range(REPEATS + 1):
        (mine, a), (other, b) = timed(ours, clock), timed(theirs, clock)
        if repeat:  # the first one warms up
            pairs.append((mine, other))
        else:
            agree = same(a, b)
    mine, other = np.median(pairs, axis=0)
    ratios = sorted(b / a for a, b in pairs)
    return [
        name,
        f"{count / mine:,.1f}",
        f"{count / other:,.1f}",
        f"{np.median(ratios):.2f}x [{ratios[0]:.2f}, {ratios[-1]:.2f}]",
        f"{agree}/{count}",
    ]


def shares(model, spec, instances: Sequence[Instance]) -> tuple[float, float]:
    """(share of time outside the network, traces a second) of one decode call.

    The network: the layers, the attention biases, and keeping the KV cache.
    """
    inside = 0.0

    def clocked(job: Callable) -> Callable:
        def run(*args, **options):
            nonlocal inside
            seconds, result = timed(lambda: job(*args, **options), time.thread_time)
            inside += seconds
            return result

        return run

    with ExitStack() as stack_of:
        for owner, name in ((TextReader, "__init__"), (TextReader, "read"), (CellReader, "logits")):
            stack_of.enter_context(patch.object(owner, name, clocked(getattr(owner, name))))
        total, _ = timed(lambda: decode(spec, model, instances, 0), time.thread_time)
    return 1 - inside / total, len(instances) / total


def matmul_peak(size: int = 1536) -> float:
    """FLOP/s of a large float32 product on the threads that torch has."""
    a, b, out = (torch.randn(size, size) for _ in range(3))
    times = [timed(lambda: torch.mm(a, b, out=out), time.thread_time)[0] for _ in range(9)]
    return 2 * size**3 / min(times)


def precisions(solving: int) -> Table:
    """float32 now against float64 as it was, on one thread; how many of `solving` puzzles each solves.

    In seconds of the processor, which a machine that others use too does not lengthen as it does those of the clock.
    """
    table = Table(title="float32 / float64 as it was, one thread", box=box.SIMPLE_HEAD, title_justify="left")
    for head in ("", "traces/s", "as it was", "ratio", "same board", "of matmul peak", "network, batch 128", "solved"):
        table.add_column(head, justify="right" if head else "left", no_wrap=True)
    torch.set_num_threads(1)
    plain = {"ar": PlainAR, "diffusion": PlainDiffusion}
    for (name, (stratum, _)), (kind, text) in product(SETS.items(), DECODED.items()):
        known = [i for s in ("0", stratum, "11-100") for i in shipped_sets.load(name, s)]
        now = checkpoint.load(checkpoint.shipped(name, kind), dtype=torch.float32).model
        was = plain[kind](checkpoint.load(checkpoint.shipped(name, kind), dtype=torch.float64).model)
        few = known[:128]
        spec, brief = parse(text), parse(BRIEF[kind])
        row = ratio(
            f"{name} {text}",
            lambda brief=brief, now=now, few=few: decode(brief, now, few, 0),
            lambda brief=brief, was=was, few=few: decode(brief, was, few, 0),
            len(few),
            lambda a, b: int((finals(a, few) == finals(b, few)).all(1).sum()),  # noqa: B023
            time.thread_time,
        )
        seconds, traces = timed(lambda: decode(brief, now, few, 0), time.thread_time)  # noqa: B023
        used = sum(trace.costs.flops for trace in traces) / seconds / matmul_peak()
        outside, _ = shares(now, brief, few)
        counts = [
            str(sum(trace.end == "solved" for trace in decode(spec, net, known[:solving], 0)))
            for net in (now, was)
            if solving
        ]
        table.add_row(*row, f"{100 * used:.0f} %", f"{100 - 100 * outside:.0f} %", " / ".join(counts) or "-")
    return table


def threads() -> Table:
    """Traces a second with one and two threads that share the boards out, and with one operation split over two."""
    table = Table(title="threads, sudoku9", box=box.SIMPLE_HEAD, title_justify="left")
    for head in ("", "1", "2, boards shared out", "2, operations split (float64 as it was: 1 / 2)"):
        table.add_column(head, justify="right" if head else "left", no_wrap=True)
    for kind, text in BRIEF.items():
        few = shipped_sets.load("sudoku9", "0")[:32]
        now = checkpoint.load(checkpoint.shipped("sudoku9", kind), dtype=torch.float32).model
        was = checkpoint.load(checkpoint.shipped("sudoku9", kind), dtype=torch.float64).model
        plain = {"ar": PlainAR, "diffusion": PlainDiffusion}[kind](was)
        spec, rates = parse(text), []
        for _ in range(3):
            torch.set_num_threads(1)
            jobs = [lambda n=n: in_threads(lambda some: decode(spec, now, some, 0), few, n) for n in (1, 2)]  # noqa: B023
            seconds = [timed(job)[0] for job in jobs] + [_split(count, spec, plain, few) for count in (1, 2)]
            rates.append([len(few) / each for each in seconds])
        torch.set_num_threads(1)
        one, shared, whole, split = np.median(rates, axis=0)
        table.add_row(text, f"{one:.1f}", f"{shared:.1f}", f"{whole:.1f} / {split:.1f}")
    return table


def _split(count: int, spec, net, few: Sequence[Instance]) -> float:
    """Seconds with torch's operations split over `count` threads, which decode itself does not let happen."""
    torch.set_num_threads(count)
    with patch("generators.decoding.loop.one_thread", nullcontext):
        return timed(lambda: decode(spec, net, few, 0))[0]


def main() -> None:
    """Print the tables; with --quick those of precision and threads alone."""
    solving = int(next((word for word in sys.argv[1:] if word.isdigit()), "0"))
    if "--quick" in sys.argv:
        for made in (precisions(solving), threads()):
            Console(width=200).print(made)
        return
    console.print(f"{torch.get_num_threads()} threads, {REPEATS} repeats in turn; median, and ratio [lowest, highest]")
    against = Table(title="side by side", box=box.SIMPLE_HEAD, title_justify="left")
    for head in ("", "traces/s", "plainer one", "ratio", "same board"):
        against.add_column(head, justify="right" if head else "left", no_wrap=True)
    sizes = Table(title="traces a second, by batch size", box=box.SIMPLE_HEAD, title_justify="left")
    for head in ("decoder", *map(str, (1, 4, 16, 64, 256, 1024))):
        sizes.add_column(head, justify="right", no_wrap=True)
    outside = Table(title="time outside the network, batch 256", box=box.SIMPLE_HEAD, title_justify="left")
    for head in ("decoder", "share %", "traces/s"):
        outside.add_column(head, justify="right", no_wrap=True)
    for name, (stratum, cells) in SETS.items():
        known = [i for s in (stratum, "0", "11-100") for i in shipped_sets.load(name, s)]
        ar = checkpoint.load(checkpoint.shipped(name, "ar")).model
        diffusion = checkpoint.load(checkpoint.shipped(name, "diffusion")).model
        few = known[: 256 if cells < 50 else 64]
        spec = parse("ar")
        against.add_row(
            *ratio(
                f"{name} ar: KV cache / recomputed",
                lambda spec=spec, ar=ar, few=few: decode(spec, ar, few, 0),
                lambda spec=spec, ar=ar, few=few: decode(spec, Recomputing(ar), few, 0),
                len(few),
                lambda a, b: sum(x.events == y.events for x, y in zip(a, b)),
            )
        )
        for k in (1, 4):
            spec = parse(f"diffusion:order=confidence,k={k}")
            against.add_row(
                *ratio(
                    f"{name} diffusion, {k} a call: loop / LLaDA's",
                    lambda spec=spec, m=diffusion, few=few: finals(decode(spec, m, few, 0), few),
                    lambda k=k, m=diffusion, few=few: llada(m, few, k),
                    len(few),
                    lambda a, b: int((a == b).all(1).sum()),
                )
            )
        words = "diffusion:order=confidence,k=4,veto=legal,retraction=best-first,calls=100"
        for text in ("ar", "diffusion:order=confidence,k=4", words):
            spec = parse(text)
            model = ar if text == "ar" else diffusion
            row = [f"{name} {text}"]
            for size in (1, 4, 16, 64, 256, 1024):
                some = known[: min(size * 4, 256) if size < 256 else size]
                batches = [some[i : i + size] for i in range(0, len(some), size)]
                seconds, _ = timed(lambda: [decode(spec, model, batch, 0) for batch in batches])  # noqa: B023
                row.append(f"{len(some) / seconds:,.1f}")
            sizes.add_row(*row)
            share, rate = np.median([shares(model, spec, known[:256]) for _ in range(3)], axis=0)
            outside.add_row(f"{name} {text}", f"{100 * share:.1f}", f"{rate:,.1f}")
    for made in (against, sizes, outside):
        Console().print(made)


if __name__ == "__main__":
    main()
