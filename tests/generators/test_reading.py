"""What causal sessions and searches share: tokens in the cache, pairs that are looked at, strata, and continuations."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from csp.seeds import stream
from generators.decoding.beam import likeliest
from generators.models.causal import pairs_read, sight
from generators.models.examples import stratified
from generators.models.kv_cache import NOTHING, ReadTokens, reading_places, token_ids


@given(st.integers(0, 5), st.integers(0, 6), st.integers(0, 6))
def test_pairs_that_are_read_are_those_in_sight(clues, first, count):
    if 0 < first < clues or (first == 0 and 0 < count < clues):
        return  # clues are read together
    places = np.arange(first, first + count)[None]
    seen = ~sight(np.array([clues]), places, 12)
    assert pairs_read(np.array([first]), np.array([count]), np.array([clues]))[0] == int(seen.sum())


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 5)), min_size=1, max_size=5))
def test_places_are_those_from_the_first_on(spans):
    first, counts = (np.array(part) for part in zip(*spans))
    places = reading_places(first, counts, 99)
    for row, (start, count) in enumerate(spans):
        assert places[row].tolist() == [*range(start, start + count), *([99] * (counts.max() - count))]


def test_no_two_tokens_have_one_number():
    values, cells, targets = np.meshgrid(range(5), range(5), range(5))  # cells and targets up to "no cell", 4
    assert len(np.unique(token_ids(values[0], cells[0], targets[0], 4))) == 25
    every = token_ids(values.reshape(1, -1), cells.reshape(1, -1), targets.reshape(1, -1), 4)
    assert len(np.unique(every)) == 125


@given(st.integers(0, 2**32 - 1))
def test_what_was_read_of_each_board_is_known(seed):
    """Against a dictionary: boards leave, come back, and take one another's places; tokens are changed anywhere."""
    rng = np.random.default_rng(seed)
    known = ReadTokens(boards=4, text=6)
    read: dict[int, list[int]] = {row: [] for row in range(4)}
    texts = rng.integers(0, 2, (4, 6))
    for _ in range(6):
        texts[rng.random((4, 6)) < 0.1] ^= 1
        rows = np.flatnonzero(rng.random(4) < 0.7)
        if not len(rows):
            continue
        if rng.random() < 0.3:
            sources = rng.choice(known.rows, len(rows))
            known.copy(rows, sources)
            read |= {row: list(read[source]) for row, source in zip(rows.tolist(), sources.tolist())}
        known.select(rows)
        read = {row: read[row] if row in rows else [] for row in range(4)}
        leading = [
            next((place for place, token in enumerate(read[row]) if token != texts[row, place]), len(read[row]))
            for row in rows.tolist()
        ]
        assert known.known(texts[rows], rows).tolist() == leading
        counts = rng.integers(0, 7, len(rows))
        known.note(texts[rows], counts, rows)
        read |= {row: texts[row, :count].tolist() for row, count in zip(rows.tolist(), counts.tolist())}
    assert known.tokens.min() >= NOTHING


@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_continuations_are_the_likeliest_boards(seed, width):
    rng = np.random.default_rng(seed)
    boards, cells = rng.integers(0, 2, (3, 3)), rng.integers(0, 3, 3)
    scores = np.where(rng.random((3, 2)) < 0.2, -np.inf, rng.random((3, 2)))
    best: dict[tuple[int, ...], float] = {}
    for parent in range(3):
        for value in (1, 2):
            board = boards[parent].copy()
            board[cells[parent]] = value
            best[tuple(board)] = max(best.get(tuple(board), -np.inf), scores[parent, value - 1])
    kept = likeliest(scores, width, boards, cells)
    got = [scores[parent, value - 1] for parent, value in kept]
    assert got == sorted((score for score in best.values() if np.isfinite(score)), reverse=True)[:width]


def test_a_batch_has_a_time_in_every_stratum():
    for top in (1.0, 2000):
        drawn = stratified(50, stream("strata"), top)
        assert sorted(np.floor(drawn / top * 50).astype(int)) == list(range(50))
        assert (np.diff(drawn) < 0).any()  # shuffled
