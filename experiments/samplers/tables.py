"""A run of `takeback samplers` as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments.cli.tables import cell, show
from experiments.samplers.grid import SAMPLERS
from experiments.scoring.statistics import from_record

SAID = {
    "clean": ("clean loss", False),
    "over plain": ("less plain's", False),
    "over placebo": ("less placebo's", False),
    "noise caught": ("noise found %", True),
    "noise kept": ("right kept %", True),
    "drafts caught": ("own errors found %", True),
    "drafts kept": ("right kept %, own", True),
}
CLEAN = (
    "clean loss: nats per free cell of held-out states without errors, the same masks for all; less another's: paired; "
    "placebo: its loss counts visible cells, none of which was wrong; "
    "found: of wrong visible cells, those whose likeliest value is the solution's, under uniform noise, and of those "
    "that the network drafted itself; kept: of right visible cells"
)
NOTES = (
    "within so many calls; FLOPs: within those of as many plain passes, at the largest budget; a head's cost more",
    "over placebo, over no network: in points, paired, at the largest budget; the placebo takes back as much at random",
    "*: told the rules, by a veto or by visible violations; such rows are compared among themselves",
    "needless: of the cells taken back, those taken from a board that was alive",
)


def show_all(summary: Sequence[dict[str, Any]]) -> None:
    """Print, for each kind of puzzle, what the networks say of wrong cells, then a table a network."""
    for study in summary:
        seeds = max(study["seeds"].values())
        lines: list[Sequence] = [
            (net, *(_cell(row.get(key), share) for key, (_, share) in SAID.items()))
            for net, row in study["said"].items()
        ]
        show(
            f"{study['family']}: what networks say of clean and of wrong cells; networks of each: {seeds} at most",
            ("learned from", *(head for head, _ in SAID.values())),
            lines,
            notes=(CLEAN,),
        )
        print()
        for net, rows in study["samplers"].items():
            _show(study, net, rows)
        _alone(study)


def _show(study: dict[str, Any], net: str, rows: dict[str, Any]) -> None:
    budgets, last = study["budgets"], str(study["budgets"][-1])
    more = (f"FLOPs of {last} %", "over placebo", "over no network", "taken back", "needless %")
    head = ("", *(f"{b} calls %" for b in budgets), *more)
    lines = []
    for name, row in rows.items():
        figures = [_cell(row["calls"][str(b)], True) for b in budgets]
        over = [_cell(row.get(key, {}).get(last), True) for key in ("over placebo", "over no network")]
        back = _cell(row["retractions"]), _cell(row["needless"], True)
        lines.append((starred(name), *figures, _cell(row["flops"][last], True), *over, *back))
    title = f"{study['family']}, network: {net}; solved, n = {study['n']} puzzles x networks at most"
    show(title, head, lines, notes=NOTES)
    print()


def _alone(study: dict[str, Any]) -> None:
    lines = [
        (starred(name), *(_cell(row["calls"][str(b)], True) for b in study["budgets"]))
        for name, row in study["no network"].items()
    ]
    show(f"{study['family']}: no network", ("", *(f"{b} calls %" for b in study["budgets"])), lines)
    print()


def starred(name: str) -> str:
    """A sampler's name, with a star if it knows the rules."""
    return name + " *" * SAMPLERS[name].told


def _cell(record: dict[str, Any] | None, percent: bool = False):
    return "-" if record is None else cell(from_record(record), percent=percent)
