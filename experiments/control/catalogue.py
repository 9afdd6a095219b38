"""The methods of `takeback control`: by name, and how a method is run on targets."""

from __future__ import annotations

from collections.abc import Sequence

from csp.control_target import Target
from csp.errors import BadInput
from csp.trace import Trace
from generators.control import latent_sampling, latent_spec, steer
from generators.control import spec as steering_spec
from generators.control.latent_spec import Sampler
from generators.control.state import Nets
from generators.control.steer import Steering
from solvers.search.cp_sat import cp_sat

Spec = Sampler | Steering | None
OWN = "latent-values:guide=denoiser,strength=3,about=all"
ANEW = ",repair=99,widen=1,level=1"
ALL = "ar:guide=relaxed,about=all"
MASKED = "diffusion:guide=relaxed,about=all,strength=2"
NO_NET_MASKED = "uniform-masked:guide=relaxed,about=all,strength=2"
BEST = "the best of as many as the calls allow"
#: name: (spelling, what it is). Those with about=all are told the board's own rules too: compare them with each other.
METHODS: dict[str, tuple[str, str]] = {
    "latent": ("latent-values", "latent diffusion, no guidance"),
    "latent-x0": ("latent", "the same, estimating x0 as in the paper"),
    "latent-latents": (
        "latent-values:guide=latents,rate=0.3",
        "inner updates of latents: a net of probabilities, not clamped",
    ),
    "latent-latents-best": ("latent-values:guide=latents,rate=0.3" + ANEW, BEST),
    "latent-x0-latents": (
        "latent:guide=latents,rate=0.3,clamp=1",
        "the net that estimates x0, clamped: Diffusion-LM",
    ),
    "latent-sign": ("latent-values:guide=latents,inner=sign", "inner updates as the public code's: the sign"),
    "latent-estimate": ("latent-values:guide=estimate,fade=2", "mean-field balance with the estimate"),
    "latent-classifier": (
        "latent-values:guide=classifier,strength=10",
        "gradient of a learned classifier of latents",
    ),
    "latent-denoiser": ("latent-values:guide=denoiser,strength=3", "gradient through the network"),
    "latent-denoiser-best": ("latent-values:guide=denoiser,strength=3" + ANEW, BEST),
    "latent-all": (OWN, "gradient through the network, told the rules"),
    "latent-all-best": (OWN + ANEW, BEST),
    "latent-travel": (OWN + ",travel=3", "and time travel"),
    "latent-repair": (OWN + ",repair=30", "and repair of violated cells"),
    "latent-hybrid": (OWN + ",finish=masked", "and violated cells remasked by masked diffusion"),
    "ar": ("ar", "AR, no guidance"),
    "ar-best": ("ar:retraction=restart", BEST + " (rejection)"),
    "ar-relaxed": ("ar:guide=relaxed", "AR, values weighed by the energy"),
    "ar-relaxed-best": ("ar:guide=relaxed,retraction=restart", BEST),
    "ar-relaxed-smc": ("ar:guide=relaxed,search=smc,width=64", "twisted SMC by the energy"),
    "ar-activations": ("ar:guide=activations", "PPLM: gradient steps on AR's activations"),
    "ar-all": (ALL, "AR, values weighed by the energy, told the rules"),
    "ar-all-best": (ALL + ",retraction=restart", BEST),
    "ar-all-smc": (ALL + ",search=smc,width=64", "twisted SMC by the same energy"),
    "ar-learned": ("ar:guide=learned,strength=4", "FUDGE: a learned p(control | prefix)"),
    "ar-learned-best": ("ar:guide=learned,strength=4,retraction=restart", BEST),
    "ar-learned-smc": ("ar:guide=learned,search=smc,width=64", "twisted SMC by it"),
    "ar-exact": ("ar:guide=exact", "FUDGE with exact p(control | prefix)"),
    "prompted": ("ar-prompted", "AR trained with the control in its prompt, sampled"),
    "prompted-best": ("ar-prompted:retraction=restart", BEST),
    "prompted-beam": ("ar-prompted:search=beam,width=64", "beam search"),
    "masked": ("diffusion", "masked diffusion, no guidance"),
    "masked-relaxed": ("diffusion:guide=relaxed,strength=2", "masked diffusion, logits tilted by the energy"),
    "masked-relaxed-best": ("diffusion:guide=relaxed,strength=2,retraction=restart", BEST),
    "masked-straight": ("diffusion:guide=straight", "the same, straight through sampled values"),
    "masked-all": (MASKED, "logits tilted by the energy, told the rules"),
    "masked-best": (MASKED + ",retraction=restart", BEST),
    "masked-remask": (MASKED + ",retraction=remask", "and violated cells remasked"),
    "masked-placebo": (MASKED + ",retraction=placebo", "and as many cells at random"),
    "no-net-best": ("uniform:guide=relaxed,about=all,retraction=restart", "no-net twin of ar-all-best"),
    "no-net-smc": ("uniform:guide=relaxed,about=all,search=smc,width=64", "no-net twin of ar-all-smc"),
    "no-net-masked-best": (NO_NET_MASKED + ",retraction=restart", "no-net twin of masked-best"),
    "no-net-remask": (NO_NET_MASKED + ",retraction=remask", "no-net twin of masked-remask"),
    "cp-sat": ("cp-sat", "the control as a constraint (ceiling)"),
}
#: What the quick preset runs.
QUICK = (
    *("latent", "latent-latents", "latent-denoiser", "latent-denoiser-best"),
    *("ar", "ar-best", "ar-relaxed", "ar-activations", "ar-all-best", "ar-learned", "ar-exact"),
    *("prompted", "prompted-beam", "masked", "masked-relaxed", "masked-remask", "masked-placebo", "cp-sat"),
    *("no-net-best", "no-net-remask"),
)
#: Methods that are told rules, each with its no-net twin: the same but for a uniform network.
TWINS = {
    "ar-all-best": "no-net-best",
    "ar-all-smc": "no-net-smc",
    "masked-best": "no-net-masked-best",
    "masked-remask": "no-net-remask",
}
#: Families of methods: of a frozen net of one kind, or of one that was trained to be controlled.
LATENT, FROZEN = "gradient control of latents", "control of a frozen AR net"
PROMPTED, MASKS = "conditional AR", "masked diffusion"
HYBRID, UNGUIDED = "latents and masked diffusion", "latents without guidance"
NO_NET = "no network"


def family(name: str) -> str:
    """What a method is one of; "" for the ceilings, which count or search."""
    text = METHODS[name][0] if name in METHODS else name
    if text == "cp-sat" or "guide=exact" in text:
        return ""
    if text.startswith("latent"):
        return HYBRID if "finish=masked" in text else LATENT if "guide=" in text else UNGUIDED
    words = {"ar": FROZEN, "ar-prompted": PROMPTED, "diffusion": MASKS, "uniform": NO_NET, "uniform-masked": NO_NET}
    return words[text.partition(":")[0]]


def knows(name: str) -> str:
    """What a method's guidance is about: "control", or "all" with the board's own rules."""
    spec = read(name)
    return spec.about if spec else "all"


def read(name: str) -> Spec:
    """A method's Sampler or Steering; None for cp-sat. Raises BadInput for an unknown one."""
    text = METHODS[name][0] if name in METHODS else name
    if text == "cp-sat":
        return None
    model = text.partition(":")[0]
    if model in latent_spec.SAMPLER_DEFAULTS:
        return latent_spec.parse(text)
    if model in steering_spec.STEERING_DEFAULTS:
        return steering_spec.parse(text)
    raise BadInput(f"no method {name!r}; there are {', '.join(METHODS)}, or one spelled out like {OWN}")


def run(spec: Spec, nets: Nets, aims: Sequence[Target], seed: int) -> list[Trace]:
    """A trace for each target."""
    if spec is None:
        return [cp_sat(aim.instance, seed) for aim in aims]
    if isinstance(spec, Sampler):
        return latent_sampling.sample(spec, nets, aims, seed)
    return steer.steer(spec, nets, aims, seed)
