"""Scores against a naive reading: every state looked up by brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import brute_debt, extending, instances

from csp import colouring
from csp.problem import Instance
from csp.trace import Costs, Event, Trace, replay
from experiments.scorer import liveness, score
from generators.decoders import Decoder, parse
from generators.decoding import decode
from generators.model import Uniform
from solvers.oracle import CpSat, Sat, pick


@st.composite
def traced(draw):
    """A solvable instance and any valid trace on it."""
    instance = draw(instances(solvable=True).filter(lambda i: len(extending(i.problem, i.givens))))
    free = np.nonzero(instance.givens == 0)[0].tolist()
    state, events = set(), []
    for call in range(draw(st.integers(0, 25)) if free else 0):
        cell = draw(st.sampled_from(free))
        value = 0 if cell in state else draw(st.integers(1, instance.problem.d))
        state ^= {cell}
        events.append(Event(call, cell, value))
    return instance, Trace(instance.id, "any", 0, tuple(events), "wrong", Costs(len(events)))


def shows(problem, state):
    """A broken constraint, or a blank cell whose every value would break one."""
    if problem.violated(state).any():
        return True
    for cell in np.nonzero(state == 0)[0]:
        near = set(state[problem.adjacency[cell]].tolist())
        if all(value in near for value in range(1, problem.d + 1)):
            return True
    return False


@given(traced())
def test_scores_equal_a_naive_reading(drawn):
    instance, trace = drawn
    states = replay(trace, instance.givens)
    alive = np.array([len(extending(instance.problem, state)) > 0 for state in states])
    values = np.array([event.value for event in trace.events], dtype=np.int64)
    for oracle in (pick(instance), Sat(instance), CpSat(instance)):
        assert (liveness(trace, instance, oracle) == alive).all()
    got = score(trace, instance, pick(instance))
    kills = [t for t in range(len(values)) if alive[t] and not alive[t + 1]]
    assert got.need == bool(kills)
    assert got.solved == bool(instance.solved(states[-1]))
    assert (got.met, got.unmet) == (got.need and got.solved, got.need and not got.solved)
    assert got.recoveries == sum(not alive[t] and alive[t + 1] for t in range(len(values)))
    assert got.needless == sum(alive[t] and values[t] == 0 for t in range(len(values)))
    assert got.debt == (None if got.solved else brute_debt(instance, states[-1]))
    if kills:
        first = kills[0]
        assert got.first_dead == sum(v > 0 for v in values[: first + 1])
        filled = (states[first + 1] > 0).sum() - (instance.givens > 0).sum()
        assert got.first_dead_blanks == pytest.approx(filled / instance.blanks)
        lag, t = 0, first + 1
        while not shows(instance.problem, states[t]):
            if t + 1 == len(states) or alive[t + 1]:
                lag = None
                break
            lag += int(values[t] > 0)
            t += 1
        assert got.lag == lag
        assert brute_debt(instance, states[first + 1]) == 1  # the commit just made, always
    else:
        assert got.first_dead is None and got.lag is None


@pytest.mark.parametrize("family", ["sudoku6", "colouring"])
@pytest.mark.parametrize("spec", ["uniform:veto=legal,temperature=1", "uniform:temperature=1,k=3,order=random"])
def test_an_irrevocable_decoder_solves_exactly_what_it_never_killed(few, family, spec):
    """met = 0, and unmet = not solved: the identity that must never be presented as a finding."""
    for instance, trace in zip(few[family], decode(parse(spec), Uniform(), few[family], 0)):
        got = score(trace, instance, pick(instance))
        assert not got.met and got.need == (not got.solved) == got.unmet
        assert got.recoveries == got.needless == 0


def test_a_lag_is_counted_in_commits_until_it_shows():
    """Nodes 0 and 3 are joined through 1 and 2, which are joined: with 2 colours for the ends, 1 = 2 or dead."""
    problem = colouring.graph(4, [(0, 1), (1, 2), (2, 0), (1, 3), (2, 3)], 3)
    instance = Instance(problem, np.zeros(4, dtype=np.int64), "g", "diamond")
    events = (Event(1, 0, 1), Event(2, 3, 2), Event(3, 1, 3))  # 0 and 3 must agree; node 2 has no colour left after
    got = score(Trace(instance.id, "x", 0, events, "stuck", Costs(3)), instance, pick(instance))
    assert (got.first_dead, got.lag, got.debt, got.need, got.unmet) == (2, 1, 1, True, True)
    assert got.first_dead_blanks == 0.5


def test_the_order_of_instances_changes_no_score(few):
    decoder = Decoder("uniform", "random", 2, veto="legal", temperature=1.0)
    instances = few["colouring"]
    first = [score(t, i, pick(i)) for i, t in zip(instances, decode(decoder, Uniform(), instances, 0))]
    turned = instances[::-1]
    second = [score(t, i, pick(i)) for i, t in zip(turned, decode(decoder, Uniform(), turned, 0))]
    strip = [s.__dict__ | {"seconds": 0} for s in first]
    assert strip == [s.__dict__ | {"seconds": 0} for s in second[::-1]]
