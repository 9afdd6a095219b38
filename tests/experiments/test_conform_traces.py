"""`takeback conform traces`: each fault of a trace fails the property that is about it; the shortest trace is shown."""

import json
import re
from pathlib import Path

import pytest
from conform_command import run
from hypothesis import given

from csp.io.instance_records import write_jsonl
from csp.trace import Costs, Event, Trace
from experiments.conform import cases
from experiments.conform.trace_properties import TRACE_PROPERTIES, Claim, check_traces, is_irrevocable, trace_results
from takeback.testing import traced

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PUZZLE = cases.parse_instance("sudoku4:..1...34.4..3...")


def failed(stated=None, irrevocable=False, **changes):
    """The properties that a trace with those changes fails."""
    plain = {"decoder": "any", "seed": 0, "events": (), "end": "stuck", "costs": Costs(9)}
    trace = Trace(PUZZLE.id, **(plain | changes))
    results = trace_results([(1, Claim(trace, PUZZLE, irrevocable, stated or {}))])
    return {result.property.name: result.finding.said for result in results if result.failed}


@given(traced())
def test_traces_that_are_right_pass_every_property(drawn):
    instance, trace = drawn
    results = check_traces([trace], [instance])
    assert all(result.judged for result in results if result.property.name != "irrevocable")


SOLUTION = [Event(1, cell, value) for cell, value in enumerate(map(int, "4312213414233241")) if not PUZZLE.givens[cell]]


@pytest.mark.parametrize(
    ("changes", "name", "said"),
    [
        ({"events": [Event(1, 2, 3)]}, "givens", "event 1 writes 3 to r1c3, which is given as 1"),
        ({"events": [Event(1, 0, 0)]}, "replay", "event 1: cell 0 is blank already"),
        ({"events": [Event(1, 0, 4), Event(1, 0, 3)]}, "replay", "event 2: cell 0 is not blank"),
        ({"events": [Event(1, 16, 4)]}, "replay", "cell 16 of 16"),
        ({"events": [Event(1, 0, 5)]}, "replay", "value 5"),
        ({"end": "solved"}, "end", "it says 'solved'; the checker says it is not solved"),
        ({"events": SOLUTION}, "end", "it says 'stuck'; the checker says it is solved"),
        ({"events": SOLUTION, "end": "wrong"}, "end", "it says 'wrong'; the checker says it is solved"),
        ({"end": "wrong"}, "end", "cells are blank"),
        ({"events": [*SOLUTION[1:], Event(1, 0, 3)]}, "end", "none is blank"),
        ({"end": "refuted"}, "end", "there is a solution"),
        ({"events": [Event(2, 0, 4), Event(1, 1, 3)]}, "calls", "event 2 is of call 1, the one before of 2"),
        ({"events": [Event(2, 0, 4)], "costs": Costs(1)}, "calls", "events are of calls 2 to 2; 1 calls are counted"),
        ({"events": [Event(1, 0, 4), Event(2, 0, 0)], "irrevocable": True}, "irrevocable", "event 2 takes back r1c1"),
        ({"events": [Event(1, 0, 2)], "stated": {"debt": 0}}, "figures", "it states debt 0; brute force counts 1"),
        ({"events": [Event(1, 0, 2)], "stated": {"dead_ends": 3}}, "figures", "dead_ends 3; brute force counts 1"),
        ({"stated": {"commits": 1}}, "figures", "it states commits 1; brute force counts 0"),
    ],
)
def test_each_fault_fails_its_property_alone(changes, name, said):
    found = failed(**changes)
    assert list(found) == [name] and said in found[name]


def test_a_scorer_that_miscounts_is_seen(monkeypatch):
    assert not failed(events=[Event(1, 0, 2)])
    monkeypatch.setattr("solvers.oracles.sat.Sat.repair", lambda self, state: [])
    assert failed(events=[Event(1, 0, 2)]) == {"figures": "brute force counts debt 1, the scorer 0"}


def test_a_decoder_that_is_spelled_without_retraction_is_held_to_it():
    trace = Trace(PUZZLE.id, "ar:veto=legal", 0, [Event(1, 0, 4), Event(2, 0, 0)], "stuck", Costs(2))
    with pytest.raises(AssertionError, match="FAILED irrevocable"):
        check_traces([trace], [PUZZLE])
    with pytest.raises(AssertionError, match="which is none of the instances"):
        check_traces([trace], [])


def test_the_documented_examples_pass(capsys):
    assert run("traces", str(EXAMPLES / "traces.jsonl"), "--instances", str(EXAMPLES / "puzzles.jsonl")) == 0
    assert "none of 7 properties failed" in capsys.readouterr().out


def test_the_shortest_failing_trace_is_shown_and_its_line_replays(tmp_path, capsys):
    file, puzzles = tmp_path / "traces.jsonl", tmp_path / "puzzles.jsonl"
    puzzles.write_text(write_jsonl([PUZZLE]))
    records = [
        {"instance": 1, "decoder": "long", "events": [[1, 0, 4], [2, 1, 3]], "end": "solved", "calls": 2},
        {"instance": PUZZLE.id, "decoder": "short", "events": [[0, 4]], "end": "solved"},
        {"instance": 1, "decoder": "given", "events": [[1, 2, 2]]},
        {"instance": 5},
        {"instance": 1, "events": "none"},
    ]
    file.write_text("".join(json.dumps(record) + "\n" for record in records) + "nonsense\n")
    assert run("traces", str(file), "--instances", str(puzzles)) == 1
    said = capsys.readouterr().out
    assert "line 2: short, 1 events" in said and "line 3: given" in said and "line 1: long" not in said
    assert "line 4: no instance '5'" in said and "3 of 7 properties failed: read, givens, end" in said

    words = re.search(r"replay: takeback conform (.*--property end.*)", said)[1].split()
    assert run(*words) == 1
    again = capsys.readouterr().out
    assert "1 trace\n" in again and "line 2: short" in again
    assert run(*words[:-1], "9") == 2
    assert capsys.readouterr().err.endswith("no line 9 in it\n")


def test_decoders_that_claim_to_take_nothing_back_are_named(tmp_path, capsys):
    file = tmp_path / "traces.jsonl"
    file.write_text('{"instance": 1, "decoder": "mine", "events": [[1, 0, 4], [2, 0, 0]]}\n')
    puzzles = tmp_path / "puzzles.jsonl"
    puzzles.write_text(write_jsonl([PUZZLE]))
    assert run("traces", str(file), "--instances", str(puzzles)) == 0
    assert run("traces", str(file), "--instances", str(puzzles), "--irrevocable", "mine") == 1
    assert "event 2 takes back r1c1" in capsys.readouterr().out
    assert run("traces", str(file), "--instances", str(puzzles), "--irrevocable", "my") == 2
    assert capsys.readouterr().err.endswith("--irrevocable my: no trace is of such a decoder; there are mine\n")


def test_words_behind_a_models_own_name_are_claims_too():
    assert is_irrevocable("lonely:order=confidence,veto=legal") and is_irrevocable("ar")
    assert is_irrevocable("org/llama:7b:order=fewest,veto=legal")
    others = ("lonely:veto=legal,retraction=depth,calls=9", "lonely", "claude:temperature=1", "x:")
    assert not any(map(is_irrevocable, others))


def test_every_property_has_its_own_name():
    assert len({prop.name for prop in TRACE_PROPERTIES}) == len(TRACE_PROPERTIES)
