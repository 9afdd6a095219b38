"""The page's own decoder (experiments/page/app/src/core) does what Python's does: same events, same verdicts.

node runs it, on networks as `takeback export` writes them; one process answers for all tests. PAGE_PUZZLES=200 gives
each of the greedy decoders 200 puzzles (ten minutes on two busy cores) instead of 12.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

import experiments
from csp.generate import draw
from csp.io.shipped_sets import load
from experiments.page.payload import puzzle_record
from generators import checkpoint
from generators.boards import stack
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from generators.models.uniform import Uniform
from generators.weights.onnx_export import onnx_bytes
from solvers.oracles.pick import pick

APP = Path(experiments.__file__).parent / "page" / "app"
PUZZLES = int(os.environ.get("PAGE_PUZZLES", 12))  # a decoder
FEW = 5  # of the decoders that are checked beside them
STATES = 2000
SEED = 0
NETS = ("ar", "ar-random", "ar-solver", "diffusion", "diffusion-blind")
#: Decoders, each with how many of the puzzles it is given.
DECODERS = {
    "ar": PUZZLES,
    "ar:veto=legal": PUZZLES,
    "ar:veto=legal,retraction=best-first,calls=200": PUZZLES,
    "diffusion": PUZZLES,
    "diffusion:veto=legal": PUZZLES,
    "diffusion:order=confidence": PUZZLES,
    "diffusion:order=confidence,veto=legal": PUZZLES,
    "diffusion:order=confidence,veto=legal,retraction=best-first,calls=200": PUZZLES,
    "diffusion:order=confidence,veto=propagate,retraction=depth,calls=200": FEW,
    "diffusion:order=random,veto=legal,retraction=depth,calls=200": FEW,
    "diffusion-blind": PUZZLES,
    "diffusion-blind:order=confidence,veto=legal": FEW,
    "ar-solver:veto=propagate": FEW,
    "ar-random:order=confidence,veto=legal": FEW,
    "ar-random:order=random": FEW,
    "uniform:order=fewest,veto=legal,retraction=depth,calls=500": FEW,
    "uniform:order=solver,veto=singles,retraction=best-first,calls=500": FEW,
    "uniform:order=fewest": FEW,
}
WORDS = ("order", "veto", "retraction", "calls")


def puzzle(instance):
    """A puzzle as the page is given it, with its own matrix of relations."""
    return puzzle_record(instance) | {"relations": instance.problem.relations.reshape(-1).tolist()}


def of_every_shape():
    return [load("sudoku6", "0", 1)[0], load("sudoku9", "0", 1)[0], draw("colouring", 1, "test", 0)]


def puzzles(count):
    return (load("sudoku6", "0", count // 2) + load("sudoku6", "4-10", count - count // 2))[:count]


def fills(instance, count, rng):
    """States of an instance: the solution, and anything at all, on some of its blanks; some with one wrong commit."""
    blank = instance.givens == 0
    out = []
    for number in range(count):
        shown = blank & (rng.random(len(blank)) < rng.random())
        if number % 2 or instance.witness is None:
            source = rng.integers(1, instance.problem.d + 1, len(blank))
            shown &= rng.random(len(blank)) < 0.4
        else:
            source = instance.witness.copy()
            if shown.any() and number % 4:
                wrong = rng.choice(np.nonzero(shown)[0])
                source[wrong] = source[wrong] % instance.problem.d + 1
        out.append(np.where(shown, source, instance.givens))
    return out


def boards_of_states():
    """(instance, states): Sudokus of both sizes and graphs, STATES states in all."""
    drawn = [draw("colouring", 1, "test", index) for index in range(20)]
    some = load("sudoku6", "4-10", 20) + load("sudoku9", "0", 10) + load("sudoku9", "11-100", 20) + drawn
    some += load("colouring3-50", "4-10", 10)
    rng = np.random.default_rng(SEED)
    return [(instance, fills(instance, STATES // len(some), rng)) for instance in some]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """What the page says: (traces by decoder, verdicts by instance); and what was asked."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed: the page's decoder cannot be run")
    if not (APP / "node_modules").is_dir():
        pytest.skip("node_modules are missing: npm ci in experiments/page/app")
    folder = tmp_path_factory.mktemp("page")
    networks, models = {}, {}
    for kind in NETS:
        model = checkpoint.load(checkpoint.shipped("sudoku6", kind), dtype=torch.float32).model
        (folder / f"{kind}.onnx").write_bytes(onnx_bytes(model))
        networks[kind] = {"path": str(folder / f"{kind}.onnx"), "card": {"kind": kind, "cells": 36}}
        models[kind] = model

    decodes = []
    for spelled, count in DECODERS.items():
        decoder, instances = parse(spelled), puzzles(count)
        options = {word: getattr(decoder, word) for word in WORDS}
        net = None if decoder.model == "uniform" else decoder.model
        for instance, key in zip(instances, stack(instances, "decode", SEED, decoder.stream).keys.tolist()):
            decodes.append({"net": net, "puzzle": puzzle(instance), "options": options | {"key": str(key)}})

    asked = boards_of_states()
    states = [{"puzzle": puzzle(one), "states": [state.tolist() for state in many]} for one, many in asked]
    related = [puzzle_record(one) for one in of_every_shape()]
    fixture = {"networks": networks, "decodes": decodes, "states": states, "related": related}
    (folder / "fixture.json").write_text(json.dumps(fixture))
    command = ["node", "tests/decode_fixture.mjs", str(folder / "fixture.json"), str(folder / "answers.json")]
    done = subprocess.run(command, cwd=APP, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads((folder / "answers.json").read_text())
    traces = iter(answers["traces"])
    by_decoder = {spelled: [next(traces) for _ in range(count)] for spelled, count in DECODERS.items()}
    return models, by_decoder, asked, answers


@pytest.mark.parametrize("spelled", DECODERS)
def test_the_page_decodes_as_python_does(page, spelled):
    models, by_decoder, _, _ = page
    decoder, instances = parse(spelled), puzzles(DECODERS[spelled])
    model = models.get(decoder.model) or Uniform()
    differ = []
    for instance, trace, said in zip(instances, decode(decoder, model, instances, SEED), by_decoder[spelled]):
        ours, theirs = [list(event) for event in trace.events], said["events"]
        same = (ours, trace.end) == (theirs, said["end"])
        if not same and not (decoder.order == "confidence" and near_tie(model, instance, ours, theirs)):
            differ.append((instance.id, ours, theirs))
    assert not differ


def near_tie(model, instance, ours, theirs):
    """Whether two decodings part where Python's net is as sure of either cell, to a millionth.

    Answers of float32 differ by 1e-5 from one machine's sums to another's: one that lies at the edge of its fourth
    decimal is rounded either way, which moves a cell's confidence by 1e-9 or so (one decoding of 1,600).
    """
    place = next(i for i, pair in enumerate(zip(ours, theirs)) if pair[0] != pair[1])
    state = instance.givens.copy()
    for _, cell, value in ours[:place]:
        state[cell] = value
    one, other = ours[place], theirs[place]
    assert one[0] == other[0] and one[2] and other[2]  # commits of the same call
    said = model.open(stack([instance], "tie")).predict(np.array([0]), state[None])
    probs = np.exp(said.log_probs[0])
    confidence = probs.max(-1) / probs.sum(-1)
    return abs(confidence[one[1]] - confidence[other[1]]) < 1e-6


def test_the_page_knows_which_boards_are_alive(page):
    _, _, asked, said = page
    answers = [pick(instance).alive(np.array(states)).tolist() for instance, states in asked]
    assert said["alive"] == answers
    flat = np.concatenate(answers)
    assert len(flat) >= STATES * 0.99 and 0.2 < flat.mean() < 0.8  # neither answer is the rule


def test_the_page_derives_the_relations_that_networks_read(page):
    expected = [instance.problem.relations.reshape(-1).tolist() for instance in of_every_shape()]
    assert page[3]["codes"] == expected


def test_the_worker_decodes_in_a_browser_from_bytes_alone(tmp_path):
    browser = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None or shutil.which("node") is None or not (APP / "node_modules").is_dir():
        pytest.skip("no browser (CHROMIUM), node or node_modules: the worker cannot be run")
    decoder, instance = parse("diffusion:order=confidence,veto=legal"), puzzles(2)[1]
    model = checkpoint.load(checkpoint.shipped("sudoku6", "diffusion"), dtype=torch.float32).model
    (tmp_path / "net.onnx").write_bytes(onnx_bytes(model))
    options = {word: getattr(decoder, word) for word in WORDS}
    card = {"kind": "diffusion", "cells": 36}
    asked = {"path": str(tmp_path / "net.onnx"), "card": card, "puzzle": puzzle(instance), "options": options}
    (tmp_path / "fixture.json").write_text(json.dumps(asked))
    command = ["node", "tests/live_page/check.mjs", str(tmp_path / "fixture.json")]
    environment = {**os.environ, "CHROMIUM": browser}
    done = subprocess.run(command, cwd=APP, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    trace = decode(decoder, model, [instance], SEED)[0]
    assert (said["events"], said["end"]) == ([list(event) for event in trace.events], trace.end)
    assert said["stopped"] == "stopped" and said["fault"] == "no network no such net is loaded"
    assert said["requests"] == []
