"""`takeback train KIND --family sudoku6`: train a network, with progress; the same command resumes it.

Writes NAME.safetensors and NAME.json. A run that is stopped goes on where it was when started again. On several
processes (gloo, or nccl with --device cuda), with the same loss curve:

    torchrun --nproc-per-node 2 -m experiments.train diffusion --family sudoku6 --threads 1
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import distributed

from csp.errors import BadInput
from csp.families.base import Family
from csp.generate import FAMILIES, family
from experiments.cli.signals import interrupted_says
from experiments.cli.terminal import console, progress
from generators import checkpoint
from generators.training import trainer
from generators.training.config import RENAMED, TrainConfig
from generators.training.processes import Share
from generators.training.resume import RESUME

#: Puzzles of the validation split, which are drawn first.
HELD_OUT = 1024
#: Old spellings of options, each with its new one; the dispatcher reads them with a notice.
RENAMED_OPTIONS = {old.replace("_", "-"): new.replace("_", "-") for old, new in RENAMED.items()}
#: Times as long as in fp32: from here on bf16 is worth a warning.
SLOW = 2.0


@dataclass(frozen=True)
class Train(TrainConfig):
    """Train an AR or masked-diffusion network on a family's train split; the same command resumes it.

    ar reads and writes in raster order, ar-random in random orders, ar-solver in the order of a solver; ar-written
    writes depth-first traces with its own undo; ar-inplace and ar-inplace-supervised read the board's blanks in a
    prompt; quality is a head on a trained diffusion net (--base). diffusion, diffusion-raster (learns from raster
    prefixes), diffusion-blind (no token sees a blank cell's), diffusion-causal (commits see earlier ones only). latent,
    latent-values, latent-rules, ar-prompted and future are for control.
    Twins are trained with the same options but for the kind: same backbone, puzzles, batches and updates.
    """

    kind: Annotated[str, tyro.conf.Positional]
    """One of the kinds above, or a network's own words: net:workspace=live,reading=cached,... (generators/models/
    network_words.py)."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """The .safetensors to write (default: results/checkpoints/FAMILY-KIND.safetensors)."""
    threads: int = 0
    """CPU threads; 0 = as many as there are cores. They sleep while they wait, unless OMP_WAIT_POLICY=active: threads
    that spin took three times as long as one on a machine that others used too."""
    device: str = "cpu"
    """cpu or cuda."""
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Refuse to begin anew: an error if there is no stopped run. (One that is there is resumed without this, too.)"""


def trainable(name: str) -> Family:
    """The family of that name. Raises BadInput, naming those that can be trained on, for one that cannot."""
    if (bare := name.partition(":")[0]) not in FAMILIES:
        able = [known for known, one in FAMILIES.items() if one.solvable_all]
        raise BadInput(f"no family {bare!r}; there are {', '.join(able)} to train on")
    chosen = family(name)
    if not chosen.solvable_all:
        raise BadInput(f"{name}: some of its puzzles have no solution to learn from; spell it with solvable=yes")
    return chosen


def main(options: Train) -> None:
    """Run it. Raises BadInput for what the user can put right."""
    trainable(options.family)
    if options.threads < 0:
        raise BadInput(f"--threads {options.threads}: at least 0")
    if options.device != "cpu" and not (options.device == "cuda" and torch.cuda.is_available()):
        raise BadInput(f"--device {options.device}: cpu, or cuda where there is a CUDA device")
    if options.threads:
        torch.set_num_threads(options.threads)
    config = TrainConfig(**{f.name: getattr(options, f.name) for f in fields(TrainConfig)})
    for source in config.sources:
        if trainable(source).kind != trainable(options.family).kind:
            raise BadInput(f"--mix {source}: its puzzles are not {family(options.family).kind}")
    first = os.environ.get("RANK", "0") == "0"  # of torchrun's processes
    halved = options.precision == "bf16" and options.device == "cpu" and first
    if halved and (cost := trainer.cost_of_half()) > SLOW:
        console.print(f"note: in bf16 a matrix product takes {cost:.0f} times as long here; --precision fp32 is faster")
    path = options.out or Path("results/checkpoints") / f"{options.family}-{options.kind}.safetensors"
    _usable(path)
    if options.resume and not path.with_suffix(RESUME).exists():
        raise BadInput(f"--resume: there is no stopped run of {path}")
    if first:  # drawing puzzles takes minutes: what a full disk would end is refused before
        trainer.check_room(config, trainer.datasets(config, "train", len(config.sources)), path)
    with progress("puzzles") as bar:
        task = bar.add_task(f"drawing {config.family}", total=config.puzzles + HELD_OUT)
        sets = [
            trainer.datasets(config, split, count, lambda: bar.advance(task))
            for split, count in (("train", config.puzzles), ("validation", HELD_OUT))
        ]
    share = _share(options.device)
    with progress("updates") as bar:
        task = bar.add_task(f"{options.kind} {options.family}", total=config.updates)

        def report(news: dict) -> None:
            bar.update(task, completed=news["update"], description=f"{options.kind} loss {news['loss']:.4f}")
            if "validation" in news and share.rank == 0:
                console.print(
                    f"update {news['update']:>6}  loss {news['loss']:.4f}  validation {news['validation']:.4f}"
                )

        with interrupted_says(lambda: _kept(path)):
            trainer.train(config, *sets, path, report, options.device, share)
    if share.rank == 0:
        console.print(f"wrote {path} and its card")
    if share.size > 1:
        distributed.destroy_process_group()


def _kept(path: Path) -> str:
    """What an interrupted run leaves."""
    if path.exists():
        return f"{path} is written"
    if path.with_suffix(RESUME).exists():
        return "the state at its last validation is kept, and the same command goes on from there"
    return "it had not come to its first validation, and nothing is kept"


def _share(device: str) -> Share:
    """This process's part, as torchrun says."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Share()
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    return Share(distributed.get_rank(), size)


def _usable(path: Path) -> None:
    """Raises BadInput before any work if the checkpoint is there already, or something else in its place."""
    if path.suffix != ".safetensors":
        raise BadInput(f"--out {path}: a checkpoint's name ends in .safetensors")
    card = path.with_suffix(".json")
    if path.exists():
        alone = "" if card.exists() else " without its card"
        raise BadInput(f"{path} is there already{alone}; choose another --out or remove it")
    if card.exists():  # a run that died between card and weights left a card; anything else is not overwritten
        try:
            checkpoint.read_card(card)
        except BadInput:
            raise BadInput(f"--out {path}: its card would overwrite {card}, which is another file") from None


if __name__ == "__main__":
    from experiments.cli.dispatch import run

    run(main, Train)
