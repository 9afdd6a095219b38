"""Work spread over processes, answers in the order of the tasks."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator

import joblib


def parallel(workers: int, job: Callable, tasks: Iterable[tuple]) -> Iterator:
    """The job's answers to the tasks, lazily and in order, from worker processes (0: as many as there are cores)."""
    workers = workers or os.cpu_count() or 1
    if workers == 1:
        return (job(*task) for task in tasks)
    # Work that is under way when nobody wants more of the answers is dropped; joblib warns of that.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"joblib\.parallel")
    return iter(joblib.Parallel(n_jobs=workers, return_as="generator")(joblib.delayed(job)(*task) for task in tasks))
