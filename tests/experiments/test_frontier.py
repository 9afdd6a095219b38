"""`takeback frontier` and `takeback decoders`: curves that follow from traces, resuming, one line for bad input."""

import json

import numpy as np
import pytest

from csp.io.trace_records import read_jsonl
from experiments import decoders, frontier
from experiments.cli.dispatch import guarded
from experiments.engine import decoder_catalogue
from experiments.engine.decoder_catalogue import FRONTIER, ROWS
from experiments.frontier import Curve, Frontier, main
from generators.decoding.spec import DECODER_WORDS, parse

FREE = ("free-depth", "free-singles-depth", "uniform:veto=legal,temperature=1,retraction=restart")


def run(capsys, **options):
    """(exit code, standard output, standard error) of the command, in this process."""
    code = guarded(lambda: main(Frontier(**options)))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_curves_follow_from_the_traces(capsys, tmp_path):
    options = {"family": "sudoku6", "stratum": ("0", "4-10"), "count": 12, "calls": 60, "decoders": FREE}
    code, out, err = run(capsys, **options, out=tmp_path / "a")
    assert code == 0, err
    assert "12 instances of 0 guesses" in out and "12 instances of 4-10 guesses" in out
    assert (tmp_path / "a" / "frontier.png").read_bytes()[:4] == b"\x89PNG"
    card = json.loads((tmp_path / "a" / "run.json").read_text())
    traces = read_jsonl((tmp_path / "a" / "traces.jsonl").read_text())
    need = {i["id"]: "0" if i["guesses"] == 0 else "4-10" for i in card["instances"]}
    for stratum, curves in card["summary"].items():
        for curve, name in zip(curves, FREE):
            mine = [
                t for t in traces if t.decoder == card["identity"]["decoders"][name] and need[t.instance] == stratum
            ]
            assert len(mine) == 12
            for budget, figure in curve["by calls"].items():
                solved = [t.end == "solved" and t.costs.calls <= int(budget) for t in mine]
                assert figure["n"] == 12 and figure["value"] == pytest.approx(np.mean(solved))
    assert "60 calls" in " ".join(card["verdicts"]["0"])
    again = run(capsys, **options, out=tmp_path / "a")
    assert "traces were there already" in again[2]
    code, out, err = run(capsys, **{**options, "json": True}, out=tmp_path / "b", batch_size=1)
    assert (tmp_path / "a" / "traces.jsonl").read_bytes() == (tmp_path / "b" / "traces.jsonl").read_bytes()
    assert json.loads(out)["curves"] == card["summary"]


def test_a_smaller_budget_stops_the_same_trace_earlier(few):
    """What makes one run with the largest budget say what smaller ones would have done."""
    from generators.decoding.loop import decode
    from generators.models.uniform import Uniform

    texts = [text for text, _ in decoder_catalogue.FRONTIER_SPECS.values() if text.startswith("uniform")]
    texts += [
        "uniform:veto=legal,temperature=1,retraction=remask,signal=violations,widen=0.3",
        "uniform:veto=legal,temperature=1,retraction=rewind,signal=random",
        "uniform:veto=legal,retraction=worst,signal=stored",
    ]
    for text in texts:
        plain = frontier.spread(decoder_catalogue.chosen([text], FRONTIER)[0], (5, 80))[-1].spec
        if plain.retraction == "none":
            continue
        assert not frontier.follows_budget(plain)
        large = decode(plain, Uniform(), few["sudoku6"], 0)
        small = decode(parse(str(plain).replace("calls=80", "calls=25")), Uniform(), few["sudoku6"], 0)
        for a, b in zip(large, small):
            if plain.temperature == 0 and plain.signal != "random":  # noise is keyed by the decoder's name
                assert list(b.events) == [event for event in a.events][: len(b.events)]
                assert (b.end == "solved") == (a.end == "solved" and a.costs.calls <= 25)


def test_schedules_that_follow_the_budget_are_run_for_each():
    row = decoder_catalogue.chosen(["remdm-conf"], FRONTIER)[0]
    jobs = frontier.spread(row, (10, 30))
    assert [job.spec.calls for job in jobs] == [10, 30] and len({job.name for job in jobs}) == 2
    curve = Curve(row, (10, 30), np.array([[9.0, np.inf], [np.inf, 20.0], [np.inf, 29.0]]), np.ones((3, 2)))
    assert [curve.at(b).value for b in (5, 10, 29, 30)] == [0, pytest.approx(1 / 3), 1 / 3, pytest.approx(2 / 3)]


def test_the_verdict_compares_within_one_veto_and_names_the_best():
    def curve(name, calls):
        return Curve(
            decoder_catalogue.chosen([name], FRONTIER)[0],
            (100,),
            np.array(calls, dtype=float)[:, None],
            np.ones((40, 1)),
        )

    never = np.inf
    said = frontier.verdict(
        [
            curve("best-first", [50] * 40),
            curve("depth", [50] * 30 + [never] * 10),
            curve("still", [20] * 4 + [never] * 36),
            curve("worst-placebo", [20] * 38 + [never] * 2),
            curve("still-singles", [20] * 40),
            curve("worst-core", [1] * 40),  # helped by an oracle: no rival, and no winner
            curve("free-depth", [50] * 20 + [never] * 20),
            curve("ar", [20] * 40),
        ],
        (100, 45),
    )
    assert len(said) == 2 and "veto=legal, 45 calls: " in said[1] and " 0 % [0, 9]" in said[1]
    assert "diffusion, veto=legal, 100 calls: best-first 100 %" in said[0] and "core" not in " ".join(said)
    assert "best without a network free-depth 50 %" in said[0]
    assert "best placebo worst-placebo 95 %" in said[0] and "(intervals overlap; 2 to 0 paired" in said[0]
    assert "best irrevocable still 10 %" in said[0] and "(intervals apart; 36 to 0 paired" in said[0]


def test_kinds_of_rows():
    kinds = {name: frontier.kind(row) for name, row in FRONTIER.items()}
    assert kinds["still"] == kinds["ar"] == "irrevocable" and kinds["restart"] == kinds["ar-beam"] == "tried again"
    assert kinds["worst-core"] == "upper bound"
    assert kinds["remask-placebo"] == "placebo" and kinds["best-first"] == kinds["ar-written"] == "retracting"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"calls": 0}, "--calls 0: at least 1"),
        ({"stratum": ("2",)}, "set sudoku9 has no stratum '2'"),
        ({"family": "sudoku8"}, "no family 'sudoku8'"),
        ({"decoders": ("gpt",)}, "no decoder 'gpt'"),
        ({"decoders": ("diffusion:retraction=remask",)}, "needs a signal"),
        ({"decoders": ("ar-solver",), "checkpoints": "/nowhere"}, "no row is left to run"),
    ],
)
def test_bad_input_is_one_line(capsys, tmp_path, options, words):
    from pathlib import Path

    if "checkpoints" in options:
        options["checkpoints"] = Path(options["checkpoints"])
    code, _, err = run(capsys, **{"count": 2, "out": tmp_path, **options})
    assert code == 2 and words in err and "Traceback" not in err


def test_every_word_is_listed_and_explained(capsys):
    decoders.main(decoders.Decoders())
    said = " ".join(capsys.readouterr().out.split())
    for word, choices in DECODER_WORDS.items():
        assert f" {word} " in said
        for choice, about in choices.items():
            assert choice in said and about.split()[0] in said
    assert all(name in said for name in [*ROWS, *FRONTIER])
    for number in decoders.NUMBERS:
        assert number in said


def test_one_decoder_is_explained_or_refused(capsys):
    decoders.main(decoders.Decoders(("diffusion:order=margin,k=3,retraction=remask,signal=stored,calls=9",)))
    said = " ".join(capsys.readouterr().out.split())
    assert "margin: largest gap" in said and "3: cells committed a call" in said and "stored: lowest" in said
    code = guarded(lambda: decoders.main(decoders.Decoders(("diffusion:retraction=beam,k=2",))))
    assert code == 2 and capsys.readouterr().err.count("\n") == 1
