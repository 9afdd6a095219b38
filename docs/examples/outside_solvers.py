"""Solvers of other projects, each in a few lines as `takeback conform solver` wants them (docs/conformance.md).

    takeback conform solver docs/examples/outside_solvers.py:python_constraint

py-sudoku and dokusan are not among this project's requirements: pip install 'takeback[bench]'.
"""

from __future__ import annotations

from takeback import UNKNOWN, Instance


def _python_constraint(puzzle: Instance, solver) -> dict[int, int] | None:
    """Cells are variables; every rule says that its cells differ."""
    import constraint

    problem = constraint.Problem(solver)
    for cell, given in enumerate(puzzle.givens.tolist()):
        problem.addVariable(cell, [given] if given else list(range(1, puzzle.problem.d + 1)))
    for rule in puzzle.problem.constraints:
        problem.addConstraint(constraint.AllDifferentConstraint(), list(rule.scope))
    return problem.getSolution()


def python_constraint(puzzle: Instance) -> dict[int, int] | None:
    """python-constraint2's BacktrackingSolver."""
    import constraint

    return _python_constraint(puzzle, constraint.BacktrackingSolver())


def python_constraint_local(puzzle: Instance) -> dict[int, int] | None:
    """Its MinConflictsSolver, whose None is taken for "there is no solution", as that of the others is."""
    import constraint

    return _python_constraint(puzzle, constraint.MinConflictsSolver())


def _greedy_colours(puzzle: Instance) -> dict[int, int]:
    """networkx's greedy_color, largest degree first, of the graph and a node for each colour, to say what is given."""
    import networkx as nx

    problem = puzzle.problem
    graph = nx.Graph()
    graph.add_nodes_from(range(problem.n))
    for rule in problem.constraints:
        graph.add_edges_from((a, b) for a in rule.scope for b in rule.scope if a < b)
    palette = [f"colour {value}" for value in range(1, problem.d + 1)]
    graph.add_nodes_from(palette)
    graph.add_edges_from((a, b) for a in palette for b in palette if a < b)
    for cell, given in enumerate(puzzle.givens.tolist()):
        if given:  # joined to every colour but its own
            graph.add_edges_from((cell, colour) for colour in palette if colour != f"colour {given}")

    found = nx.greedy_color(graph, strategy="largest_first")
    value_of = {found[colour]: value for value, colour in enumerate(palette, 1)}
    return {cell: value_of.get(found[cell], problem.d + 1) for cell in range(problem.n)}


def networkx_greedy(puzzle: Instance) -> object:
    """More colours than there are: it gave up, which is not the same as "there is no colouring"."""
    colours = _greedy_colours(puzzle)
    return colours if max(colours.values(), default=0) <= puzzle.problem.d else UNKNOWN


def networkx_greedy_as_proof(puzzle: Instance) -> dict[int, int] | None:
    """The same, where that is taken for "there is no colouring"."""
    colours = _greedy_colours(puzzle)
    return colours if max(colours.values(), default=0) <= puzzle.problem.d else None


def _box(side: int) -> tuple[int, int]:
    """(rows, columns) of a box."""
    return {4: (2, 2), 6: (2, 3), 9: (3, 3)}[side]


def py_sudoku(rows: list[list[int]]) -> list[list[int]] | None:
    """py-sudoku, --format grid."""
    from sudoku import Sudoku
    from sudoku.sudoku import UnsolvableSudoku

    high, wide = _box(len(rows))
    try:
        return Sudoku(wide, high, board=rows).solve(assert_solvable=True).board
    except UnsolvableSudoku:
        return None


def dokusan(text: str) -> str | None:
    """dokusan's backtracking, --format string."""
    from dokusan.boards import BoxSize, Sudoku
    from dokusan.exceptions import DokusanError
    from dokusan.solvers import backtrack

    high, wide = _box(round(len(text) ** 0.5))
    try:
        return str(backtrack(Sudoku.from_string(text, box_size=BoxSize(high, wide))))
    except DokusanError:
        return None
