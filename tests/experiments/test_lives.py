"""Traces whose every figure was worked out by hand."""

import numpy as np
import pytest

from csp.errors import BadInput
from csp.families import colouring, sudoku
from csp.problem import Difficulty, Instance
from csp.trace import Costs, Event, Trace
from experiments.scoring.scorer import TraceAnalysis, score
from solvers.oracles.cp_sat import CpSat
from solvers.oracles.pick import pick
from solvers.oracles.sat import Sat

PATH = colouring.graph(5, [(0, 1), (1, 2), (2, 3), (3, 4)], 2)


def two_dead_ends():
    """A path of five nodes, node 0 given 1, so that 1 2 1 2 1 is the only colouring; and a trace that errs twice."""
    solution = np.array([1, 2, 1, 2, 1])
    instance = Instance(PATH, np.array([1, 0, 0, 0, 0]), "g", "path", Difficulty(7, 1), solution)
    events = (
        Event(1, 4, 1),  # right
        Event(3, 3, 1),  # breaks an edge: the first dead end
        Event(3, 4, 0),  # takes back the wrong one
        Event(6, 2, 1),  # right, but breaks the other edge; wasted
        Event(9, 3, 0),  # alive again
        Event(9, 2, 0),  # needless
        Event(10, 2, 2),  # the second dead end: node 1 is left with nothing
        Event(11, 1, 2),  # wasted
        Event(12, 2, 0),  # alive again
    )
    return instance, Trace(instance.id, "me", 5, events, "out of budget", Costs(12, 34, 5.6, 7.8))


@pytest.mark.parametrize("kind", ["unique", "sat", "cp-sat"])
def test_every_field_of_a_score(kind):
    instance, trace = two_dead_ends()
    assert score(trace, instance, pick(instance, kind)).__dict__ == {
        "instance": instance.id,
        "decoder": "me",
        "seed": 5,
        "end": "out of budget",
        "solved": False,
        "need": True,
        "met": False,
        "unmet": True,
        "dead_ends": 2,
        "first_dead": 2,
        "first_dead_blanks": 0.5,
        "lag": 0,
        "lag_calls": 0,
        "detector": "broken",
        "core": 1,
        "birth": 0,
        "distance": 3,
        "debt": 0,
        "recoveries": 2,
        "needless": 1,
        "wasted": 2,
        "commits": 5,
        "retractions": 4,
        "calls": 12,
        "tokens": 34,
        "flops": 5.6,
        "seconds": 7.8,
        "blanks": 4,
        "guesses": 7,
        "oracle": kind,
    }


@pytest.mark.parametrize("kind", ["unique", "sat"])
def test_every_state_of_a_life(kind):
    instance, trace = two_dead_ends()
    life = TraceAnalysis(trace, instance, pick(instance, kind))
    assert life.alive.tolist() == [True, True, False, False, False, True, True, False, False, True]
    assert life.debts() == [0, 0, 1, 1, 1, 0, 0, 1, 1, 0]
    assert life.dead_ends.tolist() == [1, 6] and life.revivals.tolist() == [4, 8]
    assert life.at_risk.tolist() == [0, 1, 6]
    assert life.commit_numbers.tolist() == [1, 2, 2, 3, 3, 3, 4, 5, 5]
    assert life.filled.tolist() == [1, 2, 1, 2, 1, 0, 1, 2, 1]
    assert [life.distance(event) for event in (1, 6)] == [3, 2]
    assert [life.until_it_shows(event) for event in (1, 6)] == [(0, 0), (0, 0)]
    assert [life.detector(event) for event in (1, 6)] == ["broken", "empty"]
    assert [life.core(event).tolist() for event in (1, 6)] == [[1], [6]]
    assert [life.state(index).tolist() for index in (0, 2, 9)] == [[1, 0, 0, 0, 0], [1, 0, 0, 1, 1], [1, 2, 0, 0, 0]]


def test_a_solved_trace_has_no_debt_and_an_instance_may_be_ungraded():
    instance, _ = two_dead_ends()
    bare = Instance(PATH, instance.givens, "g", "path")
    events = [Event(call + 1, cell, value) for call, (cell, value) in enumerate(((1, 2), (2, 1), (3, 2), (4, 1)))]
    got = score(Trace(bare.id, "me", 0, events, "solved", Costs(4)), bare, pick(bare))
    assert (got.solved, got.debt, got.guesses, got.need, got.oracle) == (True, None, None, False, "sat")
    assert got.lag is got.lag_calls is got.detector is got.core is got.birth is got.distance is None


def ring():
    """Five nodes in a ring, each with a leaf. If all leaves have one colour, the ring is left with two: too few."""
    edges = [(i, (i + 1) % 5) for i in range(5)] + [(i, 5 + i) for i in range(5)]
    return Instance(colouring.graph(10, edges, 3), np.zeros(10, dtype=np.int64), "g", "ring")


@pytest.mark.parametrize("oracle", [Sat, CpSat])
def test_a_dead_end_that_only_search_sees(oracle):
    instance = ring()
    events = [Event(2 * i + 1, 5 + i, 1) for i in range(5)]  # the fifth kills, and nothing shows
    events += [Event(20, 0, 2), Event(24, 1, 3), Event(29, 2, 2), Event(33, 3, 3), Event(40, 4, 2)]
    life = TraceAnalysis(Trace(instance.id, "me", 0, events, "wrong", Costs(40)), instance, oracle(instance))
    assert life.alive.tolist() == [True] * 5 + [False] * 6
    assert life.detector(4) == "search"
    assert life.core(4).tolist() == [0, 1, 2, 3, 4]
    assert life.until_it_shows(4) == (4, 33 - 9)  # with 2 3 2 3 around, node 4 has nothing left
    got = score(life.trace, instance, oracle(instance))
    assert (got.lag, got.lag_calls, got.core, got.birth, got.first_dead, got.wasted) == (4, 24, 5, 4, 5, 5)
    assert got.distance is None and got.recoveries == 0 and got.debt == 2  # a ring node and its leaf


def test_propagation_sees_what_no_domain_shows():
    """On the ring with four leaves and one ring node committed, naked singles run around it and fail."""
    instance = ring()
    written = ((5, 1), (6, 1), (7, 1), (8, 1), (9, 2), (0, 2))
    events = [Event(i + 1, cell, value) for i, (cell, value) in enumerate(written)]
    life = TraceAnalysis(
        Trace(instance.id, "me", 0, [*events, Event(9, 4, 3)], "stuck", Costs(9)), instance, Sat(instance)
    )
    dead = [life.detector(int(event)) for event in life.dead_ends]
    assert dead == ["propagation"] and life.dead_ends.tolist() == [6]
    assert life.core(6)[-1] == 6 and life.core(6).tolist() == [1, 2, 3, 5, 6]


def test_hidden_singles_see_what_naked_ones_do_not():
    board = sudoku.board(4)
    instance = Instance(board, np.zeros(16, dtype=np.int64), "sudoku4", "blank")
    events = [Event(1, 2, 2), Event(2, 8, 2), Event(3, 5, 3)]  # the 2 of the first box has no place left
    life = TraceAnalysis(Trace(instance.id, "me", 0, events, "stuck", Costs(3)), instance, Sat(instance))
    assert life.dead_ends.tolist() == [2] and life.detector(2) == "singles"
    assert life.core(2).tolist() == [0, 1, 2] and life.until_it_shows(2) is None


def test_the_core_is_of_the_latest_commits():
    """Two pairs of ends of two diamonds cannot stand: blame falls on the later pair, whatever the cells' numbers."""
    diamond = [(0, 1), (1, 2), (2, 0), (1, 3), (2, 3)]
    edges = diamond + [(a + 4, b + 4) for a, b in diamond]
    instance = Instance(colouring.graph(9, edges, 3), np.zeros(9, dtype=np.int64), "g", "two diamonds")
    for first, second in (((4, 7), (0, 3)), ((0, 3), (4, 7))):
        events = [Event(1, first[0], 1), Event(2, 8, 1), Event(3, second[0], 1), Event(4, second[1], 2)]
        life = TraceAnalysis(Trace(instance.id, "me", 0, events, "stuck", Costs(4)), instance, Sat(instance))
        assert life.core(3).tolist() == [2, 3]
        got = score(life.trace, instance, Sat(instance))
        assert (got.core, got.birth) == (2, 1)


def test_lag_ends_where_the_trace_came_back_to_life():
    instance, _ = two_dead_ends()
    board = Instance(PATH, np.zeros(5, dtype=np.int64), "g", "free path")
    events = [Event(1, 0, 1), Event(2, 4, 2), Event(3, 4, 0), Event(4, 1, 1)]  # dead unseen, alive, then seen
    life = TraceAnalysis(Trace(board.id, "me", 0, events, "stuck", Costs(4)), board, Sat(board))
    assert life.dead_ends.tolist() == [1, 3] and life.until_it_shows(1) is None and life.until_it_shows(3) == (0, 0)
    assert instance.blanks == 4


def test_effort_is_measured_without_presolve():
    from csp.generate import draw

    hard = next(i for i in (draw("sudoku9", 0, "any", n) for n in range(99)) if i.difficulty.guesses > 10)
    conflicts, branches = CpSat(hard).effort()
    assert conflicts > 0 and branches > 0


def test_counts_of_the_givens_by_default(few):
    for instance in (few["sudoku6"][0], few["colouring"][0]):
        expected = instance.difficulty.solutions
        for kind in ("sat", "cp-sat"):
            assert pick(instance, kind).count(2) == expected
    assert pick(few["sudoku6"][0]).count(5) == 1


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([(1, 0, 2)], "event 1: cell 0 is given"),
        ([(1, 1, 3)], "event 1: value 3"),
        ([(1, 1, -1)], "event 1: value -1"),
        ([(1, 5, 1)], "event 1: cell 5 of 5"),
        ([(1, 1, 2), (2, 1, 1)], "event 2: cell 1 is not blank"),
        ([(1, 1, 2), (2, 2, 0)], "event 2: cell 2 is blank already"),
    ],
)
def test_events_that_do_not_fit_are_refused(events, words):
    instance, _ = two_dead_ends()
    trace = Trace(instance.id, "me", 0, tuple(Event(*event) for event in events), "wrong", Costs(2))
    with pytest.raises(BadInput, match=words):
        TraceAnalysis(trace, instance, pick(instance))
