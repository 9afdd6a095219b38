"""`takeback ablations`: small networks that differ in one choice; kept, resumed, and what they solve counted."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from csp.errors import BadInput
from experiments import ablations
from experiments.ablations import VARIANTS, Ablations, main
from experiments.cli.dispatch import guarded
from generators.decoding.spec import parse
from generators.training import trainer


def run(capsys, **options):
    """(exit code, standard output, standard error) of the command, in this process."""
    code = guarded(lambda: main(Ablations(**options)))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_networks_are_kept_and_figures_follow(capsys, tmp_path, monkeypatch):
    options = {
        "updates": 2,
        "dim": 16,
        "puzzles": 40,
        "count": 3,
        "seeds": 2,
        "variants": ("diffusion", "loops=6", "high-masks"),
        "workers": 1,
    }
    real, asked = trainer.TrainConfig, []
    monkeypatch.setattr(ablations, "HELD_OUT", 8)
    monkeypatch.setattr(
        ablations, "TrainConfig", lambda *a, **b: asked.append(real(*a, heads=2, batch=8, **b)) or asked[-1]
    )
    code, out, err = run(capsys, **options, out=tmp_path)
    assert code == 0, err
    assert len(list(tmp_path.glob("*.safetensors"))) == 4  # loops=6 is the plain net, decoded otherwise
    made = json.loads((tmp_path / "run.json").read_text())["variants"]
    assert list(made) == ["diffusion", "loops=6", "high-masks"]
    assert [r["sha256"] for r in made["diffusion"]] == [r["sha256"] for r in made["loops=6"]]
    assert len({r["sha256"] for results in made.values() for r in results}) == 4
    assert all(len(r["solved"][s]) == 3 for results in made.values() for r in results for s in ("0", "4-10"))

    def refuse(*_):
        raise BadInput("trained again")

    monkeypatch.setattr(trainer, "train", refuse)
    assert run(capsys, **options, out=tmp_path)[1] == out
    code, _, err = run(capsys, **{**options, "updates": 3}, out=tmp_path)
    assert code == 2 and "trained again" in err  # other options are other networks


def test_each_variant_changes_what_it_says():
    plain = trainer.TrainConfig("diffusion", "sudoku6", 10)
    for name, variant in VARIANTS.items():
        parse(variant.decoder)
        changed = {k for k, v in asdict(variant.change(plain)).items() if v != asdict(plain)[k]}
        assert variant.only in ("", "sudoku", "colouring")
        same_recipe = variant.of or name in ("diffusion", "ar", "ar-random", "ar-solver")
        assert len(changed) == (0 if same_recipe else 1), name
        assert variant.of in (*VARIANTS, "") and not (variant.of and changed)


def test_the_table_counts_all_seeds_together(capsys):
    results = [{"seed": s, "validation": 0.1, "solved": {"0": [True, s > 0]}} for s in range(3)]
    assert ablations.validation(results) == (pytest.approx(0.1), 0.1, 0.1, 3)
    ablations.show_table(Ablations(stratum=("0",), seeds=3), {"ar": results})
    share = np.mean([right for r in results for right in r["solved"]["0"]])
    shown = capsys.readouterr().out
    assert f" {100 * share:.1f} " in shown and "(50, 100, 100)" in shown


def test_gains_are_against_the_plain_recipe_of_the_kind_puzzle_by_puzzle():
    def results(*solved):
        return [{"solved": {"0": list(right[:2]), "4-10": list(right[2:])}} for right in solved]

    made = {
        "diffusion": results((1, 0, 0, 0), (1, 1, 0, 0)),
        "average": results((1, 1, 1, 0), (1, 1, 1, 0)),
        "ar": results((1, 1, 1, 1), (1, 1, 1, 1)),
        "ar-solver": results((1, 1, 1, 0), (1, 1, 1, 0)),
    }
    assert ablations.gain(made, "diffusion").value is None and ablations.gain(made, "ar").value is None
    assert ablations.gain(made, "average").value == pytest.approx(3 / 8)
    same = ablations.gain(made, "ar-solver")
    assert same.value == pytest.approx(-1 / 4) and same.low < -1 / 4 < same.high <= 0 and same.n == 8
    assert ablations.gain({"average": made["average"]}, "average").value is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"variants": ("magic",)}, "no variant 'magic' for sudoku6; there are diffusion,"),
        ({"variants": ("edges",)}, "no variant 'edges' for sudoku6"),
        ({"variants": ("hard",), "family": "colouring"}, "no variant 'hard' for colouring"),
        ({"family": "colouring"}, "no set 'colouring' is shipped"),
        ({"seeds": 0}, "--seeds 0: at least 1"),
        ({"stratum": ("9",)}, "has no stratum '9'"),
    ],
)
def test_bad_input_is_one_line(capsys, tmp_path, options, words):
    code, _, err = run(capsys, **options, out=tmp_path)
    assert code == 2 and words in err and "\n" not in err.strip()
