"""What hypothesis draws: graphs, rules of any class, puzzles with one solution, several or none, boards on their way,
and traces.

    @given(puzzles("sudoku4", "colouring"))
    def test_mine(instance): ...                    # a csp.problem.Instance

Users import these from takeback.testing, as this project's own tests do; docs/conformance.md shows how.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import combinations

import numpy as np
from hypothesis import strategies as st

from csp.constraints import AllDifferent, NotEqual
from csp.errors import BadInput
from csp.families import colouring, sudoku
from csp.global_constraints import Allowed, Among, Increasing, NValues, Sum
from csp.problem import Instance, Problem
from csp.seeds import stream
from csp.trace import Costs, Event, Trace, replay
from experiments.conform.brute_force import extending, is_small, solutions_of
from solvers.oracles.pick import pick

GRIDS = 8  # solutions of a side that Sudokus are made from
SIDES = {"sudoku4": 4, "sudoku6": 6, "sudoku9": 9}
#: What can be asked for by name.
PUZZLES = (*SIDES, "colouring")
USUAL = ("sudoku4", "sudoku6", "colouring")


@st.composite
def graphs(draw, most=7, colours=None):
    """Colouring problems of up to `most` nodes and 2 or 3 colours, or that many; some have no colouring."""
    n = draw(st.integers(1, most))
    d = draw(st.integers(2, 3)) if colours is None else colours
    pairs = list(combinations(range(n), 2))
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return colouring.graph(n, edges, d)


def problems():
    """The 4x4 board or a small graph."""
    return st.one_of(st.just(sudoku.board(4)), graphs())


@st.composite
def rules(draw, n, d):
    """A rule of any class that can hold on its scope, among n >= 2 cells with d >= 2 values."""
    kind = draw(st.sampled_from([AllDifferent, NotEqual, Among, Sum, Increasing, NValues, Allowed]))
    least, most = {NotEqual: (2, 2), Increasing: (1, min(n, d)), Allowed: (1, 1)}.get(kind, (1, n))
    scope = tuple(draw(st.lists(st.integers(0, n - 1), min_size=least, max_size=most, unique=True)))
    k = len(scope)
    if kind is Sum:
        return Sum(scope, draw(st.integers(k, k * d)), d)
    if kind is Allowed:
        values = draw(st.lists(st.integers(1, d), min_size=1, max_size=d, unique=True))
        return Allowed(scope, tuple(sorted(values)))
    if kind is Increasing:
        return Increasing(scope, d)
    if kind is Among:
        values = draw(st.lists(st.integers(1, d), min_size=1, max_size=d - 1, unique=True))
        low = draw(st.integers(0, k))
        return Among(scope, tuple(sorted(values)), low, draw(st.integers(low, k)))
    if kind is NValues:
        low = draw(st.integers(0, min(k, d)))
        return NValues(scope, low, draw(st.integers(max(low, 1), d)))
    return kind(scope, draw(st.sampled_from(["", "row"])))


@st.composite
def mixed(draw):
    """Problems of up to 6 cells, 4 values and 5 rules of any class; some have no solution."""
    n, d = draw(st.integers(2, 6)), draw(st.integers(2, 4))
    return Problem(n, d, tuple(draw(st.lists(rules(n, d), min_size=1, max_size=5))))


def digits(n, base):
    """n numbers below base, each as likely as the next: one draw of hypothesis for all of them, which is its price."""
    return st.binary(min_size=n, max_size=n).map(lambda drawn: np.frombuffer(drawn, np.uint8).astype(np.int64) % base)


@st.composite
def instances(draw, solvable=None, of=None):
    """Instances of problems (of: which ones) with a few givens; solvable=True has a solution for sure."""
    of = problems() if of is None else of
    problem = draw(of.filter(lambda p: not solvable or len(solutions_of(p))))
    every = solutions_of(problem)
    if len(every) and (solvable or draw(st.booleans())):
        base = every[draw(st.integers(0, len(every) - 1))]
    else:
        base = 1 + draw(digits(problem.n, problem.d))
    shown = draw(digits(problem.n, 2))
    return Instance(problem, np.where(shown, base, 0).astype(np.int64), "drawn", "drawn by hypothesis")


@cache
def _grids(side):
    """(GRIDS, n): some complete boards of a side."""
    grids = [sudoku.Grid(side).propose(stream("conform", "grid", side, index)).witness for index in range(GRIDS)]
    return np.stack(grids)


@st.composite
def sudokus(draw, side=4):
    """Sudokus of a side in csp.families.sudoku.BOXES: with one solution, several or none, which may show at sight."""
    grid = _grids(side)[draw(st.integers(0, GRIDS - 1))]
    shown = draw(digits(side * side, draw(st.integers(2, 3)))) == 1  # a half or a third of the cells
    givens = np.where(shown, grid, 0).astype(np.int64)
    if draw(st.integers(0, 2)) == 2:  # one cell as it comes: right, wrong at sight, or wrong only later
        givens[draw(st.integers(0, side * side - 1))] = draw(st.integers(1, side))
    return Instance(sudoku.board(side), givens, f"sudoku{side}", "drawn by hypothesis")


def puzzles(*names, colours=None):
    """Instances of these of PUZZLES (default: USUAL), with one solution, several or none.

    colours: of all graphs, instead of 2 or 3.
    """
    return st.sampled_from(names or USUAL).flatmap(lambda name: _named(name, colours))


def families(names, default, only=PUZZLES):
    """The names, or the default where there are none. Raises BadInput for one that is not among `only`."""
    for name in names:
        if name not in only:
            raise BadInput(f"no puzzles {name!r}; there are {', '.join(only)}")
    return tuple(names) or tuple(default)


def _named(name, colours):
    if name in SIDES:
        return sudokus(SIDES[name])
    return instances(of=graphs(colours=colours)).map(lambda instance: replace(instance, family="colouring"))


@st.composite
def states(draw, instance):
    """A partial, contradictory or complete assignment that keeps the instance's givens."""
    n, d = instance.problem.n, instance.problem.d
    values = draw(digits(n, d + 1))
    every = _some_solutions(instance)
    if len(every) and draw(st.booleans()):  # near a solution, so that alive states are common too
        base = every[draw(st.integers(0, len(every) - 1))]
        values = np.where(draw(digits(n, 2)), base, 0)
        if draw(st.booleans()):
            values[draw(st.integers(0, n - 1))] = draw(st.integers(0, d))
    return np.where(instance.givens > 0, instance.givens, values).astype(np.int64)


def _some_solutions(instance):
    """(solutions, n): all of a small problem's, else one of the instance's, if it has one."""
    if is_small(instance.problem):
        return solutions_of(instance.problem)
    found = pick(instance).solve()
    return np.zeros((0, instance.problem.n), dtype=np.int64) if found is None else found[None]


@st.composite
def traces(draw, instance, most=25):
    """A trace of up to `most` events on an instance: any commits and retractions, with the end that they come to."""
    free = np.nonzero(instance.givens == 0)[0].tolist()
    filled, events = set(), []
    for call in range(draw(st.integers(0, most)) if free else 0):
        cell = draw(st.sampled_from(free))
        value = 0 if cell in filled else draw(st.integers(1, instance.problem.d))
        filled ^= {cell}
        events.append(Event(call, cell, value))

    trace = Trace(instance.id, "any", 0, tuple(events), "stuck", Costs(len(events)))
    last = replay(trace, instance.givens)[-1]
    end = "solved" if instance.solved(last) else "wrong" if (last > 0).all() else "stuck"
    return replace(trace, end=end)


@st.composite
def traced(draw):
    """A small instance that has a solution, and a trace on it."""
    instance = draw(instances(solvable=True).filter(lambda i: len(extending(i.problem, i.givens))))
    return instance, draw(traces(instance))
