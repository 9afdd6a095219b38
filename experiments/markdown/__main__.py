"""`python -m experiments.markdown DIR ...`: the same as `takeback markdown DIR ...`, as it was called first."""

from experiments.cli.dispatch import run
from experiments.markdown.command import Markdown, main

run(main, Markdown)
