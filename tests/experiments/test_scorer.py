"""Scores against a naive reading: every state looked up by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csp.families import colouring
from csp.problem import Instance
from csp.trace import Costs, Event, Trace, replay
from experiments.scoring.aggregate import Outcomes, Sums, Tally, mcnemar
from experiments.scoring.scorer import TraceAnalysis, liveness, score
from generators.decoding.loop import decode
from generators.decoding.spec import Decoder, parse
from generators.models.uniform import Uniform
from solvers.oracles.cp_sat import CpSat
from solvers.oracles.pick import pick
from solvers.oracles.sat import Sat
from takeback.testing import brute_debt, extending, traced


def shows(problem, state):
    """A broken constraint, or a blank cell whose every value would break one."""
    if problem.violated(state).any():
        return True
    for cell in np.nonzero(state == 0)[0]:
        near = set(state[problem.adjacency[cell]].tolist())
        if all(value in near for value in range(1, problem.d + 1)):
            return True
    return False


def weakest(problem, state):
    """Who sees that a dead state is dead, read naively."""
    if problem.violated(state).any():
        return "broken"
    if shows(problem, state):
        return "empty"
    covers = [r.scope for r in problem.constraints if len(r.scope) == problem.d and type(r).__name__ == "AllDifferent"]
    for name in ("propagation", "singles"):
        domains = [{int(v)} if v else set(range(1, problem.d + 1)) for v in state]
        while True:
            before = [set(dom) for dom in domains]
            for cell in range(problem.n):
                for other in np.nonzero(problem.adjacency[cell])[0]:
                    if len(domains[other]) == 1:
                        domains[cell] = domains[cell] - domains[other]
            if name == "singles":
                for scope in covers:
                    for value in range(1, problem.d + 1):
                        homes = [cell for cell in scope if value in domains[cell]]
                        if len(homes) == 1:
                            domains[homes[0]] = domains[homes[0]] & {value}
                        if not homes:
                            return name
            if not all(domains):
                return name
            if before == domains:
                break
    return "search"


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
    assert got.wasted == sum(not alive[t] and values[t] > 0 for t in range(len(values)))
    assert got.dead_ends == len(kills) and got.commits == sum(values > 0) and got.retractions == sum(values == 0)
    life = TraceAnalysis(trace, instance, pick(instance))
    assert life.debts() == [brute_debt(instance, state) for state in states]
    assert TraceAnalysis(trace, instance, Sat(instance)).debts() == life.debts()
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
        assert got.lag_calls == (None if lag is None else trace.events[t - 1].call - trace.events[first].call)
        assert got.detector == weakest(instance.problem, states[first + 1])
        commits = life.core(first)
        assert commits[-1] == first and got.core == len(commits)  # without the killing commit it was alive
        held = np.where(instance.givens > 0, instance.givens, 0)
        for event in commits:
            held[trace.events[event].cell] = trace.events[event].value
        assert not len(extending(instance.problem, held))
        assert got.birth == sum(values[commits[0] + 1 : first + 1] > 0)
        back = [t for t in range(first + 1, len(values)) if alive[t + 1]]
        assert got.distance == (back[0] - first if back else None)
        assert brute_debt(instance, states[first + 1]) == 1  # the commit just made, always
    else:
        assert got.first_dead is None and got.lag is None and got.detector is None and got.core is None


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


@settings(max_examples=30)
@given(st.lists(traced(), min_size=1, max_size=4))
def test_met_and_unmet_add_up_and_pieces_add_up_to_the_whole(drawn):
    whole, parts = Sums(), [Sums(), Sums()]
    for number, (instance, trace) in enumerate(drawn):
        life = TraceAnalysis(trace, instance, pick(instance))
        got = score(trace, instance, pick(instance))
        assert got.met + got.unmet == got.need
        whole.add(got, life)
        parts[number % 2].add(got, life)
    parts[0].merge(parts[1])
    assert parts[0].figures() == whole.figures()
    assert parts[0].hazard.by_commit() == whole.hazard.by_commit()
    assert parts[0].hazard.by_share() == whole.hazard.by_share()
    assert whole.counts["met"] + whole.counts["unmet"] == whole.counts["need"]


@pytest.mark.parametrize("family", ["sudoku9:clues=28", "planted:n=20,degree=4.4"])
def test_the_hazards_multiply_to_the_solve_rate_of_an_irrevocable_decoder(family):
    """prod(1 - h_t) is the share solved (SCIENCE, 2), on boards with equally many blanks."""
    from csp.generate import draw

    instances = [draw(family, 5, "any", index) for index in range(60)]
    instances = [instance for instance in instances if instance.blanks == instances[0].blanks]
    decoder = parse("uniform:order=fewest,temperature=1,veto=legal")
    sums = Sums()
    for instance, trace in zip(instances, decode(decoder, Uniform(), instances, 0)):
        life = TraceAnalysis(trace, instance, pick(instance))
        sums.add(score(trace, instance, pick(instance)), life)
    hazards = sums.hazard.by_commit()
    assert 0 < sums.counts["solved"] < sums.n == hazards[1].n
    assert np.prod([1 - hazard.value for hazard in hazards.values()]) == pytest.approx(sums.counts["solved"] / sums.n)
    assert sum(h.n for h in sums.hazard.by_share()) == sum(h.n for h in hazards.values())
    assert sums.hazard.dead.total() == sums.counts["need"]


def test_the_hazard_by_share_counts_what_was_filled_before_the_commit():
    path = colouring.graph(4, [(0, 1), (1, 2), (2, 3)], 2)
    instance = Instance(path, np.zeros(4, dtype=np.int64), "g", "path")
    events = (Event(1, 0, 1), Event(2, 2, 1), Event(3, 3, 1))  # the third kills with half of the blanks filled
    life = TraceAnalysis(Trace(instance.id, "x", 0, events, "stuck", Costs(3)), instance, pick(instance))
    sums = Sums()
    sums.add(score(life.trace, instance, pick(instance)), life)
    shares = {at: (h.value, h.n) for at, h in enumerate(sums.hazard.by_share()) if h.n}
    assert shares == {0: (0.0, 1), 5: (0.0, 1), 10: (1.0, 1)}


@settings(max_examples=30)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=40))
def test_tallies_say_what_numpy_says(numbers):
    tally = Tally()
    for number in numbers:
        tally.add(number)
    tally.add(None)
    for statistic, plain in (("mean", np.mean), ("median", np.median)):
        got = tally.estimate(statistic)
        assert got.value == pytest.approx(plain(numbers)) and got.n == len(numbers)
        if len(numbers) > 1:
            assert min(numbers) <= got.low <= got.high <= max(numbers)
        else:
            assert got.low is None


def test_bootstrap_intervals_of_tallies_have_the_right_width():
    tally = Tally()
    for number in [0] * 200 + [1] * 200:
        tally.add(number)
    got = tally.estimate("mean")
    assert got.low == pytest.approx(0.5 - 1.96 * 0.025, abs=0.008)
    assert got.high == pytest.approx(0.5 + 1.96 * 0.025, abs=0.008)


def test_pairs_are_compared_on_the_instances_that_both_tried():
    outcomes = Outcomes(["a", "b", "c", "d"])
    for index, (first, second) in enumerate([(1, 0), (1, 0), (0, 1), (1, 1)]):
        outcomes.add("x", index, bool(first))
        if index < 3:
            outcomes.add("y", index, bool(second))
    pair = outcomes.pair("x", "y")
    assert (pair.wins, pair.losses, pair.difference.n) == (2, 1, 3)
    assert pair.difference.value == pytest.approx(1 / 3) and pair.p == 1.0
    outcomes.add("x", 0, False)
    assert outcomes.pair("x", "y").p is None  # tried twice: no single yes or no
    outcomes.add("z", 3, True)
    assert outcomes.pair("y", "z") is None


def test_mcnemar_is_the_exact_binomial():
    assert mcnemar(0, 0) == 1.0 and mcnemar(5, 5) == 1.0
    assert mcnemar(6, 0) == pytest.approx(2 / 64) == mcnemar(0, 6)
    assert mcnemar(8, 2) == pytest.approx(2 * (1 + 10 + 45) / 1024)
