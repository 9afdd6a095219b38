"""A run of `takeback factors` as tables of a kept run: for each set of puzzles and size of network what was solved,
compared, shared out and concluded, and what lies behind it.
"""

from __future__ import annotations

from typing import Any

from experiments.factors.grid import ORDERS
from experiments.factors.measure import SHARES
from experiments.factors.mechanism import ABLATED_ORDERS

Heads = list[tuple[str, str, str]]
Row = dict[str, Any]
IN_ORDERS: Heads = [(order, {"confidence": "surest first"}.get(order, order), "share") for order in ORDERS]


def tables(card: dict) -> list[tuple[str, str, int, str, Heads, list[Row]]]:
    """(name, title, n, head, columns, rows) of each; only the first study's names are without its set and size."""
    made = []
    for place, study in enumerate(card["summary"]):
        prefix = "" if not place else f"{study['set']} {study['size'].partition('-')[0]}: "
        for name, title, head, heads, rows in _of(study):
            if rows:
                made.append((prefix + name, title, study["n"], head, heads, rows))
    return made


def _of(study: dict) -> list[tuple[str, str, str, Heads, list[Row]]]:
    where = (
        f"{study['set']}, {' and '.join(study['strata'])} guesses, {study['seeds']} networks a kind, {study['size']}"
    )
    plain = "solved % with nothing vetoed and nothing taken back, one cell a call"
    return [
        ("networks", f"{where}: {plain}, by order", "network", [*_words(), *IN_ORDERS], _networks(study)),
        ("planned", f"{where}: planned comparisons", "", _compared(), [_comparison(c) for c in study["planned"]]),
        ("interaction", f"{where}: order x workspace", "", _tested("number"), _interaction(study)),
        ("shapley", f"{where}: the gap, shared out", "factor", _shared(), _shapley(study)),
        ("verdicts", f"{where}: what the claims come to", "claim", _said(), _verdicts(study)),
        (
            "start states",
            f"{where}: % of commits that kill the board, from states that all networks share",
            "network, prefix, filled",
            IN_ORDERS,
            [_row(f"{r['net']}, {r['prefix']}, {r['filled']:g}", r, ORDERS) for r in study.get("start states", ())],
        ),
        (
            "probes",
            f"{where}: % of blank cells that a linear probe is right about, by share of the blanks filled",
            "network, target, loop",
            [(str(share), f"{share:g}", "share") for share in SHARES],
            [
                _row(f"{r['net']}, {r['target']}, {r['loop']}", r, [str(share) for share in SHARES])
                for r in study.get("probes", ())
            ],
        ),
        (
            "ablations",
            f"{where}: solved % while others see a mean in the place of tokens",
            "network, what",
            [head for head in IN_ORDERS if head[0] in ABLATED_ORDERS],
            [_row(f"{r['net']}, {r['ablation']}", r, ABLATED_ORDERS) for r in study.get("ablations", ())],
        ),
        (
            "crossing",
            f"{where}: solved % by order, veto and retraction, and hazard a commit in %",
            "network, veto, retraction",
            [*IN_ORDERS, *((f"{order}, hazard", f"{order}, hazard", "share") for order in ORDERS)],
            [
                _row(f"{r['net']}, {r['veto']}, {r['search']}", r, [*ORDERS, *(f"{order}, hazard" for order in ORDERS)])
                for r in study.get("crossing", ())
            ],
        ),
        *(
            (
                f"within {cost}",
                f"{where}: solved % within so many {cost}, mean over orders",
                "network, veto, retraction",
                [(most, most, "share") for most in _budgets(study, cost)],
                [
                    _row(f"{r['net']}, {r['veto']}, {r['search']}", r["solved"], list(r["solved"]))
                    for r in study["curves"]
                    if r["cost"] == cost
                ],
            )
            for cost in ("calls", "tokens", "flops")
        ),
    ]


def _row(name: str, record: dict, keys) -> Row:
    return {"name": name, "figures": {key: record[key] for key in keys if record.get(key) is not None}}


def _words() -> Heads:
    return [(word, word, "text") for word in ("workspace", "reading", "supervision", "trained", "loops", "updates")]


def _networks(study: dict) -> list[Row]:
    rows = []
    for net in study["networks"]:
        figures: dict[str, Any] = {key: net[key] for key in net if key.split(",")[0] in ORDERS and key != "order"}
        if "loops" in net:
            words = {word: net[word] for word in ("workspace", "reading", "supervision")}
            figures |= {**words, "trained": net["order"], "loops": str(net["loops"]), "updates": str(net["updates"])}
            figures |= {"validation": net["validation"], "training GFLOP": f"{net['training flops'] / 1e9:.0f}"}
        rows.append({"name": net["name"], "figures": figures})
    return rows


def _tested(form: str) -> Heads:
    return [("is", "is", "text"), ("figure", "difference", form), ("p", "p", "text")]


def _compared() -> Heads:
    return [*_tested("share"), ("adjusted", "p, Holm", "text")]


def _comparison(c: dict) -> Row:
    figures = {"is": c["is"], "figure": c["figure"], "p": _p(c["p"]), "adjusted": _p(c["adjusted"])}
    return {"name": c["name"], "figures": figures}


def _p(p: float | None) -> str:
    return "-" if p is None else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def _interaction(study: dict) -> list[Row]:
    return [_comparison(study["interaction"])] if study["interaction"] else []


def _shared() -> Heads:
    return [("log-odds", "log-odds", "number"), ("share", "share of the gap, %", "share")]


def _shapley(study: dict) -> list[Row]:
    return [
        {"name": factor, "figures": {key: figure for key, figure in row.items() if figure}}
        for factor, row in (study["shapley"] or {}).items()
    ]


def _said() -> Heads:
    return [("verdict", "here", "text"), ("by", "by", "text"), ("first", "figure", "share"), ("second", "", "share")]


def _verdicts(study: dict) -> list[Row]:
    return [
        {
            "name": v["claim"],
            "figures": {
                "verdict": v["verdict"],
                "by": v["by"],
                **dict(zip(("first", "second"), v["figures"].values(), strict=False)),
            },
        }
        for v in study["verdicts"]
    ]


def _budgets(study: dict, cost: str) -> list[str]:
    return list(dict.fromkeys(most for r in study["curves"] if r["cost"] == cost for most in r["solved"]))
