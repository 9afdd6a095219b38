"""`takeback instances families`: what puzzles can be drawn, and the words that change it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from rich import box
from rich.table import Table
from rich.text import Text

from csp import generate
from experiments.cli.terminal import print_wide


@dataclass(frozen=True)
class Families:
    """List the families that puzzles can be drawn from, and their words."""


def families(options: Families) -> None:
    """Print the table of families."""
    table = Table(box=box.SIMPLE_HEAD)
    for head in ("family", "what it is", "words and their defaults"):
        table.add_column(head)
    for name, family in generate.FAMILIES.items():
        words = [f"{f.name}={getattr(family, f.name)}" for f in fields(family) if f.name not in family.fixed]
        table.add_row(Text(name), Text(family.about), Text(", ".join(words)))
    print_wide(table)
