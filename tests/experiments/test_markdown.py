"""Runs as Markdown tables: the figures are those of run.json, and what is no run is named in one line."""

import json

import pytest

from experiments import ceiling, evaluate, frontier, markdown
from experiments.cli.dispatch import guarded
from experiments.markdown import Markdown

FREE = ("free-depth", "uniform:veto=legal,temperature=1,retraction=remask,signal=random,calls=20")


def cells(text, name):
    """The cells of the first row that begins with that name."""
    row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [part.strip() for part in row.strip("|").split("|")]


@pytest.mark.parametrize(
    ("low", "high", "said"), [(0.1, 0.3, "[10, 30]"), (-0.5, 0.03, "[-50, 3]"), (-0.5, -0.03, "[-50, -3]")]
)
def test_both_ends_of_an_interval_are_kept_whatever_their_sign(low, high, said):
    assert markdown.figure({"value": (low + high) / 2, "low": low, "high": high, "n": 9}, True).endswith(said)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    same = {"family": "sudoku6", "count": 6, "decoders": FREE}
    ceiling.main(ceiling.Ceiling(**{**same, "decoders": ("dsatur", "depth-first")}, out=folder / "ceiling"))
    frontier.main(frontier.Frontier(**same, stratum=("4-10",), calls=20, out=folder / "frontier"))
    evaluate.main(evaluate.Evaluate(**same, stratum=("0", "4-10"), calls=20, out=folder / "evaluate"))
    return folder


def test_figures_are_those_of_the_run(runs, capsys):
    markdown.main(Markdown(tuple(runs / name for name in ("ceiling", "frontier", "evaluate"))))
    text = capsys.readouterr().out
    cards = {name: json.loads((runs / name / "run.json").read_text()) for name in ("ceiling", "frontier", "evaluate")}
    for row in cards["ceiling"]["summary"]:
        shown = cells(text, row["decoder"])
        assert shown[1] == "6" and float(shown[2].split()[0]) == pytest.approx(100 * row["solved"]["value"], abs=0.06)
        assert shown[3].split("/")[0] == str(round(row["need"]["value"] * 6))
    [curves] = cards["frontier"]["summary"].values()
    rows = cells(text.partition("4-10 guesses: solved")[2], "free-depth")
    for number, budget in zip(rows[2:], (10, 20), strict=True):
        assert float(number.split()[0]) == pytest.approx(100 * curves[0]["by calls"][str(budget)]["value"], abs=0.06)
    assert cards["frontier"]["verdicts"]["4-10"][0] in text
    of_stratum = text.partition("6 puzzles of 4-10 guesses")[2]
    share = cards["evaluate"]["summary"]["4-10"]["free-depth"]["solved"]
    number, low, high = (float(part.strip("[],")) for part in cells(of_stratum, "free-depth")[1].split())
    assert number == pytest.approx(100 * share["value"], abs=0.06)
    assert (low, high) == (round(100 * share["low"]), round(100 * share["high"]))


def test_what_is_no_run_is_named(tmp_path, capsys):
    for content in ("{", "[]", '{"identity": {"command": "other"}}', '{"identity": {"command": "ceiling"}}'):
        (tmp_path / "run.json").write_text(content)
        assert guarded(lambda: markdown.main(Markdown((tmp_path,)))) == 2
        assert "run.json: not a finished run of ceiling" in capsys.readouterr().err
