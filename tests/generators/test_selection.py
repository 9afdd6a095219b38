"""Choosing data by gradients: gradients of single items, projections, planted items, adapters, and pools."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.families import colouring
from csp.generate import orbit_key
from csp.problem import Instance
from generators.models.autoregressive import Autoregressive
from generators.models.backbone_config import BackboneConfig
from generators.models.board_network import BoardNetwork
from generators.models.examples import Examples
from generators.models.masked_diffusion import MaskedDiffusion
from generators.selection import gradients, influence, skills
from generators.selection.lora import with_adapters
from generators.selection.neighbours import hidden, hidden_scores, surface_scores
from generators.selection.pool import GUISES, SPOILED, Item, Pool, draw_pool, targets
from generators.selection.projection import Projection
from generators.selection.reading import read, shared_masks
from generators.selection.skills import SKILLS
from generators.selection.tuning import TuneConfig, batch_rows, load_checkpoint, tune, updates_of

KINDS = {"diffusion": MaskedDiffusion, "ar-solver": Autoregressive}


def network(kind):
    torch.manual_seed(1)
    return KINDS[kind](BackboneConfig(6, 36, 16, 2, 1, 2, flexible=True), kind)


@pytest.fixture(scope="module")
def pool():
    with pytest.MonkeyPatch.context() as patch:
        hard = replace(SKILLS["6x6 Sudoku, hard"], guesses=0, family="sudoku6")
        patch.setitem(skills.SKILLS, "6x6 Sudoku, hard", hard)
        yield draw_pool(70, 0)


def test_a_pool_says_truly_what_its_items_are(pool):
    assert {name: (pool.skills == name).sum() for name in SKILLS} == dict.fromkeys(SKILLS, 10)
    for one in pool.items:
        assert one.instance.solved(one.label) == (not one.fault)
        assert one.instance.solved(one.instance.witness)
        given_ = one.instance.givens > 0
        assert (one.label[given_] == one.instance.givens[given_]).all()
        assert one.orbit == orbit_key(one.instance)
    assert 0.3 * SPOILED < pool.faulty.mean() < 2 * SPOILED
    assert len(pool) * (1 - GUISES) - 7 <= len({one.orbit for one in pool.items}) <= len(pool) * (1 - GUISES) + 7
    again = draw_pool(70, 0)
    assert [one.instance.id for one in again.items] == [one.instance.id for one in pool.items]


def test_groups_hold_every_row_once(pool):
    rows = np.array([5, 3, 40, 41, 60, 7])
    seen = np.concatenate([some for some, _, _ in pool.groups(rows, 2)])
    assert sorted(seen) == sorted(rows)
    for some, boards, labels in pool.groups(rows, 2):
        assert len(some) <= 2 and {pool.items[row].instance.problem.d for row in some} == {boards.d}
        for place, row in enumerate(some):
            assert (labels[place][: len(pool.items[row].label)] == pool.items[row].label).all()


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_one_item_at_a_time(pool, kind):
    """Against autograd on the network's own loss, an item and a draw at a time."""
    model, draws = network(kind), 3 if kind == "diffusion" else 1
    for some, boards, labels in pool.groups(np.arange(5)):
        found, losses = gradients.of_items(model, boards.d, read(model, boards, labels, draws, 0))
        for place in range(len(some)):
            row = slice(place, place + 1)
            one, label = boards.take(row), labels[row]
            total = torch.zeros(())
            for draw in range(draws):
                if kind == "diffusion":
                    masked, t = shared_masks(one, draws, 0)
                    weight = masked[:, draw] / (t[draw] * ((one.givens == 0) & one.real).sum())
                    drawn = {"masked": masked[:, draw], "weight": weight, "by_policy": np.zeros(1, dtype=bool)}
                    total = total + model.loss(Examples(one, label, drawn))[0] / draws
                else:
                    total = model.loss(model.corrupt(one, label, np.random.default_rng(0)))[0]
            model.zero_grad()
            total.backward()
            wanted = torch.cat([p.grad.flatten() for p in gradients.learned(model).values()])
            assert losses[place].item() == pytest.approx(total.item(), rel=1e-4)
            assert torch.allclose(found[place], wanted, rtol=1e-3, atol=2e-6)
            assert wanted.abs().max() > 1e-3


def test_other_networks_are_refused(pool):
    model = BoardNetwork(BackboneConfig(6, 36, 16, 2, 1, 1, flexible=True), "diffusion-blind")
    (_, boards, labels), *_ = pool.groups(np.arange(3))
    with pytest.raises(BadInput, match="diffusion-blind: gradients of items"):
        read(model, boards, labels, 1, 0)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 40))
def test_projected_inner_products_are_unbiased_with_the_stated_variance(seed, size):
    """Over many projections: the mean within five standard errors, the variance within a quarter."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, size))
    k, many = 8, 400
    pair = torch.tensor(np.stack([x, y]))
    signs = np.stack([Projection(size, k, key).of(pair).numpy() for key in range(many)])
    found = (signs[:, 0] * signs[:, 1]).sum(1)
    variance = (x @ x * (y @ y) + (x @ y) ** 2 - 2 * (x**2 * y**2).sum()) / k
    assert abs(found.mean() - x @ y) < 5 * (variance / many) ** 0.5
    assert found.var() == pytest.approx(variance, rel=0.45)


def test_a_projection_is_the_product_with_its_blocks():
    projection = Projection(10_000, 16, seed=3)
    whole = torch.cat(projection.signs).double()
    assert whole.shape == (10_000, 16) and set(whole.unique().tolist()) == {-1, 1}
    x = torch.randn(5, 10_000, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(projection.of(x), x @ whole / 4)
    other = torch.cat(Projection(10_000, 16, seed=4).signs).double()
    assert abs((whole * other).mean()) < 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_duplicate_is_first_and_a_negated_twin_last(pool, kind):
    """Paths of two colours, one blank cell: with the other colour the label is negated, and so is the gradient."""
    problem = colouring.graph(3, [(0, 1), (1, 2)], 2)
    wanted = Instance(problem, np.array([1, 2, 0]), "colouring", "planted", witness=np.array([1, 2, 1]))
    twin = np.array([1, 2, 2])
    target = Pool([Item(wanted, "path", wanted.witness)])
    mixed = Pool([*pool.items[:14], Item(wanted, "path", twin, "negated"), Item(wanted, "path", wanted.witness)])
    model = network(kind)
    projection = Projection(gradients.size(model), 256)
    found = influence.features(model, mixed, np.arange(len(mixed)), None, projection, 2, 0)
    of = influence.features(model, target, np.arange(1), None, projection, 2, 0)
    scores = influence.combined([influence.cosines(found.plain, of.plain)], [1.0])
    assert scores.argmax() == 15 and scores[15] == pytest.approx(1, abs=1e-4)
    assert scores.argmin() == 14 and scores[14] == pytest.approx(-1, abs=1e-4)

    # AdamW's step on either: the part that is common to all items does not change which of the two is nearer.
    moments = (torch.zeros(gradients.size(model)), torch.full((gradients.size(model),), 1e-6))
    adam = influence.features(model, mixed, np.arange(len(mixed)), moments, projection, 2, 0)
    scores = influence.combined([influence.cosines(adam.adam, of.plain)], [1.0])
    assert scores.argmax() == 15 and scores.argmin() == 14


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_items_are_chosen_at_any_batch_size(pool, kind):
    model = network(kind)
    projection, rows = Projection(gradients.size(model), 64), np.arange(30)
    target = Pool([pool.items[row] for row in range(4)])
    chosen = []
    for chunk in (5, 64):
        found = influence.features(model, pool, rows, None, projection, 2, 0, chunk)
        of = influence.features(model, target, np.arange(4), None, projection, 2, 0, chunk)
        scores = influence.cosines(found.plain, influence.directions(of.plain, influence.subtasks(target, 2))).max(1)
        chosen.append(influence.highest(scores, 10, 0).tolist())
    assert chosen[0] == chosen[1] and len(set(chosen[0])) == 10


def test_the_step_of_adamw_is_torchs():
    """Gamma is along the step that torch's AdamW makes from the same moments, its bias corrections aside."""
    rng = torch.Generator().manual_seed(0)
    weight = torch.nn.Parameter(torch.zeros(50))
    optimiser = torch.optim.AdamW([weight], lr=1.0, betas=influence.BETAS, eps=0.0, weight_decay=0.0)
    for _ in range(3):
        weight.grad = torch.randn(50, generator=rng)
        optimiser.step()
    moments = tuple(optimiser.state[weight][name].clone() for name in ("exp_avg", "exp_avg_sq"))
    before, gradient = weight.detach().clone(), torch.randn(50, generator=rng)
    weight.grad = gradient.clone()
    optimiser.step()
    step = before - weight.detach()
    made = influence.adam_step(gradient[None], moments)[0]
    assert torch.nn.functional.cosine_similarity(step, made, dim=0) == pytest.approx(1, abs=1e-5)


def test_ties_are_broken_by_the_seed_and_noise_does_not_matter():
    scores = np.array([0.5, 0.5, 0.5, 0.9, 0.1])
    assert 3 in influence.highest(scores, 2, 0)
    assert len({tuple(influence.highest(scores, 2, seed)) for seed in range(20)}) == 3
    noisy = scores + 1e-8 * np.array([1, -1, 0, 1, 0])
    assert (influence.highest(noisy, 2, 5) == influence.highest(scores, 2, 5)).all()


def test_masks_are_shared_by_cells_and_stratified(pool):
    (_, boards, _), *_ = pool.groups(np.arange(30))
    masked, t = shared_masks(boards, 8, 0)
    assert (np.floor(t * 8) == np.arange(8)).all()
    free = (boards.givens == 0) & boards.real
    assert not (masked & ~free[:, None]).any()
    both = free[0] & free[1]
    assert (masked[0][:, both] == masked[1][:, both]).all()
    own, _ = shared_masks(boards, 8, 0, own=np.arange(len(boards)))
    assert (own[0][:, both] != own[1][:, both]).any()


def test_adapters_learn_alone_and_begin_as_nothing(pool):
    pytest.importorskip("peft")
    plain, model = network("diffusion"), network("diffusion")
    with_adapters(model, 4)
    (_, boards, labels), *_ = pool.groups(np.arange(8))
    states = read(model, boards, labels, 2, 0)
    names = gradients.learned(model)
    assert all("lora" in name for name in names) and gradients.size(model) == 4 * (64 + 32 + 80 + 80)
    found, losses = gradients.of_items(model, boards.d, states)
    assert torch.allclose(losses, gradients.of_items(plain, boards.d, states)[1], atol=1e-5)
    assert (found != 0).any() and found.shape == (len(boards), gradients.size(model))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    tune(model, pool, np.arange(8), TuneConfig(3, 4, 1e-2))
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert changed and all("lora" in name for name in changed)


def test_every_epoch_has_every_item_once():
    rows, config = np.arange(100, 110), TuneConfig(5, 4, seed=3)
    assert updates_of(10, 2, 4) == 5
    seen = np.concatenate([batch_rows(rows, config, update) for update in range(5)])
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(rows) and (seen[:10] != seen[10:]).any()


def test_a_training_that_was_stopped_ends_the_same(pool, tmp_path, monkeypatch):
    from generators.selection import tuning

    monkeypatch.setattr(tuning, "SAVE", 2)
    config, rows = TuneConfig(5, 4, seed=3), np.arange(12)
    whole = network("diffusion")
    flops = tune(whole, pool, rows, config, keep={5: tmp_path / "end.safetensors"})

    def stop(*args):
        raise KeyboardInterrupt

    half, resume = network("diffusion"), tmp_path / "a.resume.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(
            half, "training_flops", lambda boards, calls=[]: calls.append(1) or (stop() if len(calls) > 9 else 1.0)
        )
        with pytest.raises(KeyboardInterrupt):
            tune(half, pool, rows, config, resume=resume)
    assert resume.exists()
    again = network("diffusion")
    tune(again, pool, rows, config, resume=resume)
    assert not resume.exists() and flops > 0
    assert all(torch.equal(p, q) for p, q in zip(whole.parameters(), again.parameters()))

    # The checkpoint holds the weights and the moments.
    third = network("diffusion")
    m, v = load_checkpoint(third, tmp_path / "end.safetensors")
    assert all(torch.equal(p, q) for p, q in zip(whole.parameters(), third.parameters()))
    assert m.shape == v.shape == (gradients.size(third),) and (v >= 0).all() and (v > 0).any()
    (tmp_path / "end.safetensors").write_bytes(b"no")
    with pytest.raises(BadInput, match="no checkpoint of this network"):
        load_checkpoint(third, tmp_path / "end.safetensors")


def test_neighbours_find_their_kind(pool):
    target = targets("4x4 Sudoku", 6, 0)
    parts = influence.subtasks(target, 2)
    assert sorted(np.concatenate(parts)) == list(range(6))
    best = influence.highest(surface_scores(pool, target, parts), 10, 0)
    assert (pool.skills[best] == "4x4 Sudoku").all()
    model = network("diffusion")
    states, losses = hidden(model, pool, np.arange(len(pool)), 2, 0)
    of, _ = hidden(model, target, np.arange(6), 2, 0)
    assert (
        hidden_scores(states, of, parts).shape == (len(pool),) and abs(hidden_scores(states, of, parts)).max() <= 1.001
    )
    for some, boards, labels in pool.groups(np.arange(9)):
        wanted = gradients.of_items(model, boards.d, read(model, boards, labels, 2, 0))[1]
        assert torch.allclose(losses[torch.from_numpy(some)], wanted, atol=1e-5)


def test_an_unknown_skill_is_named():
    with pytest.raises(BadInput, match="no skill 'chess'"):
        skills.item("chess", 0, "test", 0)
