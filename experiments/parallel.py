"""Work spread over processes, answers in the order of the tasks."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator

import joblib


def parallel(workers: int, job: Callable, tasks: Iterable[tuple]) -> Iterator:
    """The job's answers to the tasks, lazily and in order, from worker processes (0: as many as there are cores)."""
    workers = workers or os.cpu_count() or 1
    if workers == 1:
        return (job(*task) for task in tasks)
    return _ordered(joblib.Parallel(n_jobs=workers, return_as="generator")(joblib.delayed(job)(*t) for t in tasks))


def _ordered(answers: Generator) -> Iterator:
    """The answers; work still under way when nobody wants more of them is dropped in silence."""
    try:
        yield from answers
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            answers.close()
