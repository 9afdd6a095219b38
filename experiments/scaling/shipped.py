"""The summary of runs that comes with the package: a record a network, read by the quick preset.

    >>> read().records[0]["excess"]

It is written from the folder of a standard run, finished or not, also while it goes on:

    python -m experiments.scaling.shipped DIR
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from csp.errors import BadInput
from csp.io.files import read_text, write_atomically
from experiments.engine.run import versions
from experiments.scaling.grid import STANDARD
from experiments.scaling.stages import Found, stages

PATH = Path(__file__).parent / "runs.json"
DIGITS = 6  # significant ones


def read(path: Path = PATH) -> Found:
    """Raises BadInput for a file that is none of ours."""
    try:
        kept = json.loads(read_text(path))
        tables = {
            name: [dict(zip(kept[name]["columns"], row, strict=True)) for row in kept[name]["rows"]]
            for name in ("records", "blocks")
        }
        wanted = {part: [int(have), int(of)] for part, (have, of) in kept["wanted"].items()}
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as fault:
        raise BadInput(f"{path}: no summary of runs ({type(fault).__name__}: {fault})") from None
    return Found(tables["records"], tables["blocks"], wanted, {})


def write(found: Found, path: Path = PATH) -> None:
    """A run a line."""
    parts = []
    for name, rows in (("records", found.records), ("blocks", found.blocks)):
        columns = list(rows[0]) if rows else []
        lines = ",\n".join("  " + json.dumps([_short(row[column]) for column in columns]) for row in rows)
        parts.append(f' "{name}": {{"columns": {json.dumps(columns)}, "rows": [\n{lines}\n ]}}')
    about = f' "wanted": {json.dumps(found.wanted)},\n "versions": {json.dumps(versions())}'
    write_atomically(path, "{\n" + ",\n".join([*parts, about]) + "\n}\n")


def _short(value: Any) -> Any:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def main(folder: Path) -> None:
    """Write what is in a run's folder by now. Raises BadInput if it holds no finished network."""
    found = stages(STANDARD.values(), folder, folder / "networks", lambda part, works: None)
    if not found.records:
        raise BadInput(f"{folder}: no finished network of `takeback scaling --preset standard`")
    write(found)
    print(f"{len(found.records)} networks in {PATH}: {_said(found)}")


def _said(found: Found) -> str:
    return ", ".join(f"{part} {have} of {of}" for part, (have, of) in found.wanted.items() if have)


if __name__ == "__main__":
    from experiments.cli.dispatch import guarded

    sys.exit(guarded(lambda: main(Path(sys.argv[1]))))
