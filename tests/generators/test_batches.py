"""What a net says of a board, and so its trace, depends on that board alone: whatever stands beside it, in any number,
order or size, and on any number of threads; to the last bit, before anything is rounded.
"""

import copy
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from csp.generate import draw
from csp.io import shipped_sets
from experiments.engine.decoder_catalogue import modern_identity
from experiments.engine.loaded_models import in_threads
from generators import checkpoint
from generators.boards import stack
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from generators.models import board_stack, inference
from generators.models.backbone_config import BackboneConfig
from generators.models.board_network import BoardNetwork
from generators.models.text_reader import TILE, chunks
from generators.models.transformer import pairs

KINDS = ("ar", "ar-random", "ar-solver", "diffusion", "quality")
NARROW = ("diffusion", "diffusion-blind", "diffusion-causal")
DTYPES = (torch.float32, torch.float64)
DECODERS = (
    "ar:veto=legal,retraction=best-first,calls=12",
    "ar-random:order=confidence",
    "ar-random:veto=legal,retraction=beam,width=2,calls=8",
    "ar-solver",
    "ar-written:calls=12",
    "diffusion:order=confidence,k=2,temperature=0.5",
    "diffusion:order=confidence,threshold=0.5,veto=legal,retraction=remask,signal=quality,calls=12",
    "diffusion:order=margin,veto=legal,retraction=worst,signal=left-out,calls=8",
)


@cache
def shipped(kind, dtype):
    return checkpoint.load(checkpoint.shipped("sudoku6", kind), "sudoku6", kind, dtype).model


@cache
def narrow(kind, dtype):
    """A network that reads several boards at a time."""
    torch.manual_seed(0)
    network = BoardNetwork(BackboneConfig(6, 36, dim=board_stack.NARROW), kind)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network.to(dtype).eval()


@cache
def puzzles():
    return [i for stratum in ("0", "4-10") for i in shipped_sets.load("sudoku6", stratum)[:34]]


def mixture():
    """Graphs of different sizes, and so boards with padding."""
    return [
        draw(f"planted:n={n},colours=3,degree=2", 1, "test", index) for index, n in enumerate((6, 11, 6, 17, 9) * 4)
    ]


def states(boards, seed):
    """Some cells filled with the solution's values, and the sequence in which that happened."""
    rng = np.random.default_rng(seed)
    filled, sequence = boards.givens.copy(), np.zeros_like(boards.givens)
    for row, instance in enumerate(boards.instances):
        free = np.flatnonzero((boards.givens[row] == 0) & boards.real[row])
        some = rng.permutation(free)[: rng.integers(0, len(free) - 1)]
        filled[row, some], sequence[row, some] = np.array(instance.witness)[some], np.arange(1, len(some) + 1)
    return filled, sequence


def answers(model, boards, rows, filled, sequence):
    """Of one call about those rows."""
    if hasattr(model, "score"):
        return model.score(boards, rows, filled[rows]).right
    return model.open(boards).predict(rows, filled[rows], sequence[rows]).log_probs


@pytest.fixture
def unrounded(monkeypatch):
    monkeypatch.setattr(inference, "DECIMALS", dict.fromkeys(DTYPES, 300))
    monkeypatch.setattr("generators.models.quality_head.DECIMALS", dict.fromkeys(DTYPES, 300))
    monkeypatch.setattr(np, "round", lambda array, decimals=0: array)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("network", "kind"), [(shipped, k) for k in KINDS] + [(narrow, k) for k in NARROW])
def test_answers_are_the_same_bits_at_any_batch_size_order_and_threads(network, kind, dtype, unrounded):
    model, boards = network(kind, dtype), stack(puzzles())
    filled, sequence = states(boards, 0)
    rows = np.arange(len(boards))
    every = answers(model, boards, rows, filled, sequence)
    for size in (3, 17, 64):
        parts = [answers(model, boards, rows[i : i + size], filled, sequence) for i in range(0, len(rows), size)]
        assert (np.concatenate(parts) == every).all(), size
    for row in rows[::9]:
        assert (
            answers(model, boards.take(np.array([row])), np.array([0]), filled[[row]], sequence[[row]])[0] == every[row]
        ).all()

    # Another order: every token stands elsewhere in its tile.
    turned = np.random.default_rng(1).permutation(rows)
    other = answers(model, boards.take(turned), rows, filled[turned], sequence[turned])
    assert (other == every[turned]).all()
    before = torch.get_num_threads()
    torch.set_num_threads(2 if before == 1 else 1)
    try:
        assert (answers(model, boards, rows, filled, sequence) == every).all()
    finally:
        torch.set_num_threads(before)


@given(st.lists(st.integers(0, 67), min_size=1, max_size=2 * TILE + 1, unique=True), st.sampled_from(KINDS[:3]))
@settings(max_examples=20)
def test_any_boards_beside_it_leave_a_board_its_answers(beside, kind):
    model, boards = shipped(kind, torch.float32), stack(puzzles())
    filled, sequence = states(boards, 2)
    alone = answers(model, boards, np.array(beside[:1]), filled, sequence)
    rows = np.array(sorted(beside))
    among = answers(model, boards, rows, filled, sequence)
    assert (among[rows == beside[0]] == alone).all()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("words", DECODERS)
def test_traces_are_the_same_in_mixtures_of_sizes(tiny_models, words, dtype):
    nets = {
        kind: copy.deepcopy(net).to(dtype)
        for kind, net in tiny_models["colouring"].items()
        if kind not in ("uniform", "hf")
    }
    instances, spec = mixture(), parse(words)

    def traces(some):
        return decode(spec, nets[spec.model], some, 0, nets["quality"])

    def events(made):
        return {
            trace.instance: (trace.events.array.tolist(), trace.end, trace.costs._replace(seconds=0)) for trace in made
        }

    every = events(traces(instances))
    for size in (1, 3, 17):
        parts = [trace for i in range(0, len(instances), size) for trace in traces(instances[i : i + size])]
        assert events(parts) == every, size
    assert events(traces(instances[::-1])) == every
    shared = in_threads(traces, instances, 2)
    assert [trace.instance for trace in shared] == [instance.id for instance in instances] and events(shared) == every


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_readers_say_what_the_nets_themselves_say(dtype):
    """Backbone.forward on whole batches against the readers, up to the noise that is rounded away."""
    boards = stack(puzzles()[:8])
    filled, sequence = states(boards, 3)
    related, real = pairs(torch.as_tensor(boards.relations)), torch.as_tensor(boards.real)
    with torch.inference_mode():
        plain = shipped("diffusion", dtype)(boards.d, torch.as_tensor(filled), related, real).double().numpy()
        odds = shipped("quality", dtype)(boards.d, torch.as_tensor(filled), related, real).double().sigmoid().numpy()
    blank, noise = filled == 0, 2e-4 if dtype is torch.float32 else 1e-8
    rows = np.arange(len(boards))
    assert np.abs(answers(shipped("diffusion", dtype), boards, rows, filled, sequence) - plain)[blank].max() < noise
    assert np.abs(answers(shipped("quality", dtype), boards, rows, filled, sequence) - odds)[~blank].max() < noise


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", NARROW)
def test_boards_read_together_are_what_the_net_says_of_each(kind, dtype):
    """One cell a board, several, and none of some boards."""
    model, boards = narrow(kind, dtype), stack(puzzles()[:11])
    filled, sequence = states(boards, 4)
    filled[3] = boards.instances[3].witness
    rows = np.arange(len(boards))
    with torch.inference_mode():
        plain = model.backbone(boards.d, *model.inputs(boards, filled, sequence)).double().numpy()
    wanted = filled == 0
    wanted[::2] &= wanted[::2].cumsum(1) == 1
    said = model.open(boards).predict(rows, filled, sequence, wanted).log_probs
    noise = 2e-4 if dtype is torch.float32 else 1e-8
    assert wanted.sum() > 60 and not wanted[3].any() and np.abs(said - plain)[wanted].max() < noise


@pytest.mark.parametrize("words", ["ar-solver", "diffusion:order=confidence"])
def test_float32_solves_what_float64_solves(words):
    spec = parse(words)
    ends = [[t.end for t in decode(spec, shipped(spec.model, dtype), puzzles()[22:46], 0)] for dtype in DTYPES]
    assert abs(ends[0].count("solved") - ends[1].count("solved")) <= 1


def test_boards_are_never_cut_apart_and_every_token_is_read():
    board = np.repeat([4, 2, 7, 1], [3, 5, 1, 2])
    for size in range(1, 13):
        spans = chunks(board, size)
        assert [start for start, _ in spans[1:]] == [end for _, end in spans[:-1]]
        assert spans[0][0] == 0 and spans[-1][1] == len(board)
        assert all(board[end - 1] != board[end] for _, end in spans[:-1])
        assert all(end - start <= size or len(set(board[start:end])) == 1 for start, end in spans)
    assert chunks(board[:0], 4) == []


def test_runs_of_before_precision_was_said_were_in_float64():
    assert modern_identity({"seed": 0, "decoders": {}})["precision"] == "float64"
    assert modern_identity({"seed": 0, "decoders": {}, "precision": "float32"})["precision"] == "float32"
