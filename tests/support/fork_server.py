"""Runs of the `takeback` command that can be killed at any moment, without the seconds that its imports take.

A process of its own imports everything once and then forks a child for each run:

    >>> with Server(FIRST=3) as server:                     # constants of experiments/engine/shards.py
    ...     run = server.start(["evaluate", ...], tmp_path / "said")
    ...     os.kill(run, signal.SIGKILL); server.wait(run)  # its exit code, negative for a signal
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import redirect_stdout
from pathlib import Path

ROOT = Path(__file__).parents[2]
WARM = "uniform:veto=legal,retraction=depth"


class Server:
    """The process that forks. constants: of experiments/engine/shards.py, e.g. smaller shards."""

    def __init__(self, **constants: float):
        self.constants = constants

    def __enter__(self) -> Server:
        self.process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(self.constants)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert json.loads(self.process.stdout.readline()) == "ready"
        return self

    def __exit__(self, *_) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=60)

    def _ask(self, question: object) -> int:
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(self, words: list[str], said: Path) -> int:
        """The process number of a run of `takeback WORDS`, the head of a session; what it says goes into a file."""
        return self._ask({"words": [str(word) for word in words], "said": str(said)})

    def wait(self, run: int) -> int:
        """Its exit code."""
        return self._ask({"wait": run})

    def run(self, words: list[str], said: Path) -> int:
        """The exit code of a run that nobody disturbs."""
        return self.wait(self.start(words, said))


def child(words: list[str], said: str, started: int) -> None:
    """A forked run; does not return. started: a pipe's end, closed once the run heads its session."""
    os.setsid()
    os.close(started)
    from experiments.cli import dispatch

    handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["takeback", *words]
    code = 99
    try:
        dispatch.entry()
    except SystemExit as end:
        code = end.code or 0
    finally:
        threading._shutdown()  # as at the end of a command that was not forked
        atexit._run_exitfuncs()
        os._exit(code)


def main() -> None:
    """Answer questions, a line each, until there are no more."""
    from experiments import evaluate
    from experiments.cli import dispatch  # noqa: F401
    from experiments.engine import shards

    # A run of one decoder without a network, for what a run loads after its imports: half of a short run's time.
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        words = {"family": "sudoku6", "stratum": ("4-10",), "count": 2, "decoders": (WARM,), "workers": 1}
        evaluate.main(evaluate.Evaluate(**words, calls=50, out=Path(folder) / "run"))

    for name, value in json.loads(sys.argv[1]).items():
        assert hasattr(shards, name)
        setattr(shards, name, value)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            answer = os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1])
        else:
            reading, writing = os.pipe()
            answer = os.fork()
            if not answer:
                child(**asked, started=writing)
            os.close(writing)
            os.read(reading, 1)  # until then no process would be found in the run's session
            os.close(reading)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
