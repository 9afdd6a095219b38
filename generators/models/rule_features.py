"""Rules told to a network: what a target asks of each cell, as numbers, and which cells it speaks of together.

    >>> told = encode_rules([target.told for target in targets], boards)
    >>> told.features.shape, told.relations.shape           # (batch, N, FEATURES), (batch, N, N)

Each class of RULES has a block of features: a mark, the scope's size, two numbers and the values that it names. A
cell's features are the sum of those of the rules that it is in. Cells that share a rule are related by a name of
RELATIONS that the board itself has no use for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor, nn

from csp.constraints import RELATIONS, AllDifferent, Constraint
from csp.errors import BadInput
from csp.global_constraints import Among, Increasing, NValues, Sum
from generators.boards import Boards

RULES = (Among, Sum, Increasing, NValues, AllDifferent)
VALUES = 12  # most values of a board whose rules are told
MOST = 36  # numbers above are told as this one
NUMBERS = 3  # a rule may have: its scope's size and two of its own, each one of 0 ... MOST
BLOCK = 1 + NUMBERS * (MOST + 1) + VALUES
FEATURES = len(RULES) * BLOCK


@dataclass(frozen=True, eq=False)
class RuleFeatures:
    """features: of every cell. relations: the boards' own, and which cells share a rule of the target. shares: how many
    rules a cell stands for, each rule counting as one that its cells share evenly.
    """

    features: Float32[np.ndarray, "batch N features"]
    relations: Int[np.ndarray, "batch N N"]
    shares: Float32[np.ndarray, "batch N"]

    def take(self, rows: Int[np.ndarray, " rows"] | slice) -> RuleFeatures:
        """Those of some boards."""
        return RuleFeatures(self.features[rows], self.relations[rows], self.shares[rows])


class ReadRules(nn.Sequential):
    """Each cell's rules as an embedding, (batch, N, dim)."""

    def __init__(self, dim: int):
        super().__init__(nn.Linear(FEATURES, dim), nn.GELU(), nn.Linear(dim, dim))

    def forward(self, told: RuleFeatures) -> Float[Tensor, "batch N dim"]:
        weight = self[0].weight
        return super().forward(torch.as_tensor(told.features, device=weight.device).to(weight.dtype))


def encode_rules(rules: Sequence[Sequence[Constraint]], boards: Boards) -> RuleFeatures:
    """The rules of each board. Raises BadInput for a rule of another class, or a board of more than VALUES values."""
    if boards.d > VALUES:
        raise BadInput(f"rules are told to networks for up to {VALUES} values, not {boards.d}")

    # Features add up over the rules of a cell; together marks the pairs of cells that share a rule.
    own = np.broadcast_to(boards.relations, (len(boards), boards.width, boards.width))
    together = np.zeros(own.shape, dtype=np.int64)
    features = np.zeros((len(boards), boards.width, FEATURES), dtype=np.float32)
    shares = np.zeros((len(boards), boards.width), dtype=np.float32)
    for row, of_board in enumerate(rules):
        for rule in of_board:
            size = len(rule.scope)
            for place, cell in enumerate(rule.scope):
                features[row, cell, _on(rule, place)] += 1
                shares[row, cell] += 1 / size
            if size > 1:
                together[row][np.ix_(rule.scope, rule.scope)] = 1

    # A cell is not related to itself; the bit is that of a relation that no board of the batch has.
    np.einsum("bii->bi", together)[:] = 0
    unused = next(bit for bit in reversed(range(len(RELATIONS))) if not (own & (1 << bit)).any())
    return RuleFeatures(features, own | (together << unused), shares)


def _on(rule: Constraint, place: int) -> list[int]:
    """The features that a rule turns on for the cell at a place of its scope."""
    if type(rule) not in RULES:
        raise BadInput(f"{rule}: this rule cannot be told to a network")

    # What the rule says: the values that it names, and its numbers after the size of its scope.
    values: tuple[int, ...] = ()
    numbers = [len(rule.scope)]
    match rule:
        case Among():
            values, numbers = rule.values, [*numbers, rule.low, rule.high]
        case NValues():
            numbers += [rule.low, rule.high]
        case Sum():
            numbers += [rule.total]
        case Increasing():
            numbers += [place]

    # Its block: a mark, each number one-hot, and the values.
    start = RULES.index(type(rule)) * BLOCK
    told = [start + 1 + k * (MOST + 1) + min(max(number, 0), MOST) for k, number in enumerate(numbers)]
    return [start, *told, *(start + BLOCK - VALUES + value - 1 for value in values)]
