"""Files of instances: every format reads what it writes; CNF says what the puzzle says; foreign files are refused."""

import re

import pytest
from hypothesis import given, settings
from pysat.formula import CNF
from pysat.solvers import Solver

from csp.errors import BadInput
from csp.generate import draw
from experiments.puzzle_files import formats
from takeback.testing import extending, instances


@pytest.mark.parametrize("name", formats.FORMATS)
def test_every_format_reads_what_it_writes(name, few, tmp_path):
    form = formats.FORMATS[name]
    family = "colouring" if name == "col" else "sudoku6"
    chosen = few[family][:1] if form.one else few[family]
    path = tmp_path / f"x{form.suffix}"
    path.write_bytes(form.write(chosen))
    again = formats.read(path)
    assert [a.problem.constraints for a in again] == [c.problem.constraints for c in chosen]
    assert [a.givens.tolist() for a in again] == [c.givens.tolist() for c in chosen]
    assert formats.format_of(path) is form


@settings(max_examples=30)
@given(instances())
def test_cnf_has_as_many_models_as_the_puzzle_has_solutions(instance):
    formula = CNF(from_string=formats.FORMATS["cnf"].write([instance]).decode())
    with Solver(name="glucose4", bootstrap_with=formula) as solver:
        models = sum(1 for _ in solver.enum_models())
    truth = len(extending(instance.problem, instance.givens))
    assert models == truth and formula.nv == instance.problem.n * instance.problem.d


def test_xcsp3_states_every_rule_and_given(tmp_path):
    from xml.etree import ElementTree

    instance = draw("sudoku4", 1, "test", 0)
    root = ElementTree.fromstring(formats.FORMATS["xcsp3"].write([instance]).decode())
    assert root.get("format") == "XCSP3" and root.find("variables/array").get("size") == "[16]"
    rules = [cells(rule.text) for rule in root.findall("constraints/allDifferent")]
    assert sorted(rules) == sorted(list(rule.scope) for rule in instance.problem.constraints)
    shown = [re.fullmatch(r"eq\(x\[(\d+)\],(\d+)\)", rule.text.strip()).groups() for rule in root.iter("intension")]
    assert {int(c): int(v) for c, v in shown} == {c: v for c, v in enumerate(instance.givens.tolist()) if v}


def cells(text):
    """The cells of XCSP3's "x[0..3] x[5]"."""
    spans = [part.removeprefix("x[").removesuffix("]").split("..") for part in text.split()]
    return [cell for span in spans for cell in range(int(span[0]), int(span[-1]) + 1)]


@pytest.mark.parametrize("suffix", [".cnf", ".xml", ".jsonl", ".parquet", ".col", ".grid", ".txt"])
def test_foreign_files_are_refused_in_one_line(suffix, tmp_path):
    path = tmp_path / f"x{suffix}"
    path.write_text("p cnf 2 1\n1 2 0\n")
    with pytest.raises(BadInput) as fault:
        formats.read(path, 3 if suffix == ".col" else None)
    assert "\n" not in str(fault.value) and "x" + suffix in str(fault.value)


def test_col_holds_no_givens_and_says_its_colours(few, tmp_path):
    given = draw("queen:rows=3,columns=3,colours=9", 0, "any", 0)
    with pytest.raises(BadInput, match="cannot hold given colours"):
        formats.FORMATS["col"].write([given])
    with pytest.raises(BadInput, match="is no graph"):
        formats.FORMATS["col"].write(few["sudoku6"][:1])
    path = tmp_path / "x.col"
    path.write_text("p edge 2 1\ne 1 2\n")
    with pytest.raises(BadInput, match="needs --colours"):
        formats.read(path)


def test_unknown_formats_are_refused(tmp_path):
    with pytest.raises(BadInput, match="no format 'pdf'"):
        formats.format_of(tmp_path / "x.pdf", "pdf")
