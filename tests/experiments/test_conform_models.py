"""`takeback conform model`: models of each fault fail the property that is about it, and right ones none."""

import re
from dataclasses import replace

import numpy as np
import pytest
from conform_command import run
from hypothesis import given

from csp.errors import BadInput
from csp.trace import Costs, Event, Trace
from experiments.conform import cases, decoder_properties
from experiments.conform.harness import Finding
from experiments.conform.model_properties import model_results
from generators.decoding.spec import parse
from generators.models.uniform import Uniform
from takeback.testing import batches, check_model


class Altered:
    """The uniform model, its answers changed: alter(prediction, rows, assignments, wanted, session) -> Prediction."""

    name = "altered"

    def __init__(self, alter):
        self.alter = alter

    def open(self, boards):
        return _Session(self.alter, boards)


class _Session:
    def __init__(self, alter, boards):
        self.alter, self.boards, self.asked, self.plain = alter, boards, 0, Uniform().open(boards)

    def predict(self, rows, assignments, commit_order=None, wanted=None):
        self.asked += 1
        prediction = self.plain.predict(rows, assignments, commit_order, wanted)
        return self.alter(prediction, rows, assignments, wanted, self)


def leaning(prediction, lean):
    """The prediction with log-probabilities that prefer value 1 of each board by `lean` (rows,), normalised."""
    log_probs = prediction.log_probs.copy()
    log_probs[..., 0] += lean[:, None]
    log_probs -= np.log(np.exp(log_probs).sum(-1, keepdims=True))
    return replace(prediction, log_probs=log_probs)


def raises(prediction, rows, assignments, wanted, session):
    raise RuntimeError("no\nluck")


def misshapen(prediction, rows, assignments, wanted, session):
    return replace(prediction, log_probs=prediction.log_probs[..., :-1])


def no_prediction(prediction, rows, assignments, wanted, session):
    return None


def of_filled_cells(prediction, rows, assignments, wanted, session):
    return replace(prediction, speaks=session.boards.real[rows])


def of_no_cell(prediction, rows, assignments, wanted, session):
    return replace(prediction, speaks=np.zeros_like(prediction.speaks))


def deaf(prediction, rows, assignments, wanted, session):
    """Speaks of every blank cell, but of the first alone where it is told which are wanted."""
    if wanted is None:
        return prediction
    return replace(prediction, speaks=prediction.speaks & (np.cumsum(prediction.speaks, axis=1) == 1))


def unnormalised(prediction, rows, assignments, wanted, session):
    return replace(prediction, log_probs=prediction.log_probs + 0.1)


def with_nan(prediction, rows, assignments, wanted, session):
    return replace(prediction, log_probs=prediction.log_probs * np.nan)


def moody(prediction, rows, assignments, wanted, session):
    """Prefers another value at every second question."""
    return leaning(prediction, np.full(len(rows), 1.0 if session.asked % 2 else -1.0))


LUCK = np.random.default_rng(0)


def restless(prediction, rows, assignments, wanted, session):
    """Draws from a generator that goes on from one session to the next."""
    return leaning(prediction, LUCK.choice([-1.0, 1.0], len(rows)))


def nosy(prediction, rows, assignments, wanted, session):
    """Looks at how many boards there are."""
    return leaning(prediction, np.full(len(rows), 1.0 if len(session.boards) > 1 else -1.0))


FAULTS = {
    "exception": (raises, misshapen, no_prediction),
    "speaks": (of_filled_cells, of_no_cell),
    "wanted": (deaf,),
    "probabilities": (unnormalised, with_nan),
    "memory": (moody,),
    "seed": (restless,),
    "batch": (nosy,),
}


@pytest.mark.parametrize(("name", "fault"), [(name, fault) for name, faults in FAULTS.items() for fault in faults])
def test_each_fault_fails_its_property(name, fault):
    result = model_results(Altered(fault), ["sudoku4"], 40, 0, [name])[0]
    assert result.failed
    assert len(result.case.instances) == (2 if name == "batch" else 1)  # no more boards than it takes


def test_a_right_model_passes_and_everything_is_judged():
    assert all(result.judged for result in check_model(Uniform(), draws=8))
    assert check_model(Uniform(next_only=True), ["colouring"], 3)
    assert check_model(Altered(lambda prediction, *_: prediction), ["sudoku4"], 3)  # it cannot be moved: no beams


@pytest.mark.parametrize(
    ("spelling", "changes", "said"),
    [
        ("net:calls=1", {"costs": Costs(9)}, "9 calls; the decoder may make 1"),
        ("net", {"events": [Event(1, 0, 1), Event(2, 0, 0)], "end": "stuck"}, "takes back r1c1"),
        ("net", {"events": [Event(1, 0, 1), Event(1, 1, 2)], "end": "stuck"}, "commits more than k=1 cells"),
        ("net", {"events": [Event(0, 0, 1)], "end": "stuck"}, "before any call"),
        ("net:veto=legal", {"events": [Event(1, 0, 1), Event(2, 1, 1)], "end": "stuck"}, "a neighbour's value"),
        ("net:order=random", {"decoder": "other"}, "said to be of other"),
        ("net", {"end": "solved"}, "the checker says it is not solved"),
    ],
)
def test_traces_that_break_their_decoders_words_are_named(spelling, changes, said):
    instance = cases.parse_instance("sudoku4:................")
    trace = Trace(instance.id, str(parse(spelling)), 0, (), "stuck", Costs(9 if "events" in changes else 1))
    finding = decoder_properties.trace_of_decoder_fault(parse(spelling), instance, replace(trace, **changes))
    assert said in finding.said
    assert decoder_properties.trace_of_decoder_fault(parse(spelling), instance, replace(trace, costs=Costs(1))) is None


def test_a_retraction_without_retraction_is_a_finding():
    instance = cases.parse_instance("sudoku4:................")
    trace = Trace(instance.id, "net", 0, [Event(1, 0, 1), Event(2, 0, 0)], "stuck", Costs(2))
    assert isinstance(decoder_properties.takes_nothing_back(parse("net"), instance, trace), Finding)
    assert decoder_properties.takes_nothing_back(parse("net:retraction=depth,calls=9"), instance, trace) is None


def test_the_command_draws_the_boards_and_its_replay_fails_alike(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(
        "from dataclasses import replace\n"
        "from generators.models.uniform import Uniform\n"
        "class Session:\n"
        "    def __init__(self, boards):\n"
        "        self.plain = Uniform().open(boards)\n"
        "    def predict(self, rows, assignments, commit_order=None, wanted=None):\n"
        "        answer = self.plain.predict(rows, assignments)\n"
        "        return replace(answer, log_probs=2 * answer.log_probs)\n"
        "class Model:\n"
        "    name = 'mine'\n"
        "    open = staticmethod(Session)\n"
    )
    words = ("model", f"{file}:Model", "--draws", "5", "--puzzles", "sudoku4", "--property", "probabilities")
    assert run(*words) == 1
    said = capsys.readouterr().out
    assert "add up to 0.25" in said and "board 1" in said and "decoder net" in said
    replayed = re.search(r"replay: takeback conform (.*)", said)[1].replace("'", "").split()
    assert run(*replayed) == 1
    assert "add up to 0.25" in capsys.readouterr().out


def test_puzzles_that_a_model_cannot_read_are_left_out_and_said(tiny_models, capsys, monkeypatch):
    monkeypatch.setattr("experiments.conform.targets.model", lambda _: tiny_models["sudoku4"]["diffusion"])
    assert run("model", "x:y", "--draws", "2", "--property", "speaks") == 0
    shown = capsys.readouterr()
    assert "left out: sudoku6" in shown.err and "left out: colouring" in shown.err and "2 of sudoku4" in shown.out
    with pytest.raises(BadInput, match="the model reads none of sudoku6"):
        model_results(tiny_models["sudoku4"]["diffusion"], ["sudoku6"])


@given(batches(["sudoku4", "colouring"]))
def test_a_batch_is_spelled_and_read_back(batch):
    again = cases.parse_batch(cases.spell_batch(batch))
    assert [one.id for one in again.instances] == [one.id for one in batch.instances]
    assert (again.seed, again.steps, again.decoder) == (batch.seed, batch.steps, batch.decoder)
