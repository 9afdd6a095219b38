"""`takeback train` with few validation puzzles, whose drawing takes most of a short run; torchrun needs a file.

python tests/support/train_briefly.py WORD ...
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from experiments import train
from experiments.cli.dispatch import run

if __name__ == "__main__":
    train.HELD_OUT = 30
    run(train.main, train.Train)
