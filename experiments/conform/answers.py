"""How a solver under test is called, and what it may answer.

The simplest solver is a function of a puzzle:

    def solve(puzzle):
        return grid              # or None: there is no solution; or takeback.UNKNOWN: I gave up

puzzle: a csp.problem.Instance, or by --format a grid (a list of rows, 0 blank) or a string ("53..7...", row by row).
It answers with one of
    a grid      all cells: rows of numbers, one flat sequence, an array, a string of symbols, or {cell: value}
    None        there is no solution
    UNKNOWN     it gave up; raising csp.errors.Undecided says the same
    a Trace     as this project's solvers do: "solved", "refuted" (no solution), or any other end (gave up)
A second parameter without a default is given the seed. Every other exception is a fault of the solver.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from csp.answers import UNKNOWN
from csp.errors import BadInput, Undecided, one_line, shown
from csp.families import sudoku
from csp.io.instance_records import is_board
from csp.problem import Instance
from csp.trace import Trace, replay

Format = Literal["instance", "grid", "string"]


@dataclass(frozen=True)
class Answer:
    """What a solver said. kind: solution, none, unknown; raised and unreadable where it did not answer as it must.

    values (n,): of a solution, whatever they are. said: of what it raised or could not be read. trace: if it gave one.
    """

    kind: Literal["solution", "none", "unknown", "raised", "unreadable"]
    values: np.ndarray | None = None
    said: str = ""
    trace: Trace | None = None


class Solver:
    """A solver under test. form: what it is given; complete: it may never say that it gave up; irrevocable: it may
    never take back.

    Raises BadInput for what cannot be called with a puzzle.
    """

    def __init__(
        self,
        solve: Callable,
        form: Format = "instance",
        seed: int = 0,
        complete: bool = False,
        irrevocable: bool = False,
    ):
        self.solve, self.form, self.seed = solve, form, seed
        self.complete, self.irrevocable = complete, irrevocable
        self.seeded = _takes_seed(solve)

    def __call__(self, instance: Instance) -> Answer:
        """Its answer to a puzzle, which it cannot change: it gets a copy."""
        copy = Instance(instance.problem, instance.givens.copy(), instance.family, instance.provenance)
        given = {"instance": lambda: copy, "grid": lambda: _rows(copy), "string": lambda: sudoku.write(*_board(copy))}
        arguments = (given[self.form](), self.seed) if self.seeded else (given[self.form](),)
        try:
            answer = self.solve(*arguments)
        except Undecided:
            return Answer("unknown")
        except (Exception, SystemExit) as fault:
            text = f": {fault}" if str(fault) else ""
            return Answer("raised", said=one_line(f"{type(fault).__name__}{text}"))
        return read(answer, instance)


def _board(instance: Instance) -> tuple:
    """(problem, givens). Raises BadInput for a graph, which is neither grid nor string."""
    if not is_board(instance.problem):
        raise BadInput(f"a {instance.problem.name} is no grid: give graphs with --format instance")
    return instance.problem, instance.givens


def _rows(instance: Instance) -> list[list[int]]:
    problem, givens = _board(instance)
    return givens.reshape(problem.d, problem.d).tolist()


def _takes_seed(solve: Callable) -> bool:
    """Whether a solver needs a seed besides the puzzle. Raises BadInput if it takes no puzzle, or needs more."""
    if not callable(solve):
        raise BadInput(f"{shown(solve)} is not callable: a solver is a function of a puzzle")
    try:
        signature = inspect.signature(solve)
    except ValueError:  # compiled, and does not say
        return False
    for arguments in ((None,), (None, 0)):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return len(arguments) == 2
    raise BadInput(f"its signature is {signature}: a solver is called with a puzzle, or with a puzzle and a seed")


def read(answer: Any, instance: Instance) -> Answer:
    """What a solver's answer says; unreadable, with the reason, for what is none."""
    if answer is None:
        return Answer("none")
    if answer is UNKNOWN:
        return Answer("unknown")
    if isinstance(answer, Trace):
        return _of_trace(answer, instance)
    try:
        values = _values(answer, instance.problem.n)
    except (ValueError, TypeError, OverflowError) as fault:
        return Answer("unreadable", said=one_line(str(fault)))
    return Answer("solution", values)


def _of_trace(trace: Trace, instance: Instance) -> Answer:
    if trace.end != "solved":
        return Answer("none" if trace.end == "refuted" else "unknown", trace=trace)
    try:
        return Answer("solution", replay(trace, instance.givens, instance.problem.d)[-1], trace=trace)
    except BadInput as fault:
        return Answer("unreadable", said=str(fault), trace=trace)


def _values(answer: Any, n: int) -> np.ndarray:
    """The n cells of a grid in any of its forms. Raises ValueError, saying why, for what is none."""
    if isinstance(answer, str):
        cells = ["." if symbol == "0" else symbol for symbol in answer.upper() if not symbol.isspace()]
        if foreign := set(cells) - set(sudoku.SYMBOLS):
            raise ValueError(f"the answer {shown(answer)} holds {shown(min(foreign))}, which is no value")
        answer = [sudoku.SYMBOLS.index(symbol) for symbol in cells]
    elif isinstance(answer, Mapping):
        if set(answer) != set(range(n)):
            raise ValueError(f"the answer {shown(answer)} does not name the cells 0 to {n - 1}, each once")
        answer = [answer[cell] for cell in range(n)]
    try:
        values = np.asarray(answer)
    except ValueError:
        raise ValueError(f"the answer {shown(answer)} is no grid") from None
    if values.dtype.kind not in "iu":
        raise ValueError(f"the answer {shown(answer)} is no grid of whole numbers, None or UNKNOWN")
    if values.size != n:
        raise ValueError(f"the answer has {values.size} cells; the puzzle has {n}")
    return values.reshape(n).astype(np.int64)
