"""A run of `takeback scaling` as tables of a kept run: curves, laws, comparisons, and the parts that were run."""

from __future__ import annotations

from typing import Any

from experiments.scaling.tables import ORDER_SAID, OTHERS, said_within

Rows = list[dict[str, Any]]
Made = tuple[str, str, int, str, list[tuple[str, str, str]], Rows, list[str]]


def tables(card: dict) -> list[Made]:
    """(name, title, n, head, columns, rows, notes) of each table."""
    summary = card["summary"]
    makers = (_vertices, _laws, _comparisons, _others, _slack, _spending, _data, _blocks, _depth, _rates, _quick)
    made = [table for maker in makers for table in maker(summary)]
    *first, notes = made[0]
    return [(*first, [*notes, *_notes(summary)]), *made[1:]]


def _notes(summary: dict) -> list[str]:
    said = [f"- {sentence}" for sentence in summary["verdicts"]]
    said.append(
        f"- {summary['networks']} networks were trained, {summary['flops']:.1e} FLOPs in "
        f"{summary['seconds'] / 3600:.1f} hours of one process each."
    )
    return said + ([f"- Not run: {'; '.join(summary['missing'])}."] if summary["missing"] else [])


def _vertices(summary: dict) -> list[Made]:
    columns = [("floor", "floor, nats", "text"), ("runs", "runs", "text"), ("parameters", "best parameters", "number"),
               ("excess", "excess there, nats", "number"), ("inside", "between the sizes tried", "text")]  # fmt: skip
    rows = []
    for curve in summary["curves"]:
        for vertex in curve["vertices"]:
            runs = sum(run["budget"] == vertex["budget"] for run in curve["runs"])
            about = {"floor": f"{curve['floor']:.3f}", "runs": str(runs), "inside": "yes" if vertex["inside"] else "no"}
            name = f"{curve['family']}, {curve['kind']}, {vertex['budget']:.2e} FLOPs"
            rows.append({"name": name, "figures": {**vertex, **about}})
    title = "Excess over the exact floor, nats a puzzle, at the vertex of each budget's parabola in log parameters."
    head = "family, kind, training FLOPs"
    return [("curves", title, summary["networks"], head, columns, rows, [])] if rows else []


def _laws(summary: dict) -> list[Made]:
    columns = [("exponent", "exponent a", "counted number"), ("growth", "size grows as C^", "number"),
               ("off", "lower half predicts the rest, off by %", "text")]  # fmt: skip
    rows = []
    for curve in (curve for curve in summary["curves"] if curve["vertices"]):
        off = curve["held_out"].get("lower half")
        about = {"off": "-" if off is None else f"{100 * off:.0f}"}
        rows.append({"name": f"{curve['family']}, {curve['kind']}", "figures": {**curve, **about}})
    rows = [
        {"name": row["name"], "figures": {key: row["figures"][key] for key, _, _ in columns}} for row in rows
    ]  # fmt: skip
    title = "Power laws through the vertices, excess = A C^-a with the floor fixed; n counts runs."
    return [("laws", title, summary["networks"], "family, kind", columns, rows, [])] if rows else []


def _comparisons(summary: dict) -> list[Made]:
    columns = [("exponent", "difference of exponents", "counted number"), ("gap", "training FLOPs, times", "number"),
               ("size", "best size, times", "number"), ("random", "decoding FLOPs, random order, times", "number"),
               ("confidence", "decoding FLOPs, by confidence, times", "number")]  # fmt: skip
    rows = [
        {
            "name": f"{row['family']}: {row['one']} against {row['other']}",
            "figures": {key: row[key] for key in ("exponent", "gap", "size")} | row["decoding"],
        }
        for row in summary["comparisons"]
    ]
    shares = [
        {"name": f"{row['family']}: share of the workspace", "figures": {"exponent": row["share"]}}
        for row in summary["workspace"]
    ]
    notes = ["The share of the workspace, where it stands, is of the logarithm of the gap from ar-random to diffusion."]
    title = "One kind against another, for what the other reaches at the middle of its budgets."
    rows += shares
    return [("comparisons", title, summary["networks"], "", columns, rows, notes if shares else [])] if rows else []


def _others(summary: dict) -> list[Made]:
    columns = [("exponent", "exponent", "text"), ("gap", "training FLOPs, times", "text"), ("size", "size", "text"),
               ("few", "few data", "text")]  # fmt: skip
    rows = [
        {"name": name, "figures": dict(zip(("exponent", "gap", "size", "few"), figures))} for name, *figures in OTHERS
    ]
    return [("of others", "What others found on text, as they say it.", len(rows), "", columns, rows, [])]


def _slack(summary: dict) -> list[Made]:
    columns = [("slack", "slack, nats", "counted number"), ("bound", "bound above the floor, nats", "text")]
    rows = [
        {
            "name": f"{row['family']}, {row['kind']}, {row['budget']:.2e} FLOPs",
            "figures": {"slack": row["slack"], "bound": f"{row['bound']:.3f}"},
        }
        for row in summary["slack"]
    ]
    title = "The bound less the exact likelihood over all orders, on puzzles with 8 blank cells; n counts puzzles."
    return [("slack", title, rows[0]["figures"]["slack"]["n"], "best network of", columns, rows, [])] if rows else []


def _spending(summary: dict) -> list[Made]:
    made = []
    for count in dict.fromkeys(row["puzzles"] for row in summary["spending"]):
        some = [row for row in summary["spending"] if row["puzzles"] == count]
        totals = list(some[0]["solved"])
        rows = [
            {"name": f"{row['family']}, {row['kind']}, {ORDER_SAID[row['order']]}", "figures": row["solved"]}
            for row in some
            if any(row["solved"][total]["n"] for total in totals)
        ]
        n = max((row["figures"][total]["n"] for row in rows for total in totals), default=0)
        title = f"Solved %, by FLOPs for training and for decoding {count:,} puzzles together; nothing is taken back."
        if rows:
            made.append((f"{count:,} puzzles", title, n, "", [(total, total, "share") for total in totals], rows, []))
    return made


def _data(summary: dict) -> list[Made]:
    columns = [("epochs", "epochs", "text"), ("ar-random", "ar-random", "number"), ("diffusion", "diffusion", "number"),
               ("cross", "curves cross at", "text")]  # fmt: skip
    rows = []
    for row in summary["data"]:
        moved = "moved by symmetries" if row["symmetries"] else "as they are"
        for at in row["rows"]:
            cross = f"{row['crossing']:.1e}" if row["crossing"] else "-"
            figures = {**at, "epochs": f"{at['epochs']:.0f}", "cross": cross}
            del figures["budget"]
            rows.append({"name": f"{row['puzzles']} puzzles {moved}, {at['budget']:.2e} FLOPs", "figures": figures})
    title = "Few puzzles, many epochs: excess in nats a puzzle, intervals over test puzzles."
    return [("data", title, rows[0]["figures"]["diffusion"]["n"], "", columns, rows, [])] if rows else []


def _blocks(summary: dict) -> list[Made]:
    columns = [
        ("excess", "excess, nats", "number"),
        ("solved", "solved %", "share"),
        ("decoding", "FLOPs a puzzle", "text"),
    ]
    rows = [
        {
            "name": f"{row['family']}, {row['budget']:.2e} FLOPs, {row['block']}",
            "figures": {"excess": row["excess"], "solved": row["solved"], "decoding": f"{row['decoding']:.2e}"},
        }
        for row in summary["blocks"]
    ]
    title = (
        "Masked diffusion block by block: random order within a block for the excess, confidence for what is solved."
    )
    return [("blocks", title, rows[0]["figures"]["excess"]["n"], "block", columns, rows, [])] if rows else []


def _depth(summary: dict) -> list[Made]:
    columns = [
        ("tried", "widths tried", "text"),
        ("parameters", "best parameters", "text"),
        ("excess", "excess", "number"),
    ]
    rows = [
        {
            "name": f"{row['family']}, {row['kind']}, {row['loops']} loops",
            "figures": {"tried": str(row["tried"]), "parameters": f"{row['parameters']:,}", "excess": row["excess"]},
        }
        for row in summary["depth"]
    ]
    title = "Depth at equal training FLOPs: the best width of each."
    return [("depth", title, rows[0]["figures"]["excess"]["n"], "", columns, rows, [])] if rows else []


def _rates(summary: dict) -> list[Made]:
    tried, taken = summary["rates"]["tried"], summary["rates"]["scales"]
    columns = [(scale, f"rate x{scale}", "text") for scale in dict.fromkeys(s for of in tried.values() for s in of)]
    rows = []
    for kind, of in tried.items():
        figures = {scale: f"{excess:.2f}" for scale, excess in of.items()}
        rows.append({"name": kind, "figures": {**figures, "taken": f"x{taken[kind]:g}" if kind in taken else "-"}})
    columns.append(("taken", "taken", "text"))
    title = "Excess in nats by the scale of the learning rate, at the smallest budget; one run each."
    n = sum(len(of) for of in tried.values())
    return [("rates", title, n, "kind", columns, rows, [])] if rows else []


def _quick(summary: dict) -> list[Made]:
    columns = [("excess", "excess, nats", "text"), ("predicted", "expected", "number"), ("within", "within", "text")]
    rows = []
    for row in summary.get("quick", ()):
        within = said_within(row)
        name = f"{row['family']}, {row['kind']}, {row['budget']:.1e} FLOPs, {row['parameters']:,} parameters"
        figures = {"excess": f"{row['excess']:.3f}", "predicted": row["predicted"] or "-", "within": within}
        rows.append({"name": name, "figures": figures})
    title = "Two networks of a new seed, and what the curves expect of one more run (95 % prediction interval)."
    return [("new runs", title, len(rows), "", columns, rows, [])] if rows else []
