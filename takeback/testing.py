"""For test suites: hypothesis strategies, checks, brute force, and pytest fixtures. docs/conformance.md shows all.

    from hypothesis import given
    from takeback.testing import check_solver, puzzles

    def test_my_solver():
        check_solver(solve, puzzles=["sudoku4"], draws=200)         # every property, with the smallest counterexample

    @given(puzzles("sudoku4", "colouring"))
    def test_mine(instance): ...                                    # a takeback.Instance

Installed, it is a pytest plugin: every suite has the fixtures conform and certified_puzzles. What takes time to import
is imported when a name is first asked for, so that suites which use none of this do not wait for it. It needs
pytest and hypothesis: pip install 'takeback[conform]'.
"""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

import pytest

#: name: the module that it is from.
_HOMES = {
    **dict.fromkeys(("brute_debt", "extending", "keeps", "solutions_of"), "experiments.conform.brute_force"),
    **dict.fromkeys(
        (
            "digits",
            "graphs",
            "instances",
            "mixed",
            "problems",
            "puzzles",
            "rules",
            "states",
            "sudokus",
            "traced",
            "traces",
        ),
        "experiments.conform.strategies",
    ),
    **dict.fromkeys(("batches", "decoders"), "experiments.conform.decoder_strategies"),
    "check_model": "experiments.conform.model_properties",
    "check_solver": "experiments.conform.solver_properties",
    "check_traces": "experiments.conform.trace_properties",
}
__all__ = [*sorted(_HOMES), "certified_puzzles", "conform"]


def __getattr__(name: str) -> object:
    """A strategy, a check or brute force, from its home. Raises AttributeError for any other name."""
    if name not in _HOMES:
        raise AttributeError(f"module 'takeback.testing' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


@pytest.fixture(scope="session")
def conform() -> SimpleNamespace:
    """The checks: conform.solver(solve), conform.model(model), conform.traces(traces, instances)."""
    names = {"solver": "check_solver", "model": "check_model", "traces": "check_traces"}
    return SimpleNamespace(**{short: __getattr__(name) for short, name in names.items()})


@pytest.fixture(scope="session")
def certified_puzzles() -> dict[str, list]:
    """Eight puzzles each of sudoku4, sudoku6 and colouring, with their certified search need and a solution."""
    draw = import_module("csp.generate").draw
    return {name: [draw(name, 1, "test", index) for index in range(8)] for name in ("sudoku4", "sudoku6", "colouring")}
