"""Which samplers run on which networks in `takeback samplers`.

>>> SAMPLERS["edit"].decoder("net", calls=64)
Decoder(model='net', order='confidence', k=4, ..., retraction='edit', ...)
>>> PRESETS["standard"].stages[0].training("plain", folder).path
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from csp.generate import draw
from csp.problem import Instance
from experiments.engine.study_networks import Size, Training, file_of
from generators import checkpoint
from generators.decoding.spec import REMDM, SCHEDULED, Decoder, parse
from solvers.oracles.pick import settle

#: What a network learned from besides masked cells: shares of a batch's boards (generators/models/wrong_cells.py).
#: The placebo's boards show no wrong cell, but its loss counts visible ones too.
NETS = {
    "plain": "",
    "uniform noise": "uniform=0.5",
    "own errors": "own=0.5",
    "edits": "edits=0.5",
    "mixture": "uniform=0.2,own=0.2,edits=0.2",
    "placebo": "clean=0.6",
}
ITSELF, PLACEBO, NO_NET = "itself", "placebo", "no network"
LOOPS = 3


@dataclass(frozen=True)
class Sampler:
    """words: of a decoder, but for its model and calls. source: whose method it is. placebo: whether it has one, which
    is the same at signal=random. told: it knows the rules, by a veto or by visible violations.
    """

    words: str
    source: str = ""
    placebo: bool = True
    told: bool = False

    def decoder(self, model: str, calls: int, variant: str = ITSELF) -> Decoder:
        """The decoder with that budget; in a network's place every value is equally likely and drawn at random."""
        kind = "uniform" if variant == NO_NET else model
        made = parse(f"{kind}:{self.words}{f',calls={calls}' if calls else ''}")
        if variant == PLACEBO:
            made = replace(made, signal="random")
        if variant == NO_NET and made.retraction != "best-first":
            made = replace(made, temperature=1.0)
        return made

    @property
    def variants(self) -> list[str]:
        """Itself, its placebo and its no-net twin, as far as there are."""
        twin = [] if "signal=quality" in self.words or "signal=reread" in self.words else [NO_NET]
        return [ITSELF, *[PLACEBO] * self.placebo, *twin]

    @property
    def quality(self) -> bool:
        """Whether it asks the quality head."""
        return "signal=quality" in self.words

    @property
    def by_budget(self) -> bool:
        """Whether what it does depends on how large its budget is, so that it is run anew for each."""
        return self.decoder("net", 8).retraction in (*REMDM, *SCHEDULED)


_FOUR, _PLAN = "order=confidence,k=4", "order=confidence"
SAMPLERS = {
    "nothing taken back": Sampler("order=confidence", placebo=False),
    "nothing, 4 a call": Sampler(_FOUR, placebo=False),
    "restarts": Sampler("order=confidence,k=4,temperature=1,retraction=restart,attempts=0", placebo=False),
    "ReMDM cap": Sampler("order=random,retraction=cap", "Wang et al. 2025", False),
    "ReMDM conf": Sampler("order=random,retraction=conf", "Wang et al. 2025", False),
    "ReMDM loop": Sampler("order=random,retraction=loop", "Wang et al. 2025", False),
    "edit": Sampler(f"{_FOUR},retraction=edit", "LLaDA 2.1"),
    "edit, sampled": Sampler(f"{_FOUR},retraction=edit,temperature=1", "LLaDA 2.1"),
    "rethink": Sampler(f"{_PLAN},retraction=rethink,scatter=0.5", "Ye et al. 2025"),
    "path planning": Sampler(f"{_PLAN},retraction=p2", "Peng et al. 2025"),
    "path planning, head": Sampler(f"{_PLAN},retraction=p2,signal=quality", "Peng et al. 2025; PRISM"),
    "critic": Sampler(f"{_PLAN},retraction=critic,signal=quality,scatter=0.5", "Lezama et al. 2022"),
    "critic, itself": Sampler(f"{_PLAN},retraction=critic,scatter=0.5", "Lezama et al. 2022"),
    "corrector, left out": Sampler(f"{_FOUR},retraction=correct,signal=left-out", "Zhao et al. 2025"),
    "corrector, reread": Sampler(f"{_FOUR},retraction=correct,signal=reread", "Zhao et al. 2025"),
    "corrector, head": Sampler(f"{_FOUR},retraction=correct,signal=quality", "Zhao et al. 2025; PRISM"),
    "nothing, legal values": Sampler("order=confidence,veto=legal", placebo=False, told=True),
    "walk": Sampler("order=confidence,veto=legal,retraction=walk,temperature=1", "VGB, Rohatgi et al. 2025", told=True),
    "remask violations": Sampler(f"{_FOUR},retraction=remask,signal=violations,redraft=1", told=True),
    "remask by head": Sampler(f"{_FOUR},retraction=remask,signal=quality,redraft=1", "PRISM, Kim et al.", told=True),
    "remask by rereading": Sampler(f"{_FOUR},retraction=remask,signal=reread,redraft=1", told=True),
    "best-first": Sampler("order=confidence,threshold=0.9,veto=legal,retraction=best-first", told=True),
    "restarts, legal values": Sampler(
        "order=confidence,threshold=0.9,veto=legal,temperature=1,retraction=restart,attempts=0",
        placebo=False, told=True,
    ),
}  # fmt: skip
QUICK = (
    "nothing taken back", "nothing, 4 a call", "restarts", "ReMDM conf", "edit", "rethink", "path planning", "critic",
    "corrector, left out", "corrector, reread", "walk", "remask violations", "best-first",
)  # fmt: skip


@dataclass(frozen=True)
class Puzzles:
    """name: as tables say it. family: as `takeback instances families` has it."""

    name: str
    family: str

    def instance(self, index: int) -> Instance:
        """The index-th puzzle of the test split."""
        return _drawn(self.family, index)


@lru_cache(maxsize=1000)
def _drawn(family: str, index: int) -> Instance:
    return draw(family, 0, "test", index, settle)


SUDOKU4 = Puzzles("4x4 Sudoku", "sudoku4:clues=5")
SUDOKU6 = Puzzles("6x6 Sudoku", "sudoku6")
SUDOKU9 = Puzzles("9x9 Sudoku", "sudoku9")
COLOURING = Puzzles("3-colouring, 30 nodes", "planted:n=30,degree=4.6")


@dataclass(frozen=True)
class Stage:
    """A part of a run that is worth having by itself: networks of one seed on some puzzles.

    size: how large its networks are and how long they train; None: those that come with the package, plain ones.
    """

    puzzles: Puzzles
    nets: tuple[str, ...]
    seed: int
    count: int
    size: Size | None

    def training(self, net: str, at: Path) -> Training:
        """How a network is trained, and where it is kept; of those that are shipped, where they are."""
        family = self.puzzles.family
        if self.size is None:
            path = checkpoint.shipped(family, "diffusion")
            return Training(f"{self.puzzles.name}, shipped", Size().training("diffusion", family, 0, LOOPS), path)
        config = self.size.training("diffusion", family, self.seed, LOOPS)
        path = file_of(at, net, family, self.size, self.seed)
        return Training(f"{self.puzzles.name}, {net}, seed {self.seed}", replace(config, wrong=NETS[net]), path)

    def head(self, net: str, at: Path) -> Training:
        """The quality head on that network, trained half as long."""
        base = self.training(net, at)
        if self.size is None:
            return replace(base, path=checkpoint.shipped(self.puzzles.family, "quality"))
        size = replace(self.size, updates=max(1, self.size.updates // 2))
        config = replace(size.training("quality", self.puzzles.family, self.seed, LOOPS), base=str(base.path))
        return Training(f"{base.title}: head", config, base.path.with_name(f"head-{base.path.name}"))


@dataclass(frozen=True)
class Preset:
    """stages: in the order in which they are worth having. budgets: calls a puzzle, rising. errors: puzzles whose
    states are looked at for what a network says of clean and of wrong cells.
    """

    stages: tuple[Stage, ...]
    budgets: tuple[int, ...] = (16, 32, 64, 128)
    samplers: tuple[str, ...] = tuple(SAMPLERS)
    errors: int = 256


_SIX, _COLOURS = Size(64, 600, 5000, 150), Size(64, 400, 4000, 100)
_FIRST, _REST = ("plain", "mixture"), ("placebo", "uniform noise", "own errors", "edits")
PRESETS = {
    "quick": Preset(
        (Stage(SUDOKU4, (*_FIRST, "placebo"), 0, 40, Size(48, 150, 1500, 75)),), (8, 16, 32), QUICK, 64
    ),
    "standard": Preset(
        (
            Stage(SUDOKU6, _FIRST, 0, 100, _SIX),
            Stage(SUDOKU6, _REST, 0, 100, _SIX),
            Stage(SUDOKU6, _FIRST, 1, 100, _SIX),
            Stage(SUDOKU6, _FIRST, 2, 100, _SIX),
            Stage(SUDOKU9, ("shipped",), 0, 50, None),
            Stage(COLOURING, _FIRST, 0, 50, _COLOURS),
            Stage(SUDOKU6, _REST, 1, 100, _SIX),
            Stage(SUDOKU6, _REST, 2, 100, _SIX),
            Stage(COLOURING, _FIRST, 1, 50, _COLOURS),
            Stage(COLOURING, _FIRST, 2, 50, _COLOURS),
        )
    ),
}  # fmt: skip
