"""The records of `takeback samplers`, summed up: success by calls and FLOPs, each less its placebo's and its twin's.

    >>> summarise(preset, records)[0]["samplers"]["mixture"]["edit"]["calls"]["64"]

A study for each kind of puzzle. Networks (seeds) and puzzles are both samples: the pigeonhole bootstrap; of one
network, Wilson's interval. Differences are paired, puzzle by puzzle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from experiments.samplers.grid import ITSELF, NO_NET, PLACEBO, SAMPLERS, Preset
from experiments.samplers.measure import NOISE
from experiments.scoring.statistics import bootstrap_crossed, proportion

Record = Mapping[str, Any]
Table = Float[np.ndarray, "seeds puzzles"]


def summarise(preset: Preset, records: Iterable[Record]) -> list[dict[str, Any]]:
    """A study for each kind of puzzle that there are records of."""
    of_family: dict[str, list[Record]] = {}
    for record in records:
        of_family.setdefault(record["family"], []).append(record)
    return [_study(preset, family, found) for family, found in of_family.items()]


def _study(preset: Preset, family: str, records: Sequence[Record]) -> dict[str, Any]:
    said = [r for r in records if "clean" in r]
    runs: dict[tuple, list[Record]] = {}
    for record in records:
        if "sampler" in record:
            runs.setdefault((record["net"], record["sampler"], record["variant"]), []).append(record)
    nets = list(dict.fromkeys(r["net"] for r in said))
    passes = _pass([r for (net, *_), found in runs.items() if net for r in found])
    names = [name for name in SAMPLERS if any(key[1] == name for key in runs)]
    return {
        "family": family,
        "n": max(len({(r["seed"], r["index"]) for r in found}) for found in runs.values()),
        "seeds": {net: len({r["seed"] for r in said if r["net"] == net}) for net in nets},
        "budgets": list(preset.budgets),
        "pass": passes,
        "said": {net: _said(said, net, nets) for net in nets},
        "samplers": {
            net: {name: _row(preset, runs, net, name, passes) for name in names if (net, name, ITSELF) in runs}
            for net in nets
        },
        "no network": {
            name: _alone(preset, runs["", name, NO_NET], passes) for name in names if ("", name, NO_NET) in runs
        },
    }


def _pass(records: Sequence[Record]) -> float:
    """FLOPs of one call: of those samplers that ask no head."""
    return min((r["flops"] / r["calls"] for r in records if r["calls"] and r["flops"]), default=0.0)


def _row(preset: Preset, runs: Mapping, net: str, name: str, passes: float) -> dict[str, Any]:
    """A sampler on networks of one training."""
    mine = runs[net, name, ITSELF]
    row = _alone(preset, mine, passes)
    for key, other in (("over placebo", (net, name, PLACEBO)), ("over no network", ("", name, NO_NET))):
        if other in runs:
            row[key] = {str(b): _figure(_solved(mine, b) - _solved(runs[other], b)) for b in preset.budgets}
    if (net, name, PLACEBO) in runs:
        row["placebo"] = _alone(preset, runs[net, name, PLACEBO], passes)
    return row


def _alone(preset: Preset, records: Sequence[Record], passes: float) -> dict[str, Any]:
    """Success within calls, and within the FLOPs of as many plain passes; what was taken back at the largest budget."""
    last = [r for r in records if r["budget"] == max(r["budget"] for r in records)]
    back = sum(r["retractions"] for r in last)
    needless = sum(r["needless"] or 0 for r in last if r["needless"] is not None)
    return {
        "calls": {str(b): _share(_solved(records, b)) for b in preset.budgets},
        "flops": {str(b): _share(_solved(records, b, passes)) for b in preset.budgets},
        "retractions": _figure(_table(last, lambda r: r["retractions"])),
        "needless": proportion(needless, back)._asdict(),
        "met": proportion(sum(r["solved"] for r in last if r["need"]), sum(bool(r["need"]) for r in last))._asdict(),
    }


def _solved(records: Sequence[Record], budget: int, passes: float = 0.0) -> Table:
    """Which puzzles were solved within so many calls, or the FLOPs of so many passes, by the largest run that fits.

    A run that follows its budget fits if none of its puzzles took more.
    """
    budgets = sorted({r["budget"] for r in records})

    def cost(record: Record) -> float:
        return float(record["flops"] if passes else record["calls"])

    most = budget * passes if passes else budget
    by_budget = {b: [r for r in records if r["budget"] == b] for b in budgets}
    # Signals may overdraw the last call of a schedule by one, which is the schedule's own.
    fitting = [b for b in budgets if max(cost(r) for r in by_budget[b]) <= (most if passes else most + 1)]
    chosen = by_budget[fitting[-1] if fitting and len(budgets) > 1 else budgets[0 if len(budgets) > 1 else -1]]
    slack = 1 if len(budgets) > 1 and not passes else 0
    return _table(chosen, lambda r: r["solved"] and cost(r) <= most * (1 + 1e-9) + slack)


def _table(records: Sequence[Record], value) -> Table:
    """A value of each network's each puzzle, seeds in rows; NaN where it was not measured."""
    seeds, size = 1 + max(r["seed"] for r in records), 1 + max(r["index"] for r in records)
    table = np.full((seeds, size), np.nan)
    for record in records:
        table[record["seed"], record["index"]] = float(value(record))
    return table


def _share(table: Table) -> dict[str, Any]:
    """The share that was solved with its interval: that of one network's puzzles is Wilson's."""
    there = table[np.isfinite(table)]
    if np.isfinite(table).any(1).sum() == 1:
        return proportion(int(there.sum()), len(there))._asdict()
    return _figure(table)


def _figure(table: Table) -> dict[str, Any]:
    """The mean with its interval."""
    return bootstrap_crossed(table[np.isfinite(table).any(1)])._asdict()


def _said(records: Sequence[Record], net: str, nets: Sequence[str]) -> dict[str, Any]:
    """The loss on clean states, and less that of plain and of placebo networks; which wrong cells it finds, which right
    ones it keeps.
    """
    mine = [r for r in records if r["net"] == net]
    clean = _table(mine, lambda r: r["clean"])
    made = {"clean": _figure(clean)}
    for reference in ("plain", "placebo"):
        if reference in nets and reference != net:
            other = _table([r for r in records if r["net"] == reference], lambda r: r["clean"])
            both = min(len(clean), len(other))
            made[f"over {reference}"] = _figure(clean[:both] - other[:both])
    for noise in NOISE:
        for found, of in (("caught", "wrong"), ("kept", "right")):
            hits, n = (sum(r[f"{noise} {what}"] for r in mine) for what in (found, of))
            made[f"{noise} {found}"] = proportion(hits, n)._asdict()
    return made
