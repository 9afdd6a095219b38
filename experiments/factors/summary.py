"""What a run of `takeback factors` comes to, as plain data: run.json's "summary".

>>> summarise(preset, studies, places)[0]["planned"][0]
{'name': 'workspace', 'is': ..., 'figure': {'value': ..., 'low': ..., 'high': ..., 'n': ...}, 'p': ...}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from csp.seeds import stream
from experiments.factors.comparisons import Comparison, Study, share_of, verdicts
from experiments.factors.grid import NO_NET, ORDERS, Cell, Part, Preset, cells
from experiments.factors.measure import PREFIXES, SHARES, Place
from experiments.factors.mechanism import ABLATED_ORDERS, ABLATIONS, TARGETS
from experiments.factors.networks import LOOPS, NETWORKS, WORDS
from experiments.factors.resampling import estimate_share
from experiments.factors.results import Key, Table
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
        made["probes"], made["ablations"] = _probes(part, study), _ablations(part, study)
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
            share = study.share(name, Cell(order, "none", "none"), stratum)
            made[f"{order}, {stratum}"] = estimate_share(share, study.n // len(study.strata))._asdict()
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
    return estimate_share(statistic, study.n)._asdict()


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
                    row[order] = estimate_share(solved, n)._asdict()
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
    drawn = stream("hazard", len(dead)).multinomial(len(dead), np.full(len(dead), 1 / len(dead)), size=1000)
    low, high = np.percentile((drawn @ dead) / np.maximum(drawn @ risk, 1), [2.5, 97.5])
    return Estimate(float(dead.sum() / risk.sum()), float(low), float(high), int(risk.sum()))


def _over_strata(study: Study, tables: dict[Key, Table], net: str, what: tuple[str, ...], column: str) -> dict:
    """A measured column's mean over strata, of a network and of what tells its tables apart. Raises KeyError."""
    means = []
    for stratum in study.strata:
        table = tables[net, study.size, study.set, stratum, *what]
        grid = table.grid(table.columns[column], study.seeds, study.puzzles)
        means.append(study.draw.mean(grid, stratum))
    return _of(study, np.mean(means, axis=0))


def _start_states(part: Part, study: Study) -> list[dict]:
    """Hazard of one commit from states that all networks share, by what was filled before and how."""
    rows = []
    for net, prefix, share in product(part.names, PREFIXES, SHARES):
        figures = {
            order: _try(_over_strata, study, study.results.states, net, (prefix, str(share), order), "killed")
            for order in ORDERS
        }
        if all(figures.values()):
            rows.append({"net": net, "prefix": prefix, "filled": share, **figures})
    return rows


def _probes(part: Part, study: Study) -> list[dict]:
    """How right linear probes of blank cells' tokens are: a row a network, target and loop; a column a fill."""
    rows = []
    for net, target, loop in product(part.names, TARGETS, range(1, LOOPS + 1)):
        figures = {
            str(share): _try(_over_strata, study, study.results.probes, net, (target, str(loop), str(share)), "right")
            for share in SHARES
        }
        if all(figures.values()):
            rows.append({"net": net, "target": target, "loop": loop, **figures})
    return rows


def _ablations(part: Part, study: Study) -> list[dict]:
    """Solved, plain, while others see means in the place of some tokens."""
    rows = []
    for net, ablation in product(part.names, ABLATIONS):
        figures = {
            order: _try(_over_strata, study, study.results.ablated, net, (ablation, order), "solved")
            for order in ABLATED_ORDERS
        }
        if all(figures.values()):
            rows.append({"net": net, "ablation": ablation, **figures})
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
