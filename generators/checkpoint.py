"""Checkpoints: NAME.safetensors (weights) beside NAME.json (the card: what made them). No pickle.

A net that stands on a frozen one may be kept as its head alone: the card names the other checkpoint and its SHA-256.
generators/ship.py writes those.

>>> model = load(shipped("sudoku6", "diffusion"), family="sudoku6", kind="diffusion")
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from csp.errors import BadInput, shown
from csp.io.files import read_text, replacing
from csp.io.json_values import decode
from generators.models.autoregressive import Autoregressive
from generators.models.backbone_config import BackboneConfig
from generators.models.backtracking_ar import BacktrackingAR
from generators.models.board_network import BoardNetwork
from generators.models.inplace_ar import InPlaceAR
from generators.models.latent_classifier import LatentRules
from generators.models.latent_diffusion import LatentDiffusion
from generators.models.masked_diffusion import MaskedDiffusion
from generators.models.network_words import spelled, words_of
from generators.models.prompted_ar import Prompted
from generators.models.quality_head import QualityHead

FOLDER = Path(__file__).parent / "checkpoints"
KINDS = {
    **{kind: Autoregressive for kind in ("ar", "ar-random", "ar-solver")},
    "ar-written": BacktrackingAR,
    **{kind: InPlaceAR for kind in ("ar-inplace", "ar-inplace-supervised")},
    "diffusion": MaskedDiffusion,
    **{kind: BoardNetwork for kind in ("diffusion-blind", "diffusion-causal", "diffusion-raster")},
    "quality": QualityHead,
    "latent": LatentDiffusion,
    "latent-values": LatentDiffusion,
    "latent-rules": LatentRules,
    "ar-prompted": Prompted,
    "future": Prompted,
}
#: Kinds that stand on a frozen net: of which kind that is.
BASES = {"quality": "diffusion", "latent-rules": "latent-values"}
BASE = "base."  # how the names of a frozen net's weights begin
Network = (
    Autoregressive
    | BacktrackingAR
    | BoardNetwork
    | LatentDiffusion
    | LatentRules
    | MaskedDiffusion
    | Prompted
    | QualityHead
)


def network_class(kind: str) -> type[Network]:
    """The class that runs a kind: one of KINDS, or words (models/network_words.py). Raises BadInput for others."""
    if not spelled(kind):
        if kind not in KINDS:
            raise BadInput(f"no kind {shown(kind)}; there are {', '.join(KINDS)}, and net:WORD=VALUE,...")
        return KINDS[kind]
    words = words_of(kind)
    if words.workspace == "prompt":
        return InPlaceAR
    return Autoregressive if words.every_prefix else BoardNetwork


FORMAT = "takeback checkpoint 1"


@dataclass(frozen=True)
class Checkpoint:
    """A model in evaluation mode with its card (a dict, as in NAME.json) and its weights' SHA-256."""

    model: Network
    card: dict
    sha256: str


def shipped(family: str, kind: str) -> Path:
    """Where the checkpoint that comes with the package is, if there is one."""
    return FOLDER / f"{family}-{kind}.safetensors"


def save(model: Network, path: Path, card: dict, base: Path | None = None) -> None:
    """Write weights and card as one: both are on disk before either has its name, and the weights get theirs last.

    Weights that are there are therefore whole and have their card; a card alone is what a death between the two names
    leaves, and nothing to keep. The card gains format, kind, backbone, parameters and sha256.

    base: the checkpoint of the frozen net that the model stands on. The weights are then written without that net's,
    and the card names it; load() looks for it beside path and among those shipped.

    Raises BadInput if they cannot be written, or if the model does not stand on that base.
    """
    weights = {name: weight.contiguous() for name, weight in model.state_dict().items()}
    card = {name: value for name, value in card.items() if name != "base"}
    about = None
    if base is not None:
        weights, sha256 = _without_base(model, weights, base)
        card["base"] = {"file": base.name, "sha256": sha256}
        about = {"base": sha256}  # so that the file's own SHA-256 is of the head and of what it stands on
    data = safetensors.torch.save(weights, about)
    full = {
        "format": FORMAT,
        "kind": model.kind,
        "backbone": asdict(model.backbone.config),
        "parameters": sum(p.numel() for p in model.parameters()),
        **card,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    text = json.dumps(full, indent=1, ensure_ascii=False) + "\n"
    # what is entered last is renamed first: the card
    with replacing(path) as weights_file, replacing(path.with_suffix(".json")) as card_file:
        for file, content in ((weights_file, data), (card_file, text.encode())):
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(os.path.realpath(path)).unlink(missing_ok=True)  # older weights do not stand beside the new card


def _without_base(model: Network, weights: dict[str, torch.Tensor], base: Path) -> tuple[dict[str, torch.Tensor], str]:
    """The weights of the head alone, and the base's SHA-256. Raises BadInput if the base's weights are others."""
    found = load(base, kind=BASES.get(model.kind), dtype=torch.float32)
    mine = {name: weight for name, weight in weights.items() if name.startswith(BASE)}
    theirs = {BASE + name: weight for name, weight in found.model.state_dict().items()}
    if mine.keys() != theirs.keys() or not all(torch.equal(mine[name], theirs[name].to(mine[name])) for name in mine):
        raise BadInput(f"{base}: not the net that the {model.kind} stands on")
    return {name: weight for name, weight in weights.items() if name not in mine}, found.sha256


class _NoInitialisation(TorchFunctionMode):
    """Initial weights are not drawn: on the device that holds no numbers torch would import its compiler for them."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if getattr(func, "__module__", "") == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def outline(kind: str, config: BackboneConfig) -> Network:
    """The network without numbers: its weights' names and shapes."""
    with torch.device("meta"), _NoInitialisation():
        return network_class(kind)(config, kind)


class Misfit(ValueError):
    """Why no network of this version has that card and those weights."""


def _built(kind: object, backbone: object, weights: dict[str, torch.Tensor]) -> Network:
    """The network of a card's kind and backbone, with those weights.

    The card is held against the weights' names and shapes first: what is built is never larger than the weights' file.
    Raises Misfit.
    """
    if not isinstance(kind, str):
        raise Misfit(f"kind {shown(kind)} is no name")
    if not isinstance(backbone, dict):
        raise Misfit(f"backbone {shown(backbone)} is no object")
    try:
        build = network_class(kind)
        config = BackboneConfig(**backbone)
    except (BadInput, TypeError) as fault:
        raise Misfit(str(fault)) from None
    # Blocks are Python objects even on the device that holds no numbers, so they are counted by name.
    blocks = {name.split("blocks.")[1].split(".")[0] for name in weights if "blocks." in name}
    if len(blocks) != config.blocks:
        raise Misfit(f"{config.blocks} blocks in the card, {len(blocks)} in the weights")
    wanted = {name: tuple(weight.shape) for name, weight in outline(kind, config).state_dict().items()}
    there = {name: tuple(weight.shape) for name, weight in weights.items()}
    if odd := sorted(wanted.keys() ^ there.keys()):
        raise Misfit(f"{odd[0]} is in the {'weights' if odd[0] in there else 'card'} only")
    if odd := sorted(name for name in wanted if wanted[name] != there[name]):
        raise Misfit(f"{odd[0]} has shape {there[odd[0]]}; by the card it has {wanted[odd[0]]}")
    if odd := sorted(name for name, weight in weights.items() if not weight.dtype.is_floating_point):
        raise Misfit(f"{odd[0]} holds {weights[odd[0]].dtype}, no floating-point numbers")
    model = build(config, kind)
    model.load_state_dict(weights)
    return model


def _base_weights(path: Path, said: object) -> dict[str, torch.Tensor]:
    """The weights of the frozen net that a head's card names, from the head's folder or from those shipped.

    Raises BadInput if neither has it, or only with another SHA-256; Misfit if the card does not name one.
    """
    match said:
        case {"file": str(file), "sha256": str(sha256)} if file and file == Path(file).name:
            there = [place for place in (path.parent / file, FOLDER / file) if place.is_file()]
        case _:
            raise Misfit(f"base {shown(said)} names no file with its SHA-256")
    for place in there:
        data = place.read_bytes()
        if hashlib.sha256(data).hexdigest() == sha256:
            return {BASE + name: weight for name, weight in safetensors.torch.load(data).items()}
    if there:
        raise BadInput(f"{path}: {there[0]} is not the net that it stands on (SHA-256 differs)")
    raise BadInput(f"{path}: {shown(file)}, which it stands on, is neither beside it nor among the shipped checkpoints")


def read_card(place: Path) -> dict:
    """The card in NAME.json. Raises BadInput if it cannot be read or is no card."""
    card = decode(read_text(place), str(place))
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise BadInput(f"{place}: not a takeback checkpoint card")
    return card


def load(
    path: Path, family: str | None = None, kind: str | None = None, dtype: torch.dtype = torch.float64
) -> Checkpoint:
    """A checkpoint in evaluation mode. dtype: what decoding computes in; traces depend on it, on batches they do not.
    What the file holds at half precision is converted.

    Raises BadInput, in one line, for a missing, truncated or foreign file, weights that do not match their
    card, a head whose base is missing or another, or another family or kind than those asked for.
    """
    place = path.with_suffix(".json")
    card = read_card(place)
    if not path.exists():
        raise BadInput(f"cannot read {path}: only its card is there; the command that trained it will finish it")
    try:
        # the card says which network the weights are of; their hash, that they are the ones it was written for
        data = path.read_bytes()
        weights = safetensors.torch.load(data)
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 != card["sha256"]:
            raise BadInput(f"{path}: the weights are not those its card describes (SHA-256 differs)")
        if "base" in card:
            if odd := sorted(name for name in weights if name.startswith(BASE)):
                raise Misfit(f"{odd[0]} is in the weights of a head alone")
            weights |= _base_weights(path, card["base"])
        model = _built(card["kind"], card["backbone"], weights)
    except OSError as fault:
        raise BadInput(f"cannot read {path}: {fault.strerror or fault}") from None
    except safetensors.SafetensorError as fault:
        raise BadInput(f"{path}: truncated or not a safetensors file ({fault})") from None
    except Misfit as fault:
        raise BadInput(f"{path}: card and weights do not fit this version ({fault})") from None
    except KeyError as fault:
        raise BadInput(f"{path}: card and weights do not fit this version (no {fault} in the card)") from None
    if family is not None and card.get("family") != family:
        raise BadInput(f"{path}: trained on {card.get('family')}, not on {family}")
    if kind is not None and card["kind"] != kind:
        raise BadInput(f"{path}: holds a net of kind {card['kind']}, not {kind}")
    return Checkpoint(model.to(dtype).eval().requires_grad_(False), card, sha256)
