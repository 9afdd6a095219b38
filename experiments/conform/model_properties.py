"""What every model must do (generators/models/interface.py), whoever wrote it; a decoder is the loop over it.

    >>> results = model_results(model, ("sudoku4",), draws=200)
    >>> check_model(model)                          # in a test: raises AssertionError with a counterexample

Each check judges a model on a Batch. Some ask a session by itself, for as many commits as the batch says, in cells that
the model speaks about; the others let the decode loop fill the boards and judge the traces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from csp.errors import BadInput
from csp.io.trace_records import to_json
from csp.problem import Instance
from csp.seeds import stream
from csp.trace import Trace
from experiments.conform import cases
from experiments.conform.cases import Batch
from experiments.conform.decoder_properties import (
    neighbours_fault,
    over_budget,
    takes_nothing_back,
    trace_of_decoder_fault,
)
from experiments.conform.decoder_strategies import COLOURS, batches
from experiments.conform.guarded_model import GuardedModel, ModelFailed
from experiments.conform.harness import DRAWS, Finding, Outcome, Property, Result, chosen, replayed, search
from experiments.conform.report import raise_failed
from experiments.conform.strategies import SIDES, USUAL, families
from generators.boards import Boards, stack
from generators.decoding.loop import decode
from generators.decoding.spec import Decoder
from generators.models.interface import Model, Moving, Prediction, Session

CLOSE = 1e-3  # of probabilities, and of log-probabilities: networks in float32 round theirs to four decimals


@dataclass(frozen=True)
class Asked:
    """One question to a session, and its answer. assignments, commit_order (rows, N)."""

    boards: Boards
    session: Session
    assignments: np.ndarray
    commit_order: np.ndarray
    answer: Prediction

    @property
    def rows(self) -> np.ndarray:
        """All boards, (rows,)."""
        return np.arange(len(self.boards))

    @property
    def blank(self) -> np.ndarray:
        """The cells (rows, N) that may be spoken about."""
        return (self.assignments == 0) & self.boards.real

    def again(self, session: Session | None = None, wanted: np.ndarray | None = None) -> Prediction:
        """The answer to the same question, asked of this session or another, about all or the wanted cells
        (rows, N).
        """
        session = session or self.session
        return session.predict(self.rows, self.assignments.copy(), self.commit_order.copy(), wanted)

    def board(self, row: int) -> dict[str, np.ndarray]:
        """What a report shows of a board."""
        return {"board": self.assignments[row, : self.boards.instances[row].problem.n]}


def questions(model: Model, batch: Batch) -> Iterator[Asked]:
    """A session asked about the puzzles, then after each of batch.steps commits in cells that it speaks about."""
    boards = stack(batch.instances, "conform", batch.seed)
    session = model.open(boards)
    rows = np.arange(len(boards))
    assignments, order = boards.givens.copy(), np.zeros_like(boards.givens)
    rng = stream("conform", "questions", batch.seed)
    for step in range(batch.steps + 1):
        answer = session.predict(rows, assignments.copy(), order.copy())
        yield Asked(boards, session, assignments.copy(), order.copy(), answer)
        for row in rows:
            cells = np.nonzero(answer.speaks[row] & (assignments[row] == 0) & boards.real[row])[0]
            if len(cells):
                cell = rng.choice(cells)
                assignments[row, cell], order[row, cell] = rng.integers(1, boards.d + 1), step + 1


def _unless_it_fails(check: Callable[[Model, Batch], Outcome]) -> Callable[[Model, Batch], Outcome]:
    """A check that has nothing to judge where the model fails, or cannot read the boards: `no_exception` says so."""

    def judge(model: Model, batch: Batch) -> Outcome:
        try:
            return check(GuardedModel(model), batch)
        except (ModelFailed, BadInput):
            return False

    return judge


def no_exception(model: Model, batch: Batch) -> Outcome:
    try:
        for _ in questions(GuardedModel(model), batch):
            pass
        decoded(GuardedModel(model), batch)
    except ModelFailed as fault:
        return Finding(str(fault))
    except BadInput:  # it says that it cannot read these boards
        return False
    return True


@_unless_it_fails
def speaks_of_blanks(model: Model, batch: Batch) -> Outcome:
    for asked in questions(model, batch):
        speaks = asked.answer.speaks
        for row in asked.rows.tolist():
            if (speaks[row] & ~asked.blank[row]).any():
                cell = np.nonzero(speaks[row] & ~asked.blank[row])[0][0]
                where = "is filled" if asked.boards.real[row, cell] else "is padding"
                return Finding(f"it speaks about cell {cell} of board {row + 1}, which {where}", asked.board(row))
            if asked.blank[row].any() and not speaks[row].any():
                return Finding(f"it speaks about no cell of board {row + 1}, which has blanks", asked.board(row))
    return True


@_unless_it_fails
def answers_what_is_asked(model: Model, batch: Batch) -> Outcome:
    judged = False
    for asked in questions(model, batch):
        # one cell a board: the last that it can speak about
        speaks = asked.answer.speaks
        wanted = speaks & (np.cumsum(speaks[:, ::-1], axis=1)[:, ::-1] == 1)
        answered = asked.again(wanted=wanted).speaks
        for row, cell in np.argwhere(wanted & ~answered).tolist():
            said = f"it speaks about cell {cell} of board {row + 1}, but not where that is the cell that is wanted"
            return Finding(said, asked.board(row))
        judged |= bool(wanted.any())
    return judged


@_unless_it_fails
def probabilities_normalise(model: Model, batch: Batch) -> Outcome:
    judged = False
    for asked in questions(model, batch):
        for row, cell in np.argwhere(asked.answer.speaks & asked.blank).tolist():
            log_probs = asked.answer.log_probs[row, cell]
            total = np.exp(log_probs).sum()
            if np.isnan(log_probs).any() or not abs(total - 1) <= CLOSE:
                said = f"the probabilities of cell {cell} of board {row + 1} add up to {total:.6g}"
                return Finding(said, asked.board(row))
            judged = True
    return judged


@_unless_it_fails
def answer_depends_on_board(model: Model, batch: Batch) -> Outcome:
    asked = list(questions(model, batch))[-1]
    for session, how in ((asked.session, "a second time"), (model.open(asked.boards), "in a new session")):
        again, first = asked.again(session), asked.answer
        for row in asked.rows.tolist():
            speaks = first.speaks[row]
            if (speaks != again.speaks[row]).any():
                return Finding(f"asked {how}, it speaks about other cells of board {row + 1}", asked.board(row))
            if not np.allclose(np.exp(first.log_probs[row, speaks]), np.exp(again.log_probs[row, speaks]), atol=CLOSE):
                return Finding(f"asked {how}, it gives board {row + 1} other probabilities", asked.board(row))
    return True


def decoded(model: Model, batch: Batch) -> list[Trace]:
    """The batch's traces; none where the decoder is a beam and the model's sessions cannot be moved."""
    movable = isinstance(model.open(stack(batch.instances, "conform", batch.seed)), Moving)
    if batch.decoder.retraction == "beam" and not movable:
        return []
    return decode(batch.decoder, model, batch.instances, batch.seed)


@_unless_it_fails
def same_seed_same_trace(model: Model, batch: Batch) -> Outcome:
    first, again = (list(map(to_json, decoded(model, batch))) for _ in range(2))
    differing = [number for number, pair in enumerate(zip(first, again), 1) if pair[0] != pair[1]]
    return Finding(f"decoded twice, board {differing[0]} has two different traces") if differing else bool(first)


@_unless_it_fails
def neighbours_change_nothing(model: Model, batch: Batch) -> Outcome:
    order = range(len(batch.instances))[::-1]

    def run(instances: Sequence[Instance]) -> list[Trace]:
        return decoded(model, replace(batch, instances=tuple(instances)))

    if len(order) == 1 or not run(batch.instances):
        return False
    return neighbours_fault(run, batch.instances, order, alone=len(order)) or True


def _of_traces(judge: Callable[[Decoder, Instance, Trace], Finding | None]) -> Callable[[Model, Batch], Outcome]:
    """A check of every trace that a batch is decoded to."""

    @_unless_it_fails
    def check(model: Model, batch: Batch) -> Outcome:
        traces = decoded(model, batch)
        for number, (instance, trace) in enumerate(zip(batch.instances, traces), 1):
            if finding := judge(batch.decoder, instance, trace):
                return replace(finding, said=f"board {number}: {finding.said}")
        return bool(traces)

    return check


MODEL_PROPERTIES = (
    Property("exception", "it answers without an exception, in arrays of the right shape", no_exception),
    Property("speaks", "it speaks of blank cells only, and of one at least", speaks_of_blanks),
    Property("wanted", "a cell that it can speak about is answered when it is wanted", answers_what_is_asked),
    Property("probabilities", "the probabilities of a cell's values add up to 1", probabilities_normalise),
    Property("memory", "its answer depends on the board alone, not on what was asked before", answer_depends_on_board),
    Property("seed", "the same seed gives the same trace", same_seed_same_trace),
    Property("batch", "a board's trace does not depend on its neighbours in the batch", neighbours_change_nothing),
    Property("budget", "no more calls are made than the decoder may make", _of_traces(over_budget)),
    Property("irrevocable", "a decoder without retraction takes nothing back", _of_traces(takes_nothing_back)),
    Property("trace", "its traces keep the decoder's words, replay, and say truly how they ended",
             _of_traces(trace_of_decoder_fault)),
)  # fmt: skip

#: A small puzzle of every family without its givens, to ask a model whether it reads such boards.
PLAIN = {
    **{name: f"sudoku{side}:{'.' * side**2}" for name, side in SIDES.items()},
    "colouring": f"graph:3:{COLOURS}:0-1,1-2:...",
}


def readable(model: Model, names: Sequence[str]) -> dict[str, str]:
    """Of each family, why the model cannot read it; "" where it can."""
    reasons = {}
    for name in names:
        try:
            model.open(stack([cases.parse_instance(PLAIN[name])], "conform", 0))
            reasons[name] = ""
        except BadInput as fault:
            reasons[name] = str(fault)
        except Exception:  # a fault, which property "exception" reports
            reasons[name] = ""
    return reasons


def model_results(
    model: Model,
    puzzles: Sequence[str] = (),
    draws: int = DRAWS,
    seed: int = 0,
    properties: Sequence[str] = (),
    decoder: Decoder | None = None,
    case: Batch | None = None,
) -> list[Result]:
    """What comes of each of MODEL_PROPERTIES on its own draws of those families (default: those of sudoku4, sudoku6
    and colouring that the model reads), or on the one case. decoder: instead of drawn ones.

    Raises BadInput for unknown families or properties, and if the model reads none of the families.
    """
    some = chosen(MODEL_PROPERTIES, properties)
    if case is not None:
        return [replayed(prop, model, case) for prop in some]
    reasons = readable(model, families(puzzles, USUAL))
    able = [name for name, reason in reasons.items() if not reason]
    if not able:
        raise BadInput(f"the model reads none of {', '.join(reasons)}: {next(iter(reasons.values()))}")
    drawn = batches(able, decoder)
    return [search(prop, model, drawn, draws, seed, _kinds, cases.spell_batch) for prop in some]


def _kinds(batch: Batch) -> tuple[str, ...]:
    """What a batch counts as where draws are counted."""
    return (f"of {batch.instances[0].family}", "of one board" if len(batch.instances) == 1 else "of several boards")


def draw_result(result: Result) -> str:
    """The counterexample, drawn."""
    batch = result.case
    boards = [
        cases.draw_boards(instance, {f"board {n}": instance.givens}) for n, instance in enumerate(batch.instances, 1)
    ]
    asked = [cases.draw_boards(batch.instances[0], {"as it was asked": b}) for b in result.finding.boards.values()]
    return "\n\n".join([*boards, *asked, f"decoder {batch.decoder}, seed {batch.seed}, {batch.steps} commits"])


def check_model(
    model: Model,
    puzzles: Sequence[str] = (),
    draws: int = DRAWS,
    seed: int = 0,
    properties: Sequence[str] = (),
    decoder: Decoder | None = None,
) -> list[Result]:
    """Judge a model (generators/models/interface.py) by all properties, or those named, on `draws` batches each; as
    check_solver.
    """
    results = model_results(model, puzzles, draws, seed, properties, decoder)
    raise_failed(results, lambda name, case: f"--property {name} --replay '{cases.spell_batch(case)}'", draw_result)
    return results
