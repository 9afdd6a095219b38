"""The oracles agree with brute force and with each other: alive, solve, count, repair, debt, core.

test_alive_and_solve_equal_brute_force alone draws 1,020 x 6 states: partial, contradictory and complete.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.families import colouring
from csp.problem import Instance
from solvers.oracles import sat
from solvers.oracles.base import Undecided
from solvers.oracles.cp_sat import CpSat
from solvers.oracles.pick import pick, settle
from solvers.oracles.sat import Sat
from solvers.oracles.unique import Unique
from takeback.testing import brute_debt, extending, instances, mixed, solutions_of, states


def oracles(instance):
    every = extending(instance.problem, instance.givens)
    unique = [Unique(instance, every[0])] if len(every) == 1 else []
    return [CpSat(instance), Sat(instance), *unique]


@settings(max_examples=17 * settings().max_examples)
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
        back = oracle.repair(state)
        assert back.tolist() == sorted(set(back.tolist())) and len(back) == oracle.debt(state)
        assert (state[back] > 0).all() and (instance.givens[back] == 0).all()
        mended = state.copy()
        mended[back] = 0
        assert oracle.alive(mended[None])[0]


@given(st.data())
def test_picked_oracles_are_exact_for_rules_of_any_class(data):
    instance = data.draw(instances(of=mixed()))
    oracle = pick(instance)
    if oracle.name == "cp-sat":
        with pytest.raises(BadInput, match="no CNF encoding"):
            pick(instance, "sat")
    state = data.draw(states(instance))
    truth = len(extending(instance.problem, state))
    found = oracle.solve(state)
    assert oracle.alive(state[None]).tolist() == [truth > 0] == [found is not None]
    assert found is None or instance.solved(found)
    assert oracle.count(5, state) == min(5, truth)
    if len(extending(instance.problem, instance.givens)):
        assert oracle.debt(state) == brute_debt(instance, state)


@given(st.data())
def test_cores_are_minimal_dead_sets_of_commits(data):
    instance = data.draw(instances())
    state = data.draw(states(instance))
    dead = len(extending(instance.problem, state)) == 0
    order = np.random.default_rng(0).permutation(np.nonzero((state > 0) & (instance.givens == 0))[0])
    if dead:
        for given_order in (None, order):
            cores = [oracle.core(state, given_order).tolist() for oracle in oracles(instance)]
            assert all(core == cores[0] for core in cores)
    for oracle in oracles(instance):
        if not dead:
            with pytest.raises(ValueError, match="alive"):
                oracle.core(state)
            continue
        core = oracle.core(state)
        committed = np.nonzero((state > 0) & (instance.givens == 0))[0].tolist()
        assert core.tolist() == sorted(set(core.tolist()) & set(committed)), oracle.name
        assert oracle.keep(state, core)[core].tolist() == state[core].tolist()
        assert not len(extending(instance.problem, oracle.keep(state, core))), oracle.name
        for left_out in core:
            fewer = oracle.keep(state, core[core != left_out])
            assert len(extending(instance.problem, fewer)), oracle.name  # nothing to spare


def test_a_core_names_the_commits_that_cannot_stand_together():
    """On a 3-coloured diamond the ends must agree: the two of them are a core, what else was committed is not."""
    diamond = colouring.graph(6, [(0, 1), (1, 2), (2, 0), (1, 3), (2, 3), (4, 5)], 3)
    instance = Instance(diamond, np.zeros(6, dtype=np.int64), "drawn", "diamond")
    for oracle in (CpSat(instance), Sat(instance)):
        assert oracle.core(np.array([1, 0, 0, 2, 3, 1])).tolist() == [0, 3]
        assert oracle.repair(np.array([1, 0, 0, 2, 3, 3])).tolist() in ([0, 4], [0, 5], [3, 4], [3, 5])


def test_sat_answers_what_it_has_met_without_search():
    path = colouring.graph(3, [(0, 1), (1, 2)], 2)
    oracle = Sat(Instance(path, np.zeros(3, dtype=np.int64), "drawn", "path"))
    assert oracle.solve() is not None and oracle.asked == 1
    assert oracle.solve(np.array([0, 0, 0])) is not None and oracle.asked == 1
    assert oracle.solve(np.array([1, 1, 0])) is None and oracle.asked == 2
    assert oracle.solve(np.array([1, 1, 2])) is None and oracle.asked == 2  # holds a known dead set
    assert oracle.solve(np.array([0, 1, 1])) is None and oracle.asked == 3


def test_sat_knows_the_witness_and_no_false_one():
    path = colouring.graph(3, [(0, 1), (1, 2)], 2)
    for witness, asked in ((np.array([1, 2, 1]), 0), (np.array([1, 1, 1]), 1)):
        oracle = Sat(Instance(path, np.zeros(3, dtype=np.int64), "drawn", "path", witness=witness))
        assert oracle.solve() is not None and oracle.asked == asked
        assert oracle.alive(np.array([[2, 0, 0], [1, 1, 0]])).tolist() == [True, False]


def test_sat_says_undecided_rather_than_guess(monkeypatch):
    everyone = [(i, j) for i in range(8) for j in range(i)]
    pigeons = Instance(colouring.graph(8, everyone, 7), np.zeros(8, dtype=np.int64), "drawn", "pigeons")
    monkeypatch.setattr(sat, "CONFLICTS", 10)
    oracle = Sat(pigeons)
    for _ in range(2):
        with pytest.raises(Undecided, match="undecided after 10 conflicts"):
            oracle.solve()
    monkeypatch.undo()
    assert oracle.solve() is None


def test_large_debts_go_to_cp_sat(monkeypatch, few):
    monkeypatch.setattr(sat, "RC2_COMMITS", 0)
    instance = few["colouring"][0]
    state = np.where(np.arange(instance.problem.n) % 3 == 0, 1 + np.arange(instance.problem.n) % 2, 0)
    large = Sat(instance).debt(state)
    monkeypatch.undo()
    assert large == Sat(instance).debt(state) > 0


def test_pick_takes_the_fastest_exact_oracle_or_the_named_one(few):
    unique, several = few["sudoku6"][0], few["colouring"][0]
    assert [pick(unique).name, pick(several).name] == ["unique", "sat"]
    assert [pick(unique, name).name for name in ("unique", "sat", "cp-sat")] == ["unique", "sat", "cp-sat"]
    with pytest.raises(BadInput, match="not certified to have one solution"):
        pick(several, "unique")


def test_settle_finds_a_solution_or_that_there_is_none(few):
    assert all(instance.solved(settle(instance)) for instance in few["colouring"])
    ring = [(node, (node + 1) % 251) for node in range(251)]
    for colours in (2, 3):  # of an odd ring, above the size from which on CP-SAT is asked
        large = Instance(colouring.graph(251, ring, colours), np.zeros(251, dtype=np.int64), "drawn", "ring")
        found = settle(large)
        assert found is None if colours == 2 else large.solved(found)


def test_cp_sat_says_undecided_rather_than_guess():
    from csp.generate import draw

    instance = draw("gnp:n=120,degree=4.6", 0, "any", 0, settle)
    for ask in ("solve", "effort", "repair"):
        oracle = CpSat(instance, limit=1e-9)
        with pytest.raises(Undecided, match="deterministic s|not proved"):
            getattr(oracle, ask)(*([instance.givens] if ask == "repair" else []))


def test_debt_without_a_solution_is_refused():
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
