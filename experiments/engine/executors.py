"""Where shards are run: in this process, in processes of this machine, or on a Ray cluster; the answers are the same.

joblib runs the processes (its loky backend here, its Ray backend there). What is ours is what happens when one dies:
the work that was under way is tried once more, a piece at a time, and what kills its process again is named while all
the other work goes on.

    >>> for task, answer, seconds in executor.run(tasks): ...        # in the order in which they are finished
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import joblib
from joblib.externals.loky.process_executor import BrokenProcessPool

from csp.errors import BadInput
from csp.processes import unheard_by_children

Task = tuple[Any, Callable[[], Any]]  # what it is called by, and the work, which can be sent to another process
WATCH = 0.5  # seconds between two looks of a process at whether its parent lives
PATIENCE = 5.0  # seconds that a run takes before it is worth starting processes for


@dataclass(frozen=True)
class Died:
    """In place of an answer: the process that was at it died, twice."""


@dataclass(frozen=True)
class Executor:
    """workers: processes; 0 = as many as there are cores, once the work has taken PATIENCE seconds in this one (Ray: as
    many as the cluster has processors). threads: of each process. engine: "local", "ray" or "ray:ADDRESS".
    """

    workers: int = 0
    threads: int = 1
    engine: str = "local"

    @property
    def remote(self) -> bool:
        """Whether the processes are Ray's."""
        return self.engine != "local"

    @property
    def size(self) -> int:
        """How many processes there are at most."""
        return self.workers or (cluster_size(self.address) if self.remote else os.cpu_count() or 1)

    @property
    def address(self) -> str:
        """Of the Ray cluster, if it was named."""
        return self.engine.partition(":")[2]

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Any, Any, float]]:
        """(name, answer or Died, seconds) of each task as it is finished. Raises what a task raised."""
        tasks, started = iter(tasks), time.monotonic()
        if self.remote:
            connect(self.address)
        elif self.workers <= 1:
            alone = self.workers == 1 or self.size == 1
            for name, work in tasks:
                yield name, *_timed(work, self.threads)
                if not alone and time.monotonic() - started > PATIENCE:
                    break

            # a last task alone is not worth a process
            first = list(itertools.islice(tasks, 2))
            if len(first) < 2:
                yield from ((name, *_timed(work, self.threads)) for name, work in first)
                return
            tasks = itertools.chain(first, tasks)
        yield from self._spread(tasks)

    def _spread(self, tasks: Iterator[Task]) -> Iterator[tuple[Any, Any, float]]:
        """The same in processes; whatever was under way when one died is tried again by itself."""
        source = _Source(tasks)
        ended = False
        while not ended:
            try:
                for number, answer, seconds in _pool(self, source):
                    yield source.under_way.pop(number)[0], answer, seconds
                ended = True
            except _deaths():
                pass

            # What was taken and not answered is tried by itself; after an end that is what a dying pool still took.
            for number, (name, work) in source.abandoned().items():
                try:
                    [(_, answer, seconds)] = _pool(self, iter([(number, (name, work))]))
                except _deaths():
                    answer, seconds = Died(), 0.0
                yield name, answer, seconds
        if source.fault is not None:
            raise source.fault


class _Source:
    """Tasks with their numbers, for joblib's threads to take; it remembers which are under way.

    fault: what went wrong in making a task. It would be lost in a thread of joblib's, so the source ends there.
    """

    def __init__(self, tasks: Iterator[Task]):
        self.tasks, self.numbers, self.lock = tasks, itertools.count(), threading.Lock()
        self.under_way: dict[int, Task] = {}
        self.fault: BaseException | None = None

    def abandoned(self) -> dict[int, Task]:
        """What is under way, which nobody is at any more; from now on it is not."""
        with self.lock:
            left, self.under_way = self.under_way, {}
        return left

    def __iter__(self) -> _Source:
        return self

    def __next__(self) -> tuple[int, Task]:
        with self.lock:
            try:
                task = next(self.tasks)
            except StopIteration:
                raise
            except BaseException as fault:
                self.fault = fault
                raise StopIteration from None
            number = next(self.numbers)
            self.under_way[number] = task
            return number, task


def in_order(workers: int, job: Callable[..., Any], tasks: Iterable[tuple], what: str) -> Iterator[Any]:
    """The job's answers to the tasks (its arguments), in their order, as lazily as the processes allow.

    workers: as Executor's. Raises BadInput, naming the piece of `what`, for one that its process died at twice.
    """
    waiting: dict[int, Any] = {}
    due = 0
    for number, answer, _ in Executor(workers).run(enumerate(partial(job, *task) for task in tasks)):
        if isinstance(answer, Died):
            raise BadInput(f"piece {number + 1} of the {what}: {DEATH}")
        waiting[number] = answer
        while due in waiting:
            yield waiting.pop(due)
            due += 1


#: What is said of work that was given up.
DEATH = "its process died twice (out of memory?); a run with fewer --workers or a smaller --batch-size may pass"


def report_deaths(given_up: Sequence[str]) -> None:
    """Raises BadInput, naming the work that was given up, if any was; all else is kept by then."""
    if given_up:
        raise BadInput(f"{'; '.join(given_up)}: {DEATH}; all else is kept, and the same command tries again")


def _timed(work: Callable[[], Any], threads: int) -> tuple[Any, float]:
    """A task's answer, and how long it took."""
    if (torch := sys.modules.get("torch")) and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    started = time.perf_counter()
    answer = work()
    return answer, time.perf_counter() - started


def _answer(number: int, work: Callable[[], Any], threads: int) -> tuple[int, Any, float]:
    """What a process sends back."""
    return number, *_timed(work, threads)


def _begin() -> None:
    """At the start of a process: Ctrl-C is its parent's business, without which it ends."""
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    """End this process when its parent has: an orphan would go on for minutes, and hold memory."""
    while os.getppid() == parent:
        time.sleep(WATCH)
    os._exit(1)


def _pool(executor: Executor, source: Iterator[tuple[int, Task]]) -> Iterator[tuple[int, Any, float]]:
    """Run numbered tasks in the executor's processes; one more than there are processes is taken from the source."""
    # work that is under way when nobody wants more of the answers is dropped; joblib warns of that
    warnings.filterwarnings("ignore", category=UserWarning, module=r"joblib\.parallel")
    own = {"backend": "ray-shards"} if executor.remote else {"backend": "loky", "initializer": _begin}
    size = max(2, executor.size)  # joblib would run a single one in this process
    parallel = joblib.Parallel(
        n_jobs=size, return_as="generator_unordered", batch_size=1, pre_dispatch=executor.size + 1, **own
    )
    with unheard_by_children():
        answers = parallel(joblib.delayed(_answer)(number, work, executor.threads) for number, (_, work) in source)
    yield from answers


def _deaths() -> tuple[type[BaseException], ...]:
    """The exceptions by which the death of a process shows."""
    if "ray" not in sys.modules:
        return (BrokenProcessPool,)
    from ray.exceptions import RayError

    return BrokenProcessPool, RayError


def connect(address: str = "") -> None:
    """Join the Ray cluster at the address, or at $RAY_ADDRESS; without either, Ray starts one on this machine.

    Every node needs this version of takeback, and sees folders of checkpoints under the same path; what comes out is
    written by the process that asked. Raises BadInput if Ray is not installed or the cluster cannot be reached.
    """
    try:
        import ray
        from ray.util.joblib.ray_backend import RayBackend
    except ImportError:
        raise BadInput("--engine ray needs Ray: pip install 'takeback[ray]'") from None
    if not ray.is_initialized():
        try:
            ray.init(address or None, logging_level="ERROR", log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError) as fault:
            where = address or os.environ.get("RAY_ADDRESS", "this machine")
            raise BadInput(f"no Ray cluster at {where}: {str(fault).splitlines()[0]}") from None

    class Shards(RayBackend):
        """Ray's own, whose answers joblib may hand out as they come."""

        supports_return_generator = True

    joblib.register_parallel_backend("ray-shards", Shards)


def cluster_size(address: str) -> int:
    """How many processors the Ray cluster has, which is joined first. Raises BadInput as connect does."""
    connect(address)
    import ray

    return max(1, int(ray.cluster_resources().get("CPU", 1)))
