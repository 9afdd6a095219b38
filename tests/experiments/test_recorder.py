"""The recorder of samplers, in diffusers' own pipelines with random networks: its events are what the tokens did."""

import numpy as np
import pytest
import tiny_language_models as tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

import takeback
from csp.errors import BadInput
from experiments.cli.dispatch import EXPERIMENTS, dispatch

PUZZLES = [takeback.draw("sudoku4", seed=0, split="test", index=index) for index in range(2)]
ROWS = [row * 5 + column for row in range(4) for column in range(4)]  # of a grid with a line's end after each row


def differences(boards):
    """(call, cell, value) of the changes from board to board, by their definition: back first, by rising cells."""
    made = []
    for call, (before, after) in enumerate(zip(boards, boards[1:]), 1):
        changed = [cell for cell in range(len(before)) if before[cell] != after[cell]]
        made += [(call, cell, 0) for cell in changed if before[cell]]
        made += [(call, cell, int(after[cell])) for cell in changed if after[cell]]
    return made


def events(trace):
    return [tuple(event) for event in trace.events]


@pytest.fixture(scope="module")
def tokens():
    return tiny.tokenizer()


def masked_network(size, **changes):
    """A network that fills masks, and is sure enough of other tokens to edit some."""
    import transformers

    torch.manual_seed(3)
    config = tiny.configuration("BertConfig", size, **{"initializer_range": 0.5, **changes})
    return transformers.BertForMaskedLM(config).eval()


class Keeping:
    """A callback that keeps what it is given, and hands it on to the recorder."""

    def __init__(self, recorder, name):
        self.recorder, self.name, self.seen = recorder, name, []

    def __call__(self, pipe, step, timestep, callback_kwargs):
        committed = getattr(pipe.scheduler, "_committed", None)
        committed = None if committed is None else committed.clone()
        self.seen.append((timestep, callback_kwargs[self.name].clone(), committed))
        return self.recorder(pipe, step, timestep, callback_kwargs)


def llada2(tokens, **words):
    from diffusers import BlockRefinementScheduler, LLaDA2Pipeline

    network = masked_network(len(tokens))
    pipe = LLaDA2Pipeline(model=network, scheduler=BlockRefinementScheduler(), tokenizer=tokens)
    pipe.set_progress_bar_config(disable=True)
    return pipe(output_type="seq", eos_early_stop=False, sampling_method="greedy", **words)


def test_a_pipeline_fills_the_blanks_of_a_puzzle(tokens):
    """The givens stand in the prompt, blank cells as masks in it; the network's tokens are whatever it likes."""
    names = tokens.get_vocab()
    ids = torch.full((2, 24), names["\n"])
    for row, puzzle in enumerate(PUZZLES):
        ids[row, 3 + np.array(ROWS)] = torch.tensor(
            [names[str(v)] if v else tokens.mask_token_id for v in puzzle.givens]
        )
    spread = {token: token % 4 + 1 for token in range(5, len(tokens))} | {names[str(v)]: v for v in range(1, 5)}
    spread[tokens.mask_token_id] = 0
    recorder = takeback.Recorder(PUZZLES, spread, [3 + place for place in ROWS], "llada2")
    keeping = Keeping(recorder, "block_x")
    llada2(
        tokens,
        input_ids=ids[:, :-1],
        gen_length=4,
        block_length=27,
        num_inference_steps=4,
        editing_threshold=None,
        callback_on_step_end=keeping,
    )
    assert len(keeping.seen) == 4
    for row, (puzzle, trace) in enumerate(zip(PUZZLES, recorder.traces())):
        boards = [puzzle.givens] + [
            np.array([spread[int(token)] for token in seen[row, 3 + np.array(ROWS)]]) for _, seen, _ in keeping.seen
        ]
        assert events(trace) == differences(boards) and len(trace.events) == puzzle.blanks
        assert trace.costs.calls == 4 and trace.costs.tokens == 4 * 27 and trace.decoder == "llada2"
        assert (takeback.replay(trace, puzzle.givens)[-1] == boards[-1]).all()


def test_a_pipeline_that_edits_takes_values_back(tokens):
    """Blocks one after another, each edited when it is full; a value that becomes another is taken back."""
    empty = [takeback.Instance(puzzle.problem, np.zeros(16, dtype=int), "empty", "empty") for puzzle in PUZZLES]
    spread = {token: token % 4 + 1 for token in range(len(tokens))} | {tokens.mask_token_id: 0}
    recorder = takeback.Recorder(empty, spread, range(2, 18))
    keeping = Keeping(recorder, "block_x")
    output = llada2(
        tokens,
        input_ids=torch.tensor([[7, 9], [8, 8]]),
        gen_length=16,
        block_length=6,
        num_inference_steps=3,
        editing_threshold=0.01,
        max_post_steps=4,
        callback_on_step_end=keeping,
    )
    widths = {seen.shape[1] for _, seen, _ in keeping.seen}
    assert widths == {6, 12, 18}
    traces = recorder.traces()
    for row, trace in enumerate(traces):
        boards = [np.zeros(16, dtype=int)]
        for _, seen, _ in keeping.seen:
            board = boards[-1].copy()
            there = seen[row, 2:].tolist()
            board[: len(there)] = [spread[token] for token in there]
            boards.append(board)
        assert events(trace) == differences(boards)
        assert boards[-1].tolist() == [spread[token] for token in output.sequences[row].tolist()]
    assert sum(trace.retractions for trace in traces) > 0
    assert traces[0].costs.tokens == sum(seen.shape[1] for _, seen, _ in keeping.seen)


def gemma(tokens):
    """diffusers' DiffusionGemma pipeline with a tiny random network."""
    from diffusers import BlockRefinementScheduler, DiffusionGemmaPipeline
    from transformers import DiffusionGemmaConfig, DiffusionGemmaForBlockDiffusion, Gemma4VisionConfig
    from transformers.models.diffusion_gemma.configuration_diffusion_gemma import DiffusionGemmaTextConfig

    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
    experts = {"num_experts": 2, "top_k_experts": 1, "moe_intermediate_size": 16}
    kinds = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 64, "num_hidden_layers": 2}
    named = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "vocab_size": len(tokens)}
    sizes = {"hidden_size": 32, "intermediate_size": 64}
    text = DiffusionGemmaTextConfig(**sizes, **heads, **experts, **kinds, **named)
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    vision = Gemma4VisionConfig(**small, num_attention_heads=2, num_key_value_heads=2, head_dim=8)
    markers = {"image_token_id": 50, "boi_token_id": 51, "eoi_token_id": 52}
    torch.manual_seed(0)
    network = DiffusionGemmaForBlockDiffusion(
        DiffusionGemmaConfig(text_config=text, vision_config=vision, canvas_length=10, **markers)
    ).eval()

    # diffusers 0.42.1 calls this argument as transformers did before 5.24
    decoder = network.model.decoder
    plain = decoder.create_diffusion_decoder_attention_mask
    decoder.create_diffusion_decoder_attention_mask = lambda past_key_values, **words: plain(
        cache=past_key_values, **words
    )
    tokens.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    pipe = DiffusionGemmaPipeline(model=network, scheduler=BlockRefinementScheduler(), processor=tokens)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.mark.filterwarnings("ignore:`past_key_values` is deprecated:FutureWarning", "ignore::DeprecationWarning:torch")
def test_a_pipeline_of_canvases(tokens):
    """A canvas begins as noise, which no one has committed; the second one goes on where the first ended."""
    empty = [takeback.Instance(puzzle.problem, np.zeros(16, dtype=int), "empty", "empty") for puzzle in PUZZLES]
    spread = {token: token % 4 + 1 for token in range(len(tokens))}
    recorder = takeback.Recorder(empty, spread, ROWS)
    keeping = Keeping(recorder, "canvas")
    output = gemma(tokens)(
        prompt=["a", "b"],
        gen_length=20,
        num_inference_steps=4,
        output_type="seq",
        eos_early_stop=False,
        confidence_threshold=None,
        generator=torch.Generator().manual_seed(0),
        callback_on_step_end=keeping,
    )
    recorder.end(output.sequences)
    assert len(keeping.seen) == 8
    for row, trace in enumerate(recorder.traces()):
        sequence, boards = np.zeros(20, dtype=int), [np.zeros(16, dtype=int)]
        for step, (_, canvas, committed) in enumerate(keeping.seen):
            part = slice(10 * (step // 4), 10 * (step // 4) + 10)
            sequence[part] = np.where(committed[row], [spread[int(token)] for token in canvas[row]], 0)
            boards.append(sequence[ROWS].copy())
        assert events(trace) == differences(boards) and trace.commits - trace.retractions == 16
        assert boards[-1].tolist() == [spread[token] for token in output.sequences[row, ROWS].tolist()]


@given(data=st.data())
def test_any_loop_is_recorded_as_it_went(data):
    """States of any tokens, seen one by one or as a list; in whichever form they come."""
    puzzle, known = PUZZLES[0], {11: 1, 12: 2, 13: 3, 14: 4, 99: 0}
    places = data.draw(st.permutations(range(20)))[:16]
    blank = puzzle.givens == 0
    boards, states = [puzzle.givens], []
    for _ in range(data.draw(st.integers(1, 5))):
        drawn = np.array(data.draw(st.lists(st.integers(0, 4), min_size=16, max_size=16)))
        boards.append(np.where(blank, drawn, puzzle.givens))
        sequence = np.full(20, 77)
        sequence[places] = np.where(boards[-1] > 0, boards[-1] + 10, 99)
        states.append(sequence)
    recorder = takeback.Recorder(puzzle, known, places)
    form = data.draw(st.sampled_from([np.array, torch.tensor, list, lambda state: np.array(state)[None]]))
    kept = [form(state) for state in states]
    for state in kept:
        recorder.see(state)
    trace = recorder.traces()[0]
    assert events(trace) == differences(boards) and trace.costs == takeback.Costs(len(states), 20 * len(states))
    assert (trace.end == "solved") == bool(puzzle.solved(boards[-1])) and recorder.others == 0
    again = takeback.record(states, puzzle, known, places, begun=True)[0]
    assert again == trace
    first = takeback.record([np.full(20, 99), *states], puzzle, known, places)[0]
    assert events(first) == events(trace) and first.costs.calls == len(states)


def test_samplers_that_write_on_in_their_tensor_are_recorded():
    x = torch.full((1, 16), 99)
    recorder = takeback.Recorder(PUZZLES[:1], {11: 1, 12: 2, 13: 3, 14: 4}, range(16))
    recorder.see(x)
    x[0, 0] = 12
    recorder.see(x)
    x[0, 0] = 14
    recorder.see(x)
    assert events(recorder.traces()[0]) == [(2, 0, 2), (3, 0, 0), (3, 0, 4)]
    assert recorder.others == 15 * 3 + 1  # 99 is named nowhere: no value, and not the mask either


def test_what_contradicts_a_given_is_noted():
    recorder = takeback.Recorder(PUZZLES[0], {token: token for token in range(5)}, range(16))
    board = np.array([[2, 1, 3, 4], [3, 4, 2, 1], [1, 2, 4, 3], [4, 3, 1, 2]]).ravel()
    recorder.see(board)
    assert recorder.traces()[0].end == "wrong" and recorder.notes == [
        "board 1: state 2 contradicts the given at r4c1 (3, not 4)"
    ]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda r: takeback.Recorder(PUZZLES, {1: 1}, range(16)), "no token of value 2; the puzzle has 4 values"),
        (lambda r: takeback.Recorder(PUZZLES, {1: 7}, range(16)), "1: 7 is no token's id with a value from 1 to 4"),
        (lambda r: takeback.Recorder(PUZZLES, {1: 1}, range(15)), "15 places; the puzzle has 16 cells"),
        (lambda r: takeback.Recorder(PUZZLES, {1: 1}, [range(16)] * 3), "cells of 3 boards for 2 puzzles"),
        (lambda r: takeback.Recorder(PUZZLES, tiny.tokenizer(without="2"), range(16)), "no single token for '2'"),
        (lambda r: r.see(np.zeros((3, 16), dtype=int)), "a row a puzzle (2), not int64 of shape (3, 16)"),
        (lambda r: r.see(np.zeros((2, 16))), "whole numbers"),
        (lambda r: r.end(np.zeros((2, 16), dtype=int)), "no step was seen before the end"),
        (lambda r: r(None, 0, 0, {"sampled_probs": 1}), "callback_on_step_end_tensor_inputs names one of block_x"),
        (lambda r: takeback.record([], PUZZLES, {v: v for v in range(5)}, range(16)), "at least one state"),
    ],
)
def test_bad_input_is_one_line(call, words):
    recorder = takeback.Recorder(PUZZLES, {value: value for value in range(5)}, range(16))
    with pytest.raises(BadInput) as fault:
        call(recorder)
    assert words in str(fault.value) and "\n" not in str(fault.value)


def test_what_is_recorded_is_scored_and_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    states = [np.stack([puzzle.givens for puzzle in PUZZLES])]
    for cell in range(16):
        states.append(states[-1].copy())
        for row, puzzle in enumerate(PUZZLES):
            states[-1][row, cell] = puzzle.witness[cell]
    traces = takeback.record(states, PUZZLES, {value: value for value in range(5)}, range(16), "mine")
    assert [trace.end for trace in traces] == ["solved"] * 2
    takeback.write_puzzles("puzzles.jsonl", PUZZLES)
    takeback.write_traces("traces.jsonl", traces)
    dispatch(EXPERIMENTS, "takeback", "", ["score", "traces.jsonl", "--instances", "puzzles.jsonl"])
    assert "mine" in capsys.readouterr().out
    dispatch(EXPERIMENTS, "takeback", "", ["report", "results/score-traces"])
    assert (tmp_path / "results" / "score-traces" / "report.html").exists()
