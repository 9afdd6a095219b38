"""What a model is to the decode loop.

A model opens a session on some boards; the session, given their assignments, predicts log-probabilities of the
values of the blank cells it can speak about (an AR model: the next one only). A session may remember what it
has read (an AR model's KV cache), but its answer is a function of the board and its assignment alone.

    >>> session = model.open(boards)
    >>> session.predict(rows, assignments[rows])            # a Prediction, for the boards at those rows
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from csp.errors import BadInput
from generators.boards import Boards

#: Answers are rounded so: coarser than float64's noise between batch shapes, finer than any real difference.
DIGITS = 9


@dataclass(frozen=True)
class Prediction:
    """log_probs of values 1..d; speaks: the blank cells they mean anything for; tokens and flops spent, a row."""

    log_probs: Float[np.ndarray, "batch N d"]
    speaks: Bool[np.ndarray, "batch N"]
    tokens: Int[np.ndarray, " batch"]
    flops: Float[np.ndarray, " batch"]

    def check(self, name: str, shape: tuple[int, int, int]) -> None:
        """Raises BadInput, naming the model, unless the arrays are of that shape (batch, N, d)."""
        wanted = {"log_probs": shape, "speaks": shape[:2], "tokens": shape[:1], "flops": shape[:1]}
        for field, right in wanted.items():
            if (made := np.shape(getattr(self, field))) != right:
                raise BadInput(f"model {name}: {field} of shape {made}, not {right}")


@runtime_checkable
class Session(Protocol):
    """A model at work on a batch of boards."""

    def predict(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"] | None = None,
        wanted: Bool[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        """The model's prediction for the boards at those rows, given their assignments.

        commit_order: the later a cell was committed, the higher; wanted: the blank cells that the policy asks about.
        Models that read no sequence, or speak about every blank cell anyway, need neither. Without them the commits
        are taken to be in raster order, and every blank cell is wanted.
        """
        ...


@runtime_checkable
class Rereading(Protocol):
    """A session that speaks about filled cells too: what retractions that replace a value ask. It means something of a
    network that was trained on wrong visible cells (models/wrong_cells.py).
    """

    def reread(
        self,
        rows: Int[np.ndarray, " rows"],
        assignments: Int[np.ndarray, "rows N"],
        commit_order: Int[np.ndarray, "rows N"] | None = None,
    ) -> Prediction:
        """Of every free cell, blank or not, given the whole board as it stands, the cell itself included."""
        ...


@runtime_checkable
class Moving(Protocol):
    """A session that remembers what it has read, and can be told that boards have changed places (beam search)."""

    def move(self, rows: Int[np.ndarray, " rows"], sources: Int[np.ndarray, " rows"]) -> None:
        """What is on the boards at `rows` goes on from what was on those at `sources`."""
        ...


@runtime_checkable
class Model(Protocol):
    """Anything that can be asked for log-probabilities. name: as in decoders and cards."""

    name: str

    def open(self, boards: Boards) -> Session:
        """A session on these boards. Raises BadInput if the model cannot read them."""
        ...


@dataclass(frozen=True)
class Verdict:
    """right: the probability that each committed cell's value is the right one; tokens and flops spent, a row."""

    right: Float[np.ndarray, "batch N"]
    tokens: Int[np.ndarray, " batch"]
    flops: Float[np.ndarray, " batch"]


@runtime_checkable
class Scorer(Protocol):
    """Anything that can be asked which committed values are right: the head behind signal=quality."""

    def score(self, boards: Boards, rows: Int[np.ndarray, " rows"], assignments: Int[np.ndarray, "rows N"]) -> Verdict:
        """How right each value looks, on the boards at those rows. Raises BadInput if it cannot read them."""
        ...


@runtime_checkable
class Orderer(Protocol):
    """Anything that says which blank cell is next: the head behind order=learned (decoding/orders.py)."""

    flops: int  # of one cell

    def priorities(
        self, log_probs: Float[np.ndarray, "rows N d"], blank: Bool[np.ndarray, "rows N"]
    ) -> Float[np.ndarray, "rows N"]:
        """The highest goes first. log_probs: after the veto; they mean nothing where no cell is blank."""
        ...


@runtime_checkable
class Remasker(Protocol):
    """Anything that says what is taken back: the head behind retraction=learned (decoding/learned_retraction.py)."""

    flops: int  # of one cell

    def chances(self, features: Float[np.ndarray, "rows N features"]) -> Float[np.ndarray, "rows N"]:
        """With what chance each cell is blanked, were it committed."""
        ...
