"""What a training run keeps: which weights the checkpoint will get, and all it needs to go on after a stop.

>>> state = load_state(asdict(config), model, optimiser, tracker, path)      # {} where no run was stopped
"""

from __future__ import annotations

import json
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from csp.errors import BadInput
from csp.io.files import write_atomically
from generators.training.config import alike


class WeightTracker:
    """Which weights the checkpoint gets: the last, their moving average, or those of the best validation."""

    def __init__(self, ema: float, keep_best: bool, learned: dict[str, torch.nn.Parameter]):
        self.ema, self.learned = ema, learned
        self.average = {name: p.detach().clone() for name, p in learned.items()} if ema else None
        self.best = {name: p.detach().clone() for name, p in learned.items()} if keep_best else None

    @torch.no_grad()
    def follow(self, update: int) -> None:
        """Move the average towards the weights; early on faster, so that the first ones are forgotten."""
        if self.average is not None:
            decay = min(self.ema, (1 + update) / (10 + update))
            for name, p in self.learned.items():
                self.average[name].lerp_(p, 1 - decay)

    @torch.no_grad()
    def swap(self, other: dict[str, torch.Tensor] | None) -> None:
        """Exchange the model's weights with those; a second exchange puts both back."""
        for name, weight in (other or {}).items():
            mine = self.learned[name].detach().clone()
            self.learned[name].copy_(weight)
            weight.copy_(mine)

    @torch.no_grad()
    def remember(self) -> None:
        """Keep the model's weights as the best so far."""
        for name, weight in (self.best or {}).items():
            weight.copy_(self.learned[name])

    def tensors(self) -> dict[str, torch.Tensor]:
        """What has to be kept when a run stops."""
        kinds = (("average", self.average), ("best", self.best))
        return {f"{kind} {name}": weight for kind, those in kinds for name, weight in (those or {}).items()}


RESUME = ".resume.safetensors"  # how the name of a stopped run's state ends
HEADER = 150  # bytes, about, that a tensor's name and shape take in a file
MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # what AdamW keeps of every parameter


def save_state(config: dict, model, optimiser, tracker: WeightTracker, state: dict, path: Path) -> None:
    """Keep all that is needed to go on: weights, optimiser moments, and the run's state as JSON."""
    tensors = {f"weight {name}": p.detach() for name, p in model.named_parameters()}
    for name, p in model.named_parameters():
        for moment in MOMENTS if p.requires_grad else ():
            tensors[f"{moment} {name}"] = optimiser.state[p][moment]
    tensors = {name: tensor.cpu() for name, tensor in (tensors | tracker.tensors()).items()}
    about = {"config": json.dumps(config), "state": json.dumps(state)}
    write_atomically(path, safetensors.torch.save(tensors, about))


def state_bytes(model: torch.nn.Module, copies: int) -> int:
    """How large the file of save_state will be: weights, moments, and `copies` of the learned weights beside them."""
    everything = [p for p in model.parameters()]
    learned = [p for p in everything if p.requires_grad]
    values = sum(p.numel() for p in everything) + (2 + copies) * sum(p.numel() for p in learned)
    return 4 * values + HEADER * (len(everything) + (3 + copies) * len(learned))


def load_state(config: dict, model, optimiser, tracker: WeightTracker, path: Path) -> dict:
    """Load what save_state kept into model and optimiser; the run's state, empty if nothing was kept.

    Raises BadInput if the kept state belongs to another config or is not readable.
    """
    if not path.exists():
        return {}
    try:
        with safetensors.safe_open(path, "pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict

        # A run that was stopped before options were renamed is the same run.
        if not alike(json.loads(about["config"]), json.loads(json.dumps(config))):
            raise BadInput(f"{path} is of a run with other options; finish that one or delete the file")

        with torch.no_grad():
            for name, p in model.named_parameters():
                p.copy_(tensors[f"weight {name}"])
                if p.requires_grad:
                    moments = {moment: tensors[f"{moment} {name}"] for moment in MOMENTS}
                    optimiser.state[p] = {m: t if m == "step" else t.to(p.device) for m, t in moments.items()}
            for name, weight in tracker.tensors().items():
                weight.copy_(tensors[name])
        return json.loads(about["state"])
    except (safetensors.SafetensorError, KeyError, json.JSONDecodeError) as fault:
        raise BadInput(f"{path}: not a readable training state ({fault}); delete it to start over") from None
