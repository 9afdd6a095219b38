"""Retractions that revise: each on a stub whose answer is known, with its placebo; traces replay and are scored."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from csp.errors import BadInput
from csp.families import colouring
from csp.generate import draw
from csp.problem import Instance
from csp.trace import replay
from experiments.engine.decoder_catalogue import FRONTIER_SPECS, ROWS
from experiments.engine.shards import digest
from experiments.scoring.scorer import score
from generators.boards import stack
from generators.decoding import revisions
from generators.decoding.loop import decode
from generators.decoding.spec import Decoder, parse
from generators.decoding.state import State
from generators.models.interface import Prediction, Verdict
from generators.models.uniform import Uniform
from solvers.oracles.pick import pick

PATH = Instance(colouring.graph(4, [(0, 1), (1, 2), (2, 3)], 3), np.zeros(4, dtype=np.int64), "toy", "a path of 4")


@dataclass
class Stub:
    """Says the same of every board: log of `probs` (n, d). after: of boards on which something is filled, otherwise."""

    probs: np.ndarray
    after: np.ndarray | None = None
    name: str = "net"

    def open(self, boards):
        session = Stub(self.probs, self.after, self.name)
        session.boards, session.asked = boards, []
        self.sessions = [*getattr(self, "sessions", ()), session]
        return session

    def _answer(self, rows, assignments, cells):
        self.asked.append(assignments.copy())
        after = self.probs if self.after is None else self.after
        begun = (assignments * self.boards.free(rows) > 0).any(1)
        probs = np.where(begun[:, None, None], after[None], self.probs[None])
        nothing = np.zeros(len(rows), dtype=np.int64)
        with np.errstate(divide="ignore"):
            return Prediction(np.maximum(np.log(probs), -50.0), cells, nothing, nothing.astype(float))

    def predict(self, rows, assignments, commit_order=None, wanted=None):
        blank = (assignments == 0) & self.boards.real[rows]
        return self._answer(rows, assignments, blank if wanted is None else blank & wanted)

    def reread(self, rows, assignments, commit_order=None):
        return self._answer(rows, assignments, self.boards.free(rows))


@dataclass
class Doubter:
    """A quality head that finds one cell wrong."""

    cell: int

    def score(self, boards, rows, assignments):
        right = np.full(assignments.shape, 0.9)
        right[:, self.cell] = 0.1
        nothing = np.zeros(len(rows), dtype=np.int64)
        return Verdict(right, nothing, nothing.astype(float))


def peaked(values, sure):
    """Probabilities (n, 3) of `sure` for those values and the rest evenly for the others."""
    probs = np.full((len(values), 3), np.nan)
    for cell, (value, chance) in enumerate(zip(values, sure)):
        probs[cell] = (1 - chance) / 2
        probs[cell, value - 1] = chance
    return probs


def run(words, stub, instance=PATH, quality=None, seed=0):
    return decode(parse(words), stub, [instance], seed, quality)[0]


def events(trace):
    return [tuple(map(int, event)) for event in trace.events]


def test_an_edit_is_a_retraction_and_a_commit_of_one_call_and_is_scored_so():
    """It begins with 1 1 1 1, by a net that then finds 1 2 1 2 likelier, the second cell surest."""
    stub = Stub(peaked([1, 1, 1, 1], [0.9] * 4), peaked([1, 2, 1, 2], [0.9, 0.8, 0.9, 0.7]))
    trace = run("net:k=4,retraction=edit,calls=9", stub)
    first = [(1, cell, 1) for cell in range(4)]
    assert events(trace) == [*first, (2, 1, 0), (2, 3, 0), (2, 1, 2), (2, 3, 2)]
    assert trace.end == "solved" and trace.costs.calls == 2
    assert replay(trace, PATH.givens)[-1].tolist() == [1, 2, 1, 2]
    scored = score(trace, PATH, pick(PATH))
    assert (scored.commits, scored.retractions, scored.met, scored.recoveries) == (6, 2, True, 1)
    assert run("net:k=4,retraction=edit,edit_above=0.75,calls=9", stub).retractions == 1  # the other is less likely


def test_what_no_edit_changes_ends_without_spending_the_budget():
    stub = Stub(peaked([1, 1, 1, 1], [0.9] * 4))
    trace = run("net:k=4,retraction=edit,calls=50", stub)
    assert (trace.end, trace.costs.calls, trace.retractions) == ("wrong", 2, 0)


def test_the_placebo_of_an_edit_edits_as_many_cells_anywhere():
    stub = Stub(peaked([1, 1, 1, 1], [0.9] * 4), peaked([1, 2, 1, 1], [0.9, 0.8, 0.9, 0.9]))
    cells = set()
    for seed in range(12):
        trace = run("net:k=4,retraction=edit,signal=random,calls=2", stub, seed=seed)
        back = [event[1] for event in events(trace) if event[0] == 2 and event[2] == 0]
        assert len(back) == 1
        cells.update(back)
    assert len(cells) > 2


def test_with_a_veto_two_edits_of_a_call_never_clash():
    """Cells 0 and 1 would both become 3, which the net is surer of for 1: only that one does."""
    stub = Stub(peaked([1, 2, 1, 2], [0.9] * 4), peaked([3, 3, 1, 2], [0.8, 0.9, 0.9, 0.9]))
    state = State(parse("net:retraction=edit,veto=legal,calls=9"), stack([PATH], "x", 0, ""))
    state.commit(np.zeros(4, dtype=int), np.arange(4), np.array([1, 2, 1, 2]), np.full(4, 0.9))
    values, sure = np.array([[3, 3, 1, 2]]), np.array([[0.8, 0.9, 0.9, 0.9]])
    done = revisions.edit(state, np.array([0]), np.ones((1, 4), dtype=bool), values, stub.after[None], sure)
    assert done.tolist() == [[False, True, False, False]] and state.assignments.tolist() == [[1, 3, 1, 2]]


TOLD = {"left-out": True, "reread": True, "quality": True, "random": False}


@pytest.mark.parametrize(("signal", "told"), TOLD.items())
def test_the_corrector_draws_the_most_suspect_cell_anew(signal, told):
    """Of 1 1 1 1 cell 2 is the least likely; it is blanked in the question, so that it is drawn given the others."""
    stub = Stub(peaked([1, 1, 1, 1], [0.9, 0.9, 0.5, 0.9]), peaked([1, 1, 2, 1], [0.9, 0.9, 0.999, 0.9]))
    cells = []
    for seed in range(8):
        trace = run(f"net:k=4,retraction=correct,signal={signal},calls=3", stub, quality=Doubter(2), seed=seed)
        back = [event for event in events(trace) if event[2] == 0]
        cells += [cell for _, cell, _ in back[:1]]
        if back:
            call, cell, _ = back[0]
            assert any(asked[0, cell] == 0 and (asked[0] > 0).sum() == 3 for s in stub.sessions for asked in s.asked)
            assert [c for at, c, value in events(trace) if at == call and value] == [cell]
    assert (set(cells) == {2}) == told and cells


def test_rethink_keeps_the_surest_of_everything_predicted():
    """Four cells in four calls: one is kept after the first, two after the second ..., by what the net says then."""
    stub = Stub(peaked([1, 2, 1, 2], [0.6, 0.7, 0.8, 0.9]), peaked([1, 2, 3, 2], [0.9, 0.8, 0.7, 0.6]))
    trace = run("net:order=confidence,retraction=rethink,calls=4", stub)
    states = {call: board for (call, _, _), board in zip(events(trace), replay(trace, PATH.givens)[1:].tolist())}
    assert states[1] == [0, 0, 0, 2]  # the surest of the first answer
    assert states[2] == [1, 2, 0, 0]  # cell 3 is the least sure now: it goes, though it was committed
    assert states[3] == [1, 2, 3, 0] and states[4] == [1, 2, 3, 2] and trace.end == "solved"


def test_rethink_writes_over_what_stands():
    stub = Stub(peaked([1, 1, 1, 1], [0.6, 0.7, 0.8, 0.9]), peaked([1, 2, 1, 2], [0.6, 0.7, 0.8, 0.9]))
    trace = run("net:order=confidence,retraction=rethink,calls=2", stub)
    assert events(trace) == [(1, 3, 1), (1, 2, 1), (2, 3, 0), (2, 3, 2), (2, 1, 2), (2, 0, 1)]


def test_path_planning_keeps_filled_values_and_weighs_them_by_eta():
    """After one call of two, the two surest of four are filled; what stands is then judged by its own probability."""
    first, then = peaked([1, 2, 1, 2], [0.6, 0.7, 0.8, 0.9]), peaked([1, 2, 1, 3], [0.9, 0.9, 0.9, 0.9])
    trace = run("net:order=confidence,retraction=p2,calls=4", Stub(first, then))
    states = {call: board for (call, _, _), board in zip(events(trace), replay(trace, PATH.givens)[1:].tolist())}
    assert states[1] == [0, 0, 0, 2] and states[2] == [1, 2, 0, 0]  # 2 stands in cell 3 with probability 0.05
    keeping = run("net:order=confidence,retraction=p2,eta=0.01,calls=4", Stub(first, then))
    assert keeping.retractions == 0  # log p times 0.01 is above that of any blank cell
    trained = run("net:order=confidence,retraction=p2,signal=quality,calls=8", Stub(first, then), quality=Doubter(3))
    assert [cell for _, cell, value in events(trained) if value == 0][:1] == [3]  # two calls a step


def test_the_critic_judges_the_full_board_by_a_second_call():
    stub = Stub(peaked([1, 2, 1, 2], [0.6, 0.7, 0.8, 0.9]))
    trace = run("net:order=confidence,retraction=critic,signal=quality,calls=4", stub, quality=Doubter(3))
    assert events(trace) == [(2, 0, 1), (2, 1, 2), (4, 2, 1), (4, 3, 2)] and trace.end == "solved"
    own = run("net:order=confidence,retraction=critic,calls=4", stub)
    assert events(own) == [(2, 3, 2), (2, 2, 1), (4, 1, 2), (4, 0, 1)]


def test_a_schedule_fills_as_many_cells_as_its_placebo():
    stub = Stub(peaked([1, 2, 1, 2], [0.6, 0.7, 0.8, 0.9]))
    for kind in ("rethink", "p2", "critic"):
        for signal in ("none", "random"):
            trace = run(f"net:order=confidence,retraction={kind},signal={signal},calls=8", stub)
            filled = {
                call: int((board > 0).sum())
                for (call, _, _), board in zip(events(trace), replay(trace, PATH.givens)[1:])
            }
            assert all(count == 4 - np.floor(4 * (1 - call / 8)) for call, count in filled.items()), (kind, signal)


def test_the_walk_goes_back_with_the_chance_of_its_formula():
    """Of probability m on legal values and weight w the way back has w / (m + w), except at the root."""
    state = State(parse("net:retraction=walk,temperature=1,backtrack=0.25,calls=9"), stack([PATH] * 4000, "x", 0, ""))
    rows = np.arange(4000)
    state.boards.keys[:] = rows  # boards of one name share their numbers
    assert not revisions.steps_back(state, rows, np.full(4000, 0.75)).any()
    state.commit(rows, np.zeros(4000, dtype=int), np.ones(4000, dtype=int), np.ones(4000))
    share = revisions.steps_back(state, rows, np.full(4000, 0.75)).mean()
    assert share == pytest.approx(0.25, abs=0.03)
    assert revisions.steps_back(state, rows, np.zeros(4000)).all()


def test_the_walk_takes_back_the_last_commit_and_its_placebo_any():
    stub = Stub(np.full((4, 3), 1 / 3))
    for signal, last in (("none", True), ("random", False)):
        agree = []
        for seed in range(20):
            trace = run(f"net:retraction=walk,signal={signal},temperature=1,calls=30", stub, seed=seed)
            standing: list[int] = []
            for _, cell, value in events(trace):
                if value:
                    standing.append(cell)
                else:
                    agree.append(standing[-1] == cell)
                    standing.remove(cell)
        assert all(agree) == last and len(agree) > 20


def test_without_a_network_every_word_runs():
    """The no-net twins: the uniform model in the network's place."""
    puzzles = [draw("sudoku4:clues=6", 1, "test", index) for index in range(3)]
    for words in (
        "retraction=edit,k=4,temperature=1", "retraction=correct,signal=left-out,temperature=1",
        "retraction=rethink,order=confidence", "retraction=p2,order=confidence,temperature=1",
        "retraction=critic,order=confidence,temperature=1", "retraction=walk,temperature=1",
        "retraction=remask,signal=reread,temperature=1",
    ):  # fmt: skip
        spec = parse(f"uniform:veto=legal,calls=40,{words}")
        for trace, puzzle in zip(decode(spec, Uniform(), puzzles, 0), puzzles):
            assert replay(trace, puzzle.givens)[-1].max() <= 4
            assert trace.costs.calls <= 40 + (puzzle.blanks if spec.signal == "left-out" else 1)


def test_a_model_that_does_not_speak_about_filled_cells_is_refused():
    class Blanks(Uniform):
        reread = None

        def open(self, boards):
            session = Uniform.open(self, boards)
            return type("Session", (), {"predict": session.predict})()

    with pytest.raises(BadInput, match="does not speak about filled cells"):
        run("net:retraction=edit,calls=9", Blanks("mine"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("diffusion:retraction=edit", "budget"),
        ("ar-random:retraction=edit,calls=9", "asks about filled cells too"),
        ("ar:retraction=correct,signal=random,calls=9", "next one alone"),
        ("diffusion:retraction=correct,calls=9", "needs a signal"),
        ("diffusion:retraction=rethink,calls=9", "order=confidence"),
        ("diffusion:order=confidence,retraction=rethink", "calls=N"),
        ("diffusion:order=confidence,retraction=rethink,signal=quality,calls=9", "looks at signal=random alone"),
        ("diffusion:retraction=walk,calls=9", "temperature=1"),
        ("diffusion:retraction=walk,temperature=1,k=2,calls=9", "one cell a call"),
        ("ar-random:retraction=remask,signal=reread,calls=9", "asks about filled cells too"),
        ("diffusion:edit_above=0.7", "retraction=edit"),
        ("diffusion:revise=2", "retraction=correct"),
        ("diffusion:backtrack=0.2", "retraction=walk"),
        ("diffusion:scatter=0.5", "rethink, p2, critic"),
        ("diffusion:order=random,retraction=cap,eta=2,calls=9", "share"),
    ],
)
def test_words_that_do_not_go_together_are_refused(text, words):
    with pytest.raises(BadInput, match=words):
        parse(text)


def test_the_words_of_before_are_spelled_as_before():
    """A run that was begun goes on by its spelled decoders: of rows with names, they have not changed."""
    spelled = [str(row.spec) for row in ROWS.values()] + [text for text, _ in FRONTIER_SPECS.values()]
    assert digest(spelled) == "14a78cac5efc6040"
    plain = Decoder("diffusion")
    assert all(replace(plain, **{name: getattr(plain, name)}) == plain for name in ("edit_above", "revise", "scatter"))
    assert str(plain) == plain.stream == "diffusion"
