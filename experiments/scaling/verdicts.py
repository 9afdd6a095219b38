"""What the figures of `takeback scaling` amount to, in sentences with intervals; nothing where nothing was measured.

>>> verdicts(summary)[0]
'sudoku6 unique, exponents: ...'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.cli.tables import plain
from experiments.scaling.grid import BUDGETS
from experiments.scoring.statistics import from_record

#: What kinds are called in sentences.
SAID = {
    "ar": "raster AR",
    "ar-random": "random-order AR",
    "diffusion-blind": "blind diffusion",
    "diffusion": "masked diffusion",
}


def verdicts(summary: Mapping[str, Any]) -> list[str]:
    """Of each comparison in turn."""
    curves = {(curve["family"], curve["kind"]): curve for curve in summary["curves"]}
    said = []
    for row in summary["comparisons"]:
        if (row["one"], row["other"]) in (("ar-random", "diffusion"), ("ar", "diffusion")):
            said += _pair(row, curves)
    for row in summary["workspace"]:
        said.append(
            f"{row['family']}, workspace: of the gap from {SAID['ar-random']} to {SAID['diffusion']}, in orders of "
            f"magnitude of training FLOPs, {_share(row['share'])} % is what blank cells' tokens may hold (blind diffusion "
            f"has no such tokens for others to read); n = {row['share']['n']} runs."
        )
    return said + _data(summary["data"])


def _pair(row: Mapping[str, Any], curves: Mapping[tuple[str, str], Mapping[str, Any]]) -> list[str]:
    family, one, other = row["family"], row["one"], row["other"]
    mine, theirs = curves[family, one], curves[family, other]
    n, few = row["exponent"]["n"], ""
    if len(mine["vertices"]) < len(BUDGETS):
        few = f" Of {len(BUDGETS)} budgets {len(mine['vertices'])} are there: preliminary."
    edges = sum(not vertex["inside"] for curve in (mine, theirs) for vertex in curve["vertices"])
    ends = f" {edges} of the vertices stand at the end of the sizes tried." * (edges > 0)
    low, high = row["exponent"]["low"], row["exponent"]["high"]
    alike = "no interval, too few runs" if low is None else ("the interval holds 0: no difference is seen"
                                                             if low <= 0 <= high else "the interval leaves 0 out")  # fmt: skip
    return [
        f"{family}, exponents: excess falls as C^-a with a = {_plain(mine['exponent'])} for {SAID[one]} and "
        f"{_plain(theirs['exponent'])} for {SAID[other]}; difference {_plain(row['exponent'])}, {alike}; n = {n} runs."
        f"{ends}{few}",
        f"{family}, gap: {SAID[one]} takes {_plain(row['gap'])} times the training FLOPs of {SAID[other]} for what that "
        f"one reaches at the middle of its budgets, at {_plain(row['size'])} times the parameters at equal FLOPs; n = "
        f"{n} runs. A puzzle's decoding then takes {_plain(row['decoding']['random'])} times the FLOPs in random order, "
        f"{_plain(row['decoding']['confidence'])} by confidence.".replace(
            "in random order", "in raster order against random order" if one == "ar" else "in random order"
        ),
    ]


def _data(rows: list[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    said = []
    for row in rows:
        moved = "moved by symmetries" if row["symmetries"] else "as they are"
        ahead = {True: SAID["ar-random"], False: SAID["diffusion"]}
        last = row["rows"][-1]
        leader = ahead[last["ar-random"]["value"] < last["diffusion"]["value"]]
        crossed = f"the curves cross at {row['crossing']:.1e} FLOPs" if row["crossing"] else "the curves do not cross"
        said.append(f"{row['puzzles']} puzzles {moved}: {crossed}; {leader} is ahead at {last['epochs']:.0f} epochs")
    return [f"Few puzzles: {'; '.join(said)} (one run each)."]


def _plain(record: Mapping[str, Any]) -> str:
    return plain(from_record(record)).replace(" (n=1)", "")


def _share(record: Mapping[str, Any]) -> str:
    return plain(from_record(record), share=True).replace(" (n=1)", "")
