"""Runs as Markdown tables, runs that are kept, and documents that are filled from them."""

import json
import re
import shutil
from pathlib import Path

import pytest

from csp.errors import BadInput
from experiments import evaluate, frontier
from experiments.ceiling import command as ceiling
from experiments.cli.dispatch import guarded
from experiments.markdown import command, fill, kept, pages
from experiments.markdown.command import Markdown

ROOT = Path(__file__).parents[2]
FREE = ("free-depth", "uniform:veto=legal,temperature=1,retraction=remask,signal=random,calls=20")
RUNS = ("ceiling", "frontier", "evaluate")
TEMPLATES = [name for name in fill.DOCUMENTS if (ROOT / fill.TEMPLATES / name).exists()]


def cells(text, name):
    """The cells of the first row that begins with that name."""
    row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [part.strip() for part in row.strip("|").split("|")]


@pytest.mark.parametrize(
    ("low", "high", "said"), [(0.1, 0.3, "[10, 30]"), (-0.5, 0.03, "[-50, 3]"), (-0.5, -0.03, "[-50, -3]")]
)
def test_both_ends_of_an_interval_are_kept_whatever_their_sign(low, high, said):
    record = {"value": (low + high) / 2, "low": low, "high": high, "n": 9}
    assert pages.figure(record, True).endswith(said)
    assert fill.FORMS["interval"](record, True) == said
    assert fill.FORMS["points"](record, True).endswith(f" points {said}")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    same = {"family": "sudoku6", "count": 6, "decoders": FREE}
    ceiling.main(ceiling.Ceiling(**{**same, "decoders": ("dsatur", "depth-first")}, out=folder / "ceiling"))
    frontier.main(frontier.Frontier(**same, stratum=("4-10",), calls=20, out=folder / "frontier"))
    evaluate.main(evaluate.Evaluate(**same, stratum=("0", "4-10"), calls=20, out=folder / "evaluate"))
    return folder


def test_figures_are_those_of_the_run(runs, capsys):
    command.main(Markdown(tuple(runs / name for name in RUNS)))
    text = capsys.readouterr().out
    cards = {name: json.loads((runs / name / "run.json").read_text()) for name in RUNS}
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


@pytest.mark.parametrize("name", RUNS)
def test_a_kept_run_says_what_its_folder_says(runs, tmp_path, name, capsys):
    folder, line = runs / name, f"takeback {name} --family sudoku6 --count 6"
    command.main(Markdown((folder,), keep=f"{name}-sudoku6", line=line, question="Who solves these?", root=tmp_path))
    card, content = json.loads((folder / "run.json").read_text()), kept.load(tmp_path, f"{name}-sudoku6").content
    count = len(card["identity"]["puzzles"])
    assert content["n"] == count == sum(content["strata"].values()) and content["line"] == line
    assert content["version"] == card["identity"]["takeback"] and content["versions"] == card["versions"]
    assert card["instances"][0]["id"] not in json.dumps(content)
    solved = {
        "ceiling": lambda: card["summary"][0]["solved"],
        "frontier": lambda: card["summary"]["4-10"][0]["by calls"]["20"],
        "evaluate": lambda: card["summary"]["all"]["free-depth"]["solved"],
    }[name]()
    row = content["tables"][0]["rows"][0]
    assert row["figures"]["20" if name == "frontier" else "solved"] == solved
    page = (tmp_path / pages.PAGES / f"{name}-sudoku6.md").read_text()
    capsys.readouterr()
    command.main(Markdown((folder,)))
    for part in capsys.readouterr().out.strip().split("\n\n"):
        assert part in page
    assert line in page and "Who solves these?" in page and "95 %" in page and "Recovered" not in page
    assert f"{count} puzzles" in page and f"takeback {content['version']}" in page and "eed 0" in page
    assert command.documents(tmp_path)[pages.PAGES / f"{name}-sudoku6.md"] == page


def test_what_is_no_run_is_named(tmp_path, capsys):
    for content in ("{", "[]", '{"identity": {"command": "other"}}', '{"identity": {"command": "ceiling"}}'):
        (tmp_path / "run.json").write_text(content)
        assert guarded(lambda: command.main(Markdown((tmp_path,)))) == 2
        assert "run.json: not a finished run of ceiling" in capsys.readouterr().err


def test_bad_use_is_one_line(runs, tmp_path):
    run = runs / "ceiling"
    for options, said in (
        ({"folders": (run,), "keep": "../x"}, "no name for a kept run"),
        ({"folders": (run, run), "keep": "x"}, "one folder"),
        ({"folders": (run,), "line": "takeback"}, "go with --keep"),
        ({}, "no such folder"),
    ):
        with pytest.raises(BadInput, match=said):
            command.main(Markdown(**options, root=tmp_path))
    assert not list(tmp_path.iterdir())
    path = kept.path_of(tmp_path, "broken")
    path.parent.mkdir(parents=True)
    for content in ("{", "[]", "{}", '{"tables": 3}'):
        path.write_text(content)
        with pytest.raises(BadInput, match=r"broken\.json: not a kept run"):
            command.main(Markdown(root=tmp_path))


@pytest.fixture
def filled(tmp_path):
    """A function that fills one line of a template from this repository's kept runs and two made-up tables."""
    shutil.copytree(ROOT / kept.RESULTS, tmp_path / kept.RESULTS)
    (tmp_path / fill.TEMPLATES).mkdir(parents=True)
    columns = [{"key": "solved", "head": "solved %", "form": "share"}, {"key": "lag", "head": "lag", "form": "number"}]
    share = {"value": 0.385, "low": 0.2901, "high": 0.479, "n": 200, "each": [0.3, 0.47]}
    lag = {"value": 1.95, "low": 1.81, "high": 2.2, "n": 2}
    nothing = {"value": None, "low": None, "high": None, "n": 0}
    figures = {"solved": share, "lag": lag, "debt": nothing, "needs": "3/2/1", "recovery": share}
    row = {"name": "ar", "figures": figures}
    table = {"title": "", "n": 200, "head": "", "columns": columns, "rows": [row], "notes": ["- First.", "- Second."]}
    content = {fact: None for fact in kept.FACTS} | {"n": 400, "line": "takeback a\ntakeback b", "notes": []}
    two = {**content, "tables": [{**table, "name": "0"}, {**table, "name": ">100"}]}
    kept.save(tmp_path, kept.Kept("two", two))
    kept.save(tmp_path, kept.Kept("one", {**content, "tables": [{**table, "name": "all"}]}))

    def of(line):
        (tmp_path / fill.TEMPLATES / "RESULTS.md").write_text(f"# Title\n{line}\n")
        return fill.fill(tmp_path, "RESULTS.md").removeprefix("# Title\n").removesuffix("\n")

    return of


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("one|ar|solved", "38.5 % [29, 48]"),
        ("one / all | ar | solved %", "38.5 % [29, 48]"),
        ("two/>100|ar|solved|value", "38.5"),
        ("one|ar|solved|percent", "38.5 %"),
        ("one|ar|solved|cell", "38.5 [29, 48] (30, 47)"),
        ("one|ar|solved|interval", "[29, 48]"),
        ("one|ar|solved|low", "29"),
        ("one|ar|solved|n", "200"),
        ("one|ar|solved|hits", "77"),
        ("one|ar|solved|of", "77 of 200"),
        ("one|ar|solved|each", "30, 47"),
        ("one|ar|solved|points", "+38.5 points [29, 48]"),
        ("one|ar|lag", "1.95 [1.8, 2.2]"),
        ("one|ar|lag|high", "2.2"),
        ("one|ar|needs", "3/2/1"),
        ("one|ar|recovery", "38.5 % [29, 48]"),
        ("one|n", "400"),
        ("two/0|n", "200"),
        ("one|note|2", "Second."),
    ],
)
def test_a_placeholder_stands_for_its_figure(filled, place, said):
    assert filled("a {{" + place + "}} b") == f"a {said} b"


def test_what_takes_several_lines_stays_in_its_place(filled):
    assert filled("    {{one|line}}") == "    takeback a\n    takeback b"
    assert filled("{{one}}").splitlines()[2] == "| ar | 38.5 [29, 48] (30, 47) | 1.95 [1.8, 2.2] |"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("three|ar|solved", "no kept run 'three'"),
        ("two|ar|solved", "has several tables; write two/TABLE, with TABLE one of 0, >100"),
        ("two/1|ar|solved", "has no table '1'"),
        ("one|diffusion|solved", "no row 'diffusion'; there are ar"),
        ("one|ar|sloved", "no figure 'sloved'; it has solved, lag"),
        ("one|ar|debt", "'debt' was not measured"),
        ("one|ar|solved|best", "no form 'best'"),
        ("one|ar|lag|hits", "'lag' has no 'hits'"),
        ("one|ar|needs|n", "'needs' is a text"),
        ("one|seed", "one says no 'seed'"),
        ("one|note|3", "2 notes, no '3'"),
        ("one|ar|solved|n|n", "at most NAME"),
        ("", "no name for a kept run"),
    ],
)
def test_a_placeholder_that_stands_for_nothing_is_named(filled, place, said):
    with pytest.raises(BadInput) as fault:
        filled("a {{" + place + "}} b")
    assert said in str(fault.value) and "line 2: " in str(fault.value) and "\n" not in str(fault.value)


MADE = command.documents(ROOT)


@pytest.mark.parametrize("path", MADE, ids=str)
def test_every_document_is_what_takeback_markdown_writes(path):
    assert (ROOT / path).read_text() == MADE[path], f"{path} is not what `takeback markdown` writes"


def test_every_kept_run_has_a_page_and_every_template_a_document():
    pages_made = {pages.PAGES / f"{path.stem}.md" for path in (ROOT / kept.RESULTS).glob("*.json")}
    assert TEMPLATES and set(MADE) == pages_made | {pages.PAGES / "README.md"} | {Path(name) for name in TEMPLATES}
    listed = (ROOT / pages.PAGES / "README.md").read_text()
    assert all(f"({path.name})" in listed for path in pages_made)


def test_documents_are_written_where_there_is_a_template_and_old_pages_go(tmp_path):
    shutil.copytree(ROOT / kept.RESULTS, tmp_path / kept.RESULTS)
    (tmp_path / fill.TEMPLATES).mkdir(parents=True)
    (tmp_path / fill.TEMPLATES / "README.md").write_text("{{ceiling-sudoku6|ar|solved}}\n")
    (tmp_path / "RESULTS.md").write_text("as it was")
    (tmp_path / pages.PAGES).mkdir(parents=True)
    (tmp_path / pages.PAGES / "gone.md").write_text(f"of a run that is not kept. {pages.MADE} from nothing.")
    (tmp_path / pages.PAGES / "plan.md").write_text("what a person wrote")
    command.main(Markdown(root=tmp_path))
    assert (tmp_path / "README.md").read_text() == "9 % [6, 14]\n"
    assert (tmp_path / "RESULTS.md").read_text() == "as it was"
    names = {path.stem for path in (tmp_path / pages.PAGES).iterdir()}
    assert names == {path.stem for path in (ROOT / kept.RESULTS).glob("*.json")} | {"README", "plan"}


def test_no_page_stands_for_a_run_that_is_not_kept():
    assert command.stale(ROOT, MADE) == []
    assert sum(path.stat().st_size for path in (ROOT / kept.RESULTS).iterdir()) < 10_000_000


@pytest.mark.parametrize("path", sorted((ROOT / kept.RESULTS).glob("*.json")), ids=lambda path: path.stem)
def test_figures_that_are_kept_can_be(path):
    """Shares are from -1 to 1, intervals hold their figures as far as they are printed, and shares of n are whole."""
    for table in kept.load(ROOT, path.stem).content["tables"]:
        shares = {column["key"] for column in table["columns"] if column["form"].endswith("share")}
        for row in table["rows"]:
            for key, record in row["figures"].items():
                if isinstance(record, str) or record["value"] is None:
                    continue
                assert key not in shares or abs(record["value"]) <= 1
                if record["low"] is not None:
                    slack = 0.01 if key in shares else 0.06 * max(1e-3, abs(record["value"]))
                    assert record["low"] - slack <= record["value"] <= record["high"] + slack, (row["name"], key)


#: What is taken out before looking for figures: code, placeholders, links' targets, arXiv numbers, "95 % interval".
SPARED = re.compile(
    r"^(?:    |\t).*$|```.*?```|`[^`\n]*`|\{\{[^{}\n]*\}\}|\]\([^)\n]*\)|https?://\S+|"
    r"arXiv [\w-]+[./][\d.]+|95 % (?:Wilson |bootstrap )?intervals?|Apache-2\.0|Python 3\.\d+",
    re.MULTILINE | re.DOTALL,
)
FIGURE = re.compile(r"\d\s?%|\[-?[\d.,]+, ?-?[\d.,]+\]|\d\.\d")


def bare_figures(text):
    """The lines of a template that hold a figure which is typed."""
    spared = SPARED.sub(lambda part: re.sub(r"[^\n]", " ", part[0]), text)
    # a Markdown table may be indented, and a list's second line is: neither is code unless four spaces open the line
    return [line for line in spared.splitlines() if FIGURE.search(line)]


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_figure_in_a_template_is_typed(name):
    assert bare_figures((ROOT / fill.TEMPLATES / name).read_text()) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It solves 9 % of them.", True),
        ("It solves 90.5% of them.", True),
        ("| ar | 100 [98, 100] |", True),
        ("in 1.95 calls", True),
        ("changed by [-3, 4] points", True),
        ("It solves {{a|b|c}} of 6x6 and 9x9 boards, n = 100, by 2,000 calls (2022).", False),
        ("`veto=legal,temperature=0.5`, [RESULTS](docs/0.1.md), arXiv 2502.06768, and 95 % intervals", False),
        ("    takeback frontier --lowest 0.5\n", False),
        ("```\n9 % [6, 14]\n```", False),
    ],
)
def test_typed_figures_are_found(text, found):
    assert bool(bare_figures(text)) is found
