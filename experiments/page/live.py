"""The page on which puzzles of one's own are decoded, by networks that lie in it.

    >>> html = page("story.html")                    # `takeback site` writes it beside the story
    python -m experiments.page.live        # packs onnxruntime's program anew, after npm ci in app/

Networks are the shipped ones, as `takeback export` writes them. onnxruntime-web's program is kept packed in built/, so
that nobody needs Node.
"""

from __future__ import annotations

import lzma
from pathlib import Path

import torch

from csp.errors import BadInput
from csp.families import sudoku
from csp.io.files import read_bytes, write_atomically
from experiments.page import build
from generators import checkpoint
from generators.weights.onnx_export import onnx_bytes

FAMILY, SIDE = "sudoku6", 6
#: Kinds of networks in the page, each with what it is.
NETWORKS = {
    "ar": "autoregressive, row by row",
    "ar-random": "autoregressive, any order",
    "diffusion": "masked diffusion",
    "diffusion-blind": "blind diffusion: blank cells do not see one another",
}
#: The story's puzzles, by their places in it.
EXAMPLES = ("the story's board", "its harder board", "its hard 9x9 board")
PROGRAM = build.BUILT / "onnxruntime.wasm.xz"
SOURCE = Path(__file__).parent / "app" / "node_modules" / "onnxruntime-web" / "dist" / "ort-wasm-simd-threaded.wasm"


def page(beside: str) -> str:
    """The page, some 13 MB of it networks and the program that runs them. beside: the story's file name."""
    puzzles = build.story()["puzzles"]
    payload = {
        "examples": [
            {"name": name, "givens": rows(puzzle["givens"])} for name, puzzle in zip(EXAMPLES, puzzles, strict=True)
        ],
        "networks": [],
        "story": beside,
    }
    files = {"onnxruntime.wasm": program()}
    for kind, about in NETWORKS.items():
        model = checkpoint.load(checkpoint.shipped(FAMILY, kind), FAMILY, kind, dtype=torch.float32).model
        cells = model.backbone.config.cells
        payload["networks"].append({"kind": kind, "side": SIDE, "about": about, "cells": cells})
        files[f"{kind}.onnx"] = onnx_bytes(model)
    return build.page("live", payload, files)


def rows(givens: list[int]) -> str:
    """Givens as rows of symbols."""
    side = round(len(givens) ** 0.5)
    symbols = [sudoku.SYMBOLS[value] for value in givens]
    return "\n".join("".join(symbols[at : at + side]) for at in range(0, len(symbols), side))


def program() -> bytes:
    """onnxruntime-web's program. Raises BadInput if the package's copy is no longer whole."""
    try:
        return lzma.decompress(read_bytes(PROGRAM))
    except lzma.LZMAError as fault:
        raise BadInput(f"{PROGRAM}: damaged ({fault}); install takeback again") from None


def main() -> None:
    """Pack onnxruntime's program anew."""
    write_atomically(PROGRAM, lzma.compress(read_bytes(SOURCE), preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main()
