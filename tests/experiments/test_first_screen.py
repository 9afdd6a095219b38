"""The first screen of `takeback ceiling`, tables on narrow terminals, labels of lines, and names of before."""

import contextlib
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.ceiling import screen
from experiments.ceiling.command import Ceiling, main
from experiments.cli.dispatch import guarded
from experiments.cli.line_labels import spaced
from experiments.cli.tables import plain, show
from experiments.engine.decoder_catalogue import FIRST_SCREEN, FRONTIER, ROWS, chosen, modern_identity
from experiments.scoring.aggregate import figures
from experiments.scoring.statistics import proportion
from generators.decoding.spec import parse


def test_the_first_screen_fits_eighty_columns_and_concludes(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert guarded(lambda: main(Ceiling(count=6, out=tmp_path))) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert all(label.strip() in out for label in FIRST_SCREEN.values()) and all(word in out for word in screen.WORDS)
    summary = {row["decoder"]: row for row in json.loads((tmp_path / "run.json").read_text())["summary"]}
    assert list(summary) == list(FIRST_SCREEN)
    lost = round(summary["ar"]["need"]["value"] * 6)
    assert f"made a dead end on {lost} of 6 puzzles" in " ".join(out.split())
    assert (tmp_path / "board.png").exists() == ("is a dead end" in out)


def score(solved, calls=1):
    """A score of which only what the sentences read is told."""
    names = dict.fromkeys(screen.Score.__annotations__)
    said = {"solved": solved, "need": not solved, "met": False, "unmet": not solved, "first_dead": 1, "calls": calls}
    zero = dict.fromkeys(("seed", "commits", "retractions", "tokens", "blanks"), 0) | {"flops": 0.0, "seconds": 0.0}
    text = dict.fromkeys(("instance", "decoder", "end", "oracle"), "")
    return screen.Score(**{**names, **zero, **text, **said})


def concluded(**solved):
    scores = {name: [score(s) for s in solved.get(name.replace("-", "_"), [True] * 8)] for name in FIRST_SCREEN}
    return " ".join(screen.conclusion({name: figures(of_row) for name, of_row in scores.items()}, scores))


def test_sentences_follow_from_the_rows():
    alike = concluded()
    assert "no difference to be seen" in alike
    lost = concluded(ar=[False] * 8)
    assert "made a dead end on 8 of 8 puzzles" in lost and "not told apart from the same rule and search" in lost
    assert lost.endswith("not told apart.")
    better = concluded(ar=[False] * 8, no_net_raster=[False] * 8, best_first_placebo=[False] * 8)
    assert "more than the same rule and search do" in better and "so where it goes back matters" in better
    worse = concluded(ar=[False] * 8, ar_best_first=[False] * 8, best_first=[False] * 8)
    assert "fewer than the same rule and search" in worse and "going by its confidence hurts" in worse


def test_solvers_whose_steps_are_not_seen_show_nothing_about_dead_ends():
    made = screen.summarise(ROWS["cp-sat"], [score(True)] * 3).figures
    assert made["solved"].n == 3 and made["need"].value is None and made["first_dead"].n == 0
    assert screen.summarise(ROWS["dsatur"], [score(True)] * 3).figures["need"].n == 3


@given(st.integers(20, 120), st.lists(st.text("abc-", min_size=1, max_size=30), min_size=2, max_size=12), st.data())
def test_no_table_is_wider_than_its_terminal(width, heads, data):
    cells = [[data.draw(st.text("0123.[] ", max_size=14)) for _ in heads] for _ in range(3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        with contextlib.redirect_stdout(io.StringIO()) as said:
            show("a title", heads, ["a group", *cells])
    assert max(map(len, said.getvalue().splitlines())) <= width


@given(st.lists(st.floats(0, 100), min_size=1, max_size=12), st.floats(0.5, 8))
def test_labels_keep_their_distance_and_move_little(heights, gap):
    rising = np.sort(np.array(heights))
    made = spaced(rising, gap, 0.0, 100.0)
    assert (np.diff(made) >= gap - 1e-9).all()
    if len(rising) == 1 or (np.diff(rising) >= gap).all():
        assert made == pytest.approx(np.clip(rising, 0, None), abs=gap * len(rising))


def test_figures_on_one_line():
    assert plain(proportion(9, 100), share=True) == "9.0 [5, 16]" and plain(proportion(0, 0)) == "-"


def test_old_names_are_read_with_one_notice_and_move_no_random_number(capsys):
    for old, new in (("ar-discrepancy", "ar-best-first"), ("discrepancy-placebo", "best-first-placebo")):
        assert chosen([old]) == [ROWS[new]]
        assert capsys.readouterr().err.count("\n") == 1
    assert chosen(["local"], FRONTIER) == [FRONTIER["remask"]]
    capsys.readouterr()
    spelled = "diffusion:retraction=local,signal=violations,calls=5"
    assert chosen([spelled])[0].spec == parse(spelled.replace("local", "remask"))
    assert "retraction=local is called retraction=remask now" in capsys.readouterr().err
    assert parse(spelled).stream == spelled and str(parse(spelled)) == spelled.replace("local", "remask")
    kept = modern_identity(
        {"decoders": {"discrepancy": "diffusion:retraction=discrepancy,calls=9", "dsatur": "dsatur"}}
    )
    assert kept == {"decoders": {"best-first": "diffusion:retraction=best-first,calls=9", "dsatur": "dsatur"}}


def test_token_budgets_grow_with_the_board(few):
    row = ROWS["ar-best-first"]
    sizes = {name: row.sized(few[name]).spec.tokens for name in ("sudoku4", "sudoku6")}
    assert sizes == {"sudoku4": 1_600, "sudoku6": 3_600}
    assert ROWS["best-first"].sized(few["sudoku4"]) == ROWS["best-first"]  # its budget is in calls
