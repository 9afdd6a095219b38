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

from collections.abc import Callable, Iterable, Iterator, Sequence

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

SIDE = 6  # of the board: small enough that all of its grids are listed, so that a target's rarity is exact
CELLS = SIDE * SIDE
CAGE_SIZES = (2, 4)  # fewest and most cells of a tree's cages
SPAN_CELLS, PATH_CELLS = 5, 4  # of a span's cage; of its path of rising values
CONTENT_CELLS, CONTENT_REGION, CONTENT_TIMES = 4, 6, 3  # chosen cells; or a region and how often a value stands in it
INFILL = (*range(12), *range(24, CELLS))  # given cells: the first two rows and the last two
RARE = 0.1  # share of all grids that may obey a target: with more, drawing without control would do
TOLERANCE = 2  # of a class's size, as Diffusion-LM allows for a length
USUAL_CLASS = (2, 6)  # nodes that a colour has in most colourings of 20 nodes with 6: no control to ask for
GRIDS_DRAWN = 2_000  # uniform grids among which one is sought whose values rise along a path
PATHS_DRAWN = 1_000  # the other way round: paths among which one is sought along which a grid's values rise
Rules = tuple[Constraint, ...]


def targets(task: str, seed: int, count: int, tick: Callable[[], None] = lambda: None) -> list[Target]:
    """The first `count` targets of a task; `diagonals` has one. tick is called after each.

    Raises BadInput for an unknown task. A longer list begins with the shorter one.
    """
    made = []
    for number in range(how_many(task, count)):
        made.append(target(task, seed, number))
        tick()
    return made


def how_many(task: str, count: int) -> int:
    """Targets that there are of a task, at most count. Raises BadInput for an unknown one."""
    one_of("task", task, TASKS)
    return count if task != "diagonals" else min(count, 1)


def target(task: str, seed: int, number: int) -> Target:
    """A target: it depends on task, seed and number alone. Odd and even numbers are the two kinds of a task that has
    two.
    """
    rng = stream("control", task, seed, number)
    return _colours(rng, seed, number) if task == "length" else _grid(task, rng, number)


def _grid(task: str, rng: np.random.Generator, number: int) -> Target:
    """A target on the empty 6x6 board, read off a uniform grid and rare."""
    plain = draw(f"grid{SIDE}", 0, ANY, 0)
    grids = all_grids(plain.problem)
    grid = grids.uniform(rng, 1)[0]

    # clues instead of rules; rare without a check, since 24 cells leave few grids
    if task == "infill":
        shown = np.where(np.isin(np.arange(CELLS), INFILL), grid, 0)
        given = Instance(plain.problem, shown, plain.family, f"{task} {number}", witness=grid)
        return Target(task, given, (), grids.count(Target(task, given, (), 0, 0).clues), grids.total)

    # read rules off the grid, and once more off another grid while too many obey them
    while True:
        if task == "span" and number % 2:
            # few grids have a rising path, so the path is drawn first and then a grid that rises along it
            path = _path(rng, PATH_CELLS)
            grid = next(g for g in grids.uniform(rng, GRIDS_DRAWN) if _rises(g, path))
            rules: Rules = (Increasing(path, SIDE),)
        else:
            rules = TASKS[task](grid, rng, number)
        satisfying = grids.count(rules)
        if satisfying <= RARE * grids.total:
            break
        grid = grids.uniform(rng, 1)[0]

    plain = Instance(plain.problem, plain.givens, plain.family, f"{task} {number}", witness=grid)
    return Target(task, plain, rules, satisfying, grids.total)


def _rises(grid: Int[np.ndarray, " n"], path: tuple[int, ...]) -> bool:
    return bool((np.diff(grid[list(path)]) > 0).all())


def _content(grid: Int[np.ndarray, " n"], rng: np.random.Generator, number: int) -> Rules:
    """Odd: how often the commonest value of a region stands there. Even: chosen cells keep their values."""
    while number % 2:
        region = tuple(sorted(rng.choice(CELLS, size=CONTENT_REGION, replace=False).tolist()))
        sizes = np.bincount(grid[list(region)], minlength=SIDE + 1)
        if sizes.max() >= CONTENT_TIMES:
            return (Among(region, (int(sizes.argmax()),), int(sizes.max()), int(sizes.max())),)
    return _cells(grid, rng, number)


def _cells(grid: Int[np.ndarray, " n"], rng: np.random.Generator, number: int) -> Rules:
    return _clues(grid, sorted(rng.choice(CELLS, size=CONTENT_CELLS, replace=False).tolist()))


def _clues(grid: Int[np.ndarray, " n"], cells: Iterable[int]) -> Rules:
    """Each cell holds the grid's value: one of one value, exactly once."""
    return tuple(Among((cell,), (int(grid[cell]),), 1, 1) for cell in cells)


def _speech(grid: Int[np.ndarray, " n"], rng: np.random.Generator, number: int) -> Rules:
    """Odd: every cell is low or high. Even: odd or even."""
    classes = ((1, 2, 3), (4, 5, 6)) if number % 2 else ((1, 3, 5), (2, 4, 6))
    return tuple(Among((cell,), classes[int(grid[cell] in classes[1])], 1, 1) for cell in range(CELLS))


def _tree(grid: Int[np.ndarray, " n"], rng: np.random.Generator, number: int) -> Rules:
    return tuple(rule for scope in cages(grid, rng) for rule in _cage(grid, scope))


def _span(grid: Int[np.ndarray, " n"], rng: np.random.Generator, number: int) -> Rules:
    """A path of cells without a value twice, as a cage."""
    while True:
        scope = _path(rng, SPAN_CELLS)
        if len(set(grid[list(scope)].tolist())) == len(scope):
            return _cage(grid, scope)


def _both(grid: Int[np.ndarray, " n"], rng: np.random.Generator, number: int) -> Rules:
    return _cells(grid, rng, number) + _tree(grid, rng, number)


def _diagonals(grid: Int[np.ndarray, " n"], rng: np.random.Generator, number: int) -> Rules:
    falling, rising = range(0, CELLS, SIDE + 1), range(SIDE - 1, CELLS - 1, SIDE - 1)
    return (AllDifferent(tuple(falling), ""), AllDifferent(tuple(rising), ""))


#: name: (grid, rng, number) -> the rules read off the grid; None where the target is more than rules.
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

#: Tasks of the 6x6 board whose rules networks are trained on: all but `diagonals`, which is to be new to them.
TRAINED = ("content", "speech", "tree", "span", "infill", "content+tree")


def rules_of(solution: Int[np.ndarray, " n"], d: int, rng: np.random.Generator) -> Rules:
    """Rules of a random task that a solution obeys, to train networks that read rules: any task of its board but
    `diagonals`, an infilling's clues being rules too."""
    if len(solution) != CELLS:  # a colouring
        return _classes(solution, d, rng, int(rng.integers(2)))

    task, number = TRAINED[int(rng.integers(len(TRAINED)))], int(rng.integers(2))
    if task == "infill":
        return _clues(solution, INFILL)
    if task == "span" and number:
        # the grid is given here, so the path is sought; a grid without one gets a cage instead
        for path in (_path(rng, PATH_CELLS) for _ in range(PATHS_DRAWN)):
            if _rises(solution, path):
                return (Increasing(path, d),)
    return TASKS[task](solution, rng, 0 if task == "span" else number)


def mismatched_rules(rules: Sequence[Rules]) -> list[Rules]:
    """Every second board (1, 3, ...) meets the rules of the board before it instead of its own.

    For training what judges whether a board obeys rules: both cases occur, and the rules alone do not tell which it is.
    """
    return [rules[row - row % 2] for row in range(len(rules))]


def satisfied_cells(rules: Sequence[Rules], boards: Int[np.ndarray, "batch n"]) -> Bool[np.ndarray, "batch n"]:
    """Where all rules of a cell hold on complete boards, each board with rules of its own."""
    fine = np.ones(boards.shape, dtype=bool)
    for row, of_board in enumerate(rules):
        for rule in of_board:
            if rule.violated(boards[row]):
                fine[row, list(rule.scope)] = False
    return fine


def _cage(grid: Int[np.ndarray, " n"], scope: tuple[int, ...]) -> Rules:
    """The scope's sum, and no value twice in it."""
    total = Sum(scope, int(grid[list(scope)].sum()), SIDE)
    return (total,) if len(scope) == 1 else (total, AllDifferent(scope, ""))


def cages(grid: Int[np.ndarray, " n"], rng: np.random.Generator) -> list[tuple[int, ...]]:
    """A random partition of the board into connected cages without a value twice: grown from the lowest free cell."""
    free, made = set(range(CELLS)), []
    while free:
        scope = [min(free)]
        size = int(rng.integers(CAGE_SIZES[0], CAGE_SIZES[1] + 1))

        # grow by a random free neighbour with a new value; a cage without one stays small
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
    """A random path over neighbouring cells of the 6x6 board that never crosses itself; stuck ones are dropped."""
    while True:
        path = [int(rng.integers(CELLS))]
        while len(path) < length:
            steps = [cell for cell in _beside(path[-1]) if cell not in path]
            if not steps:
                break
            path.append(steps[int(rng.integers(len(steps)))])
        if len(path) == length:
            return tuple(path)


def _beside(cell: int) -> Iterator[int]:
    """The cells above, below, left and right of a cell."""
    row, column = divmod(cell, SIDE)
    for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
        if 0 <= r < SIDE and 0 <= c < SIDE:
            yield SIDE * r + c


def _colours(rng: np.random.Generator, seed: int, number: int) -> Target:
    """A target on a graph of 20 nodes. Odd: a small or a large class. Even: how many colours are used."""
    plain = draw("graph20", seed, "test", number)
    n, d = plain.problem.n, plain.problem.d
    exact = Colourings(plain.problem)

    # a class of a size that some colouring gives it, but most do not
    if number % 2:
        sizes = [m for m in range(n + 1) if not USUAL_CLASS[0] <= m <= USUAL_CLASS[1] and exact.of_size(m, m)]
        rule = _class_of(int(1 + rng.integers(d)), sizes[int(rng.integers(len(sizes)))], n)
        return Target("length", plain, (rule,), exact.of_size(rule.low, rule.high), exact.total)

    used = [k for k in range(1, d + 1) if exact.using(k, k)]
    if not used:
        raise BadInput(f"{plain.provenance}: has no colouring")
    k = used[int(rng.integers(len(used)))]
    return Target("length", plain, (NValues(tuple(range(n)), k, k),), exact.using(k, k), exact.total)


def _class_of(value: int, size: int, n: int) -> Among:
    """The value stands in `size` of n nodes, give or take TOLERANCE."""
    return Among(tuple(range(n)), (value,), max(0, size - TOLERANCE), size + TOLERANCE)


def _classes(solution: Int[np.ndarray, " n"], d: int, rng: np.random.Generator, number: int) -> Rules:
    """What a colouring obeys of `length`. Odd: the size of a class. Even: how many colours it uses."""
    n = len(solution)
    if number % 2:
        value = int(1 + rng.integers(d))
        return (_class_of(value, int((solution == value).sum()), n),)
    k = len(np.unique(solution))
    return (NValues(tuple(range(n)), k, k),)
