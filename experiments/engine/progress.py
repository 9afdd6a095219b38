"""How far a run is: what is running, what is left, and how long it will take, as far as that is known.

On a terminal one live line; elsewhere a line a finished shard.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from experiments.cli.terminal import console, progress
from experiments.engine.executors import Executor
from experiments.engine.shards import Cutter, Shard


class RunProgress:
    """Says how a run goes. total: items in all; unit: what they are called."""

    def __init__(self, cutter: Cutter, executor: Executor, total: int, unit: str):
        self.cutter, self.executor, self.total, self.unit = cutter, executor, total, unit
        self.running: dict[str, Shard] = {}
        self.bar = progress(unit, own_time=True)
        self.task = self.bar.add_task("", total=total, completed=self.done, left="")

    @property
    def done(self) -> int:
        """Items that are kept."""
        return self.total - sum(self.cutter.left.values())

    @contextmanager
    def shown(self) -> Iterator[RunProgress]:
        """Show it while the run lasts."""
        with self.bar:
            yield self

    def begun(self, shard: Shard) -> None:
        """A shard was handed out."""
        self.running[shard.digest] = shard
        self._update()

    def finished(self, shard: Shard, seconds: float) -> None:
        """A shard was kept."""
        self.running.pop(shard.digest, None)
        self._update()
        if not console.is_terminal:
            count = len(shard.indices)
            left = self.time_left()
            said = f"{self.done}/{self.total} {self.unit}  {shard.name}: {count} in {seconds:.1f} s"
            console.print(said + (f"; {left}" if left else ""))

    def _update(self) -> None:
        under_way = list(dict.fromkeys(shard.name for shard in list(self.running.values())))[: self.executor.size]
        self.bar.update(self.task, completed=self.done, description=", ".join(under_way), left=self.time_left())

    def time_left(self) -> str:
        """In words: "about" by the speed of every row that is left, "perhaps" while some have not shown theirs."""
        seconds, whole = self.cutter.time_left(self.executor.size)
        if seconds is None or not any(self.cutter.left.values()):
            return ""
        return f"{'about' if whole else 'perhaps'} {in_words(seconds)} to go"


def in_words(seconds: float) -> str:
    """A time in the unit that suits it: 7 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
