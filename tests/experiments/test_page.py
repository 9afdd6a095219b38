"""`takeback report` and `takeback site`: what the pages are given is true, and in a real browser they play it."""

import base64
import gzip
import json
import os
import re
import shutil
import time
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
import torch

from csp.errors import BadInput
from csp.families import sudoku
from csp.generate import draw
from csp.io import shipped_sets
from csp.trace import Costs, Event, Trace, replay
from experiments.ceiling.command import Ceiling
from experiments.ceiling.command import main as ceiling
from experiments.page import build, live, payload, story
from experiments.report import Report
from experiments.report import main as report
from experiments.score import ScoreCommand
from experiments.score import main as score
from experiments.site import YOURS, Site
from experiments.site import main as site
from generators import checkpoint
from generators.decoding.loop import decode
from generators.decoding.spec import parse
from solvers.oracles.cp_sat import CpSat
from solvers.oracles.pick import pick

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
#: Where pages must be tried, CI says so; elsewhere a machine without Debian's chromium passes without them.
browser_is_there = pytest.mark.skipif(
    CHROMIUM is None and "TAKEBACK_BROWSER" not in os.environ, reason="no chromium on this machine"
)


def unpacked(html):
    text = re.search(r'<script type="text/plain" id="payload">([^<]*)</script>', html)[1]
    return json.loads(gzip.decompress(base64.b64decode(text)))


def values_after(puzzle, record, count):
    state = np.array(puzzle["givens"])
    for _, cell, value in np.reshape(record["events"], (-1, 3))[:count]:
        state[cell] = value
    return state


def turns(record, count):
    """Whether the record says that the board is alive after so many events."""
    return sum(event < count for event in record["alive"]) % 2 == 0


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on Sudokus that has boards lost, taken back and solved."""
    folder = tmp_path_factory.mktemp("page") / "run"
    rows = ("ar", "ar-best-first", "no-net-raster", "diffusion-raster")
    ceiling(Ceiling(count=12, decoders=rows, out=folder, workers=1))
    return folder


def test_what_a_page_says_of_each_state_is_what_cp_sat_says(run):
    data = payload.read(run)
    assert len(data["traces"]) == 48 and {trace["end"] for trace in data["traces"]} >= {"solved", "wrong"}
    for record in data["traces"][::5]:
        puzzle = data["puzzles"][record["puzzle"]]
        instance = sudoku.parse("".join(map(str, puzzle["givens"])))
        oracle = CpSat(instance)
        events = len(record["events"]) // 3
        for count in {0, 1, events // 2, events, *(event + 1 for event in record["dead"][:3])}:
            state = values_after(puzzle, record, count)
            assert turns(record, count) == bool(oracle.alive(state[None])[0])
        if record["dead"]:
            first = record["dead"][0]
            before, after = (values_after(puzzle, record, first + step) for step in (0, 1))
            assert oracle.alive(before[None])[0] and not oracle.alive(after[None])[0]
            core = np.where(np.isin(np.arange(36), record["core"]), after, puzzle["givens"])
            assert not oracle.alive(core[None])[0] and all(after[cell] for cell in record["core"])
        if record["debt"]:
            assert record["debt"] == oracle.debt(values_after(puzzle, record, events))


def test_figures_and_shape_are_the_runs(run):
    data = payload.read(run)
    summary = json.loads((run / "run.json").read_text())["summary"]
    for row, kept in zip(data["figures"], summary, strict=True):
        assert row["name"] == kept["decoder"] and row["figures"]["solved"] == kept["solved"]
    shape = data["puzzles"][0]["shape"]
    regions = np.reshape(shape["regions"], (6, 6))
    assert shape["side"] == 6 and (regions[:2, :3] == regions[0, 0]).all() and len(np.unique(regions)) == 6


def test_boards_that_are_no_grid_are_graphs_and_odd_grids_keep_their_lines():
    graph = draw("colouring", 0, "test", 0)
    assert "shape" not in payload.puzzle_record(graph) and len(payload.puzzle_record(graph)["edges"]) > 10
    latin = payload.puzzle_record(draw("latin:side=5", 0, "test", 0))
    assert latin["shape"] == {"side": 5, "regions": [-1] * 25}


def test_a_trace_of_nothing_and_one_that_is_taken_back():
    instance = draw("sudoku4", 0, "test", 0)
    oracle, free = pick(instance), int(np.flatnonzero(np.array(instance.givens) == 0)[0])
    empty = Trace(instance.id, "x", 0, (), "stuck", Costs(1))
    assert payload.trace_record(empty, instance, oracle, 0, 0)["alive"] == []
    wrong = instance.witness[free] % 4 + 1
    events = (Event(1, free, wrong), Event(1, free, 0), Event(2, free, instance.witness[free]))
    record = payload.trace_record(Trace(instance.id, "x", 0, events, "stuck", Costs(2)), instance, oracle, 0, 0)
    assert record["alive"] == [0, 1] and record["dead"] == [0] and record["core"] == [free]


def test_a_page_holds_its_data_and_may_load_nothing(run, tmp_path):
    report(Report(run, out=tmp_path / "page.html"))
    html = (tmp_path / "page.html").read_text()
    assert unpacked(html) == json.loads(json.dumps(payload.read(run)))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    assert "default-src 'none'" in policy and policy.count("sha256-") == 1 and "script-src 'unsafe" not in policy
    assert not re.search(r'(src|href)="(https?:)?//', html)


def test_text_of_users_cannot_become_markup(run, tmp_path):
    evil = {"title": "</script><img src=x onerror=alert(1)>"}
    html = build.page("report", evil)
    assert evil["title"] not in html and unpacked(html) == evil


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda folder: (folder / "run.json").write_text("{}"), "not a run of takeback"),
        (lambda folder: (folder / "instances.parquet").unlink(), "before runs kept their puzzles"),
        (lambda folder: (folder / "traces.jsonl").unlink(), "keeps no traces"),
        (lambda folder: (folder / "instances.parquet").write_bytes(b"nothing"), "instances.parquet"),
    ],
)
def test_folders_that_cannot_be_played_are_named(run, tmp_path, prepare, said):
    shutil.copytree(run, tmp_path / "run")
    prepare(tmp_path / "run")
    with pytest.raises(BadInput, match=said):
        report(Report(tmp_path / "run"))
    with pytest.raises(BadInput, match="no decoder 'arr'"):
        report(Report(run, ("arr",)))


def test_a_page_of_few_traces_keeps_whole_puzzles(run):
    data = payload.read(run, most=9)
    assert len(data["puzzles"]) == 2 and len(data["traces"]) == 8 and data["left out"] == 40


def test_the_story_is_told_with_todays_figures():
    """Its sentences are filled from the kept runs, its claims stand in RESULTS.md, its traces can be replayed."""
    data = json.loads(build.STORY.read_text())
    results = (ROOT / "RESULTS.md").read_text()
    for scene, told in zip(data["scenes"], story.SCENES, strict=True):
        assert (scene["title"], scene["says"]) == (told.title, told.says)
        assert scene["comes to"] == story.filled(ROOT, told.comes_to)
        assert scene["table"] == [[story.filled(ROOT, cell) for cell in row] for row in told.table]
        assert f"**{scene['claim']}**" in results or not scene["claim"]
    ends = {}
    for record in data["traces"]:
        puzzle = data["puzzles"][record["puzzle"]]
        solution = np.array(puzzle["solution"])
        for count in range(len(record["events"]) // 3 + 1):
            state = values_after(puzzle, record, count)
            assert turns(record, count) == bool(((state == solution) | (state == 0)).all())
        ends[record["name"]] = record["end"]
    assert ends["AR network"] == "wrong" and ends["AR network that goes back"] == "solved"
    assert ends["diffusion on your board"] == "solved" and ends["diffusion on a harder board"] == "wrong"
    said = next(record for record in data["traces"] if record["name"] == "diffusion on your board")["said"]
    assert len(said) > 20 and all(95 <= sum(percent) <= 105 for percent in said[0].values())


def test_what_networks_said_is_what_they_committed(run):
    """Greedy decoders take the likeliest of what they said; a network that is another one is refused."""
    data = payload.read(run, probabilities=3)
    for record in data["traces"]:
        name = data["decoders"][record["decoder"]]["name"]
        assert ("said" in record) == (record["puzzle"] < 3 and name != "no-net-raster")
        if "said" in record and name in ("ar", "diffusion-raster"):
            for call, cell, value in np.reshape(record["events"], (-1, 3)).tolist():
                percent = record["said"][call - 1][cell]
                assert percent[value - 1] == max(percent)
    card = json.loads((run / "run.json").read_text())
    card["identity"]["checkpoints"]["sudoku6-ar.safetensors"] = "0" * 64
    with pytest.raises(BadInput, match="not the network that the run was made with"):
        payload.said_again(card["identity"], {"ar": "ar"}, {"ar": []}, [draw("sudoku6", 0, "test", 0)])


@pytest.fixture(scope="module")
def page():
    """A page of a browser that reaches nothing; what it logged and asked for is kept on it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        context = browser.new_context(viewport={"width": 1366, "height": 900}, offline=True)
        opened = context.new_page()
        opened.faults, opened.asked = [], []
        opened.on("console", lambda message: message.type == "error" and opened.faults.append(message.text))
        opened.on("pageerror", lambda fault: opened.faults.append(str(fault)))
        opened.on("request", lambda request: opened.asked.append(request.url))
        yield opened
        assert opened.faults == [] and all(url.startswith(("file:", "data:", "blob:")) for url in opened.asked)
        browser.close()


@pytest.fixture(scope="module")
def report_page(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "report.html"
    report(Report(run, out=path))
    return path.as_uri()


@pytest.fixture(scope="module")
def site_page(tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "site.html"
    site(Site(path))
    return path.as_uri()


@pytest.fixture(scope="module")
def yours(site_page):
    return site_page.replace("site.html", YOURS)


def opened(page, url):
    """Anew, even where only the fragment differs."""
    page.goto("about:blank")
    page.goto(url)
    page.wait_for_selector("main")
    return page


def serious(page):
    """Findings of axe that keep people out."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [(one["id"], one["nodes"][0]["html"][:90]) for one in found if one["impact"] in ("serious", "critical")]


def fragment(*decoders, puzzle=None):
    words = [("puzzle", puzzle)] * bool(puzzle) + [("decoder", one) for one in decoders]
    return f"#{urlencode(words)}"


def decoded(page):
    """Press decode; the boards at their end."""
    page.get_by_role("button", name="▶ decode").click()
    page.wait_for_selector(".race", timeout=120_000)
    page.locator(".race input[type=range]").press("End")
    return page.locator(".race .column")


def test_what_was_read_of_transcripts_is_played_back(tmp_path):
    """The moves of each attempt, further ones at a puzzle as a row of its own, and the figures of run.json."""
    examples = ROOT / "docs" / "examples"
    lines = (examples / "transcripts.jsonl").read_text().splitlines()
    again = json.dumps(json.loads(lines[0]) | {"seed": 1})
    (tmp_path / "chats.jsonl").write_text("\n".join([*lines, again]) + "\n")
    command = ScoreCommand(tmp_path / "chats.jsonl", examples / "puzzles.jsonl", out=tmp_path / "run", workers=1)
    score(command)
    data = payload.read(tmp_path / "run")
    names = [one["name"] for one in data["decoders"]]
    assert len(data["traces"]) == 3 and names[-1] == f"{names[0]}, attempt 3"
    assert data["traces"][2]["events"] == data["traces"][0]["events"] != []
    card = json.loads((tmp_path / "run" / "run.json").read_text())
    kept = next(row for row in card["rows"] if row["stratum"] == "all" and row["decoder"] == names[0])
    assert data["figures"][0] == {"name": names[0], "figures": {k: f for k, f in kept.items() if isinstance(f, dict)}}
    before = (tmp_path / "run" / "traces.jsonl").read_bytes()
    score(command)
    assert (tmp_path / "run" / "traces.jsonl").read_bytes() == before  # from kept pieces


@browser_is_there
def test_a_report_is_played_scrubbed_compared_filtered_and_linked(page, report_page):
    opened(page, f"{report_page}#puzzle=0&show=0.1&unit=calls&at=0")
    data = page.evaluate("document.getElementById('payload') !== null")
    assert data and page.locator(".column").count() == 2

    # Stepping by keys fills a cell; playing goes on by itself; the slider goes anywhere.
    page.locator("h1").click()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(r"at=1$"))
    assert page.locator(".board .commit").first.is_visible()
    page.keyboard.press("Space")
    page.wait_for_url(re.compile(r"at=([4-9]|\d\d)"))
    page.keyboard.press("Space")
    page.locator("input[type=range]").fill("12")
    page.wait_for_url(re.compile(r"at=12$"))
    page.keyboard.press("End")

    # Another decoder beside them, and puzzles by the first one's outcome.
    page.get_by_text("compare with another decoder").click()
    assert page.locator(".column").count() == 3
    page.get_by_label("outcome of ar").select_option("lost, not solved")
    left = page.locator(".count", has_text="fit").inner_text()
    assert 0 < int(left.split()[0]) < 12
    page.keyboard.press("End")
    assert page.locator(".status").first.inner_text().startswith("✕ lost")

    # A click on a cell tells its history, and the link brings back the exact view.
    page.locator(".board .commit").first.click()
    page.wait_for_url(re.compile("cell="))
    history, link = page.locator(".history").inner_text(), page.url
    opened(page, link)
    assert page.locator(".history").inner_text() == history and page.url == link

    # A sorted table.
    page.get_by_role("button", name="solved %", exact=True).click()
    assert page.locator("th[aria-sort=descending]").count() == 1


@browser_is_there
@pytest.mark.parametrize("width", [390, 1366, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_keep_nobody_out(page, report_page, site_page, yours, width, scheme):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    urls = [f"{report_page}#at=14&cell=3", yours, *(f"{site_page}#{scene}" for scene in range(1, 6))]
    for url in urls if scheme == "light" else urls[:4]:
        opened(page, url)
        if url == yours and scheme == "light":
            decoded(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert serious(page) == []
    page.set_viewport_size({"width": 1366, "height": 900})


@browser_is_there
def test_a_person_plays_without_undo_and_then_with(page, site_page):
    """By keys alone; the page says nothing until the end, then which move ended all solutions."""
    data = json.loads(build.STORY.read_text())
    puzzle = data["puzzles"][0]
    solution = [value for value, given in zip(puzzle["solution"], puzzle["givens"], strict=True) if not given]
    opened(page, f"{site_page}#1")
    wrong = solution[1] % 6 + 1
    for value in (solution[0], wrong, *solution[2:]):
        assert page.locator(".board.dead").count() == 0
        page.keyboard.press(str(value))
    assert "From value 2 on no solution was possible" in page.locator("[role=status]").inner_text()
    assert page.locator(".board.dead .killer").count() == 1

    opened(page, f"{site_page}#3")
    page.get_by_text("And you").click()
    for value in (solution[0], wrong):
        page.keyboard.press(str(value))
    page.keyboard.press("Backspace")
    for value in solution[1:]:
        page.keyboard.press(str(value))
    assert "Solved" in page.locator(".yourself [role=status]").inner_text()


@browser_is_there
def test_scenes_are_walked_and_played(page, site_page):
    opened(page, site_page)
    for scene in range(2, 6):
        page.get_by_role("button", name="next:").click()
        assert page.url.endswith(f"#{scene}") and page.locator("h1").inner_text().startswith(f"{scene}.")
    opened(page, f"{site_page}#2")
    page.get_by_role("button", name="▶ play").click()
    page.wait_for_selector(".light.dead")
    assert "nothing shows it" in page.locator(".light").inner_text()
    opened(page, f"{site_page}#4")
    assert page.locator(".notes text").count() > 100
    page.get_by_label("what it believes of blank cells").uncheck()
    assert page.locator(".notes text").count() == 0


@browser_is_there
def test_a_screen_reader_is_told_what_happened(page, report_page):
    opened(page, f"{report_page}#puzzle=0&show=0&unit=calls&at=1")
    said = page.locator(".column [role=status]").inner_text()
    assert re.match(r"row \d column \d takes \d", said)
    assert page.locator("[role=gridcell]").first.get_attribute("aria-label").startswith("row 1 column 1: ")


@browser_is_there
def test_two_thousand_traces_open_at_once(page, run, tmp_path):
    """Each trace of the run many times over; the time is printed, the size is a promise."""
    data = payload.read(run)
    copies = 2000 // len(data["traces"]) + 1
    puzzles = len(data["puzzles"])
    many = [{**trace, "puzzle": trace["puzzle"] + copy * puzzles} for copy in range(copies) for trace in data["traces"]]
    html = build.page("report", {**data, "puzzles": data["puzzles"] * copies, "traces": many})
    assert len(many) >= 2000 and len(html) < 10_000_000
    path = tmp_path / "many.html"
    path.write_text(html)
    started = time.perf_counter()
    opened(page, path.as_uri())
    print(f"{len(many)} traces, {len(html) / 1e6:.2f} MB: {time.perf_counter() - started:.2f} s")


@browser_is_there
def test_a_puzzle_is_decoded_in_the_page_as_python_does(page, yours):
    """Typed into the text, two networks beside each other; lights, counts and end are those of Python's traces."""
    instance = shipped_sets.load("sudoku6", "0", 3)[2]
    specs = ("ar", "diffusion:order=confidence")
    opened(page, yours + fragment(*specs))
    page.locator("textarea").fill(live.rows(instance.givens.tolist()))
    assert "one solution" in page.locator(".editor [role=status]").inner_text()
    columns = decoded(page)
    for place, spelled in enumerate(specs):
        decoder = parse(spelled)
        path = checkpoint.shipped("sudoku6", decoder.model)
        model = checkpoint.load(path, dtype=torch.float32).model
        trace = decode(decoder, model, [instance], 0)[0]
        said = columns.nth(place).inner_text()
        assert ("✓ solved" in said) == (trace.end == "solved")
        assert f"{trace.costs.calls} calls of the network" in said
        cells = columns.nth(place).locator("[role=gridcell]")
        shown = [cells.nth(cell).get_attribute("aria-label").split(": ")[1].split(",")[0][-1] for cell in range(36)]
        assert shown == [str(value) for value in replay(trace, instance.givens)[-1]]
    assert page.url.endswith(fragment(*specs, puzzle=live.rows(instance.givens.tolist()).replace("\n", "-")))


@browser_is_there
def test_bad_puzzles_are_named_in_the_page(page, yours, tmp_path):
    """Typed and from a file; the board keeps the last puzzle, and nothing can be decoded."""
    from playwright.sync_api import expect

    opened(page, yours)
    status, button = page.locator(".editor [role=status]"), page.get_by_role("button", name="▶ decode")
    for text, said in [
        ("12345", "line 1: 5 symbols"),
        ("7" + 35 * ".", "“7” at row 1 column 1"),
        ("<img src=x onerror=alert(1)>", "symbols"),
        ("", "no puzzle in it"),
    ]:
        page.locator("textarea").fill(text)
        assert said in status.inner_text() and button.is_disabled()
    path = tmp_path / "bad.txt"
    path.write_text("# mine\n123456\n1.....\n......\n......\n......\n.....7\n")
    page.locator("input[type=file]").set_input_files(path)
    expect(status).to_contain_text("“7” at row 6 column 6")
    assert button.is_disabled()
    path.write_text("123456\n1.....\n......\n......\n......\n......\n")
    page.locator("input[type=file]").set_input_files(path)
    expect(status).to_contain_text("1 stands twice in one column: row 1 column 1 and row 2 column 1")


@browser_is_there
def test_a_board_is_drawn_by_keys_and_searched_without_a_network(page, yours):
    """A 9x9 board: networks do not know it; a search does. One that has no solution is refuted."""
    from playwright.sync_api import expect

    opened(
        page, yours + fragment("uniform:veto=legal,retraction=depth,calls=3000", "ar", puzzle="-".join([9 * "."] * 9))
    )
    assert "on this one the decoder runs without a network" in page.locator(".chooser").nth(1).inner_text()
    cell = page.locator(".editor [role=gridcell]").first
    cell.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".editor .selected")
    page.keyboard.press("9")
    expect(cell).to_have_attribute("aria-label", "row 1 column 1: given 9")
    columns = decoded(page)
    assert "✓ solved" in columns.nth(0).inner_text() and "of the network" not in columns.nth(0).inner_text()

    page.locator("textarea").fill("1...\n..1.\n.2..\n...2\n")
    without = page.locator(".editor [role=status]").inner_text()
    page.locator("textarea").fill("12..\n..3.\n...3\n4...\n")
    assert "no solution" in page.locator(".editor [role=status]").inner_text() and "solution" in without
    assert "It has tried everything" in decoded(page).nth(0).inner_text()


@browser_is_there
def test_a_long_search_is_stopped(page, yours):
    hard = json.loads(build.STORY.read_text())["puzzles"][2]["givens"]
    decoder = "uniform:order=raster,veto=legal,retraction=best-first,calls=5000"
    opened(page, yours + fragment(decoder, puzzle=live.rows(hard).replace("\n", "-")))
    page.get_by_role("button", name="▶ decode").click()
    page.get_by_role("button", name="❚❚ stop").click()
    page.wait_for_selector(".race", timeout=60_000)
    page.locator(".race input[type=range]").press("End")
    assert "It was stopped there" in page.locator(".race .column").inner_text()


def test_the_program_in_the_package_is_the_one_of_the_lock_file():
    if not live.SOURCE.exists():
        pytest.skip("node_modules are missing: npm ci in experiments/page/app")
    assert live.program() == live.SOURCE.read_bytes()
