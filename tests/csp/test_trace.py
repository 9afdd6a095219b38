"""Traces: replay, JSON Lines, and what malformed ones say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.io.trace_records import from_json, read_jsonl, read_parquet, to_json, write_jsonl, write_parquet
from csp.trace import Costs, Event, Trace, replay, rewrites


@st.composite
def runs(draw):
    """Givens and a valid list of events on them, with the final state that a dictionary keeps."""
    n, d = draw(st.integers(1, 6)), 3
    givens = np.array(draw(st.lists(st.integers(0, d), min_size=n, max_size=n)))
    free = np.nonzero(givens == 0)[0].tolist()
    state = {cell: int(value) for cell, value in enumerate(givens) if value}
    events = []
    for call in range(draw(st.integers(0, 12)) if free else 0):
        cell = draw(st.sampled_from(free))
        value = 0 if cell in state else draw(st.integers(1, d))
        if value:
            state[cell] = value
        else:
            del state[cell]
        events.append(Event(call, cell, value))
    return givens, Trace("i", "d", 1, tuple(events), "wrong", Costs(9, 99, 1.5, 0.25)), state


@given(runs())
def test_replay_ends_where_the_events_lead(run):
    givens, trace, state = run
    states = replay(trace, givens)
    assert states.shape == (len(trace.events) + 1, len(givens))
    assert {cell: int(value) for cell, value in enumerate(states[-1]) if value} == state
    assert ((states == givens) | (givens == 0)).all()
    assert (np.abs(np.diff((states > 0).sum(1))) == 1).all()
    assert trace.commits + trace.retractions == len(trace.events)


@given(runs())
def test_json_lines_round_trip_without_seconds(run):
    _, trace, _ = run
    back = read_jsonl(write_jsonl([trace, trace]))
    assert [to_json(t) for t in back] == [to_json(trace)] * 2
    assert back[0].events == trace.events and back[0].costs == trace.costs._replace(seconds=0.0)


@given(st.lists(runs(), max_size=3))
def test_parquet_round_trip_with_seconds(drawn):
    traces = [trace for _, trace, _ in drawn]
    assert read_parquet(write_parquet(traces)) == traces


@given(st.binary(max_size=60))
def test_any_bytes_are_no_parquet_and_say_so(data):
    with pytest.raises(BadInput, match=r"^f\.parquet: not a Parquet file"):
        read_parquet(data, "f.parquet")


def test_a_parquet_of_something_else_names_the_row():
    import io

    import pyarrow
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"x": [1, 2]}), buffer)
    with pytest.raises(BadInput, match="row 1: no 'events'"):
        read_parquet(buffer.getvalue())


@given(st.lists(st.integers(0, 3), min_size=5, max_size=5), st.lists(st.integers(0, 3), min_size=5, max_size=5))
def test_rewrites_lead_from_one_assignment_to_the_other(before, after):
    before, after = np.array(before), np.array(after)
    trace = Trace("i", "d", 0, tuple(rewrites(before, after, 4)), "wrong", Costs(4))
    state = before.copy()
    for event in trace.events:
        assert (event.value == 0) == (state[event.cell] > 0)
        state[event.cell] = event.value
    assert (state == after).all()


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Event(1, 0, 2), "cell 0 is given"),
        (Event(1, 9, 2), "cell 9 of 2"),
        (Event(1, -1, 2), "cell -1 of 2"),
        (Event(1, 1, 0), "blank already"),
        (Event(1, 1, -4), "value -4"),
    ],
)
def test_replay_refuses_impossible_events(event, words):
    with pytest.raises(BadInput, match=words):
        replay(Trace("i", "d", 0, (event,), "wrong", Costs(1)), np.array([1, 0]))


def test_overwriting_must_be_written_as_two_events():
    with pytest.raises(BadInput, match="not blank"):
        replay(Trace("i", "d", 0, (Event(1, 0, 1), Event(2, 0, 2)), "wrong", Costs(2)), np.array([0]))


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"events": 3}', "null", '{"instance":1}', "9"])
def test_what_is_no_trace_is_named(line):
    with pytest.raises(BadInput, match="line 2"):
        read_jsonl("\n" + line, "f.jsonl")


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        from_json(text)
    except BadInput:
        pass
