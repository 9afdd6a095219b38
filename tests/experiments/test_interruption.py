"""Ctrl-C and SIGTERM at any moment: one line that claims no more than is true, 130 or 143, no traceback."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ortools.sat.python import cp_model

from csp.generate import draw
from csp.io.instance_records import read_jsonl
from csp.processes import unheard_by_children
from experiments.cli import signals
from experiments.cli.dispatch import guarded
from solvers.oracles import cp_sat

ENTRY = [sys.executable, "-m", "experiments.cli.entry"]
SIGNALS = {signal.SIGINT: ("interrupted", 130), signal.SIGTERM: ("terminated", 143)}


def test_the_line_claims_only_what_a_command_says(capsys):
    def told(job):
        code = guarded(job)
        return code, capsys.readouterr().err

    def stopped(kind):
        raise kind

    assert told(lambda: stopped(KeyboardInterrupt)) == (130, "takeback: interrupted\n")
    assert told(lambda: stopped(signals.Terminated)) == (143, "takeback: terminated\n")

    def keeps():
        with signals.interrupted_says(lambda: "two are kept"), signals.interrupted_says("one is lost"):
            raise KeyboardInterrupt

    assert told(keeps) == (130, "takeback: interrupted; one is lost; two are kept\n")


def test_what_became_of_an_interruption_is_one(capsys, monkeypatch):
    def job():
        monkeypatch.setattr(signals._State, "received", signal.SIGTERM)
        raise ImportError("numpy.core.multiarray failed to import")

    assert guarded(job) == 143 and capsys.readouterr().err == "takeback: terminated\n"


def stopped_when(command, ready, number, **options):
    """A command's output, signalled once ready(its pid)."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    deadline = time.monotonic() + 120
    while not ready(process.pid) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def mapped(library):
    """Whether a process has loaded it: its imports are then under way."""
    return lambda pid: library in Path(f"/proc/{pid}/maps").read_text()


MODULE = [sys.executable, "-m", "experiments.train"]
TRAIN = [*ENTRY, "train"]
INT, TERM = SIGNALS


@pytest.mark.parametrize(
    ("command", "library", "number"),
    [
        *((TRAIN, library, INT) for library in ("_heapq", "numpy", "pyarrow", "libtorch", "llvmlite")),
        *((MODULE, library, INT) for library in ("_heapq", "numpy", "libtorch")),
        *((TRAIN, library, TERM) for library in ("numpy", "libtorch")),
    ],
)
def test_while_libraries_are_imported(command, library, number):
    word, code = SIGNALS[number]
    assert stopped_when([*command, "--help"], mapped(library), number) == (code, "", f"takeback: {word}\n")


@pytest.mark.parametrize(
    ("number", "workers", "stratum"), [(INT, 1, "0"), (INT, 2, "0"), (TERM, 2, "0"), (TERM, 2, ">100")]
)
def test_make_writes_what_it_found_and_says_exactly_that(tmp_path, number, workers, stratum):
    word, code = SIGNALS[number]
    out = tmp_path / "x.jsonl"
    command = [*ENTRY, "instances", "make", "sudoku6", "--stratum", stratum, "--count", "1000000", "--out", str(out)]
    command += ["--patience", "10000000", "--workers", str(workers)]
    started = time.monotonic()
    rc, _, err = stopped_when(command, lambda pid: time.monotonic() > started + 6, number)
    *before, last = err.splitlines()
    assert rc == code and last.startswith(f"takeback: {word}") and "Traceback" not in err
    if out.exists():
        found = len(read_jsonl(out.read_text()))
        assert found and f"only {found} in stratum 0" in last and last.endswith("; they are written")
        assert len(before) == 1 and before[0].startswith(f"wrote {found} puzzle") and len(list(tmp_path.iterdir())) == 1
    else:
        # sudoku6 has none that need over 100 guesses
        assert not list(tmp_path.iterdir()) and not before and ("nothing is written" in last or last.endswith(word))


def pigeons(holes):
    """More pigeons than holes, in clauses only: a search of many seconds."""
    model = cp_model.CpModel()
    inside = [[model.new_bool_var("") for _ in range(holes)] for _ in range(holes + 1)]
    for row in inside:
        model.add_bool_or(row)
    for hole in range(holes):
        for one in range(holes + 1):
            for other in range(one):
                model.add_bool_or([inside[one][hole].Not(), inside[other][hole].Not()])
    return model


def test_cp_sat_does_not_take_an_interruption_for_a_limit():
    solver = cp_sat.CpSat(draw("sudoku4", 0, "test", 0))._solver()
    solver.parameters.cp_model_presolve, solver.parameters.symmetry_level = False, 0
    model, before = pigeons(13), signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever set another
    try:
        threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            cp_sat._solve(solver, model)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - started < 10
    assert signal.set_wakeup_fd(-1) == -1  # as it was


SAT = """
import os, signal, subprocess
import solvers.oracles.sat
from pysat.solvers import Solver
n = 11
at = lambda pigeon, hole: pigeon * n + hole + 1
clauses = [[at(p, h) for h in range(n)] for p in range(n + 1)]
clauses += [[-at(p, h), -at(q, h)] for h in range(n) for p in range(n + 1) for q in range(p)]
solver = Solver(name="glucose4", bootstrap_with=clauses)
solver.conf_budget(40_000)
subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -INT {os.getpid()}"])
try:
    for _ in range(100):
        solver.solve_limited()
except KeyboardInterrupt:
    print("interrupted")
solver.conf_budget(100)
solver.solve_limited()
solver.delete()
print("deleted")
"""


def test_a_sat_solver_lives_on_after_an_interruption():
    done = subprocess.run([sys.executable, "-c", SAT], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\ndeleted\n", "")


def test_children_do_not_hear_ctrl_c():
    ask = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    with unheard_by_children():
        assert subprocess.check_output([sys.executable, "-c", ask], text=True) == "True\n"
    assert subprocess.check_output([sys.executable, "-c", ask], text=True) == "False\n"


@pytest.mark.parametrize("words", [["decoders"], ["instances", "families"], []])
def test_a_full_standard_output_is_one_line(words):
    with open("/dev/full", "w") as full:
        done = subprocess.run([*ENTRY, *words], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and done.stderr == "takeback: system: No space left on device\n"
