"""A Hugging Face language model in memory: a model as every other here, with a name and open(boards).

    >>> model = load(Source.open("weights"))
    >>> traces = takeback.decode(takeback.parse("net:order=confidence,veto=legal"), model, puzzles, seed=0)

Each board is read by itself, so that what stands beside it in a batch changes nothing in its trace.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from csp.errors import BadInput
from generators.boards import Boards
from generators.models.hugging_face.causal import CausalSession
from generators.models.hugging_face.costs import NetworkCosts
from generators.models.hugging_face.masked import MaskedSession
from generators.models.hugging_face.options import options_of
from generators.models.hugging_face.source import Source, brief, quiet, transformers
from generators.models.interface import Session

#: Decimals that log-probabilities are rounded to: in float32 and float64 coarser than what reading with and without a
#: cache differs by. At half precision that is more, but coarser numbers would no longer add up to 1.
DECIMALS = {torch.float32: 4, torch.float64: 9, torch.bfloat16: 3, torch.float16: 3}


@dataclass
class LeftOut:
    """The probability that went to tokens that are no values: how many answers, and their sum and sum of squares."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, shares: Float[np.ndarray, " answers"]) -> None:
        """Count these answers' shares (answers,)."""
        self.n, self.total = self.n + len(shares), self.total + float(shares.sum())
        self.squares += float(np.square(shares).sum())

    @property
    def mean(self) -> float:
        """The mean share of an answer; 0 where there is none."""
        return self.total / max(1, self.n)

    @property
    def interval(self) -> tuple[float, float]:
        """The mean's 95 % interval, by the normal approximation, within 0 and 1."""
        spread = max(0.0, self.squares / max(1, self.n) - self.mean**2) ** 0.5
        half = 1.96 * spread / max(1, self.n) ** 0.5
        return max(0.0, self.mean - half), min(1.0, self.mean + half)


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A network with its token map. layout: of a causal one's answer (options.ReadingOptions). left_out: what was
    answered beside the values, since it was loaded.
    """

    source: Source
    network: nn.Module
    costs: NetworkCosts
    layout: str
    left_out: LeftOut = field(default_factory=LeftOut)

    @property
    def name(self) -> str:
        """As decoders are spelled: hf:PATH."""
        return self.source.name

    @property
    def sha256(self) -> str:
        """Of the files that the answers depend on, and of the options."""
        return self.source.sha256

    def for_order(self, order: str) -> LanguageModel:
        """The model for decoders of that order: in raster order a causal one writes the plain grid, unless its options
        say otherwise.
        """
        if self.source.options.kind == "masked" or self.source.options.layout:
            return self
        return replace(self, layout="raster" if order == "raster" else "cells")

    def open(self, boards: Boards) -> Session:
        """A session on these boards. Raises BadInput for boards of which a value is no token, or that are too long."""
        texts = [self.source.text(instance, self.layout) for instance in boards.instances]
        session = MaskedSession if self.source.options.kind == "masked" else CausalSession
        return session(self, boards, texts)

    def log_probs(
        self, logits: Float[Tensor, "answers vocabulary"], values: Int[np.ndarray, " d"]
    ) -> Float[np.ndarray, "answers d"]:
        """Of the values, by a softmax over their logits alone, rounded; what is left out is counted.

        Raises BadInput for logits that are no numbers.
        """
        logits = logits.double()
        if bool(torch.isnan(logits).any()):
            raise BadInput(f"{self.source.place}: its logits are no numbers (NaN); try another dtype")
        own = logits[:, torch.as_tensor(values, device=logits.device)]
        among = torch.exp(own.logsumexp(-1) - logits.logsumexp(-1))
        self.left_out.add((1 - among).clamp(0, 1).cpu().numpy())
        return np.round(own.log_softmax(-1).cpu().numpy(), DECIMALS[next(self.network.parameters()).dtype])


def load(source: Source, precision: str = "float32") -> LanguageModel:
    """The model of a source. precision: of its weights, unless its options name one.

    Raises BadInput, in one line, if it does not fit into memory, is of a class that transformers does not know, or the
    weights are not all there.
    """
    library, options = transformers(), source.options
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    dtype = getattr(torch, options.dtype or precision)
    source.check_room(dtype, device)
    if "auto_map" in source.config and not options.trust_remote_code:
        raise BadInput(
            f"{source.folder}: it brings Python of its own; if you trust that, "
            '{"model": ..., "trust_remote_code": true} in a JSON file runs it'
        )
    maker = getattr(library, _auto_class(source))
    try:
        with quiet():
            network, about = maker.from_pretrained(
                source.folder,
                dtype=dtype,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=options.trust_remote_code,
                output_loading_info=True,
            )
            network = network.to(device).eval().requires_grad_(False)
    except Exception as fault:  # a class that is not known, a configuration that does not fit, memory, code of its own
        raise BadInput(f"{source.folder}: it cannot be loaded ({brief(fault)})") from None
    if missing := sorted(about.get("missing_keys", ())):
        raise BadInput(f"{source.folder}: {len(missing)} weights are not in its files, {missing[0]} for one")
    return LanguageModel(source, network, NetworkCosts.of(network), options.layout or "cells")


def _auto_class(source: Source) -> str:
    """The class of transformers that loads it."""
    own = source.config.get("auto_map")
    if isinstance(own, dict):
        wanted = ("AutoModelForMaskedLM", "AutoModelForCausalLM", "AutoModel")
        return next((name for name in wanted if name in own), "AutoModel")
    return "AutoModelForMaskedLM" if source.architecture.endswith("ForMaskedLM") else "AutoModelForCausalLM"


def hugging_face(place: Path | str, precision: str = "float32", **options: object) -> LanguageModel:
    """A Hugging Face language model from a folder of yours (docs/hugging-face.md).

    place: the folder, or a JSON file that names it and options. options: instead of the file's; ReadingOptions has them
    all: prompt="...", kind="masked", mask="<|mask|>", shift=True, values=["a", "b"], layout="raster", ... Raises
    BadInput, in one line, for whatever cannot be read or loaded.
    """
    named = options_of(options, str(place)) if options else None
    return load(Source.open(place, named), precision)
