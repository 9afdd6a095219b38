"""Constraints, problems and instances: what is violated, who takes part, what is related."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp.constraints import NotEqual
from csp.errors import BadInput
from csp.families import colouring, sudoku
from csp.global_constraints import Allowed, Increasing, Sum
from csp.problem import SELF, Instance, Problem
from takeback.testing import instances, problems, solutions_of, states


def naive_violated(rule, assignment):
    held = [assignment[cell] for cell in rule.scope if assignment[cell]]
    return len(set(held)) < len(held)


@given(st.data())
def test_violated_and_conflicts_equal_a_naive_reading(data):
    instance = data.draw(instances())
    problem = instance.problem
    batch = np.stack([data.draw(states(instance)) for _ in range(3)])
    broken = problem.violated(batch)
    involved = problem.conflicts(batch)
    for row, assignment in enumerate(batch):
        assert broken[row].tolist() == [naive_violated(rule, assignment) for rule in problem.constraints]
        assert [bool(rule.violated(assignment)) for rule in problem.constraints] == broken[row].tolist()
        expected = {
            cell
            for rule in problem.constraints
            for cell in rule.scope
            for other in rule.scope
            if cell != other and assignment[cell] and assignment[cell] == assignment[other]
        }
        assert set(np.nonzero(involved[row])[0].tolist()) == expected


@given(problems(), st.data())
def test_solved_means_one_of_the_solutions(problem, data):
    n = problem.n
    board = np.array(data.draw(st.lists(st.integers(0, problem.d + 1), min_size=n, max_size=n)))
    every = solutions_of(problem)
    assert bool(problem.solved(board)) == bool((every == board).all(1).any())
    assert problem.solved(every).all()


def test_givens_must_be_kept():
    instance = sudoku.parse("1..." + "." * 12)
    every = solutions_of(instance.problem)
    assert instance.solved(every).tolist() == (every[:, 0] == 1).tolist()


def test_relations_and_adjacency_of_a_board():
    board = sudoku.board(6)
    codes = board.relations
    assert (np.diag(codes) == SELF).all()
    assert codes[0, 1] == 1 | 4 and codes[0, 3] == 1 and codes[0, 6] == 2 | 4 and codes[0, 12] == 2 and codes[0, 7] == 4
    assert codes[0, 14] == 0
    assert (board.adjacency == ((codes > 0) & (codes != SELF))).all()
    assert board.adjacency.sum(1).tolist() == [5 + 5 + 2] * 36


def test_instances_refuse_foreign_givens():
    board = sudoku.board(4)
    with pytest.raises(BadInput, match="3 givens for 16 cells"):
        Instance(board, np.zeros(3, dtype=np.int64), "sudoku4", "here")
    with pytest.raises(BadInput, match="outside"):
        Instance(board, np.full(16, 5), "sudoku4", "here")


@pytest.mark.parametrize("rule", [Sum((0, 1), 4, 5), Increasing((0, 1), 5), Allowed((0,), (1, 5))])
def test_a_rule_about_values_that_the_problem_has_not_is_refused(rule):
    for others in ((), (NotEqual((0, 1)),)):
        with pytest.raises(BadInput, match="a rule about values? (up to )?5 in a problem of 4 values"):
            Problem(2, 4, (*others, rule))
        assert Problem(2, 5, (*others, rule)).d == 5


def test_an_id_is_the_content_and_nothing_else():
    first = sudoku.parse("1..." + "." * 12, "a.txt, line 1")
    again = sudoku.parse("1000" + "0" * 12, "b.txt, line 9")
    other = sudoku.parse("2..." + "." * 12, "a.txt, line 1")
    assert first.id == again.id != other.id
    left = Instance(colouring.graph(3, [(0, 1), (1, 2)], 3), np.zeros(3, dtype=np.int64), "g", "x")
    right = Instance(colouring.graph(3, [(2, 1), (1, 0), (0, 1)], 3), np.zeros(3, dtype=np.int64), "g", "y")
    assert left.id == right.id
