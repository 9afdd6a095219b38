"""Measurements of a study as pieces of work, each kept in a run's folder as it is finished, and done once.

    >>> paths = keep_all(folder, works, executor, "measured")        # Parquet, a file a piece

A piece of work is a function of its config, whose digest names the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pyarrow

from csp.io.files import from_parquet, read_bytes, to_parquet, write_atomically
from experiments.cli.signals import interrupted_says
from experiments.cli.terminal import console, progress
from experiments.engine.executors import Died, Executor, report_deaths
from experiments.engine.folder import RunFolder, kept_in
from experiments.engine.shards import digest


@runtime_checkable
class Work(Protocol):
    """Frozen, and to be sent to another process; called, it gives its records."""

    @property
    def schema(self) -> pyarrow.Schema:
        """Of its records."""
        ...

    @property
    def title(self) -> str:
        """What is said when it is done."""
        ...

    @property
    def config(self) -> dict[str, Any]:
        """All that the records depend on."""
        ...

    def __call__(self) -> list[dict[str, Any]]: ...


def keep_all(folder: RunFolder, works: Iterable[Work], executor: Executor, verb: str) -> list[Path]:
    """Do the work that is not kept yet; each piece is kept as it is done. All pieces' files."""
    paths = {work: folder.piece(digest(work.config)) for work in works}
    missing = [work for work, path in paths.items() if not path.exists()]
    given_up = []
    with interrupted_says(kept_in(folder.path)), progress("shards") as bar:
        task = bar.add_task(verb, total=len(paths), completed=len(paths) - len(missing))
        for work, made, seconds in executor.run((work, work) for work in missing):
            if isinstance(made, Died):
                given_up.append(work.title)
                continue
            schema = work.schema.with_metadata({"config": json.dumps(work.config)})
            write_atomically(paths[work], to_parquet(made, schema))
            bar.update(task, advance=1, description=work.title)
            if not console.is_terminal:
                console.print(f"{verb} {work.title} in {seconds:.1f} s")
    report_deaths(given_up)
    return list(paths.values())


def records(folder: RunFolder, work: Work) -> list[dict[str, Any]]:
    """What is kept of a piece of work. Raises BadInput for a file that is no finished piece."""
    path = folder.piece(digest(work.config))
    return list(from_parquet(read_bytes(path), str(path)))
