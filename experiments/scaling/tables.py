"""A run of `takeback scaling` as tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.cli.tables import cell, plain, short, show
from experiments.scoring.statistics import from_record

#: What others found on text, to stand beside: work, exponent, gap in training FLOPs, best size, few data.
OTHERS = (
    ("SMDM (Nie et al. 2024)", "as fast", "about 16, diffusion takes more", "about half", "-"),
    ("Prabhudesai et al. 2025", "-", "AR ahead when compute is scarce", "-",
     "diffusion ahead; repeats are worth about 500 epochs, of AR about 15"),
)  # fmt: skip
NOTES = (
    "excess: nats of a whole puzzle above the floor, which is the mean logarithm of its number of solutions; AR exact "
    "along its order, diffusion the bound along random orders",
    "exponent a: excess = A C^-a through the vertices; size b: best parameters as C^b; off: mean error of the law of "
    "the lower half of the budgets at the others; intervals: runs resampled",
)


def show_all(summary: Mapping[str, Any]) -> None:
    """Print what there is."""
    for name in SECTIONS:
        if summary.get(name):
            SECTIONS[name](summary)
            print()
    for verdict in summary["verdicts"]:
        print(f"- {verdict}")
    print(
        f"{summary['networks']} networks, {summary['flops']:.1e} training FLOPs, "
        f"{summary['seconds'] / 3600:.1f} hours of training in one process each."
    )
    if summary["missing"]:
        print("Not there: " + "; ".join(summary["missing"]) + ".")


def _curves(summary: Mapping[str, Any]) -> None:
    curves, lines = [curve for curve in summary["curves"] if curve["vertices"]], []
    if not curves:
        print("No budget has networks of three sizes yet: no parabola.")
        return
    for curve in curves:
        lines.append(f"{curve['family']}, {curve['kind']}: floor {short(curve['floor'])} nats")
        for vertex in curve["vertices"]:
            runs = sum(run["budget"] == vertex["budget"] for run in curve["runs"])
            at_end = "" if vertex["inside"] else " (end)"
            size = plain(from_record(vertex["parameters"]), digits=4).replace(" (n=1)", "")
            excess = plain(from_record(vertex["excess"])).replace(" (n=1)", "")
            lines.append((f"{vertex['budget']:.2e}", str(runs), size + at_end, excess))
    show("Best size and excess by training FLOPs", ("FLOPs", "runs", "parameters", "excess, nats"), lines)
    print()
    laws = [
        (
            f"{curve['family']}, {curve['kind']}",
            str(curve["exponent"]["n"]),
            cell(from_record(curve["exponent"])),
            cell(from_record(curve["growth"])),
            _percent(curve["held_out"].get("lower half")),
        )
        for curve in curves
    ]
    show("Power laws", ("", "runs", "exponent a", "size b", "off %"), laws, notes=NOTES)


def _comparisons(summary: Mapping[str, Any]) -> None:
    heads = ("", "runs", "exponents' difference", "training FLOPs, times", "size, times", "decoding, random",
             "decoding, confidence")  # fmt: skip
    lines = [
        (
            f"{row['family']}: {row['one']} against {row['other']}",
            str(row["gap"]["n"]),
            *(cell(from_record(row[name])) for name in ("exponent", "gap", "size")),
            *(cell(from_record(row["decoding"][order])) for order in ("random", "confidence")),
        )
        for row in summary["comparisons"]
    ]
    show(
        "One kind against another",
        heads,
        lines,
        notes=(
            "FLOPs at what the other kind reaches at the middle of its budgets; raster AR is decoded in raster order",
        ),
    )
    print()
    show(
        "What others found on text",
        ("", "exponent", "training FLOPs, times", "size, times", "few data"),
        OTHERS,
        wrap=("training FLOPs, times", "few data"),
    )


def _quick(summary: Mapping[str, Any]) -> None:
    lines = []
    for row in summary["quick"]:
        expected = "-" if row["predicted"] is None else cell(from_record(row["predicted"]))
        within = said_within(row)
        name = f"{row['family']}, {row['kind']}, {row['budget']:.1e} FLOPs, {row['parameters']:,} parameters"
        lines.append((name, short(row["excess"]), expected, within))
    show(
        "Trained just now: do they fall on the shipped curves?",
        ("", "excess, nats", "expected", "within"),
        lines,
        notes=(
            "expected: of one more run, with its 95 % prediction interval; the seed is one that no shipped run has",
        ),
    )


def said_within(row: Mapping[str, Any]) -> str:
    """Whether a new run falls on the curve, in a word or two."""
    if row["predicted"] is None:
        return "no curve yet"
    return {None: "no interval", True: "yes", False: "no"}[row["within"]]


def _spending(summary: Mapping[str, Any]) -> None:
    for count in dict.fromkeys(row["puzzles"] for row in summary["spending"]):
        rows = [row for row in summary["spending"] if row["puzzles"] == count]
        totals = list(rows[0]["solved"])
        lines = [
            (
                f"{row['family']}, {row['kind']}, {ORDER_SAID[row['order']]}",
                *(cell(from_record(row["solved"][total]), percent=True) for total in totals),
            )
            for row in rows
            if any(row["solved"][total]["n"] for total in totals)
        ]
        if lines:
            show(f"Solved %, by FLOPs for training and decoding {count:,} puzzles together", ("", *totals), lines)
            print()


#: Orders of experiments/scaling/measure.py.
ORDER_SAID = {
    "raster": "raster",
    "random": "random order",
    "confidence": "by confidence",
    "four": "by confidence, four cells a call",
}


def _slack(summary: Mapping[str, Any]) -> None:
    lines = [
        (
            f"{row['family']}, {row['kind']}, {row['budget']:.2e}",
            cell(from_record(row["slack"])),
            short(row["bound"]),
            _percent(row["share"]),
        )
        for row in summary["slack"]
    ]
    show(
        "The bound's slack, on puzzles with few blank cells",
        ("", "slack, nats", "bound above the floor", "slack %"),
        lines,
        notes=("slack: the bound less the exact likelihood over all orders; it is the bound's, not the network's",),
    )


def _data(summary: Mapping[str, Any]) -> None:
    lines: list = []
    for row in summary["data"]:
        moved = "moved by symmetries" if row["symmetries"] else "as they are"
        crossed = f"cross at {row['crossing']:.1e}" if row["crossing"] else "do not cross"
        lines.append(f"{row['puzzles']} puzzles {moved}: the curves {crossed}")
        for at in row["rows"]:
            kinds = (cell(from_record(at[kind])) for kind in ("ar-random", "diffusion"))
            lines.append((f"{at['budget']:.2e}", f"{at['epochs']:.0f}", *kinds))
    show("Few puzzles: excess, nats", ("FLOPs", "epochs", "ar-random", "diffusion"), lines)


def _blocks(summary: Mapping[str, Any]) -> None:
    lines = [
        (
            f"{row['family']}, {row['budget']:.2e}, {row['block']}",
            cell(from_record(row["excess"])),
            cell(from_record(row["solved"]), percent=True),
            f"{row['decoding']:.2e}",
        )
        for row in summary["blocks"]
    ]
    show(
        "Diffusion block by block",
        ("", "excess, nats", "solved %", "FLOPs a puzzle"),
        lines,
        notes=("excess: along random orders within blocks; solved: by confidence within blocks, one cell a call",),
    )


def _depth(summary: Mapping[str, Any]) -> None:
    lines = [
        (
            f"{row['family']}, {row['kind']}, {row['loops']} loops",
            str(row["tried"]),
            str(row["dim"]),
            f"{row['parameters']:,}",
            cell(from_record(row["excess"])),
        )
        for row in summary["depth"]
    ]
    at = summary["depth"][0]["budget"]
    show(
        f"Depth at {at:.2e} FLOPs: the best of as many widths",
        ("", "tried", "width", "parameters", "excess, nats"),
        lines,
    )


def _rates(summary: Mapping[str, Any]) -> None:
    tried = summary["rates"]["tried"]
    if not tried:
        return
    names = list(dict.fromkeys(scale for of in tried.values() for scale in of))
    lines = [
        (kind, *(short(of[s]) if s in of else "-" for s in names), _scale(summary, kind)) for kind, of in tried.items()
    ]
    show("Excess by the rate's scale", ("kind", *(f"x{name}" for name in names), "taken"), lines)
    if check := summary["rates"]["check"]:
        text = ", ".join(f"{row['kind']} x{row['times']:g}: {short(row['ratio'])}" for row in check)
        print(f"At another width and budget, excess over that at the taken rate: {text}")


def _scale(summary: Mapping[str, Any], kind: str) -> str:
    scales = summary["rates"]["scales"]
    return f"x{scales[kind]:g}" if kind in scales else "-"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f}"


SECTIONS = {
    "curves": _curves,
    "comparisons": _comparisons,
    "quick": _quick,
    "slack": _slack,
    "spending": _spending,
    "data": _data,
    "blocks": _blocks,
    "depth": _depth,
    "rates": _rates,
}
