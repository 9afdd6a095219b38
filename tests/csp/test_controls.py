"""The rules of controls: violated exactly when no completion keeps them; what can never hold is refused."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp.constraints import AllDifferent, NotEqual
from csp.errors import BadInput
from csp.families import sudoku
from csp.generate import orbit_key
from csp.global_constraints import Among, Increasing, NValues, Sum
from csp.io import board_text
from csp.problem import SELF, Instance, Problem
from takeback.testing import instances, keeps, mixed, rules, states


@st.composite
def partial(draw):
    """(a rule, d, assignments of 6 cells)."""
    d = draw(st.integers(2, 4))
    cells = st.lists(st.integers(0, d), min_size=6, max_size=6)
    return draw(rules(6, d)), d, np.array(draw(st.lists(cells, min_size=1, max_size=4)))


def naive_violated(rule, held, d):
    """By all completions of the scope; for AllDifferent, whose bound is not that tight, of its committed cells."""
    if rule.pairwise:
        return not keeps(rule, [value for value in held if value])
    return not any(keeps(rule, full) for full in product(*([v] if v else range(1, d + 1) for v in held)))


@given(partial())
def test_violated_means_that_no_completion_keeps_the_rule(drawn):
    rule, d, batch = drawn
    expected = [naive_violated(rule, assignment[list(rule.scope)].tolist(), d) for assignment in batch]
    assert rule.violated(batch).tolist() == expected
    assert [bool(rule.violated(assignment)) for assignment in batch] == expected
    assert not rule.violated(np.zeros(6, dtype=np.int64))
    if not rule.pairwise:
        values = batch[:, rule.scope]
        assert (rule.culprits(values) == (np.array(expected)[:, None] & (values > 0))).all()


@given(st.data())
def test_problems_tell_rules_of_one_class_apart(data):
    instance = data.draw(instances(of=mixed()))
    problem = instance.problem
    batch = np.stack([data.draw(states(instance)) for _ in range(3)])
    assert problem.violated(batch).T.tolist() == [rule.violated(batch).tolist() for rule in problem.constraints]
    involved = np.zeros(batch.shape, dtype=bool)
    for rule in problem.constraints:
        involved[:, list(rule.scope)] |= rule.culprits(batch[:, list(rule.scope)])
    assert (problem.conflicts(batch) == involved).all()


def test_rules_that_differ_in_their_parameters_alone():
    some = (Sum((0, 1), 3, 4), Sum((1, 2), 5, 4), Among((0, 1), (1,), 1, 1), Among((1, 2), (2,), 0, 0))
    problem = Problem(3, 4, (*some, NValues((0, 1), 1, 1), NValues((1, 2), 2, 2)))
    assert problem.violated(np.array([1, 2, 3])).tolist() == [False, False, False, True, True, False]
    assert problem.conflicts(np.array([4, 1, 4])).tolist() == [True, True, False]


def test_bounds_by_hand():
    board = np.array([2, 0, 3, 0])
    for rule, broken in (
        (Increasing((0, 1, 2), 6), True),  # nothing fits between 2 and 3
        (Increasing((0, 2, 3), 4), False),
        (Increasing((0, 2, 3), 3), True),  # nothing follows 3
        (Increasing((1, 3, 0), 4), True),  # two cells before 2
        (Sum((0, 1, 3), 4, 6), False),
        (Sum((0, 1, 3), 3, 6), True),
        (Sum((0, 1), 8, 6), False),
        (Sum((0, 1), 9, 8), False),
        (Sum((0, 1), 9, 6), True),
        (Among((0, 2), (2, 3), 0, 1), True),
        (Among((0, 1), (5, 6), 2, 2), True),
        (Among((0, 1), (5, 6), 1, 2), False),
        (NValues((0, 1, 2), 1, 1), True),
        (NValues((0, 1, 2), 3, 3), False),
    ):
        assert bool(rule.violated(board)) == broken, rule


def test_what_can_never_hold_is_refused():
    for make in (
        lambda: Among((0, 1), (), 0, 1),
        lambda: Among((0, 1), (0, 1), 0, 1),
        lambda: Among((0, 1), (2, 1), 0, 1),
        lambda: Among((0, 1), (1,), 2, 1),
        lambda: Among((0, 1), (1,), 3, 3),
        lambda: Among((0, 1), (1,), -1, -1),
        lambda: Sum((0, 1), 1, 4),
        lambda: Sum((0, 1), 9, 4),
        lambda: Increasing((0, 1, 2), 2),
        lambda: NValues((0, 1), 0, 0),
        lambda: NValues((0, 1), 3, 3),
        lambda: NValues((0, 1), 2, 1),
        lambda: NValues((), 0, 1),
        lambda: Increasing((1, 1), 6),
    ):
        with pytest.raises(BadInput) as fault:
            make()
        assert "\n" not in str(fault.value)


def test_relations_show_no_control_and_adjacency_every_pair_that_differs():
    board = sudoku.board(4)
    diagonal = AllDifferent((0, 5, 10, 15), "")
    further = (diagonal, Sum((0, 10), 4, 4), Increasing((0, 15), 4), Among((0,), (1,), 1, 1), NValues((0, 15), 1, 2))
    problem = Problem(16, 4, (*board.constraints, *further))
    assert (problem.relations == board.relations).all() and (np.diag(problem.relations) == SELF).all()
    assert problem.adjacency[0, 10] and not board.adjacency[0, 10]
    assert problem.adjacency.sum() == board.adjacency.sum() + 8  # 0 and 5, 10 and 15 share a box already
    assert diagonal.scope in problem.covers


def test_ids_tell_parameters_apart_and_old_ones_stay():
    blank = np.zeros(3, dtype=np.int64)

    def name(*rules):
        return Instance(Problem(3, 3, rules), blank, "x", "here").id

    several = [Sum((0, 1), 3, 3), Sum((0, 1), 4, 3), Among((0, 1), (1,), 0, 1), Among((0, 1), (2,), 0, 1)]
    several += [Among((0, 1), (1, 2), 0, 1), Among((0, 1, 2), (1,), 0, 1), NValues((0, 1), 1, 1), NValues((0, 1), 1, 2)]
    assert len({name(rule) for rule in several}) == len(several)
    assert name(*several) == name(*reversed(several))
    assert name(NotEqual((0, 1))) == "x-26f7aac94259" and name(AllDifferent((0, 1, 2))) == "x-dfcb90650aa2"
    assert sudoku.parse("1..." + "." * 12).id == "sudoku4-2f1bf5a43a7e"


def test_a_board_with_further_rules_is_not_written_as_a_plain_one():
    board = sudoku.board(4)
    rules = Problem(16, 4, (*board.constraints, Sum((0, 5), 5, 4)), board.name)
    instance = Instance(rules, np.zeros(16, dtype=np.int64), "sudoku4", "here")
    for write in (board_text.write_lines, board_text.write_grids):
        with pytest.raises(BadInput, match="is no board"):
            write([instance])


def test_rules_about_other_values_than_the_problems_are_refused():
    for rule in (Sum((0, 1), 5, 3), Increasing((0, 1), 5)):
        with pytest.raises(BadInput, match="in a problem of 4 values"):
            Problem(2, 4, (rule,))


def test_orbits_of_rules_that_are_not_pairwise_are_refused():
    instance = Instance(Problem(2, 2, (Among((0, 1), (1,), 1, 1),)), np.zeros(2, dtype=np.int64), "x", "here")
    with pytest.raises(BadInput, match="pairwise"):
        orbit_key(instance)
