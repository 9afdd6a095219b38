"""`takeback decoders`: every word that a decoder can be spelled with, what it does, and the decoders that have names.

takeback decoders                                                     # all words, all named rows
takeback decoders ar-best-first                                       # what the one of that name does
takeback decoders diffusion:order=confidence,retraction=depth,calls=100   # what this one does, or why it cannot be
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from experiments.engine.decoder_catalogue import FRONTIER, ROWS, Row
from generators.decoding.spec import DECODER_DEFAULTS, DECODER_WORDS, Decoder, model_word, parse

#: The words that take a number, and what it does.
NUMBERS = {
    "k": "cells committed a call, the most eager first",
    "threshold": "and every other cell whose value has at least this probability (0: off)",
    "temperature": "0 takes the likeliest value; otherwise values are sampled at it",
    "attempts": "restart: how many in all (0: until the budget is spent)",
    "width": "beam: how many boards side by side",
    "redraft": "restart, rewind, remask: temperature after the first retraction (-1: the same)",
    "widen": "remask: share of the other committed cells, chosen at random, that go too",
    "anneal": "remask: the part of `widen` that is gone, linearly, by the end of the calls",
    "tenure": "tabu: for how many retractions",
    "eta": "cap, rescale: ReMDM's rate (0: the paper's); p2: what filled cells' scores are multiplied by (0: 1)",
    "noise": "exact: share of probability that goes to values that no solution has",
    "loops": "how often the network's blocks are run over (0: as in training)",
    "edit_above": "edit: what the other value's probability exceeds",
    "revise": "correct: how many committed cells are drawn anew a call",
    "backtrack": "walk: weight of the way back, against the probability that legal values have",
    "scatter": "rethink, p2, critic: scale of the noise on scores, which falls with the blanks",
    "calls": "budget: no call begins once so many are made (0: no limit)",
    "tokens": "budget of tokens processed",
    "seconds": "budget of measured seconds (traces then differ from run to run)",
}


@dataclass(frozen=True)
class Decoders:
    """List and explain every word that a decoder can be spelled with; or say what the given ones do."""

    spelled: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DECODER ...")] = ()
    """Decoders by name, or spelled out like diffusion:order=margin,k=2,veto=legal. Impossible ones are refused, with
    the reason."""


def main(options: Decoders) -> None:
    """Run it. Raises BadInput for a decoder that cannot be."""
    terminal = Console(highlight=False, markup=False, soft_wrap=not Console().is_terminal)
    if options.spelled:
        for listed in [listed for text in options.spelled for listed in named(text)]:
            terminal.print(listed)
        return
    terminal.print("A decoder is spelled model:word=value,word=value. The words and their values:")
    for word, choices in DECODER_WORDS.items():
        terminal.print(listing(word, choices))
    terminal.print(listing("numbers", NUMBERS))
    terminal.print("\nDecoders with names, for `takeback ceiling --decoders` and `takeback frontier --decoders`:")
    for command, table in (("ceiling", ROWS), ("frontier", FRONTIER)):
        terminal.print(listing(command, {row.name: _about(row) for row in table.values()}))


def named(text: str) -> list[Table]:
    """What a decoder with that spelling does, or those with that name: one of ceiling and one of frontier, if they
    differ. Raises BadInput for one that cannot be.
    """
    rows = {command: table[text] for command, table in (("ceiling", ROWS), ("frontier", FRONTIER)) if text in table}
    if not rows:
        return [explain(parse(text))]
    alike = len({str(row.spec) for row in rows.values()}) == 1
    return [
        _of_row(row, "" if alike else f", in {command}") for command, row in list(rows.items())[: 1 if alike else 2]
    ]


def _of_row(row: Row, where: str) -> Table:
    name = row.name + where
    if isinstance(row.spec, str):
        return listing(name, {"is": row.about})
    return explain(row.spec, name + ", on 36 cells: the budget grows with the board" * bool(row.budget_a_cell))


def _about(row: Row) -> str:
    return row.about if isinstance(row.spec, str) else f"{row.about}: {row.spec}"


def listing(head: str, about: dict[str, str]) -> Table:
    """Names and what they do, below a head."""
    made = Table(box=None, show_header=False, padding=(0, 1), title=f"\n{head}", title_justify="left")
    made.title_style = "bold"
    made.add_column(no_wrap=True, min_width=15)
    made.add_column(overflow="fold")
    for name, text in about.items():
        made.add_row(f"  {name}", text)
    return made


def explain(decoder: Decoder, name: str = "") -> Table:
    """What each word of one decoder does; words at their defaults are left out, but for the four that matter."""
    word = model_word(decoder.model)
    about = {"model": f"{decoder.model}: {DECODER_WORDS['model'][word]}"}
    plain = DECODER_DEFAULTS[word]
    for field in fields(Decoder)[1:]:
        value = getattr(decoder, field.name)
        if field.name in DECODER_WORDS and (field.name in ("order", "veto", "retraction", "signal") or value != "none"):
            if value != getattr(plain, field.name) or field.name != "dose":
                about[field.name] = f"{value}: {DECODER_WORDS[field.name][value]}"
        elif field.name in NUMBERS and value != getattr(plain, field.name):
            about[field.name] = f"{value:g}: {NUMBERS[field.name]}"
    return listing(f"{name} = {decoder}" if name else str(decoder), about)


if __name__ == "__main__":
    from experiments.cli.dispatch import run

    run(main, Decoders)
