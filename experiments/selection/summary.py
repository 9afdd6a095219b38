"""The records of `takeback selection`, summed up: a study for each kind of network and target.

    >>> summarise(preset, done)["studies"][0]["ways"]["gradients"]["against random"]

Networks (seeds) and puzzles are both samples: the pigeonhole bootstrap. Tests are paired by puzzle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from csp.problem import STRATA
from experiments.scoring.statistics import Estimate, bootstrap_crossed, mean, proportion, sign_flips
from experiments.selection.grid import BEFORE, CHOICE, POOL, POOL_EPOCHS, RANDOM, Preset
from experiments.selection.measure import Redrawn, Trained, Warmed

#: What a way is compared with, by the figure's name.
AGAINST = {"against random": RANDOM, "against the pool": POOL, "against the pool, epochs": POOL_EPOCHS}
LEVEL = 0.05  # of all tests of one comparison together
Done = Sequence[tuple[Warmed | Trained | Redrawn, list[dict]]]


def summarise(preset: Preset, done: Done) -> dict[str, Any]:
    """Studies, curves of masks, and verdicts. done: the pieces of work with their records."""
    trained: dict[tuple, list] = {}
    for work, records in done:
        if isinstance(work, Trained):
            for name in [work.for_target] if work.for_target else preset.targets:
                trained.setdefault((work.kind, name), []).append((work, records))
    studies = [_study(preset, kind, name, found, done) for (kind, name), found in trained.items()]
    corrected(studies)
    curves = _curves([(work, records) for work, records in done if isinstance(work, Redrawn)])
    return {"studies": studies, "masks": curves, "verdicts": verdicts(studies)}


def _study(preset: Preset, kind: str, name: str, found: Sequence[tuple[Trained, list]], done: Done) -> dict[str, Any]:
    seeds = sorted({work.seed for work, _ in found})
    by_way: dict[str, list] = {}
    for work, records in sorted(found, key=lambda pair: pair[0].seed):
        by_way.setdefault(work.way.name if work.way else BEFORE, []).append((work, records))
    solved, losses, strata = {}, {}, []
    for way, works in by_way.items():
        tests = [[one for one in records if one["what"] == "test" and one["target"] == name] for _, records in works]
        solved[way] = np.array([[one["solved"] for one in some] for some in tests], dtype=float)
        losses[way] = np.array([[one["loss"] for one in some] for some in tests])
        strata = [one["stratum"] for one in tests[0]]
    ways = {}
    for way, works in by_way.items():
        row: dict[str, Any] = {
            "solved": bootstrap_crossed(solved[way])._asdict(),
            "loss": bootstrap_crossed(losses[way])._asdict(),
        }
        for stratum in [one for one in STRATA if one in strata]:
            row[f"solved, {stratum}"] = bootstrap_crossed(solved[way][:, np.array(strata) == stratum])._asdict()
        for figure, other in AGAINST.items():
            if other in solved and other != way:
                row |= _difference(figure, solved[way], solved[other])
        row |= _choice(name, works) | _costs(works, done)
        ways[way] = row
    return {
        "kind": kind,
        "target": name,
        "seeds": len(seeds),
        "tests": preset.tests,
        "n": len(seeds) * preset.tests,
        "pool": preset.pool,
        "chosen": preset.chosen,
        "epochs": preset.epochs,
        "strata": {one: strata.count(one) for one in STRATA if one in strata},
        "ways": ways,
    }


def _difference(
    figure: str, mine: Float[np.ndarray, "seeds puzzles"], other: Float[np.ndarray, "seeds puzzles"]
) -> dict[str, Any]:
    """The difference with its interval, and the p of a paired test."""
    difference = mine - other
    return {
        figure: bootstrap_crossed(difference)._asdict(),
        f"{figure}, p": sign_flips(difference.sum(0).astype(np.int64)),
    }


def _choice(name: str, works: Sequence[tuple[Trained, list]]) -> dict[str, Any]:
    """What was chosen: of the target's skill, spoiled, of different puzzles; None where all was."""
    chosen = [[one for one in records if one["what"] == "chosen"] for _, records in works]
    if not any(chosen):
        return {"of the skill": None, "spoiled": None, "different": None}
    every = [one for some in chosen for one in some]
    right = sum(one["skill"] == name for one in every)
    return {
        "of the skill": proportion(right, len(every))._asdict(),
        "spoiled": proportion(sum(bool(one["fault"]) for one in every), len(every))._asdict(),
        "different": mean([len({one["orbit"] for one in some}) / len(some) for some in chosen])._asdict(),
    }


def _costs(works: Sequence[tuple[Trained, list]], done: Done) -> dict[str, Any]:
    """FLOPs of choosing and of training, means over seeds."""
    choosing, training = [], []
    for work, records in works:
        training.append(sum(one["flops"] for one in records if one["what"] == "cost"))
        choosing.append(_choosing(work, done))
    return {"choosing FLOPs": float(np.mean(choosing)), "training FLOPs": float(np.mean(training))}


def _choosing(work: Trained, done: Done) -> float:
    """What it took to score the pool: the warm-up and each item's reading."""
    way = work.way
    if way is None or way.by in ("pool", "random", "oracle", "surface"):
        return 0.0
    by = "loss" if way.by.endswith("loss") else way.by
    rank = way.rank if way.gradients else work.preset.ranks[0]
    total = 0.0
    for other, records in done:
        if isinstance(other, Warmed) and (other.kind, other.seed, other.rank) == (work.kind, work.seed, rank):
            skipped = ("warm-up",) if by == "no warm-up" else ()
            total += sum(
                one["flops"]
                for one in records
                if one["what"] == "cost" and one["by"] in (by, "warm-up") and one["by"] not in skipped
            )
    return total


def corrected(studies: Sequence[dict[str, Any]]) -> None:
    """Adds to each comparison of the gradients' choice whether it is beyond chance: Holm's (1979) correction over kinds
    and targets, and an interval without 0.
    """
    for figure in AGAINST:
        rows = [study["ways"][CHOICE] for study in studies if figure in study["ways"].get(CHOICE, {})]
        open_, rows = True, sorted(rows, key=lambda row: row[f"{figure}, p"])
        for place, row in enumerate(rows):
            open_ = open_ and row[f"{figure}, p"] <= LEVEL / (len(rows) - place)
            low, high = row[figure]["low"], row[figure]["high"]
            row[f"{figure}, verdict"] = (
                "better" if open_ and low > 0 else "worse" if open_ and high < 0 else "no telling"
            )


def verdicts(studies: Sequence[dict[str, Any]]) -> list[str]:
    """A sentence a comparison, by the rule of docs/results/selection-plan.md."""
    said = []
    names = {"against random": "a random 5 %", "against the pool": "the full pool at equal updates",
             "against the pool, epochs": "the full pool at equal epochs"}  # fmt: skip
    for figure, name in names.items():
        words = {
            f"{study['target']}, {study['kind']}": study["ways"][CHOICE][f"{figure}, verdict"]
            for study in studies
            if f"{figure}, verdict" in study["ways"].get(CHOICE, {})
        }
        if not words:
            continue
        better, worse = ([place for place, word in words.items() if word == wanted] for wanted in ("better", "worse"))
        holds = "holds" if len(better) == len(words) else "holds in part" if better and not worse else "does not hold"
        where = f" ({'; '.join(better)})" if better else ""
        lost = f", worse in {len(worse)} ({'; '.join(worse)})" if worse else ""
        said.append(
            f"Beats {name}: {holds} here. Better in {len(better)} of {len(words)} targets x networks{where}{lost}."
        )
    return said


def _curves(done: Sequence[tuple[Redrawn, list[dict]]]) -> list[dict[str, Any]]:
    """Agreement of two rankings by number of masks, mean over seeds and targets."""
    found: dict[tuple, list[dict]] = {}
    for work, records in done:
        for one in records:
            found.setdefault((work.kind, one["by"], one["index"]), []).append(one)
    return [
        {
            "kind": kind,
            "masks": by,
            "draws": draws,
            "rank correlation": _mean([one["score"] for one in some])._asdict(),
            "top in common": _mean([one["loss"] for one in some])._asdict(),
        }
        for (kind, by, draws), some in found.items()
    ]


def _mean(numbers: Sequence[float]) -> Estimate:
    return mean([float(number) for number in numbers])


def share_of_pool(row: Mapping[str, Any], study: Mapping[str, Any]) -> tuple[float, float]:
    """(choosing, training) in trainings on the full pool at equal epochs; if that was not run, at equal updates."""
    ways = study["ways"]
    whole = ways.get(POOL_EPOCHS, ways.get(POOL, row))["training FLOPs"] or 1.0
    return row["choosing FLOPs"] / whole, row["training FLOPs"] / whole
