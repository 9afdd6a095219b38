"""Networks that a study trains for itself: small ones alike in puzzles, batches and updates, several seeds of each.

    >>> train_all(trainings, executor, out)              # those whose file is not there; goes on where it was stopped

A seed changes the puzzles, the batches and the first weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from csp.errors import BadInput
from experiments.cli.signals import interrupted_says
from experiments.cli.terminal import console, progress
from experiments.engine.executors import Died, Executor, report_deaths
from experiments.engine.folder import kept_in
from generators import checkpoint
from generators.training import trainer
from generators.training.config import TrainConfig
from generators.training.datasets import Dataset

HELD_OUT = 256  # puzzles for the validation loss


@dataclass(frozen=True)
class Size:
    """How large networks are, and how long they train."""

    dim: int = 64
    updates: int = 500
    puzzles: int = 5000
    validate_every: int = 125

    @property
    def name(self) -> str:
        return f"{self.dim}-{self.updates}x{self.puzzles}"

    def training(self, kind: str, family: str, seed: int, loops: int) -> TrainConfig:
        """How a network of a kind trains."""
        return TrainConfig(
            kind,
            family,
            self.updates,
            puzzles=self.puzzles,
            seed=seed,
            data_seed=seed,
            dim=self.dim,
            loops=loops,
            validate_every=self.validate_every,
        )


SMALL = Size()
SHIPPED = Size(128, 1500, 20_000, 250)


@dataclass(frozen=True)
class Training:
    """A network to train. title: said when it is done."""

    title: str
    config: TrainConfig
    path: Path

    @property
    def card(self) -> dict:
        """Its card. Raises BadInput if it was not trained, or with other options."""
        if not self.path.exists():
            raise BadInput(f"{self.path}: there is no such network; --preset standard trains its own")
        card = checkpoint.read_card(self.path.with_suffix(".json"))
        if not self.config.made(card["training"]):
            raise BadInput(f"{self.path} was trained with other options; remove it, or give another --out")
        return card

    def run(self) -> None:
        """Train it; a training that was stopped goes on."""
        config = self.config
        sets = datasets(config.family, config.puzzles, config.data_seed)
        trainer.train(config, *sets, self.path, lambda news: None)


def file_of(folder: Path, name: str, family: str, size: Size, seed: int) -> Path:
    """Where a network is kept."""
    return weights_file(folder, f"{family}-{name}-{size.name}-seed{seed}")


def weights_file(folder: Path, words: str) -> Path:
    """A file of weights that is named by words, whatever signs they hold."""
    return folder / ("".join(c if c.isalnum() or c in "-." else "_" for c in words) + ".safetensors")


@lru_cache(maxsize=2)
def datasets(family: str, puzzles: int, seed: int) -> list[list[Dataset]]:
    """Puzzles to train and to validate on: the same for every network of a seed."""
    config = TrainConfig("diffusion", family, data_seed=seed)
    return [trainer.datasets(config, split, n) for split, n in (("train", puzzles), ("validation", HELD_OUT))]


def train_all(trainings: Sequence[Training], executor: Executor, out: Path) -> None:
    """Train the networks whose files are not there. out: the run's folder, named where it is interrupted."""
    missing = [training for training in trainings if not training.path.exists()]
    for training in missing:
        training.path.parent.mkdir(parents=True, exist_ok=True)
    given_up = []
    with interrupted_says(kept_in(out)), progress("networks") as bar:
        task = bar.add_task("training", total=len(trainings), completed=len(trainings) - len(missing))
        for title, answer, seconds in executor.run((training.title, training.run) for training in missing):
            if isinstance(answer, Died):
                given_up.append(title)
                continue
            bar.update(task, advance=1, description=title)
            if not console.is_terminal:
                console.print(f"trained {title} in {seconds:.0f} s")
    report_deaths(given_up)
