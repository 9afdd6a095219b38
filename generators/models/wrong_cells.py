"""Wrong visible cells: what a masked-diffusion network is trained on so that it can revise.

A plain network learns at masked cells only, so that what it says at a visible one means nothing. Here some of a batch's
boards show, besides masked cells, visible cells that are wrong, and the loss asks for the right value at every visible
cell too. Which errors, by share of the boards, is a spelling; the boards that are left over are as ever:

    >>> shares("uniform=0.25,own=0.5")
    {'uniform': 0.25, 'own': 0.5}

    uniform   each visible cell has another value with a chance that is drawn anew for each board, the value uniform:
              the mixture of masks and uniform noise (von Rutte et al. 2025, arXiv 2503.04482; what LLaDA 2.1 and CDLM,
              arXiv 2512.15596, train editing on)
    edits     a number of edits, drawn for each board, one after another, each of one cell to another value that no
              neighbour shows where there is one: small steps that keep a board well-formed, as mutations of programs
              do (Kapur et al. 2024, arXiv 2405.20519)
    own       on policy: some visible cells are blanked and drawn again by the network itself, in two calls, the second
              of which reads what the first wrote (ProSeCo, arXiv 2602.11590, and self-generated T2T, arXiv 2606.17175,
              draft in one)
    clean     nothing is wrong, but visible cells count in the loss all the same: the placebo of the others

Givens are never wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from csp.errors import BadInput, shown
from generators.boards import Boards

CORRUPTIONS = ("uniform", "own", "edits", "clean")
MOST_WRONG = 0.3  # the highest share of visible cells that uniform noise and edits make wrong
CALLS = 2  # in which a network writes the cells that it drafts
Logits = Callable[[Int[np.ndarray, "batch N"]], Float[np.ndarray, "batch N d"]]


def shares(text: str) -> dict[str, float]:
    """The share of the boards that each kind corrupts. Raises BadInput for what is no spelling of them."""
    made: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        kind, _, share = part.partition("=")
        if kind not in CORRUPTIONS or kind in made:
            raise BadInput(f"wrong {shown(text)}: {shown(kind)} is not one of {', '.join(CORRUPTIONS)}, each once")
        try:
            made[kind] = float(share)
        except ValueError:
            raise BadInput(f"wrong {shown(text)}: {shown(share)} is not a share for {kind}") from None
    if not all(0 < share <= 1 for share in made.values()) or sum(made.values()) > 1 + 1e-9:
        raise BadInput(f"wrong {shown(text)}: shares are above 0, and add up to at most 1")
    return made


def corrupted(
    boards: Boards,
    solutions: Int[np.ndarray, "batch N"],
    masked: Bool[np.ndarray, "batch N"],
    wrong: str,
    most: float,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """What is drawn for boards that show wrong cells.

    written (batch, N): the solutions with the errors of uniform noise and edits; drafts (batch, N): at which of CALLS
    calls the network itself writes a cell, 0 for never; gumbel (batch, N, d): the noise of what it writes; visible
    (batch, N): what each visible cell's loss weighs, 1 a board in all, 0 on boards of no kind. most: 0 for MOST_WRONG.
    """
    visible = boards.free(slice(None)) & ~masked
    ends = np.cumsum(list(shares(wrong).values()))
    kinds = np.searchsorted(ends, rng.random(len(boards)), side="right")  # the last number: no kind
    of_kind = {kind: kinds == number for number, kind in enumerate(shares(wrong))}
    rate = (most or MOST_WRONG) * rng.random(len(boards))
    nowhere = np.zeros(len(boards), dtype=bool)

    noisy = visible & (rng.random(visible.shape) < rate[:, None]) & of_kind.get("uniform", nowhere)[:, None]
    others = 1 + (solutions - 1 + rng.integers(1, max(2, boards.d), solutions.shape)) % boards.d
    written = np.where(noisy, others, solutions)
    if "edits" in of_kind:
        count = np.ceil(rate * visible.sum(1)).astype(np.int64) * of_kind["edits"]
        written = edited(boards, np.where(visible | (boards.givens > 0), written, 0), visible, count, rng, written)

    # A board's own share of cells to draft is uniform: from a few to all that were committed.
    drafted = visible & (rng.random(visible.shape) < rng.random((len(boards), 1)))
    drafted &= of_kind.get("own", nowhere)[:, None]
    drafts = drafted * rng.integers(1, CALLS + 1, visible.shape)
    gumbel = -np.log(-np.log(rng.random((*visible.shape, boards.d))))
    dirty = kinds < len(of_kind)
    weight = (visible & dirty[:, None]) / np.maximum(visible.sum(1, keepdims=True), 1)
    return {"written": written, "drafts": drafts, "gumbel": gumbel, "visible": weight}


def edited(
    boards: Boards,
    state: Int[np.ndarray, "batch N"],
    visible: Bool[np.ndarray, "batch N"],
    count: Int[np.ndarray, " batch"],
    rng: np.random.Generator,
    written: Int[np.ndarray, "batch N"],
) -> Int[np.ndarray, "batch N"]:
    """`written` after count[b] edits of visible cells of each board, one after another, of another cell each.

    state: what the board shows, 0 where it is masked.
    """
    made, state = written.copy(), state.copy()
    order = np.argsort(np.where(visible, rng.random(visible.shape), 2.0), axis=1)
    for step in range(int(count.max(initial=0))):
        rows = np.nonzero(count > step)[0]
        cells = order[rows, step]
        near = boards.adjacency[rows if len(boards.adjacency) > 1 else np.zeros_like(rows), cells]  # (rows, N)

        # What neighbours show counts only where nothing else is left; the value that stands there never.
        held = ((state[rows][..., None] == 1 + np.arange(boards.d)) & near[..., None]).any(1)  # (rows, d)
        scores = rng.random((len(rows), boards.d)) - held
        scores[np.arange(len(rows)), made[rows, cells] - 1] = -np.inf
        made[rows, cells] = state[rows, cells] = scores.argmax(1) + 1
    return made


def drafted(
    logits: Logits,
    shown_now: Int[np.ndarray, "batch N"],
    drafts: Int[np.ndarray, "batch N"],
    gumbel: Float[np.ndarray, "batch N d"],
) -> Int[np.ndarray, "batch N"]:
    """The boards after the network has drawn the cells to draft. logits: what it says of every cell of such boards."""
    now = np.where(drafts > 0, 0, shown_now)
    for call in range(1, CALLS + 1):
        values = (logits(now) + gumbel).argmax(-1) + 1  # the greatest of noisy log p is a sample
        now = np.where(drafts == call, values, now)
    return now
