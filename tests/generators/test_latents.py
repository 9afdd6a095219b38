"""Latent diffusion: the forward process, sampling, guidance, infilling; and steering of the other nets."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from csp.control_target import Target
from csp.errors import BadInput
from csp.generate import draw
from csp.global_constraints import Among, Sum
from csp.problem import Instance
from csp.seeds import stream
from csp.trace import replay
from experiments.scoring.statistics import minimum_bayes_risk
from generators.control import latent_sampling, latent_spec
from generators.control import steer as steering
from generators.control.guided_decoding import normalised
from generators.control.particles import Particles
from generators.models import latent_diffusion
from generators.models.autoregressive import Autoregressive
from generators.models.backbone_config import BackboneConfig
from generators.models.interface import Prediction
from generators.models.latent_classifier import LatentRules
from generators.models.latent_diffusion import LATENT, STEPS, Estimate, LatentDiffusion, abar, diffuse
from generators.models.masked_diffusion import MaskedDiffusion
from generators.models.prompted_ar import Prompted
from generators.training.datasets import dataset
from generators.training.processes import Share
from solvers.counting.sudoku_grids import all_grids

EMPTY = draw("grid4", 0, "any", 0)
GRIDS = all_grids(EMPTY.problem)
SHAPE = BackboneConfig(4, 16, 16, 2, 1, 1)


def net(kind="latent-values", shape=SHAPE):
    torch.manual_seed(3)
    made = LatentDiffusion(BackboneConfig(4, 16, 16, 2, 1, 1, answers=LATENT if kind == "latent" else 0), kind)
    return made.double().eval().requires_grad_(False)


def target(grid, shown=(), rules=None):
    givens = np.zeros(16, dtype=np.int64)
    givens[list(shown)] = grid[list(shown)]
    plain = Instance(EMPTY.problem, givens, "grid4", "a test", witness=grid)
    rules = (Sum((0, 1, 5), int(grid[[0, 1, 5]].sum()), 4),) if rules is None else rules
    return Target("test", plain, rules, 1, 288)


class Apart(LatentDiffusion):
    """The denoiser without error of cells that are independent and uniform."""

    def forward(self, d, x, t, related, real, last=None):
        log_probs = self.posterior(d, x, int(t[0]))
        return Estimate(log_probs.exp() @ self.table, log_probs)


def apart():
    torch.manual_seed(3)
    return Apart(SHAPE, "latent-values").double().requires_grad_(False)


class Knows(LatentDiffusion):
    """A denoiser that is told the clean latents of every board."""

    boards: np.ndarray

    def forward(self, d, x, t, related, real, last=None):
        clean = self.table[torch.as_tensor(self.boards - 1)].expand_as(x)
        return Estimate(clean + 0 * x, (clean @ self.table.T).log_softmax(-1) + 0 * x.sum(-1, keepdim=True))


def sample(method, model, aims, seed):
    """Traces of a latent net of any kind, with a classifier on its embeddings."""
    sampler = latent_spec.parse(method)
    torch.manual_seed(6)
    rules = LatentRules(SHAPE).double().requires_grad_(False)
    rules.base.embedding.load_state_dict(model.embedding.state_dict())
    torch.manual_seed(4)
    masked = MaskedDiffusion(SHAPE).double().eval().requires_grad_(False)
    nets = {sampler.model: model, "latent-rules": rules, "diffusion": masked}
    return latent_sampling.sample(sampler, nets, aims, seed)


@given(st.integers(0, STEPS), st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_forward_has_the_stated_mean_and_variance(t, seed):
    stated = 1 - np.sqrt(t / STEPS + 1e-4)
    assert abar(t) == pytest.approx(max(stated, 1e-5))
    x0 = torch.full((4000, 1, 1), 2.0, dtype=torch.float64)
    noise = torch.as_tensor(stream("noise", seed).standard_normal((4000, 1, 1)))
    x = diffuse(x0, torch.full((4000,), t), noise)
    share = float(abar(t))
    assert float(x.mean()) == pytest.approx(2 * share**0.5, abs=5 * (1 - share) ** 0.5 / 4000**0.5)
    assert float(x.var()) == pytest.approx(1 - share, rel=0.15)


def test_posterior_is_bayes_rule():
    model, t = net(), 700
    x = torch.as_tensor(stream("x").standard_normal((1, 1, LATENT)))
    share = float(abar(t))
    gaps = ((x - share**0.5 * model.table) ** 2).sum(-1)
    expected = (-gaps / (2 * (1 - share))).softmax(-1)
    assert torch.allclose(model.posterior(4, x, t).exp()[0], expected)


@pytest.mark.parametrize(
    "words", ["", ":eta=0", ":clamp=1,steps=7", ":travel=1,steps=9", ":guide=denoiser,strength=0.1"]
)
def test_a_denoiser_that_knows_the_board_is_followed(words):
    grid = GRIDS.uniform(stream("grid"), 1)[0]
    torch.manual_seed(0)
    knows = Knows(SHAPE, "latent-values").double().requires_grad_(False)
    knows.boards = grid
    (trace,) = sample("latent-values" + words, knows, [target(grid)], 0)
    assert trace.end == "solved" and trace.costs.calls == 1
    assert (replay(trace, np.zeros(16, dtype=np.int64), 4)[-1] == grid).all()


def test_independent_cells_come_out_uniform():
    aims = [target(GRIDS.base[0].astype(np.int64), rules=())] * 200
    traces = sample("latent-values:steps=60", apart(), aims, 2)
    boards = np.stack([replay(trace, np.zeros(16, dtype=np.int64), 4)[-1] for trace in traces])
    counts = np.bincount(boards.reshape(-1), minlength=5)[1:]
    chi = ((counts - 800) ** 2 / 800).sum()
    assert chi < 16.3  # the 99.9 % quantile at three degrees of freedom


def test_without_early_success_sampling_arrives_at_what_the_denoiser_knows():
    grid = GRIDS.uniform(stream("grid"), 1)[0]
    torch.manual_seed(0)
    knows = Knows(SHAPE, "latent-values").double().requires_grad_(False)
    knows.boards = grid
    never = target(grid, rules=(Among((0,), (int(grid[0]) % 4 + 1,), 1, 1),))
    run = latent_sampling._LatentSampling(
        latent_spec.parse("latent-values:steps=50"), {"latent-values": knows}, [never], 0
    )
    run.descend(latent_sampling.times(STEPS, 50))
    gap = run.x - knows.table[torch.as_tensor(grid - 1)]
    assert float(gap.std()) == pytest.approx((1 - float(abar(0))) ** 0.5, rel=0.2)  # x_0 keeps the noise of t = 0


@pytest.mark.parametrize("guide", ["latents", "denoiser", "estimate", "classifier"])
def test_guidance_of_no_strength_changes_nothing(guide):
    aims = [target(grid) for grid in GRIDS.uniform(stream("aims"), 3)]
    plain, none = (
        sample(f"latent-values:steps=12{words}", apart(), aims, 1) for words in ("", f",guide={guide},strength=0")
    )
    assert [trace.events for trace in plain] == [trace.events for trace in none]


@pytest.mark.parametrize(
    "guide",
    [
        "ar:guide=relaxed",
        "ar:guide=learned",
        "ar:guide=activations",
        "diffusion:guide=relaxed",
        "diffusion:guide=straight",
    ],
)
def test_guidance_of_other_nets_changes_nothing_without_strength(guide):
    aims = [target(grid) for grid in GRIDS.uniform(stream("aims"), 3)]
    plain, none = (
        [
            [event[1:] for event in trace.events] for trace in steer(words, aims, 1)
        ]  # a guide's own calls count all the same
        for words in (guide.partition(":")[0], f"{guide},strength=0")
    )
    assert plain == none


def test_without_looking_on_the_way_a_pass_is_judged_at_its_end():
    grid = GRIDS.uniform(stream("grid"), 1)[0]
    torch.manual_seed(0)
    knows = Knows(SHAPE, "latent-values").double().requires_grad_(False)
    knows.boards = grid
    for words, calls in (("steps=7", 1), ("steps=7,look=0", 7), ("steps=7,look=0,repair=3", 7), ("look=0,calls=4", 4)):
        (trace,) = sample("latent-values:" + words, knows, [target(grid)], 0)
        assert trace.end == "solved" and trace.costs.calls == calls


@pytest.mark.parametrize("guide", ["latents", "denoiser", "estimate"])
def test_guidance_lowers_the_energy(guide):
    grids = GRIDS.uniform(stream("aims"), 12)
    rules = [tuple(Among((c,), (1, 2) if grid[c] < 3 else (3, 4), 1, 1) for c in range(16)) for grid in grids]
    aims = [target(grid, rules=some) for grid, some in zip(grids, rules)]

    def kept(words):
        traces = sample("latent-values:steps=30" + words, apart(), aims, 1)
        boards = [replay(trace, np.zeros(16, dtype=np.int64), 4)[-1] for trace in traces]
        return np.mean([[not rule.violated(board) for rule in some] for board, some in zip(boards, rules)])

    assert kept(f",guide={guide},strength=5,rate=0.5,updates=5") > kept("") + 0.2


METHODS = [
    *("latent-values:steps=8,repair=2", "latent:steps=8,guide=latents"),
    *("latent-values:steps=8,guide=denoiser,travel=1", "latent-values:steps=8,guide=estimate,clamp=1,calls=5"),
    "latent-values:steps=8,guide=latents,inner=sign,about=all",
    *("ar", "ar:guide=relaxed", "ar:guide=relaxed,about=all,retraction=restart,calls=40", "ar:guide=exact"),
    *("ar:guide=learned", "ar:guide=learned,strength=2,retraction=restart,calls=70", "ar:guide=activations,calls=50"),
    *("ar-prompted", "ar-prompted:retraction=restart,calls=40", "ar-prompted:search=beam,width=3", "ar:search=beam"),
    *(
        "ar:guide=relaxed,search=smc,width=4",
        "ar:guide=learned,search=smc,width=3",
        "ar:guide=exact,search=smc,width=2",
    ),
    *("ar:guide=relaxed,search=smc,calls=35", "diffusion:guide=straight", "latent-values:steps=8,guide=classifier"),
    "latent-values:steps=8,guide=denoiser,finish=masked,calls=40",
    "latent-values:steps=8,guide=denoiser,look=0,repair=2",
    *("diffusion:k=3", "diffusion:guide=relaxed,retraction=remask,calls=30"),
    *("diffusion:guide=relaxed,about=all,retraction=placebo,calls=30", "diffusion:retraction=restart,k=4,calls=30"),
]


def steer(method, aims, seed=0):
    model = method.partition(":")[0]
    if model.startswith("latent"):
        return sample(method, apart(), aims, seed)
    torch.manual_seed(4)
    made = {"ar": Autoregressive(SHAPE), "diffusion": MaskedDiffusion(SHAPE)}
    made |= {"ar-prompted": Prompted(SHAPE), "future": Prompted(replace(SHAPE, answers=8), "future")}
    nets = {kind: each.double().eval().requires_grad_(False) for kind, each in made.items()}
    return steering.steer(steering.parse(method), nets, aims, seed)


@pytest.mark.parametrize("method", METHODS)
def test_traces_keep_givens_and_do_not_depend_on_the_batch(method):
    grids = GRIDS.uniform(stream("conform"), 3)
    aims = [target(grids[0], (2, 3, 9)), target(grids[1]), target(grids[2], (0, 15)), target(grids[1])]
    together = steer(method, aims)
    apart = [steer(method, [aim])[0] for aim in aims]
    assert [t.events for t in together] == [t.events for t in apart]
    assert [t.costs[:3] for t in together] == [t.costs[:3] for t in apart]
    for trace, aim in zip(together, aims):
        board = replay(trace, aim.plain.givens, 4)[-1]  # raises if a given is touched
        assert (trace.end == "solved") == bool(aim.instance.solved(board))
        assert bool(aim.instance.solved(board)) == bool(aim.valid(board) and aim.controlled(board))
        calls = [event.call for event in trace.events]
        assert calls == sorted(calls) and trace.costs.calls >= max(calls)
        several = ("latent", "search=", "activations", "learned")  # calls that commit nothing
        assert any(word in method for word in several) or trace.costs.calls == max(calls)
        if trace.decoder.startswith(("ar", "diffusion")) and "retraction" not in method:
            assert trace.retractions == 0


def test_samples_of_one_target_differ():
    aim = target(GRIDS.uniform(stream("conform"), 1)[0])
    for method in ("latent-values:steps=8", "ar", "diffusion"):
        first, second = steer(method, [aim, aim])
        assert first.events != second.events


class Uniform:
    """An AR model without error: exact conditionals over all grids, in raster order."""

    name, backbone = "exact", net().backbone

    def open(self, boards):
        return self

    def move(self, rows, sources):
        """It remembers nothing."""

    def predict(self, rows, assignments, commit_order=None, wanted=None):
        log_probs, speaks = np.zeros((*assignments.shape, 4)), np.zeros(assignments.shape, dtype=bool)
        for row, board in enumerate(assignments):
            cell = int((board == 0).argmax())
            speaks[row, cell] = True
            counts = GRIDS.prefix_counts(board[None, :cell])[0]
            with np.errstate(divide="ignore"):
                log_probs[row, cell] = np.log(counts / counts.sum())
        nothing = np.zeros(len(rows), dtype=np.int64)
        return Prediction(log_probs, speaks, nothing, nothing.astype(float))


FIRST_ROW = tuple(Among((cell,), (cell + 1,), 1, 1) for cell in range(4))  # 12 grids, whose values are not alike


@pytest.mark.parametrize("rules", [(Sum((0, 5, 10, 15), 8, 4), Among((3,), (1, 2), 1, 1)), FIRST_ROW])
def test_exact_fudge_samples_the_exact_conditional(rules):
    aim = target(GRIDS.base[0].astype(np.int64), rules=rules)
    obeying = [tuple(grid) for grid in GRIDS.satisfying(aim.controls).tolist()]
    samples = 40 * len(obeying)
    traces = steering.steer(steering.parse("ar:guide=exact"), {"ar": Uniform()}, [aim] * samples, 5)
    assert {trace.end for trace in traces} == {"solved"}
    met = {grid: 0 for grid in obeying}
    for trace in traces:
        met[tuple(replay(trace, aim.plain.givens)[-1].tolist())] += 1
    chi = sum((count - 40) ** 2 / 40 for count in met.values())
    freedom = len(obeying) - 1
    assert len(obeying) > 5 and abs(chi - freedom) < 4 * (2 * freedom) ** 0.5


def test_smc_comes_near_the_exact_conditional():
    """With many boards a sample, each as likely as the next, though its guide only guesses the future."""
    aim = target(GRIDS.base[0].astype(np.int64), rules=FIRST_ROW)
    obeying = {tuple(grid): 0 for grid in GRIDS.satisfying(aim.controls).tolist()}
    plan = steering.parse("ar:guide=relaxed,search=smc")
    samples = 10 * len(obeying)
    for trace in steering.steer(plan, {"ar": Uniform()}, [aim] * samples, 3):
        obeying[tuple(replay(trace, aim.plain.givens)[-1].tolist())] += 1
    chi = sum((count - 10) ** 2 / 10 for count in obeying.values())
    freedom = len(obeying) - 1
    assert chi < freedom + 5 * (2 * freedom) ** 0.5


class Whispers(Uniform):
    """A guide that speaks of one cell's rule at a time: the first row is to be 1 2 3 4, other values are worth 0.3."""

    def open(self, boards, told):
        return self

    def predict(self, rows, assignments, commit_order=None, wanted=None):
        prediction = super().predict(rows, assignments)
        cells = np.arange(16)[:, None]
        words = np.where((cells >= 4) | (np.arange(4) == cells), 0.0, np.log(0.3))
        return replace(prediction, log_probs=np.broadcast_to(words, prediction.log_probs.shape))


def test_smc_keeps_what_a_guide_of_single_rules_has_said():
    aim = target(GRIDS.base[0].astype(np.int64), rules=FIRST_ROW)
    run = Particles(
        steering.parse("ar:guide=learned,search=smc,width=12"),
        {"ar": Uniform(), "future": Whispers()}, [aim] * 40, 0,
    )  # fmt: skip
    while len(run.rows):
        run.step()
    shares = np.exp(normalised(run.score.reshape(40, -1)))
    obeyed = (shares * (run.assignments[:, :4] == np.arange(1, 5)).all(1).reshape(40, -1)).sum(1).mean()
    rows = np.array([row for row in permutations(range(1, 5))])
    worth = 0.3 ** (rows != np.arange(1, 5)).sum(1)  # p(row) is uniform: the law that the weights stand for
    assert obeyed == pytest.approx(worth.max() / worth.sum(), abs=0.12)
    assert obeyed > 0.4  # of grids as they come, 1 in 24


def test_beams_keep_the_likeliest():
    """Against all grids: under a net that is sure of its taste, the widest beam ends with the likeliest grid."""
    aim = target(GRIDS.base[0].astype(np.int64), rules=())
    taste = stream("taste").random((16, 4)) * 3

    class Tasteful(Uniform):
        def predict(self, rows, assignments, commit_order=None, wanted=None):
            prediction = super().predict(rows, assignments)
            log_probs = prediction.log_probs + np.where(prediction.speaks[..., None], taste, 0)
            total = np.log(np.exp(log_probs).sum(-1, keepdims=True))
            return replace(prediction, log_probs=np.where(prediction.speaks[..., None], log_probs - total, 0))

    def likelihood(grid):
        """Of a grid, as the net says it cell by cell."""
        net, total = Tasteful(), 0.0
        for cell in range(16):
            board = np.where(np.arange(16) < cell, grid, 0)[None]
            total += net.predict(np.arange(1), board).log_probs[0, cell, grid[cell] - 1]
        return total

    plan = steering.parse("ar:search=beam,width=288,calls=100000")
    (trace,) = steering.steer(plan, {"ar": Tasteful()}, [aim], 0)
    every = np.array([names[grid] for grid in GRIDS.base for names in GRIDS.relabellings.astype(np.int64)])
    best = max(every, key=likelihood)
    assert (replay(trace, aim.plain.givens)[-1] == best).all()


def test_minimum_bayes_risk_takes_the_middle_one():
    assert minimum_bayes_risk(np.array([[1, 1, 1], [1, 1, 2], [1, 3, 2]])) == 1


@pytest.mark.parametrize("kind", ["latent", "latent-values"])
def test_training_lowers_the_loss(kind):
    some = dataset("grid4", 0, "train", 200)
    assert EMPTY.problem.solved(some.solutions).all() and not some.boards.givens.any()
    model = net(kind).float().requires_grad_(True)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for update in range(60):
        loss = model.loss(model.corrupt(*some.batch(np.arange(64), None), stream("training", update))).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:5])


def test_the_loss_of_parts_adds_up():
    some = dataset("grid4", 0, "train", 8)
    for kind in ("latent", "latent-values"):
        model = net(kind)
        examples = model.corrupt(some.boards, some.solutions, stream("parts"))
        whole = model.loss(examples).mean()
        parts = [Share(i, 2).mean(model, examples) for i in range(2)]
        assert float(sum(parts)) == pytest.approx(float(whole), rel=1e-6)


def test_schedule_ends_in_noise():
    assert latent_diffusion.abar(STEPS) < 1e-4 < latent_diffusion.abar(STEPS - 1) < 1e-3


@pytest.mark.parametrize(
    "text",
    [
        "latent:steps=0",
        "latent:guide=wish",
        "latent:eta=2",
        "latent:level=0",
        "latent:strength=-1",
        "latent:k=2",
        "latent:guide=classifier",
    ],
)
def test_wrong_samplers_are_refused(text):
    with pytest.raises(BadInput, match=r"^[^\n]*$"):
        latent_spec.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        *("ar:k=2", "ar:retraction=remask", "ar:guide=straight", "ar-prompted:guide=exact", "gpt"),
        *(
            "diffusion:guide=exact",
            "diffusion:widen=2",
            "diffusion:search=smc",
            "ar:search=beam,retraction=restart",
            "ar:search=smc",
        ),
    ],
)
def test_wrong_steerings_are_refused(text):
    with pytest.raises(BadInput, match=r"^[^\n]*$"):
        steering.parse(text)
