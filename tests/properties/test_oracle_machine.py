"""A decoder that may do anything: commits, retractions, questions in any order; brute force checks every answer."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from csp.trace import Costs, Event, Trace
from experiments.scoring.scorer import TraceAnalysis
from solvers.oracles.cp_sat import CpSat
from solvers.oracles.sat import Sat
from solvers.oracles.unique import Unique
from takeback.testing import brute_debt, extending, instances


class Decoding(RuleBasedStateMachine):
    """One instance, one board, and all oracles, which live as long as it does."""

    @initialize(instance=instances(solvable=True).filter(lambda i: len(extending(i.problem, i.givens))))
    def start(self, instance):
        every = extending(instance.problem, instance.givens)
        self.instance, self.board, self.events = instance, instance.givens.copy(), []
        self.oracles = [Sat(instance), CpSat(instance)]
        self.oracles += [Unique(instance, every[0])] if len(every) == 1 else []
        self.free = np.nonzero(instance.givens == 0)[0].tolist()
        self.lived = [True]

    def write(self, cell, value):
        self.board[cell] = value
        self.events.append(Event(len(self.events) + 1, cell, value))
        self.lived.append(self.alive)

    @property
    def alive(self):
        return len(extending(self.instance.problem, self.board)) > 0

    @precondition(lambda self: any(self.board[self.free] == 0))
    @rule(data=st.data())
    def commit(self, data):
        cell = data.draw(st.sampled_from([c for c in self.free if self.board[c] == 0]))
        self.write(cell, data.draw(st.integers(1, self.instance.problem.d)))

    @precondition(lambda self: any(self.board[self.free] > 0))
    @rule(data=st.data())
    def retract(self, data):
        self.write(data.draw(st.sampled_from([c for c in self.free if self.board[c] > 0])), 0)

    @precondition(lambda self: not self.alive)
    @rule(which=st.integers(0, 2))
    def mend(self, which):
        """Take back what an oracle says must go: then it is alive, and nothing less would do."""
        oracle = self.oracles[which % len(self.oracles)]
        back = oracle.repair(self.board)
        assert len(back) == brute_debt(self.instance, self.board)
        for cell in back:
            self.write(int(cell), 0)
        assert self.alive

    @precondition(lambda self: not self.alive)
    @rule(which=st.integers(0, 2))
    def blame(self, which):
        oracle = self.oracles[which % len(self.oracles)]
        core = oracle.core(self.board)
        assert not len(extending(self.instance.problem, oracle.keep(self.board, core)))
        assert brute_debt(self.instance, oracle.keep(self.board, core)) == 1  # minimal: any one of them revives it

    @rule(limit=st.integers(1, 3))
    def count(self, limit):
        truth = min(limit, len(extending(self.instance.problem, self.board)))
        assert [oracle.count(limit, self.board) for oracle in self.oracles] == [truth] * len(self.oracles)

    @invariant()
    def every_oracle_knows_whether_it_is_alive(self):
        for oracle in self.oracles:
            assert bool(oracle.alive(self.board[None])[0]) == self.alive, oracle.name
            found = oracle.solve(self.board)
            assert (found is not None) == self.alive
            assert found is None or self.instance.solved(found)

    @invariant()
    def givens_stay(self):
        given = self.instance.givens > 0
        assert (self.board[given] == self.instance.givens[given]).all()

    def teardown(self):
        """The scorer, reading the whole of it, agrees with what was so at each step."""
        trace = Trace(self.instance.id, "any", 0, tuple(self.events), "stuck", Costs(len(self.events)))
        for oracle in self.oracles:
            assert TraceAnalysis(trace, self.instance, oracle).alive.tolist() == self.lived, oracle.name


TestDecoding = Decoding.TestCase
TestDecoding.settings = settings(max_examples=settings().max_examples, stateful_step_count=20)
