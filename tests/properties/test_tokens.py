"""Token sequences say their assignment back, for any assignment and order, and hide what is to be predicted."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from csp import tokens


@st.composite
def sequences(draw):
    batch, n, d = draw(st.integers(1, 4)), draw(st.integers(1, 12)), draw(st.integers(1, 9))
    cells = st.lists(st.integers(0, d), min_size=n, max_size=n)
    assignments = np.array(draw(st.lists(cells, min_size=batch, max_size=batch)))
    shown = np.array(draw(st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=batch, max_size=batch)))
    order = np.stack([np.array(draw(st.permutations(range(n)))) for _ in range(batch)])
    return assignments, np.where(shown, assignments, 0), order, d


@given(sequences())
def test_round_trip(drawn):
    assignments, givens, order, d = drawn
    for said in (tokens.in_place(assignments, givens, order), tokens.causal(assignments, givens, order, d)):
        assert said.values.shape == assignments.shape
        assert (tokens.assignments_of(said) == assignments).all()


@given(sequences())
def test_clues_come_first_and_the_rest_keeps_its_order(drawn):
    assignments, givens, order, _ = drawn
    said = tokens.in_place(assignments, givens, order)
    for row in range(len(order)):
        clues = said.clues[row]
        assert (givens[row, said.cells[row, :clues]] > 0).all()
        assert (givens[row, said.cells[row, clues:]] == 0).all()
        blanks = [cell for cell in order[row] if givens[row, cell] == 0]
        assert said.cells[row, clues:].tolist() == blanks


@given(sequences(), st.data())
def test_a_causal_token_never_shows_its_target_or_anything_later(drawn, data):
    assignments, givens, order, d = drawn
    said = tokens.causal(assignments, givens, order, d)
    n = assignments.shape[1]
    for row in range(len(order)):
        place = data.draw(st.integers(0, n - 1))
        if place < said.clues[row]:
            continue
        changed = assignments.copy()
        changed[row, said.targets[row, place:]] = data.draw(st.integers(0, d))
        other = tokens.causal(changed, givens, order, d)
        assert (said.values[row, : place + 1] == other.values[row, : place + 1]).all()
        assert said.cells[row, place] not in said.targets[row, place:]


def test_words():
    assert tokens.words(3) == ["<mask>", "1", "2", "3", "<start>"]
    assert tokens.words(3)[tokens.start(3)] == "<start>" and tokens.words(3)[tokens.MASK] == "<mask>"
