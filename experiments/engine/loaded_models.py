"""The networks that a run's decoders need, loaded from checkpoints, and the rows they let run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import torch

from csp.problem import Instance
from csp.trace import Trace
from experiments.engine.decoder_catalogue import Row
from generators import checkpoint
from generators.decoding.loop import decode
from generators.decoding.spec import Decoder
from generators.models.backtracking_ar import BacktrackingAR
from generators.models.exact import Exact
from generators.models.interface import Model, Scorer
from generators.models.uniform import Uniform
from solvers import SOLVERS

ANY_RULE = ("cp-sat", "python-constraint")  # solvers that take rules of every class


@dataclass(frozen=True)
class Runner:
    """What turns instances into traces, for the rows that can run; `hashes` are the checkpoints' SHA-256.

    threads: how many share the instances out. Torch itself splits no operation while a network decodes
    (models/inference.py): at the end of each, which takes less than a tenth of a millisecond, all threads wait for the
    last one, and OpenMP's spin as they wait, on a core that the last one may need (benchmarks/decoding.py).
    """

    models: dict[str, Model | BacktrackingAR]
    quality: Scorer | None
    hashes: dict[str, str]
    missing: dict[str, str]  # kind of checkpoint: why it cannot be had
    decodable: str = ""  # why the decode loop cannot take the instances, if it cannot
    searchable: str = ""  # likewise solvers that keep lists of legal values
    threads: int = 1

    def reason_left_out(self, row: Row) -> str | None:
        """Why a row cannot run here, or None."""
        if isinstance(row.spec, Decoder) and self.decodable:
            return self.decodable
        if isinstance(row.spec, str) and row.spec not in ANY_RULE and self.searchable:
            return self.searchable
        return next((self.missing[kind] for kind in networks(row) if kind in self.missing), None)

    def run(self, row: Row, instances: Sequence[Instance], seed: int) -> list[Trace]:
        """A trace an instance, named after the row."""
        spec = row.spec
        if isinstance(spec, Decoder):
            model = self._model(spec)
            return in_threads(lambda some: decode(spec, model, some, seed, self.quality), instances, self.threads)
        return [_timed(SOLVERS[row.spec], instance, seed) for instance in instances]

    def _model(self, spec: Decoder) -> Model | BacktrackingAR:
        if spec.model == "uniform":
            return Uniform()
        return Exact(spec.noise) if spec.model == "exact" else self.models[spec.model]


def networks(row: Row) -> list[str]:
    """The checkpoints' kinds that a row needs."""
    if isinstance(row.spec, str):
        return []
    model = [] if row.spec.model in ("uniform", "exact") else [row.spec.model]
    return model + ["quality"] * (row.spec.signal == "quality")


def in_threads(
    job: Callable[[Sequence[Instance]], list[Trace]], instances: Sequence[Instance], threads: int
) -> list[Trace]:
    """The job's traces of the instances, in order, dealt out to that many threads."""
    threads = min(threads, len(instances))
    if threads <= 1:
        return job(instances)
    traces: list[Trace | None] = [None] * len(instances)
    with ThreadPoolExecutor(threads) as pool:
        for start, some in enumerate(pool.map(job, [instances[start::threads] for start in range(threads)])):
            traces[start::threads] = some
    return [trace for trace in traces if trace is not None]


def _timed(solver: Callable[[Instance, int], Trace], instance: Instance, seed: int) -> Trace:
    started = perf_counter()
    trace = solver(instance, seed)
    seconds = trace.costs.seconds or perf_counter() - started  # a solver may know better, e.g. without its start-up
    return replace(trace, costs=trace.costs._replace(seconds=seconds))


def runner(
    rows: Sequence[Row],
    family: str,
    instances: Sequence[Instance],
    folder: Path | None,
    precision: str = "float32",
    threads: int = 1,
) -> Runner:
    """The models that the rows need, loaded from `folder` (default: those that are shipped), in float32 or float64.

    Of a FAMILY-KIND checkpoint and one that reads more shapes, FAMILY-wide-KIND, the first that fits the instances is
    taken. A kind that has none leaves its rows out; a checkpoint that is damaged or belongs to another family raises
    BadInput.
    """
    models: dict[str, Model | BacktrackingAR] = {}
    hashes: dict[str, str] = {}
    missing: dict[str, str] = {}
    folder = folder or checkpoint.FOLDER
    shapes = sorted({(instance.problem.d, instance.problem.n) for instance in instances})
    for kind in sorted({kind for row in rows for kind in networks(row)}):
        paths = [folder / f"{name}-{kind}.safetensors" for name in (family, f"{family}-wide")]
        there = [path for path in paths if path.exists() or path.with_suffix(".json").exists()]
        if not there:
            missing[kind] = f"there is no {family} {kind} checkpoint in {folder}"
        for path in there:
            loaded = checkpoint.load(path, family, kind, getattr(torch, precision))
            misfits = [m for shape in shapes if (m := loaded.model.backbone.config.misfit(*shape))]
            if not misfits:
                models[kind], hashes[path.name] = loaded.model, loaded.sha256
                missing.pop(kind, None)
                break
            missing[kind] = f"the {path.stem} checkpoint {misfits[0]}"
    decodable, searchable = (
        next((f"they know no rules like those of a {i.problem.name}" for i in instances if not fits(i.problem)), "")
        for fits in (lambda problem: problem.pairwise, lambda problem: problem.searchable)
    )
    return Runner(models, models.pop("quality", None), hashes, missing, decodable, searchable, threads)
