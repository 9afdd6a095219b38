"""The reference search counts what brute force counts, and its guesses follow its stated rules."""

import numpy as np
from hypothesis import given
from strategies import extending, instances

from csp import reference
from csp.generate import draw
from solvers.oracle import CpSat


@given(instances())
def test_count_and_grade_equal_brute_force(instance):
    truth = len(extending(instance.problem, instance.givens))
    for limit in (1, 2, 7):
        assert reference.count(instance.problem, instance.givens, limit) == min(limit, truth)
    graded = reference.grade(instance.problem, instance.givens)
    assert graded is not None and graded.solutions == min(2, truth)


@given(instances())
def test_complete_finds_a_solution_if_there_is_one(instance):
    for rng in (None, np.random.default_rng(0)):
        found = reference.complete(instance.problem, instance.givens, rng)
        assert (found is not None) == (len(extending(instance.problem, instance.givens)) > 0)
        assert found is None or instance.solved(found)


def slow_guesses(problem, givens):
    """The documented rules once more, recursively and with sets: guesses until exhausted or a second solution."""
    tally = {"guesses": 0, "found": 0}
    covers = [r.scope for r in problem.constraints if len(r.scope) == problem.d and type(r).__name__ == "AllDifferent"]
    near = [set(np.nonzero(row)[0].tolist()) for row in problem.adjacency]

    def settle(domains):
        """Singles to a fixpoint; False at a contradiction."""
        while True:
            before = [set(dom) for dom in domains]
            for cell, dom in enumerate(domains):
                if len(dom) == 1:
                    for other in near[cell]:
                        domains[other] -= dom
            if not all(domains):
                return False
            for scope in covers:
                for value in range(1, problem.d + 1):
                    homes = [cell for cell in scope if value in domains[cell]]
                    if not homes:
                        return False
                    if len(homes) == 1:
                        domains[homes[0]] = {value}
            if before == domains:
                return True

    def search(domains):
        if not settle(domains):
            return
        open_cells = [cell for cell, dom in enumerate(domains) if len(dom) > 1]
        if not open_cells:
            tally["found"] += 1
            return
        cell = min(open_cells, key=lambda c: (len(domains[c]), c))
        used = {next(iter(dom)) for dom in domains if len(dom) == 1}
        fresh_tried = False
        for value in sorted(domains[cell]):
            if tally["found"] >= 2:
                return
            if value not in used:
                if fresh_tried:
                    continue
                fresh_tried = True
            tally["guesses"] += bool(used & domains[cell])
            child = [set(dom) for dom in domains]
            child[cell] = {value}
            search(child)

    search([{int(v)} if v else set(range(1, problem.d + 1)) for v in givens])
    return tally["guesses"]


@given(instances())
def test_guesses_equal_a_slow_reading_of_the_rules(instance):
    graded = reference.grade(instance.problem, instance.givens)
    assert graded.guesses == slow_guesses(instance.problem, instance.givens)


def test_certificates_of_drawn_instances_hold(few):
    for instance in (*few["sudoku6"], *few["colouring"]):
        assert min(2, CpSat(instance).count(2)) == instance.difficulty.solutions
        assert instance.difficulty.guesses == slow_guesses(instance.problem, instance.givens)
        assert instance.solved(instance.witness)


def test_guesses_of_9x9_puzzles_where_hidden_singles_matter():
    graded = [draw("sudoku9", 0, "train", index) for index in range(4)]
    for instance in graded:
        assert instance.difficulty.guesses == slow_guesses(instance.problem, instance.givens)
    assert any(instance.difficulty.guesses for instance in graded)


def test_a_search_over_budget_says_so():
    from csp import sudoku

    board = sudoku.board(9)
    blank = np.zeros(81, dtype=np.int64)
    given_up = reference.grade(board, blank, budget=3)
    assert given_up.given_up and given_up.solutions is None and given_up.guesses <= 3
    for search in (reference.count, reference.complete):
        try:
            search(board, blank, budget=3)
        except reference.SearchGivenUp as fault:
            assert "3 guesses" in str(fault)
        else:
            raise AssertionError("went over budget in silence")
