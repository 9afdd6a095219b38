"""Items scored against a target without gradients: by what they look like, and by a network's hidden states.

>>> near = surface_scores(pool, target, parts)             # (items,): how near to the nearest subtask's mean
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from generators.selection.influence import CHUNK, cosines, directions
from generators.selection.pool import Pool
from generators.selection.reading import read


def surface(pool: Pool) -> Float[np.ndarray, "items 3"]:
    """Cells, clues, and how many others a cell must differ from on average."""
    rows = []
    for one in pool.items:
        problem = one.instance.problem
        rows.append((problem.n, problem.n - one.instance.blanks, problem.adjacency.sum() / problem.n))
    return np.array(rows, dtype=float)


def surface_scores(pool: Pool, target: Pool, parts: Sequence[np.ndarray]) -> Float[np.ndarray, " items"]:
    """Minus the distance to the nearest subtask's mean, in standard deviations of the pool."""
    found, wanted = surface(pool), surface(target)
    scale = np.maximum(found.std(0), 1e-9)
    centres = np.stack([wanted[part].mean(0) for part in parts])
    return -np.linalg.norm((found[:, None] - centres[None]) / scale, axis=2).min(1)


@torch.no_grad()
def hidden(
    model: nn.Module, pool: Pool, rows: Int[np.ndarray, " rows"], draws: int, seed: int
) -> tuple[Float[Tensor, "rows dim"], Float[Tensor, " rows"]]:
    """(states, losses): the last features, mean over the tokens that count in the loss; the losses."""
    states = torch.zeros(len(rows), model.backbone.config.dim)
    losses = torch.zeros(len(rows))
    place = {int(row): at for at, row in enumerate(rows)}
    for some, boards, labels in pool.groups(rows, CHUNK):
        s = read(model, boards, labels, draws, seed)
        size, many, tokens = s.values.shape
        shape = size * many, tokens, tokens
        related, blocked = (one.expand(-1, many, -1, -1).reshape(shape) for one in (s.related, s.blocked))
        flat = [one.reshape(size * many, tokens) for one in (s.values, s.cells, s.targets)]
        x = model.backbone.hidden(boards.d, *flat, related, blocked)
        nats = -model.backbone.say(boards.d, x).gather(-1, s.labels.reshape(size * many, tokens, 1))[..., 0]
        counted = (s.weight > 0).float()
        mean = (x.view(size, many, tokens, -1) * counted[..., None]).sum((1, 2))
        at = torch.tensor([place[int(row)] for row in some])
        states[at] = mean / counted.sum((1, 2)).clamp(min=1)[:, None]
        losses[at] = (nats.view(size, many, tokens) * s.weight).sum(2).mean(1)
    return states, losses


def hidden_scores(
    items: Float[Tensor, "items dim"], target: Float[Tensor, "examples dim"], parts: Sequence[np.ndarray]
) -> Float[np.ndarray, " items"]:
    """The cosine with the nearest subtask's mean."""
    return cosines(items, directions(target, parts)).max(1)
