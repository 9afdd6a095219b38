"""`takeback results`: the runs in a folder, and questions about all of their traces at once, in SQL.

    takeback results
    takeback results --sql "SELECT row, count(*) n, avg(solved::INT) solved FROM traces GROUP BY ALL ORDER BY ALL"

The table `traces` has a row a scored trace of every run found (columns run, row, instance, solved, need, calls, ...; of
runs that keep their traces also `trace`, a struct with the events), `runs` a row a run. Runs that are still going, or
were stopped, are in it with what they have finished.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import duckdb
import tyro

from csp.errors import BadInput
from experiments.cli.tables import short, show
from experiments.engine.folder import PIECES

DEPTH = 3  # folders below the one that is named in which runs are looked for
RUNS = ("run", "command", "status", "traces", "seed", "takeback", "changed", "line")


@dataclass(frozen=True)
class Query:
    """List the runs in a folder, or ask all of their traces at once in SQL (duckdb's)."""

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DIR ...")] = (Path("results"),)
    """Runs, or folders with runs in them."""
    sql: str | None = None
    """A question about `traces` and `runs`; without it the runs are listed."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print JSON instead of a table."""


def main(options: Query) -> None:
    """Run it. Raises BadInput if there is no run, or for SQL that duckdb does not take."""
    with connection(options.folders) as tables:
        question = options.sql or "SELECT run, command, status, traces, seed, changed FROM runs ORDER BY run"
        try:
            answer = tables.execute(question)
            heads = [name for name, *_ in answer.description or ()]
            left = {name for name, kind, *_ in answer.description or () if str(kind) in ("STRING", "VARCHAR")}
            records = answer.fetchall()
        except duckdb.Error as fault:
            raise BadInput(f"--sql: {' '.join(str(fault).split())[:300]}") from None
    if options.json:
        print(json.dumps([dict(zip(heads, record)) for record in records], indent=1, default=str))
    else:
        show("", heads, [[in_cell(value) for value in record] for record in records], left=left, wrap=("line",))


def connection(folders: Sequence[Path]) -> Any:
    """A duckdb connection to the tables `runs` and `traces`. Raises BadInput if no folder holds a run."""
    every = {path.parent: folder for folder in folders for path in found(folder)}
    cards = {folder: card for folder in every if (card := identity_card(folder / "run.json"))}
    names = {folder: name_of(folder, every[folder] if len(folders) == 1 else None) for folder in cards}
    if not cards:
        raise BadInput(f"no run in {', '.join(map(str, folders))}; `takeback ceiling` makes one")
    tables = duckdb.connect()
    tables.execute("CREATE TABLE files (file VARCHAR, run VARCHAR)")
    files = [(str(path), names[folder]) for folder in cards for path in dataset(folder)]
    if files:
        tables.executemany("INSERT INTO files VALUES (?, ?)", files)

    # Every run's columns are its own: what a run does not have is NULL in its rows.
    scores = "SELECT NULL::VARCHAR run, NULL::VARCHAR AS row WHERE false"
    if files:
        read = "read_parquet($1, union_by_name = true, filename = 'file')"
        tables.execute(f"CREATE TABLE scores AS SELECT * FROM {read}", [[file for file, _ in files]])
        columns = {name for name, *_ in tables.execute("DESCRIBE scores").fetchall()}
        row = "coalesce(row, decoder)" if {"row", "decoder"} <= columns else "row" if "row" in columns else "decoder"
        hidden = ", ".join(sorted({"row", "file"} & columns))
        scores = f"SELECT files.run, {row} AS row, scores.* EXCLUDE ({hidden}) FROM scores JOIN files USING (file)"
    tables.execute(f"CREATE VIEW traces AS {scores}")

    tables.execute(f"CREATE TABLE runs ({', '.join(f'{name} VARCHAR' for name in RUNS)})")
    counts = dict(tables.execute("SELECT run, count(*) FROM traces GROUP BY run").fetchall())
    for folder, card in cards.items():
        changed = datetime.fromtimestamp((folder / "run.json").stat().st_mtime).isoformat(" ", "minutes")
        identity = card["identity"]
        name, line = names[folder], card.get("line")
        record = name, identity["command"], card.get("status"), counts.get(name, 0), identity.get("seed")
        record += identity.get("takeback"), changed, line
        tables.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(RUNS))})", record)
    tables.execute("ALTER TABLE runs ALTER traces TYPE BIGINT")
    return tables


def name_of(folder: Path, root: Path | None) -> str:
    """What a run is called: by its place in the folder that was named, if there is one such folder."""
    return folder.name if folder == root else str(folder if root is None else folder.relative_to(root))


def found(folder: Path) -> list[Path]:
    """The run.json files of a folder and of those in it. Raises BadInput if there is no such folder."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder")
    return sorted(path for depth in range(DEPTH + 1) for path in folder.glob("*/" * depth + "run.json"))


def identity_card(path: Path) -> dict | None:
    """What a run.json says, None if no run of ours wrote it."""
    try:
        card = json.loads(path.read_bytes())
        return card if isinstance(card["identity"]["command"], str) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def dataset(folder: Path) -> list[Path]:
    """A run's Parquet files: its shards, or of a run without any its scores."""
    shards = sorted(path for path in (folder / "shards").glob("*") if PIECES["shards"].fullmatch(path.name))
    scores = folder / "scores.parquet"
    return shards or ([scores] if scores.is_file() else [])


def in_cell(value: Any) -> str:
    """A value of an answer as a table shows it."""
    if value is None:
        return "-"
    return short(value) if isinstance(value, float) else str(value)


if __name__ == "__main__":
    from experiments.cli.dispatch import run

    run(main, Query)
