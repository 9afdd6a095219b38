"""Files of heads: small networks on top of a frozen one, that say which cell is next or what is taken back.

>>> save_head(head, path, card)                 # one file; the card is the file's metadata
>>> head, card = load_retraction_head(path)     # or load_order_head
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch

from csp.errors import BadInput
from csp.io.files import write_atomically
from generators.reinforcement.order_head import OrderHead
from generators.reinforcement.retraction_head import RetractionHead
from generators.weights.tensor_files import read_tensors

Head = OrderHead | RetractionHead
CARD = "takeback"


def save_head(head: Head, path: Path, card: dict) -> None:
    """Weights and card in one file. Raises BadInput if it cannot be written."""
    about = {CARD: json.dumps({"head": type(head).__name__, **head.about, **card})}
    write_atomically(path, safetensors.torch.save(head.state_dict(), about))


def load_retraction_head(path: Path) -> tuple[RetractionHead, dict]:
    """(head, card). Raises BadInput for a file that is none."""
    return _load(path, RetractionHead, "takes cells back", lambda card: RetractionHead())


def load_order_head(path: Path) -> tuple[OrderHead, dict]:
    """(head, card). Raises BadInput for a file that is none."""
    return _load(path, OrderHead, "says which cell is next", lambda card: OrderHead(card["d"], card["temperature"]))


def _load(path: Path, kind: type, does: str, build: Callable[[dict], Head]) -> tuple[Any, dict]:
    weights, about = read_tensors(path, "a head")
    try:
        card = json.loads(about.get(CARD, "{}"))
    except ValueError as fault:
        raise BadInput(f"{path}: no file of a head ({fault})") from None
    if card.get("head") != kind.__name__:
        raise BadInput(f"{path}: no head that {does}")
    if tuple(card.get("features", ())) != getattr(kind, "shown", ()):
        raise BadInput(f"{path}: a head that sees other features of a cell than this version shows")
    try:
        head = build(card)
        head.load_state_dict(weights)
    except (KeyError, RuntimeError):
        raise BadInput(f"{path}: its weights are not those of a head that {does}") from None
    return head, card
