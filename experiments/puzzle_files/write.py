"""Writing puzzles: to a file, or to a folder for formats that hold one puzzle a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from csp.io.files import write_atomically
from csp.io.instance_records import write_parquet
from csp.problem import Instance
from experiments.puzzle_files import formats


class Destination:
    """Where instances go: a file, or a folder of files for formats that hold one instance. Raises BadInput early."""

    def __init__(self, path: Path, name: str | None):
        self.path, self.format = path, formats.format_of(path, name)

    def write(self, instances: Sequence[Instance], about: dict[str, str] | None = None) -> str:
        """Write them; what was written, in words. `about` becomes a Parquet file's metadata."""
        form, path = self.format, self.path
        if form is formats.FORMATS["parquet"]:
            write_atomically(path, write_parquet(instances, about))
        elif not form.one or len(instances) == 1:
            write_atomically(path, form.write(instances))
        else:
            folder = path.with_suffix("")
            for number, instance in enumerate(instances, 1):
                write_atomically(folder / f"{number:05d}-{instance.id}{form.suffix}", form.write([instance]))
            return f"{len(instances)} {form.suffix} files to {folder}"
        return f"{len(instances)} puzzle{'s' * (len(instances) > 1)} to {path}"
