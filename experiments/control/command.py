"""`takeback control`: can gradients on a continuous latent steer where control of a frozen AR net cannot?

    takeback control --preset quick
    takeback control --task tree span --methods latent-estimate ar-exact cp-sat --targets 20 --samples 10

Nets of one backbone, trained alike on complete boards without any control, are steered towards targets of which it is
counted how rare they are (solvers/counting/control_tasks.py); beside them stand nets that were trained to be told a
control, and CP-SAT with the control as a constraint. Every full board is judged by the independent checker: control
obeyed, board valid, both. Writes run.json, control.png, rarity.png, parts/ and traces/.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal

import tyro

from csp.errors import BadInput
from experiments.cli.options import RunOptions, slug
from experiments.cli.terminal import console, print_wide, progress
from experiments.control import tables as report
from experiments.control.catalogue import METHODS, QUICK, Spec, read, run
from experiments.engine import run as engine
from experiments.engine.store import Parts
from generators import checkpoint
from generators.checkpoint import Checkpoint
from generators.control.steer import Steering
from solvers.counting.control_tasks import TASKS, targets

#: Targets a task, samples of each, calls a sample.
PRESETS = {"quick": (3, 1, 150), "standard": (20, 3, 500), "full": (200, 20, 2000)}
Nets = dict[str, Checkpoint]


@dataclass(frozen=True)
class Control(RunOptions):
    """Control success, validity and cost of steering frozen nets, by task and method."""

    task: Annotated[tuple[str, ...], tyro.conf.arg(metavar="TASK ...")] = tuple(TASKS)
    """Tasks: content, speech, tree, span, length, infill, content+tree, diagonals."""
    methods: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")] = ()
    """Methods by name, or spelled out like latent-values:guide=estimate,strength=2; each gets --calls as its budget.
    Without this, quick runs some of those with a name, the other presets all."""
    preset: Literal["quick", "standard", "full"] = "quick"
    """Targets a task, samples a target, calls a sample: quick 3, 1, 150; standard 20, 3, 500; full 200, 20, 2000."""
    checkpoints: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="DIR ...")] = ()
    """Folders with FAMILY-KIND.safetensors, each a set of nets (seeds of their training); default: the shipped ones."""
    targets: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Targets a task, instead of the preset's."""
    samples: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Samples a target, instead of the preset's."""
    calls: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Budget of network calls a sample, instead of the preset's."""
    finished: tyro.conf.FlagCreatePairsOff[bool] = False
    """Show what the folder holds already, and run nothing."""


def main(options: Control) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    options.check("targets", "samples", "calls", "batch_size")
    for task in options.task:
        if task not in TASKS:
            raise BadInput(f"no task {task!r}; there are {', '.join(TASKS)}")
    given = options.targets, options.samples, options.calls
    count, samples, calls = (own or preset for own, preset in zip(given, PRESETS[options.preset]))
    names = options.methods or (QUICK if options.preset == "quick" else tuple(METHODS))
    plain = {name: read(name) for name in names}
    specs = {name: spec and replace(spec, calls=calls) for name, spec in plain.items()}
    folder = options.out or Path("results") / f"control-{options.preset}-{replace(options, finished=False).digest()}"
    engine.writable(folder)
    folders = options.checkpoints or (checkpoint.FOLDER,)
    for at in folders:
        if not at.is_dir():
            raise BadInput(f"--checkpoints {at}: no such folder")
    families = sorted(set(map(family_of, options.task)))
    nets = [{family: _nets(at, family, specs.values()) for family in families} for at in folders]
    able = _able(options.task, specs, nets)
    hashes = [{f"{of}-{kind}": net.sha256 for of, some in each.items() for kind, net in some.items()} for each in nets]
    if any(a == b for a, b in combinations(hashes, 2)):
        raise BadInput("--checkpoints: two of the folders hold the same nets")
    spelled = {name: str(spec or name) for name, spec in specs.items()}
    store = Parts(folder, {"seed": options.seed, "targets": count, "samples": samples}, options.fresh)
    store.write_card({"status": "running"})
    results: dict[str, dict[str, list[dict]]] = {}
    with progress("methods") as bar:
        total = sum(len(nets) if specs[name] else 1 for of_task in able.values() for name in of_task)
        job = bar.add_task("steering", total=total)
        for task, of_task in able.items():
            bar.update(job, description=f"{task}: counting")
            aims = [] if options.finished else targets(task, options.seed, count)
            results[task] = {}
            for name in of_task:
                spec = specs[name]
                for number, each in enumerate(nets if spec else nets[:1]):  # CP-SAT says the same each time
                    bar.update(job, description=f"{task}: {name}")
                    used = {kind: each[family_of(task)][kind] for kind in (spec.nets if spec else ())}
                    about = {"method": spelled[name], "nets": {kind: net.sha256 for kind, net in used.items()}}
                    models = {kind: net.model for kind, net in used.items()}
                    make = partial(run, spec, models, seed=options.seed)
                    file = f"{slug(task)}-{slug(name)}" + (f"-{number}" if number else "")
                    looks = isinstance(spec, Steering) and spec.search == "none"
                    part = store.kept(file, about)
                    if part is None and not options.finished:
                        many = samples if spec else 1
                        part = store.make(file, about, aims, many, options.batch_size, make, looks)
                    if part is not None:
                        results[task].setdefault(name, []).extend({**one, "net": number} for one in part)
                    bar.advance(job)
    results = {task: of for task, of in results.items() if of}
    if not results:
        raise BadInput(f"{folder} holds no finished method of these")
    summary = {task: {name: report.figures(rows) for name, rows in of.items()} for task, of in results.items()}
    shares = {task: report.shares_of(next(iter(of.values()))) for task, of in results.items()}
    verdicts = {task: report.verdicts(task, of, len(nets)) for task, of in results.items()}
    made_by = {"methods": spelled, "checkpoints": hashes, "versions": engine.versions(), "calls": calls}
    as_json = {
        task: {name: {what: f._asdict() for what, f in row.items()} for name, row in of.items()}
        for task, of in summary.items()
    }
    apart = {task: {name: report.by_net(rows) for name, rows in of.items()} for task, of in results.items()}
    about = {"summary": as_json, "by_net": apart, "shares": shares, "verdicts": verdicts}
    store.write_card({"status": "complete", **made_by, **about})
    report.curves(results, calls, folder / "control.png")
    report.rarity(results, folder / "rarity.png")
    if options.json:
        print(json.dumps(as_json, indent=1))
        return
    for task, of_task in summary.items():
        print_wide(report.table(task, of_task, shares[task], samples * len(nets), calls))
        for sentence in verdicts[task]:
            console.print(sentence)
    console.print(report.LEGEND, f"wrote run.json, control.png, rarity.png, parts and traces to {folder}", sep="\n")


def family_of(task: str) -> str:
    """The family that the nets of a task are trained on."""
    return "graph20" if task == "length" else "grid6"


def _nets(folder: Path, family: str, specs: Iterable[Spec]) -> Nets:
    """The family's checkpoints that the methods need, as far as there are any, by kind."""
    kinds = {kind for spec in specs if spec for kind in spec.nets}
    paths = {kind: folder / f"{family}-{kind}.safetensors" for kind in sorted(kinds)}
    return {kind: checkpoint.load(path, family, kind) for kind, path in paths.items() if path.exists()}


def _able(tasks: Sequence[str], specs: dict[str, Spec], nets: list[dict[str, Nets]]) -> dict[str, list[str]]:
    """The methods that can run, by task; says what is left out, and why. Raises BadInput if everything is."""
    able: dict[str, list[str]] = {}
    reasons: dict[str, list[str]] = {}
    for task in dict.fromkeys(tasks):
        family = family_of(task)
        for name, spec in specs.items():
            missing = [kind for kind in (spec.nets if spec else ()) for each in nets if kind not in each[family]]
            if missing:
                out, reason = f"{missing[0]} on {task}", f"there is no {family} {missing[0]} checkpoint"
            elif isinstance(spec, Steering) and spec.guide == "exact" and family != "grid6":
                out, reason = f"{name} on {task}", "guide=exact counts over all grids"
            else:
                able.setdefault(task, []).append(name)
                continue
            if out not in reasons.setdefault(reason, []):
                reasons[reason].append(out)
    engine.say_left_out(reasons)
    if not able:
        raise BadInput("no method is left to run")
    return able


if __name__ == "__main__":
    from experiments.cli.dispatch import run as start

    start(main, Control)
