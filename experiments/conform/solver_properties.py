"""What every solver must do, whoever wrote it.

    >>> results = solver_results(Solver(solve), ("sudoku4", "colouring"), draws=200)
    >>> check_solver(solve)                         # in a test: raises AssertionError with a counterexample

Each check judges one puzzle; truth about it comes from brute force, or from an oracle where it is too large for that.
An answer that one property is not about (an exception, say, for the checker) is left to the property that is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from csp.problem import Instance
from experiments.conform import cases
from experiments.conform.answers import Format, Solver
from experiments.conform.cases import count_to_two, fault_of
from experiments.conform.harness import DRAWS, Finding, Outcome, Property, Result, chosen, replayed, search
from experiments.conform.report import raise_failed
from experiments.conform.strategies import PUZZLES, SIDES, USUAL, families
from experiments.conform.strategies import puzzles as drawn_puzzles
from experiments.conform.trace_properties import trace_fault


def no_exception(solver: Solver, instance: Instance) -> Outcome:
    answer = solver(instance)
    return Finding(f"raised {answer.said}") if answer.kind == "raised" else True


def readable(solver: Solver, instance: Instance) -> Outcome:
    answer = solver(instance)
    if answer.kind == "unreadable":
        return Finding(answer.said)
    return answer.kind != "raised"


def keeps_givens(solver: Solver, instance: Instance) -> Outcome:
    answer = solver(instance)
    if answer.kind != "solution":
        return False
    changed = ((instance.givens > 0) & (answer.values != instance.givens)).any()
    return Finding(fault_of(instance, answer.values), {"answer": answer.values}) if changed else True


def passes_checker(solver: Solver, instance: Instance) -> Outcome:
    answer = solver(instance)
    if answer.kind != "solution":
        return False
    if instance.problem.solved(answer.values):
        return True
    # givens that were changed are the other property's; here they count as what they were changed to
    plain = Instance(instance.problem, np.zeros_like(instance.givens), instance.family, instance.provenance)
    return Finding(fault_of(plain, answer.values), {"answer": answer.values})


def none_is_true(solver: Solver, instance: Instance) -> Outcome:
    answer = solver(instance)
    if answer.kind == "none" and (count := count_to_two(instance)):
        return Finding(f"answered that there is no solution; there {'is one' if count == 1 else 'are several'}")
    return answer.kind == "none" or (answer.kind == "solution" and bool(instance.solved(answer.values)))


def answers_all(solver: Solver, instance: Instance) -> Outcome:
    if not solver.complete:
        return False
    return Finding("gave up (UNKNOWN)") if solver(instance).kind == "unknown" else True


def repeats_itself(solver: Solver, instance: Instance) -> Outcome:
    first, again = solver(instance), solver(instance)
    if first.kind != again.kind:
        return Finding(f"answered '{first.kind}' at first, then '{again.kind}'")
    if first.kind == "solution" and (first.values != again.values).any():
        return Finding("answered with two different grids", {"answer": first.values, "again": again.values})
    if first.trace and (first.trace.events, first.trace.end) != (again.trace.events, again.trace.end):
        return Finding("answered with two different traces")
    return first.kind not in ("raised", "unreadable")


def trace_conforms(solver: Solver, instance: Instance) -> Outcome:
    trace = solver(instance).trace
    if trace is None:
        return False
    return trace_fault(trace, instance, solver.irrevocable) or True


#: In the order in which they are reported: a fault of the first hides what the others are about.
SOLVER_PROPERTIES = (
    Property("exception", "it answers without an exception", no_exception),
    Property("answer", "its answer is a grid, None or UNKNOWN", readable),
    Property("givens", "no given changes", keeps_givens),
    Property("checker", "a grid is complete and breaks no rule", passes_checker),
    Property("unsolvable", "it says that there is no solution only where there is none", none_is_true),
    Property("complete", "it never gives up (--complete)", answers_all),
    Property("repeat", "the same puzzle and seed get the same answer", repeats_itself),
    Property("trace", "its trace replays, and says truly how it ended", trace_conforms),
)


def solver_results(
    solver: Solver,
    puzzles: Sequence[str] = (),
    draws: int = DRAWS,
    seed: int = 0,
    properties: Sequence[str] = (),
    case: Instance | None = None,
) -> list[Result]:
    """What comes of each property on its own draws of those families, or on the one case.

    "complete" is judged only of a solver that claims it. Raises BadInput for unknown families or properties.
    """
    graphs = solver.form == "instance"  # what is no grid is given as an instance only
    names = families(puzzles, USUAL if graphs else ("sudoku4", "sudoku6"), PUZZLES if graphs else tuple(SIDES))
    some = [p for p in chosen(SOLVER_PROPERTIES, properties) if p.name != "complete" or solver.complete]
    if case is not None:
        return [replayed(prop, solver, case) for prop in some]
    drawn = drawn_puzzles(*names)
    return [search(prop, solver, drawn, draws, seed, cases.kinds, cases.spell_instance) for prop in some]


def draw_result(result: Result) -> str:
    """The counterexample, drawn."""
    return cases.draw_boards(result.case, {"puzzle": result.case.givens, **result.finding.boards})


def check_solver(
    solve: Callable,
    puzzles: Sequence[str] = (),
    draws: int = DRAWS,
    seed: int = 0,
    properties: Sequence[str] = (),
    format: Format = "instance",
    complete: bool = False,
    irrevocable: bool = False,
) -> list[Result]:
    """Judge a solver (experiments/conform/answers.py says what one is) by all properties, or those named, on
    `draws` puzzles each.

    puzzles: of sudoku4, sudoku6, sudoku9, colouring. complete: it may never give up; irrevocable: its traces may take
    nothing back. Raises AssertionError with the smallest counterexamples, drawn; BadInput for what is no solver.
    """
    results = solver_results(Solver(solve, format, seed, complete, irrevocable), puzzles, draws, seed, properties)
    raise_failed(results, lambda name, case: f"--property {name} --replay {cases.spell_instance(case)}", draw_result)
    return results
