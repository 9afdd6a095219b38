"""Assignments as token sequences: one token a cell, clues first, then the blanks in any order.

A token carries a value and two cell ids: the cell that holds it, and its target, the cell whose value is to
be predicted there. Two layouts, both of exactly n tokens:

  in place   token = (value or MASK, cell, target = cell): what masked diffusion reads.
  causal     clues as above; then START (no cell) aimed at the first blank; then each blank's value aimed
             at the next blank. What an AR model reads: at each token, predict the target's value.

Vocabulary for d values: 0 = MASK, 1..d = value, d + 1 = START.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

MASK = 0


def start(d: int) -> int:
    """The START token of a vocabulary with d values."""
    return d + 1


def words(d: int) -> list[str]:
    """The vocabulary's words, by token."""
    return ["<mask>", *map(str, range(1, d + 1)), "<start>"]


@dataclass(frozen=True)
class Tokens:
    """values, cells, targets, labels: (batch, n) each. A label is the target's value, 0 if it is blank.

    cells is n where a token belongs to no cell (START). clues (batch,) counts the tokens that are givens.
    """

    values: Int[np.ndarray, "batch n"]
    cells: Int[np.ndarray, "batch n"]
    targets: Int[np.ndarray, "batch n"]
    labels: Int[np.ndarray, "batch n"]
    clues: Int[np.ndarray, " batch"]


def clues_first(givens: Int[np.ndarray, "batch n"], order: Int[np.ndarray, "batch n"]) -> Int[np.ndarray, "batch n"]:
    """The order with its given cells moved to the front, both parts in their old sequence.

    order: permutations of the cells, one a row.
    """
    blank = np.take_along_axis(givens, order, axis=1) == 0
    return np.take_along_axis(order, np.argsort(blank, axis=1, kind="stable"), axis=1)


def in_place(
    assignments: Int[np.ndarray, "batch n"],
    givens: Int[np.ndarray, "batch n"],
    order: Int[np.ndarray, "batch n"],
) -> Tokens:
    """The in-place layout of assignments (0 = MASK)."""
    cells = clues_first(givens, order)
    values = np.take_along_axis(assignments, cells, axis=1)
    return Tokens(values, cells, cells, values, (givens > 0).sum(1))


def causal(
    assignments: Int[np.ndarray, "batch n"],
    givens: Int[np.ndarray, "batch n"],
    order: Int[np.ndarray, "batch n"],
    d: int,
) -> Tokens:
    """The causal layout. The last blank's value is a label only: nothing is predicted after it."""
    # clues stay as they are; after them everything moves one place right, START filling the gap, while targets and
    # labels stay: each token stands where the next blank's value is to be predicted
    n = assignments.shape[1]
    plain = in_place(assignments, givens, order)
    clues = plain.clues[:, None]  # (batch, 1)
    place = np.arange(n)[None, :]  # (1, n)
    before = np.roll(plain.values, 1, axis=1), np.roll(plain.cells, 1, axis=1)
    values = np.where(place < clues, plain.values, np.where(place == clues, start(d), before[0]))
    cells = np.where(place < clues, plain.cells, np.where(place == clues, n, before[1]))
    return Tokens(values, cells, plain.cells, plain.values, plain.clues)


def assignments_of(tokens: Tokens) -> Int[np.ndarray, "batch n"]:
    """The assignments that a sequence of either layout was made from, read off its targets and labels."""
    assignments = np.zeros_like(tokens.labels)
    np.put_along_axis(assignments, tokens.targets, tokens.labels, axis=1)
    return assignments


def first(text: Tokens, count: int) -> Tokens:
    """The first `count` tokens of each sequence."""
    fields = (text.values, text.cells, text.targets, text.labels)
    return Tokens(*(field[:, :count] for field in fields), text.clues)
