"""Hugging Face language models: what they read, what they answer, and what they cost, against other ways to know it."""

import json

import numpy as np
import pytest
import tiny_language_models as tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import takeback
from csp.errors import BadInput
from csp.families import sudoku
from generators.boards import stack
from generators.models.hugging_face import cache
from generators.models.hugging_face.board_text import prompt
from generators.models.hugging_face.network import hugging_face
from generators.models.hugging_face.source import Source
from takeback.testing import check_model

PUZZLES = [takeback.draw("sudoku4", seed=0, split="test", index=index) for index in range(4)]
GRAPH = takeback.draw("colouring", seed=0, split="test", index=0)
CAUSAL_PROMPT = (
    "Fill in the blank cells, so that each row, column and box holds each of 1 to 4 once.\n"
    ".1.4\n....\n....\n3.1.\nAnswer:\n"
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    there = tmp_path_factory.mktemp("models")
    return {kind: tiny.folder(there / kind, kind) for kind in ("causal", "masked")}


@pytest.fixture(scope="module")
def causal(folders):
    return hugging_face(folders["causal"], precision="float64")


@pytest.fixture(scope="module")
def masked(folders):
    return hugging_face(folders["masked"], precision="float64")


def read(model, ids):
    """The characters of tokens, special ones by their names."""
    return "".join(model.source.tokens.tokenizer.convert_ids_to_tokens(list(map(int, ids))))


def logits_of(model, text):
    """What the network says after each token of a text, (tokens, vocabulary): one pass, no cache, no code of ours."""
    names = model.source.tokens.tokenizer.get_vocab()
    special = sorted((name for name in names if len(name) > 1), key=len)
    ids, at = [], 0
    while at < len(text):
        name = next((name for name in special if text.startswith(name, at)), text[at])
        ids.append(names[name])
        at += len(name)
    with torch.no_grad():
        return model.network(torch.tensor([ids])).logits[0], ids


def value_log_probs(model, logits, d=4):
    names = model.source.tokens.tokenizer.get_vocab()
    return torch.log_softmax(logits[..., [names[str(value)] for value in range(1, d + 1)]], -1).numpy()


def committed(puzzle, cells, values):
    """An assignment and a commit order, (1, n) each."""
    assignment, order = puzzle.givens[None].copy(), np.zeros((1, puzzle.problem.n), dtype=np.int64)
    for number, (cell, value) in enumerate(zip(cells, values), 1):
        assignment[0, cell], order[0, cell] = value, number
    return assignment, order


ROW = np.array([0])


def test_the_grid_is_written_cell_by_cell(causal):
    assignment, order = committed(PUZZLES[0], [0, 2], [2, 3])
    answer = causal.for_order("raster").open(stack(PUZZLES[:1], 0)).predict(ROW, assignment, order)
    logits, ids = logits_of(causal, f"<bos>{CAUSAL_PROMPT}2134\n")
    assert np.argwhere(answer.speaks).tolist() == [[0, 4]]
    np.testing.assert_allclose(answer.log_probs[0, 4], value_log_probs(causal, logits[-1]), atol=1e-8)
    assert answer.tokens.tolist() == [len(ids)]


def test_commits_name_their_cells_in_their_order(causal):
    assignment, order = committed(PUZZLES[0], [9, 0], [2, 4])
    session = causal.open(stack(PUZZLES[:1], 0))
    answer = session.predict(ROW, assignment, order)
    history = f"<bos>{CAUSAL_PROMPT}r3c2=2\nr1c1=4\n"
    for cell in np.nonzero(answer.speaks[0])[0]:
        logits, _ = logits_of(causal, f"{history}r{cell // 4 + 1}c{cell % 4 + 1}=")
        np.testing.assert_allclose(answer.log_probs[0, cell], value_log_probs(causal, logits[-1]), atol=1e-8)
    assert answer.speaks[0].sum() == (assignment == 0).sum() == 10
    assert answer.tokens.tolist() == [len(logits_of(causal, history)[1]) + 10 * len("r1c1=")]

    # one question is read with the history, and the next commit of that cell goes on from it
    wanted = np.zeros((1, 16), dtype=bool)
    wanted[0, 2] = True
    assert session.predict(ROW, assignment, order, wanted).tokens.tolist() == [len("r1c3=")]
    assignment[0, 2], order[0, 2] = 3, 3
    wanted[0, 2], wanted[0, 4] = False, True
    assert session.predict(ROW, assignment, order, wanted).tokens.tolist() == [len("3\nr2c1=")]


def test_a_masked_model_reads_the_whole_board(masked):
    assignment, _ = committed(PUZZLES[0], [0], [2])
    answer = masked.open(stack(PUZZLES[:1], 0)).predict(ROW, assignment)
    m = "<mask>"
    text = f"{CAUSAL_PROMPT.splitlines()[0]}\n21{m}4\n{m}{m}{m}{m}\n{m}{m}{m}{m}\n3{m}1{m}\n"
    logits, ids = logits_of(masked, f"<bos>{text}<eos>")
    first = len(f"_{CAUSAL_PROMPT.splitlines()[0]}\n")
    for cell in np.nonzero(answer.speaks[0])[0]:
        said = value_log_probs(masked, logits[first + cell + cell // 4])
        np.testing.assert_allclose(answer.log_probs[0, cell], said, atol=1e-8)
    assert answer.speaks[0].sum() == (assignment == 0).sum() and answer.tokens.tolist() == [len(ids)]


def test_with_shift_a_token_is_said_by_the_one_before(folders, masked):
    shifted = hugging_face(folders["masked"], precision="float64", shift=True, kind="masked")
    answer = shifted.open(stack(PUZZLES[:1], 0)).predict(ROW, PUZZLES[0].givens[None])
    ids, places = shifted.source.text(PUZZLES[0]).masked(PUZZLES[0].givens)
    with torch.no_grad():
        logits = masked.network(torch.tensor(ids[None])).logits[0]
    blank = np.nonzero(answer.speaks[0])[0]
    np.testing.assert_allclose(
        answer.log_probs[0, blank], value_log_probs(masked, logits[places[blank] - 1]), atol=1e-8
    )


@settings(max_examples=15)
@given(data=st.data())
def test_what_stands_in_the_cache_changes_no_answer(causal, data):
    """Commits and retractions in any order, questions about one cell or all, boards that come and go."""
    layout = data.draw(st.sampled_from(["raster", "cells"]))
    model = causal.for_order("raster" if layout == "raster" else "random")
    boards = stack(PUZZLES[:3], 0)
    session = model.open(boards)
    assignments, order = boards.givens.copy(), np.zeros_like(boards.givens)
    spent = np.zeros(3, dtype=int)
    for step in range(1, 7):
        for row in range(3):
            free = np.nonzero(boards.givens[row] == 0)[0]
            cell = data.draw(st.sampled_from(free.tolist()))
            value = data.draw(st.integers(0, 4))
            assignments[row, cell], order[row, cell] = value, step if value else 0
        rows = np.array(sorted(data.draw(st.sets(st.integers(0, 2), min_size=1))))
        wanted = None
        if data.draw(st.booleans()):
            wanted = (assignments[rows] == 0) & (np.cumsum(assignments[rows] == 0, axis=1) == 1)
        answer = session.predict(rows, assignments[rows], order[rows], wanted)
        anew = model.open(boards).predict(rows, assignments[rows], order[rows], wanted)
        assert (answer.speaks == anew.speaks).all()
        np.testing.assert_allclose(answer.log_probs, anew.log_probs, atol=1e-8)
        assert (answer.tokens <= anew.tokens).all() and (answer.tokens > 0).all()
        spent[rows] += answer.tokens


def test_greedy_raster_is_the_librarys_own_generate(causal):
    """transformers' generate, held to the grid: values where cells are blank, else what stands there."""
    model = causal.for_order("raster")
    traces = takeback.decode(takeback.parse("net"), model, PUZZLES, seed=0)
    tokenizer = model.source.tokens.tokenizer
    names = tokenizer.get_vocab()
    values = [names[str(value)] for value in range(1, 5)]
    for puzzle, trace in zip(PUZZLES, traces):
        prompt_ids = model.source.text(puzzle).before
        grid = [names["\n"] if place % 5 == 4 else int(puzzle.givens[place - place // 5]) for place in range(20)]

        def allowed(_, ids, grid=grid, before=prompt_ids):
            place = len(ids) - len(before)
            if place % 5 == 4:
                return [grid[place]]
            return [values[grid[place] - 1]] if grid[place] else values

        generated = model.network.generate(
            torch.tensor([prompt_ids]),
            attention_mask=torch.ones((1, len(prompt_ids)), dtype=torch.long),
            do_sample=False,
            max_new_tokens=20,
            min_new_tokens=20,
            prefix_allowed_tokens_fn=allowed,
            pad_token_id=0,
        )[0, len(prompt_ids) :].tolist()
        board = takeback.replay(trace, puzzle.givens)[-1]
        assert read(model, generated) == "".join("".join(map(str, row)) + "\n" for row in board.reshape(4, 4))


@pytest.mark.parametrize("order", ["raster", "random"])
def test_a_causal_model_conforms(folders, order):
    model = hugging_face(folders["causal"]).for_order(order)
    check_model(model, ["sudoku4", "colouring"], 6)


def test_a_masked_model_conforms(folders):
    check_model(hugging_face(folders["masked"]), ["sudoku4", "colouring"], 10)


def test_costs(causal):
    """Of a network of known size: two a weight and token, four a pair of tokens, layer and unit of width."""
    layer = 32 * (32 + 32 + 32) + 32 * 32 + 3 * 32 * 64 + 2 * 32  # Llama's: q, k, v, out; gate, up, down; two norms
    assert causal.costs.weights == 2 * layer + 32
    assignment, order = committed(PUZZLES[0], [], [])
    answer = causal.for_order("raster").open(stack(PUZZLES[:1], 0)).predict(ROW, assignment, order)
    n = int(answer.tokens[0])
    assert answer.flops.tolist() == [2 * causal.costs.weights * n + 4 * 2 * 32 * n * (n + 1) // 2]


@pytest.mark.parametrize(
    ("config", "words", "remembers"),
    [
        ("MistralConfig", {"sliding_window": 40, "num_key_value_heads": 4}, True),
        ("GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 4096}, True),
        ("MambaConfig", {"state_size": 4}, False),
    ],
)
def test_windows_and_recurrent_states(tmp_path, config, words, remembers):
    """Layers that look at the last tokens alone, and networks that could not forget what they have read."""
    made = tiny.folder(tmp_path, config=config, **words)
    model = hugging_face(made, precision="float64")
    assert cache.keys_and_values(model.network) == remembers
    close = 1e-8 if remembers else 1e-6  # Mamba's scan is computed in float32
    session = model.open(stack(PUZZLES[:1], 0))
    for cells in ([], [0], [0, 2], [2], []):
        assignment, order = committed(PUZZLES[0], cells, [2] * len(cells))
        wanted = (assignment == 0) & (np.cumsum(assignment == 0, axis=1) == 1)
        for asked in (None, wanted):
            answer = session.predict(ROW, assignment, order, asked)
            names = [f"r{cell // 4 + 1}c{cell % 4 + 1}=" for cell in range(16)]
            history = f"{CAUSAL_PROMPT}{''.join(f'{names[cell]}2' + chr(10) for cell in cells)}"
            for cell in np.nonzero(answer.speaks[0])[0]:
                said, ids = logits_of(model, f"<bos>{history}{names[cell]}")
                np.testing.assert_allclose(answer.log_probs[0, cell], value_log_probs(model, said[-1]), atol=close)
            assert remembers or answer.tokens[0] == answer.speaks.sum() * len(ids)


def test_without_room_for_caches_traces_are_the_same(causal, monkeypatch):
    decoder = takeback.parse("net:order=random,veto=legal,retraction=beam,width=2")
    rewinding = takeback.parse("net:order=random,retraction=rewind,signal=violations,calls=20")
    before = [takeback.decode(one, causal, PUZZLES[:2], seed=0) for one in (decoder, rewinding)]
    monkeypatch.setattr(cache, "KEPT_BYTES", 0)
    again = [takeback.decode(one, causal, PUZZLES[:2], seed=0) for one in (decoder, rewinding)]
    for one, other in zip([*before[0], *before[1]], [*again[0], *again[1]]):
        assert (one.events, one.costs._replace(seconds=0)) == (other.events, other.costs._replace(seconds=0))


def test_graphs_and_prompts_of_ones_own(folders):
    model = hugging_face(folders["causal"], prompt="{d} colours, {n} nodes {{}}: {edges} | {values}\n", row_end=";")
    text = model.source.text(GRAPH)
    joined = ", ".join(f"{a}-{b}" for a, b in (rule.scope for rule in GRAPH.problem.constraints))
    assert read(model, text.before) == f"<bos>3 colours, {GRAPH.problem.n} nodes {{}}: {joined} | 1, 2, 3\n"
    assert read(model, text.question(12)) == "12="
    board = prompt(GRAPH, "{board}", ("a", "b", "c"), "?")
    assert board.split(", ")[0] == "0=" + "?abc"[GRAPH.givens[0]]
    lettered = hugging_face(folders["causal"], values=("a", "b", "c", "d"))
    assert read(lettered, lettered.source.text(PUZZLES[0]).before).endswith(".a.d\n....\n....\nc.a.\nAnswer:\n")


def test_boards_of_sixteen_have_letters(causal):
    puzzle = takeback.Instance(sudoku.board(16), np.zeros(256, dtype=int), "sudoku16", "empty")
    text = causal.source.text(puzzle)
    assert read(causal, text.values) == "123456789ABCDEFG" and read(causal, text.question(255)) == "r16c16="


def test_memory_that_does_not_suffice_is_said_in_one_line(masked, monkeypatch):
    def full(*arguments, **words):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate")

    monkeypatch.setattr(type(masked.network), "forward", full)
    decoder = takeback.parse("net:order=confidence")
    assert "out of memory on cpu" in one_line(lambda: takeback.decode(decoder, masked, PUZZLES, seed=0))


def test_what_is_left_out_is_counted(causal):
    model = causal.for_order("raster")
    before = model.left_out.n, model.left_out.total
    model.open(stack(PUZZLES[:1], 0)).predict(ROW, *committed(PUZZLES[0], [], []))
    logits, _ = logits_of(causal, f"<bos>{CAUSAL_PROMPT}")
    names = model.source.tokens.tokenizer.get_vocab()
    share = 1 - torch.softmax(logits[-1], -1)[[names[str(value)] for value in range(1, 5)]].sum()
    assert model.left_out.n == before[0] + 1 and np.isclose(model.left_out.total - before[1], float(share))
    low, high = model.left_out.interval
    assert 0 <= low <= model.left_out.mean <= high <= 1


CODE = """
import torch
from transformers import BertConfig, BertModel, PreTrainedModel
from transformers.modeling_outputs import MaskedLMOutput

class OwnConfig(BertConfig):
    model_type = "own"

class OwnLM(PreTrainedModel):
    config_class = OwnConfig
    def __init__(self, config):
        super().__init__(config)
        self.inner = BertModel(config, add_pooling_layer=False)
        self.out = torch.nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()
    def forward(self, input_ids, attention_mask=None, **words):
        return MaskedLMOutput(logits=self.out(self.inner(input_ids).last_hidden_state))
"""


def test_python_beside_the_weights_runs_if_it_is_trusted(tmp_path):
    """As LLaDA and Dream come: a class of their own, a mask that the tokenizer does not name."""
    (tmp_path / "modeling_own.py").write_text(CODE)
    space = {"__name__": "modeling_own"}
    exec(CODE, space)
    tokens = tiny.tokenizer(mask="")
    config = space["OwnConfig"](vocab_size=len(tokens), max_position_embeddings=512, **tiny.SHAPE)
    config.auto_map = {"AutoConfig": "modeling_own.OwnConfig", "AutoModel": "modeling_own.OwnLM"}
    config.architectures = ["OwnLM"]
    torch.manual_seed(0)
    space["OwnLM"](config).save_pretrained(tmp_path)
    config.save_pretrained(tmp_path)
    tokens.save_pretrained(tmp_path)
    with pytest.raises(BadInput, match="does not say whether it is causal or masked"):
        hugging_face(tmp_path)
    with pytest.raises(BadInput, match="has no mask token"):
        hugging_face(tmp_path, kind="masked", trust_remote_code=True).open(stack(PUZZLES, 0))
    with pytest.raises(BadInput, match="it brings Python of its own"):
        hugging_face(tmp_path, kind="masked", mask="<mask>")
    model = hugging_face(tmp_path, kind="masked", mask="<mask>", trust_remote_code=True)
    traces = takeback.decode(takeback.parse("net:order=confidence"), model, PUZZLES, seed=0)
    assert all(trace.commits == puzzle.blanks for trace, puzzle in zip(traces, PUZZLES))


def one_line(call):
    with pytest.raises(BadInput) as fault:
        call()
    assert "\n" not in str(fault.value)
    return str(fault.value)


def test_what_is_no_model_is_said_in_one_line(tmp_path, folders, monkeypatch):
    assert "no such folder; a model of the Hugging Face hub" in one_line(lambda: hugging_face("Qwen/Qwen3-8B"))
    assert "config.json is missing" in one_line(lambda: hugging_face(tmp_path))
    (tmp_path / "config.json").write_text("{")
    assert "not JSON" in one_line(lambda: hugging_face(tmp_path))

    def copied(name, change=lambda at: None):
        at = tmp_path / name
        at.mkdir()
        for file in folders["causal"].iterdir():
            (at / file.name).write_bytes(file.read_bytes())
        change(at)
        return one_line(lambda: hugging_face(at))

    def cut(at, name="model.safetensors"):
        (at / name).write_bytes((at / name).read_bytes()[:5000])

    assert "truncated or not a safetensors file" in copied("cut", cut)
    assert "no *.safetensors" in copied("none", lambda at: (at / "model.safetensors").unlink())
    assert "it cannot be loaded" in copied("odd", lambda at: config_of(at, model_type="unheard-of"))
    assert "weights are not in its files" in copied("deeper", lambda at: config_of(at, num_hidden_layers=3))
    missing = {"weight_map": {"a": "model-00002-of-00002.safetensors"}}
    assert "a part of the weights is missing" in copied(
        "parts", lambda at: (at / "model.safetensors.index.json").write_text(json.dumps(missing))
    )
    monkeypatch.setattr("generators.models.hugging_face.source.free_bytes", lambda device: 1000)
    assert "its weights take 0.0 GB in float32, and 0.0 GB are free" in copied("large")


def config_of(at, **changes):
    said = json.loads((at / "config.json").read_text())
    (at / "config.json").write_text(json.dumps(said | changes))


def test_tokens_that_are_not_there_are_said_in_one_line(tmp_path, folders):
    at = tiny.folder(tmp_path / "few", tokens=tiny.tokenizer(without="3"))
    assert "has no single token for '3'" in one_line(lambda: hugging_face(at).open(stack(PUZZLES, 0)))
    at = tiny.folder(tmp_path / "maskless", "masked", tokens=tiny.tokenizer(mask=""))
    assert "has no mask token" in one_line(lambda: hugging_face(at).open(stack(PUZZLES, 0)))
    model = hugging_face(folders["causal"], prompt="{bord}")
    assert "its fields are rules, board" in one_line(lambda: model.open(stack(PUZZLES, 0)))
    at = tiny.folder(tmp_path / "short", "masked", max_position_embeddings=50)
    assert "reads 50 tokens; a sudoku 4x4 takes up to" in one_line(lambda: hugging_face(at).open(stack(PUZZLES, 0)))
    assert "chat template" in one_line(lambda: hugging_face(folders["causal"], chat=True).open(stack(PUZZLES, 0)))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('{"prompt": "x"}', 'like {"model": "FOLDER"'),
        ('{"model": ".", "promt": "x"}', "no option 'promt'; there are kind, prompt"),
        ('{"model": ".", "shift": "yes"}', "shift is true or false, not 'yes'"),
        ('{"model": ".", "kind": "both"}', "no kind 'both'"),
        ('{"model": ".", "values": ["1", "1"]}', "one stands for two values"),
        ('{"model": ".", "kind": "masked", "layout": "cells"}', "layout goes with kind causal"),
    ],
)
def test_option_files_are_checked(tmp_path, said, words):
    (tmp_path / "mine.json").write_text(said)
    assert words in one_line(lambda: Source.open(tmp_path / "mine.json"))


def test_an_option_file_names_the_folder_and_the_hash_follows_what_answers_depend_on(tmp_path, folders):
    (tmp_path / "mine.json").write_text(json.dumps({"model": str(folders["causal"]), "prompt": "{board}:"}))
    source, plain = Source.open(tmp_path / "mine.json"), Source.open(folders["causal"])
    assert source.name == f"hf:{tmp_path / 'mine.json'}" and source.options.prompt == "{board}:"
    assert source.files == plain.files and source.sha256 != plain.sha256
    assert Source.open(folders["causal"]).sha256 == plain.sha256


@pytest.mark.parametrize(
    "text",
    [
        "hf:weights",
        "hf:./my=weights",
        "hf:/a:b/c.json:order=confidence,veto=legal",
        "hf:weights:retraction=remask,signal=violations,calls=9",
        "hf:order=margin",
    ],
)
def test_spellings_name_the_place(text):
    decoder = takeback.parse(text)
    assert str(decoder) == text and takeback.parse(str(decoder)) == decoder
    assert takeback.parse("hf:/a:b/c.json:order=margin").model == "hf:/a:b/c.json"


def test_spellings_that_do_not_go_together_are_refused():
    assert "'hf:weights:order=best': no order 'best'" in one_line(lambda: takeback.parse("hf:weights:order=best"))
    assert "loops goes with this package's networks" in one_line(lambda: takeback.parse("hf:weights:loops=3"))
    assert "needs a budget" in one_line(lambda: takeback.parse("hf:weights:retraction=depth"))
