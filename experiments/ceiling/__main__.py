"""`python -m experiments.ceiling`: the same as `takeback ceiling`."""

from experiments.ceiling.command import Ceiling, main
from experiments.cli.dispatch import run

run(main, Ceiling)
