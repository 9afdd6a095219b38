"""AR that writes its own undo: what it is taught, what its text says, and that a perfect writer solves everything."""

import numpy as np
import pytest

from csp.generate import draw
from csp.seeds import stream
from csp.tokens import start
from csp.trace import replay
from generators.boards import stack
from generators.decoding import written_undo
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from generators.decoding.state import State
from generators.models import backtracking_ar
from generators.models.backtracking_ar import GUESS, ONLY, OUT, vocabulary, word
from solvers import solver_order


def meaning(token, d):
    """(mark, value) of an item's token."""
    value = token if token <= d else (token - start(d) - 1) % d + 1
    return (ONLY if token <= d else GUESS if token <= start(d) + d else OUT), value


def left(instance, items):
    """Legal values of the cell that is asked next, less those ruled out, given the items before: (cell, values)."""
    state = instance.givens.copy()
    for mark, value, cell in items:
        if mark != OUT:
            state[cell] = value
    boards = stack([instance])
    ranks = solver_order.solver_rank(state[None], boards.near, boards.d)[0]
    blanks = np.nonzero(state == 0)[0]
    cell = min(blanks, key=lambda c: (ranks[c], c))
    values = set(range(1, boards.d + 1)) - set(state[instance.problem.adjacency[cell]].tolist())
    return cell, values - {value for mark, value, where in items if mark == OUT and where == cell}


def test_words_and_answers_do_not_collide():
    for d in (3, 4, 9):
        tokens = {int(word(mark, value, d)) for mark in (ONLY, GUESS, OUT) for value in range(1, d + 1)}
        assert tokens | {0, start(d)} == set(range(vocabulary(d)["words"]))
        for mark in (ONLY, GUESS, OUT):
            assert all(meaning(int(word(mark, v, d)), d) == (mark, v) for v in range(1, d + 1))
        assert vocabulary(d)["answers"] == 2 * d + 1


@pytest.mark.parametrize("family", ["sudoku4", "sudoku6", "colouring", "sudoku9"])
def test_what_is_taught_is_what_the_rules_say(few, family):
    instances = few[family] if family in few else [draw(family, 1, "test", index) for index in range(4)]
    boards = stack(instances)
    right = np.zeros_like(boards.givens)
    for row, instance in enumerate(instances):
        right[row, : instance.problem.n] = instance.witness
    undos = taught = 0
    for seed in range(6):
        values, cells, targets, labels, clues = backtracking_ar.stretches(boards, right, stream(seed))
        d = boards.d
        for row, instance in enumerate(instances):
            begin = clues[row]
            assert (values[row, :begin] == instance.givens[cells[row, :begin]]).all() and values[row, begin] == d + 1
            items = []
            for place in range(begin, values.shape[1]):
                if place > begin:
                    if values[row, place] == 0:
                        break
                    items.append((*meaning(values[row, place], d), cells[row, place]))
                if not labels[row, place]:
                    continue
                taught += 1
                cell, allowed = left(instance, items)
                assert targets[row, place] == cell
                answer = labels[row, place] - 1
                if not allowed:
                    assert answer == 2 * d
                    undos += 1
                else:
                    assert answer // d == (ONLY if len(allowed) == 1 else GUESS) and answer % d + 1 in allowed
                    alive = all(right[row, c] == v for mark, v, c in items if mark != OUT)
                    if alive and right[row, cell] in allowed:
                        assert answer % d + 1 == right[row, cell]
    assert taught > 100 and (undos > 0 or family in ("sudoku4", "sudoku6"))  # small boards hardly need any


class Perfect(written_undo._Texts):
    """Answers by the rules, guessing the highest value left: wrong often enough to need UNDO."""

    def _ask(self, rows):
        super()._ask(rows)  # the network is asked all the same, so that costs are counted
        d = self.state.boards.d
        log_probs = np.full((len(rows), 2 * d + 1), -9.0)
        for place, row in enumerate(rows):
            instance = self.state.boards.instances[row]
            tokens = range(self.clues[row] + 1, self.length[row])
            items = [(*meaning(int(self.values[row, t]), d), self.cells[row, t]) for t in tokens]
            cell, allowed = left(instance, items)
            assert self.targets[row, self.length[row] - 1] == cell
            answer = 2 * d if not allowed else (len(allowed) > 1) * d + max(allowed) - 1
            log_probs[place, answer] = -0.1
        return log_probs


@pytest.mark.parametrize("family", ["sudoku4", "colouring"])
def test_a_perfect_writer_solves_everything_by_undoing(tiny_models, few, family):
    model = tiny_models[family]["ar-written"]
    decoder = parse("ar-written:calls=2000")
    state = State(decoder, stack(few[family], "decode", 0, decoder.stream))
    Perfect(model, state).run()
    traces = state.traces(0)
    for instance, trace in zip(few[family], traces):
        assert trace.end == "solved"
        replay(trace, instance.givens)
        commits = trace.commits - trace.retractions
        assert commits == instance.blanks
    assert family == "sudoku4" or sum(trace.retractions > 0 for trace in traces) >= 2
    assert all(trace.costs.tokens >= trace.costs.calls for trace in traces)


@pytest.mark.parametrize("family", ["sudoku4", "colouring"])
def test_the_cache_says_what_reading_the_whole_text_says(tiny_models, few, family, monkeypatch):
    model, compared = tiny_models[family]["ar-written"], []

    class Compared(Perfect):
        def _ask(self, rows):
            answers = super()._ask(rows)
            mine = written_undo._Texts._ask
            fresh = written_undo._Texts(model, State(self.state.decoder, self.state.boards))
            for name in ("values", "cells", "targets", "length", "marks"):
                setattr(fresh, name, getattr(self, name).copy())
            kept = self.log_probs
            compared.append(np.abs(kept - mine(fresh, rows)).max())
            return answers

    plain = written_undo._Texts._ask

    def remember(self, rows):
        self.log_probs = plain(self, rows)
        return self.log_probs

    monkeypatch.setattr(written_undo._Texts, "_ask", remember)
    decoder = parse("ar-written:calls=40")
    state = State(decoder, stack(few[family], "decode", 0, decoder.stream))
    Compared(model, state).run()
    assert len(compared) > 10 and max(compared) < 1e-8


def test_a_net_that_undoes_without_a_guess_is_stuck(tiny_models, few):
    model = tiny_models["sudoku4"]["ar-written"]

    class Undoing(written_undo._Texts):
        def _ask(self, rows):
            super()._ask(rows)
            return np.eye(9)[[8] * len(rows)]

    decoder = parse("ar-written")
    state = State(decoder, stack(few["sudoku4"][:2], "decode", 0, decoder.stream))
    Undoing(model, state).run()
    assert [trace.end for trace in state.traces(0)] == ["stuck", "stuck"]


def test_decode_runs_it(tiny_models, few):
    traces = decode(parse("ar-written:calls=30"), tiny_models["sudoku4"]["ar-written"], few["sudoku4"], 0)
    assert all(trace.costs.calls <= 30 for trace in traces)
