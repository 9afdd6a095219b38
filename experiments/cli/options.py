"""The options that ceiling, frontier and evaluate share: where results go, what they depend on, how they are shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from csp.errors import BadInput
from csp.seeds import key


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
    fresh: tyro.conf.FlagCreatePairsOff[bool] = False
    """Overwrite what the folder holds."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print JSON (every figure with its interval and n) instead of the tables."""

    def check(self, *counts: str) -> None:
        """Raises BadInput for a seed out of range, or if one of those options is below 1 (None is not)."""
        for name in counts:
            if (number := getattr(self, name)) is not None and number < 1:
                raise BadInput(f"--{name.replace('_', '-')} {number}: at least 1")
        if not 0 <= self.seed < 2**63:
            raise BadInput(f"--seed {self.seed}: a seed is from 0 to 2^63 - 1")

    def digest(self) -> str:
        """Six hexadecimal digits of all that results depend on."""
        return f"{key(repr(replace(self, out=None, fresh=False, json=False, batch_size=128))):016x}"[:6]


def slug(text: str) -> str:
    """The text as part of a file's name."""
    return "".join(c if c.isalnum() or c in "-._" else "_" for c in text)
