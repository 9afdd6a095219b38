"""The options that commands share which decode: where results go, what they depend on, what works, what is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from csp.errors import BadInput
from csp.seeds import key

#: Options that change how fast results come, never the results.
WITHOUT_EFFECT = ("batch_size", "threads", "workers", "engine")


@dataclass(frozen=True)
class RunOptions:
    """Options of a command that decodes, scores and keeps."""

    seed: int = 0
    """Of every decoder's randomness, and of puzzles that are drawn."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder for the results (default: one in results/, named after what is run)."""
    checkpoints: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder with FAMILY-KIND.safetensors (default: the shipped ones)."""
    batch_size: int = 128
    """Boards decoded at once. Changes speed and memory, never a trace."""
    precision: Literal["float32", "float64"] = "float32"
    """Of the networks' arithmetic. float64 takes three times as long and makes the traces of earlier releases."""
    threads: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """CPU threads of each process, which share its boards out; an operation on a board is too small to be split, and
    processes (--workers) do not wait for one another. Changes speed, never a trace."""
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Processes; 0 = as many as there are cores, once it shows that there is work for them. Changes no figure."""
    engine: Literal["local", "ray"] = "local"
    """Where worker processes run: on this machine, or on a Ray cluster (at $RAY_ADDRESS)."""
    fresh: tyro.conf.FlagCreatePairsOff[bool] = False
    """Overwrite what the folder holds."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print JSON (every figure with its interval and n) instead of the tables."""

    def check(self, *counts: str) -> None:
        """Raises BadInput for a seed out of range, or if one of those options is below 1 (None is not)."""
        for name in counts:
            if (number := getattr(self, name)) is not None and number < 1:
                raise BadInput(f"--{name.replace('_', '-')} {number}: at least 1")
        if self.threads < 1 or self.workers < 0:
            raise BadInput("--threads is at least 1, --workers at least 0")
        if not 0 <= self.seed < 2**63:
            raise BadInput(f"--seed {self.seed}: a seed is from 0 to 2^63 - 1")

    def digest(self) -> str:
        """Six hexadecimal digits of all that results depend on."""
        plain = {name: getattr(RunOptions, name) for name in ("out", "fresh", "json", *WITHOUT_EFFECT)}
        return f"{key(repr(replace(self, **plain))):016x}"[:6]


def slug(text: str) -> str:
    """The text as part of a file's name."""
    return "".join(c if c.isalnum() or c in "-._" else "_" for c in text)
