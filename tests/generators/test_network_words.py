"""What networks may look at, by their words: against a backbone that is given those tokens and no others."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.generate import draw
from generators import checkpoint
from generators.boards import stack
from generators.models.backbone_config import BackboneConfig
from generators.models.board_network import BoardNetwork, sight
from generators.models.examples import Examples
from generators.models.network_words import NAMED, NETWORK_WORDS, NetworkWords, words_of
from generators.models.transformer import pairs

CHOICES = itertools.product(*(NETWORK_WORDS[word] for word in ("workspace", "reading", "supervision")))
COMBINATIONS = [words for words in CHOICES if words[:2] != ("prompt", "anew")]


def build(*words, d=4, cells=16):
    kind = NetworkWords(*words).spelling
    torch.manual_seed(0)
    model = checkpoint.network_class(kind)(BackboneConfig(d, cells, dim=16, heads=2, blocks=2, loops=2), kind)
    for weight in model.parameters():  # far from the first answers, which are all alike
        weight.data *= 3
    return model.double().eval().requires_grad_(False)


def mixture():
    """Grids, and graphs of several sizes: boards with padding."""
    sizes = (6, 11, 6, 9)
    graphs = [draw(f"planted:n={n},colours=4,degree=2", 1, "test", index) for index, n in enumerate(sizes)]
    return [[draw("sudoku4", 3, "test", index) for index in range(6)], graphs]


def solutions_of(boards):
    out = np.zeros_like(boards.givens)
    for row, instance in enumerate(boards.instances):
        out[row, : instance.problem.n] = instance.witness
    return out


@pytest.mark.parametrize("words", COMBINATIONS, ids="-".join)
def test_the_loss_is_what_the_session_says(words):
    """Along the order of training, or of its state: the session is asked as a decoder asks it."""
    model = build(*words)
    for instances in mixture():
        boards = stack(instances, "x")
        solutions, rng = solutions_of(boards), np.random.default_rng(5)
        examples = model.corrupt(boards, solutions, rng)
        losses = model.loss(examples).numpy()
        for row, loss in enumerate(losses):
            said = of_session(model, boards, solutions, examples, row)
            assert loss == pytest.approx(said, abs=1e-6)


def of_session(model, boards, solutions, examples, row):
    """The mean of -log p(value) over what the loss counts."""
    session = model.open(boards)
    free = np.flatnonzero((boards.givens[row] == 0) & boards.real[row])

    def nats(filled, cells):
        now, sequence = boards.givens[[row]].copy(), np.zeros_like(boards.givens[[row]])
        now[0, filled], sequence[0, filled] = solutions[row, filled], np.arange(1, len(filled) + 1)
        wanted = np.zeros(now.shape, dtype=bool)
        wanted[0, cells] = True
        said = session.predict(np.array([row]), now, sequence, wanted)
        return [-said.log_probs[0, cell, solutions[row, cell] - 1] for cell in cells]

    if isinstance(model, BoardNetwork):
        sequence, count = examples["sequence"][row], examples["filled"][row]
        filled = sorted((cell for cell in free if sequence[cell] <= count), key=lambda cell: sequence[cell])
        blank = [cell for cell in free if sequence[cell] > count]
        if model.words.supervision == "next":
            blank = [cell for cell in blank if sequence[cell] == count + 1]
        return np.mean(nats(filled, blank))

    order = [cell for cell in examples["order"][row] if cell in free]
    said = np.mean([nats(order[:place], [cell])[0] for place, cell in enumerate(order)])
    if model.words.workspace == "prompt" and model.words.supervision == "blanks":
        said += np.mean(prompt_nats(model, boards, solutions, row, free))
    return said


def prompt_nats(model, boards, solutions, row, free):
    """Of the blanks, by a backbone that reads the board alone: nothing behind a prompt is seen from it."""
    n = int(boards.real[row].sum())
    codes = torch.as_tensor(boards.relations[[0 if len(boards.relations) == 1 else row], :n, :n])
    cells = torch.arange(n)[None]
    said = model.backbone(boards.d, torch.as_tensor(boards.givens[[row], :n]), cells, cells, pairs(codes))
    return [-said[0, cell, solutions[row, cell] - 1].item() for cell in free]


@given(st.data())
def test_an_answer_rests_on_what_the_words_show(data):
    """A board's cells that may not be looked at can be left out of the sequence, with the same answer; and cells that
    may be looked at cannot.
    """
    workspace, reading = data.draw(
        st.sampled_from([("live", "anew"), ("none", "anew"), ("live", "cached"), ("none", "cached")])
    )
    model = build(workspace, reading, "blanks")
    board, solution = np.zeros(16, dtype=np.int64), np.array(draw("sudoku4", 1, "test", 0).witness)
    filled = data.draw(st.permutations(range(16)))[: data.draw(st.integers(1, 12))]
    board[filled] = solution[filled]
    boards = stack([draw("sudoku4", 1, "test", 0)], "x")
    boards.givens[:] = 0
    sequence = np.zeros(16, dtype=np.int64)
    sequence[filled] = np.arange(1, len(filled) + 1)
    cell = data.draw(st.sampled_from([c for c in range(16) if not board[c]]))
    said = model.open(boards).predict(np.array([0]), board[None], sequence[None]).log_probs[0, cell]

    # The tokens that matter, and who sees whom among them, written down anew.
    blanks = [c for c in range(16) if not board[c]] if workspace == "live" else [cell]
    tokens = [*filled, *blanks]
    commit = {c: place for place, c in enumerate(filled)}
    blocked = [
        [
            (reading == "cached" and q in commit and (k not in commit or commit[k] > commit[q]))
            or (workspace == "none" and k not in commit and k != q)
            for k in tokens
        ]
        for q in tokens
    ]
    cells = torch.tensor([tokens])
    codes = torch.as_tensor(boards.relations)
    related = pairs(codes, cells, cells, cells)
    answer = model.backbone(4, torch.as_tensor(board)[cells], cells, cells, related, torch.tensor([blocked]))
    assert said == pytest.approx(answer[0, tokens.index(cell)].numpy(), abs=1e-6)


def test_a_workspace_matters():
    """Without the other blanks' tokens a net that may look at them answers otherwise."""
    instance = draw("sudoku4", 1, "test", 0)
    boards = stack([instance], "x")
    live, blind = build("live", "anew", "blanks"), build("none", "anew", "blanks")
    blind.load_state_dict(live.state_dict())
    one, other = (net.open(boards).predict(np.array([0]), boards.givens).log_probs for net in (live, blind))
    assert np.abs(one - other).max() > 1e-3


@given(
    st.lists(st.integers(0, 4), min_size=5, max_size=5),
    st.sampled_from(["none", "live"]),
    st.sampled_from(["anew", "cached"]),
)
def test_sight_against_its_words(order, workspace, reading):
    real = np.array([[True] * 4 + [False]])
    order = np.array([order]) * real
    blank = (order == 4) & real
    order = np.where(blank, 0, order)
    blocked = sight(NetworkWords(workspace, reading), real, blank, order)[0]
    for q in range(4):
        for k in range(5):
            allowed = k < 4
            if blank[0, k] and k != q:
                allowed &= workspace == "live" and (reading == "anew" or bool(blank[0, q]))
            if reading == "cached" and not blank[0, q] and not (k < 4 and blank[0, k]):
                allowed &= bool(order[0, k] <= order[0, q])
            assert blocked[q, k] == (not allowed)


@pytest.mark.parametrize(
    ("words", "first", "then"),
    [
        # Of 16 cells some are given and `left` blank: what the first call reads, and the next one, a commit later,
        # which asks about one cell too.
        (("live", "anew", "blanks"), lambda left: 16, lambda left: 16),
        (("none", "anew", "blanks"), lambda left: 16 - left + 1, lambda left: 16 - left + 2),
        (("live", "cached", "blanks"), lambda left: 16, lambda left: left),
        (("none", "cached", "blanks"), lambda left: 16 - left + 1, lambda left: 2),
        (("none", "cached", "next"), lambda left: 16 - left + 1, lambda left: 1),
        (("prompt", "cached", "next"), lambda left: 17, lambda left: 1),
    ],
)
def test_a_call_is_charged_for_what_it_has_to_read(words, first, then):
    instance = draw("sudoku4", 3, "test", 0)
    boards = stack([instance], "x")
    session, row = build(*words).open(boards), np.array([0])
    cells = np.flatnonzero(boards.givens[0] == 0)
    now, sequence = boards.givens.copy(), np.zeros_like(boards.givens)
    wanted = np.arange(16)[None] == cells[0]
    one = session.predict(row, now, sequence, wanted)
    now[0, cells[0]], sequence[0, cells[0]] = instance.witness[cells[0]], 1
    two = session.predict(row, now, sequence, np.arange(16)[None] == cells[1])
    assert (int(one.tokens[0]), int(two.tokens[0])) == (first(instance.blanks), then(instance.blanks))
    assert two.flops[0] > 0 and (two.tokens[0] >= one.tokens[0] or two.flops[0] < one.flops[0])

    # A commit that was taken back and made otherwise is read again where commits are cached.
    now[0, cells[0]] = instance.witness[cells[0]] % 4 + 1
    three = session.predict(row, now, sequence, np.arange(16)[None] == cells[1])
    assert three.tokens[0] == two.tokens[0]


def test_all_words_have_the_same_parameters():
    counts = {sum(p.numel() for p in build(*words).parameters()) for words in COMBINATIONS}
    assert len(counts) == 1


@pytest.mark.parametrize("name", NAMED)
def test_names_are_words(name):
    words = words_of(name)
    assert words_of(words.spelling) == words


def test_labels_a_pass():
    """supervision=next: one label; blanks: every blank; a state has at least one blank, and may have no commit."""
    instances = mixture()[0]
    boards = stack(instances * 20, "x")
    solutions = solutions_of(boards)
    filled = BoardNetwork(BackboneConfig(4, 16, 16, 2, 1, 1), "diffusion-blind").corrupt(
        boards, solutions, np.random.default_rng(0)
    )["filled"]
    free = (boards.givens == 0).sum(1)
    assert (filled < free).all() and filled.min() == 0 and (filled == free - 1).any()


@pytest.mark.parametrize("order", NETWORK_WORDS["order"])
def test_states_are_prefixes_of_the_order(order):
    boards = stack(mixture()[0] * 4, "x")
    model = BoardNetwork(BackboneConfig(4, 16, 16, 2, 1, 1), f"net:order={order}")
    examples = model.corrupt(boards, solutions_of(boards), np.random.default_rng(0))
    assert isinstance(examples, Examples)
    for row in range(len(boards)):
        sequence = examples["sequence"][row]
        free = np.flatnonzero(boards.givens[row] == 0)
        assert sorted(sequence[free]) == list(range(1, len(free) + 1)) and sequence.sum() == sequence[free].sum()
        if order == "raster":
            assert (np.diff(sequence[free]) > 0).all()


@pytest.mark.parametrize("kind", ["net:workspace=prompt", "net:workspace=some", "net:sight=all", "nets", "net:order"])
def test_words_that_are_none_are_refused(kind):
    with pytest.raises(BadInput):
        checkpoint.network_class(kind)


def test_a_spelled_kind_is_read_back(tmp_path):
    model = build("live", "cached", "next")
    checkpoint.save(model, tmp_path / "x.safetensors", {"family": "sudoku4"})
    again = checkpoint.load(tmp_path / "x.safetensors", "sudoku4", model.kind).model
    assert again.words == NetworkWords("live", "cached", "next")
