"""Networks: losses against independent computations, causality, the KV cache, shipped checkpoints."""

import numpy as np
import pytest
import torch

from csp.seeds import stream
from generators.boards import stack
from generators.models.backbone_config import BackboneConfig
from generators.models.transformer import Backbone


def solutions(boards):
    made = np.zeros_like(boards.givens)
    for row, instance in enumerate(boards.instances):
        made[row, : instance.problem.n] = instance.witness
    return made


@pytest.mark.parametrize("family", ["sudoku4", "colouring"])
def test_ar_loss_is_what_its_session_says_token_by_token(tiny_models, few, family):
    """Training reads the whole sequence at once; the session reads it with a cache, one token a call."""
    model = tiny_models[family]["ar"]
    boards = stack(few[family])
    right = solutions(boards)
    total = np.zeros(len(boards))
    session, state = model.open(boards), boards.givens.copy()
    rows = np.arange(len(boards))
    while len(rows):
        prediction = session.predict(rows, state[rows])
        assert (prediction.speaks.sum(1) == 1).all()
        row, cell = np.nonzero(prediction.speaks)
        first_blank = np.argmax((state[rows] == 0) & boards.real[rows], axis=1)
        assert (cell == first_blank).all()
        total[rows] -= prediction.log_probs[row, cell, right[rows, cell] - 1]
        state[rows, cell] = right[rows, cell]
        rows = rows[((state[rows] == 0) & boards.real[rows]).any(1)]
    blanks = [instance.blanks for instance in few[family]]
    loss = model.loss(model.corrupt(boards, right, stream("unused"))).mean().item()
    assert loss == pytest.approx(np.mean(total / blanks), abs=1e-6)


@pytest.mark.parametrize("family", ["sudoku4", "colouring"])
def test_a_cache_that_is_rewound_says_what_a_fresh_session_says(tiny_models, few, family):
    model = tiny_models[family]["ar"]
    boards = stack(few[family])
    right, session, rng = solutions(boards), model.open(boards), np.random.default_rng(0)
    rows = np.arange(len(boards))
    for step in range(12):
        state = boards.givens.copy()
        depth = rng.integers(0, 6, size=len(boards))
        for row in rows:
            free = np.nonzero((boards.givens[row] == 0) & boards.real[row])[0]
            for cell in free[: min(depth[row], len(free) - 1)]:
                state[row, cell] = right[row, cell] if rng.random() < 0.7 else rng.integers(1, boards.d + 1)
        if step == 6:
            rows = rows[::2]
        kept, fresh = session.predict(rows, state[rows]), model.open(boards).predict(np.arange(len(boards)), state)
        assert np.abs(kept.log_probs - fresh.log_probs[rows]).max() < 1e-8
        assert (kept.speaks == fresh.speaks[rows]).all() and (kept.tokens <= fresh.tokens[rows]).all()


def test_an_ar_token_costs_one_token_after_the_first_call(tiny_models, few):
    boards = stack(few["sudoku4"][:1])
    session, state = tiny_models["sudoku4"]["ar"].open(boards), boards.givens.copy()
    clues = int((boards.givens > 0).sum())
    costs = []
    for cell in np.nonzero(boards.givens[0] == 0)[0]:
        prediction = session.predict(np.array([0]), state)
        costs.append(int(prediction.tokens[0]))
        state[0, cell] = 1
    assert costs == [clues + 1] + [1] * (15 - clues) and sum(costs) == 16


def test_diffusion_sees_every_cell_and_ignores_padding(tiny_models, few):
    model = tiny_models["colouring"]["diffusion"]
    boards = stack(few["colouring"])
    every = model.open(boards).predict(np.arange(len(boards)), boards.givens)
    for row, instance in enumerate(few["colouring"]):
        alone = model.open(stack([instance])).predict(np.array([0]), instance.givens[None])
        n = instance.problem.n
        assert np.abs(alone.log_probs[0] - every.log_probs[row, :n]).max() < 1e-8
        assert alone.tokens[0] == every.tokens[row] == n and alone.flops[0] == every.flops[row]


def test_diffusion_loss_of_a_net_that_knows_nothing_is_log_d(tiny_models, few):
    """With uniform answers every masked cell costs log d, and E[masked share / t] = 1."""
    torch.manual_seed(0)
    from generators.models.masked_diffusion import MaskedDiffusion

    model = MaskedDiffusion(BackboneConfig(4, 16, 16, 2, 1, 1))
    torch.nn.init.zeros_(model.backbone.head.weight)
    boards = stack(few["sudoku4"] * 16)
    drawn = [model.corrupt(boards, solutions(boards), stream("masks", i)) for i in range(60)]
    losses = [model.loss(examples).mean().item() for examples in drawn]
    assert np.mean(losses) == pytest.approx(np.log(4), rel=0.03)


def test_diffusion_loss_asks_about_masked_cells_only(tiny_models, few):
    """The gradient at the head's input is zero at visible cells: their logits are not trained."""
    from generators.models.masked_diffusion import MaskedDiffusion

    model = MaskedDiffusion(BackboneConfig(4, 16, 16, 2, 1, 1))
    boards = stack(few["sudoku4"])
    seen = {}
    model.backbone.value.register_forward_hook(lambda *hook: seen.update(inputs=hook[1][0]))
    model.backbone.head.register_full_backward_hook(lambda _m, _i, out: seen.update(grad=out[0]))
    model.loss(model.corrupt(boards, solutions(boards), stream("masks"))).mean().backward()
    masked = seen["inputs"] == 0
    asked = seen["grad"].abs().sum(-1) > 0
    assert (asked <= masked).all() and asked.any() and not masked.all()


def test_causal_and_bidirectional_have_the_same_parameters(tiny_models):
    count = {kind: sum(p.numel() for p in tiny_models["sudoku4"][kind].parameters()) for kind in ("ar", "diffusion")}
    assert count["ar"] == count["diffusion"]


def test_flops_against_the_profiler():
    from torch.utils.flop_counter import FlopCounterMode

    from csp.families import sudoku
    from generators.models.transformer import PAIRS, pairs

    net = Backbone(BackboneConfig(6, 36, 32, 4, 2, 3))
    cells = torch.arange(36).expand(2, 36)
    related = pairs(torch.as_tensor(sudoku.board(6).relations)[None])
    with FlopCounterMode(display=False) as counter:
        net(6, torch.zeros_like(cells), cells, cells, related)
    table = net.config.blocks * PAIRS * 2 * 10 * 4  # the bias of every pair of relations, to be looked up
    counted = 2 * net.flops(36, 36**2) + table
    assert counter.get_total_flops() == pytest.approx(counted, rel=1e-6)


def test_the_bias_that_is_looked_up_is_the_one_multiplied_out():
    """Value and gradient against the linear layer on the bits of both relations, (batch, m, T, 2 * BITS)."""
    from generators.models.transformer import BITS, PAIRS, Block

    block = Block(BackboneConfig(4, 16, 16, 2, 1, 1)).double()
    codes = torch.as_tensor(np.random.default_rng(0).integers(0, PAIRS, size=(3, 5, 7)))
    bits = ((codes[..., None] & 2 ** torch.arange(2 * BITS)) > 0).double()
    weights = torch.randn(3, 2, 5, 7, dtype=torch.float64)
    grads = []
    for bias in (block.bias(codes, None), block.relation(bits).permute(0, 3, 1, 2)):
        block.zero_grad()
        (bias * weights).sum().backward()
        grads.append((bias.detach(), block.relation.weight.grad.clone()))
    for ours, plain in zip(*grads):
        assert torch.allclose(ours, plain, atol=1e-12)
