"""Probes say what is written, ablation takes what it says and nothing else."""

import numpy as np
import pytest
import torch

from experiments.factors.grid import SUDOKU6
from experiments.factors.mechanism import (
    ABLATIONS,
    TARGETS,
    Ablated,
    States,
    _right,
    features,
    mean_keys_and_values,
)  # fmt: skip
from generators import checkpoint
from generators.boards import stack
from generators.models.backbone_config import BackboneConfig


def build(kind):
    torch.manual_seed(0)
    model = checkpoint.network_class(kind)(BackboneConfig(6, 36, 16, 2, 1, 3), kind)
    for weight in model.parameters():
        weight.data *= 3
    return model.double().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def instances():
    return SUDOKU6.load("0", (0, 8))


def test_labels_are_what_they_are_called(instances):
    states = States(instances, 0.5)
    labels = {target: states.labels(target) for target in TARGETS}
    adjacency = instances[0].problem.adjacency
    for row, (board, cell) in enumerate(zip(states.board, states.cell, strict=True)):
        now, solution = states.now[board], np.array(instances[board].witness)
        assert now[cell] == 0 and labels["own value"][row].argmax() + 1 == solution[cell]
        held = {int(now[other]) for other in np.flatnonzero(adjacency[cell]) if now[other]}
        assert {v + 1 for v in np.flatnonzero(labels["own candidates"][row])} == set(range(1, 7)) - held
        for target, near in (("neighbour's value", True), ("stranger's value", False)):
            others = [o for o in range(36) if o != cell and now[o] == 0 and adjacency[cell, o] == near]
            one = labels[target][row]
            assert np.isnan(one).all() if not others else one.argmax() + 1 in {int(solution[o]) for o in others}


def test_a_probe_finds_what_is_there_and_no_more():
    rng = np.random.default_rng(0)
    x, other = rng.normal(size=(600, 8)), rng.normal(size=(300, 8))
    plane = rng.normal(size=(8, 6))
    value, wanted = np.eye(6)[(x @ plane).argmax(1)], np.eye(6)[(other @ plane).argmax(1)]
    assert np.mean(_right(x, value, other, wanted)) > 0.8
    assert np.mean(_right(x, rng.permutation(value), other, wanted)) < 0.35
    wanted[:10] = np.nan
    assert np.isnan(_right(x, value, other, wanted)[:10]).all()
    sets, of_other = (x[:, :6] > 0).astype(float), (other[:, :6] > 0).astype(float)
    assert np.mean(_right(x, sets, other, of_other)) > 0.85


@pytest.mark.parametrize("kind", ["net:workspace=live", "diffusion-blind", "ar-inplace"])
def test_features_are_of_the_blank_cells_after_each_loop(instances, kind):
    model, states = build(kind), States(instances, 0.5)
    layers = features(model, states)
    assert len(layers) == 3 and all(layer.shape == (len(states.board), 16) for layer in layers)
    if kind == "ar-inplace":  # a prompt is read before the first commit
        later = States(instances, 0.0)
        before = features(model, later)[-1]
        kept = [place for place in range(len(later.board)) if states.blank[later.board[place], later.cell[place]]]
        assert layers[-1] == pytest.approx(before[kept])
    else:  # what the head says of the last layer is what the session says
        said = model.open(states.boards).predict(np.arange(len(instances)), states.now, states.sequence).log_probs
        answers = model.backbone.head(torch.as_tensor(layers[-1])).log_softmax(-1).numpy()
        assert said[states.board, states.cell] == pytest.approx(answers, abs=1e-6)


def test_ablation_takes_what_it_says(instances):
    model = build("net:workspace=live")
    boards, rows = stack(instances, "x"), np.arange(len(instances))
    means = mean_keys_and_values(model, SUDOKU6.load("0", (8, 16)))
    plain = model.open(boards).predict(rows, boards.givens, np.zeros_like(boards.givens)).log_probs

    def said(name, net=model, of=means):
        return (
            Ablated(net, of, *ABLATIONS[name]).open(boards).predict(rows, boards.givens, np.zeros_like(boards.givens))
        )

    assert said("nothing").log_probs == pytest.approx(plain, abs=1e-9)
    for name in ("blanks", "as many visible", "blanks, loop 1", "blanks, loop 3"):
        assert np.abs(said(name).log_probs - plain).max() > 1e-4, name
    assert (said("blanks").speaks == (boards.givens == 0)).all()

    # In a net where nobody may look at a blank cell, only its own look at itself can change.
    blind = build("diffusion-blind")
    of_blind = mean_keys_and_values(blind, SUDOKU6.load("0", (8, 16)))
    heavy = {kind: {layer: (k * 0, v * 0) for layer, (k, v) in of.items()} for kind, of in of_blind.items()}
    one, other = said("blanks", blind, of_blind).log_probs, said("blanks", blind, heavy).log_probs
    assert np.abs(one - other).max() > 0  # it does look at itself


def test_means_are_means(instances):
    """Of all blank cells of all states, by their own keys."""
    model = build("net:workspace=live")
    means = mean_keys_and_values(model, instances)
    assert set(means) == {"blanks", "visible"} and set(means["blanks"]) == {0, 1, 2}
    keys = []
    for share in (0.0, 0.25, 0.5, 0.75):
        states = States(instances, share)
        values, cells, *_ = model.inputs(states.boards, states.now, states.sequence)
        first = model.backbone.value(values) + model.backbone.cell(cells) + model.backbone.target(cells)
        block = model.backbone.blocks[0]
        k = block.qkv(block.norm1(first)).view(len(values), 36, 3, 2, 8)[:, :, 1]
        keys.append(k[torch.as_tensor(states.blank)])
    assert torch.allclose(means["blanks"][0][0], torch.cat(keys).mean(0))
