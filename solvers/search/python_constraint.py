"""python-constraint's solver as an independent peer, in a process of its own."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from time import perf_counter

import numpy as np

from csp.problem import Instance
from csp.trace import Costs, Trace, rewrites


class PythonConstraint:
    """python-constraint's BacktrackingSolver, in a process of its own: compiled code that no signal interrupts.

    One worker process serves many instances; it is ended when an instance takes more than `limit` seconds.
    The trace is one call that commits the whole solution.
    """

    def __init__(self, limit: float = 10.0):
        self.limit = limit
        self.worker: tuple[multiprocessing.Process, Connection] | None = None

    def __call__(self, instance: Instance, seed: int) -> Trace:
        try:
            return self._ask(instance, seed)
        except (EOFError, ConnectionError):  # the worker was ended from outside: once more, with a new one
            self.close()
            return self._ask(instance, seed)

    def _ask(self, instance: Instance, seed: int) -> Trace:
        # spawned, not forked: this process may run threads (PyTorch's) that a fork would leave locked
        if self.worker is None:
            context = multiprocessing.get_context("spawn")
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there,), daemon=True)
            process.start()
            self.worker = process, here
            here.recv()  # it has started: its imports do not count towards the limit

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

    def close(self) -> None:
        """End the worker process."""
        if self.worker is not None:
            self.worker[0].kill()
            self.worker[0].join()
            self.worker[1].close()
            self.worker = None


def _serve(pipe: Connection) -> None:
    """The worker: receives problems, sends solutions (or None), until the pipe is closed."""
    import signal

    import constraint as pyc

    from solvers.encodings import to_python_constraint

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
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
