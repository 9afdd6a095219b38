"""python-constraint's solver as an independent peer, in a process of its own."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from time import perf_counter

import numpy as np

from csp.errors import BadInput
from csp.problem import Instance
from csp.processes import unheard_by_children
from csp.trace import Costs, Trace, rewrites


class PythonConstraint:
    """python-constraint's BacktrackingSolver, in a process of its own: compiled code that no signal interrupts.

    One worker process serves many instances; it is ended when an instance takes more than `limit` seconds.
    The trace is one call that commits the whole solution. Raises BadInput if the process does not live.
    """

    def __init__(self, limit: float = 10.0):
        self.limit = limit
        self.worker: tuple[multiprocessing.Process, Connection] | None = None

    def __call__(self, instance: Instance, seed: int) -> Trace:
        try:
            return self._ask(instance, seed)
        except (EOFError, ConnectionError):  # the worker was ended from outside: once more, with a new one
            self.close()
        try:
            return self._ask(instance, seed)
        except (EOFError, ConnectionError):
            self.close()
            raise BadInput(f"python-constraint's process was ended twice from outside, on {instance.id}") from None

    def _ask(self, instance: Instance, seed: int) -> Trace:
        # spawned, not forked: this process may run threads (PyTorch's) that a fork would leave locked
        if self.worker is None:
            # in a worker of joblib's the method is one that a process of Python's own cannot be told
            if multiprocessing.get_start_method(allow_none=True) not in multiprocessing.get_all_start_methods():
                multiprocessing.set_start_method("spawn", force=True)
            context = multiprocessing.get_context("spawn")
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there,), daemon=True)
            with unheard_by_children():
                process.start()
            there.close()  # the worker's own end is the only one now: if it dies, this one is told
            self.worker = process, here
            self._await_start()

        # only plain data crosses: the worker builds the solver's own problem
        pipe = self.worker[1]
        started = perf_counter()
        pipe.send((instance.problem.n, instance.problem.d, instance.problem.constraints, instance.givens))
        if not pipe.poll(self.limit):
            self.close()  # nothing gentler stops it
            return Trace(instance.id, "python-constraint", seed, (), "out of budget", Costs(1, seconds=self.limit))

        solution = pipe.recv()
        costs = Costs(1, seconds=perf_counter() - started)
        if solution is None:
            return Trace(instance.id, "python-constraint", seed, (), "refuted", costs)
        assert instance.solved(solution), "the checker found python-constraint's solution wrong"
        events = tuple(rewrites(instance.givens, solution, 1))
        return Trace(instance.id, "python-constraint", seed, events, "solved", costs)

    def _await_start(self) -> None:
        """Wait until the worker has made its imports: they do not count towards the limit."""
        process, pipe = self.worker
        try:
            pipe.recv()
        except (EOFError, ConnectionError):
            process.join()
            code = process.exitcode
            self.close()
            raise BadInput(
                f"python-constraint's process ended as it started (exit code {code}); a script that calls it does so "
                'under `if __name__ == "__main__":`'
            ) from None

    def close(self) -> None:
        """End the worker process."""
        if self.worker is not None:
            self.worker[0].kill()
            self.worker[0].join()
            self.worker[1].close()
            self.worker = None


def _serve(pipe: Connection) -> None:
    """The worker: receives problems, sends solutions (or None), until the pipe is closed."""
    import constraint as pyc

    from solvers.encodings import to_python_constraint

    pipe.send("ready")
    while True:
        try:
            n, d, rules, givens = pipe.recv()
        except EOFError:
            return

        # BacktrackingSolver by name: the library's default orders variables once and for all, and is lost on Sudokus
        problem = pyc.Problem(pyc.BacktrackingSolver())
        for cell in range(n):
            problem.addVariable(cell, [int(givens[cell])] if givens[cell] else list(range(1, d + 1)))
        for rule in rules:
            to_python_constraint(rule, problem)
        found = problem.getSolution()
        pipe.send(None if found is None else np.array([found[cell] for cell in range(n)], dtype=np.int64))
