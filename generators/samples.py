"""What all that is steered towards targets shares: the energy of each board's rules, and the boards' bookkeeping."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from csp.seeds import uniform
from csp.targets import Target
from csp.trace import Costs, Events, Trace
from generators.boards import stack
from generators.relaxation import Energies
from generators.transformer import Backbone

#: What the energies of guidance are about.
ABOUT = {"control": "guidance knows the control alone", "all": "guidance knows the board's own rules too"}


class Guide:
    """The energy of every board's own rules of control (and, about all, of its puzzle's)."""

    def __init__(self, targets: Sequence[Target], about: str):
        kinds: dict[int, list[int]] = {}
        for row, target in enumerate(targets):
            kinds.setdefault(id(target), []).append(row)
        self.energies, self.which = [], np.zeros(len(targets), dtype=np.int64)
        for number, rows in enumerate(kinds.values()):
            target = targets[rows[0]]
            rules = target.controls + (target.plain.problem.constraints if about == "all" else ())
            self.energies.append((target.plain.problem.n, Energies(rules)) if rules else None)
            self.which[rows] = number

    def __call__(self, probs: Float[Tensor, "rows N d"], rows: Int[np.ndarray, " rows"]) -> Float[Tensor, " rows"]:
        """Energy of each of those boards: 0 if its cells are sure to obey, larger the less likely that is."""
        parts, places = [], []
        for number in np.unique(self.which[rows]):
            place = np.nonzero(self.which[rows] == number)[0]
            places.append(place)
            if self.energies[number] is None:
                parts.append(probs[place, 0, 0] * 0)
            else:
                n, energies = self.energies[number]
                parts.append(energies(probs[torch.as_tensor(place), :n]).sum(-1))
        back = np.argsort(np.concatenate(places))
        return torch.cat(parts)[torch.as_tensor(back)]


class Samples:
    """Boards on their way to targets; the same target several times means several samples, numbered from 0.

    rows: those that go on. now: what the boards say. Random numbers depend on (target, seed, sample) alone: all methods
    meet the same.
    """

    def __init__(self, name: str, targets: Sequence[Target], seed: int):
        self.name, self.targets, self.seed = name, targets, seed
        seen: dict[int, int] = {}
        numbers = []
        for target in targets:
            numbers.append(seen.get(id(target), 0))
            seen[id(target)] = numbers[-1] + 1
        self.numbers = np.array(numbers)
        self.boards = stack([target.instance for target in targets], "steered", seed)
        self.rows = np.arange(len(targets))
        self.now = self.boards.givens.copy()
        self.draws = np.zeros(len(targets), dtype=np.int64)
        self.calls, self.passes = (np.zeros(len(targets), dtype=np.int64) for _ in range(2))
        self.tokens, self.flops = np.zeros(len(targets), dtype=np.int64), np.zeros(len(targets))
        self.seconds = np.zeros(len(targets))
        self.log: list[np.ndarray] = []  # (events, 4): board, call, cell, value

    def lots(self, rows: Int[np.ndarray, " rows"], size: int = 1) -> Float[np.ndarray, "rows N size"]:
        """Uniform numbers, `size` for each cell, new ones at every call."""
        self.draws[rows] += 1
        keys, numbers, draws = (array[rows][:, None, None] for array in (self.boards.keys, self.numbers, self.draws))
        return uniform(keys, numbers, draws, np.arange(self.boards.width)[:, None], np.arange(size))

    def spend(self, rows: Int[np.ndarray, " rows"], passes: int = 1) -> None:
        """Count a call of each board; a gradient through the network counts as three passes over all its tokens."""
        self.calls[rows] += 1
        self.passes[rows] += passes

    def board(self, row: int) -> Int[np.ndarray, " n"]:
        """What one board says, without padding."""
        return self.now[row, : self.targets[row].plain.problem.n]

    def solved(self, rows: Int[np.ndarray, " rows"]) -> Bool[np.ndarray, " rows"]:
        """Which boards the checker finds complete, valid and controlled."""
        return np.array([bool(self.targets[row].instance.solved(self.board(row))) for row in rows.tolist()], dtype=bool)

    def conflicts(self, rows: Int[np.ndarray, " rows"]) -> Bool[np.ndarray, "rows N"]:
        """Which cells take part in a violation, of the puzzle's own rules or of the control."""
        broken = np.zeros((len(rows), self.boards.width), dtype=bool)
        for place, row in enumerate(rows.tolist()):
            problem = self.targets[row].instance.problem
            broken[place, : problem.n] = problem.conflicts(self.board(row))
        return broken

    def turn(self, rows: Int[np.ndarray, " rows"], boards: Int[np.ndarray, "rows N"]) -> None:
        """Make the boards say this: retractions first, then commits, into the log."""
        before = self.now[rows]
        differs = before != boards
        for written, values in ((differs & (before > 0), np.zeros_like(boards)), (differs & (boards > 0), boards)):
            row, cell = np.nonzero(written)
            self.log.append(np.stack([rows[row], self.calls[rows[row]], cell, values[row, cell]], axis=1))
        self.now[rows] = boards

    def traces(self, backbone: Backbone) -> list[Trace]:
        """What happened, one trace a board."""
        log = np.concatenate([np.zeros((0, 4), dtype=np.int64), *self.log])
        log = log[np.argsort(log[:, 0], kind="stable")]
        cuts = np.searchsorted(log[:, 0], np.arange(len(self.targets) + 1))
        made = []
        for row, target in enumerate(self.targets):
            n = target.plain.problem.n
            tokens = int(self.tokens[row] + self.passes[row] * n)
            flops = float(self.flops[row] + self.passes[row] * backbone.flops(n, n**2))
            costs = Costs(int(self.calls[row]), tokens, flops, float(self.seconds[row]))
            events = Events(log[cuts[row] : cuts[row + 1], 1:])
            full = (self.board(row) > 0).all()
            end = "solved" if target.instance.solved(self.board(row)) else "wrong" if full else "stuck"
            made.append(Trace(target.instance.id, self.name, self.seed, events, end, costs))
        return made


def minimum_bayes_risk(boards: Int[np.ndarray, "samples n"]) -> int:
    """The sample that differs in the fewest cells from the others on average (Kumar and Byrne 2004); the first of
    equals."""
    return int((boards[:, None] != boards[None]).sum((1, 2)).argmin())
