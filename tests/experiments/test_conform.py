"""`takeback conform solver`: right solvers pass, planted faults are caught, shrunk, replayed; bad input is one line."""

import re

import numpy as np
import pytest
from conform_command import run
from hypothesis import given
from hypothesis import strategies as st

from csp.answers import UNKNOWN
from csp.errors import BadInput, Undecided
from csp.families import colouring, sudoku
from csp.problem import Instance
from experiments.conform import answers, cases, faulty, harness
from experiments.conform.answers import Solver
from experiments.conform.harness import Finding, Property
from experiments.conform.solver_properties import SOLVER_PROPERTIES, solver_results
from solvers.oracles.pick import settle
from takeback.testing import check_solver, puzzles

FAULTS = {"misses_boxes": "checker", "loses_a_given": "givens", "calls_unknown_unsolvable": "unsolvable"}


def outcome(name, solve, text, **how):
    """What a property says of a solver on one puzzle."""
    prop = next(prop for prop in SOLVER_PROPERTIES if prop.name == name)
    return prop.check(Solver(solve, **how), cases.parse_instance(text))


@pytest.mark.parametrize("form", ["instance", "grid", "string"])
def test_a_right_solver_passes_in_every_form(form):
    def solve(given):
        if form == "instance":
            return settle(given)
        text = given if form == "string" else "".join(str(value) for row in given for value in row)
        side = round(len(text) ** 0.5)
        found = settle(Instance(sudoku.board(side), np.array([int(c.replace(".", "0")) for c in text]), "x", "x"))
        if found is None:
            return None
        return "".join(map(str, found)) if form == "string" else found.reshape(side, side).tolist()

    results = check_solver(solve, draws=12, format=form, complete=True)
    assert [result.property.name for result in results if not result.judged] == ["trace"]  # it returns none


@pytest.mark.parametrize(("name", "fault"), FAULTS.items())
def test_planted_faults_are_caught_within_200_draws(name, fault):
    results = solver_results(Solver(getattr(faulty, name)), draws=200, properties=[fault])
    assert results[0].failed and results[0].draws <= 200
    others = [prop.name for prop in SOLVER_PROPERTIES if prop.name not in (fault, "trace")]
    assert not any(result.failed for result in solver_results(Solver(getattr(faulty, name)), (), 5, 0, others))


def test_a_counterexample_is_minimal():
    """A given that is lost shows on a board with one given, a missed edge on a graph of that edge."""
    lost = solver_results(Solver(faulty.loses_a_given), ["sudoku4"], 60, 0, ["givens"])[0]
    assert (lost.case.givens > 0).sum() == 1
    boxes = solver_results(Solver(faulty.misses_boxes), ["sudoku4"], 60, 0, ["checker"])[0]
    assert not boxes.case.givens.any() and "of one box" in boxes.finding.said
    missed = solver_results(Solver(faulty.misses_boxes), ["colouring"], 60, 0, ["checker"])[0]
    assert missed.case.problem.n == 2 and colouring.edges(missed.case.problem) == [(0, 1)]
    assert missed.case.problem.d == 2 and not missed.case.givens.any()


def test_the_command_reports_and_its_replay_fails_alike(capsys):
    target = "experiments.conform.faulty:loses_a_given"
    assert run("solver", target, "--draws", "30", "--puzzles", "sudoku4") == 1
    said = capsys.readouterr().out
    assert "FAILED givens" in said and "held   checker" in said and "1 of 7 properties failed: givens" in said
    assert re.search(r"^ +\d+ sudoku4; \d+ no solution, \d+ one solution, \d+ several solutions$", said, re.MULTILINE)
    assert re.search(r"^ +puzzle       answer\n +[1-4.] [1-4.] \| ", said, re.MULTILINE)

    words = re.search(r"replay: takeback conform (.*)", said)[1].split()
    assert run(*words) == 1
    again = capsys.readouterr().out
    found = re.search(r"r\dc\d is given as \d and answered as \d", said)[0]
    assert found in again and "number 1 broke it" in again

    assert run("solver", "experiments.conform.faulty:misses_boxes", *words[2:]) == 0
    assert "none of 1 properties failed" in capsys.readouterr().out


def test_the_same_command_prints_the_same_and_another_seed_draws_others(capsys):
    said = []
    for seed in ("0", "0", "1"):
        run("solver", "experiments.conform.faulty:loses_a_given", "--draws", "20", "--seed", seed)
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] and said[0].replace("seed 0", "") != said[2].replace("seed 1", "")


def test_what_a_solver_prints_is_dropped_while_it_is_drawn_for_and_shown_in_a_replay(tmp_path, capsys):
    file = tmp_path / "loud.py"
    file.write_text("def solve(puzzle):\n    print('loud')\n    raise ValueError('two\\nlines')\n")
    assert run("solver", f"{file}:solve", "--draws", "3") == 1
    said = capsys.readouterr().out
    assert "loud\n" not in said and "raised ValueError: two lines" in said and "open   checker" in said
    assert run("solver", f"{file}:solve", "--property", "exception", "--replay", "graph:2:2::1.") == 1
    assert "loud\n" in capsys.readouterr().out


FULL = "sudoku4:1234341221434321"
GRID = [1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (GRID, "solution"),
        (np.array(GRID).reshape(4, 4), "solution"),
        ("1234 3412 2143 4321", "solution"),
        (dict(enumerate(GRID)), "solution"),
        (None, "none"),
        (UNKNOWN, "unknown"),
        (False, "unreadable"),
        (GRID[1:], "unreadable"),
        ([[1, 2], [3]], "unreadable"),
        ([0.5] * 16, "unreadable"),
        ("12?4341221434321", "unreadable"),
        (dict(enumerate(GRID[1:])), "unreadable"),
        ([10**30] * 16, "unreadable"),
        (object(), "unreadable"),
    ],
)
def test_answers_are_read_in_their_forms(answer, kind):
    read = answers.read(answer, cases.parse_instance(FULL))
    assert read.kind == kind
    if kind == "solution":
        assert read.values.tolist() == GRID


def test_each_property_is_about_its_own_fault():
    puzzle = "sudoku4:1..............."
    changed = [2, 1, 3, 4, 3, 4, 1, 2, 1, 2, 4, 3, 4, 3, 2, 1]

    def gives_up(_):
        raise Undecided("enough")

    assert isinstance(outcome("givens", lambda _: changed, puzzle), Finding)
    assert outcome("checker", lambda _: changed, puzzle) is True
    assert "holds 0" in outcome("checker", lambda _: [0] * 16, puzzle).said
    assert "3 at r1c1 and r1c2 and r1c3 and r1c4 of one row" in outcome("checker", lambda _: [3] * 16, puzzle).said
    assert isinstance(outcome("unsolvable", lambda _: None, puzzle), Finding)
    assert outcome("unsolvable", lambda _: None, "sudoku4:11..............") is True
    assert outcome("unsolvable", gives_up, puzzle) is False and outcome("exception", gives_up, puzzle) is True
    assert outcome("complete", gives_up, puzzle, complete=True).said == "gave up (UNKNOWN)"
    assert outcome("complete", gives_up, puzzle) is False
    seeds = iter(range(9))
    assert isinstance(outcome("repeat", lambda _: GRID if next(seeds) % 2 else None, puzzle), Finding)
    assert outcome("repeat", lambda _, seed: seed, puzzle, seed=3) is False  # given the seed, and unreadable


def test_a_solver_cannot_change_the_puzzle_that_it_is_judged_by():
    def vandal(puzzle):
        puzzle.givens[:] = 0
        return settle(puzzle)

    assert solver_results(Solver(vandal), ["sudoku4"], 30, 0, ["givens"])[0].failed


def test_a_fault_that_comes_and_goes_is_shown_as_such():
    seen = []

    def check(_, number):
        seen.append(number)
        return Finding("once") if len(seen) == 3 else True

    result = harness.search(Property("x", "x", check), None, st.integers(0, 9), 20, 0)
    assert result.failed and "(once; on the same case again it did not)" in result.finding.said


@given(puzzles("sudoku4", "sudoku6", "sudoku9", "colouring"))
def test_a_case_is_spelled_and_read_back(instance):
    again = cases.parse_instance(cases.spell_instance(instance))
    assert again.id == instance.id and (again.givens == instance.givens).all()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("solver nomod:x", "no module nomod"),
        ("solver nomod", "MODULE:NAME or FILE.py:NAME is needed"),
        ("solver nofile.py:x", "no file nofile.py"),
        ("solver csp.seeds:absent", "csp.seeds has no 'absent'; it has"),
        ("solver csp.seeds:__doc__", "is not callable (its type is str)"),
        ("solver csp.generate:draw", "a solver is called with a puzzle"),
        ("solver csp.problem:Problem", "is called without arguments"),
        ("solver csp.seeds:key --property nope", "no property 'nope'; there are exception, answer"),
        ("solver csp.seeds:key --puzzles chess", "no puzzles 'chess'"),
        ("solver csp.seeds:key --format grid --puzzles colouring", "no puzzles 'colouring'"),
        ("solver csp.seeds:key --draws 0", "--draws 0: at least 1"),
        ("solver csp.seeds:key --seed -1", "a seed is from 0"),
        ("solver csp.seeds:key --replay foo", "a case is written as in the report"),
        ("solver csp.seeds:key --replay sudoku4:12", "2 givens for 16 cells"),
        ("solver csp.seeds:key --replay sudoku7:12", "no Sudoku board of side 7"),
        ("solver csp.seeds:key --replay graph:2:2:0-7:..", "an edge of other nodes than 0 to 1"),
        ("model csp.seeds:key", "is no model"),
        ("model csp.problem:Instance", "is called without arguments"),
        ("model generators.models.uniform:Uniform --decoder gpt", "no decoder 'gpt'"),
        ("model generators.models.uniform:Uniform --replay x", "a case is written as in the report"),
        ("traces none.jsonl --instances docs/examples/puzzles.jsonl", "cannot read none.jsonl"),
        ("other x", "no command 'other'; there are solver, model, traces"),
    ],
)
def test_bad_input_is_one_line(words, said, capsys):
    assert run(*words.split()) == 2
    shown = capsys.readouterr()
    assert said in shown.err and shown.err.count("\n") == 1 and not shown.out


def test_a_module_that_fails_to_import_is_one_line(tmp_path, capsys):
    for name, text, said in (
        ("divides", "1 / 0", "divides.py cannot be imported: ZeroDivisionError"),
        ("wants", "import not_there_at_all", "no module not_there_at_all, which"),
        ("broken", "def (", "cannot be imported: SyntaxError"),
    ):
        (tmp_path / f"{name}.py").write_text(text)
        assert run("solver", f"{tmp_path / name}.py:solve") == 2
        shown = capsys.readouterr().err
        assert said in shown and shown.count("\n") == 1


def test_a_file_may_be_called_as_one_of_our_packages(tmp_path, capsys):
    (tmp_path / "solvers.py").write_text("def solve(puzzle):\n    return None\n")
    assert run("solver", f"{tmp_path}/solvers.py:solve", "--replay", "sudoku4:11..............") == 0


@pytest.mark.parametrize(
    ("name", "code"), [("python_constraint", 0), ("networkx_greedy", 0), ("networkx_greedy_as_proof", 1)]
)
def test_the_documented_solvers_of_others_fare_as_documented(name, code, capsys):
    words = ("--draws", "12", "--property", "checker", "unsolvable", "repeat")
    assert run("solver", f"docs/examples/outside_solvers.py:{name}", *words) == code
    assert ("1 of 3 properties failed: unsolvable" if code else "none of 3") in capsys.readouterr().out


def test_graphs_are_given_as_instances_only():
    with pytest.raises(BadInput, match="is no grid"):
        Solver(lambda _: None, "grid")(cases.parse_instance("graph:2:2:0-1:.."))
