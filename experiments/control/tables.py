"""What `takeback control` says: figures with intervals, tables, verdicts, plots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from experiments.cli.line_labels import DASHES, label_ends
from experiments.cli.tables import cell, show
from experiments.cli.terminal import save_figure
from experiments.control.catalogue import (
    FROZEN,
    HYBRID,
    LATENT,
    MASKS,
    METHODS,
    NO_NET,
    PROMPTED,
    TWINS,
    UNGUIDED,
    family,
    knows,
)
from experiments.scoring.statistics import (
    Estimate,
    bootstrap,
    bootstrap_crossed,
    minimum_bayes_risk,
    proportion,
    sign_flips,
)

#: Success in % on the tasks of Diffusion-LM's paper (Li et al. 2022): PPLM, FUDGE, Diffusion-LM, fine-tuned beam.
PAPER = {
    "content": "9.9 / 69.9 / 81.2 / 89.9",
    "speech": "- / 27.0 / 90.0 / 93.0",
    "tree": "- / 17.9 / 86.0 / 76.4",
    "span": "- / 54.2 / 93.8 / 54.4",
    "length": "- / 46.9 / 99.9 / 100",
}
PERCENTS = ("both", "control", "valid", "parts", "chosen", "distinct", "dead at")
LEGEND = """
both: control obeyed and board valid. Below each figure: its 95 % interval (bootstrap over targets, and nets where there
are several; Wilson for shares that are alike for all targets, or of one target). parts: share of the control's parts
(cages, cells, a span) that the board obeys; of cages that is their F1. chosen: of each target's samples the
one of minimum Bayes risk. distinct: different boards among a target's successful samples; bits: -log2 of the chance
that two of them agree in a cell. need / met / unmet: samples whose first board entered a dead end, a state that no
solution of the target extends; of those, solved all the same, and not; dead at: cells filled when it did (nets that
write cell by cell). Methods told "all" know the board's own rules; the others know the control alone. A verdict
compares methods that are told as much, by the difference on the same targets: it takes an interval without 0 and
p < 0.05 (signs flipped target by target). All may ask the checker whether a full board is a solution; a latent net's
board is full at every call, an AR net's or a masked one's at the end of an attempt."""


Groups = dict[tuple[int, str], list[dict]]


def figures(samples: Sequence[dict]) -> dict[str, Estimate]:
    """What the table shows of one method on one task."""
    groups: Groups = {}
    for one in samples:
        groups.setdefault((one.get("net", 0), one["target"]), []).append(one)
    made = {what: share(groups, what) for what in ("both", "control", "valid")}
    if all(one.get("parts") is not None for one in samples):
        made["parts"] = by_target({key: [one["parts"] for one in group] for key, group in groups.items()})
    good = {key: [one for one in group if one["both"]] for key, group in groups.items()}
    good = {key: group for key, group in good.items() if group}
    if len(samples) > len(groups):
        picks = {
            key: [group[minimum_bayes_risk(np.array([one["board"] for one in group]))]] for key, group in groups.items()
        }
        made["chosen"] = share(picks, "both")
        distinct = {key: [len({tuple(one["board"]) for one in group}) / len(group)] for key, group in good.items()}
        made["distinct"] = by_target(distinct)
        made["bits"] = by_target({key: [diversity(group)] for key, group in good.items() if len(group) > 1})
    looked = {key: [one for one in group if "dead" in one] for key, group in groups.items() if "dead" in group[0]}
    if looked:
        need = {key: [{"need": one["dead"] is not None} for one in group] for key, group in looked.items()}
        late = {key: [one for one in group if one["dead"] is not None] for key, group in looked.items()}
        late = {key: group for key, group in late.items() if group}
        made["need"] = share(need, "need")
        made["met"] = share(late, "both") if late else Estimate(None, None, None, 0)
        made["dead at"] = by_target({key: [one["dead"] for one in group] for key, group in late.items()})
    for what, scale in (("retractions", 1.0), ("calls", 1.0), ("flops", 1e-9), ("seconds", 1.0)):
        of_target = {key: [one[what] * scale for one in group] for key, group in groups.items()}
        made["gflops" if what == "flops" else what] = by_target(of_target)
    return made


def by_target(groups: dict[tuple[int, str], list[float]]) -> Estimate:
    """The mean over (net, target) of the means of their numbers; its interval over targets, and nets. n: numbers."""
    n = sum(map(len, groups.values()))
    means = {key: float(np.mean(group)) for key, group in groups.items()}
    nets, targets = ({key[place] for key in means} for place in (0, 1))
    if len(nets) > 1 and len(means) == len(nets) * len(targets):
        table = [[means[net, target] for target in sorted(targets)] for net in sorted(nets)]
        return bootstrap_crossed(np.array(table))._replace(n=n)
    return bootstrap(list(means.values()))._replace(n=n)


def share(groups: Groups, what: str) -> Estimate:
    """The share of samples of which `what` is true, by (net, target). Where resampling would say nothing (all targets
    alike, or one of them): Wilson's interval, a target, or of one target a net, or of one net a sample being what is
    counted."""
    made = by_target({key: [float(one[what]) for one in group] for key, group in groups.items()})
    nets, targets = ({key[place] for key in groups} for place in (0, 1))
    alike = len({np.mean([one[what] for one in group]) for group in groups.values()}) == 1
    if alike or len(targets) == 1:
        count = len(targets) if len(targets) > 1 else len(nets) if len(nets) > 1 else made.n
        return proportion(round(made.value * count), count)._replace(value=made.value, n=made.n)
    return made


def by_net(samples: Sequence[dict]) -> list[float]:
    """The share of samples with control obeyed and board valid, a net at a time."""
    nets = sorted({one.get("net", 0) for one in samples})
    return [both([one for one in samples if one.get("net", 0) == net]) for net in nets]


def diversity(group: Sequence[dict]) -> float:
    """-log2 of the share of cells in which two of the boards agree, over all pairs."""
    boards = np.array([one["board"] for one in group])
    agree = np.array([boards[a] == boards[b] for a, b in combinations(range(len(boards)), 2)])
    return float(-np.log2(max(agree.mean(), 0.5 / agree.size)))


def shares_of(samples: Sequence[dict]) -> list[float]:
    """For each target, the share of all solutions that obey it, rising."""
    return sorted({one["target"]: one["rarity"][0] / one["rarity"][1] for one in samples}.values())


def show_task(
    task: str, of_task: dict[str, dict[str, Estimate]], shares: list[float], samples: int, calls: int
) -> None:
    """Print the table of one task."""
    title = f"takeback control: {task}, {len(shares)} target{'s' * (len(shares) > 1)} x {samples} "
    title += f"sample{'s' * (samples > 1)}, {calls:,} calls each; obeyed by {shares[0]:.1e} to "
    title += f"{shares[-1]:.1e} of all solutions, median {float(np.median(shares)):.1e}"
    title += f". Paper, % (PPLM / FUDGE / Diffusion-LM / beam): {PAPER[task]}" if task in PAPER else ""
    figures = columns(of_task)
    heads = [f"{head} %" if head in PERCENTS else head for head in figures]
    lines = [
        (name, METHODS[name][1] if name in METHODS else "", *(shown(row, head) for head in figures))
        for name, row in of_task.items()
    ]
    show(title, ("method", "what it is", *heads), lines, left=("what it is",), wrap=("what it is",))


def columns(of_task: dict[str, dict[str, Estimate]]) -> list[str]:
    """The columns of a table: what any of its methods has."""
    has = {what for row in of_task.values() for what in row}
    every = ("both", "control", "valid", "parts", "chosen", "distinct", "bits", "need/met/unmet", "dead at")
    every += ("retractions", "calls", "gflops", "seconds")
    return [head for head in every if head in has or (head == "need/met/unmet" and "need" in has)]


def shown(row: dict[str, Estimate], head: str):
    """A figure of a row; a dash where it has none."""
    if head == "need/met/unmet":
        return needs(row)
    return cell(row.get(head, Estimate(None, None, None, 0)), percent=head in PERCENTS)


def needs(row: dict[str, Estimate]) -> str:
    """Counts: need / met / unmet."""
    if "need" not in row:
        return "-"
    need, met = row["met"].n, row["met"].hits
    return f"{need}/{met}/{need - met}"


def verdicts(task: str, of_task: dict[str, list[dict]], nets: int) -> list[str]:
    """The best gradient-guided latent method against the best of each other family, told as much: a sentence each."""
    said = []
    for told, words in (("control", "told the control alone"), ("all", "told the rules too")):
        alike = {name: samples for name, samples in of_task.items() if family(name) and knows(name) == told}
        best, sizes = leaders(alike), Counter(map(family, alike))
        for of in (FROZEN, PROMPTED, MASKS):
            if LATENT in best and of in best:
                pair = [(of_task[best[one]], best[one], sizes[one]) for one in (LATENT, of)]
                said.append(f"{task}, {words}: {_verdict(*pair, LATENT, of, nets)}")
    said = said or [f"{task}: no verdict, one side was not run."]
    if "masked-remask" in of_task and "masked-placebo" in of_task:
        pair = [(of_task[name], name, 1) for name in ("masked-remask", "masked-placebo")]
        what = "remasking what is violated", "remasking as many cells at random"
        said.append(f"{task}, the control of retraction: {_verdict(*pair, *what, nets)}")
    for name, twin in TWINS.items():
        if name in of_task and twin in of_task:
            pair = [(of_task[one], one, 1) for one in (name, twin)]
            said.append(f"{task}, the no-net twin: {_verdict(*pair, name, 'the same without a network', nets)}")
    return said


def _verdict(one: tuple, two: tuple, what: str, other: str, nets: int) -> str:
    (a, first, many), (b, second, others) = one, two
    difference, p = compared(a, b)
    said = "is not told apart from"
    if p < 0.05 and not difference.low <= 0 <= difference.high:
        said = f"{'wins' if difference.value > 0 else 'loses'} against"
    costs = [np.mean([sample["flops"] for sample in samples]) / 1e9 for samples in (a, b)]
    targets = len({sample["target"] for sample in a})
    points = f"{100 * difference.value:+.0f} points"
    if difference.low is not None:
        points += f" [{100 * difference.low:.0f}, {100 * difference.high:.0f}], p = {p:.2g} over {targets} targets"
    chosen = f"; the best of {many} and of {others}, chosen by these figures" if max(many, others) > 1 else ""
    return (
        f"{what} ({first}, {100 * both(a):.0f} %, {costs[0]:.3g} GFLOP a sample) {said} {other} ({second}, "
        f"{100 * both(b):.0f} %, {costs[1]:.3g} GFLOP): {points}{chosen}; n = {len(a)}, "
        f"{nets} net{'s' * (nets > 1)} of each kind."
    )


def compared(one: Sequence[dict], two: Sequence[dict]) -> tuple[Estimate, float]:
    """Success of the first minus that of the second on the same targets (and nets), with its interval over them, and
    the p of a sign-flip test over targets."""
    shares = []
    for samples in (one, two):
        groups: dict[tuple[int, str], list[bool]] = {}
        for sample in samples:
            groups.setdefault((sample.get("net", 0), sample["target"]), []).append(sample["both"])
        shares.append({key: float(np.mean(group)) for key, group in groups.items()})
    first, second = shares
    gaps = {key: first[key] - second[key] for key in first if key in second}
    of_target: dict[str, float] = {}
    for (_, target), gap in gaps.items():
        of_target[target] = of_target.get(target, 0.0) + gap
    counts = np.array(list(of_target.values())) * len(one) / len(first)  # whole numbers: samples
    return by_target({key: [gap] for key, gap in gaps.items()}), sign_flips(counts.round().astype(np.int64))


def both(samples: Sequence[dict]) -> float:
    """The share of samples with control obeyed and board valid."""
    return float(np.mean([sample["both"] for sample in samples]))


#: Colours of the families in the plots.
COLOURS = {
    LATENT: "#1f77b4",
    FROZEN: "#d62728",
    PROMPTED: "#9467bd",
    MASKS: "#2ca02c",
    HYBRID: "#ff7f0e",
    NO_NET: "#8c564b",
    "": "#7f7f7f",
}


def leaders(of_task: dict[str, list[dict]]) -> dict[str, str]:
    """Of each family, the method with the most successes; of the ceilings, each."""
    best: dict[str, str] = {}
    for name, samples in of_task.items():
        of = family(name) or name
        if of == UNGUIDED:
            continue
        if of not in best or both(samples) > both(of_task[best[of]]):
            best[of] = name
    return best


def curves(results: dict[str, dict[str, list[dict]]], calls: int, path: Path) -> None:
    """control.png: a panel a task, the share of samples that succeeded within so many calls."""
    from matplotlib.figure import Figure

    across = min(4, len(results))
    down = -(-len(results) // across)
    canvas = Figure(figsize=(5.4 * across, 3.4 * down + 0.5), layout="constrained")
    grid = np.unique(np.round(np.geomspace(1, calls, 120)))
    panels = canvas.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, (task, of_task) in zip(panels, results.items()):
        lines = {}
        for number, (of, name) in enumerate(leaders(of_task).items()):
            spent = np.array([s["calls"] if s["both"] else np.inf for s in of_task[name]])
            shares = 100 * (spent[None, :] <= grid[:, None]).mean(1)  # (grid,)
            colour = COLOURS.get(of, COLOURS[""])
            axes.step(grid, shares, where="post", color=colour, ls=DASHES[number % len(DASHES)], lw=1.6)
            lines[name] = (grid, shares, colour)
        axes.set_xscale("log")
        axes.set_xlim(1, max(calls, 2))
        axes.set_ylim(-3, 103)
        axes.set_title(f"{task}, n = {len(next(iter(of_task.values())))}", fontsize=10)
        label_ends(axes, lines, gap=7)
    for axes in panels[len(results) :]:
        axes.set_visible(False)
    canvas.supxlabel("network calls a sample")
    canvas.supylabel("valid and controlled, %")
    canvas.suptitle(
        "Control within so many calls: the best method of each family, whatever it is told (grey: counting and CP-SAT)"
    )
    save_figure(canvas, path)


def rarity(results: dict[str, dict[str, list[dict]]], path: Path) -> None:
    """rarity.png: success by how rare the targets are, all tasks together; of each family the best method a task."""
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(8, 4.6), layout="constrained")
    axes = canvas.subplots()
    known: dict[str, dict[int, dict[str, list[bool]]]] = {}
    for of_task in results.values():
        for of, name in leaders(of_task).items():
            for s in of_task[name]:
                decade = int(np.floor(np.log10(s["rarity"][0] / s["rarity"][1])))
                known.setdefault(of, {}).setdefault(decade, {}).setdefault(s["target"], []).append(s["both"])
    for shift, (of, decades) in enumerate(known.items()):
        places = sorted(decades)
        means = [[float(np.mean(marks)) for marks in decades[place].values()] for place in places]
        made = [proportion(round(sum(m)), len(m))._replace(value=float(np.mean(m))) for m in means]
        value = np.array([100 * one.value for one in made])
        low = np.minimum(value, [100 * one.low for one in made])
        high = np.maximum(value, [100 * one.high for one in made])
        style = {"color": COLOURS.get(of, COLOURS[""]), "ls": "-" if of in COLOURS else "--", "marker": "o", "ms": 3}
        x = np.array(places) + 0.5 + 0.06 * (shift - len(known) / 2)
        axes.errorbar(x, value, yerr=[value - low, high - value], capsize=2, lw=1.4, label=of, **style)
    axes.set_xlabel("share of all solutions that obey the target: 10 to the power of")
    axes.set_ylabel("valid and controlled, %")
    axes.set_ylim(-3, 103)
    axes.set_title(
        "Control by rarity: the best method of each family on each task (95 % intervals over targets)", fontsize=10
    )
    canvas.legend(fontsize=8, loc="outside lower center", ncols=3)
    save_figure(canvas, path)
