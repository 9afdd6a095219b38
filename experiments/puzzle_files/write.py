"""Writing puzzles: to a file, or to a folder for formats that hold one puzzle a file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from csp.io.files import check_room, write_atomically
from csp.io.instance_records import write_parquet
from csp.problem import Instance
from experiments.puzzle_files import formats


class Destination:
    """Where instances go: a file, or a folder of files for formats that hold one instance. Raises BadInput early."""

    def __init__(self, path: Path, name: str | None):
        self.path, self.format = path, formats.format_of(path, name)

    def check(self) -> None:
        """Raises BadInput if nothing can be written there: before the work of hours, rather than after it."""
        if not (self.format.one and self.path.is_dir()):  # a folder takes such a format's files
            check_room(self.path)

    def write(self, instances: Sequence[Instance], about: dict[str, str] | None = None) -> str:
        """Write them; what was written, in words. `about` becomes a Parquet file's metadata.

        Raises BadInput if they cannot be written; none of them is then left there.
        """
        form, path = self.format, self.path
        if form is formats.FORMATS["parquet"]:
            write_atomically(path, write_parquet(instances, about))
        elif not form.one or len(instances) == 1:
            write_atomically(path, form.write(instances))
        else:
            folder = path.with_suffix("")
            texts = {
                folder / f"{number:05d}-{instance.id}{form.suffix}": form.write([instance])
                for number, instance in enumerate(instances, 1)
            }
            _write_all(texts)
            return f"{len(instances)} {form.suffix} files to {folder}"
        return f"{len(instances)} puzzle{'s' * (len(instances) > 1)} to {path}"


def _write_all(texts: dict[Path, bytes | str]) -> None:
    """Write files; if that fails those that were not there before are removed again. Raises BadInput then."""
    new = [path for path in texts if not path.exists()]
    try:
        for path, text in texts.items():
            write_atomically(path, text)
    except BaseException:
        for path in new:
            with suppress(OSError):  # on a disk that can no longer be written to at all the first fault counts
                path.unlink(missing_ok=True)
        raise
