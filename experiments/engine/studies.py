"""What studies share that train small networks and measure them: options, where a run is kept, how it ends.

>>> study = opened("likelihood", options, PRESETS[options.preset].shipped)
>>> study.finish(options, summary, networks, figures.draw(summary, study.out), tables.show_all)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from experiments.cli.options import check_processes
from experiments.cli.terminal import console
from experiments.engine import run
from experiments.engine.executors import Executor
from experiments.engine.folder import RunFolder, renewed
from generators import checkpoint


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """Options of a study."""

    preset: Literal["quick", "standard"] = "quick"
    """quick: some minutes, on shipped networks. standard: trains its own; hours, on two cores."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder for networks/, shards/, run.json and all else that it makes (default: results/COMMAND-PRESET)."""
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Processes; 0 = as many as there are cores. Changes no figure."""
    engine: Annotated[str, tyro.conf.arg(metavar="NAME")] = "local"
    """Where they run: local, ray or ray:ADDRESS (then DIR is a folder that every node sees)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print JSON instead of the tables."""


@dataclass(frozen=True)
class Study:
    """A study under way. networks: where its starting networks are, or are put."""

    out: Path
    folder: RunFolder
    networks: Path
    executor: Executor

    def so_far(self, summary: Any, networks: dict[str, str], draw: Callable[[Any, Path], Sequence[str]]) -> None:
        """Write the card and the figures of a study that goes on: what there is can be looked at, and kept."""
        about = {"summary": summary, "networks": networks, "versions": run.versions()}
        self.folder.write_card({"status": "running", **about})
        draw(summary, self.out)

    def finish(
        self,
        options: StudyOptions,
        summary: Any,
        networks: dict[str, str],
        draw: Callable[[Any, Path], Sequence[str]],
        show: Callable[[Any], None],
        beside: str = "",
    ) -> None:
        """Write the card, draw the figures, print the tables, say what was written. networks: their SHA-256 by name;
        beside: what else was written.
        """
        about = {"summary": summary, "networks": networks, "versions": run.versions()}
        self.folder.write_card({"status": "complete", **about})
        self.folder.unlock()
        drawn = draw(summary, self.out)
        if options.json:
            print(json.dumps(summary, indent=1))
        else:
            show(summary)
        console.print(f"wrote {''.join(f'{name}, ' for name in drawn)}{beside}shards and run.json to {self.out}")


def opened(command: str, options: StudyOptions, shipped: bool) -> Study:
    """Begin a study, or go on with it. shipped: its starting networks come with the package. Raises BadInput for
    processes that cannot be, and a folder of another run.
    """
    check_processes(1, options.workers, options.engine)
    out = options.out or Path("results") / f"{command}-{options.preset}"
    folder = renewed(out, {"command": command, "preset": options.preset})
    networks = checkpoint.FOLDER / "likelihood" if shipped else (out / "networks").absolute()
    return Study(out, folder, networks, Executor(options.workers, 1, options.engine))
