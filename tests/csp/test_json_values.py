"""Values of JSON records: what counts as a whole number, and which lines are records."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.io.json_values import decode, encode, lines, whole, wholes

VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.lists(st.integers())


@given(VALUES, st.integers(), st.integers())
def test_whole_takes_integers_in_range_and_nothing_else(value, low, high):
    integer = type(value) is int
    for limits, fits in (((), integer), ((low, high), integer and low <= value <= high)):
        if fits:
            assert whole(value, *limits) is value
        else:
            with pytest.raises(ValueError, match="whole number"):
                whole(value, *limits)


@given(st.lists(st.integers(0, 9) | VALUES))
def test_wholes_takes_what_whole_takes_and_names_the_first_that_it_refuses(values):
    wrong = [value for value in values if type(value) is not int or not 1 <= value <= 8]
    if not wrong:
        assert list(wholes(values, 1, 8)) == values
        return
    with pytest.raises(ValueError) as ours:
        wholes(values, 1, 8)
    with pytest.raises(ValueError) as theirs:
        whole(wrong[0], 1, 8)
    assert str(ours.value) == str(theirs.value)


@given(st.lists(st.dictionaries(st.text(), VALUES)))
def test_a_line_a_record_whatever_text_it_holds(records):
    text = "".join(encode(record) + "\n\n" for record in records)
    read = list(lines(text, "here"))
    assert [decode(line, spot) for line, spot in read] == records
    assert [spot for _, spot in read] == [f"here, line {2 * i + 1}" for i in range(len(records))]
    assert all(encode(record) == json.dumps(record, separators=(",", ":")) for record in records)


@pytest.mark.parametrize("line", ["{", "", "nan?", "[" * 100_000])
def test_what_is_not_json_is_named_with_its_place(line):
    with pytest.raises(BadInput, match="^here, line 3: not a record "):
        decode(line, "here, line 3", "not a record")
