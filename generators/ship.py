"""Make checkpoints smaller before they are shipped: python -m generators.ship CHECKPOINT ...

A net that stands on a frozen one (BASES of generators/checkpoint.py) is written again as its head alone; the other
checkpoint, FAMILY-KIND.safetensors, is beside it. What it answers stays bit for bit the same. The card then says, as
"head of", which SHA-256 the whole file had.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from csp.errors import BadInput
from generators import checkpoint


def keep_head(path: Path) -> None:
    """Write a checkpoint again without the weights of the net that it stands on. One of a head alone stays as it is.

    Raises BadInput for a net of a kind that stands on no other, or if the other is not the one beside it.
    """
    whole = checkpoint.load(path, dtype=torch.float32)
    of = checkpoint.BASES.get(whole.card["kind"])
    if of is None:
        raise BadInput(f"{path}: a net of kind {whole.card['kind']} stands on no other")
    if "base" in whole.card:
        return
    base = path.with_name(f"{whole.card['family']}-{of}.safetensors")
    checkpoint.save(whole.model, path, {**whole.card, "head of": whole.sha256}, base)


def main(paths: list[Path]) -> None:
    """Write each again."""
    for path in paths:
        keep_head(path)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
