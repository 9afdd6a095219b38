"""Training on mixtures, on several processes, with averages and early stops; networks that read fewer values."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from csp.errors import BadInput
from csp.families import colouring
from csp.generate import draw
from csp.seeds import stream
from generators import checkpoint
from generators.boards import stack
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from generators.models.backbone_config import BackboneConfig
from generators.models.masked_diffusion import MaskedDiffusion, masks
from generators.models.transformer import pairs, with_loops
from generators.training import trainer
from generators.training.config import MIXTURES, RENAMED, TrainConfig, renamed
from generators.training.datasets import MOST_DROPPED, dataset, with_fewer_givens
from generators.training.processes import Share
from generators.training.resume import WeightTracker
from generators.training.trainer import datasets, sparkline, train

BRIEFLY = Path(__file__).parents[1] / "support" / "train_briefly.py"
TINY = {"updates": 6, "batch": 8, "puzzles": 20, "validate_every": 2, "dim": 16, "heads": 2, "blocks": 1, "loops": 1}
MIX = ("planted:n=6-9,degree=2", "planted:n=8-12,colours=5,degree=4")


@pytest.fixture(scope="module")
def boards():
    return [dataset("sudoku4", 0, "train", 20)], [dataset("sudoku4", 1, "train", 128)]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Nets of every kind that can be, trained on the mixture."""
    folder = tmp_path_factory.mktemp("mixed")
    made = {}
    for kind in ("ar", "ar-random", "ar-solver", "diffusion"):
        config = TrainConfig(kind, "colouring", **TINY, mix=MIX, precision="bf16", drop_givens=0.5)
        sets = datasets(config, "train", 40), datasets(config, "validation", 6)
        train(config, *sets, folder / f"{kind}.safetensors", lambda news: None)
        made[kind] = checkpoint.load(folder / f"{kind}.safetensors", "colouring")
    return made


def test_a_mixture_has_equal_shares(mixed):
    config = TrainConfig("ar", "colouring", mix=MIX)
    sets = datasets(config, "train", 41)
    assert [len(one.boards) for one in sets] == [21, 21] and [one.boards.d for one in sets] == [3, 5]
    assert TrainConfig("ar", "colouring", mix=("graphs", "gnp")).sources == (*MIXTURES["graphs"], "gnp")
    assert TrainConfig("ar", "sudoku6").sources == ("sudoku6",)
    shape = mixed["diffusion"].model.backbone.config
    assert shape.flexible and shape.d == 5 and shape.cells <= 12
    assert mixed["ar"].card["examples"] == 48 and "validation" in mixed["ar"].card["plot"]


@pytest.mark.parametrize("spec", ["ar", "ar-random:order=confidence", "ar-solver", "diffusion:order=margin,k=2"])
@pytest.mark.parametrize("family", ["planted:n=7,degree=2", "planted:n=30,colours=4,degree=3", "planted:n=9,colours=5"])
def test_one_net_reads_any_number_of_nodes_and_fewer_colours(mixed, spec, family):
    instances = [draw(family, 0, "any", index) for index in range(3)]
    traces = decode(parse(spec), mixed[parse(spec).model].model, instances, 0)
    for instance, trace in zip(instances, traces):
        assert trace.events.array[:, 2].min() >= 1 and trace.events.array[:, 2].max() <= instance.problem.d
        assert len(trace.events) == instance.problem.n
        alone = decode(parse(spec), mixed[parse(spec).model].model, [instance], 0)[0]
        assert list(alone.events) == list(trace.events)


def test_its_probabilities_are_over_the_puzzles_own_values(mixed):
    boards = stack([draw("planted:n=20,colours=4,degree=3", 0, "any", 0)])
    prediction = mixed["diffusion"].model.open(boards).predict(np.array([0]), boards.givens)
    assert prediction.log_probs.shape == (1, 20, 4)
    assert np.exp(prediction.log_probs).sum(-1) == pytest.approx(np.ones((1, 20)), abs=1e-6)


def test_more_values_than_it_was_trained_on_are_refused(mixed):
    instance = draw("planted:n=9,colours=6,degree=3", 0, "any", 0)
    with pytest.raises(BadInput, match="reads up to 5 values, not 6"):
        decode(parse("ar"), mixed["ar"].model, [instance], 0)


def test_written_backtracking_needs_one_size():
    config = TrainConfig("ar-written", "colouring", **TINY, mix=MIX)
    with pytest.raises(BadInput, match="puzzles of one size"):
        trainer.build(config, datasets(config, "train", 4))


@pytest.mark.parametrize("kind", ["ar", "ar-random", "diffusion", "quality", "ar-written"])
def test_parts_of_a_batch_add_up_to_the_whole(tiny_models, few, kind):
    """What training on several processes rests on: whatever is drawn, the shares' losses sum to the batch's."""
    model = tiny_models["sudoku4"][kind]
    boards = stack(few["sudoku4"])
    solved = np.array([instance.witness for instance in few["sudoku4"]])
    examples = model.corrupt(boards, solved, stream("parts"))
    each = model.loss(examples)
    assert each.shape == (len(boards),)
    parts = [Share(rank, 3).mean(model, examples).item() for rank in range(3)]
    assert sum(parts) == pytest.approx(each.mean().item(), rel=1e-6) and min(parts) > 0
    for rank in range(3):
        part = slice(rank, None, 3)
        assert torch.allclose(model.loss(examples.take(part)), each[part], rtol=1e-5)


def test_two_processes_follow_the_same_curve(tmp_path):
    """torchrun with gloo, the command itself: the losses are those of one process."""
    words = [
        "diffusion",
        "--family",
        "colouring",
        "--threads",
        "1",
        "--updates",
        "6",
        "--batch",
        "9",
        "--puzzles",
        "30",
    ]
    words += ["--puzzles", "30", "--mix", "planted:n=9-12,degree=2"]
    words += [
        "--lr",
        "0.05",
        "--warmup",
        "0",
        "--validate-every",
        "2",
        "--dim",
        "16",
        "--heads",
        "2",
        "--blocks",
        "1",
        "--loops",
        "1",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    curves = []
    for number, start in enumerate(([sys.executable], launch)):
        out = tmp_path / f"{number}.safetensors"
        done = subprocess.run(
            [*start, str(BRIEFLY), *words, "--out", str(out)],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        card = json.loads(out.with_suffix(".json").read_text())
        assert card["processes"] == number + 1
        curves.append((np.array(card["curve"]["rows"]), checkpoint.load(out, dtype=torch.float32).model.state_dict()))
    (one, weights), (two, others) = curves
    assert len(one) == 3 and one == pytest.approx(two, abs=1e-4)
    moved = torch.cat([(weights[name] - others[name]).abs().flatten() for name in weights])
    assert moved.max() < 2e-3  # a gradient of the wrong sign moves a weight by twice the rate: 0.05


def test_the_average_follows_and_is_what_is_kept(tmp_path, boards):
    config = TrainConfig("diffusion", "sudoku4", **{**TINY, "lr": 0.05, "warmup": 0})
    paths = [tmp_path / "plain.safetensors", tmp_path / "average.safetensors"]
    train(config, *boards, paths[0], lambda news: None)
    train(replace(config, ema=0.9), *boards, paths[1], lambda news: None)
    plain, average = (checkpoint.load(path).model.state_dict() for path in paths)
    assert any((plain[name] != average[name]).any() for name in plain)
    net = torch.nn.Linear(1, 1, bias=False)
    kept = WeightTracker(0.9, False, dict(net.named_parameters()))
    expected = net.weight.item()
    for update, value in enumerate((1.0, 2.0, 3.0)):
        with torch.no_grad():
            net.weight.fill_(value)
        kept.follow(update)
        decay = min(0.9, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * value
    kept.swap(kept.average)
    assert net.weight.item() == pytest.approx(expected) and kept.average["weight"].item() == 3.0


def test_an_early_stop_keeps_the_best(tmp_path, boards, monkeypatch):
    validations = iter((0.5, 0.4, 0.45, 0.41, 0.3))
    weights = []

    def validate(model, held_out):
        weights.append(model.backbone.head.weight.detach().clone())
        return next(validations)

    monkeypatch.setattr(trainer, "validate", validate)
    config = TrainConfig("diffusion", "sudoku4", **{**TINY, "updates": 100}, patience=2)
    path = train(config, *boards, tmp_path / "x.safetensors", lambda news: None)
    card = json.loads(path.with_suffix(".json").read_text())
    assert [row[0] for row in card["curve"]["rows"]] == [2, 4, 6, 8] and card["kept"] == 4
    assert card["examples"] == 64
    assert torch.equal(checkpoint.load(path, dtype=torch.float32).model.backbone.head.weight, weights[1])


@pytest.mark.parametrize("more", [{"ema": 0.9}, {"patience": 9}, {"drop_givens": 1.0}, {"precision": "bf16"}])
def test_a_resumed_run_with_more_state_ends_where_an_unbroken_one_does(tmp_path, boards, more, monkeypatch):
    if "patience" in more:  # the first validation is the best, so that the best must be kept over the stop
        calls = iter((0.1, 0.2, 0.3, 0.1, 0.2, 0.3))
        monkeypatch.setattr(trainer, "validate", lambda model, held_out: next(calls))
    config = TrainConfig("diffusion", "sudoku4", **TINY, **more)
    train(config, *boards, tmp_path / "whole.safetensors", lambda news: None)

    def stop(news):
        if news["update"] == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, *boards, tmp_path / "broken.safetensors", stop)
    train(config, *boards, tmp_path / "broken.safetensors", lambda news: None)
    assert (tmp_path / "whole.safetensors").read_bytes() == (tmp_path / "broken.safetensors").read_bytes()


def test_a_run_stopped_under_the_old_names_of_its_options_goes_on(tmp_path, boards):
    config = TrainConfig("diffusion", "sudoku4", **TINY, drop_givens=0.5, deep_supervision=True)
    train(config, *boards, tmp_path / "whole.safetensors", lambda news: None)
    path = tmp_path / "broken.safetensors"

    def stop(news):
        if news["update"] == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, *boards, path, stop)
    resume = path.with_suffix(".resume.safetensors")
    with safetensors.safe_open(resume, "pt") as file:
        about, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    old = {new: name for name, new in RENAMED.items()}
    before = {old.get(name, name): value for name, value in json.loads(about["config"]).items()}
    assert {"thin", "supervise", "unfold", "reach"} <= set(before) and renamed(before) == json.loads(about["config"])
    resume.write_bytes(safetensors.torch.save(tensors, {**about, "config": json.dumps(before)}))
    train(config, *boards, path, lambda news: None)
    assert path.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_a_loss_that_is_no_number_ends_the_run_in_one_line(tmp_path, boards):
    config = TrainConfig("diffusion", "sudoku4", **{**TINY, "lr": 1e30, "warmup": 0})
    with pytest.raises(BadInput, match=r"update \d: the loss is nan; a lower --lr"):
        train(config, *boards, tmp_path / "x.safetensors", lambda news: None)


@pytest.mark.parametrize("count", [1, 2])
def test_a_single_graph_is_moved_with_its_solution(count):
    one = dataset("planted:n=9,degree=3", 0, "train", count)
    moved, solved = one.batch(np.zeros(3 if count == 1 else 1, dtype=np.int64), np.random.default_rng(0))
    near = np.broadcast_to(moved.adjacency, (len(solved), 9, 9))
    for row in range(len(solved)):
        a, b = np.nonzero(near[row])
        assert len(a) and (solved[row, a] != solved[row, b]).all()


def test_a_quality_head_needs_a_diffusion_net_of_its_family(tmp_path, boards):
    base = tmp_path / "base.safetensors"
    train(TrainConfig("ar", "sudoku4", **TINY), *boards, base, lambda news: None)
    with pytest.raises(BadInput, match="holds a net of kind ar, not diffusion"):
        trainer.build(TrainConfig("quality", "sudoku4", **TINY, base=str(base)), boards[0])


def test_edge_tokens_need_an_id_for_every_node():
    shape = BackboneConfig(3, 12, flexible=True, edges=True)
    assert shape.misfit(3, 12) is None and "up to 12 cells" in shape.misfit(3, 13)
    assert BackboneConfig(3, 12, flexible=True).misfit(2, 300) is None


def test_thinned_boards_lose_givens_and_gain_none(boards):
    one = boards[0][0].boards
    rng = np.random.default_rng(0)
    some = with_fewer_givens(one, 0.5, rng)
    assert ((some.givens == one.givens) | (some.givens == 0)).all()
    fewer = (some.givens > 0).sum(1) < (one.givens > 0).sum(1)
    assert 2 <= fewer.sum() <= 16
    assert (with_fewer_givens(one, 0.0, rng).givens == one.givens).all()
    shares = np.mean([(with_fewer_givens(one, 1.0, rng).givens > 0).sum() / (one.givens > 0).sum() for _ in range(200)])
    assert shares == pytest.approx(1 - MOST_DROPPED / 2, abs=0.05)


def test_reached_masks_leave_the_cells_that_the_net_is_least_sure_of():
    torch.manual_seed(0)
    boards, solutions = dataset("sudoku4", 0, "train", 16).batch(np.arange(16), None)
    model = MaskedDiffusion(BackboneConfig(4, 16, 16, 2, 1, 2)).double()
    masked, _ = masks(boards, stream("reach"))
    related = pairs(torch.as_tensor(boards.relations))
    left = model.policy_masked(boards, solutions, masked, related)
    free = boards.givens == 0
    assert (left.sum(1) == masked.sum(1)).all() and not left[~free].any()
    real = torch.as_tensor(boards.real)
    for row in range(16):  # again, a board alone and step by step
        blank = free[row].copy()
        goal = int(masked[row].sum())
        for size in (round(free[row].sum() - 0.5 * (free[row].sum() - goal)), goal):
            shown = torch.as_tensor(np.where(blank, 0, solutions[row]))[None]
            confidence = model(4, shown, related, real[row : row + 1])[0].amax(-1).detach().numpy()
            for _ in range(int(blank.sum()) - size):
                blank[np.where(blank, confidence, -np.inf).argmax()] = False
        assert (blank == left[row]).all()
    examples = model.corrupt(boards, solutions, stream("reach"), policy_masks=1.0)
    loss = model.loss(examples).mean()
    parts = [Share(i, 2).mean(model, examples) for i in range(2)]
    assert sum(part.item() for part in parts) == pytest.approx(loss.item(), rel=1e-6)


def test_mask_rates_from_the_lowest_on():
    from generators.models.masked_diffusion import masks

    boards = stack([draw("sudoku4", 0, "train", index) for index in range(8)])
    _, t = masks(boards, np.random.default_rng(0), 0.5)
    assert t.min() > 0.5 and t.max() <= 1 and sorted(np.ceil((t - 0.5) * 16)) == list(range(1, 9))


def test_learning_from_every_loop_is_the_mean_of_shallower_nets_losses(boards):
    one = boards[0][0]
    config = TrainConfig("diffusion", "sudoku4", **{**TINY, "loops": 3})
    batch = one.batch(np.arange(8), None)
    model = trainer.build(config, [one])
    examples = model.corrupt(*batch, stream("x"))
    losses = [with_loops(model, loops).loss(examples).mean().item() for loops in (1, 2, 3)]
    model.backbone.deep_supervision = True
    assert model.loss(examples).mean().item() == pytest.approx(np.mean(losses), rel=1e-5)
    with torch.no_grad():  # validation is of the last answer alone
        assert model.loss(examples).mean().item() == pytest.approx(losses[-1], rel=1e-6)


def test_edge_tokens_say_what_the_relations_say():
    """A token less changes the answer; graphs beside it in the batch, and their padding, do not."""
    from generators.models.masked_diffusion import MaskedDiffusion

    torch.manual_seed(0)
    net = MaskedDiffusion(BackboneConfig(3, 12, 16, 2, 1, 2, edges=True)).double()
    few = [draw("planted:n=8-12,degree=3", 0, "any", index) for index in range(4)]
    boards = stack(few)
    rows = np.arange(4)
    prediction = net.open(boards).predict(rows, boards.givens)
    assert list(prediction.tokens) == [i.problem.n + len(i.problem.constraints) for i in few]
    for row, instance in enumerate(few):
        alone = net.open(stack([instance])).predict(np.array([0]), instance.givens[None])
        n = instance.problem.n
        assert alone.log_probs[0, :n] == pytest.approx(prediction.log_probs[row, :n], abs=1e-8)
        fewer = colouring.graph(n, colouring.edges(instance.problem)[1:], 3)
        other = replace(instance, problem=fewer)
        changed = net.open(stack([other])).predict(np.array([0]), instance.givens[None])
        assert np.abs(changed.log_probs[0] - alone.log_probs[0]).max() > 1e-6


def test_sources_come_in_one_after_another():
    config = TrainConfig("ar", updates=100, curriculum=0.5)
    assert [trainer.open_sources(config, u, 5) for u in (0, 9, 10, 29, 30, 49, 50, 99)] == [1, 1, 2, 3, 4, 5, 5, 5]
    assert {trainer.open_sources(TrainConfig("ar", updates=9), u, 3) for u in range(9)} == {3}


def test_one_process_has_all_of_a_batch():
    assert Share().part == slice(0, None, 1)
    assert np.arange(7)[Share(1, 3).part].tolist() == [1, 4]


def test_the_sparkline_is_a_log_scale():
    assert sparkline([8.0, 4.0, 2.0, 1.0]) == "█▆▃▁"
    assert sparkline([1.0]) == "▁" and not math.isnan(len(sparkline([0.0, 1.0])))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"ema": 1.0}, "ema, lowest, drop_givens, curriculum"),
        ({"patience": -1}, "at least 0"),
        ({"lowest": 0.5}, "lowest, policy_masks, wrong, wrong_rate and edges go with kind diffusion"),
    ],
)
def test_bad_options_are_one_line(wrong, words):
    with pytest.raises(BadInput, match=words):
        TrainConfig("ar", "sudoku4", **wrong)
