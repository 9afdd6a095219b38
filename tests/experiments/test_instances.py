"""`takeback instances`: what the commands write, say and refuse."""

import errno
import json
import os

import numpy as np
import pyarrow.parquet
import pytest

from csp import generate
from csp.errors import BadInput
from csp.io import shipped_sets
from csp.io.instance_records import read_jsonl, read_parquet, write_jsonl, write_parquet
from csp.problem import STRATA
from experiments.cli.dispatch import guarded
from experiments.instances import borrow, convert, grade, sweep
from experiments.instances import make as making
from experiments.puzzle_files import certify, formats, reasoning_gym
from solvers.oracles.pick import settle


def make(tmp_path, name, **options):
    """Run make; the instances it wrote."""
    out = tmp_path / options.pop("out", "x.jsonl")
    making.make(making.Make(name, out, **options))
    return formats.read(out)


def test_make_gives_the_first_draws_of_each_stratum(tmp_path):
    made = make(tmp_path, "sudoku9", stratum=("11-100", "0"), count=2, workers=1)
    drawn = [generate.draw("sudoku9", 0, "test", index) for index in range(60)]
    for stratum, part in (("0", made[:2]), ("11-100", made[2:])):
        expected = [i.id for i in drawn if i.difficulty.stratum == stratum][:2]
        assert [i.id for i in part] == expected and {i.difficulty.stratum for i in part} == {stratum}
    assert all(i.difficulty.conflicts is not None for i in made)


def test_workers_change_no_byte(tmp_path):
    for workers in (1, 2):
        make(tmp_path, "sudoku6", count=20, workers=workers, out=f"{workers}.parquet")
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()


def test_a_stratum_out_of_reach_is_said_and_the_rest_is_written(tmp_path):
    with pytest.raises(BadInput, match=r"only 0 in stratum 11-100 among 30 draws, not 3; they are written"):
        make(tmp_path, "sudoku6", stratum=("0", "11-100"), count=3, patience=30, workers=1)
    assert len(read_jsonl((tmp_path / "x.jsonl").read_text())) == 3
    with pytest.raises(BadInput, match="nothing written"):
        make(tmp_path, "sudoku6", stratum=("11-100",), count=3, patience=10, workers=1, out="y.jsonl")
    assert not (tmp_path / "y.jsonl").exists()


def test_an_interruption_loses_nothing_that_was_found(tmp_path, monkeypatch):
    drawn = [generate.draw("sudoku4", 0, "test", index) for index in range(3)]

    def stream(name, options):
        yield from drawn
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "_stream", stream)
    with pytest.raises(KeyboardInterrupt) as stopped:
        make(tmp_path, "sudoku4", count=50, workers=1)
    assert stopped.value.__notes__ == ["sudoku4: only 3 in stratum any among 3 draws, not 50; they are written"]
    kept = {i.id for i in read_jsonl((tmp_path / "x.jsonl").read_text())}
    assert kept == {i.id for i in drawn}


def test_a_family_of_one_graph_ends(tmp_path):
    with pytest.raises(BadInput, match="only 1 in stratum any"):
        make(tmp_path, "queen:rows=3,columns=3,colours=9,given=0", count=2, split="any", workers=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stratum": ("5",)}, "no stratum '5'"),
        ({"count": 0}, "--count"),
        ({"format": "pdf"}, "no format 'pdf'"),
        ({"split": "exam"}, "no split 'exam'"),
    ],
)
def test_bad_options_of_make(tmp_path, options, words):
    with pytest.raises(BadInput, match=words):
        make(tmp_path, "sudoku4", workers=1, **options)


def test_grade_counts_and_writes(tmp_path, capsys):
    source = tmp_path / "p.txt"
    source.write_text("1..............2\n" + "." * 16 + "\n")
    out = tmp_path / "g.jsonl"
    grade.grade(grade.Grade(source, out=out, workers=1))
    graded = read_jsonl(out.read_text())
    assert graded[1].difficulty.solutions == 288 and graded[1].difficulty.limit == 1000
    shown = capsys.readouterr().out
    assert "288" in shown and "2 puzzles of p.txt" in shown
    impossible = "12..34.." + "." * 8  # nothing is left for the last cells of row 1
    source.write_text("12....3...4....." + "\n" + impossible)
    grade.grade(grade.Grade(source, out=out, workers=1, cp_sat=False))
    for instance in read_jsonl(out.read_text()):
        assert (instance.witness is None) == (instance.difficulty.solutions == 0)
        assert instance.difficulty.conflicts is None
    shown = capsys.readouterr().out
    assert "1 has no solution (row none): nothing can solve them." in shown.replace("\n", " ")
    rows = [line.split()[:2] for line in shown.splitlines() if line.startswith(("0 ", "none "))]
    assert rows[0] == ["none", "1"]


def test_a_heading_names_the_board_below_it(tmp_path, capsys):
    source = tmp_path / "p.txt"
    source.write_text("P1\n1...\n....\n....\n...2\n\nBen's\n12..\n..3.\n....\n....\n12..\n..34\n....\n....\n")
    out = tmp_path / "g.jsonl"
    grade.grade(grade.Grade(source, out=out, workers=1))
    names = [instance.provenance.partition(", ")[2] for instance in read_jsonl(out.read_text())]
    assert names == ["line 2, P1", "line 8, Ben's", "line 12"]
    source.write_text(
        "1...\n....\n....\n...2\nDifficulty: hard\n\n12..\n..3.\n....\n....\n\nAnna\n1...\n\n..34\n12..\n....\n....\n"
    )
    grade.grade(grade.Grade(source, out=out, workers=1))
    assert all("," not in one.provenance.partition(", line")[2] for one in read_jsonl(out.read_text()))


def test_convert_through_every_format_of_many(tmp_path):
    made = make(tmp_path, "sudoku6", count=3, workers=1)
    for suffix in (".txt", ".grid", ".parquet", ".jsonl"):
        convert.convert(convert.Convert(tmp_path / "x.jsonl", tmp_path / f"y{suffix}"))
        assert [i.id for i in formats.read(tmp_path / f"y{suffix}")] == [i.id for i in made]
    convert.convert(convert.Convert(tmp_path / "x.jsonl", tmp_path / "many.cnf"))
    assert {formats.read(path)[0].id for path in (tmp_path / "many").glob("*.cnf")} == {i.id for i in made}


def test_errors_reach_the_user_in_one_line(tmp_path, capsys):
    missing = convert.Convert(tmp_path / "none.txt", tmp_path / "x.grid")
    assert guarded(lambda: convert.convert(missing)) == 2
    assert capsys.readouterr().err.count("\n") == 1


# Shipped sets


@pytest.fixture(scope="module")
def shipped():
    """All that is shipped, by set and stratum."""
    return {(name, s): shipped_sets.load(name, s) for name, strata in shipped_sets.sets().items() for s in strata}


def test_every_shipped_set_is_what_it_says(shipped):
    there = shipped_sets.sets()
    assert set(there) == {"sudoku6", "sudoku9", "colouring3-30", "colouring3-50", "colouring3-100"}
    assert sum(path.stat().st_size for path in shipped_sets.FOLDER.rglob("*.parquet")) < 3_000_000
    for name, strata in there.items():
        out_of_reach = {">100"} if name == "sudoku6" else set()
        assert set(strata) >= set(STRATA) - out_of_reach
        for stratum in strata:
            loaded = shipped[name, stratum]
            assert [i.id for i in shipped_sets.load(name, stratum, 2)] == [i.id for i in loaded[:2]]
            assert len({i.id for i in loaded}) == len(loaded) == 500, (name, stratum)
            assert {i.difficulty.stratum for i in loaded} == {stratum}
            for instance in loaded[:: 100 if name != "sudoku9" else 50]:
                again = generate.certified(instance, settle)
                assert again.difficulty.guesses == instance.difficulty.guesses
                assert again.difficulty.solutions == instance.difficulty.solutions
                assert generate.split_of(generate.orbit_key(instance)) == "test"


def test_shipped_bytes_are_regenerated(shipped):
    """The first instances of each set, drawn again by what their provenance says; and Parquet written again."""
    for (name, stratum), loaded in shipped.items():
        path = shipped_sets.path_of(name, stratum)
        for instance in loaded[:2]:
            family, _, seed, split, index = instance.provenance.rsplit(" ", 4)
            again = certify.with_effort(generate.draw(family, int(seed), split, int(index), settle))
            assert (again.id, again.difficulty) == (instance.id, instance.difficulty)
        about = {k.decode(): v.decode() for k, v in pyarrow.parquet.read_schema(path).metadata.items()}
        assert write_parquet(loaded, {k: v for k, v in about.items() if k != "ARROW:schema"}) == path.read_bytes()


def test_unknown_sets_are_refused():
    with pytest.raises(BadInput, match="no set 'sudoku25' is shipped; there are colouring3-100"):
        shipped_sets.load("sudoku25", "0")
    with pytest.raises(BadInput, match="has no stratum '>100'"):
        shipped_sets.load("sudoku6", ">100")


# Sweep


def test_a_sweep_crosses_the_threshold(tmp_path, capsys):
    sweep.main(sweep.Sweep("gnp:n=24", (2.0, 8.0, 3.0), 12, out=tmp_path, workers=1))
    rows = read_parquet((tmp_path / "sweep.parquet").read_bytes())
    solvable = [np.mean([i.difficulty.solutions != 0 for i in rows[at : at + 12]]) for at in (0, 12, 24)]
    assert solvable[0] > 0.9 and solvable[2] < 0.1 and len(rows) == 36
    assert "mean guesses" in capsys.readouterr().out and (tmp_path / "sweep.png").stat().st_size > 10_000


def test_sweeps_of_nothing_are_refused(tmp_path):
    for options in ({"degree": (3.0, 2.0, 1.0)}, {"count": 0}, {"family": "queen"}):
        with pytest.raises(BadInput):
            sweep.main(sweep.Sweep(**{"out": tmp_path, **options}))


# reasoning-gym


@pytest.mark.parametrize("dataset", reasoning_gym.DATASETS)
def test_reasoning_gyms_puzzles_and_scores(dataset):
    import reasoning_gym as theirs

    data = theirs.create_dataset(dataset, seed=3, size=4)
    for index, instance in enumerate(reasoning_gym.draw(dataset, 3, 4)):
        item = data[index]
        right = item["answer"] or json.dumps({str(k): v for k, v in item["metadata"]["possible_answer"].items()})
        assert reasoning_gym.score_answer(right, item) == data.score_answer(right, item) == 1.0
        solved = generate.certified(instance, settle)
        ours = reasoning_gym.entry(solved)
        assert reasoning_gym.score_answer(ours["answer"], ours) == 1.0
        assert reasoning_gym.score_answer(ours["answer"], item) == 1.0
        ones = {str(node): 1 for node in range(instance.problem.n)}
        wrong = json.dumps(ones) if dataset == "graph_color" else ours["answer"].replace("2", "1")
        if instance.solved(np.ones(instance.problem.n, dtype=np.int64)):  # a graph without edges
            continue
        assert reasoning_gym.score_answer(wrong, item) == 0.01 and data.score_answer(wrong, item) < 1.0
        for nothing in (None, "", "I do not know", "{}", "[1, 2]"):
            assert reasoning_gym.score_answer(nothing, item) == 0.0


def test_entries_hold_the_instance_and_ask_for_it(few):
    for instance in (*few["sudoku6"][:2], *few["colouring"][:2], generate.draw("latin:side=4", 0, "any", 0)):
        item = json.loads(json.dumps(reasoning_gym.entry(instance)))
        assert reasoning_gym.instance_of(item).id == instance.id
        assert reasoning_gym.score_answer(item["answer"], item) == 1.0
    with pytest.raises(BadInput, match="neither a grid nor a graph"):
        reasoning_gym.instance_of({"metadata": {}})


def test_from_reasoning_gym_writes_certified_puzzles(tmp_path):
    out = tmp_path / "x.jsonl"
    borrow.fetch(borrow.From("reasoning-gym", "mini_sudoku", out, count=3))
    assert [i.difficulty.solutions for i in read_jsonl(out.read_text())] == [1, 1, 1]


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("already", [0, 1, 2])
def test_a_disk_that_gets_full_leaves_none_of_several_files(capsys, tmp_path, monkeypatch, already):
    source = tmp_path / "three.jsonl"
    source.write_text(write_jsonl([generate.draw("sudoku4", 0, "any", index) for index in range(3)]))
    rename, renamed = os.replace, []

    def full(*files):
        if len(renamed) == already:
            raise FULL
        renamed.append(rename(*files))

    monkeypatch.setattr(os, "replace", full)
    assert guarded(lambda: convert.convert(convert.Convert(source, tmp_path / "x.cnf"))) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.endswith("No space left on device\n")
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == [source]


def test_a_place_that_cannot_be_written_is_said_before_any_work(capsys, tmp_path, monkeypatch):
    source = tmp_path / "one.jsonl"
    source.write_text(write_jsonl([generate.draw("sudoku4", 0, "any", 0)]))
    (tmp_path / "folder.jsonl").mkdir()

    def refused(job, words):
        assert guarded(job) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and "cannot write" in said and words in said

    jobs = {
        "make": lambda out: making.make(making.Make("sudoku4", out)),
        "grade": lambda out: grade.grade(grade.Grade(source, out=out)),
        "sweep": lambda out: sweep.main(sweep.Sweep("gnp:n=20", (2.0, 3.0, 1.0), count=2, out=out)),
        "from": lambda out: borrow.fetch(borrow.From("reasoning-gym", "mini_sudoku", out)),
    }
    for module in (making, grade, sweep):
        monkeypatch.setattr(module, "in_order", None)  # never reached
    monkeypatch.setattr(making, "_draw", None)
    monkeypatch.setattr(reasoning_gym, "draw", None)
    for job in jobs.values():
        refused(lambda job=job: job(source / "x.jsonl"), "one.jsonl")
    for name in ("make", "grade"):
        refused(lambda name=name: jobs[name](tmp_path / "folder.jsonl"), "Is a directory")

    def read_only(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", read_only)
    for name, job in jobs.items():
        refused(lambda name=name, job=job: job(tmp_path / f"{name}.jsonl"), "Read-only file system")
