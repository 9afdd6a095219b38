"""Retractions: what is taken back once a board is seen to be lost, by rule. Each changes the boards it is given, and
says which of them can go on; the others end.

    none, restart, remask, rewind; worst, depth, best-first (search_tree.py); walk, which goes back from other boards
    too (revisions.py); learned (learned_retraction.py), which is asked about every board that goes on, lost or not.

    >>> able = Retraction(state, sources)(rows, seen)

A new retraction is a case here (in revisions.py, if no sign has to say that a board is lost) and a word in
generators/decoding/spec.py. Steered nets have retractions of their own
(generators/control/guided_decoding.py) under the same names: there a restart clears a board that is full and wrong,
with no limit but the calls, and remask draws every other cell apart, at rate `widen`, and blanks one at least, while
here a rounded share of the others is drawn. They share the books and highest(), not the rule.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int

from generators.decoding.learned_retraction import taken_back
from generators.decoding.revisions import undone
from generators.decoding.search_tree import Tree
from generators.decoding.signals import SignalSources, suspects
from generators.decoding.spec import TREE
from generators.decoding.state import WIDEN, State, highest
from generators.decoding.vetoes import Inspection


class Retraction:
    """What a decoder takes back, with the memory that it needs for that."""

    def __init__(self, state: State, sources: SignalSources):
        self.state, self.sources = state, sources
        self.kind = state.decoder.retraction
        self.tree = Tree(state) if self.kind in TREE else None

    def __call__(self, rows: Int[np.ndarray, " rows"], seen: Inspection) -> Bool[np.ndarray, " rows"]:
        """Take back what the decoder says from boards that are lost; which of them can go on."""
        state = self.state
        if state.nogoods is not None:
            state.nogoods.learn(state, rows, self.sources)
        if self.tree is not None:
            blame = suspects(state, self.sources, rows, seen)[1] if self.kind == "worst" else None
            return self.tree.go(rows, blame)
        committed = state.committed(rows)
        able = committed.any(1)
        if self.kind == "learned":
            blanked = taken_back(state, self.sources.remasker, rows, seen)
        elif self.kind == "restart":
            # attempts counts the first one, which no round was made for.
            attempts = state.decoder.attempts
            able &= (state.rounds[rows] + 1 < attempts) | (attempts == 0)
            blanked = committed
        elif self.kind == "rewind":
            # From the earliest suspect on; cells that are not suspects count as later than all.
            pointed = suspects(state, self.sources, rows, seen)[0]
            commit_order = np.where(pointed, state.commit_order[rows], np.iinfo(np.int64).max)
            blanked = committed & (state.commit_order[rows] >= commit_order.min(1, keepdims=True))
        elif self.kind == "walk":
            blanked = undone(state, rows)
        else:
            blanked = self._remasked(rows, seen, committed)
        able &= blanked.any(1)  # an instance without solutions has an empty core
        state.retract(rows[able], blanked[able])
        return able

    def _remasked(self, rows, seen: Inspection, committed: Bool[np.ndarray, "rows N"]) -> Bool[np.ndarray, "rows N"]:
        """The suspects, and a share of the others."""
        state, decoder = self.state, self.state.decoder
        pointed = suspects(state, self.sources, rows, seen)[0]
        if not decoder.widen:
            return pointed

        # The share falls linearly with the calls, by `anneal` of it in all.
        share = decoder.widen * (1 - decoder.anneal * state.calls[rows] / max(1, decoder.calls))
        others = committed & ~pointed
        size = np.round(np.maximum(share, 0) * others.sum(1))
        uniforms = np.where(others, -state.random(rows, WIDEN), -np.inf)
        return pointed | (others & highest(uniforms, size))
