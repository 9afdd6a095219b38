"""The networks that a run's decoders need, loaded from checkpoints, and the rows they let run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from time import perf_counter

import torch

from csp.errors import BadInput
from csp.problem import Instance
from csp.trace import Trace
from experiments.cli.terminal import console
from experiments.engine.decoder_catalogue import Row
from generators import checkpoint
from generators.decoding.loop import decode
from generators.decoding.spec import Decoder, model_word
from generators.models.backtracking_ar import BacktrackingAR
from generators.models.exact import Exact
from generators.models.hugging_face.network import LanguageModel, hugging_face
from generators.models.hugging_face.source import Source
from generators.models.interface import Model
from generators.models.uniform import Uniform
from solvers import SOLVERS

LARGE = 10**9  # bytes of weights that take a while to be read
ANY_RULE = ("cp-sat", "python-constraint")  # solvers that take rules of every class


@dataclass(frozen=True)
class Network:
    """A checkpoint as every process finds it. folder: None for those that come with the package."""

    folder: Path | None
    file: str
    kind: str
    sha256: str
    precision: str

    @property
    def path(self) -> Path:
        return (self.folder or checkpoint.FOLDER) / self.file

    @property
    def hashes(self) -> dict[str, str]:
        """The file's SHA-256 by its name."""
        return {self.file: self.sha256}

    def load(self) -> checkpoint.Network:
        """The network, loaded once a process. Raises BadInput if the file is not the one that the run began with."""
        return _loaded(self)

    def decoding(self, spec: Decoder) -> checkpoint.Network:
        """The network, as that decoder asks it."""
        return self.load()


@lru_cache(maxsize=32)
def _loaded(network: Network) -> checkpoint.Network:
    found = checkpoint.load(network.path, None, network.kind, getattr(torch, network.precision))
    if found.sha256 != network.sha256:
        raise BadInput(f"{network.path}: not the weights that the run began with (SHA-256 differs)")
    return found.model


@dataclass(frozen=True)
class HuggingFaceModel:
    """A Hugging Face language model as every process finds it. place: its folder, or the JSON file that names it."""

    place: str
    sha256: str
    files: tuple[tuple[str, str], ...]  # name, SHA-256
    precision: str

    @property
    def file(self) -> str:
        """What it is called in run.json."""
        return f"hf:{self.place}"

    @property
    def path(self) -> Path:
        return Path(self.place)

    @property
    def hashes(self) -> dict[str, str]:
        """The SHA-256 of the model with its options, and of each of its files."""
        return {self.file: self.sha256} | {f"{self.file}/{name}": sha256 for name, sha256 in self.files}

    def decoding(self, spec: Decoder) -> Model:
        """The model, as that decoder asks it; loaded once a process. Raises BadInput as Network.load does."""
        return _loaded_language_model(self).for_order(spec.order)


@lru_cache(maxsize=4)
def _loaded_language_model(model: HuggingFaceModel) -> LanguageModel:
    found = hugging_face(model.place, model.precision)
    if found.sha256 != model.sha256:
        raise BadInput(f"{model.place}: not the model that the run began with (SHA-256 differs)")
    return found


@dataclass(frozen=True)
class Runner:
    """What turns instances into traces, for the rows that can run; small enough to be sent to other processes.

    threads: how many share the instances out. Torch itself splits no operation while a network decodes
    (models/inference.py): at the end of each, which takes less than a tenth of a millisecond, all threads wait for the
    last one, and OpenMP's spin as they wait, on a core that the last one may need (benchmarks/decoding.py).
    """

    networks: dict[str, Network | HuggingFaceModel]  # by kind
    missing: dict[str, str]  # kind of checkpoint: why it cannot be had
    decodable: str = ""  # why the decode loop cannot take the instances, if it cannot
    searchable: str = ""  # likewise solvers that keep lists of legal values
    threads: int = 1

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of the checkpoints, by their files' names."""
        return {name: sha256 for network in self.networks.values() for name, sha256 in network.hashes.items()}

    def sha256(self, kind: str) -> str:
        """Of the checkpoint of that kind."""
        return self.networks[kind].sha256

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
            quality = self.networks["quality"].decoding(spec) if spec.signal == "quality" else None
            model = self._model(spec)
            return in_threads(lambda some: decode(spec, model, some, seed, quality), instances, self.threads)
        return [_timed(SOLVERS[row.spec], instance, seed) for instance in instances]

    def _model(self, spec: Decoder) -> Model | BacktrackingAR:
        if spec.model == "uniform":
            return Uniform()
        return Exact(spec.noise) if spec.model == "exact" else self.networks[spec.model].decoding(spec)


def networks(row: Row) -> list[str]:
    """The checkpoints' kinds that a row needs."""
    if isinstance(row.spec, str):
        return []
    model = [] if row.spec.model in ("uniform", "exact") else [row.spec.model]
    return model + ["quality"] * (row.spec.signal == "quality")


def _language_model(place: str, instances: Sequence[Instance], precision: str) -> tuple[HuggingFaceModel, str]:
    """The model at a place, and why it cannot read the instances, "" if it can. Its weights are not loaded yet.

    Raises BadInput for a place without a model.
    """
    source = Source.open(place)
    if (size := sum(file.stat().st_size for file in source.weights)) > LARGE:
        console.print(f"{place}: reading {size / 1e9:.1f} GB of weights")
    found = HuggingFaceModel(place, source.sha256, tuple(source.files.items()), precision)
    shapes = {(instance.problem.d, instance.problem.name): instance for instance in instances}
    assert source.tokens  # a tokenizer that cannot be loaded stops the run; one without a puzzle's values, its rows
    try:
        for instance in shapes.values():
            source.text(instance)
    except BadInput as fault:
        return found, str(fault)
    return found, ""


def in_threads(
    job: Callable[[Sequence[Instance]], list[Trace]], instances: Sequence[Instance], threads: int
) -> list[Trace]:
    """The job's traces of the instances, in order, dealt out to that many threads, in none of which torch has more."""
    threads = min(threads, len(instances))
    if threads <= 1:
        return job(instances)
    traces: list[Trace | None] = [None] * len(instances)
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
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
    found: dict[str, Network] = {}
    missing: dict[str, str] = {}
    at = folder or checkpoint.FOLDER
    shapes = sorted({(instance.problem.d, instance.problem.n) for instance in instances})
    for kind in sorted({kind for row in rows for kind in networks(row)}):
        if model_word(kind) == "hf":
            found[kind], reason = _language_model(kind.removeprefix("hf:"), instances, precision)
            missing |= {kind: reason} if reason else {}
            continue
        paths = [at / f"{name}-{kind}.safetensors" for name in (family, f"{family}-wide")]
        there = [path for path in paths if path.exists() or path.with_suffix(".json").exists()]
        if not there:
            missing[kind] = f"there is no {family} {kind} checkpoint in {at}"
        for path in there:
            loaded = checkpoint.load(path, family, kind)
            misfits = [m for shape in shapes if (m := loaded.model.backbone.config.misfit(*shape))]
            if not misfits:
                own = None if folder is None else folder.absolute()
                found[kind] = Network(own, path.name, kind, loaded.sha256, precision)
                missing.pop(kind, None)
                break
            missing[kind] = f"the {path.stem} checkpoint {misfits[0]}"
    decodable, searchable = (
        next((f"they know no rules like those of a {i.problem.name}" for i in instances if not fits(i.problem)), "")
        for fits in (lambda problem: problem.pairwise, lambda problem: problem.searchable)
    )
    return Runner(found, missing, decodable, searchable, threads)
