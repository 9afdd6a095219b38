"""The oracles agree with brute force and with each other: alive, solve, count, debt."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import brute_debt, extending, instances, solutions_of, states

from solvers.oracle import CpSat, Sat, Unique


def oracles(instance):
    every = extending(instance.problem, instance.givens)
    unique = [Unique(instance, every[0])] if len(every) == 1 else []
    return [CpSat(instance), Sat(instance), *unique]


@given(st.data())
def test_alive_and_solve_equal_brute_force(data):
    instance = data.draw(instances())
    batch = np.stack([data.draw(states(instance)) for _ in range(6)])
    truth = [len(extending(instance.problem, state)) > 0 for state in batch]
    for oracle in oracles(instance):
        assert oracle.alive(batch).tolist() == truth, oracle.name
        for state, alive in zip(batch, truth):
            found = oracle.solve(state)
            assert (found is not None) == alive, oracle.name
            if alive:
                assert instance.solved(found)
                assert ((found == state) | (state == 0)).all()


@given(st.data())
def test_count_equals_brute_force(data):
    instance = data.draw(instances())
    state = data.draw(states(instance))
    limit = data.draw(st.integers(1, 5))
    truth = min(limit, len(extending(instance.problem, state)))
    for oracle in oracles(instance):
        assert oracle.count(limit, state) == truth, oracle.name


@given(st.data())
def test_debt_equals_brute_force(data):
    instance = data.draw(instances(solvable=True).filter(lambda i: len(extending(i.problem, i.givens))))
    state = data.draw(states(instance))
    for oracle in oracles(instance):
        assert oracle.debt(state) == brute_debt(instance, state), oracle.name
        assert (oracle.debt(state) == 0) == bool(oracle.alive(state[None])[0])


def test_debt_without_a_solution_is_refused():
    from csp import colouring
    from csp.problem import Instance

    triangle = colouring.graph(3, [(0, 1), (1, 2), (0, 2)], 2)
    instance = Instance(triangle, np.zeros(3, dtype=np.int64), "drawn", "triangle")
    assert len(solutions_of(triangle)) == 0
    for oracle in (CpSat(instance), Sat(instance)):
        with pytest.raises(ValueError, match="no solution"):
            oracle.debt(np.array([1, 2, 0]))


def test_unique_refuses_a_wrong_solution(few):
    instance = few["sudoku4"][0]
    with pytest.raises(ValueError, match="none"):
        Unique(instance, instance.witness[::-1].copy())
