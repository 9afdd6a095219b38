"""`takeback conform solver`: run the properties on somebody's solver.

    takeback conform solver my_solver.py:solve --puzzles sudoku9 --format string
    takeback conform solver my_solver.py:solve --property checker --replay sudoku4:1...............

Exits with 0 if no property failed and with 1 if one did; the same command prints the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import tyro

from experiments.conform import answers, cases, targets
from experiments.conform.answers import Format
from experiments.conform.options import Draws
from experiments.conform.report import show
from experiments.conform.solver_properties import draw_result, solver_results


@dataclass(frozen=True)
class Solver(Draws):
    """Test a solver: solve(puzzle) -> a grid, None (no solution) or takeback.UNKNOWN (gave up)."""

    format: Format = "instance"
    """What it is given: a takeback.Instance; or, Sudokus only, rows of numbers (0 blank) or a string (. blank)."""
    complete: tyro.conf.FlagCreatePairsOff[bool] = False
    """It claims that it never gives up."""
    irrevocable: tyro.conf.FlagCreatePairsOff[bool] = False
    """It claims that its traces take nothing back."""


def main(options: Solver) -> None:
    """Run it. Raises BadInput for what is no solver; exits with 1 if a property failed."""
    options.check()
    solve = targets.solver(options.target)
    solver = answers.Solver(solve, options.format, options.seed, options.complete, options.irrevocable)
    case = None if options.replay is None else cases.parse_instance(options.replay)
    results = solver_results(solver, options.puzzles, options.draws, options.seed, options.property, case)

    flags = ["--format", options.format] if options.format != "instance" else []
    flags += [f"--{name}" for name in ("complete", "irrevocable") if getattr(options, name)]
    again = options.command("solver", *flags)
    print(f"{options.heading()}\n")
    show(results, lambda name, found: again(name, cases.spell_instance(found)), draw_result)
