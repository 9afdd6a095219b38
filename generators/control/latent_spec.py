"""How latents are sampled and steered: words, and what does not go together.

    >>> parse("latent-values:steps=100,guide=estimate,strength=2").steps
    100

generators/control/latent_sampling.py runs them.
"""

from __future__ import annotations

from dataclasses import dataclass

from csp import specs
from csp.errors import BadInput
from generators.control.guidance import ABOUT
from generators.models.latent_diffusion import STEPS

SAMPLER_WORDS: dict[str, dict[str, str]] = {
    "guide": {
        "none": "no guidance",
        "latents": "inner updates of the next latents, by their own rounding probabilities (Diffusion-LM is "
        "model latent with clamp=1; latent-values answers with probabilities, and without clamp=1 is not clamped)",
        "denoiser": "gradient through the network of the estimate's energy (classifier guidance, Dhariwal et al. 2021)",
        "classifier": "gradient of a noise-aware classifier (generators/models/latent_classifier.py) at the latents",
        "estimate": "inner updates of the estimate's rounding probabilities; nothing goes back through the network",
    },
    "inner": {
        "adagrad": "Adagrad over the inner updates of a step, as Diffusion-LM states it",
        "sign": "a new Adagrad at each inner update: steps of the gradient's sign, as its public code does",
    },
    "about": ABOUT,
    "finish": {
        "none": "the board that the latents round to is the answer",
        "masked": "cells that break a rule, and a share `widen`, are remasked, and filled by guided masked diffusion",
    },
}


@dataclass(frozen=True)
class Sampler:
    """How latents are sampled. Raises BadInput for words that do not exist or do not go together.

    steps: calls from pure noise to none. eta: 1 DDPM, 0 DDIM. clamp: 1 puts each estimate on its nearest embedding.
    remember: 1 shows the net its last estimate. strength: weight of the control. fade: the weight falls with
    (1 - abar) ** fade as noise does. updates, rate: inner updates a step and their size; fluency: the weight of
    log p(x_s | x_t) in them.
    travel: how often a step in the middle half of the way is taken again from renewed noise (Lugmayr et al. 2022).
    repair: passes after the first in which cells that break a rule, and a share `widen` of the others, are noised
    again up to `level` of the way and filled in anew around the rest. look: 1 ends a board as soon as an estimate on
    the way rounds to a solution of its target, 0 asks at the end of a pass alone. calls: the budget, after
    which no call begins.
    """

    model: str
    steps: int = 100
    eta: float = 1.0
    clamp: int = 0
    remember: int = 1
    guide: str = "none"
    about: str = "control"
    strength: float = 1.0
    fade: float = 0.0
    inner: str = "adagrad"
    updates: int = 3
    rate: float = 0.1
    fluency: float = 0.01
    travel: int = 0
    repair: int = 0
    widen: float = 0.2
    level: float = 0.6
    finish: str = "none"
    look: int = 1
    calls: int = 2000

    def __post_init__(self) -> None:
        specs.check_words(self, SAMPLER_WORDS)
        if not (1 <= self.steps <= STEPS and self.calls >= 1 and self.updates >= 1 and self.travel >= 0):
            raise BadInput(f"steps is from 1 to {STEPS}, calls and updates at least 1, travel at least 0")
        if not {self.clamp, self.remember, self.look} <= {0, 1} or self.repair < 0:
            raise BadInput("clamp, remember and look are 0 or 1, repair at least 0")
        if not (0 <= self.eta <= 1 and 0 <= self.widen <= 1 and 0 < self.level <= 1):
            raise BadInput("eta and widen are shares from 0 to 1, level from above 0")
        if min(self.strength, self.fade, self.rate, self.fluency) < 0:
            raise BadInput("strength, fade, rate and fluency are at least 0")
        if self.guide == "classifier" and self.model != "latent-values":
            raise BadInput("guide=classifier goes with model latent-values, on whose latents it is trained")
        if self.guide == "classifier" and self.about != "control":
            raise BadInput("guide=classifier knows the control alone: about=control")

    def __str__(self) -> str:
        return specs.format(self.model, self, SAMPLER_DEFAULTS[self.model])

    @property
    def nets(self) -> tuple[str, ...]:
        """The kinds of the nets that are needed."""
        classifier = ("latent-rules",) if self.guide == "classifier" else ()
        return (self.model, *classifier, *(("diffusion",) if self.finish == "masked" else ()))


SAMPLER_DEFAULTS = {model: Sampler(model) for model in ("latent", "latent-values")}


def parse(text: str) -> Sampler:
    """A Sampler from "model:word=value,...". Raises BadInput, naming the word that is wrong."""
    return specs.parse(text, SAMPLER_DEFAULTS, "sampler", ("model",))
