"""A run's run.json as the tables of a kept run: every figure that it holds, and which of them a table shows.

What is one line an instance (ids, provenance, each network's each puzzle) stays in the run's folder.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from csp.errors import BadInput
from csp.io.files import read_text
from csp.problem import STRATA, stratum_of
from experiments.ablations import VARIANTS, gain, solved_share, validation
from experiments.cli.options import WITHOUT_EFFECT
from experiments.control.tables import PAPER, PERCENTS, columns, needs
from experiments.markdown import factors, likelihood, policies, reinforcement, samplers, scaling, selection, subnetworks
from experiments.markdown.kept import Kept
from experiments.scoring.statistics import Estimate

#: What a command asks, where a kept run is not given a question of its own.
QUESTIONS = {
    "ceiling": "How often, how early and how expensively does each decoder need a retraction that it cannot perform?",
    "frontier": "Which words of a decoder buy what, at equal numbers of calls?",
    "evaluate": "How many puzzles does each decoder solve, by search need and at what cost?",
    "factors": "Which of order, workspace, reading, supervision, depth and search closes the gap from AR to diffusion?",
    "likelihood": "What are estimates of a diffusion network's likelihood off by, against the exact one?",
    "reinforcement": "Does an estimated likelihood hurt the policy that learns from rewards, or only the estimate?",
    "policies": "Does learning the order gain more, or learning what to take back, and on which puzzles?",
    "selection": "Does choosing 5 % of the data by gradients beat all of it, and at what total cost?",
    "subnetworks": "Which weights does learning from rewards change, and is that peculiar to rewards?",
    "scaling": "Does scaling need autoregression? Excess over an exact floor, at equal training FLOPs.",
    "samplers": "Which published way of taking back is worth its compute, and must the network have learned it?",
    "ablations": "What does each choice in training buy, each changed alone?",
    "control": "Which way of steering a network obeys a control and leaves the board valid?",
}
STUDIES = ("likelihood", "policies", "reinforcement", "samplers", "selection", "subnetworks")
RENAMED = {"recipes": "ablations"}
#: Of a run's identity, what a kept run says in a place of its own, or not at all.
APART = ("command", "puzzles", "seed", "takeback", "checkpoints")


def read(folder: Path) -> dict:
    """A finished run's run.json. Raises BadInput if it is none."""
    path = folder / "run.json"
    try:
        card = json.loads(read_text(path))
        command = card["identity"]["command"]
        card["identity"]["command"] = RENAMED.get(command, command)  # a run of before the command's present name
        tables_of(card)
        return card
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError, StopIteration, IndexError):
        raise BadInput(f"{path}: not a finished run of {', '.join(COMMANDS)}") from None


def tables_of(card: dict) -> list[dict]:
    """The tables of a run, by its command."""
    return COMMANDS[card["identity"]["command"]](card)


def distil(card: dict, name: str, question: str = "", line: str = "") -> Kept:
    """What is kept of a run under that name. line: the command line, if it is known."""
    identity, tables = {**card["identity"], **card.get("options", {})}, tables_of(card)
    guesses = [instance["guesses"] for instance in card.get("instances", ()) if instance["guesses"] is not None]
    strata = Counter(map(stratum_of, guesses))
    config = {what: value for what, value in identity.items() if what not in APART}
    if identity["command"] == "ablations":  # what it depends on are its options
        config = {what: value for what, value in identity.items() if what not in ("command", "out", *WITHOUT_EFFECT)}
    elif puzzles := identity.get("puzzles"):
        # which puzzles they were, in one line: two runs of the same ones agree in it
        config["puzzles"] = hashlib.sha256("\n".join(puzzles).encode()).hexdigest()[:16]
    if identity["command"] == "control":
        config |= {"calls": card["calls"], "methods": card["methods"]}
    units = {"control": "targets a task", "ablations": "puzzles a stratum", "factors": "puzzles a stratum"}
    units |= dict.fromkeys(STUDIES, "puzzles x networks a figure") | {"scaling": "networks"}
    counts = {"control": identity.get("targets"), "ablations": identity.get("count")}
    if identity["command"] == "factors":
        counts["factors"] = max(study["puzzles"] for study in card["summary"])
        config |= {"temperatures": card["temperatures"]}
    elif identity["command"] in STUDIES:
        studies = card["summary"]["studies"] if identity["command"] == "selection" else card["summary"]
        counts[identity["command"]] = max(study["n"] for study in studies)
    elif identity["command"] == "scaling":
        counts["scaling"] = card["summary"]["networks"]
    content = {
        "question": question or QUESTIONS[identity["command"]],
        "command": identity["command"],
        "line": line or None,
        "n": int(counts.get(identity["command"]) or len(identity.get("puzzles", ()))),
        "unit": units.get(identity["command"], "puzzles"),
        "strata": {stratum: strata[stratum] for stratum in STRATA if strata[stratum]},
        "seed": identity.get("seed", f"0 to {int(identity['seeds']) - 1}" if "seeds" in identity else None),
        "version": identity.get("takeback") or card["versions"].get("takeback"),
        "versions": card["versions"],
        "checkpoints": identity.get("checkpoints") or card.get("checkpoints") or _nets(card),
        "config": config,
        "tables": tables,
        "notes": [],
    }
    return Kept(name, content)


def _nets(card: dict) -> dict[str, str]:
    """The hashes of the networks that a run trained: ablations' by variant and seed, those of studies."""
    studies = card["summary"] if card["identity"]["command"] == "factors" else ()
    compared = {
        f"{study['set']} {study['size']}, {net['name']}, seed {seed}": sha256
        for study in studies
        for net in study["networks"]
        for seed, sha256 in enumerate(net.get("sha256", ()))
    }
    return (
        compared
        | card.get("networks", {})
        | {
            f"{name}, seed {result['seed']}": result["sha256"]
            for name, results in card.get("variants", {}).items()
            for result in results
        }
    )


def table(
    name: str, title: str, n: int, head: str, columns: Sequence[tuple], rows: Sequence[dict], notes: Sequence[str] = ()
) -> dict:
    """A table of a kept run. columns: key, head and form of each."""
    heads = [dict(zip(("key", "head", "form"), column, strict=True)) for column in columns]
    return {
        "name": name,
        "title": title,
        "n": n,
        "head": head,
        "columns": heads,
        "rows": list(rows),
        "notes": list(notes),
    }


def _ceiling(card: dict) -> list[dict]:
    heads = [
        ("n", "n", "text"),
        ("solved", "solved %", "share"),
        ("need/met/unmet", "need/met/unmet", "text"),
        ("first_dead", "first dead", "counted number"),
        ("lag", "lag", "counted number"),
        ("debt_share", "debt / filled", "counted number"),
        ("calls", "calls", "number"),
        ("tokens", "tokens", "whole"),
    ]
    rows = []
    for row in card["summary"]:
        figures: dict[str, Any] = {what: f for what, f in row.items() if what not in ("decoder", "group", "n")}
        counts = "/".join(str(Estimate(**row[what]).hits) for what in ("need", "met", "unmet"))
        figures |= {"n": str(row["n"]), "need/met/unmet": counts if row["need"]["n"] else "-"}
        rows.append({"name": row["decoder"], "group": row["group"], "figures": figures})
    return [table("all", "", card["summary"][0]["n"], "decoder", heads, rows)]


def _frontier(card: dict) -> list[dict]:
    made = []
    for stratum, curves in card["summary"].items():
        budgets = list(curves[0]["by calls"])
        n = curves[0]["by calls"][budgets[0]]["n"]
        rows = []
        for c in curves:
            flops = {f"{most} FLOPs": f for most, f in c["by flops"].items()}
            rows.append(
                {
                    "name": c["decoder"],
                    "figures": {"kind": c["kind"], "spec": c["spec"], **c["by calls"], **flops},
                }
            )
        title = f"{card['identity']['family']}, {n} instances of {stratum} guesses: solved % within so many calls"
        heads = [("kind", "", "text"), *((budget, budget, "share") for budget in budgets)]
        notes = [f"- {sentence}" for sentence in card["verdicts"][stratum]]
        made.append(table(stratum, title, n, "decoder", heads, rows, notes))
    return made


def _evaluate(card: dict) -> list[dict]:
    heads = [
        ("solved", "solved %", "share"),
        ("met", "met / need %", "share"),
        ("to solve", "calls to solve", "number"),
        ("seconds", "seconds", "number"),
    ]
    made = []
    for part, of_part in card["summary"].items():
        n = next(iter(of_part.values()))["solved"]["n"]
        title = f"{n} puzzles" + ("" if part == "all" else f" of {part} guesses")
        rows = [{"name": name, "figures": figures} for name, figures in of_part.items()]
        made.append(table(part, title, n, "", heads, rows))
    return made


def _ablations(card: dict) -> list[dict]:
    strata = list(next(iter(card["variants"].values()))[0]["solved"])
    rows = []
    for name, results in card["variants"].items():
        if name not in VARIANTS:
            raise BadInput(f"no variant {name!r} of ablations here; there are {', '.join(VARIANTS)}")
        figures: dict[str, Any] = {"about": VARIANTS[name].about, "validation": validation(results)._asdict()}
        for stratum in strata:
            share, _ = solved_share(results, stratum)
            each = [float(np.mean(result["solved"][stratum])) for result in results]
            figures[stratum] = {**share._asdict(), "each": each}
        rows.append({"name": name, "figures": {**figures, "gain": gain(card["variants"], name)._asdict()}})
    shares = [(stratum, f"{stratum} guesses, solved %", "share") for stratum in strata]
    heads = [("about", "", "text"), ("validation", "validation", "number"), *shares, ("gain", "gain", "share")]
    puzzles = sum(map(len, next(iter(card["variants"].values()))[0]["solved"].values()))
    return [table("all", "", puzzles, "variant", heads, rows)]


def _control(card: dict) -> list[dict]:
    made = []
    for task, of_task in card["summary"].items():
        estimates = {name: {what: Estimate(**f) for what, f in row.items()} for name, row in of_task.items()}
        shares, n = card["shares"][task], next(iter(estimates.values()))["both"].n
        title = (
            f"**{task}**: {len(shares)} targets, n = {n}, {card['calls']:,} calls each; obeyed by {shares[0]:.1e} to "
            f"{shares[-1]:.1e} of all solutions, median {float(np.median(shares)):.1e}. "
            + (f"Paper, % (PPLM / FUDGE / Diffusion-LM / beam): {PAPER[task]}" if task in PAPER else "")
        )
        heads = []
        for head in columns(estimates):
            if head not in ("retractions", "seconds"):
                form = "text" if head == "need/met/unmet" else "share" if head in PERCENTS else "number"
                heads.append((head, f"{head} %" if head in PERCENTS else head, form))
        rows = []
        for name, row in estimates.items():
            figures: dict[str, Any] = {what: f._asdict() for what, f in row.items()}
            apart = card.get("by_net", {}).get(task, {}).get(name, ())
            if len(apart) > 1:
                figures["both"]["each"] = list(apart)
            rows.append({"name": name, "figures": {**figures, "need/met/unmet": needs(row)}})
        notes = [f"- {sentence}" for sentence in card["verdicts"][task]]
        made.append(table(task, title, n, "", heads, rows, notes))
    return made


def _study(tables: Callable[[dict], list[tuple]]) -> Callable[[dict], list[dict]]:
    """The tables of a study that has a module of its own for them."""
    return lambda card: [table(*parts) for parts in tables(card)]


COMMANDS: dict[str, Callable[[dict], list[dict]]] = {
    "ceiling": _ceiling,
    "frontier": _frontier,
    "evaluate": _evaluate,
    "ablations": _ablations,
    "control": _control,
    "factors": _study(factors.tables),
    "likelihood": _study(likelihood.tables),
    "policies": _study(policies.tables),
    "reinforcement": _study(reinforcement.tables),
    "selection": _study(selection.tables),
    "subnetworks": _study(subnetworks.tables),
    "scaling": _study(scaling.tables),
    "samplers": _study(samplers.tables),
}
