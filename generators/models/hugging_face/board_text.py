"""Boards as a language model reads them: what comes before, the grid, and the commits, as tokens.

    raster   PROMPT, then the cells of the grid up to the first blank one:       Answer:\n1243\n34
    cells    PROMPT, then a line a commit, in the order in which they came:      Answer:\nr1c2=2\nr2c1=3\n, then r2c2=
    masked   PROMPT, then the whole grid, blank cells as masked tokens:          12[MASK]3\n3...

Cells of a board go by row and column from 1, nodes of a graph by their names, or numbers from 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int

from csp.constraints import RELATIONS
from csp.errors import BadInput, shown
from csp.families.colouring import edges, is_graph
from csp.problem import Instance
from generators.models.hugging_face.token_map import TokenMap

#: kind: what is read before the board, unless the options name something else.
PROMPTS = {"causal": "{rules}\n{board}\nAnswer:\n", "masked": "{rules}\n"}


def rules(instance: Instance, texts: tuple[str, ...]) -> str:
    """The puzzle's rules in words."""
    problem = instance.problem
    values = f"{texts[0]} to {texts[-1]}"
    if is_graph(problem):
        return f"Give each node a colour from {values}, so that joined nodes differ. Joined: {joined(instance)}."
    named = [name for name in RELATIONS if any(rule.relation == name for rule in problem.constraints)]
    groups = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named or ["group"])
    return f"Fill in the blank cells, so that each {groups} holds each of {values} once."


def joined(instance: Instance) -> str:
    """The edges of a graph, "0-1, 0-2"."""
    if not is_graph(instance.problem):
        return ""
    names = cell_names(instance)
    return ", ".join(f"{names[a]}-{names[b]}" for a, b in edges(instance.problem))


def cell_names(instance: Instance) -> tuple[str, ...]:
    """What the cells are called: r1c2, or a node's name."""
    problem = instance.problem
    if not is_graph(problem):
        return tuple(f"r{cell // problem.d + 1}c{cell % problem.d + 1}" for cell in range(problem.n))
    return problem.names or tuple(str(cell) for cell in range(problem.n))


def prompt(instance: Instance, template: str, texts: tuple[str, ...], blank: str) -> str:
    """The template with its fields filled in. Raises BadInput for fields that there are none of."""
    shown_board = "\n".join("".join(blank if not v else texts[v - 1] for v in row) for row in _rows(instance))
    if is_graph(instance.problem):
        shown_board = ", ".join(
            f"{name}={blank if not v else texts[v - 1]}" for name, v in zip(cell_names(instance), instance.givens)
        )
    words = {
        "rules": rules(instance, texts),
        "board": shown_board,
        "edges": joined(instance),
        "values": ", ".join(texts),
        "n": instance.problem.n,
        "d": instance.problem.d,
    }
    try:
        return template.format(**words)
    except (KeyError, IndexError, ValueError, AttributeError) as fault:
        said = f"prompt: {shown(template)} cannot be filled in ({type(fault).__name__}: {fault})"
        raise BadInput(f"{said}; its fields are {', '.join(words)}, other braces are doubled") from None


def _rows(instance: Instance) -> Int[np.ndarray, "rows side"]:
    """The givens in rows: of a board its own, of a graph one."""
    problem = instance.problem
    return instance.givens.reshape(1, -1) if is_graph(problem) else instance.givens.reshape(-1, problem.d)


@dataclass(frozen=True, eq=False)
class BoardText:
    """One puzzle, as tokens. template: with the fields of `prompt`; see the options for the others."""

    instance: Instance
    tokens: TokenMap
    template: str

    @cached_property
    def values(self) -> Int[np.ndarray, " d"]:
        """The ids of the values 1..d."""
        return self.tokens.values(self.instance.problem.d, not is_graph(self.instance.problem))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What the cells are called."""
        return cell_names(self.instance)

    @cached_property
    def before(self) -> list[int]:
        """The tokens before the board. Raises BadInput if there are none."""
        texts = self.tokens.texts(self.instance.problem.d, not is_graph(self.instance.problem))
        said = prompt(self.instance, self.template, texts, self.tokens.options.blank)
        ids = self.tokens.prompt(said)
        if not ids:
            raise BadInput(f"{self.tokens.where}: its tokenizer makes no token of the prompt {shown(said)}")
        return ids

    @cached_property
    def grid(self) -> tuple[Int[np.ndarray, " text"], Int[np.ndarray, " n"]]:
        """(ids, places): the whole grid with its separators, -1 where a cell's value stands, and where that is."""
        options, ids, places = self.tokens.options, list[int](), list[int]()
        for row in _rows(self.instance):
            for number in range(len(row)):
                ids += self.tokens.pieces(options.between) if number else ()
                places.append(len(ids))
                ids.append(-1)
            ids += self.tokens.pieces(options.row_end)
        return np.array(ids), np.array(places)

    def masked(self, assignment: Int[np.ndarray, " n"]) -> tuple[Int[np.ndarray, " text"], Int[np.ndarray, " n"]]:
        """(ids, places): the prompt and the whole grid, its blank cells masked, and where the cells stand."""
        ids, places = self.grid
        ids = ids.copy()
        ids[places] = np.where(assignment > 0, self.values[assignment - 1], self.tokens.mask)
        whole = np.concatenate([self.before, ids, np.array(self.tokens.closing, dtype=ids.dtype)]).astype(np.int64)
        return whole, places + len(self.before)

    def up_to(self, assignment: Int[np.ndarray, " n"], cell: int) -> list[int]:
        """The prompt and the grid up to that cell, which is the first blank one."""
        ids, places = self.grid
        ids = ids[: places[cell]].copy()
        ids[places[:cell]] = self.values[assignment[:cell] - 1]
        return [*self.before, *ids.tolist()]

    def question(self, cell: int) -> tuple[int, ...]:
        """The tokens that name a cell, after which its value comes. Raises BadInput if there are none."""
        asked = self.tokens.pieces(self.names[cell] + self.tokens.options.assign)
        if not asked:
            raise BadInput(f"{self.tokens.where}: its tokenizer makes no token of {shown(self.names[cell])}")
        return asked

    def commits(self, assignment: Int[np.ndarray, " n"], cells: list[int]) -> list[int]:
        """The prompt and a line for each of those cells, in that order."""
        end = self.tokens.pieces(self.tokens.options.row_end)
        ids = [*self.before]
        for cell in cells:
            ids += [*self.question(cell), int(self.values[assignment[cell] - 1]), *end]
        return ids

    @property
    def longest(self) -> dict[str, int]:
        """How many tokens a text of each layout may have."""
        grid = len(self.before) + len(self.grid[0])
        names = sum(len(self.question(cell)) for cell in np.nonzero(self.instance.givens == 0)[0].tolist())
        end = len(self.tokens.pieces(self.tokens.options.row_end))
        commits = names + int((self.instance.givens == 0).sum()) * (1 + end)
        return {"raster": grid, "masked": grid + len(self.tokens.closing), "cells": len(self.before) + commits}
