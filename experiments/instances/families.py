"""`takeback instances families`: what puzzles can be drawn, and the words that change it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from csp import generate
from experiments.cli.tables import show


@dataclass(frozen=True)
class Families:
    """List the families that puzzles can be drawn from, and their words."""


def families(options: Families) -> None:
    """Print the table of families."""
    lines = []
    for name, family in generate.FAMILIES.items():
        words = [f"{f.name}={getattr(family, f.name)}" for f in fields(family) if f.name not in family.fixed]
        lines.append((name, family.about, ", ".join(words)))
    prose = ("what it is", "words and their defaults")
    show("", ("family", *prose), lines, left=prose, wrap=prose)
