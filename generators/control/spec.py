"""How a frozen net of complete boards is steered towards targets: words, and what does not go together.

    >>> parse("ar:guide=learned,search=smc").width
    16

generators/control/steer.py runs them.
"""

from __future__ import annotations

from dataclasses import dataclass

from csp import specs
from csp.errors import BadInput
from generators.control.guidance import ABOUT

STEERING_WORDS: dict[str, dict[str, str]] = {
    "guide": {
        "none": "the net alone",
        "relaxed": "values weighed by the energy of the rules (generators/control/semantic_loss.py)",
        "straight": "masked diffusion: the energy's slope at a sampled board instead of at the probabilities",
        "activations": "AR: gradient steps on what the net has read (PPLM, Dathathri et al. 2020)",
        "learned": "AR: a network's p(rules | prefix, value) (FUDGE, Yang and Klein 2021)",
        "exact": "AR on grid6: FUDGE with p(rules | prefix, value) counted over all grids",
    },
    "about": ABOUT,
    "retraction": {
        "none": "nothing is taken back",
        "restart": "a full wrong board is begun anew",
        "remask": "cells that break a rule are blanked, and a share `widen` of the others",
        "placebo": "as many cells as remask would blank, at random",
    },
    "search": {
        "none": "a board a sample",
        "beam": "several boards a sample, the likeliest kept",
        "smc": "several boards a sample, resampled by the guide's potentials (twisted SMC, Zhao et al. 2024)",
    },
}
#: Old names of values, each with its new one.
RENAMED = {"retraction": {"local": "remask"}}
#: The guides that go with each model; the uniform ones are no-net twins of ar and of diffusion.
GUIDES = {
    "ar": ("none", "relaxed", "activations", "learned", "exact"),
    "ar-prompted": ("none",),
    "diffusion": ("none", "relaxed", "straight"),
    "uniform": ("none", "relaxed"),
    "uniform-masked": ("none", "relaxed", "straight"),
}
RASTER = ("ar", "ar-prompted", "uniform")  # write a cell a call, in raster order
NO_NET = ("uniform", "uniform-masked")
WEIGHING = ("relaxed", "learned", "exact")  # guides that weigh a board's values


@dataclass(frozen=True)
class Steering:
    """How a net is steered. Raises BadInput for words that do not exist or do not go together.

    strength: weight of the guide's potential (activations: length of a step). k: cells committed a call (masked
    diffusion), the likeliest values first. width: boards a sample of a search, fewer if the calls do not allow that
    many. calls: the budget, after which no call begins.
    """

    model: str
    guide: str = "none"
    about: str = "control"
    strength: float = 1.0
    k: int = 1
    retraction: str = "none"
    widen: float = 0.2
    search: str = "none"
    width: int = 16
    calls: int = 2000

    def __post_init__(self) -> None:
        specs.check_words(self, STEERING_WORDS)
        if self.k < 1 or self.calls < 1 or self.width < 1 or self.strength < 0 or not 0 <= self.widen <= 1:
            raise BadInput("k, width and calls are at least 1, strength at least 0, widen is a share from 0 to 1")
        if self.guide not in (guides := GUIDES[self.model]):
            raise BadInput(
                f"guide={self.guide} does not go with model {self.model}, whose guides are {', '.join(guides)}"
            )
        if self.raster and (self.k > 1 or self.retraction in ("remask", "placebo")):
            raise BadInput(f"model {self.model} writes in raster order, a cell a call: k=1, retraction=none or restart")
        if self.search != "none" and (not self.raster or self.retraction != "none"):
            raise BadInput(f"search={self.search} goes with {' and '.join(RASTER)}, retraction=none")
        if self.search == "smc" and (self.guide not in WEIGHING or not self.strength):
            raise BadInput(f"search=smc goes with a guide that weighs, {', '.join(WEIGHING)}, of some strength")

    def __str__(self) -> str:
        return specs.format(self.model, self, STEERING_DEFAULTS[self.model])

    @property
    def raster(self) -> bool:
        """Whether the net writes in raster order."""
        return self.model in RASTER

    @property
    def nets(self) -> tuple[str, ...]:
        """The kinds of the nets that are needed."""
        if self.model in NO_NET:
            return ()
        return (self.model, "future") if self.guide == "learned" else (self.model,)


STEERING_DEFAULTS = {model: Steering(model) for model in GUIDES}


def parse(text: str) -> Steering:
    """A Steering from "model:word=value,...". Raises BadInput, naming the word that is wrong."""
    return specs.parse(text, STEERING_DEFAULTS, "steering", ("model",), RENAMED)
