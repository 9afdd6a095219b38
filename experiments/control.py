"""`takeback control`: can gradients on a continuous latent steer where control of a frozen AR net cannot?

    takeback control --preset quick
    takeback control --task tree span --methods latent-estimate ar-exact cp-sat --targets 20 --samples 10

Nets of one backbone, trained alike on complete boards without any control, are steered towards targets of which it is
counted how rare they are (generators/tasks.py). Every full board is judged by the independent checker: control obeyed,
board valid, both. Beside the nets stands CP-SAT with the control as a constraint. Writes run.json, parts/ and traces.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro
from rich import box
from rich.table import Table

from csp.errors import BadInput
from csp.files import read_text, write_atomically
from csp.targets import Target
from csp.trace import Trace, write_jsonl
from experiments import running
from experiments.console import cell, console, print_wide, progress
from experiments.options import RunOptions, slug
from experiments.statistics import Estimate, bootstrap, proportion
from experiments.store import check_identity, identity_in
from generators import checkpoint, latent_sampling, steering
from generators.latent_sampling import Sampler
from generators.steering import Steering
from generators.tasks import TASKS, targets
from solvers.cp_sat import cp_sat

Spec = Sampler | Steering | None
OWN = "latent-values:guide=denoiser,strength=3,about=all"
#: name: (spelling, what it is). Those with about=all are told the board's own rules too: compare them with each other.
METHODS: dict[str, tuple[str, str]] = {
    "latent": ("latent-values", "latent diffusion, no guidance"),
    "latent-x0": ("latent", "the same, estimating x0 as in the paper"),
    "latent-latents": ("latent-values:guide=latents", "Diffusion-LM's inner updates of the next latents"),
    "latent-x0-latents": ("latent:guide=latents,clamp=1", "the same on the net that estimates x0, clamped"),
    "latent-sign": ("latent-values:guide=latents,inner=sign", "as its public code does: steps of the sign"),
    "latent-estimate": ("latent-values:guide=estimate,fade=2", "mean-field balance with the estimate"),
    "latent-denoiser": ("latent-values:guide=denoiser,strength=3", "gradient through the network"),
    "latent-all": (OWN, "the same, told the rules"),
    "latent-travel": (OWN + ",travel=3", "and time travel"),
    "latent-repair": (OWN + ",repair=30", "and repair of violated cells"),
    "ar": ("ar", "AR, no guidance"),
    "ar-best": ("ar:retraction=restart", "AR, the best of as many as the calls allow (rejection)"),
    "ar-relaxed": ("ar:guide=relaxed", "AR, values weighed by the energy"),
    "ar-all": ("ar:guide=relaxed,about=all", "the same, told the rules"),
    "ar-all-best": ("ar:guide=relaxed,about=all,retraction=restart", "and restarts"),
    "ar-exact": ("ar:guide=exact", "FUDGE with exact p(control | prefix)"),
    "masked": ("diffusion", "masked diffusion, no guidance"),
    "masked-relaxed": ("diffusion:guide=relaxed", "masked diffusion, logits tilted by the energy"),
    "masked-all": ("diffusion:guide=relaxed,about=all", "the same, told the rules"),
    "masked-remask": ("diffusion:guide=relaxed,about=all,retraction=local", "and violated cells remasked"),
    "masked-placebo": ("diffusion:guide=relaxed,about=all,retraction=placebo", "and as many cells at random"),
    "cp-sat": ("cp-sat", "the control as a constraint (ceiling)"),
}
PRESETS = {"quick": (4, 1, 200), "standard": (20, 5, 2000), "full": (200, 20, 2000)}  # targets, samples of each, calls
#: Success in % on the tasks of Diffusion-LM's paper (Li et al. 2022): PPLM, FUDGE, Diffusion-LM, fine-tuned beam.
PAPER = {
    "content": "9.9 / 69.9 / 81.2 / 89.9",
    "speech": "- / 27.0 / 90.0 / 93.0",
    "tree": "- / 17.9 / 86.0 / 76.4",
    "span": "- / 54.2 / 93.8 / 54.4",
    "length": "- / 46.9 / 99.9 / 100",
}


@dataclass(frozen=True)
class Control(RunOptions):
    """Control success, validity and cost of steering frozen nets, by task and method."""

    task: Annotated[tuple[str, ...], tyro.conf.arg(metavar="TASK ...")] = tuple(TASKS)
    """Tasks: content, speech, tree, span, length, infill, content+tree, diagonals."""
    methods: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")] = tuple(METHODS)
    """Methods by name, or spelled out like latent-values:guide=estimate,strength=2; each gets --calls as its budget."""
    preset: Literal["quick", "standard", "full"] = "quick"
    """Targets a task, samples a target, calls a sample: quick 4, 1, 200; standard 20, 5, 2000; full 200, 20, 2000."""
    targets: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Targets a task, instead of the preset's."""
    samples: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Samples a target, instead of the preset's."""
    calls: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Budget of network calls a sample, instead of the preset's."""


def main(options: Control) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    options.check("targets", "samples", "calls", "batch_size")
    for task in options.task:
        if task not in TASKS:
            raise BadInput(f"no task {task!r}; there are {', '.join(TASKS)}")
    given = options.targets, options.samples, options.calls
    count, samples, calls = (own or preset for own, preset in zip(given, PRESETS[options.preset]))
    plain = {name: read(name) for name in options.methods}
    specs = {name: spec and replace(spec, calls=calls) for name, spec in plain.items()}
    folder = options.out or Path("results") / f"control-{options.preset}-{options.digest()}"
    running.writable(folder)
    nets = {family: _nets(family, specs.values(), options) for family in sorted(set(map(family_of, options.task)))}
    able = _able(options.task, specs, nets)
    hashes = {f"{of}-{kind}": net.sha256 for of, some in nets.items() for kind, net in some.items()}
    spelled = {name: str(spec or name) for name, spec in specs.items()}
    store = Parts(folder, {"seed": options.seed, "targets": count, "samples": samples}, options.fresh)
    store.write_card({"status": "running"})
    results: dict[str, dict[str, list[dict]]] = {}
    with progress("methods") as bar:
        job = bar.add_task("steering", total=sum(map(len, able.values())))
        for task, names in able.items():
            bar.update(job, description=f"{task}: counting")
            aims, results[task] = targets(task, options.seed, count), {}
            for name in names:
                bar.update(job, description=f"{task}: {name}")
                net = nets[family_of(task)][specs[name].model] if specs[name] else None
                about = {"method": spelled[name], "net": net.sha256 if net else ""}
                make = partial(run, specs[name], net.model if net else None, seed=options.seed)
                results[task][name] = store.get(task, name, about, aims, samples, options.batch_size, make)
                bar.advance(job)
    summary = {task: {name: figures(rows) for name, rows in of.items()} for task, of in results.items()}
    as_json = {
        task: {name: {what: f._asdict() for what, f in row.items()} for name, row in of_task.items()}
        for task, of_task in summary.items()
    }
    shares = {task: shares_of(next(iter(of.values()))) for task, of in results.items()}
    made_by = {"methods": spelled, "checkpoints": hashes, "versions": running.versions(), "calls": calls}
    store.write_card({"status": "complete", **made_by, "summary": as_json, "shares": shares})
    if options.json:
        print(json.dumps(as_json, indent=1))
        return
    for task, of_task in summary.items():
        print_wide(table(task, of_task, shares[task], samples, calls))
        console.print(verdict(task, of_task))
    console.print(LEGEND, f"wrote run.json and parts to {folder}", sep="\n")


LEGEND = """
both: control obeyed and board valid. Below each figure: its 95 % interval (bootstrap over targets; Wilson where there
is one target, or all or none succeeded). distinct: different boards among a target's successful samples. Methods told
"all" know the board's own rules; the others know the control alone."""


def read(name: str) -> Spec:
    """A method's Sampler or Steering; None for cp-sat. Raises BadInput for an unknown one."""
    text = METHODS[name][0] if name in METHODS else name
    if text == "cp-sat":
        return None
    model = text.partition(":")[0]
    if model in latent_sampling.PLAIN:
        return latent_sampling.parse(text)
    if model in steering.PLAIN:
        return steering.parse(text)
    raise BadInput(f"no method {name!r}; there are {', '.join(METHODS)}, or one spelled out like {OWN}")


def family_of(task: str) -> str:
    """The family that the nets of a task are trained on."""
    return "graph20" if task == "length" else "grid6"


def _nets(family: str, specs: Iterable[Spec], options: Control) -> dict[str, checkpoint.Checkpoint]:
    """The family's checkpoints that the methods need, as far as there are any, by kind."""
    folder = options.checkpoints or checkpoint.FOLDER
    paths = {spec.model: folder / f"{family}-{spec.model}.safetensors" for spec in specs if spec}
    return {kind: checkpoint.load(path, family) for kind, path in paths.items() if path.exists()}


def _able(tasks: Sequence[str], specs: dict[str, Spec], nets: dict[str, dict]) -> dict[str, list[str]]:
    """The methods that can run, by task; says what is left out, and why. Raises BadInput if everything is."""
    able: dict[str, list[str]] = {}
    reasons: dict[str, list[str]] = {}
    for task in dict.fromkeys(tasks):
        family = family_of(task)
        for name, spec in specs.items():
            if spec and spec.model not in nets[family]:
                out, reason = f"{spec.model} on {task}", f"there is no {family} {spec.model} checkpoint"
            elif isinstance(spec, Steering) and spec.guide == "exact" and family != "grid6":
                out, reason = f"{name} on {task}", "guide=exact counts over all grids"
            else:
                able.setdefault(task, []).append(name)
                continue
            if out not in reasons.setdefault(reason, []):
                reasons[reason].append(out)
    running.say_left_out(reasons)
    if not able:
        raise BadInput("no method is left to run")
    return able


def run(spec: Spec, model, aims: Sequence[Target], seed: int) -> list[Trace]:
    """A trace for each target."""
    if spec is None:
        return [cp_sat(aim.instance, seed) for aim in aims]
    if isinstance(spec, Sampler):
        return latent_sampling.sample(spec, model, aims, seed)
    return steering.steer(spec, model, aims, seed)


class Parts:
    """Finished (task, method) pairs of a run, a file each. Raises BadInput if the folder holds another run."""

    def __init__(self, folder: Path, identity: dict, fresh: bool):
        self.folder, self.identity = folder, {"command": "control", **identity}
        if (folder / "run.json").exists():
            if fresh:
                identity_in(folder, "control")
                for path in folder.glob("parts/*.json"):
                    path.unlink()
            else:
                check_identity(folder, self.identity)

    def get(self, task, name, about: dict, aims, samples: int, batch: int, make: Callable) -> list[dict]:
        """What is known of a pair's samples, from its file or made now."""
        path = self.folder / "parts" / f"{slug(task)}-{slug(name)}.json"
        if path.exists():
            try:
                kept = json.loads(read_text(path))
                if kept["about"] == about:
                    return kept["samples"]
            except (json.JSONDecodeError, KeyError, TypeError):
                raise BadInput(f"{path}: not a finished part; delete the file to redo it") from None
        wanted = [aim for aim in aims for _ in range(samples)]
        traces: list[Trace] = []
        size = max(samples, batch // samples * samples)  # samples of one target stay together: they are numbered
        for start in range(0, len(wanted), size):
            traces += make(wanted[start : start + size])
        made = [judged(trace, aim) for trace, aim in zip(traces, wanted)]
        write_atomically(self.folder / "traces" / f"{slug(task)}-{slug(name)}.jsonl", write_jsonl(traces))
        write_atomically(path, json.dumps({"about": about, "samples": made}) + "\n")
        return made

    def write_card(self, about: dict) -> None:
        """Write run.json."""
        write_atomically(self.folder / "run.json", json.dumps({"identity": self.identity, **about}, indent=1) + "\n")


def judged(trace: Trace, aim: Target) -> dict:
    """What the checker says of a trace's last board, and what it cost."""
    board = aim.plain.givens.copy()
    for _, place, value in trace.events:
        board[place] = value
    return {
        "target": aim.instance.id,
        "rarity": [aim.satisfying, aim.among],
        "control": bool(aim.controlled(board)),
        "valid": bool(aim.valid(board)),
        "both": bool(aim.instance.solved(board)),
        "board": board.tolist(),
        "retractions": trace.retractions,
        "calls": trace.costs.calls,
        "flops": trace.costs.flops,
        "seconds": trace.costs.seconds,
    }


def figures(samples: Sequence[dict]) -> dict[str, Estimate]:
    """What the table shows of one method on one task."""
    groups: dict[str, list[dict]] = {}
    for one in samples:
        groups.setdefault(one["target"], []).append(one)

    def share(what: str) -> Estimate:
        if len(groups) == 1:
            return proportion(sum(one[what] for one in samples), len(samples))
        made = bootstrap([np.mean([one[what] for one in group]) for group in groups.values()])
        if made.value in (0, 1):  # resampling says nothing there
            return proportion(int(made.value * len(groups)), len(groups))
        return made._replace(n=len(samples))

    good = [[tuple(one["board"]) for one in group if one["both"]] for group in groups.values()]
    return {
        "both": share("both"),
        "control": share("control"),
        "valid": share("valid"),
        "distinct": bootstrap([len(set(boards)) / len(boards) for boards in good if boards]),
        "retractions": bootstrap([one["retractions"] for one in samples]),
        "calls": bootstrap([one["calls"] for one in samples]),
        "gflops": bootstrap([one["flops"] / 1e9 for one in samples]),
        "seconds": bootstrap([one["seconds"] for one in samples]),
    }


def shares_of(samples: Sequence[dict]) -> list[float]:
    """For each target, the share of all solutions that obey it, rising."""
    return sorted({one["target"]: one["rarity"][0] / one["rarity"][1] for one in samples}.values())


def table(task: str, of_task: dict[str, dict[str, Estimate]], shares: list[float], samples: int, calls: int) -> Table:
    """The table of one task."""
    title = f"takeback control: {task}, {len(shares)} target{'s' * (len(shares) > 1)} x {samples} "
    title += f"sample{'s' * (samples > 1)}, {calls:,} calls each; obeyed by {shares[0]:.1e} to "
    title += f"{shares[-1]:.1e} of all solutions, median {float(np.median(shares)):.1e}"
    title += f". Paper, % (PPLM / FUDGE / Diffusion-LM / beam): {PAPER[task]}" if task in PAPER else ""
    made = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", padding=(0, 1))
    made.add_column("method", no_wrap=True)
    made.add_column("what it is")
    percents = ("both", "control", "valid", "distinct")
    for what in next(iter(of_task.values())):
        made.add_column(f"{what} %" if what in percents else what, justify="right", no_wrap=True)
    for name, row in of_task.items():
        cells = [cell(figure, percent=what in percents) for what, figure in row.items()]
        made.add_row(name, METHODS[name][1] if name in METHODS else "", *cells)
    return made


def verdict(task: str, of_task: dict[str, dict[str, Estimate]]) -> str:
    """One sentence: the best gradient-guided latent method against the best control of a frozen AR net."""

    latents = [name for name in of_task if name.startswith("latent")]
    ars = [name for name in of_task if name.startswith("ar") and name != "ar-exact"]
    if not latents or not ars:
        return f"{task}: no verdict, one side was not run."
    latent, ar = (max(names, key=lambda name: of_task[name]["both"].value or 0.0) for names in (latents, ars))
    a, b = of_task[latent]["both"], of_task[ar]["both"]
    said = "is not told apart from"
    if a.low > b.high or a.high < b.low:
        said = f"{'wins' if a.low > b.high else 'loses'}, intervals apart, against"
    names = f"gradient control of latents ({latent}, {100 * a.value:.0f} %)", f"({ar}, {100 * b.value:.0f} %)"
    return (
        f"{task}: {names[0]} {said} the best control of a frozen AR net without counting {names[1]}: the best of "
        f"{len(latents)} and of {len(ars)}, chosen by these figures; n = {a.n}, one net each."
    )


if __name__ == "__main__":
    from experiments.cli import run as start

    start(main, Control)
