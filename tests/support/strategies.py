"""What hypothesis draws (small instances and their assignments), and brute force to check answers against."""

from functools import lru_cache
from itertools import combinations, product

import numpy as np
from hypothesis import strategies as st

from csp.constraints import AllDifferent, NotEqual
from csp.families import colouring, sudoku
from csp.global_constraints import Allowed, Among, Increasing, NValues, Sum
from csp.problem import Instance, Problem


@lru_cache(maxsize=512)
def solutions_of(problem):
    """All solutions of a small problem, (solutions, n), by plain enumeration; rules are read naively."""
    if problem.name == "sudoku 4x4":
        return _sudoku4()
    boards = np.array(list(product(range(1, problem.d + 1), repeat=problem.n)), dtype=np.int64)
    for rule in problem.constraints:
        boards = boards[np.array([keeps(rule, held) for held in boards[:, rule.scope].tolist()], dtype=bool)]
    return boards


def keeps(rule, held):
    """Whether the values of its scope, none of them blank, keep a rule."""
    if isinstance(rule, Among):
        return rule.low <= len([value for value in held if value in rule.values]) <= rule.high
    if isinstance(rule, Allowed):
        return held[0] in rule.values
    if isinstance(rule, Sum):
        return sum(held) == rule.total
    if isinstance(rule, Increasing):
        return list(held) == sorted(set(held))
    if isinstance(rule, NValues):
        return rule.low <= len(set(held)) <= rule.high
    return len(set(held)) == len(held)


def _sudoku4():
    """The 288 grids: two rows that fill two boxes, above two such rows with which all columns hold 1 to 4."""
    rows = [row for row in product((1, 2, 3, 4), repeat=4) if len(set(row)) == 4]
    bands = [a + b for a, b in product(rows, rows) if not set(a[:2]) & set(b[:2]) and not set(a[2:]) & set(b[2:])]
    grids = [
        top + bottom
        for top, bottom in product(bands, bands)
        if all(len({top[c], top[c + 4], bottom[c], bottom[c + 4]}) == 4 for c in range(4))
    ]
    return np.array(grids, dtype=np.int64)


def extending(problem, assignment):
    """The solutions that extend an assignment."""
    every = solutions_of(problem)
    return every[((every == assignment) | (assignment == 0)).all(1)]


def brute_debt(instance, assignment):
    """Fewest committed cells to blank, by trying every solution."""
    every = extending(instance.problem, instance.givens)
    return int(((every != assignment) & (assignment > 0)).sum(1).min())


@st.composite
def graphs(draw, most=7):
    """Colouring problems of up to `most` nodes and 2 or 3 colours; some have no colouring."""
    n = draw(st.integers(1, most))
    d = draw(st.integers(2, 3))
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


@st.composite
def states(draw, instance):
    """A partial, contradictory or complete assignment that keeps the instance's givens."""
    n, d = instance.problem.n, instance.problem.d
    values = draw(digits(n, d + 1))
    every = solutions_of(instance.problem)
    if len(every) and draw(st.booleans()):  # near a solution, so that alive states are common too
        base = every[draw(st.integers(0, len(every) - 1))]
        values = np.where(draw(digits(n, 2)), base, 0)
        if draw(st.booleans()):
            values[draw(st.integers(0, n - 1))] = draw(st.integers(0, d))
    return np.where(instance.givens > 0, instance.givens, values).astype(np.int64)
