"""AR nets of other orders than raster: what they are asked, what they say, and how they are trained."""

import numpy as np
import pytest

from csp.seeds import stream
from csp.tokens import clues_first
from generators.boards import stack
from generators.models.causal import training_order
from solvers import solver_order


def witnesses(boards):
    made = np.zeros_like(boards.givens)
    for row, instance in enumerate(boards.instances):
        made[row, : instance.problem.n] = instance.witness
    return made


@pytest.mark.parametrize("family", ["sudoku4", "colouring"])
@pytest.mark.parametrize("kind", ["ar-random", "ar-solver"])
def test_the_loss_is_what_the_session_says_in_that_order(tiny_models, few, family, kind):
    model, boards = tiny_models[family][kind], stack(few[family])
    right = witnesses(boards)
    order = clues_first(boards.givens, training_order(model.words.order, boards, right, stream("order")))
    total, session, state = np.zeros(len(boards)), model.open(boards), boards.givens.copy()
    commit_order = np.zeros_like(state)
    for place in range(boards.width):
        rows = np.nonzero(boards.real[np.arange(len(boards)), order[:, place]])[0]
        rows = rows[state[rows, order[rows, place]] == 0]
        if len(rows):
            cells = order[rows, place]
            wanted = np.zeros((len(rows), boards.width), dtype=bool)
            wanted[np.arange(len(rows)), cells] = True
            prediction = session.predict(rows, state[rows], commit_order[rows], wanted)
            assert (prediction.speaks == wanted).all()
            total[rows] -= prediction.log_probs[np.arange(len(rows)), cells, right[rows, cells] - 1]
            state[rows, cells] = right[rows, cells]
            commit_order[rows, cells] = place + 1
    loss = model.loss(model.corrupt(boards, right, stream("order"))).mean().item()
    assert loss == pytest.approx(np.mean(total / [i.blanks for i in few[family]]), abs=1e-6)


@pytest.mark.parametrize("family", ["sudoku4", "colouring"])
def test_several_questions_at_once_get_the_answers_of_one_at_a_time(tiny_models, few, family):
    """Also after rewinding, and with commits in any sequence."""
    model, boards = tiny_models[family]["ar-random"], stack(few[family])
    rng, right, session = np.random.default_rng(3), witnesses(boards), model.open(boards)
    rows = np.arange(len(boards))
    for _ in range(6):
        state, commit_order = boards.givens.copy(), np.zeros_like(boards.givens)
        for row in rows:
            free = rng.permutation(np.nonzero((boards.givens[row] == 0) & boards.real[row])[0])
            for turn, cell in enumerate(free[: rng.integers(0, min(6, len(free) - 1))]):
                state[row, cell], commit_order[row, cell] = right[row, cell], turn + 1
        blank = (state == 0) & boards.real
        every = session.predict(rows, state, commit_order, blank)
        assert (every.speaks == blank).all()
        assert (every.tokens >= blank.sum(1)).all()
        for _ in range(4):
            wanted = np.zeros_like(blank)
            for row in rows:
                wanted[row, rng.choice(np.nonzero(blank[row])[0])] = True
            one = model.open(boards).predict(rows, state, commit_order, wanted)
            assert (one.speaks == wanted).all()
            assert np.abs(one.log_probs[wanted] - every.log_probs[wanted]).max() < 1e-8


def test_what_a_net_says_depends_on_the_sequence_of_commits(tiny_models, few):
    """Otherwise the tests above would not see a wrong sequence."""
    model, boards = tiny_models["sudoku4"]["ar-random"], stack(few["sudoku4"][:1])
    free = np.nonzero(boards.givens[0] == 0)[0]
    state, commit_order = boards.givens.copy(), np.zeros_like(boards.givens)
    state[0, free[:2]] = boards.instances[0].witness[free[:2]]
    wanted = np.zeros(state.shape, dtype=bool)
    wanted[0, free[2]] = True
    answers = []
    for sequence in ((1, 2), (2, 1)):
        commit_order[0, free[:2]] = sequence
        answers.append(model.open(boards).predict(np.array([0]), state, commit_order, wanted).log_probs[0, free[2]])
    assert np.abs(answers[0] - answers[1]).max() > 1e-6


@pytest.mark.parametrize("family", ["sudoku6", "colouring"])
def test_solver_order_settles_singles_first(few, family):
    """Against a plain reading of the rule, cell by cell, along the way to the solution."""
    boards = stack(few[family])
    right = witnesses(boards)
    order = solver_order.solver_sequence(boards.givens, right, boards.near, boards.d)
    for row, instance in enumerate(few[family]):
        n, problem = instance.problem.n, instance.problem
        assert sorted(order[row].tolist()) == list(range(boards.width))
        state = instance.givens.copy()
        for cell in order[row, (boards.givens[row] > 0).sum() : n]:
            blanks = np.nonzero(state == 0)[0]
            left = {c: set(range(1, problem.d + 1)) - set(state[problem.adjacency[c]]) for c in blanks}

            def rank(c, left=left, state=state, problem=problem):
                size = len(left[c])
                hidden = size > 1 and any(
                    c in scope
                    and any(
                        v not in state[list(scope)] and not any(v in left[o] for o in scope if o in left and o != c)
                        for v in left[c]
                    )
                    for scope in problem.covers
                )
                near = (state[problem.adjacency[c]] == 0).sum()
                return (2 if hidden else size if size < 2 else size + 1, -near, c)

            assert cell == min(blanks, key=rank)
            state[cell] = right[row, cell]
