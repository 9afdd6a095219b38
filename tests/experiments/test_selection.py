"""`takeback selection`: choices of every kind, what they are compared with, and a run that is resumed and widened."""

import json
from dataclasses import replace

import numpy as np
import pytest

from csp.errors import BadInput
from experiments.engine.study_networks import Size
from experiments.markdown import distil, pages
from experiments.selection import command
from experiments.selection.grid import (
    CHOICE,
    FULL,
    LORA,
    MAIN,
    ORACLE,
    POOL,
    POOL_EPOCHS,
    PRESETS,
    RANDOM,
    Preset,
    ways,
)
from experiments.selection.summary import corrected, verdicts
from generators.selection import lora, skills

TINY = Preset(
    28, ("4x4 Sudoku",), 3, 2, Size(16, 2, 12, 2), ways(FULL), ("diffusion",), 0.1, 4, 2, 2, 1, 4, draws=1, k=64,
    part=20, curve=(10, 2),
)  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(the run's folder, its card, the shards of the first part): one seed's main ways, then everything."""
    out = tmp_path_factory.mktemp("selection") / "run"
    with pytest.MonkeyPatch.context() as patch:
        hard = replace(skills.SKILLS["6x6 Sudoku, hard"], guesses=0, family="sudoku6")
        patch.setitem(skills.SKILLS, "6x6 Sudoku, hard", hard)
        patch.setitem(command.PRESETS, "quick", TINY)
        command.main(command.Selection(out=out, workers=1, seeds=1, main=True, json=True))
        first = {path: path.read_bytes() for path in (out / "shards").iterdir()}
        card = json.loads((out / "run.json").read_text())
        (study,) = card["summary"]["studies"]
        assert study["n"] == 3 and set(study["ways"]) == {"nothing", *(way.name for way in TINY.ways[:MAIN])}

        # One piece is lost meanwhile: it is made again as it was.
        next(iter(first)).unlink()
        command.main(command.Selection(out=out, workers=1))
        yield out, json.loads((out / "run.json").read_text()), first


def test_presets_have_ways_of_different_names():
    for preset in PRESETS.values():
        names = [way.name for way in preset.ways]
        assert len(set(names)) == len(names)
        main = {way.name for way in preset.ways[:MAIN]}
        assert {RANDOM, CHOICE, POOL, POOL_EPOCHS, ORACLE} <= main
    assert PRESETS["standard"].pool == 20_000 and PRESETS["standard"].chosen == 1000
    assert PRESETS["standard"].ranks == (LORA, FULL) and not any(PRESETS["quick"].ranks)


def test_a_run_is_widened_and_what_was_done_is_kept(finished):
    out, card, first = finished
    assert {path: path.read_bytes() for path in first} == first
    (study,) = card["summary"]["studies"]
    assert study["seeds"] == 2 and set(study["ways"]) == {"nothing", *(way.name for way in TINY.ways)}
    assert (out / "choices.png").exists() and (out / "choices.svg").exists()
    assert card["status"] == "complete" and len(card["networks"]) == 2


def test_what_was_chosen_is_told_truly(finished):
    _, card, _ = finished
    rows = card["summary"]["studies"][0]["ways"]
    assert rows[ORACLE]["of the skill"]["value"] == 1 and rows[ORACLE]["spoiled"]["value"] == 0
    assert rows[POOL]["of the skill"] is None
    assert rows[RANDOM]["of the skill"]["n"] == 2 * TINY.chosen
    for row in rows.values():
        assert 0 <= row["solved"]["value"] <= 1 and row["loss"]["value"] > 0

    # Choosing by gradients reads every item; the full pool at equal epochs is trained on ten times as long.
    assert rows[CHOICE]["choosing FLOPs"] > rows["highest loss"]["choosing FLOPs"] > 0 == rows[RANDOM]["choosing FLOPs"]
    assert rows["gradients: one checkpoint"]["choosing FLOPs"] < rows[CHOICE]["choosing FLOPs"]
    assert rows[POOL_EPOCHS]["training FLOPs"] > 5 * rows[POOL]["training FLOPs"] > 0


def test_masks_have_a_curve(finished):
    _, card, _ = finished
    points = [(one["masks"], one["draws"]) for one in card["summary"]["masks"]]
    assert points == [(masks, draws) for draws in (1, 2) for masks in ("shared masks", "own masks")]
    assert all(-1 <= one["rank correlation"]["value"] <= 1 for one in card["summary"]["masks"])


def test_a_run_becomes_a_page(finished):
    out, card, _ = finished
    kept = distil.distil(distil.read(out), "selection-tiny")
    page = pages.page(kept)
    assert "4x4 Sudoku, diffusion" in page and CHOICE in page and "masks an item" in page
    assert kept.content["n"] == 6 and card["summary"]["verdicts"][0] in page


def study(kind, *differences):
    """A study whose choice differs from each comparison so: (p, low, high)."""
    row = {}
    for figure, (p, low, high) in zip(("against random", "against the pool", "against the pool, epochs"), differences):
        row |= {figure: {"value": (low + high) / 2, "low": low, "high": high, "n": 9}, f"{figure}, p": p}
    return {"kind": kind, "target": "a skill", "ways": {CHOICE: row}}


def test_verdicts_follow_the_plan():
    """Holm over both: .02 passes where .03 is tested after it; an interval over 0, or a large p, is no telling."""
    better, worse, none = (0.02, 0.1, 0.2), (0.001, -0.3, -0.1), (0.6, -0.1, 0.2)
    studies = [study("one", better, better, worse), study("other", (0.03, 0.05, 0.1), none, better)]
    corrected(studies)
    words = [[one["ways"][CHOICE][f"{figure}, verdict"] for one in studies]
             for figure in ("against random", "against the pool", "against the pool, epochs")]  # fmt: skip
    assert words == [["better", "better"], ["better", "no telling"], ["worse", "better"]]
    said = verdicts(studies)
    assert ": holds here. Better in 2 of 2" in said[0]
    assert ": holds in part here. Better in 1 of 2" in said[1]
    assert ": does not hold here" in said[2] and "worse in 1 (a skill, one)" in said[2]
    strict = [study("one", (0.03, 0.1, 0.2)), study("other", (0.04, 0.1, 0.2))]
    corrected(strict)
    assert strict[0]["ways"][CHOICE]["against random, verdict"] == "no telling"


def test_bad_options_are_told_in_a_line(tmp_path, monkeypatch):
    with pytest.raises(BadInput, match="--seeds 4; quick has"):
        command.main(command.Selection(out=tmp_path, seeds=4))

    def missing():
        raise BadInput("adapters of low rank need peft: pip install 'takeback[selection]'")

    monkeypatch.setattr(command, "check_installed", missing)
    with pytest.raises(BadInput, match="takeback\\[selection\\]"):
        command.main(command.Selection("standard", out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_peft_missing_is_told_in_a_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    with pytest.raises(BadInput, match="pip install 'takeback\\[selection\\]'"):
        lora.check_installed()


def test_ranks_agree_as_spearman_says():
    from experiments.selection.measure import rank_correlation

    one = np.array([0.1, 0.5, 0.3, 0.9])
    assert rank_correlation(one, one**3) == pytest.approx(1) and rank_correlation(one, -one) == pytest.approx(-1)
    assert rank_correlation(one, np.array([0.5, 0.1, 0.3, 0.9])) == pytest.approx(1 - 6 * 8 / (4 * 15))
