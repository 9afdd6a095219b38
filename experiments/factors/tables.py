"""What a run of `takeback factors` comes to, as plain data (run.json's "summary"), and as tables on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.cli.tables import cell as figure
from experiments.cli.tables import plain, short
from experiments.cli.tables import show as show_table
from experiments.factors.comparisons import Comparison, Study, share_of, verdicts
from experiments.factors.grid import NO_NET, ORDERS, Cell, Part, Preset, cells
from experiments.factors.measure import PREFIXES, SHARES, Place
from experiments.factors.networks import NETWORKS, WORDS
from experiments.factors.resampling import estimate
from experiments.scoring.statistics import Estimate
from generators import checkpoint

BUDGETS = {"calls": (10, 20, 30, 50, 100, 200, 500), "tokens": (100, 300, 1000, 3000), "flops": (3e7, 1e8, 3e8, 1e9)}
CURVES = (("legal", "best-first"), ("legal", "restart"), ("none", "none"))


def summarise(preset: Preset, studies: dict[Part, Study], places: dict[Part, list[Place]]) -> list[dict[str, Any]]:
    """One entry a set of puzzles and size of network."""
    return [_summary(preset, part, study, places[part]) for part, study in studies.items()]


def _summary(preset: Preset, part: Part, study: Study, places: Sequence[Place]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "set": part.puzzles.set,
        "family": part.puzzles.family,
        "strata": list(part.puzzles.strata),
        "size": part.size.name,
        "seeds": part.seeds,
        "puzzles": preset.count,
        "n": study.n,
        "networks": [_network(part, study, places, name) for name in [*part.names, NO_NET]],
        "planned": [_comparison(c) for c in study.planned()],
        "interaction": _try(_interaction, study),
        "shapley": _try(_shapley, study, preset),
        "verdicts": _try(_verdicts, study, preset) or [],
    }
    if preset.whole:
        made["crossing"] = _crossing(part, study)
        made["start states"] = _start_states(part, study)
    made["curves"] = _curves(part, study)
    return made


def _try(compute: Callable[..., Any], *args: Any, **words: Any) -> Any:
    """What compute says; None where something that it needs was not run."""
    try:
        return compute(*args, **words)
    except KeyError:
        return None


def _network(part: Part, study: Study, places: Sequence[Place], name: str) -> dict[str, Any]:
    """Words, training, and the share solved plain, by order and stratum."""
    made: dict[str, Any] = {"name": name}
    if name != NO_NET:
        net = NETWORKS[name]
        made |= {word: getattr(net.words, word) for word in (*WORDS, "order")} | {"loops": net.loops}
        cards = [checkpoint.read_card(Path(p.path).with_suffix(".json")) for p in places if p.net == name]
        made |= {"updates": cards[0]["training"]["updates"], "parameters": cards[0]["parameters"]}
        made |= {"training flops": float(np.mean([card["flops"] for card in cards]))}
        made["validation"] = _mean([card["curve"]["rows"][-1][2] for card in cards])
        made["sha256"] = [p.sha256 for p in places if p.net == name]
    for order in ORDERS:
        made[order] = _of(study, study.plain(name, [order]))
        by_seed = [_seed_share(study, name, order, seed) for seed in range(study.seeds)]
        made[order]["each"] = by_seed
        for stratum in study.strata:
            made[f"{order}, {stratum}"] = _of(study, study.share(name, Cell(order, "none", "none"), stratum))
    return made


def _seed_share(study: Study, name: str, order: str, seed: int) -> float:
    shares = [
        study.results.solved(
            name, study.size, Cell(order, "none", "none"), study.set, stratum, study.seeds, study.puzzles
        )[seed].mean()
        for stratum in study.strata
    ]
    return float(np.mean(shares))


def _mean(numbers: Sequence[float]) -> dict:
    """With the lowest and the highest."""
    return Estimate(float(np.mean(numbers)), min(numbers), max(numbers), len(numbers))._asdict()


def _of(study: Study, statistic) -> dict:
    return estimate(statistic, study.n)._asdict()


def _comparison(c: Comparison) -> dict:
    return {"name": c.name, "is": c.is_, "figure": c.estimate._asdict(), "p": c.p, "adjusted": c.adjusted}


def _shapley(study: Study, preset: Preset) -> dict[str, dict]:
    added = study.shapley(preset.factors)
    total = sum(added.values())
    made = {
        factor: {"log-odds": _of(study, statistic), "share": _of(study, share_of(added, [factor]))}
        for factor, statistic in added.items()
    }
    return made | {"all together": {"log-odds": _of(study, total), "share": None}}


def _interaction(study: Study) -> dict:
    return _comparison(study.interaction())


def _verdicts(study: Study, preset: Preset) -> list[dict]:
    return [
        {
            "claim": verdict.claim,
            "verdict": verdict.holds,
            "by": verdict.because,
            "figures": {name: f._asdict() for name, f in verdict.figures.items()},
        }
        for verdict in verdicts(study, preset.factors)
    ]


def _crossing(part: Part, study: Study) -> list[dict]:
    """Solved share and hazard a commit, mean over strata: a row a network, veto and search; a column an order."""
    rows = []
    for net in [*part.names, NO_NET]:
        for kind in dict.fromkeys((c.veto, c.search) for c in cells()):
            row: dict[str, Any] = {"net": net, "veto": kind[0], "search": kind[1]}
            for order in ORDERS:
                solved = _try(study.mean, net, *kind, [order])
                if solved is not None:
                    n, hazard = _counts(study, net, Cell(order, *kind))
                    row[order] = estimate(solved, n)._asdict()
                    row[f"{order}, hazard"] = hazard._asdict()
            if len(row) > 3:
                rows.append(row)
    return rows


def _counts(study: Study, net: str, cell: Cell) -> tuple[int, Estimate]:
    """(traces, hazard a commit: dead ends over commits on an alive board, an interval over traces)."""
    dead, risk = [], []
    for stratum in study.strata:
        table = study.results.solves[net, study.size, study.set, stratum, cell.order, cell.veto, cell.search]
        dead.append(table.columns["dead_ends"])
        risk.append(table.columns["at_risk"])
    dead, risk = np.concatenate(dead), np.concatenate(risk)
    known = ~np.isnan(dead)
    return len(dead), _ratio(dead[known], risk[known])


def _ratio(dead: np.ndarray, risk: np.ndarray) -> Estimate:
    """Sum over sum, with a bootstrap interval over traces."""
    if not risk.sum():
        return Estimate(None, None, None, 0)
    rng = np.random.default_rng(len(dead))
    drawn = rng.multinomial(len(dead), np.full(len(dead), 1 / len(dead)), size=1000)
    low, high = np.percentile((drawn @ dead) / np.maximum(drawn @ risk, 1), [2.5, 97.5])
    return Estimate(float(dead.sum() / risk.sum()), float(low), float(high), int(risk.sum()))


def _start_states(part: Part, study: Study) -> list[dict]:
    """Hazard of one commit from states that all networks share, mean over strata."""
    rows = []
    for net in part.names:
        for prefix in PREFIXES:
            for share in SHARES:
                row: dict[str, Any] = {"net": net, "prefix": prefix, "filled": share}
                for order in ORDERS:
                    tables = [
                        study.results.states[net, study.size, study.set, stratum, prefix, str(share), order]
                        for stratum in study.strata
                    ]
                    killed = [
                        study.draw.mean(t.grid(t.columns["killed"], study.seeds, study.puzzles), stratum)
                        for t, stratum in zip(tables, study.strata, strict=True)
                    ]
                    row[order] = _of(study, np.mean(killed, axis=0))
                rows.append(row)
    return rows


def _curves(part: Part, study: Study) -> list[dict]:
    """Solved within budgets of calls, tokens and FLOPs, mean over orders and strata."""
    rows = []
    for net in [*part.names, NO_NET]:
        for veto, search in CURVES:
            for cost, budgets in BUDGETS.items():
                figures = {}
                for most in budgets:
                    solved = _try(study.mean, net, veto, search, **{cost: most})
                    if solved is not None:
                        figures[f"{most:g}"] = _of(study, solved)
                if figures:
                    rows.append({"net": net, "veto": veto, "search": search, "cost": cost, "solved": figures})
    return rows


def show(summary: Sequence[dict[str, Any]]) -> None:
    """Print it: what was solved, what was compared, what it comes to."""
    for study in summary:
        _show_study(study)


def _show_study(study: dict[str, Any]) -> None:
    name = f"{study['set']} of {', '.join(study['strata'])} guesses"
    seeds = f"{study['seeds']} network{'s' * (study['seeds'] > 1)} a kind"
    title = f"takeback factors: {name}; {seeds}, {study['size']}; n = {study['n']} traces a figure"
    lines = []
    for net in study["networks"]:
        lines.append((net["name"], *(figure(_estimate(net[order]), percent=True) for order in ORDERS)))
    notes = ["solved %, nothing vetoed, nothing taken back, one cell a call, by the order in which cells are filled"]
    show_table(title, ("network", *ORDERS), lines, notes=notes)

    lines = []
    for c in study["planned"]:
        adjusted = "-" if c["adjusted"] is None else f"{c['adjusted']:.4f}".rstrip("0").rstrip(".")
        lines.append((c["name"], c["is"], figure(_estimate(c["figure"]), percent=True), adjusted))
    if lines:
        notes = ["percentage points of puzzles solved; p is adjusted for all of these comparisons (Holm)"]
        show_table("\nplanned comparisons", ("", "is", "points", "p"), lines, left=("is",), wrap=("is",), notes=notes)
    if study["shapley"]:
        lines = [
            (
                factor,
                figure(_estimate(row["log-odds"])),
                figure(_estimate(row["share"]), percent=True) if row["share"] else "100",
            )
            for factor, row in study["shapley"].items()
        ]
        notes = ["what each adds on average over all sequences in which they can be added (Shapley)"]
        show_table("\nthe gap, shared out", ("factor", "log-odds", "share %"), lines, notes=notes)
    if study["interaction"]:
        found = study["interaction"]
        print(f"\norder x workspace: {plain(_estimate(found['figure']))} log-odds, p = {short(found['p'])}")
    for verdict in study["verdicts"]:
        said = ", ".join(f"{name} {plain(_estimate(f), share=True)} %" for name, f in verdict["figures"].items())
        print(f'"{verdict["claim"]}": {verdict["verdict"]}. By {verdict["by"]}: {said}.')
    print()


def _estimate(record: dict) -> Estimate:
    return Estimate(*(record[part] for part in ("value", "low", "high", "n")))
