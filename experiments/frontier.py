"""`takeback frontier`: success against calls and against FLOPs. Which words of a decoder buy what, at equal compute?

Every decoder gets the same instances and a budget of network calls. One whose rules do not look at the budget is run
once with the largest: what it had solved within fewer calls is what it would have solved with a smaller budget. One
whose schedule follows the budget (ReMDM, annealing) is run anew for every budget. Prints a table a stratum and who
wins, and writes scores.parquet, traces.jsonl, run.json and frontier.png.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from csp.errors import BadInput
from csp.problem import STRATA, Instance
from csp.seeds import key
from experiments.cli.options import RunOptions, slug
from experiments.cli.tables import Line, cell, show
from experiments.cli.terminal import console, progress, save_figure
from experiments.engine import decoder_catalogue, run
from experiments.engine.decoder_catalogue import FRONTIER, Row
from experiments.puzzle_files import load
from experiments.puzzle_files.options import PuzzleOptions
from experiments.scoring.aggregate import mcnemar
from experiments.scoring.scorer import Score
from experiments.scoring.statistics import Estimate, proportion
from generators.decoding.spec import PLACED, REMDM, SCHEDULED, Decoder, model_word

BUDGETS = (10, 30, 100, 300, 1000, 2000, 5000, 10_000, 30_000, 100_000)


@dataclass(frozen=True)
class Frontier(PuzzleOptions, RunOptions):
    """Success of decoders against network calls and against FLOPs, by stratum, at budgets that grow up to --calls."""

    family: str = "sudoku9"
    """A shipped set (with --stratum: sudoku6, sudoku9, colouring3-30, colouring3-50, colouring3-100), or a family to
    draw from (without)."""
    stratum: Annotated[tuple[str, ...], tyro.conf.arg(metavar="S ...")] = ()
    """Strata of the shipped set: 0, 1-3, 4-10, 11-100, '>100' guesses."""
    count: Annotated[int, tyro.conf.arg(metavar="N")] = 50
    """Instances a stratum (or drawn)."""
    puzzles: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Instead your puzzles, the first --count of them, in any form that `takeback instances grade` reads."""
    colours: Annotated[int | None, tyro.conf.arg(metavar="K")] = None
    """Number of colours, if they are graphs."""
    calls: Annotated[int, tyro.conf.arg(metavar="N")] = 1000
    """The largest budget, in network calls an instance."""
    decoders: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")] = ()
    """Decoders by name or spelled out; each gets --calls as its budget (default: all that `takeback decoders` lists
    for the frontier)."""


@dataclass(frozen=True)
class Curve:
    """What a decoder needed for each instance of a stratum: calls and FLOPs when it was solved, infinite if not.

    Decoders that are run anew for every budget have a column for each; others one, of the largest.
    """

    row: Row
    budgets: tuple[int, ...]
    calls: np.ndarray  # (instances, columns)
    flops: np.ndarray

    def solved(self, budget: int) -> np.ndarray:
        """Which instances were solved within so many calls: (instances,)."""
        fitting = [column for column, most in enumerate(self.budgets) if most <= budget] or [0]
        return self.calls[:, fitting[-1]] <= budget

    def at(self, budget: int) -> Estimate:
        """The share solved within so many calls."""
        return proportion(int(self.solved(budget).sum()), len(self.calls))

    def at_flops(self, flops: float) -> Estimate:
        """The share solved within so many FLOPs, by the best column for it."""
        return proportion(int((self.flops <= flops).sum(0).max()), len(self.flops))


def main(options: Frontier) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    options.check("count", "calls", "batch_size")
    budgets = tuple(sorted({*(b for b in BUDGETS if b < options.calls), options.calls}))
    rows = decoder_catalogue.chosen(options.decoders, FRONTIER)
    folder = options.out or _default_folder(options)
    about = {"family": options.family, "stratum": list(options.stratum), "calls": options.calls}
    finished = run.decode_and_score(
        "frontier",
        options,
        rows,
        lambda: _instances(options),
        folder,
        lambda instances: about,
        lambda row: spread(row, budgets),
    )
    able, scores = finished.rows, finished.scores

    # a table and a verdict a stratum
    needs = [instance.difficulty.stratum for instance in finished.instances]
    by_stratum = {
        stratum: [curve(row, budgets, scores, [i for i, need in enumerate(needs) if need == stratum]) for row in able]
        for stratum in STRATA
        if stratum in needs
    }
    summary = {stratum: [_as_json(c, budgets) for c in curves] for stratum, curves in by_stratum.items()}
    verdicts = {stratum: verdict(curves, budgets) for stratum, curves in by_stratum.items()}
    finished.keep({"summary": summary, "verdicts": verdicts})
    figure(by_stratum, options, folder / "frontier.png")
    if options.json:
        print(json.dumps({"curves": summary, "verdicts": verdicts}, indent=1))
    else:
        for stratum, curves in by_stratum.items():
            show_table(stratum, curves, budgets, options)
            for sentence in verdicts[stratum]:
                console.print(sentence)
        console.print(LEGEND)
    console.print(f"wrote scores.parquet, traces.jsonl, run.json and frontier.png to {folder}")


LEGEND = """
Share solved within so many network calls, below it its 95 % interval (Wilson). A decoder that never retracts gains
nothing from calls beyond its one dive. Decoders with the same veto know the same rules: compare within one."""


def spread(row: Row, budgets: Sequence[int]) -> list[Row]:
    """The row with the largest budget; a row whose schedule follows its budget once for each."""
    largest = run.budgeted(row, budgets[-1])
    if isinstance(row.spec, str) or not follows_budget(row.spec):
        return [largest]
    return [replace(run.budgeted(row, b), name=f"{row.name}@{b}") for b in budgets]


def follows_budget(spec: Decoder) -> bool:
    """Whether what a decoder does depends on how large its budget is."""
    return spec.retraction in (*REMDM, *SCHEDULED) or spec.anneal > 0


def curve(row: Row, budgets: Sequence[int], scores: dict[str, list[Score]], indices: Sequence[int]) -> Curve:
    """A row's curve over some of the instances."""
    jobs = spread(row, budgets)
    columns = [[scores[job.name][i] for i in indices] for job in jobs]
    calls, flops = (
        np.array([[getattr(s, name) if s.solved else np.inf for s in column] for column in columns]).T
        for name in ("calls", "flops")
    )
    return Curve(row, tuple(budgets) if len(jobs) > 1 else (budgets[-1],), calls, flops)


def kind(row: Row) -> str:
    """What a row is in a verdict. Whoever is helped by an oracle is an upper bound, and wins nothing."""
    if isinstance(row.spec, Decoder) and (
        row.spec.model == "exact"
        or row.spec.signal == "core"
        or row.spec.veto == "oracle"
        or row.spec.memory == "nogoods"
    ):
        return "upper bound"
    if isinstance(row.spec, str) or row.spec.retraction == "none":
        return "irrevocable"
    if row.spec.signal == "random":
        return "placebo"
    return "tried again" if row.spec.retraction in ("restart", "beam") else "retracting"


def family_of(row: Row) -> str:
    """Whose commits a row makes: an AR network's, a diffusion network's, a model's of the user's own, or nobody's."""
    assert isinstance(row.spec, Decoder)
    if model_word(row.spec.model) in PLACED:
        return row.spec.model
    return {"uniform": "no network", "exact": "no network", "diffusion": "diffusion"}.get(row.spec.model, "AR")


def verdict(curves: Sequence[Curve], budgets: Sequence[int]) -> list[str]:
    """For each veto, model and budget: whether the best retracting decoder beats the best of every other kind."""
    said = []
    decoding = [c for c in curves if isinstance(c.row.spec, Decoder)]
    for veto, model in dict.fromkeys((c.row.spec.veto, family_of(c.row)) for c in decoding):
        alike = [c for c in decoding if (c.row.spec.veto, family_of(c.row)) == (veto, model)]
        free = [c for c in decoding if c.row.spec.veto == veto and family_of(c.row) == "no network" != model]
        kinds = {kind(c.row) for c in alike}
        if "retracting" in kinds and (free or len(kinds - {"upper bound"}) > 1):
            said += [f"{model}, veto={veto}, {budget} calls: {_compared(alike, free, budget)}" for budget in budgets]
    return said


def _compared(curves: Sequence[Curve], free: Sequence[Curve], budget: int) -> str:
    """The best retracting decoder against the best of each other kind, and against the best without a network."""

    def best_of(some: Iterable[Curve]) -> Curve | None:
        return max(some, key=lambda c: c.at(budget).value, default=None)

    best = best_of(c for c in curves if kind(c.row) == "retracting")
    parts = [f"{best.row.name} {_percent(best.at(budget))}"]
    rivals = {
        other: best_of(c for c in curves if kind(c.row) == other) for other in ("placebo", "tried again", "irrevocable")
    }
    rivals["without a network"] = best_of(c for c in free if kind(c.row) != "upper bound")
    for other, rival in rivals.items():
        if rival is None:
            continue
        ahead = best.solved(budget), rival.solved(budget)
        wins, losses = int((ahead[0] & ~ahead[1]).sum()), int((ahead[1] & ~ahead[0]).sum())
        apart = best.at(budget).low > rival.at(budget).high or best.at(budget).high < rival.at(budget).low
        word = "intervals apart" if apart else "intervals overlap"
        parts.append(
            f"best {other} {rival.row.name} {_percent(rival.at(budget))} "
            f"({word}; {wins} to {losses} paired, p = {mcnemar(wins, losses):.2g})"
        )
    return "; ".join(parts) + "."


def _percent(figure: Estimate) -> str:
    return f"{100 * figure.value:.0f} % [{100 * figure.low:.0f}, {100 * figure.high:.0f}]"


def show_table(stratum: str, curves: Sequence[Curve], budgets: Sequence[int], options: Frontier) -> None:
    """Print a stratum's table: shares solved by budget."""
    n = len(curves[0].calls)
    title = f"takeback frontier: {options.family}, {n} instances of {stratum} guesses, seed {options.seed}; solved %"
    heads = [f"{budget:,} calls" if budget == budgets[0] else f"{budget:,}" for budget in budgets]
    lines: list[Line] = []
    for group in dict.fromkeys(c.row.group for c in curves):
        lines.append(group)
        for c in (c for c in curves if c.row.group == group):
            veto = c.row.spec.veto if isinstance(c.row.spec, Decoder) else ""
            lines.append((f"  {c.row.name}", veto, *(cell(c.at(budget), percent=True) for budget in budgets)))
    show(title, ("decoder", "veto", *heads), lines, keep=2)


def _as_json(c: Curve, budgets: Sequence[int]) -> dict:
    """A curve for --json and run.json."""
    powers = np.arange(6, 15, 0.5)
    return {
        "decoder": c.row.name,
        "spec": str(c.row.spec),
        "kind": kind(c.row),
        "by calls": {str(budget): c.at(budget)._asdict() for budget in budgets},
        "by flops": {f"{10**power:.3g}": c.at_flops(10**power)._asdict() for power in powers},
    }


def figure(by_stratum: dict[str, list[Curve]], options: Frontier, path: Path) -> None:
    """frontier.png: a row of panels a stratum, by calls and by FLOPs."""
    from matplotlib import color_sequences
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(13, 1.2 + 4.2 * len(by_stratum)), layout="constrained")
    panels = canvas.subplots(len(by_stratum), 2, squeeze=False)
    palette = [colour for name in ("tab20", "tab20b", "tab20c") for colour in color_sequences[name]]
    styles = {"irrevocable": ":", "placebo": "--", "tried again": "-.", "retracting": "-", "upper bound": (0, (1, 4))}
    for (stratum, curves), (left, right) in zip(by_stratum.items(), panels):
        for number, c in enumerate(curves):
            look = {"color": palette[number % len(palette)], "ls": styles[kind(c.row)], "lw": 1.6}
            grid = np.unique(np.round(np.geomspace(1, options.calls, 80)).astype(int))
            _line(left, grid, [c.at(int(b)) for b in grid], c.row.name, look)
            spent = c.flops[np.isfinite(c.flops) & (c.flops > 0)]
            if len(spent):
                steps = np.geomspace(spent.min() * 0.9, spent.max(), 80)
                _line(right, steps, [c.at_flops(f) for f in steps], c.row.name, look)
        for axes, unit in ((left, "network calls an instance"), (right, "FLOPs an instance (decoders with a network)")):
            axes.set_xscale("log")
            axes.set_ylim(-3, 103)
            axes.set_xlabel(unit)
        left.set_ylabel("solved within, % (shade: 95 % interval)")
        left.set_title(f"{options.family}, {stratum} guesses, {len(curves[0].calls)} instances", fontsize=10)
        right.legend(*left.get_legend_handles_labels(), fontsize=7, loc="center left", bbox_to_anchor=(1.01, 0.5))
    canvas.suptitle(
        "Success against compute (dotted: irrevocable, dashed: placebo, dash-dotted: tried again, sparse: upper bound)"
    )
    save_figure(canvas, path)


def _line(axes, places, figures: Sequence[Estimate], name: str, look: dict) -> None:
    axes.plot(places, [100 * f.value for f in figures], label=name, **look)
    low, high = ([100 * getattr(f, end) for f in figures] for end in ("low", "high"))
    axes.fill_between(places, low, high, color=look["color"], alpha=0.08, lw=0)


def _instances(options: Frontier) -> list[Instance]:
    """The instances of every stratum asked for, or drawn ones."""
    if options.puzzles is not None and options.stratum:
        raise BadInput("--stratum takes a shipped set, --puzzles your file: give one of them")
    if options.puzzles is None and options.colours is not None:
        raise BadInput("--colours goes with --puzzles GRAPH")
    if options.stratum:
        return load.of_strata(options.family, options.stratum, options.count)
    with progress("puzzles") as bar:
        task = bar.add_task("certifying puzzles" if options.puzzles else "drawing puzzles", total=options.count)
        if options.puzzles is not None:
            return options.read_puzzles(options.puzzles, options.colours, options.count, lambda: bar.advance(task))
        return load.drawn(options.family, options.seed, options.count, lambda: bar.advance(task))


def _default_folder(options: Frontier) -> Path:
    mark = f"{key(options.stratum, options.decoders, options.checkpoints):016x}"[:6]
    return (
        Path("results") / f"frontier-{slug(options.family)}-{options.count}-{options.calls}-seed{options.seed}-{mark}"
    )


if __name__ == "__main__":
    from experiments.cli.dispatch import run

    run(main, Frontier)
