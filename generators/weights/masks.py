"""Masks of a network's weights in a file: which of them a run may change.

>>> write_masks(masks, path)                       # name of a tensor: which of its numbers
>>> read_masks(path, dict(model.named_parameters()))
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from csp.errors import BadInput
from csp.io.files import write_atomically
from generators.weights.tensor_files import read_tensors


def write_masks(masks: Mapping[str, Tensor], path: Path) -> None:
    """Atomically. Raises BadInput if it cannot be written."""
    write_atomically(path, safetensors.torch.save({name: mask.contiguous() for name, mask in masks.items()}))


def read_masks(path: Path, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A mask for every weight: what the file does not name may not change. Raises BadInput for a file that is damaged
    or of another network.
    """
    found, _ = read_tensors(path, "masks")
    for name, mask in found.items():
        if name not in weights or weights[name].shape != mask.shape or mask.dtype != torch.bool:
            raise BadInput(f"{path}: {name} is no mask of a tensor of this network")
    return {name: found.get(name, torch.zeros(weight.shape, dtype=torch.bool)) for name, weight in weights.items()}
