"""A run's figures as Markdown tables, from its run.json, so that no number in a document is typed by hand.

    python -m experiments.markdown results/evaluate-sudoku10k-1a2b3c [...]

Reads what ceiling, frontier, evaluate, recipes and control write; prints the tables to standard output.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from csp.errors import BadInput
from csp.io.files import read_text
from experiments.ablations import VARIANTS, gain, solved_share, validation
from experiments.cli.terminal import cell
from experiments.control.tables import PAPER, PERCENTS, columns, needs
from experiments.scoring.statistics import Estimate


@dataclass(frozen=True)
class Markdown:
    """Print the figures of finished runs as Markdown tables."""

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DIR ...")]
    """Folders of runs."""


def main(options: Markdown) -> None:
    """Run it. Raises BadInput for a folder without a finished run."""
    print("\n\n".join(part for folder in options.folders for part in tables(folder)))


def tables(folder: Path) -> list[str]:
    """The tables of one run, and what its verdicts say."""
    path = folder / "run.json"
    try:
        card = json.loads(read_text(path))
        return COMMANDS[card["identity"]["command"]](card)
    except (json.JSONDecodeError, KeyError, TypeError):
        raise BadInput(f"{path}: not a finished run of {', '.join(COMMANDS)}") from None


def figure(record: dict, percent: bool = False) -> str:
    """A figure with its interval: 48.0 [35, 61]; a dash where nothing was measured."""
    text = cell(Estimate(**record), percent).plain
    value, _, interval = text.partition("\n")
    low, dash, high = interval.partition(" to " if " to " in interval else "-")
    return value if not interval or interval == "n=1" else f"{value} [{low}, {high if dash else low}]"


def lines(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are aligned right."""
    made = ["| " + " | ".join(heads) + " |", "|" + "|".join(["---"] + ["---:"] * (len(heads) - 1)) + "|"]
    return "\n".join(made + ["| " + " | ".join(row) + " |" for row in rows])


def _ceiling(card: dict) -> list[str]:
    heads = ("decoder", "n", "solved %", "need/met/unmet", "first dead", "lag", "debt", "calls", "tokens")
    rows, group = [], ""
    for row in card["summary"]:
        if row["group"] != group:
            group = row["group"]
            rows.append([f"*{group}*", *[""] * (len(heads) - 1)])
        needs = "/".join(str(Estimate(**row[name]).hits) for name in ("need", "met", "unmet"))
        plain = [figure(row[name]) for name in ("first_dead", "lag", "debt", "calls")]
        tokens = f"{row['tokens']['value']:.0f}"
        rows.append([row["decoder"], str(row["n"]), figure(row["solved"], True), needs, *plain, tokens])
    return [lines(heads, rows)]


def _frontier(card: dict) -> list[str]:
    made = []
    for stratum, curves in card["summary"].items():
        budgets = list(curves[0]["by calls"])
        n = curves[0]["by calls"][budgets[0]]["n"]
        rows = [[c["decoder"], c["kind"], *(figure(c["by calls"][b], True) for b in budgets)] for c in curves]
        head = f"{card['identity']['family']}, {n} instances of {stratum} guesses: solved % within so many calls"
        made += [head, lines(("decoder", "", *budgets), rows)]
        made += ["\n".join(f"- {sentence}" for sentence in card["verdicts"][stratum])]
    return made


def _evaluate(card: dict) -> list[str]:
    heads = {"solved": "solved %", "met": "met / need %", "to solve": "calls to solve", "seconds": "seconds"}
    made = []
    for part, of_part in card["summary"].items():
        n = next(iter(of_part.values()))["solved"]["n"]
        rows = [[name, *(figure(f[w], w in ("solved", "met")) for w in heads)] for name, f in of_part.items()]
        made += [f"{n} puzzles" + ("" if part == "all" else f" of {part} guesses"), lines(("", *heads.values()), rows)]
    return made


def _recipes(card: dict) -> list[str]:
    strata = list(next(iter(card["variants"].values()))[0]["solved"])
    rows = []
    for name, results in card["variants"].items():
        if name not in VARIANTS:
            raise BadInput(f"no variant {name!r} of recipes here; there are {', '.join(VARIANTS)}")
        row = [name, VARIANTS[name].about, figure(validation(results)._asdict())]
        for stratum in strata:
            share, seeds = solved_share(results, stratum)
            row.append(f"{figure(share._asdict(), True)} ({seeds})")
        rows.append([*row, figure(gain(card["variants"], name)._asdict(), True)])
    return [lines(("variant", "", "validation", *(f"{s} guesses, solved %" for s in strata), "gain"), rows)]


def _control(card: dict) -> list[str]:
    made = []
    for task, of_task in card["summary"].items():
        read = {name: {what: Estimate(**f) for what, f in row.items()} for name, row in of_task.items()}
        shares, n = card["shares"][task], next(iter(read.values()))["both"].n
        made.append(
            f"**{task}**: {len(shares)} targets, n = {n}, {card['calls']:,} calls each; obeyed by {shares[0]:.1e} to "
            f"{shares[-1]:.1e} of all solutions, median {float(np.median(shares)):.1e}. "
            + (f"Paper, % (PPLM / FUDGE / Diffusion-LM / beam): {PAPER[task]}" if task in PAPER else "")
        )
        heads = [head for head in columns(read) if head not in ("retractions", "seconds")]
        rows = []
        for name, row in read.items():
            cells = [
                needs(row)
                if head == "need/met/unmet"
                else figure(of_task[name][head], head in PERCENTS)
                if head in row
                else "-"
                for head in heads
            ]
            apart = [f"{100 * share:.0f}" for share in card.get("by_net", {}).get(task, {}).get(name, ())]
            if len(apart) > 1:
                cells[0] += f" ({', '.join(apart)})"
            rows.append([name, *cells])
        made += [lines(("", *(f"{head} %" if head in PERCENTS else head for head in heads)), rows)]
        made += ["\n".join(f"- {sentence}" for sentence in card["verdicts"][task])]
    return made


COMMANDS: dict[str, Callable[[dict], list[str]]] = {
    "ceiling": _ceiling,
    "frontier": _frontier,
    "evaluate": _evaluate,
    "recipes": _recipes,
    "control": _control,
}


if __name__ == "__main__":
    from experiments.cli.dispatch import run

    run(main, Markdown)
