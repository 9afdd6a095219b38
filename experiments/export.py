"""`takeback export`: a network as an ONNX file, which other programs and browsers run.

takeback export sudoku6-diffusion --out net.onnx
takeback export results/mine/sudoku6-ar.safetensors --out net.onnx

The graph's inputs and output are described in generators/weights/onnx_export.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro

from csp.errors import BadInput
from csp.io.files import check_room, write_atomically
from experiments.cli.terminal import console
from generators import checkpoint
from generators.weights.onnx_export import onnx_bytes


@dataclass(frozen=True)
class Export:
    """Write a network as an ONNX file."""

    net: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NET")]
    """FAMILY-KIND of a shipped network, like sudoku6-diffusion, or the path of a .safetensors file with its card."""
    out: Annotated[Path, tyro.conf.arg(metavar="FILE.onnx")]
    """Where to write it."""
    values: Annotated[int | None, tyro.conf.arg(metavar="D")] = None
    """How many values the puzzles have (default: as many as the network knows; fewer if it is flexible)."""


def main(options: Export) -> None:
    """Run it. Raises BadInput for an unknown net, one that cannot be exported, and a file that cannot be written."""
    check_room(options.out)
    model = checkpoint.load(path_of(options.net), dtype=torch.float32).model
    content = onnx_bytes(model, options.values)
    write_atomically(options.out, content)
    console.print(f"{options.out}: {model.kind}, {len(content) / 1e6:.1f} MB")


def path_of(net: str) -> Path:
    """Where the weights of a net are: a shipped one's name, or a path. Raises BadInput for what is neither."""
    if net.endswith(".safetensors"):
        return Path(net)
    names = sorted(path.stem for path in checkpoint.FOLDER.glob("*.safetensors"))
    if net not in names:
        raise BadInput(f"no net {net!r} is shipped; there are {', '.join(names)}, or give a .safetensors file")
    return checkpoint.FOLDER / f"{net}.safetensors"
