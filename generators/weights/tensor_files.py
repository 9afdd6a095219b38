"""Files of tensors, read with one line for what is wrong with them.

>>> tensors, about = read_tensors(path, "masks")
"""

from __future__ import annotations

from pathlib import Path

import safetensors
from torch import Tensor

from csp.errors import BadInput


def read_tensors(path: Path, what: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """(tensors by name, metadata). In the names' order: a file gives them in any, which no random draw may follow.

    what: the file should hold; named in the line. Raises BadInput for a file that cannot be read.
    """
    try:
        with safetensors.safe_open(str(path), "pt") as file:
            return {name: file.get_tensor(name) for name in sorted(file.keys())}, file.metadata() or {}
    except (OSError, safetensors.SafetensorError) as fault:
        raise BadInput(f"{path}: no file of {what} ({fault})") from None
