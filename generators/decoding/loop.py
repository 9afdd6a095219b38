"""The one decode loop: a model and a Decoder (order x veto x retraction x signal) turn instances into traces.

    >>> traces = decode(parse("diffusion:order=confidence"), model, instances, seed=0)

A call asks the model about every unfinished board at once; each board then commits cells, and if its veto (or, on a
full board, the checker) says that it is lost, its retraction takes cells back. Finished boards leave the batch.
Whatever is random comes from counters hashed with the board's own key, and networks compute in shapes that do not
follow the batch (models/inference.py), so a trace depends on (instance, decoder, seed) and the networks' precision
alone: not on batch neighbours, batch size or padding.

Whatever fills and empties one board a sample by a rule runs here: orders, vetoes, retractions and signals are passed in
by the Decoder. Two loops stand beside it: beam search, where boards are rows of a tournament and nothing is retracted
(beam.py), and a net that writes its own undo, where veto and retraction are answers of the network (written_undo.py).
All of them, and those of generators/control, keep the same books (state.py).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import nn

from csp.errors import BadInput
from csp.problem import Instance
from csp.trace import Trace
from generators.boards import stack
from generators.decoding import beam, orders, remdm, revisions, written_undo
from generators.decoding.commits import commit, in_sequence, values_of
from generators.decoding.retractions import Retraction
from generators.decoding.signals import SignalSources
from generators.decoding.spec import REMDM, SCHEDULED, TREE, WITHOUT_SIGN, Decoder
from generators.decoding.state import CELL, REMASK, State
from generators.decoding.vetoes import Inspection, inspect
from generators.models.backtracking_ar import BacktrackingAR
from generators.models.inference import one_thread
from generators.models.interface import Model, Orderer, Prediction, Remasker, Rereading, Scorer
from generators.models.transformer import with_loops


def decode(
    decoder: Decoder,
    model: Model | BacktrackingAR,
    instances: Sequence[Instance],
    seed: int,
    quality: Scorer | None = None,
    remasker: Remasker | None = None,
    orderer: Orderer | None = None,
) -> list[Trace]:
    """One trace an instance, in order. Instances share one number of values d. quality: the head of signal=quality;
    remasker: of retraction=learned; orderer: of order=learned. Traces are named after the decoder; a decoder of model
    "net" takes the model's own name.

    Raises BadInput if the model is none or cannot read them, they hold other constraints than pairwise ones, or the
    decoder needs a head and there is none.
    """
    if isinstance(model, type):
        raise BadInput(f"{model.__name__} is a class; a model is an object: {model.__name__}()")
    if not isinstance(getattr(model, "name", None), str):
        raise BadInput(f"a model of class {type(model).__name__} has no name")
    for instance in instances:
        if not instance.problem.pairwise:
            raise BadInput(f"{instance.provenance}: the decode loop knows pairwise constraints only")

    # What the decoder needs of the model and beside it.
    if decoder.signal == "quality" and quality is None:
        raise BadInput(f"{decoder}: signal=quality needs a quality head")
    if decoder.retraction == "learned" and remasker is None:
        raise BadInput(f"{decoder}: retraction=learned needs a remasker")
    if decoder.order == "learned" and orderer is None:
        raise BadInput(f"{decoder}: order=learned needs an orderer")
    if decoder.loops:
        if not isinstance(model, nn.Module):
            raise BadInput(f"{decoder}: loops goes with this package's networks, not with {model.name}")
        model = with_loops(model, decoder.loops)

    # Random numbers come from the boards' keys: seed, decoder and instance, nothing else.
    boards = stack(instances, "decode", seed, decoder.stream)
    state = State(decoder, boards)
    with one_thread():  # for all calls at once: torch takes its time to change the number
        if decoder.retraction == "beam":
            beam.run(state, model)
        elif isinstance(model, BacktrackingAR):
            written_undo.run(model, state)
        else:
            fill(state, model, SignalSources(model, quality, remasker, {}, orderer))
    traces = state.traces(seed)
    if decoder.model != "net":
        return traces
    named = model.name + str(decoder).removeprefix("net")  # somebody's network goes by its own name
    return [replace(trace, decoder=named) for trace in traces]


def fill(state: State, model: Model, sources: SignalSources) -> None:
    """Fill a state's boards until each has come to its end."""
    run = _DecodeLoop(state, model, sources)
    while len(run.active):
        run.step()


def next_commits(
    decoder: Decoder,
    model: Model,
    instances: Sequence[Instance],
    sequences: Int[np.ndarray, "batch N"],
    seed: int,
) -> tuple[Int[np.ndarray, " batch"], Int[np.ndarray, " batch"]]:
    """(cells, values) of the first commit of one call, from start states that other decoders can be given too.

    sequences: which cells hold their instance's witness, and when they were committed: 1, 2, ...; 0 = not, or given. At
    least one cell of each board is blank; the decoder commits one cell a call.
    """
    boards = stack(instances, "decode", seed, decoder.stream)
    state = State(decoder, boards)
    row, cell = np.nonzero(sequences)
    first = np.lexsort((sequences[row, cell], row))
    row, cell = row[first], cell[first]
    state.commit(row, cell, boards.witnesses[row, cell], np.ones(len(row)))

    before = state.assignments.copy()
    with one_thread():
        _DecodeLoop(state, model, SignalSources(model, None, None, {})).step()
    cells = (state.assignments != before).argmax(1)
    return cells, state.assignments[np.arange(len(cells)), cells]


class _DecodeLoop:
    """The boards that are not finished, and what their veto sees of them."""

    def __init__(self, state: State, model: Model, sources: SignalSources):
        self.state, self.decoder = state, state.decoder
        self.name, self.session = model.name, model.open(state.boards)
        if self.decoder.rereads and not isinstance(self.session, Rereading):
            raise BadInput(f"{self.decoder}: model {self.name} does not speak about filled cells")
        self.retraction = Retraction(state, sources)
        self.active = np.arange(len(state.boards))
        self.seen = inspect(state, self.active)
        full = state.full(self.active)
        self._keep(~full)  # a board without blanks is solved before any call
        self._review(np.zeros(len(self.active), dtype=bool))

    def step(self) -> None:
        """One call, what it commits, and what is taken back after it."""
        state, rows = self.state, self.active
        started = time.perf_counter()

        # An order that needs no answer says beforehand what is asked: an AR net then reads fewer tokens.
        priority = orders.before(state, rows, self.seen)
        wanted = None if priority is None else self._wanted(priority)
        stalled = self._act(priority, wanted)

        # One inspection after every change: what it sees now is what the next call's commits are chosen by.
        self.seen = inspect(state, rows)
        self._review(stalled)
        state.seconds[rows] += (time.perf_counter() - started) / len(rows)

    def _act(self, priority, wanted) -> Bool[np.ndarray, " rows"]:
        """The call, and what the decoder does by its answer; which boards nothing can be done for."""
        state, kind, rows = self.state, self.decoder.retraction, self.active
        now, order = state.assignments[rows], state.commit_order[rows]
        if kind == "correct":
            prediction = self._correct(priority, wanted)
        elif kind in ("edit", "rethink", "p2"):
            prediction = self._paid(self.session.reread(rows, now, order))
        else:
            prediction = self._paid(self.session.predict(rows, now, order, wanted))

        if kind in REMDM:
            return self._remdm(prediction)
        if kind == "edit":
            return self._edit(prediction, priority)
        if kind == "walk":
            return self._walk(prediction, priority, wanted)
        if kind not in SCHEDULED:
            return self._commit(prediction, priority, wanted)
        revisions.replan(
            state,
            self.session,
            self.retraction.sources,
            rows,
            prediction.speaks & self.seen.allowed.any(-1),
            *values_of(state, rows, prediction, self.seen.allowed),
        )
        return np.zeros(len(rows), dtype=bool)

    def _paid(self, prediction: Prediction) -> Prediction:
        """The answer of a call, which is charged. Raises BadInput if it is none."""
        state, rows = self.state, self.active
        if not isinstance(prediction, Prediction):
            raise BadInput(f"model {self.name}: predict gives a {type(prediction).__name__}, not a takeback.Prediction")
        prediction.check(self.name, (len(rows), state.boards.width, state.boards.d))
        state.spend(rows, 1, prediction.tokens, prediction.flops)
        return prediction

    def _wanted(self, priority: Float[np.ndarray, "rows N"]) -> Bool[np.ndarray, "rows N"]:
        """The blank cells that an order without a model's help would fill now: the k of highest priority."""
        rows = self.active
        blank = (self.state.assignments[rows] == 0) & self.state.free[rows]
        if self.decoder.threshold or self.decoder.retraction in REMDM:
            return blank
        best = np.argsort(np.where(blank, -priority, np.inf), axis=1, kind="stable")[:, : self.decoder.k]
        wanted = np.zeros(blank.shape, dtype=bool)
        np.put_along_axis(wanted, best, True, axis=1)
        return wanted & blank

    def _priority(self, probs: Float[np.ndarray, "rows N d"], confidence: Float[np.ndarray, "rows N"]):
        """By the call's answer, of an order that needs one: (rows, N)."""
        if self.decoder.order == "learned":
            return orders.learned(self.state, self.retraction.sources.orderer, self.active, probs)
        return orders.after(self.decoder.order, probs, confidence)

    def _commit(
        self, prediction: Prediction, priority, wanted, held: Bool[np.ndarray, " rows"] | None = None
    ) -> Bool[np.ndarray, " rows"]:
        """Let the policy fill blank cells of every active board, but of those held; those that it fills nothing of."""
        decoder, rows = self.decoder, self.active
        values, probs, confidence = values_of(self.state, rows, prediction, self.seen.allowed)
        eligible = prediction.speaks & self.seen.allowed.any(-1)
        if wanted is not None:
            eligible &= wanted
        if held is not None:
            eligible &= ~held[:, None]

        # Cells in the sequence in which they would be filled; a threshold looks beyond the first k.
        if priority is None:
            priority = self._priority(probs, confidence)
        sequence = in_sequence(priority, eligible)
        if not decoder.threshold:
            sequence = sequence[:, : decoder.k]
        done = commit(self.state, rows, sequence, eligible, values, confidence, decoder.k, decoder.threshold)
        if self.retraction.tree is not None:
            row, cell, value, _ = done
            with np.errstate(divide="ignore"):
                self.retraction.tree.grow(rows[row], cell, value, confidence[row, cell], np.log(probs[row, cell]))
        return ~done.any

    def _edit(self, prediction: Prediction, priority) -> Bool[np.ndarray, " rows"]:
        """Replace values, then fill blanks; which boards neither changes."""
        rows = self.active
        blank = (self.state.assignments[rows] == 0) & self.state.free[rows]
        eligible = prediction.speaks & self.seen.allowed.any(-1)
        changed = revisions.edit(
            self.state, rows, eligible, *values_of(self.state, rows, prediction, self.seen.allowed)
        ).any(1)  # fmt: skip
        return self._commit(prediction, priority, blank) & ~changed

    def _correct(self, priority, wanted) -> Prediction:
        """Draw the most suspect cells anew; the same call's answer about the blanks."""
        state, rows = self.state, self.active
        again = revisions.to_correct(state, self.retraction.sources, rows, self.seen)
        wanted = None if wanted is None else wanted | again
        now, order = np.where(again, 0, state.assignments[rows]), np.where(again, 0, state.commit_order[rows])
        prediction = self._paid(self.session.predict(rows, now, order, wanted))
        state.retract(rows[again.any(1)], again[again.any(1)])
        self.seen = inspect(state, rows)
        values, _, confidence = values_of(state, rows, prediction, self.seen.allowed, drawn=again)
        eligible = again & prediction.speaks & self.seen.allowed.any(-1)
        sequence = in_sequence(confidence, eligible)
        commit(state, rows, sequence, eligible, values, confidence, sequence.shape[1])
        return replace(prediction, speaks=prediction.speaks & ~again)

    def _walk(self, prediction: Prediction, priority, wanted) -> Bool[np.ndarray, " rows"]:
        """A step back, or a commit."""
        state, rows = self.state, self.active
        _, probs, confidence = values_of(state, rows, prediction, self.seen.allowed)
        eligible = prediction.speaks & self.seen.allowed.any(-1) & (True if wanted is None else wanted)
        priority = self._priority(probs, confidence) if priority is None else priority
        first = in_sequence(priority, eligible)[:, 0]
        each = np.arange(len(rows))
        mass = (np.exp(prediction.log_probs[each, first]) * self.seen.allowed[each, first]).sum(1)
        back = revisions.steps_back(state, rows, mass * eligible[each, first])
        state.retract(rows[back], revisions.undone(state, rows[back]))
        return self._commit(prediction, priority, wanted, held=back) & ~back

    def _remdm(self, prediction: Prediction) -> Bool[np.ndarray, " rows"]:
        """Fill and remask at random, as the schedule says."""
        state, decoder, rows = self.state, self.decoder, self.active
        values, _, confidence = values_of(state, rows, prediction, self.seen.allowed)
        visible = state.committed(rows)
        mask, unmask = remdm.rates(
            decoder.retraction, decoder.eta, decoder.calls, state.calls[rows], visible, state.confidence[rows]
        )  # (rows, N) each

        # Both are drawn from the board as it was: a cell that is remasked now is not filled by the same call.
        eligible = prediction.speaks & self.seen.allowed.any(-1) & (state.random(rows, CELL) < unmask)
        blanked = visible & (state.random(rows, REMASK) < mask)
        again = blanked.any(1)
        state.retract(rows[again], blanked[again])
        row, cell = np.nonzero(eligible)
        state.commit(rows[row], cell, values[row, cell], confidence[row, cell])
        return np.zeros(len(rows), dtype=bool)

    def _review(self, stalled: Bool[np.ndarray, " rows"]) -> None:
        """Finish boards that are right, lost for good or out of budget; take back from the others that are lost."""
        state, kind = self.state, self.decoder.retraction
        while len(self.active):
            rows = self.active
            full, wrong = state.full(rows), self.seen.clash.any(1)
            right = full & ~wrong
            spent = state.spent(rows)
            lost = (full & wrong) | self.seen.inconsistent | stalled
            if kind in (*WITHOUT_SIGN, "learned"):  # they run to the end, whatever the board looks like on the way
                lost = spent & ~right
            if kind == "edit" and not self.decoder.temperature:  # what one call does not change, none will
                lost |= stalled & ~right

            # The retraction says which of the lost boards can go on.
            able = np.zeros(len(rows), dtype=bool)
            back = np.nonzero(~right & ~spent if kind == "learned" else lost & ~spent)[0]
            if len(back) and kind not in ("none", *WITHOUT_SIGN):
                able[back] = self.retraction(rows[back], Inspection(*(part[back] for part in self.seen)))

            # A tree that has no value left anywhere has shown that there is no solution.
            refuted = lost & ~spent & ~able & (kind in TREE)
            over = (right | spent | lost) & ~able
            ends = np.select(
                [right, refuted, spent & (kind != "none"), full, lost],
                ["solved", "refuted", "out of budget", "wrong", "stuck"],
                "out of budget",
            )
            state.ends[rows[over]] = ends[over]

            # What was taken back may leave a board that is lost still: it is reviewed again, at no call.
            stalled = np.zeros(int((~over).sum()), dtype=bool)
            self._keep(~over, changed=able)
            if not able.any() or kind == "learned":
                return

    def _keep(self, kept: Bool[np.ndarray, " rows"], changed: Bool[np.ndarray, " rows"] | None = None) -> None:
        """Go on with those boards only, and look again at those that changed."""
        self.active, self.seen = self.active[kept], Inspection(*(part[kept] for part in self.seen))
        if changed is not None and changed.any():
            where = np.nonzero(changed[kept])[0]
            for part, new in zip(self.seen, inspect(self.state, self.active[where])):
                part[where] = new
