"""Which networks `takeback scaling` trains, in the sequence in which they are worth having.

    >>> len(STANDARD["first"].runs(rates={}))
    30

A run is a kind of network, a family, a budget of training FLOPs and a width; how many updates that makes follows. One
rule for all kinds: AdamW, cosine schedule, and a peak rate of `scale * RATE / width`, whose scale is tuned for each
kind on the same scales, at the smallest budget and the width RATES_AT, on the first family (parts "rates").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from csp.generate import family
from experiments.engine.study_networks import Training
from generators import checkpoint
from generators.models.backbone_config import BackboneConfig
from generators.training.config import TrainConfig

#: name: how it is drawn. The targets of all are uniform over a puzzle's solutions, so that the floor is exact.
FAMILIES = {
    "sudoku6 unique": "sudoku6",
    "sudoku6 several": "sudoku6:solutions=several",
    "colouring3-30": "gnp:n=30,degree=4.6,solvable=yes",
}
KINDS = ("ar", "ar-random", "diffusion-blind", "diffusion")
#: Training FLOPs: five, a decade and a half apart in all.
BUDGETS = tuple(float(f"{2e11 * 10 ** (1.5 * step / 4):.3g}") for step in range(5))
#: By budget: widths that have the best one among them.
WIDTHS = ((12, 16, 24, 32, 48), (12, 16, 24, 32, 48), (16, 24, 32, 48, 64), (16, 24, 32, 48, 64), (24, 32, 48, 64, 96))
BATCH, BLOCKS, LOOPS, HEADS = 16, 2, 3, 4
RATE, SCALES, RATES_AT = 0.256, (0.5, 1.0, 2.0, 4.0), 24
PUZZLES, FEW = 8000, (500, 2000, 8000)  # to train on; of the data-limited part
CHECKS = 8  # validations of a training, after each of which it can be stopped and resumed
HELD_OUT, HELD_OUT_FEW = 64, 256  # puzzles for them; where the best weights are kept, they decide


@dataclass(frozen=True)
class Run:
    """A network to train and measure. budget: training FLOPs, which the nearest number of updates comes to. scale: of
    the rate. best: keep the weights of the best validation, as one does who has few puzzles.
    """

    part: str
    family: str
    kind: str
    budget: float
    dim: int
    loops: int = LOOPS
    seed: int = 0
    puzzles: int = PUZZLES
    symmetries: bool = True
    scale: float = 1.0
    best: bool = False

    @property
    def title(self) -> str:
        """What is said when it is done."""
        more = f", {self.puzzles} puzzles{'' if self.symmetries else ' as they are'}" * self.best
        more += f", {self.loops} loops" * (self.loops != LOOPS) + f", seed {self.seed}" * (self.seed > 0)
        return f"{self.family}, {self.kind}, {self.budget:.1e} FLOPs, width {self.dim}, rate x{self.scale:g}{more}"

    @property
    def config(self) -> TrainConfig:
        """How it is trained."""
        updates = max(1, round(self.budget / update_flops(self.family, self.kind, self.dim, self.loops)))
        return TrainConfig(
            self.kind,
            FAMILIES[self.family],
            updates,
            batch=BATCH,
            puzzles=self.puzzles,
            lr=float(f"{self.scale * RATE / self.dim:.4g}"),
            warmup=max(1, updates // 10),
            seed=self.seed,
            data_seed=self.seed,
            dim=self.dim,
            heads=HEADS,
            blocks=BLOCKS,
            loops=self.loops,
            patience=CHECKS + 1 if self.best else 0,
            symmetries=self.symmetries,
            uniform=True,
            validate_every=-(-updates // CHECKS),
        )

    def tuned(self, rates: Mapping[str, float]) -> Run:
        """At the scale of its kind."""
        return replace(self, scale=rates.get(self.kind, 1.0))

    @property
    def held_out(self) -> int:
        """Puzzles of the validation."""
        return HELD_OUT_FEW if self.best else HELD_OUT

    def training(self, folder: Path) -> Training:
        """With the file it is kept in."""
        words = {**asdict(self), "budget": f"{self.budget:.3g}"}
        del words["part"]
        name = "-".join(str(word) for word in words.values())
        return Training(self.title, self.config, folder / f"{name.replace(' ', '_')}.safetensors")


@lru_cache(maxsize=1024)
def update_flops(name: str, kind: str, dim: int, loops: int) -> float:
    """Training FLOPs of one update: forward, and backward as twice that (Backbone.training_flops)."""
    source = family(FAMILIES[name])
    d, cells = (source.side, source.side**2) if hasattr(source, "side") else (source.colours, source.n.high)
    outline = checkpoint.outline(kind, BackboneConfig(d, cells, dim, HEADS, BLOCKS, loops))
    return outline.backbone.training_flops(BATCH, cells)


@dataclass(frozen=True)
class Part:
    """Some runs that answer one question: every family x kind x budget x width, and what else differs.

    about: said in tables. seeds: a second seed is trained at each parabola's vertex. blocks: the best diffusion
    networks of earlier parts are decoded, and their likelihood bounded, block by block. tunes: the scales of rates are
    found in it.
    """

    name: str
    about: str
    families: tuple[str, ...]
    kinds: tuple[str, ...]
    budgets: tuple[int, ...]
    widths: tuple[tuple[int, ...], ...] = WIDTHS
    changes: tuple[Mapping, ...] = field(default=({},))
    seeds: bool = False
    blocks: bool = False
    tunes: bool = False

    def runs(self, rates: Mapping[str, float]) -> list[Run]:
        """rates: the scale of each kind's rate, where it has been tuned; 1 for the others. Cheapest budgets first."""
        made, rates = [], {} if self.tunes else rates
        for budget in self.budgets:
            for name in self.families:
                for kind in self.kinds:
                    for dim in self.widths[budget]:
                        run = Run(self.name, name, kind, BUDGETS[budget], dim).tuned(rates)
                        made += [self._changed(run, change) for change in self.changes]
        return made

    def _changed(self, run: Run, change: Mapping) -> Run:
        """`times`: the scale, times so much; all else by name."""
        rest = dict(change)
        return replace(run, scale=run.scale * rest.pop("times", 1.0), **rest)


UNIQUE, SEVERAL, COLOURING = FAMILIES
SMALL, LARGE = (0, 1, 2), (3, 4)
AT_24, AT_48 = ((RATES_AT,),) * len(BUDGETS), ((48,),) * len(BUDGETS)
TRIED = tuple({"times": scale} for scale in SCALES)
_PARTS = (
    Part("rates", "the scale of each kind's rate, at the smallest budget", (UNIQUE,), ("ar-random", "diffusion"), (0,),
         AT_24, TRIED, tunes=True),
    Part("first", "AR and diffusion, three budgets", (UNIQUE,), ("ar-random", "diffusion"), SMALL, seeds=True),
    Part("rates of twins", "the same of the other two kinds", (UNIQUE,), ("ar", "diffusion-blind"), (0,), AT_24, TRIED,
         tunes=True),
    Part("twins", "raster AR and blind diffusion, three budgets", (UNIQUE,), ("ar", "diffusion-blind"), SMALL,
         seeds=True),
    Part("blocks", "diffusion decoded cell by cell, row by row, box by box, at once", (), (), (), blocks=True),
    Part("data", "few puzzles, many epochs", (UNIQUE,), ("ar-random", "diffusion"), (0, 1, 2, 3), AT_48,
         tuple({"puzzles": few, "symmetries": moved, "best": True} for moved in (False, True) for few in FEW)),
    Part("rates check", "half and twice the tuned rate at another width and budget", (UNIQUE,), KINDS, (1,), AT_48,
         ({"times": 0.5}, {"times": 2.0})),
    Part("colouring", "graphs, three budgets", (COLOURING,), KINDS, SMALL, seeds=True),
    Part("several", "puzzles of several solutions, three budgets", (SEVERAL,), KINDS, SMALL, seeds=True),
    Part("depth", "as many FLOPs in one loop, or in six", (UNIQUE,), ("ar-random", "diffusion"), (2,), WIDTHS,
         ({"loops": 1}, {"loops": 6})),
    Part("large", "two larger budgets, unique puzzles", (UNIQUE,), KINDS, LARGE, seeds=True),
    Part("large others", "two larger budgets, the other families", (COLOURING, SEVERAL), KINDS, LARGE, seeds=True),
)  # fmt: skip
STANDARD = {part.name: part for part in _PARTS}
#: What `--preset quick` trains: the cheapest points of the first part, with a seed that no other run has.
QUICK = tuple(Run("quick", UNIQUE, kind, BUDGETS[0], 24, seed=9) for kind in ("ar-random", "diffusion"))
