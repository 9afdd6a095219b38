"""The decode loop against plainer ones, side by side in one run: same weights, same instances, same boards out.

    python -m benchmarks.decoding            # about ten minutes on two cores

KV-cached AR against reading everything anew at each call; the batched loop, which drops finished boards, against a
plain loop that follows LLaDA's sampler step by step (Nie et al. 2025: all rows to the last step, top-k of the
confidence of masked cells); traces a second over batch sizes; the share of time spent outside the network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import torch
from rich import box
from rich.console import Console
from rich.table import Table

from csp.io import shipped_sets
from csp.problem import Instance
from experiments.cli.terminal import console
from generators import checkpoint
from generators.boards import stack
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from generators.models.autoregressive import Autoregressive
from generators.models.kv_cache import Cache
from generators.models.transformer import pairs

REPEATS = 5
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


def timed(job: Callable[[], object]) -> tuple[float, object]:
    """(seconds, result) of one run."""
    started = time.perf_counter()
    result = job()
    return time.perf_counter() - started, result


def ratio(name: str, ours: Callable, theirs: Callable, count: int, same: Callable) -> list[str]:
    """A row of the table: medians over alternating repeats, and the ratio with its range."""
    pairs = []
    for repeat in range(REPEATS + 1):
        (mine, a), (other, b) = timed(ours), timed(theirs)
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

    The network: relation codes, layers, and keeping the KV cache.
    """
    inside = 0.0

    def clocked(job: Callable) -> Callable:
        def run(*args, **options):
            nonlocal inside
            started = time.perf_counter()
            result = job(*args, **options)
            inside += time.perf_counter() - started
            return result

        return run

    with ExitStack() as stack_of:
        parts = [(Cache, "__init__"), (Cache, "keep")]
        parts += [(model, "read")] if isinstance(model, Autoregressive) else [(model, "forward")]
        for owner, name in parts:
            stack_of.enter_context(patch.object(owner, name, clocked(getattr(owner, name))))
        total, _ = timed(lambda: decode(spec, model, instances, 0))
    return 1 - inside / total, len(instances) / total


def main() -> None:
    """Print the tables."""
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
