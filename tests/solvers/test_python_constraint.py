"""python-constraint's process: no call waits for one that is gone, and why it went is one line."""

import subprocess
import sys

import pytest

from csp.errors import BadInput
from csp.generate import draw
from solvers.search.python_constraint import PythonConstraint

#: No main guard: the spawned process runs it again, and may not start another.
SCRIPT = """
from csp.generate import draw
from solvers.search.python_constraint import PythonConstraint
print(PythonConstraint()(draw("sudoku4", 0, "test", 0), 0).end)
"""


def test_a_script_without_a_main_guard_ends_in_one_line(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=100)
    assert done.returncode == 1 and done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert "BadInput: python-constraint's process ended as it started (exit code 1)" in last and "__main__" in last


def test_a_worker_that_is_killed_is_replaced_once():
    instance, solver = draw("sudoku4", 0, "test", 0), PythonConstraint(limit=60.0)
    assert solver(instance, 0).end == "solved"
    first = solver.worker[0]
    first.kill()
    first.join()
    assert solver(instance, 0).end == "solved" and solver.worker[0] is not first
    solver.close()


def test_a_worker_that_is_killed_every_time_is_said(monkeypatch):
    solver = PythonConstraint(limit=60.0)
    waited = PythonConstraint._await_start

    def killed(self):
        waited(self)
        self.worker[0].kill()
        self.worker[0].join()

    monkeypatch.setattr(PythonConstraint, "_await_start", killed)
    with pytest.raises(BadInput, match="was ended twice from outside"):
        solver(draw("sudoku4", 0, "test", 0), 0)
    assert solver.worker is None
