"""The tasks of `takeback control`: targets that a net trained on complete boards is steered towards.

    >>> targets("tree", seed=0, count=3)[0].satisfying     # how many of the 28,200,960 grids obey it: counted

Each target is read off a uniform random solution, so that it can be reached, and its rarity is counted exactly; a
target that more than a tenth of all grids obey is drawn again. The tasks mirror those of Diffusion-LM (Li et al. 2022):

  content       four chosen cells hold chosen values; or a value stands three times or more in six chosen cells
  speech        a class for every cell: low or high, or odd or even
  tree          a partition of the board into cages with given sums, no value twice in a cage (killer Sudoku)
  span          one cage of five cells with its sum; or four neighbouring cells that rise
  length        colourings: exactly so many colours are used; or a class of a given size, give or take 2
  infill        the first and the last twelve cells are given
  content+tree  four cells of content on top of a tree
  diagonals     both diagonals hold every value once: a rule that no net was trained on
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Int

from csp.constraints import AllDifferent, Constraint
from csp.control_target import Target
from csp.errors import BadInput
from csp.generate import ANY, draw
from csp.global_constraints import Among, Increasing, NValues, Sum
from csp.problem import Instance
from csp.seeds import stream
from csp.specs import one_of
from solvers.counting.graph_colourings import Colourings
from solvers.counting.sudoku_grids import all_grids

LARGE = (2, 4)  # fewest and most cells of a tree's cages
RARE = 0.1  # most of all grids that may obey a target
TOLERANCE = 2  # of a class's size, as in the paper
Rules = tuple[Constraint, ...]


def targets(task: str, seed: int, count: int, tick: Callable[[], None] = lambda: None) -> list[Target]:
    """The first `count` targets of a task. Raises BadInput for an unknown task."""
    one_of("task", task, TASKS)
    made = []
    for number in range(count if task != "diagonals" else min(count, 1)):
        rng = stream("control", task, seed, number)
        made.append(_colours(rng, seed, number) if task == "length" else _grid(task, rng, number))
        tick()
    return made


def _grid(task: str, rng: np.random.Generator, number: int) -> Target:
    plain = draw("grid6", 0, ANY, 0)
    grids = all_grids(plain.problem)
    grid = grids.uniform(rng, 1)[0]
    if task == "infill":
        shown = np.where((np.arange(36) < 12) | (np.arange(36) >= 24), grid, 0)
        given = Instance(plain.problem, shown, plain.family, f"{task} {number}", witness=grid)
        return Target(task, given, (), grids.count(Target(task, given, (), 0, 0).clues), grids.total)
    while True:
        if task == "span" and number % 2:
            path = _path(rng, 4)
            grid = next(g for g in grids.uniform(rng, 2000) if (np.diff(g[list(path)]) > 0).all())
            rules: Rules = (Increasing(path, 6),)
        else:
            rules = TASKS[task](grid, rng, number)
        satisfying = grids.count(rules)
        if satisfying <= RARE * grids.total:
            break
        grid = grids.uniform(rng, 1)[0]
    plain = Instance(plain.problem, plain.givens, plain.family, f"{task} {number}", witness=grid)
    return Target(task, plain, rules, satisfying, grids.total)


def _content(grid: Int[np.ndarray, " n"], rng: np.random.Generator, number: int) -> Rules:
    while number % 2:
        region = tuple(sorted(rng.choice(36, size=6, replace=False).tolist()))
        sizes = np.bincount(grid[list(region)], minlength=7)
        if sizes.max() >= 3:
            return (Among(region, (int(sizes.argmax()),), int(sizes.max()), int(sizes.max())),)
    return _cells(grid, rng, number)


def _cells(grid: Int[np.ndarray, " n"], rng: np.random.Generator, number: int) -> Rules:
    cells = sorted(rng.choice(36, size=4, replace=False).tolist())
    return tuple(Among((cell,), (int(grid[cell]),), 1, 1) for cell in cells)


def _speech(grid: Int[np.ndarray, " n"], rng: np.random.Generator, number: int) -> Rules:
    classes = ((1, 2, 3), (4, 5, 6)) if number % 2 else ((1, 3, 5), (2, 4, 6))
    return tuple(Among((cell,), classes[int(grid[cell] in classes[1])], 1, 1) for cell in range(36))


def _tree(grid: Int[np.ndarray, " n"], rng: np.random.Generator, number: int) -> Rules:
    return tuple(rule for scope in cages(grid, rng) for rule in _cage(grid, scope))


def _span(grid: Int[np.ndarray, " n"], rng: np.random.Generator, number: int) -> Rules:
    while True:
        scope = _path(rng, 5)
        if len(set(grid[list(scope)].tolist())) == len(scope):
            return _cage(grid, scope)


def _both(grid: Int[np.ndarray, " n"], rng: np.random.Generator, number: int) -> Rules:
    return _cells(grid, rng, number) + _tree(grid, rng, number)


def _diagonals(grid: Int[np.ndarray, " n"], rng: np.random.Generator, number: int) -> Rules:
    return (AllDifferent(tuple(range(0, 36, 7)), ""), AllDifferent(tuple(range(5, 35, 5)), ""))


TASKS: dict[str, Callable[[Int[np.ndarray, " n"], np.random.Generator, int], Rules] | None] = {
    "content": _content,
    "speech": _speech,
    "tree": _tree,
    "span": _span,
    "length": None,
    "infill": None,
    "content+tree": _both,
    "diagonals": _diagonals,
}


def rules_of(solution: Int[np.ndarray, " n"], d: int, rng: np.random.Generator) -> Rules:
    """Rules of a random task that a solution obeys, to train networks that are told of rules: any task of its board but
    `diagonals`, an infilling's clues being rules too."""
    if len(solution) != 36:  # a colouring
        return _classes(solution, d, rng, int(rng.integers(2)))
    task, number = TOLD[int(rng.integers(len(TOLD)))], int(rng.integers(2))
    if task == "infill":
        return tuple(Among((cell,), (int(solution[cell]),), 1, 1) for cell in (*range(12), *range(24, 36)))
    if task == "span" and number:
        for path in (_path(rng, 4) for _ in range(1000)):
            if (np.diff(solution[list(path)]) > 0).all():
                return (Increasing(path, d),)
    return TASKS[task](solution, rng, 0 if task == "span" else number)


def mismatched_rules(rules: Sequence[Rules]) -> list[Rules]:
    """Every second board meets its neighbour's rules instead of its own: nothing in the rules tells which it is."""
    return [rules[row - row % 2] for row in range(len(rules))]


def satisfied_cells(rules: Sequence[Rules], boards: Int[np.ndarray, "batch n"]) -> Bool[np.ndarray, "batch n"]:
    """Where all rules of a cell hold on complete boards, each board with rules of its own."""
    fine = np.ones(boards.shape, dtype=bool)
    for row, of_board in enumerate(rules):
        for rule in of_board:
            if rule.violated(boards[row]):
                fine[row, list(rule.scope)] = False
    return fine


TOLD = ("content", "speech", "tree", "span", "infill", "content+tree")


def _cage(grid: Int[np.ndarray, " n"], scope: tuple[int, ...]) -> Rules:
    total = Sum(scope, int(grid[list(scope)].sum()), 6)
    return (total,) if len(scope) == 1 else (total, AllDifferent(scope, ""))


def cages(grid: Int[np.ndarray, " n"], rng: np.random.Generator) -> list[tuple[int, ...]]:
    """A random partition of the board into connected cages without a value twice: grown from the lowest free cell."""
    free, made = set(range(36)), []
    while free:
        scope = [min(free)]
        size = int(rng.integers(LARGE[0], LARGE[1] + 1))
        while len(scope) < size:
            held = {int(grid[cell]) for cell in scope}
            near = sorted({c for cell in scope for c in _beside(cell) if c in free and c not in scope})
            near = [cell for cell in near if int(grid[cell]) not in held]
            if not near:
                break
            scope.append(near[int(rng.integers(len(near)))])
        free -= set(scope)
        made.append(tuple(sorted(scope)))
    return made


def _path(rng: np.random.Generator, length: int) -> tuple[int, ...]:
    """A random path over neighbouring cells of the 6x6 board that never crosses itself."""
    while True:
        path = [int(rng.integers(36))]
        while len(path) < length:
            steps = [cell for cell in _beside(path[-1]) if cell not in path]
            if not steps:
                break
            path.append(steps[int(rng.integers(len(steps)))])
        if len(path) == length:
            return tuple(path)


def _beside(cell: int) -> Iterator[int]:
    row, column = divmod(cell, 6)
    for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
        if 0 <= r < 6 and 0 <= c < 6:
            yield 6 * r + c


def _colours(rng: np.random.Generator, seed: int, number: int) -> Target:
    plain = draw("graph20", seed, "test", number)
    n, d = plain.problem.n, plain.problem.d
    exact = Colourings(plain.problem)
    if number % 2:
        sizes = [m for m in range(n + 1) if (m < 2 or m > 6) and exact.of_size(m, m)]
        rule = _class_of(int(1 + rng.integers(d)), sizes[int(rng.integers(len(sizes)))], n)
        return Target("length", plain, (rule,), exact.of_size(rule.low, rule.high), exact.total)
    used = [k for k in range(1, d + 1) if exact.using(k, k)]
    if not used:
        raise BadInput(f"{plain.provenance}: has no colouring")
    k = used[int(rng.integers(len(used)))]
    return Target("length", plain, (NValues(tuple(range(n)), k, k),), exact.using(k, k), exact.total)


def _class_of(value: int, size: int, n: int) -> Among:
    return Among(tuple(range(n)), (value,), max(0, size - TOLERANCE), size + TOLERANCE)


def _classes(solution: Int[np.ndarray, " n"], d: int, rng: np.random.Generator, number: int) -> Rules:
    n = len(solution)
    if number % 2:
        value = int(1 + rng.integers(d))
        return (_class_of(value, int((solution == value).sum()), n),)
    k = len(np.unique(solution))
    return (NValues(tuple(range(n)), k, k),)
