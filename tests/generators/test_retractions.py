"""What each retraction, signal, memory and budget does, on stub models whose answer is known."""

import numpy as np
import pytest

from csp.families import colouring
from csp.problem import Instance
from generators.boards import stack
from generators.decoding import signals
from generators.decoding.loop import decode
from generators.decoding.spec import Decoder
from generators.decoding.state import State
from generators.decoding.vetoes import inspect
from generators.models.interface import Prediction, Verdict
from generators.models.uniform import Uniform


class Stub:
    """Says the same probabilities, (N, d), of every board at every call."""

    name = "stub"

    def __init__(self, probs):
        self.probs = np.asarray(probs, dtype=float)

    def open(self, boards):
        return _Session(self.probs, boards)


class _Session:
    def __init__(self, probs, boards):
        self.probs, self.boards = probs, boards

    def predict(self, rows, assignments, commit_order=None, wanted=None):
        blank = (assignments == 0) & self.boards.real[rows]
        log_probs = np.broadcast_to(np.log(self.probs), (len(rows), *self.probs.shape)).copy()
        ones = np.ones(len(rows), dtype=np.int64)
        return Prediction(log_probs, blank, ones, ones.astype(float))


def toy(n, edges, d=3, givens=None):
    givens = np.zeros(n, dtype=np.int64) if givens is None else np.array(givens)
    return Instance(colouring.graph(n, edges, d), givens, "toy", f"toy of {n}")


#: Two edges into cell 2, which may only be what 0 and 1 are not: with 0 = 1 and 1 = 2 it is empty.
FORK = toy(3, [(0, 2), (1, 2)], 2)
FORK_SAYS = [[0.9, 0.1], [0.45, 0.55], [0.5, 0.5]]


def story(decoder, probs, instance, quality=None):
    """The trace as (cell, value) pairs."""
    trace = decode(decoder, Stub(probs), [instance], 0, quality)[0]
    return [(event.cell, event.value) for event in trace.events], trace


def test_depth_goes_back_to_the_last_commit_with_a_value_left():
    done, trace = story(Decoder("diffusion", veto="legal", retraction="depth", calls=20), FORK_SAYS, FORK)
    assert done == [(0, 1), (1, 2), (1, 0), (1, 1), (2, 2)]
    assert trace.end == "solved" and trace.costs.calls == 3  # the next value is known: it costs no call


def test_depth_is_complete_and_proves_that_there_is_no_solution():
    odd = toy(5, [(i, (i + 1) % 5) for i in range(5)], 2)
    for kind, signal in (("depth", "none"), ("best-first", "none"), ("best-first", "random"), ("worst", "random")):
        decoder = Decoder("uniform", "random", k=2, veto="legal", retraction=kind, signal=signal, calls=500)
        assert decode(decoder, Uniform(), [odd], 0)[0].end == "refuted"


def test_every_tree_search_finds_what_is_there_in_the_end():
    """None of them loses an alternative: on instances with one solution all of them find it without a network."""
    from csp.generate import draw

    puzzles = [draw("sudoku4", 0, "train", index) for index in range(6)]
    puzzles.append(toy(6, [(a, b) for a in range(6) for b in range(a) if a - b != 3], 3))
    for puzzle in puzzles:
        for kind, signal in (("depth", "none"), ("best-first", "none"), ("worst", "random"), ("worst", "violations")):
            decoder = Decoder("uniform", "random", veto="legal", retraction=kind, signal=signal, calls=20_000)
            assert decode(decoder, Uniform(), [puzzle], 0)[0].end == "solved", (kind, signal)


def test_best_first_goes_back_to_the_alternative_that_loses_least():
    """Cell 0 loses log(.52/.48), the last one log(.9/.1): depth-first takes back the last, best-first cell 0."""
    says = [[0.52, 0.48], [0.9, 0.1], [0.5, 0.5]]
    fork = toy(3, [(0, 2), (1, 2)], 2)
    says[1] = [0.1, 0.9]
    best = story(Decoder("diffusion", veto="legal", retraction="best-first", calls=20), says, fork)[0]
    assert best == [(0, 1), (1, 2), (1, 0), (0, 0), (0, 2), (1, 2), (2, 1)]
    deep = story(Decoder("diffusion", veto="legal", retraction="depth", calls=20), says, fork)[0]
    assert deep == [(0, 1), (1, 2), (1, 0), (1, 1), (2, 2)]


def test_a_state_that_was_left_comes_back_without_a_call():
    """Best-first jumps back to a branch that it had left: its commits are restored, not asked for again."""
    rng = np.random.default_rng(0)
    from csp.generate import draw

    instance = draw("colouring", 5, "test", 0)
    says = rng.dirichlet(np.ones(3), size=instance.problem.n)
    done, trace = story(Decoder("diffusion", veto="legal", retraction="best-first", calls=3000), says, instance)
    assert trace.end == "solved"
    commits = sum(value > 0 for _, value in done)
    assert trace.costs.calls < commits


def test_worst_takes_the_next_value_of_the_least_confident_commit():
    says = [[0.9, 0.1], [0.45, 0.55], [0.5, 0.5]]
    line = toy(3, [(0, 2), (1, 2)], 2)
    decoder = Decoder("diffusion", veto="legal", retraction="worst", signal="stored", calls=20)
    assert story(decoder, says, line)[0] == [(0, 1), (1, 2), (1, 0), (1, 1), (2, 2)]
    says = [[0.55, 0.45], [0.1, 0.9], [0.5, 0.5]]
    assert story(decoder, says, line)[0] == [(0, 1), (1, 2), (1, 0), (0, 0), (0, 2), (1, 2), (2, 1)]


def test_first_rewinds_to_the_first_suspect_and_all_after_it():
    """Cell 4 has no value left because of 1 and 3: from 1 on everything goes, 0 stays."""
    star = toy(5, [(1, 4), (3, 4)], 2)
    says = [[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.5, 0.5]]
    decoder = Decoder("diffusion", veto="legal", retraction="rewind", signal="violations", calls=5)
    done, trace = story(decoder, says, star)
    assert done[:7] == [(0, 1), (1, 1), (2, 1), (3, 2), (1, 0), (2, 0), (3, 0)]
    assert done[7] == (1, 1) and trace.end == "out of budget"


def test_tabu_does_not_write_the_same_thing_again():
    star = toy(5, [(1, 4), (3, 4)], 2)
    says = [[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.5, 0.5]]
    for kind in ("rewind", "remask"):
        decoder = Decoder("diffusion", veto="legal", retraction=kind, signal="violations", memory="tabu", calls=40)
        done, trace = story(decoder, says, star)
        back = next(i for i, event in enumerate(done) if event[1] == 0)
        assert (1, 2) in done[back:] and trace.end in ("solved", "out of budget")
    free = Decoder("diffusion", veto="legal", retraction="remask", signal="violations", calls=40)
    assert story(free, says, star)[1].end == "out of budget"


def test_nogoods_keep_a_core_from_being_completed_again():
    star = toy(5, [(1, 4), (3, 4)], 2)
    says = [[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.5, 0.5]]
    decoder = Decoder("diffusion", veto="legal", retraction="rewind", signal="core", memory="nogoods", calls=40)
    done, trace = story(decoder, says, star)
    assert trace.end == "solved" and done[4:7] == [(1, 0), (2, 0), (3, 0)] and done[-2:] == [(3, 1), (4, 2)]
    restart = Decoder("diffusion", veto="legal", retraction="restart", memory="nogoods", calls=40)
    done, trace = story(restart, says, star)
    assert trace.end == "solved" and sum(value == 0 for _, value in done) == 4


def test_beam_of_width_one_is_greedy_and_a_wider_one_finds_the_likelier_board(tiny_models, few):
    for kind in ("ar", "diffusion", "ar-random"):
        model, order = tiny_models["sudoku4"][kind], "confidence" if kind != "ar" else "raster"
        for veto in ("none", "legal"):
            greedy = decode(Decoder(kind, order, veto=veto), model, few["sudoku4"], 0)
            beam = decode(Decoder(kind, order, veto=veto, retraction="beam", width=1), model, few["sudoku4"], 0)
            assert [t.events for t in greedy] == [t.events for t in beam]
            assert [t.end for t in greedy] == [t.end for t in beam]
            assert [t.costs[:3] for t in greedy] == [t.costs[:3] for t in beam]
    done, trace = story(Decoder("diffusion", veto="legal", retraction="beam", width=4), FORK_SAYS, FORK)
    assert trace.end == "solved" and trace.costs.calls == 1 + 2 + 2  # two of the four boards are lost at once
    assert done == [(0, 1), (1, 1), (2, 2)]


def test_vetoes_see_further_and_further():
    """A 4-clique minus an edge with 3 colours: 0 and 3 must be equal. After 0 = 1, only lookahead rules out 3 = 2."""
    kite = toy(4, [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)], 3, [1, 0, 0, 0])
    left = {}
    for veto in ("none", "legal", "propagate", "singles", "oracle"):
        state = State(Decoder("uniform", veto=veto), stack([kite]))
        seen = inspect(state, np.array([0]))
        left[veto] = seen.allowed[0].sum(1).tolist()
        assert not seen.inconsistent[0]
    assert left["none"][1:] == [3, 3, 3] and left["legal"][1:] == [2, 2, 3]
    assert left["propagate"][1:] == left["singles"][1:] == left["oracle"][1:] == [2, 2, 1]


@pytest.mark.parametrize("family", ["sudoku4", "sudoku6", "colouring"])
def test_vetoes_are_nested_and_the_oracle_is_exact(few, family):
    """Every veto rules out what the weaker one does; none but dead values; the oracle agrees with SAT."""
    from solvers.oracles.pick import pick

    rng, rows = np.random.default_rng(0), np.arange(len(few[family]))
    for share in (0.0, 0.2, 0.5):
        seen = {}
        uniforms = rng.random((len(rows), stack(few[family]).width))
        for veto in ("legal", "propagate", "singles", "oracle"):
            state = State(Decoder("uniform", veto=veto), stack(few[family]))
            wrong = rng.integers(1, state.boards.d + 1, size=uniforms.shape) if veto == "legal" else wrong
            for row, instance in enumerate(few[family]):
                n = instance.problem.n
                fill = (state.assignments[row, :n] == 0) & (uniforms[row, :n] < share)
                value = np.where(uniforms[row, :n] < share / 20, wrong[row, :n], instance.witness)
                state.assignments[row, :n] = np.where(fill, value, state.assignments[row, :n])
            seen[veto] = inspect(state, rows)
        blank = (state.assignments == 0) & state.boards.real
        alive = ~seen["oracle"].inconsistent
        for weak, strong in (("legal", "propagate"), ("propagate", "singles"), ("singles", "oracle")):
            assert (seen[weak].allowed >= seen[strong].allowed)[blank & ~seen[strong].inconsistent[:, None]].all()
            assert (seen[weak].inconsistent <= seen[strong].inconsistent).all()
        for row, instance in enumerate(few[family]):
            n, oracle = instance.problem.n, pick(instance)
            now = state.assignments[row, :n]
            assert bool(oracle.alive(now[None])[0]) == alive[row]
            for cell in np.nonzero(blank[row])[0][:6]:
                for value in range(1, instance.problem.d + 1):
                    after = now.copy()
                    after[cell] = value
                    assert bool(oracle.alive(after[None])[0]) == seen["oracle"].allowed[row, cell, value - 1]


def pointed(signal, state, says, dose="violations", quality=None):
    """What a signal points at, for the one board of a state."""
    words = {"dose": dose} if dose != "violations" else {}
    state.decoder = Decoder("diffusion", veto="legal", retraction="remask", signal=signal, calls=9, **words)
    rows = np.array([0])
    found = signals.suspects(state, signals.SignalSources(Stub(says), quality, None, {}), rows, inspect(state, rows))[0]
    return np.nonzero(found[0])[0].tolist()


def test_every_signal_points_where_it_says():
    """A line of 6 with 3 colours; 2 and 3 clash; 4 was least sure; 0 is disliked given the rest."""
    line = toy(6, [(i, i + 1) for i in range(5)], 3)
    says = [[0.1, 0.5, 0.4], [0.3, 0.4, 0.3], [0.9, 0.05, 0.05], [0.9, 0.05, 0.05], [0.2, 0.6, 0.2], [0.3, 0.3, 0.4]]
    state = State(Decoder("diffusion", retraction="remask", signal="violations", calls=9), stack([line]))
    state.commit(
        np.zeros(5, dtype=np.int64), np.arange(5), np.array([1, 2, 1, 1, 2]), np.array([0.9, 0.8, 0.7, 0.6, 0.1])
    )
    assert pointed("violations", state, says) == [2, 3]
    assert pointed("neighbourhood", state, says) == [1, 2, 3, 4]
    assert pointed("core", state, says) == [2, 3]
    assert pointed("stored", state, says) == [3, 4]
    assert pointed("stored", state, says, dose="one") == [4]
    assert pointed("stored", state, says, dose="neighbourhood") == [1, 2, 3, 4]
    assert pointed("left-out", state, says, dose="one") == [0]
    assert len(pointed("random", state, says)) == 2 and len(pointed("random", state, says, dose="neighbourhood")) == 4

    class Head:
        def score(self, boards, rows, assignments):
            ones = np.ones(len(rows), dtype=np.int64)
            return Verdict(np.array([[0.9, 0.1, 0.8, 0.7, 0.9, 0.0]]), ones, ones.astype(float))

    assert pointed("quality", state, says, dose="one", quality=Head()) == [1]  # 5 is blank


def test_signals_that_ask_a_network_pay_for_it():
    line = toy(6, [(i, i + 1) for i in range(5)], 3)
    says = [[0.8, 0.1, 0.1]] * 6
    for signal, cost in (("stored", 0), ("left-out", 6), ("violations", 0)):
        decoder = Decoder("diffusion", k=6, retraction="remask", signal=signal, calls=8)
        trace = story(decoder, says, line)[1]
        calls = sorted({event.call for event in trace.events if event.value})
        assert calls[:2] == [1, 2 + cost]


def test_budgets_of_tokens_and_seconds_stop_a_run():
    odd = toy(6, [(0, 1)], 1)
    restart = {"retraction": "restart", "attempts": 0}
    assert story(Decoder("diffusion", tokens=20, **restart), [[1.0]] * 6, odd)[1].costs.tokens == 20
    trace = story(Decoder("diffusion", seconds=0.05, **restart), [[1.0]] * 6, odd)[1]
    assert trace.end == "out of budget" and 0.05 <= trace.costs.seconds < 5


def test_a_threshold_commits_all_that_is_sure_enough_and_at_least_k():
    line = toy(4, [], 2)
    says = [[0.95, 0.05], [0.6, 0.4], [0.92, 0.08], [0.7, 0.3]]
    trace = story(Decoder("diffusion", "confidence", threshold=0.9), says, line)[1]
    assert [(event.call, event.cell) for event in trace.events] == [(1, 0), (1, 2), (2, 3), (3, 1)]


def test_with_a_veto_the_cells_of_one_call_do_not_clash():
    edge = toy(2, [(0, 1)], 2)
    says = [[0.9, 0.1], [0.8, 0.2]]
    assert story(Decoder("diffusion", "confidence", k=2), says, edge)[1].end == "wrong"
    trace = story(Decoder("diffusion", "confidence", k=2, veto="legal"), says, edge)[1]
    assert trace.end == "solved" and [event.call for event in trace.events] == [1, 2]


def test_annealing_takes_back_less_and_less():
    clique = toy(8, [(i, j) for i in range(4) for j in range(i)], 3)  # 4 nodes need 4 colours: never right
    says = [[0.4, 0.3, 0.3]] * 8
    sizes = {}
    for anneal in (0.0, 1.0):
        decoder = Decoder(
            "diffusion", k=8, temperature=1.0, retraction="remask", signal="violations", widen=1.0, anneal=anneal,
            calls=40,
        )  # fmt: skip
        trace = story(decoder, says, clique)[1]
        back = np.bincount([e.call for e in trace.events if e.value == 0], minlength=40)
        sizes[anneal] = back[1:10].mean(), back[30:40].mean()
    assert sizes[0.0][0] == sizes[0.0][1] == 8
    assert sizes[1.0][0] > sizes[1.0][1] + 1


def test_an_instance_without_solutions_ends(few):
    """Whatever a decoder does, also with signals that find nothing to blame."""
    clique = toy(4, [(i, j) for i in range(4) for j in range(i)], 3)
    for words in (
        "signal=core,retraction=remask",
        "signal=random,dose=core,retraction=remask",
        "signal=core,retraction=rewind,memory=nogoods",
        "signal=violations,retraction=worst",
        "retraction=restart,attempts=0",
        "retraction=beam",
    ):
        for veto in ("none", "legal", "oracle"):
            words_of = dict(pair.split("=") for pair in words.split(","))
            words_of = {name: int(value) if value.isdigit() else value for name, value in words_of.items()}
            decoder = Decoder("uniform", "random", veto=veto, calls=30, **words_of)
            proved = ("refuted",) * (decoder.retraction == "worst")  # a search of a tree knows when it is through
            assert decode(decoder, Uniform(), [clique], 0)[0].end in ("wrong", "stuck", "out of budget", *proved)


def test_a_beam_that_moves_caches_says_what_one_that_reads_anew_does(tiny_models, few):
    from generators.decoding import beam

    for kind, order in (("ar", "raster"), ("ar-random", "random")):
        decoder = Decoder(kind, order, veto="legal", retraction="beam", width=3)
        model = tiny_models["sudoku4"][kind]
        moved = decode(decoder, model, few["sudoku4"], 0)
        state = State(decoder, stack(few["sudoku4"], "decode", 0, decoder.stream))
        beams = beam._Beams(state, model)
        while len(beams.active):
            beams.session = model.open(beams.slots.boards)  # forgets everything
            beams.step()
        anew = state.traces(0)
        assert [trace.events for trace in moved] == [trace.events for trace in anew]
        assert sum(t.costs.tokens for t in moved) < 0.5 * sum(t.costs.tokens for t in anew)


def test_the_placebo_of_best_first_goes_back_anywhere_and_is_complete():
    """One failure with three open alternatives: each is taken a third of the time; without a solution, all are."""
    star = toy(4, [(0, 3), (1, 3), (2, 3)], 2)
    says = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5]]
    first = {0: 0, 1: 0}
    for tokens in range(200):  # the budget is part of a board's key
        decoder = Decoder("diffusion", veto="legal", retraction="best-first", signal="random", tokens=100 + tokens)
        done, trace = story(decoder, says, star)
        assert trace.end == "solved"
        back = [cell for cell, value in done if value == 0]
        first[min(back[: back.index(0) + 1]) if done[2] == (1, 0) and back[:2] == [1, 0] else 1] += 1
    assert 60 < first[0] < 140  # of the alternatives of 0 and 1, that of 0
    odd = toy(5, [(i, (i + 1) % 5) for i in range(5)], 2)
    decoder = Decoder("uniform", "random", veto="legal", retraction="best-first", signal="random", calls=500)
    assert decode(decoder, Uniform(), [odd], 0)[0].end == "refuted"
