"""The records of a run, as tables (networks, puzzles) by network, cell, set and stratum.

>>> results = Results.read(folder.pieces())
>>> results.solved("diffusion", "64-500x5000", Cell("raster", "none", "none"), "sudoku6", "0", calls=100)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet

from csp.errors import BadInput
from experiments.factors.grid import Cell

Key = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Table:
    """What was measured of a cell: seed, index and the measured columns, a row a trace (or a start state)."""

    seed: np.ndarray
    index: np.ndarray
    columns: dict[str, np.ndarray]

    def grid(self, column: np.ndarray, seeds: int, puzzles: int) -> np.ndarray:
        """(seeds, puzzles), NaN where nothing was measured."""
        made = np.full((seeds, puzzles), np.nan)
        made[self.seed, self.index] = column
        return made


#: Pieces of a run by the column that they alone have: what tells their tables apart, and what was measured.
KINDS = {
    "search": (("order", "veto", "search"), ("solved", "calls", "tokens", "flops", "at_risk", "dead_ends")),
    "prefix": (("prefix", "filled", "order"), ("killed",)),
    "target": (("target", "loop", "filled"), ("right",)),
    "ablation": (("ablation", "order"), ("solved",)),
}


class Results:
    """Tables by (net, size, set, stratum) and what tells them apart: `solves` by cell, `states` by prefix, fill and
    order, `probes` by target, loop and fill, `ablated` by ablation and order.
    """

    def __init__(
        self,
        solves: dict[Key, Table],
        states: dict[Key, Table],
        probes: dict[Key, Table] | None = None,
        ablated: dict[Key, Table] | None = None,
    ):
        self.solves, self.states, self.probes, self.ablated = solves, states, probes or {}, ablated or {}

    @staticmethod
    def read(paths: Iterable[Path]) -> Results:
        """Raises BadInput for a file that is no finished piece."""
        parts: dict[str, list[pyarrow.Table]] = {kind: [] for kind in KINDS}
        for path in paths:
            try:
                table = pyarrow.parquet.read_table(path)
                parts[next(kind for kind in KINDS if kind in table.column_names)].append(table)
            except (pyarrow.ArrowException, OSError, StopIteration) as fault:
                raise BadInput(f"{path}: not a finished piece ({fault}); delete the file to redo it") from None
        return Results(*(_tables(parts[kind], *names) for kind, names in KINDS.items()))

    def solved(
        self, net: str, size: str, cell: Cell, set_: str, stratum: str, seeds: int, puzzles: int, **within: float | int
    ) -> np.ndarray:
        """(seeds, puzzles): 1 where solved, within so many calls, tokens or flops if any are given; NaN: not run.

        Raises KeyError if nothing of the cell was run.
        """
        table = self.solves[net, size, set_, stratum, cell.order, cell.veto, cell.search]
        right = table.columns["solved"].astype(float)
        for cost, most in within.items():
            right = right * (table.columns[cost] <= most)
        return table.grid(right, seeds, puzzles)


def _tables(parts: list[pyarrow.Table], keys: tuple[str, ...], measured: tuple[str, ...]) -> dict[Key, Table]:
    """A Table for each combination of net, size, set, stratum and keys."""
    if not parts:
        return {}
    joined = pyarrow.concat_tables(
        [part.select(["net", "size", "set", "stratum", *keys, "seed", "index", *measured]) for part in parts]
    )
    columns = {name: joined[name].to_numpy() for name in joined.column_names}
    names = ["net", "size", "set", "stratum", *keys]
    codes = np.zeros(len(joined), dtype=np.int64)
    choices = []
    for name in names:
        values, code = np.unique(columns[name].astype(str), return_inverse=True)
        codes = codes * len(values) + code
        choices.append(values)
    order = np.argsort(codes, kind="stable")
    cuts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    made = {}
    for start, end in zip(cuts, [*cuts[1:], len(order)], strict=True):
        rows = order[start:end]
        key = tuple(str(columns[name][rows[0]]) for name in names)
        made[key] = Table(
            columns["seed"][rows],
            columns["index"][rows],
            {name: columns[name][rows].astype(float) for name in measured},
        )
    return made
