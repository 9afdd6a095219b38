"""`takeback conform model`: run the properties on somebody's model, asked by itself and decoded by any decoder.

    takeback conform model mypackage:Model --draws 300
    takeback conform model mypackage:Model --decoder net:order=confidence,veto=legal

Exits with 0 if no property failed and with 1 if one did; the same command prints the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.cli.terminal import say_left_out
from experiments.conform import cases, targets
from experiments.conform.model_properties import draw_result, model_results, readable
from experiments.conform.options import Draws
from experiments.conform.report import show
from experiments.conform.strategies import USUAL, families
from generators.decoding.spec import parse


@dataclass(frozen=True)
class Model(Draws):
    """Test a model: an object with a name and open(boards), as generators/models/interface.py says."""

    decoder: str | None = None
    """Decode with this decoder only, e.g. net:order=confidence,veto=legal (default: any, drawn)."""


def main(options: Model) -> None:
    """Run it. Raises BadInput for what is no model; exits with 1 if a property failed."""
    options.check()
    model = targets.model(options.target)
    decoder = None if options.decoder is None else parse(options.decoder)
    case = None if options.replay is None else cases.parse_batch(options.replay)
    if case is None:
        for name, reason in readable(model, families(options.puzzles, USUAL)).items():
            if reason:
                say_left_out({reason: [name]})
    results = model_results(model, options.puzzles, options.draws, options.seed, options.property, decoder, case)

    again = options.command("model")
    print(f"{options.heading()}\n")
    show(results, lambda name, found: again(name, cases.spell_batch(found)), draw_result)
