"""What a call of a 6x6 network takes in the page: onnxruntime-web on one thread of node, beside Python's own decode.

    python -m benchmarks.live_decoding                # needs node and experiments/page/app/node_modules

Both decode the same puzzles one at a time, in turns, so that other load on the machine meets them alike; the ratio is
of medians of milliseconds a call. Aim: under 50 ms a call.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from rich.table import Table

import experiments
from csp.io.shipped_sets import load
from experiments.cli.terminal import console
from experiments.page.payload import puzzle_record
from generators import checkpoint
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from generators.weights.onnx_export import onnx_bytes

APP = Path(experiments.__file__).parent / "page" / "app"
DECODERS = ("diffusion:order=confidence", "ar")
PUZZLES = 10
ROUNDS = 3
AIM = 50  # milliseconds a call


def main() -> None:
    """Measure and print a table."""
    table = Table(title=f"milliseconds a call, {PUZZLES} puzzles one at a time, one thread, medians of {ROUNDS} rounds")
    for name in ("decoder", "page: network", "page: all", "slowest tenth", "Python", "page / Python"):
        table.add_column(name, justify="left" if name == "decoder" else "right")
    worst = 0.0
    for spelled in DECODERS:
        rounds = [measure(spelled) for _ in range(ROUNDS)]
        network, whole, tail, python = np.median(rounds, axis=0)
        worst = max(worst, network)
        table.add_row(spelled, *(f"{x:.1f}" for x in (network, whole, tail, python)), f"{whole / python:.2f}")
    console.print(table)
    console.print(f"aim, under {AIM} ms a call: {'met' if worst < AIM else 'missed'}")


def measure(spelled: str) -> tuple[float, float, float, float]:
    """Of one decoder: the page's median call, its median call with all that is around it, the slowest tenth of the
    calls, and Python's median call, in milliseconds.
    """
    decoder = parse(spelled)
    model = checkpoint.load(checkpoint.shipped("sudoku6", decoder.model), dtype=torch.float32).model
    instances = load("sudoku6", "4-10", PUZZLES)
    decode(decoder, model, instances[:1], 0)  # compiled and warm

    ours = []
    for instance in instances:
        started = time.perf_counter()
        trace = decode(decoder, model, [instance], 0)[0]
        ours.append((time.perf_counter() - started) * 1000 / trace.costs.calls)

    options = {"order": decoder.order, "veto": decoder.veto, "retraction": decoder.retraction, "calls": decoder.calls}
    with TemporaryDirectory() as folder:
        net, fixture = Path(folder) / "net.onnx", Path(folder) / "fixture.json"
        net.write_bytes(onnx_bytes(model))
        card = {"kind": model.kind, "cells": model.backbone.config.cells}
        decodes = [{"puzzle": puzzle_record(instance), "options": options} for instance in instances]
        fixture.write_text(json.dumps({"path": str(net), "card": card, "decodes": decodes}))
        command = ["node", "tests/time_calls.mjs", str(fixture)]
        said = json.loads(subprocess.run(command, cwd=APP, capture_output=True, text=True, check=True).stdout)
    calls = np.concatenate(said["milliseconds"])
    whole = [wall / len(own) for wall, own in zip(said["wall"], said["milliseconds"])]
    return float(np.median(calls)), float(np.median(whole)), float(np.quantile(calls, 0.9)), float(np.median(ours))


if __name__ == "__main__":
    main()
