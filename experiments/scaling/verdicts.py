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
        if row["other"] == "diffusion" and row["one"] in ("ar-random", "ar"):
            said += [_exponents(row, curves), _gap(row)]
    for row in summary["workspace"]:
        said.append(
            f"{row['family']}, workspace: of the gap from {SAID['ar-random']} to {SAID['diffusion']}, in orders of "
            f"magnitude of training FLOPs, {_share(row['share'])} % is what blank cells' tokens may hold (in blind "
            f"diffusion no other token reads them); n = {row['share']['n']} runs."
        )
    return said + _data(summary["data"])


def _exponents(row: Mapping[str, Any], curves: Mapping[tuple[str, str], Mapping[str, Any]]) -> str:
    """Whether both fall alike, and what limits the answer."""
    mine, theirs = (curves[row["family"], row[side]] for side in ("one", "other"))
    low, high = row["exponent"]["low"], row["exponent"]["high"]
    if low is None:
        alike = "no interval, too few runs"
    else:
        alike = "the interval holds 0: no difference is seen" if low <= 0 <= high else "the interval leaves 0 out"
    edges = sum(not vertex["inside"] for curve in (mine, theirs) for vertex in curve["vertices"])
    limits = f" {edges} of the vertices stand at the end of the sizes tried." * (edges > 0)
    there = min(len(curve["vertices"]) for curve in (mine, theirs))
    limits += f" Of {len(BUDGETS)} budgets {there} are there: preliminary." * (there < len(BUDGETS))
    return (
        f"{row['family']}, exponents: excess falls as C^-a with a = {_plain(mine['exponent'])} for {SAID[row['one']]} "
        f"and {_plain(theirs['exponent'])} for {SAID[row['other']]}; difference {_plain(row['exponent'])}, {alike}; "
        f"n = {row['exponent']['n']} runs.{limits}"
    )


def _gap(row: Mapping[str, Any]) -> str:
    """In training, in size, in decoding."""
    one, other = SAID[row["one"]], SAID[row["other"]]
    order = "in raster order against random order" if row["one"] == "ar" else "in random order"
    return (
        f"{row['family']}, gap: {one} takes {_plain(row['gap'])} times the training FLOPs of {other} for what that one "
        f"reaches at the middle of its budgets, at {_plain(row['size'])} times the parameters at equal FLOPs; n = "
        f"{row['gap']['n']} runs. A puzzle's decoding then takes {_plain(row['decoding']['random'])} times the FLOPs "
        f"{order}, {_plain(row['decoding']['confidence'])} with {other} by confidence."
    )


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
