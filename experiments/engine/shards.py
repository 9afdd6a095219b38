"""Shards: an experiment's grid (items x decoders x networks x seeds) cut into pieces of work that are kept one by one.

    Job     a decoder (method, kind of network) on all items: what its results depend on, and how they are made
    Shard   some items of a job; a pure function of its config, named by the config's hash
    Cutter  cuts what is missing into shards that take about SECONDS each

Where and when a shard is run (experiments/engine/executors.py), how many there are and what else they hold changes
nothing in an item's result: a run that was killed is cut anew, and ends with the same traces.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

#: What a killed run may lose: about this much work of each process.
SECONDS = 10.0
FIRST, LEAST = 16, 8  # items of a job's first shard, and of any: fewer boards at once decode no faster
GROWTH = 8  # times as many items as in the shard before, at most

#: A call without arguments that can be sent to another process; it returns what its items come to, one after another.
Work = Callable[[], Sequence[Any]]


@dataclass(frozen=True)
class Job:
    """A decoder on all items of an experiment.

    items: their names. config: all that the results depend on besides the items. work: what makes the results of the
    items at some indices. unit: items that stay together (samples of one target), a divisor of their number. alike:
    what items must share to be in one shard; within that they are sorted by `size_of`. most: items of a shard.
    about: part of the config that is kept with every piece, so that pieces of another are made anew.
    """

    name: str
    items: Sequence[str]
    config: Mapping[str, Any]
    work: Callable[[Sequence[int]], Work]
    unit: int = 1
    alike: Callable[[int], Any] = lambda index: 0
    size_of: Callable[[int], Any] = lambda index: 0
    most: int = 128
    least: int = LEAST
    about: dict | None = None


@dataclass(frozen=True)
class Shard:
    """Some items of a job. name: the job's; config: what the results are a function of, as plain data."""

    name: str
    indices: tuple[int, ...]
    config: Mapping[str, Any]
    work: Work = field(repr=False)
    about: dict | None = None

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of the config's SHA-256."""
        return digest(self.config)


def digest(config: object) -> str:
    """Sixteen hexadecimal digits of the SHA-256 of plain data, whatever the order of its keys."""
    text = json.dumps(config, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Cutter:
    """The shards of what is missing of some jobs, cut when they are asked for: `learn` says how long one took.

    missing: the indices of each job that have no result yet.
    """

    def __init__(self, jobs: Sequence[Job], missing: Mapping[str, Sequence[int]]):
        self.jobs = [job for job in jobs if missing[job.name]]
        self.left = {job.name: len(missing[job.name]) for job in self.jobs}  # items without a result
        self.missing = missing
        self.rates: dict[str, float] = {}  # seconds an item, by the job's latest shard
        self.sizes: dict[str, int] = {}

    def __iter__(self) -> Iterator[Shard]:
        for job in self.jobs:
            order = sorted(self.missing[job.name], key=lambda index: (job.alike(index), job.size_of(index)))
            for _, group in groupby(order, key=job.alike):
                some = list(group)
                while some:
                    size = self.size(job)
                    yield self._shard(job, some[:size])
                    some = some[size:]

    def _shard(self, job: Job, indices: Sequence[int]) -> Shard:
        config = {**job.config, "items": [job.items[index] for index in indices]}
        return Shard(job.name, tuple(indices), config, job.work(indices), job.about)

    def size(self, job: Job) -> int:
        """How many items the job's next shard has: a multiple of its unit."""
        units = max(1, job.most // job.unit)
        size = -(-FIRST // job.unit)
        if rate := self.rates.get(job.name):
            size = max(-(-job.least // job.unit), int(SECONDS / rate / job.unit))
            size = min(size, GROWTH * -(-self.sizes[job.name] // job.unit))
        return min(size, units) * job.unit

    def learn(self, shard: Shard, seconds: float) -> None:
        """A shard is done."""
        self.rates[shard.name] = max(seconds, 1e-6) / len(shard.indices)
        self.sizes[shard.name] = len(shard.indices)
        self.left[shard.name] -= len(shard.indices)

    def time_left(self, workers: int) -> tuple[float | None, bool]:
        """(seconds, whether every job's rate is known) of what is left; None before any is.

        A job that has finished nothing yet is taken to be as fast as the others on average.
        """
        if not self.rates:
            return None, False
        mean = sum(self.rates.values()) / len(self.rates)
        seconds = sum(count * self.rates.get(name, mean) for name, count in self.left.items())
        return seconds / workers, all(name in self.rates for name, count in self.left.items() if count)
