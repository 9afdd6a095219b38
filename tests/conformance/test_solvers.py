"""What every solver must do. A new entry in solvers.SOLVERS is tested here without further code."""

import numpy as np
import pytest
from hypothesis import given

from csp.errors import BadInput
from experiments.conform.trace_properties import trace_fault
from solvers import SOLVERS
from takeback.testing import check_solver, extending, instances, mixed

COMPLETE = ("depth-first", "cp-sat", "python-constraint")  # these prove it when there is no solution
IRREVOCABLE = ("dsatur", "cp-sat", "python-constraint")
ANY_RULE = ("cp-sat", "python-constraint")  # the others know pairwise constraints only


@pytest.fixture(params=SOLVERS, scope="session")
def solver(request):
    return request.param


def checked(name, instance, seed=0):
    """The trace, after the checks that hold for every solver."""
    trace = SOLVERS[name](instance, seed)
    assert trace_fault(trace, instance, name in IRREVOCABLE) is None
    assert (trace.instance, trace.decoder, trace.seed) == (instance.id, name, seed)
    return trace


def test_every_solver_is_what_the_kit_asks_of_anybodys(solver):
    """Verdicts and grids against brute force and oracles, on puzzles of one solution, of several and of none."""
    flags = {"complete": solver in COMPLETE, "irrevocable": solver in IRREVOCABLE}
    check_solver(SOLVERS[solver], draws=16, **flags)


@given(instance=instances(of=mixed()))
def test_rules_of_any_class_are_obeyed_or_refused(instance):
    solvable = len(extending(instance.problem, instance.givens)) > 0
    problem = instance.problem
    for name in SOLVERS:
        if name in ANY_RULE:
            assert checked(name, instance).end == ("solved" if solvable else "refuted"), name
        elif not problem.searchable:
            with pytest.raises(BadInput, match="pairwise"):
                SOLVERS[name](instance, 0)
        elif not problem.violated(instance.givens).any():
            end = checked(name, instance).end
            assert end == ("solved" if solvable else "refuted") or name not in COMPLETE, name


def test_every_drawn_puzzle_is_solved_by_the_complete_ones(few):
    for family in few:
        for instance in few[family]:
            for name in COMPLETE:
                assert checked(name, instance).end == "solved"


def test_min_conflicts_depends_on_its_seed(few):
    instance = few["sudoku6"][0]
    assert checked("min-conflicts", instance, 0).events != checked("min-conflicts", instance, 1).events


def test_budgets_are_kept(few):
    from solvers.search.depth_first import depth_first
    from solvers.search.min_conflicts import min_conflicts

    for instance in few["sudoku6"]:
        short = depth_first(instance, 0, budget=5)
        assert short.end == "out of budget" and short.commits == 5
        assert min_conflicts(instance, 0, budget=30).costs.calls <= 30


def test_python_constraint_gives_up_at_its_limit_and_goes_on():
    from csp.families import sudoku
    from solvers.search.python_constraint import PythonConstraint

    solver = PythonConstraint(limit=0.0)
    trace = solver(sudoku.parse("." * 81), 0)
    assert trace.end == "out of budget" and not trace.events
    solver.limit = 60.0
    assert solver(sudoku.parse("." * 16), 0).end == "solved"
    solver.close()


def test_dsatur_colours_a_bipartite_graph_with_two_colours():
    """Brélaz (1979): DSATUR is exact on bipartite graphs."""
    from csp.families import colouring
    from csp.problem import Instance

    rng = np.random.default_rng(0)
    for _ in range(20):
        problem, _ = colouring.planted(rng, 14, 2, 2.5)
        instance = Instance(problem, np.zeros(14, dtype=np.int64), "g", "bipartite")
        assert checked("dsatur", instance).end == "solved"


def test_python_constraint_survives_the_death_of_its_worker():
    from csp.families import sudoku
    from solvers.search.python_constraint import PythonConstraint

    solver = PythonConstraint(limit=60.0)
    assert solver(sudoku.parse("." * 16), 0).end == "solved"
    solver.worker[0].kill()
    solver.worker[0].join()
    assert solver(sudoku.parse("." * 16), 0).end == "solved"
    solver.close()
