"""`takeback evaluate`: figures follow from the traces, graphs at several numbers of colours, one line for bad input."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import torch

from csp.families import sudoku
from csp.generate import draw
from csp.io.trace_records import read_jsonl
from experiments import evaluate
from experiments.cli.dispatch import guarded
from experiments.engine import decoder_catalogue, loaded_models
from experiments.engine import run as engine
from experiments.engine.shards import Cutter
from experiments.evaluate import Evaluate, main
from experiments.puzzle_files import certify
from generators import checkpoint
from generators.models.backbone_config import BackboneConfig
from generators.models.masked_diffusion import MaskedDiffusion

FREE = ("free-depth", "free-singles-depth", "uniform:veto=legal,temperature=1,retraction=restart")
TRIANGLE = "p edge 4 3\ne 1 2\ne 2 3\ne 1 3\n"
SQUARE = "p edge 5 4\ne 1 2\ne 2 3\ne 3 4\ne 4 1\n"


def run(capsys, **options):
    """(exit code, standard output, standard error) of the command, in this process."""
    code = guarded(lambda: main(Evaluate(**options)))
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.txt"
    instances = [draw("sudoku6", 3, "test", index) for index in range(6)]
    path.write_text("".join(sudoku.write(i.problem, i.givens) + "\n" for i in instances))
    return path


def test_figures_follow_from_the_traces(capsys, tmp_path, file):
    code, out, err = run(capsys, puzzles=(file,), decoders=FREE, calls=20, out=tmp_path / "a")
    assert code == 0, err
    assert "mine.txt, 6 puzzles" in out and "within 20 calls" in out
    card = json.loads((tmp_path / "a" / "run.json").read_text())
    traces = read_jsonl((tmp_path / "a" / "traces.jsonl").read_text())
    whole = card["summary"].get("all") or next(iter(card["summary"].values()))
    for name in FREE:
        mine = [t for t in traces if t.decoder == card["identity"]["decoders"][name]]
        assert len(mine) == 6 and all(t.costs.calls <= 20 for t in mine)
        solved = [t.end == "solved" for t in mine]
        assert whole[name]["solved"]["n"] == 6 and whole[name]["solved"]["value"] == pytest.approx(np.mean(solved))
        assert whole[name]["calls"]["value"] == pytest.approx(np.mean([t.costs.calls for t in mine]))
        fast = [t.costs.calls for t in mine if t.end == "solved"]
        assert whole[name]["to solve"]["value"] == (pytest.approx(np.median(fast)) if fast else None)
        kept = [
            r for r in pyarrow.parquet.read_table(tmp_path / "a" / "scores.parquet").to_pylist() if r["row"] == name
        ]
        assert whole[name]["met"]["n"] == sum(r["need"] for r in kept)
        if whole[name]["met"]["n"]:
            assert whole[name]["met"]["value"] == sum(r["met"] for r in kept) / sum(r["need"] for r in kept)
    assert min(whole[name]["met"]["n"] for name in FREE) < 6  # not everybody needs to retract
    again = run(capsys, puzzles=(file,), decoders=FREE, calls=20, out=tmp_path / "a")
    assert "traces were there already" in again[2] and again[1] == out
    code, out, err = run(capsys, puzzles=(file,), decoders=FREE, calls=20, out=tmp_path / "b", batch_size=1, json=True)
    assert (tmp_path / "a" / "traces.jsonl").read_bytes() == (tmp_path / "b" / "traces.jsonl").read_bytes()
    assert set(json.loads(out)) == set(card["summary"])


def test_nobody_goes_over_the_budget(capsys, tmp_path):
    names = ("still", "ar-beam", "best-first", "free-depth")
    options = {"family": "sudoku6", "stratum": ("0",), "count": 4, "decoders": names, "calls": 3}
    code, _, err = run(capsys, **options, out=tmp_path)
    assert code == 0, err
    traces = read_jsonl((tmp_path / "traces.jsonl").read_text())
    assert len(traces) == 16 and all(t.costs.calls <= 3 + 15 * ("beam" in t.decoder) for t in traces)
    assert not any(t.end == "solved" for t in traces[:8])


def test_a_graph_that_cannot_be_coloured_is_left_out(capsys, tmp_path):
    (tmp_path / "triangle.col").write_text(TRIANGLE)
    (tmp_path / "known.txt").write_text("triangle 2\n")
    options = {"puzzles": (tmp_path / "triangle.col",), "known": tmp_path / "known.txt", "decoders": FREE[:1]}
    code, out, err = run(capsys, **options, extra=(0, 1), out=tmp_path / "a")
    assert code == 0 and "left out: " in err and "impossible" in err and "1 puzzles" in out
    code, _, err = run(capsys, **options, out=tmp_path / "b")
    assert code == 2 and "no puzzle is left to solve" in err
    code, _, err = run(capsys, **options, extra=(78,), out=tmp_path / "b")
    assert code == 2 and "80 values; the reference search takes up to 60" in err


def test_a_colouring_with_fewer_colours_is_not_searched_for_again(capsys, tmp_path, monkeypatch):
    (tmp_path / "triangle.col").write_text(TRIANGLE)
    (tmp_path / "known.txt").write_text("triangle 3\n")
    given = []
    certified = certify.certified
    monkeypatch.setattr(certify, "certified", lambda i, *a, **b: given.append(i.witness) or certified(i, *a, **b))
    options = {"puzzles": (tmp_path / "triangle.col",), "known": tmp_path / "known.txt", "decoders": FREE[:1]}
    code, _, err = run(capsys, **options, extra=(0, 1), out=tmp_path / "a")
    assert code == 0, err
    assert len(given) == 2 and given[0] is None and sorted(given[1][:3]) == [1, 2, 3]


def test_strata_partition_the_puzzles(capsys, tmp_path):
    options = {"family": "sudoku6", "stratum": ("0", "4-10", "0"), "count": 5, "decoders": FREE[:1], "calls": 50}
    code, out, err = run(capsys, **options, out=tmp_path)
    assert code == 0, err
    summary = json.loads((tmp_path / "run.json").read_text())["summary"]
    counts = {part: of_part["free-depth"]["solved"]["n"] for part, of_part in summary.items()}
    assert counts == {"all": 10, "0": 5, "4-10": 5} and "5 puzzles that need 4-10 guesses" in out


def test_graphs_are_asked_for_their_best_known_colours_and_more(capsys, tmp_path):
    for name, text in (("triangle", TRIANGLE), ("square", SQUARE)):
        (tmp_path / f"{name}.col").write_text(text)
    known = tmp_path / "known.txt"
    known.write_text("triangle 3 *\nsquare 2\n\n")
    graphs = tuple(sorted(tmp_path.glob("*.col")))
    code, out, err = run(
        capsys, puzzles=graphs, known=known, extra=(0, 1), decoders=FREE[:2], calls=50, out=tmp_path / "a"
    )
    assert code == 0, err
    lines = [line.split() for line in out.splitlines() if line.strip().startswith(("triangle ", "square "))]
    assert [line[:4] for line in lines] == [
        ["square", "5", "4", "2"],
        ["square", "5", "4", "3"],
        ["triangle", "4", "3", "3"],
        ["triangle", "4", "3", "4"],
    ]
    assert all(int(line[5]) <= 50 and int(line[6]) <= 50 for line in lines)


def test_batches_hold_one_number_of_values_and_everything_once():
    made = [draw(name, 0, "test", i) for i in range(5) for name in ("planted:n=9,degree=2", "planted:n=8,colours=4")]
    rows = decoder_catalogue.chosen(["dsatur"])
    runner = loaded_models.runner(rows, "colouring", made, None)
    jobs = engine.decoding_jobs(rows, made, runner, Evaluate(batch_size=3))
    found = [shard.indices for shard in Cutter(jobs, {"dsatur": range(10)})]
    assert sorted(index for batch in found for index in batch) == list(range(10))
    assert all(len(batch) <= 3 and len({made[index].problem.d for index in batch}) == 1 for batch in found)
    assert all(batch == tuple(sorted(batch, key=lambda index: made[index].problem.n)) for batch in found)


def test_more_loops_are_another_decoder_on_the_same_weights(capsys, tmp_path):
    names = ("diffusion:order=confidence", "diffusion:order=confidence,loops=1", "diffusion:order=confidence,loops=3")
    options = {"family": "sudoku6", "stratum": ("0",), "count": 4, "decoders": names}
    code, _, err = run(capsys, **options, out=tmp_path)
    assert code == 0, err
    traces = read_jsonl((tmp_path / "traces.jsonl").read_text())
    trained, once, thrice = ([(list(t.events), t.costs.flops) for t in traces[k : k + 4]] for k in (0, 4, 8))
    assert [t[1] for t in trained] == [t[1] for t in thrice] and all(a[1] < b[1] for a, b in zip(once, trained))
    assert [t[0] for t in trained] == [t[0] for t in thrice] != [t[0] for t in once]


def test_the_default_rows_have_names():
    assert set(evaluate.DEFAULT) <= set(evaluate.FRONTIER)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "give --puzzles FILE, or --family SET with --stratum"),
        ({"puzzles": ("x",), "stratum": ("0",)}, "one of the two"),
        ({"stratum": ("7",)}, "has no stratum '7'"),
        ({"puzzles": ("nowhere.txt",)}, "nowhere.txt"),
        ({"puzzles": ("a.col",)}, "colours"),
        ({"puzzles": ("a.col",), "known": "known.txt"}, "known.txt does not name a"),
        ({"puzzles": ("a.col",), "known": "bad.txt"}, "bad.txt, line 2: 'b four' is not a name and a number"),
        ({"stratum": ("0",), "calls": 0}, "--calls 0: at least 1"),
        ({"stratum": ("0",), "decoders": ("uniform:loops=2",)}, "loops goes with a network"),
        ({"puzzles": ("a.col",), "colours": 3, "known": "known.txt"}, "--colours or --known"),
        ({"puzzles": ("a.col",), "colours": 3, "extra": (0, 1)}, "--extra goes with --known"),
        (
            {"puzzles": ("a.col", "b.txt"), "colours": 3},
            "--colours is for .col graphs and their like; b.txt was read as",
        ),
        ({"puzzles": ("b.txt", "c.txt")}, "more than one family (sudoku4, sudoku6)"),
    ],
)
def test_bad_input_is_one_line(capsys, tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    Path("a.col").write_text(TRIANGLE)
    for name, family in (("b.txt", "sudoku4"), ("c.txt", "sudoku6")):
        Path(name).write_text(sudoku.write((i := draw(family, 0, "train", 0)).problem, i.givens) + "\n")
    Path("known.txt").write_text("b 4\n")
    Path("bad.txt").write_text("a 3\nb four\n")
    if "known" in options:
        options["known"] = Path(options["known"])
    options["puzzles"] = tuple(map(Path, options.get("puzzles", ())))
    code, _, err = run(capsys, **{"count": 2, "decoders": FREE[:1], **options, "out": tmp_path / "out"})
    assert code == 2 and words in err and "Traceback" not in err and "\n" not in err.strip()


def test_the_small_network_comes_first_where_it_fits(tmp_path):
    torch.manual_seed(0)
    for name, shape in (
        ("colouring", BackboneConfig(3, 6, 16, 2, 1, 1)),
        ("colouring-wide", BackboneConfig(5, 6, 16, 2, 1, 1, flexible=True)),
    ):
        checkpoint.save(MaskedDiffusion(shape), tmp_path / f"{name}-diffusion.safetensors", {"family": "colouring"})
    wanted = decoder_catalogue.chosen(["diffusion", "ar"])
    for family, name in (
        ("planted:n=6,degree=2", "colouring-diffusion"),
        ("planted:n=9,degree=2", "colouring-wide-diffusion"),
        ("planted:n=6,colours=5,degree=2", "colouring-wide-diffusion"),
    ):
        runner = loaded_models.runner(wanted, "colouring", [draw(family, 0, "any", 0)], tmp_path)
        assert list(runner.hashes) == [f"{name}.safetensors"] and list(runner.missing) == ["ar"]
    runner = loaded_models.runner(wanted, "colouring", [draw("planted:n=6,colours=6,degree=2", 0, "any", 0)], tmp_path)
    assert not runner.networks and "colouring-wide-diffusion" in runner.missing["diffusion"]
