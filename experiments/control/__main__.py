"""`python -m experiments.control`: the same as `takeback control`."""

from experiments.cli.dispatch import run
from experiments.control.command import Control, main

run(main, Control)
