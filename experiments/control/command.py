"""`takeback control`: can gradients on a continuous latent steer where control of a frozen AR net cannot?

    takeback control --preset quick
    takeback control --task tree span --methods latent-estimate ar-exact cp-sat --targets 20 --samples 10

Nets of one backbone, trained alike on complete boards without any control, are steered towards targets of which it is
counted how rare they are (solvers/counting/control_tasks.py); beside them stand nets that were trained to be told a
control, and CP-SAT with the control as a constraint. Every full board is judged by the independent checker: control
obeyed, board valid, both. Writes scores.parquet, traces.jsonl, run.json, control.png and rarity.png.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal

import pyarrow
import tyro

from csp.control_target import Target
from csp.errors import BadInput
from csp.io.files import read_text
from csp.io.trace_records import read_jsonl
from csp.specs import modern
from experiments.cli.options import RunOptions, slug
from experiments.cli.terminal import console, say_left_out
from experiments.control import tables
from experiments.control.catalogue import METHODS, QUICK, Spec, read, run
from experiments.engine import run as engine
from experiments.engine.executors import in_order
from experiments.engine.folder import writable
from experiments.engine.loaded_models import Network
from experiments.engine.shards import Job, Shard
from experiments.engine.store import Kept, Piece, Store
from experiments.scoring.control_scorer import judged
from generators import checkpoint
from generators.control.spec import RENAMED, Steering
from solvers.counting.control_tasks import TASKS, how_many, target

#: Targets a task, samples of each, calls a sample.
PRESETS = {"quick": (3, 1, 150), "standard": (20, 3, 500), "full": (200, 20, 2000)}
Nets = dict[str, Network]
Results = dict[str, dict[str, list[dict]]]  # task, method: what the checker says of each sample
#: What is kept of a sample: the checker's words, as they are.
SAMPLES = Kept(
    lambda record: _sample(record),
    lambda record: {**record, "looked": "dead" in record},
    [
        ("target", pyarrow.string()),
        ("rarity", pyarrow.list_(pyarrow.int64())),  # solutions that obey, of how many
        *((name, pyarrow.bool_()) for name in ("control", "valid", "both")),
        *((name, pyarrow.float64()) for name in ("parts", "dead", "flops", "seconds")),
        ("looked", pyarrow.bool_()),  # whether `dead` was looked for
        *((name, pyarrow.int64()) for name in ("retractions", "calls")),
        ("board", pyarrow.list_(pyarrow.int64())),
    ],
)


def _sample(record: dict) -> dict:
    """What is kept of a sample, `dead` only where it was looked for."""
    looked = record.get("looked", "dead" in record)
    return {name: value for name, value in record.items() if name != "looked" and (looked or name != "dead")}


@dataclass(frozen=True)
class Control(RunOptions):
    """Control success, validity and cost of steering frozen nets, by task and method.

    In float64: gradients go through the nets, batch by batch, and what they lead to is rounded to more decimals than
    float32 has.
    """

    precision: Literal["float64"] = "float64"
    """Of the networks' arithmetic; gradients through them are taken in float64 alone."""
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
    specs = _specs(options, calls)
    folder = options.out or Path("results") / f"control-{options.preset}-{replace(options, finished=False).digest()}"
    writable(folder)

    # several folders of checkpoints are several trainings of the same nets
    folders = options.checkpoints or (checkpoint.FOLDER,)
    for at in folders:
        if not at.is_dir():
            raise BadInput(f"--checkpoints {at}: no such folder")
    families = sorted(set(map(family_of, options.task)))
    own = bool(options.checkpoints)
    nets = [
        {family: _nets(at, own, family, specs.values(), options.precision) for family in families} for at in folders
    ]
    able = _able(options.task, specs, nets)
    hashes = [{f"{of}-{kind}": net.sha256 for of, some in each.items() for kind, net in some.items()} for each in nets]
    if any(a == b for a, b in combinations(hashes, 2)):
        raise BadInput("--checkpoints: two of the folders hold the same nets")

    # every method on every task with every set of nets is a job of the engine
    identity = {"command": "control", "seed": options.seed, "targets": count, "samples": samples}
    identity["precision"] = options.precision
    store = Store(folder, identity, options.fresh, SAMPLES)
    jobs = _jobs(options, able, specs, nets, count, samples)
    for _, _, number, job in jobs:
        adopt(store, job, number)
    if not options.finished:
        store.write_card({"status": "running"})
        engine.run(store, [job for *_, job in jobs], options, "samples")
    results: Results = {}
    for task, name, number, job in jobs:
        if not store.missing(job.name, len(job.items), job.about):
            made = [{**one, "net": number} for one in store.scores(job.name)]
            results.setdefault(task, {}).setdefault(name, []).extend(made)
    if not results:
        raise BadInput(f"{folder} holds no finished method of these")
    done = [job.name for *_, job in jobs if not store.missing(job.name, len(job.items), job.about)]
    made_by = {"methods": {name: str(spec or name) for name, spec in specs.items()}, "checkpoints": hashes}
    made_by |= {"versions": engine.versions(), "calls": calls}
    _say(options, store, done, results, made_by, samples * len(nets), len(nets))


def _specs(options: Control, calls: int) -> dict[str, Spec]:
    """The methods asked for, each with the budget; old spellings are read, with a notice."""
    names = options.methods or (QUICK if options.preset == "quick" else tuple(METHODS))
    specs: dict[str, Spec] = {}
    for name in names:
        text, notices = modern(name, RENAMED)
        for notice in notices:
            console.print(f"note: {notice}")
        spec = read(text)
        specs[text] = spec and replace(spec, calls=calls)
    return specs


def _jobs(options: Control, able, specs: dict[str, Spec], nets: list[dict[str, Nets]], count: int, samples: int):
    """(task, method, number of the set of nets, Job) of all that is to be run."""
    made = []
    for task, of_task in able.items():
        # fewer than asked for where a task has no more; to count how rare they are takes most of a short run
        numbers = [(task, options.seed, number) for number in range(how_many(task, count))]
        aims = list(in_order(options.workers, target, numbers, f"targets of {task}"))
        for name in of_task:
            spec = specs[name]
            for number, each in enumerate(nets if spec else nets[:1]):  # CP-SAT says the same each time
                used = {kind: each[family_of(task)][kind] for kind in (spec.nets if spec else ())}
                job = _job(options, f"{task} {name}", spec, used, aims, samples if spec else 1)
                made.append((task, name, number, replace(job, name=job.name + f" net {number + 1}" * (number > 0))))
    return made


@dataclass(frozen=True, eq=False)
class Steer:
    """The work of a shard: a method's samples of some targets, judged. targets: one a sample."""

    spec: Spec
    nets: dict[str, Network]
    targets: tuple[Target, ...]
    seed: int

    def __call__(self) -> list[Piece]:
        models = {kind: net.load() for kind, net in self.nets.items()}
        dead_ends = isinstance(self.spec, Steering) and self.spec.search == "none"
        traces = run(self.spec, models, self.targets, self.seed)
        return [(trace, judged(trace, aim, dead_ends)) for trace, aim in zip(traces, self.targets, strict=True)]


def _job(options: Control, name: str, spec: Spec, used: Nets, aims: Sequence[Target], samples: int) -> Job:
    """One method on one task with one set of nets; the samples of one target stay together: they are numbered."""
    about = {"method": str(spec or "cp-sat"), "nets": {kind: net.sha256 for kind, net in used.items()}}
    return Job(
        name,
        [f"{aim.instance.id} sample {number + 1}" for aim in aims for number in range(samples)],
        {**about, "seed": options.seed, "precision": options.precision, "takeback": metadata.version("takeback")},
        lambda indices: Steer(spec, used, tuple(aims[index // samples] for index in indices), options.seed),
        unit=samples,
        most=options.batch_size,
        about=about,
    )


def adopt(store: Store, job: Job, number: int) -> None:
    """Take a finished method over from a folder that was written before traces were kept piece by piece. Raises
    BadInput for a part that cannot be read.
    """
    file = slug(job.name.partition(" net ")[0].replace(" ", "-", 1)) + (f"-{number}" if number else "")
    part = store.path / "parts" / f"{file}.json"
    if not part.exists() or not store.missing(job.name, len(job.items), job.about):
        return
    try:
        old = json.loads(read_text(part))
        about = {**old["about"], "method": modern(old["about"]["method"], RENAMED)[0]}
        traces = read_jsonl(read_text(store.path / "traces" / f"{file}.jsonl"))
        pieces = list(zip(traces, old["samples"], strict=True))
    except (json.JSONDecodeError, KeyError, TypeError, ValueError):
        raise BadInput(f"{part}: not a finished part; delete the file to redo it") from None
    if about == job.about and len(pieces) == len(job.items):
        every = tuple(range(len(pieces)))
        store.add(Shard(job.name, every, {**job.config, "items": list(job.items)}, list, job.about), pieces)


def _say(options: Control, store: Store, done, results: Results, made_by: dict, samples: int, nets: int) -> None:
    """Tables, verdicts, run.json and the figures."""
    summary = {task: {name: tables.figures(rows) for name, rows in of.items()} for task, of in results.items()}
    shares = {task: tables.shares_of(next(iter(of.values()))) for task, of in results.items()}
    verdicts = {task: tables.verdicts(task, of, nets) for task, of in results.items()}
    apart = {task: {name: tables.by_net(rows) for name, rows in of.items()} for task, of in results.items()}
    as_json = {
        task: {name: {what: f._asdict() for what, f in row.items()} for name, row in of.items()}
        for task, of in summary.items()
    }
    store.finish(done, {**made_by, "summary": as_json, "by_net": apart, "shares": shares, "verdicts": verdicts})
    tables.curves(results, made_by["calls"], store.path / "control.png")
    tables.rarity(results, store.path / "rarity.png")
    if options.json:
        print(json.dumps(as_json, indent=1))
        return
    for task, of_task in summary.items():
        tables.show_task(task, of_task, shares[task], samples, made_by["calls"])
        for sentence in verdicts[task]:
            console.print(sentence)
    console.print(tables.LEGEND)
    console.print(f"wrote scores.parquet, traces.jsonl, run.json, control.png and rarity.png to {store.path}")


def family_of(task: str) -> str:
    """The family that the nets of a task are trained on."""
    return "graph20" if task == "length" else "grid6"


def _nets(folder: Path, own: bool, family: str, specs: Iterable[Spec], precision: str) -> Nets:
    """The family's checkpoints that the methods need, as far as there are any, by kind. own: not those shipped."""
    kinds = {kind for spec in specs if spec for kind in spec.nets}
    paths = {kind: folder / f"{family}-{kind}.safetensors" for kind in sorted(kinds)}
    return {
        kind: Network(
            folder.absolute() if own else None, path.name, kind, checkpoint.load(path, family, kind).sha256, precision
        )
        for kind, path in paths.items()
        if path.exists()
    }


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
    say_left_out(reasons)
    if not able:
        raise BadInput("no method is left to run")
    return able
