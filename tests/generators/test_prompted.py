"""Networks that are told rules: what they may see, and what they learn to say."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from csp.constraints import AllDifferent
from csp.errors import BadInput
from csp.global_constraints import Among, Increasing, NValues, Sum
from csp.seeds import stream
from generators.boards import stack
from generators.models.backbone_config import BackboneConfig
from generators.models.latent_classifier import LatentRules
from generators.models.prompted_ar import Prompted
from generators.models.rule_features import BLOCK, FEATURES, RULES, encode_rules
from generators.training.datasets import dataset
from generators.training.processes import Share
from solvers.counting.control_tasks import TRAINED, mismatched_rules, rules_of, satisfied_cells, targets

SHAPE = BackboneConfig(6, 36, 16, 2, 2, 2)


@pytest.fixture(scope="module")
def aims():
    return [target for task in ("tree", "span", "content", "speech") for target in targets(task, 0, 2)]


def told_of(aims):
    boards = stack([aim.plain for aim in aims])
    return boards, encode_rules([aim.controls for aim in aims], boards)


def model_of(kind):
    torch.manual_seed(0)
    answers = 12 if kind == "future" else 0
    made = LatentRules(SHAPE) if kind == "latent-rules" else Prompted(replace(SHAPE, answers=answers), kind)
    with torch.no_grad():
        for weight in made.parameters():
            weight.normal_(std=0.3)
    return made.double().eval()


def test_what_is_told():
    plain = targets("tree", 0, 1)[0].plain
    boards = stack([plain])
    rules = (Among((3,), (2, 5), 1, 1), Sum((0, 1, 6), 9, 6), Increasing((8, 9), 6), NValues((8, 30), 2, 2))
    told = encode_rules([rules], boards)
    on = np.nonzero(told.features[0, 3])[0].tolist()
    assert on == [0, 1 + 1, 1 + 37 + 1, 1 + 2 * 37 + 1, BLOCK - 12 + 1, BLOCK - 12 + 4]
    assert np.nonzero(told.features[0, 6])[0].tolist() == [BLOCK, BLOCK + 1 + 3, BLOCK + 1 + 37 + 9]
    assert not told.features[0, 7].any() and told.features.shape == (1, 36, FEATURES)
    assert (told.features[0, 8] != told.features[0, 9]).any()
    grouped = told.relations[0] != boards.relations[0]
    assert {tuple(sorted(pair)) for pair in np.argwhere(grouped).tolist()} == {(0, 1), (0, 6), (1, 6), (8, 9), (8, 30)}
    assert told.shares.sum() == pytest.approx(len(rules))
    assert AllDifferent in RULES
    with pytest.raises(BadInput, match="cannot be told"):
        encode_rules([(type("Odd", (Sum,), {})((0, 1), 4, 6),)], boards)


@pytest.mark.parametrize("family", ["grid6", "graph20"])
def test_rules_of_a_solution_hold_on_it(family):
    _, solutions = dataset(family, 0, "train", 8).batch(np.arange(8), None)
    rng = stream("rules")
    for solution in np.repeat(solutions, 8, axis=0):
        for rule in rules_of(solution, 6, rng):
            assert not rule.violated(solution)


def test_every_task_is_told():
    _, solutions = dataset("grid6", 0, "train", 2).batch(np.arange(2), None)
    rng, seen = stream("tasks"), set()
    for _ in range(100):
        rules = rules_of(solutions[0], 6, rng)
        seen.add((type(rules[0]).__name__, len(rules)))
    assert len(seen) > len(TRAINED)


@pytest.mark.parametrize("kind", ["ar-prompted", "future"])
def test_a_prompted_net_sees_the_rules_and_what_is_before(kind, aims):
    _, told = told_of(aims)
    model = model_of(kind)
    values = torch.as_tensor(stream("values").integers(1, 7, size=(len(aims), 36)))
    answers = model(6, told, values)
    for cell in (0, 17, 34):
        other = values.clone()
        other[:, cell] = other[:, cell] % 6 + 1
        changed = ((model(6, told, other) - answers).abs() > 1e-9).any(-1)
        assert not changed[:, : cell + 1].any() and changed[:, cell + 1 :].all()
    unlike = told.take(np.roll(np.arange(len(aims)), 1))
    assert ((model(6, unlike, values) - answers).abs() > 1e-9).any(-1).all()  # from the first cell on


@pytest.mark.parametrize("kind", ["ar-prompted", "future"])
def test_a_session_says_what_the_net_says(kind, aims):
    """Whatever was read before: boards go on, begin anew, are left out, and change places."""
    boards, told = told_of(aims)
    model = model_of(kind)
    session = model.open(boards, told)
    rng = stream("session")
    now = np.zeros((len(aims), 36), dtype=np.int64)
    for step in range(12):
        for row in range(len(aims)):
            keep = int(rng.integers(0, 30)) if rng.random() < 0.3 else int((now[row] > 0).sum())
            now[row, keep:] = 0
            more = int(rng.integers(1, 5))
            now[row, keep : keep + more] = rng.integers(1, 7, size=len(now[row, keep : keep + more]))
        now[:, 35] = 0
        rows = np.sort(rng.permutation(len(aims))[: 1 + step % len(aims)])
        if step % 4 == 3:  # two boards of one target would change places; here the whole state is checked
            session.move(rows, rows)
        prediction = session.predict(rows, now[rows])
        every = model(6, told, torch.as_tensor(now)).detach().numpy()
        cells = (now == 0).argmax(1)
        assert prediction.speaks.sum(1).tolist() == [1] * len(rows)
        for place, row in enumerate(rows):
            assert np.allclose(prediction.log_probs[place, cells[row]], every[row, cells[row]], atol=1e-8)
    assert (prediction.flops > 0).all()


def test_moved_boards_go_on_from_their_sources(aims):
    boards, told = told_of([aims[0]] * 3)
    session = model_of("ar-prompted").open(boards, told)
    now = stream("move").integers(1, 7, size=(3, 36))
    now[:, 9:] = 0
    rows = np.arange(3)
    session.predict(rows, now)
    session.move(rows, np.array([2, 0, 0]))
    now = now[[2, 0, 0]]
    now[:, 9] = [1, 2, 3]
    prediction = session.predict(rows, now)
    assert (prediction.tokens == 1).all()
    other = model_of("ar-prompted").open(boards, told).predict(rows, now)
    assert np.allclose(prediction.log_probs, other.log_probs, atol=1e-8)


@pytest.mark.parametrize("kind", ["ar-prompted", "future", "latent-rules"])
def test_losses_are_shared_out_exactly(kind):
    boards, solutions = dataset("grid6", 0, "train", 8).batch(np.arange(8), None)
    model = model_of(kind)
    examples = model.corrupt(boards, solutions, stream("loss"))
    whole = model.loss(examples).mean()
    parts = [Share(rank, 2).mean(model, examples) for rank in range(2)]
    assert sum(part.item() for part in parts) == pytest.approx(whole.item(), abs=1e-6)
    whole.backward()
    frozen = {name for name, p in model.named_parameters() if p.grad is None}
    assert all(name.startswith("base.") for name in frozen)


def test_where_rules_hold():
    board = np.array([[1, 2, 3, 4]])
    rules = [(Sum((0, 1), 3, 4), Sum((1, 2), 9, 6), AllDifferent((3, 0), ""))]
    assert satisfied_cells(rules, board).tolist() == [[True, False, False, True]]


def test_the_classifier_is_taught_by_rules_that_hold_and_others():
    boards, solutions = dataset("grid6", 0, "train", 64).batch(np.arange(64), None)
    rng = stream("half")
    rules = mismatched_rules([rules_of(solution, 6, rng) for solution in solutions])
    fine = satisfied_cells(rules, solutions)
    shares = encode_rules(rules, boards).shares
    assert fine[::2].all()
    assert 0.05 < (shares * fine)[1::2].sum() / shares[1::2].sum() < 0.6
