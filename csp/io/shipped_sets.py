"""The instance sets that are shipped: csp/instances/SET/STRATUM.parquet, made by runs/instances.sh.

    >>> load("sudoku9", "11-100")[0].difficulty.guesses
    20

Every instance is of its family's test split: no network shipped here was trained on its orbit.
"""

from __future__ import annotations

from pathlib import Path

from csp.errors import BadInput
from csp.io.files import read_bytes
from csp.io.instance_records import read_parquet
from csp.problem import STRATA, Instance

FOLDER = Path(__file__).parents[1] / "instances"


def path_of(name: str, stratum: str) -> Path:
    """Where a stratum of a set lies."""
    return FOLDER / name / f"{stratum.replace('>', 'over-')}.parquet"


def sets() -> dict[str, list[str]]:
    """The sets, and which strata each has."""
    names = sorted(folder.name for folder in FOLDER.glob("*/"))
    return {name: [stratum for stratum in STRATA if path_of(name, stratum).exists()] for name in names}


def load(name: str, stratum: str, count: int | None = None) -> list[Instance]:
    """The instances of one stratum of a set, or its first `count`.

    Raises BadInput for an unknown set, or a stratum that it does not have.
    """
    there = sets()
    if name not in there:
        raise BadInput(f"no set {name!r} is shipped; there are {', '.join(there)}")
    if stratum not in there[name]:
        raise BadInput(f"set {name} has no stratum {stratum!r}; it has {', '.join(there[name])}")
    path = path_of(name, stratum)
    return read_parquet(read_bytes(path), str(path), count)
