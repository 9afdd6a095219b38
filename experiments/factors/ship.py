"""Copy the networks of the quick preset into the package, at half precision: python -m experiments.factors.ship DIR

DIR: the folder of a finished `takeback factors --preset standard --out DIR`. runs/factors.sh does both.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from experiments.factors.grid import QUICK
from generators import checkpoint


def main(folder: Path) -> None:
    """Write them, with their cards; what a card says of training stays."""
    there = checkpoint.FOLDER / "factors"
    there.mkdir(exist_ok=True)
    for point in QUICK.points():
        path = point.training(folder / "networks").path
        loaded = checkpoint.load(path, dtype=torch.float32)
        checkpoint.save(loaded.model.half(), there / path.name, loaded.card)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
