"""Retractions that revise: values are taken back and replaced in one call, though no sign says that a board is lost.
What a call says of filled cells means something of a network trained on wrong ones (models/wrong_cells.py).

edit      block refinement of LLaDA 2.1 (Bie et al. 2026, arXiv 2602.08676; BlockRefinementScheduler of diffusers):
          blank cells are filled as ever, and a committed cell gets the value that is likeliest there now if that is
          another one and has more than edit_above. A full board that no edit changes is finished: none will.
correct   informed corrector (Zhao et al. 2025, arXiv 2407.21243): the `revise` committed cells of the lowest
          p(x_i | all others), by the signal, are drawn anew from it, all at once (Hogwild Gibbs); ranked by log p,
          their confidence without margin or noise. The blanks are filled by the same call, which saves one.
          signal=left-out is the paper's conditional, random is plain Gibbs sampling: the placebo.
rethink   top-k decoding of diffusion-vs-AR (Ye et al. 2025, arXiv 2410.14157): at call s of S every free cell, filled
          or not, has the value predicted now, and floor(free * (S - s) / S) of the lowest max log p are blank. Their
          "stochastic0.5" is scatter=0.5: Gumbel noise of scale 0.5 (S - s) / S on the scores. signal=random keeps as
          many, any: random remasking of a network that predicts every cell, which is how TCT is described.
p2        path planning (Peng et al. 2025, arXiv 2502.03540), the same schedule: blank cells are scored by log p of the
          value predicted, filled ones by eta log p of the value that stands there, by the network itself
          (self-planning) or a trained planner (signal=quality); filled ones keep their value unless they are blanked.
          signal=random blanks as many filled cells, any.
critic    Token-Critic (Lezama et al. 2022, arXiv 2209.04439), the same schedule: all blanks are filled, a second call
          scores every free cell of the full board, the lowest are blanked. The critic is the quality head, which is
          trained on such cells; without a signal the network rereads the board.
walk      VGB (Rohatgi et al. 2025, arXiv 2510.03149): a random walk on the tree of partial boards. From a board y to a
          child with weight pi(v | y) V(y, v), back to the parent with weight V(y), where V is the weak value
          backtrack^(blank cells) * [no sign that the board is lost] (their V of alpha^(H - h) r). What is left of pi
          after the veto being m, the way back has the chance backtrack / (backtrack + m). A lost board has V = 0: it
          goes back at once, without a call. The lazy half of the walk, which waits, costs no call and is left out.
          signal=random takes back as often, but any commit.

An edit is written as a retraction and a commit of the same call. With a veto, no two values of a call clash: cells are
settled in the sequence of their scores.
"""

from __future__ import annotations

import time

import numpy as np
from jaxtyping import Bool, Float, Int

from generators.decoding.commits import commit, in_sequence, picked
from generators.decoding.signals import SignalSources, quality_of, suspects
from generators.decoding.state import CELL, REMASK, SMALLEST, WIDEN, State, highest
from generators.decoding.vetoes import Inspection
from generators.models.interface import Rereading

Rows = Int[np.ndarray, " rows"]
Cells = Bool[np.ndarray, "rows N"]
Values = Int[np.ndarray, "rows N"]
Numbers = Float[np.ndarray, "rows N"]


def edit(state: State, rows: Rows, eligible: Cells, values: Values, probs, confidence: Numbers) -> Cells:
    """Replace what another value is likelier than by edit_above; which cells were. probs: (rows, N, d)."""
    own, committed = state.assignments[rows], state.committed(rows)
    changed = committed & eligible & (values != own) & (confidence > state.decoder.edit_above)
    if state.decoder.signal == "random":  # as many cells, any; each its likeliest other value
        others = probs.copy()
        np.put_along_axis(others, np.maximum(own - 1, 0)[..., None], -1.0, axis=2)
        values, confidence = others.argmax(2) + 1, np.maximum(others.max(2), 0.0)
        able = committed & (others.max(2) > 0)
        changed = able & highest(np.where(able, state.random(rows, REMASK), -np.inf), changed.sum(1))
    return replaced(state, rows, changed, values, confidence)


def replaced(state: State, rows: Rows, changed: Cells, values: Values, confidence: Numbers) -> Cells:
    """Take back the values of those cells and commit others, the surest first; those that would clash stay."""
    sequence = in_sequence(confidence, changed)
    chosen = picked(state, rows, state.assignments[rows], sequence, changed, values, confidence, sequence.shape[1])
    new = np.zeros_like(changed)
    np.put_along_axis(new, sequence, chosen, axis=1)
    state.retract(rows[new.any(1)], new[new.any(1)])
    commit(state, rows, in_sequence(confidence, new), new, values, confidence, sequence.shape[1])
    return new


def to_correct(state: State, sources: SignalSources, rows: Rows, seen: Inspection) -> Cells:
    """The committed cells that are drawn anew: the `revise` most suspect ones."""
    blame = suspects(state, sources, rows, seen)[1]
    return state.committed(rows) & highest(blame, np.full(len(rows), state.decoder.revise))


def replan(
    state: State,
    session: Rereading,
    sources: SignalSources,
    rows: Rows,
    eligible: Cells,
    values: Values,
    probs: Float[np.ndarray, "rows N d"],
    confidence: Numbers,
) -> None:
    """What rethink, p2 and critic keep after a call, blank and fill."""
    decoder, own = state.decoder, state.assignments[rows]
    committed, free = state.committed(rows), state.free[rows]
    score = np.log(np.maximum(confidence, SMALLEST))
    if decoder.retraction != "rethink":
        values = np.where(committed, own, values)
        eligible = eligible | committed
    if decoder.retraction == "p2" and decoder.signal == "quality":
        score = np.where(committed, np.log(np.maximum(quality_of(state, sources, rows, own), SMALLEST)), score)
    elif decoder.retraction == "p2":
        standing = np.take_along_axis(probs, np.maximum(own - 1, 0)[..., None], axis=2)[..., 0]
        score = np.where(committed, (decoder.eta or 1.0) * np.log(np.maximum(standing, SMALLEST)), score)
    elif decoder.retraction == "critic":
        score = _criticised(state, session, sources, rows, np.where(eligible, values, own))

    # How many cells are blank after this call; the noise falls with them.
    left = np.maximum(0.0, 1 - state.calls[rows] / decoder.calls)
    kept = free.sum(1) - np.floor(free.sum(1) * left)
    if decoder.scatter:
        noise = -np.log(-np.log(state.random(rows, CELL)))
        score = score + decoder.scatter * left[:, None] * noise
    if decoder.signal == "random" and decoder.retraction != "p2":
        score = state.random(rows, REMASK)
    keep = free & eligible & highest(np.where(free & eligible, score, -np.inf), kept)
    if decoder.signal == "random" and decoder.retraction == "p2":  # as many of the filled cells go, any
        anyone = np.where(committed, state.random(rows, REMASK), -np.inf)
        keep = np.where(committed, ~highest(anyone, (committed & ~keep).sum(1)), keep)

    # The new board is settled from the givens on, so that with a veto nothing on it clashes.
    givens, sequence = state.boards.givens[rows].copy(), in_sequence(score, keep)
    chosen = picked(state, rows, givens, sequence, keep, values, confidence, sequence.shape[1])
    final = np.zeros_like(keep)
    np.put_along_axis(final, sequence, chosen, axis=1)
    gone = committed & (~final | (values != own))
    state.retract(rows[gone.any(1)], gone[gone.any(1)])
    new = final & (gone | ~committed)
    commit(state, rows, in_sequence(score, new), new, values, confidence, sequence.shape[1])


def _criticised(state: State, session: Rereading, sources: SignalSources, rows: Rows, full: Values) -> Numbers:
    """log of how right each value of a full board looks, to the decoder's critic. A call."""
    if state.decoder.signal == "quality":
        right = quality_of(state, sources, rows, full)
    elif state.decoder.signal == "random":
        return np.zeros(full.shape)  # no critic is asked
    else:
        started = time.perf_counter()
        prediction = session.reread(rows, full, state.commit_order[rows])
        state.spend(rows, 1, prediction.tokens, prediction.flops, time.perf_counter() - started)
        own = np.take_along_axis(prediction.log_probs, np.maximum(full - 1, 0)[..., None], axis=2)[..., 0]
        right = np.where(prediction.speaks, np.exp(own), 1.0)
    return np.log(np.maximum(right, SMALLEST))


def steps_back(state: State, rows: Rows, mass: Float[np.ndarray, " rows"]) -> Bool[np.ndarray, " rows"]:
    """Which boards walk to their parent. mass: what the network gives the values that the veto leaves in the cell that
    would be filled next.
    """
    weight = state.decoder.backtrack
    chance = np.where(mass + weight > 0, weight / np.maximum(mass + weight, SMALLEST), 1.0)
    return state.committed(rows).any(1) & (state.random(rows, WIDEN)[:, 0] < chance)


def undone(state: State, rows: Rows) -> Cells:
    """The commit that a step back takes: the last; at random any."""
    committed = state.committed(rows)
    last = state.random(rows, REMASK) if state.decoder.signal == "random" else state.commit_order[rows].astype(float)
    return committed & highest(np.where(committed, last, -np.inf), np.ones(len(rows)))
