"""`takeback ask` against a server that is slow, busy, broken or gone: what is asked, kept, counted and said."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow.parquet
import pytest
from chat_stub import DROP, ChatStub, Raw, Reply, Status

import takeback
from csp.errors import BadInput
from experiments.ask import asking, journal
from experiments.ask.asking import kept
from experiments.ask.command import Ask, main
from experiments.ask.journal import Journal
from experiments.ask.replies import NoReply, parsed
from experiments.ask.server import Server, base_url, retry_after
from experiments.cli.dispatch import guarded

ROOT = Path(__file__).parents[2]
KEY = "sk-a-secret-key-1234567890"


@pytest.fixture(scope="module")
def puzzles(tmp_path_factory):
    """Six small Sudokus in a file."""
    drawn = {}
    for index in range(40):
        puzzle = takeback.draw("sudoku4", seed=3, split="test", index=index)
        drawn.setdefault(puzzle.id, puzzle)
    path = tmp_path_factory.mktemp("puzzles") / "six.jsonl"
    takeback.write_puzzles(path, list(drawn.values())[:6])
    return path


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No test waits for a server that never comes; no key of the machine's own is sent."""
    monkeypatch.setattr(asking, "FIRST_WAIT", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def solution(asked, puzzles):
    """The right answer to a prompt."""
    for puzzle in takeback.read_puzzles(puzzles):
        rows = puzzle.givens.reshape(4, 4)
        if (
            "\n".join(" ".join("_" if v == 0 else str(v) for v in row) for row in rows)
            in asked["messages"][0]["content"]
        ):
            return "\n".join(" ".join(map(str, row)) for row in puzzle.witness.reshape(4, 4))
    raise AssertionError("a prompt without its puzzle")


def ask(stub, puzzles, out, **options):
    """Run; (lines of asked.jsonl, run.json)."""
    options = {"workers": 1, "retries": 2, "style": "answer", **options}
    main(Ask(endpoint=stub.url, model="m", puzzles=puzzles, out=out, **options))
    return list(journal.read(out / "asked.jsonl")), json.loads((out / "run.json").read_text())


def test_every_puzzle_is_asked_once_and_scored(puzzles, tmp_path, capsys):
    with ChatStub(lambda number, asked: Reply(solution(asked, puzzles))) as stub:
        lines, card = ask(stub, puzzles, tmp_path / "a", samples=2, temperature=0.5, seed=4)
        assert [line["status"] for line in lines] == ["answered"] * 12 and len(stub.asked) == 12
        sent = stub.asked[0]
        assert (sent["model"], sent["temperature"], sent["max_tokens"], "top_p" in sent) == ("m", 0.5, 4096, False)
        assert len({one["seed"] for one in stub.asked}) == 12  # each its own
        again, _ = ask(stub, puzzles, tmp_path / "a", samples=2, temperature=0.5, seed=4)
        assert len(stub.asked) == 12 and again == lines
        ask(stub, puzzles, tmp_path / "a", samples=3, temperature=0.5, seed=4)
        assert len(stub.asked) == 18  # the third sample alone
        kept_rows = [pyarrow.parquet.read_metadata(path).num_rows for path in (tmp_path / "a/score/shards").iterdir()]
        assert sum(kept_rows) == 18  # what was scored before, of fewer replies, is gone
        ask(stub, puzzles, tmp_path / "a", samples=1, temperature=0.6, seed=4)
        assert len(stub.asked) == 24  # another temperature is another question
    row = next(row for row in card["rows"] if row["stratum"] == "all")
    assert row["solved of read"]["value"] == 1 and row["solved of read"]["n"] == row["replies"] == 12
    assert "m answer" in capsys.readouterr().out


def test_bytes_are_kept_as_they_came(puzzles, tmp_path):
    odd = Reply("é \ud83d\ude00 r1c1 = 1", usage=None).body() + b"\n  "
    with ChatStub(lambda number, asked: Raw(odd)) as stub:
        ask(stub, puzzles, tmp_path / "a", count=1)
    (record,) = journal.read(tmp_path / "a" / "replies.jsonl")
    assert record["body"].encode("utf-8", errors="surrogateescape") == odd
    latin = odd.replace(b"r1c1", b"caf\xe9")  # not UTF-8: no JSON either, but kept where it is told
    with ChatStub(lambda number, asked: Raw(latin)) as stub, pytest.raises(BadInput, match="no JSON, it begins"):
        ask(stub, puzzles, tmp_path / "b", count=1, retries=0)
    assert any("body" in record for record in journal.read(tmp_path / "b" / "requests.jsonl"))


@pytest.mark.parametrize(
    "trouble",
    [
        Status(429, "slow down", {"Retry-After": "0"}),
        Status(500, "oops"),
        Status(503, "loading"),
        Raw(b'{"choices": [{"mess'),
        DROP,
        Raw(b'{"error": {"code": 502, "message": "upstream"}}'),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again(trouble, puzzles, tmp_path):
    def plan(number, asked):
        return trouble if number in (0, 3) else Reply(solution(asked, puzzles))

    with ChatStub(plan) as stub:
        lines, _ = ask(stub, puzzles, tmp_path / "a")
    assert [line["status"] for line in lines] == ["answered"] * 6 and len(stub.asked) == 8


def test_the_servers_wish_to_wait_is_kept_by_all(puzzles, tmp_path):
    with ChatStub(lambda n, asked: Status(429, "busy", {"Retry-After": "1"}) if n == 1 else Reply("4 3 2 1")) as stub:
        ask(stub, puzzles, tmp_path / "a", parallel=1)
    assert stub.times[2] - stub.times[1] >= 0.95
    assert retry_after({"retry-after": "7"}) == 7 and retry_after({"retry-after-ms": "250"}) == 0.25
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0
    assert retry_after({}) is None and retry_after({"retry-after": "soon"}) is None
    with ChatStub(lambda n, asked: Status(429, "busy", {"Retry-After": "99999"})) as stub, pytest.raises(BadInput):
        ask(stub, puzzles, tmp_path / "b")
    assert len(stub.asked) == 1  # nobody waits a day


def test_no_more_requests_at_once_than_said(puzzles, tmp_path):
    with ChatStub(lambda number, asked: Reply("4 3 2 1", seconds=0.05)) as stub:
        ask(stub, puzzles, tmp_path / "a", parallel=3, samples=3)
    assert stub.most == 3  # no more, and no fewer where there is enough to do


def test_a_slow_reply_is_given_up_and_failures_are_no_wrong_answers(puzzles, tmp_path, capsys):
    late, slow = [grid(takeback.read_puzzles(puzzles)[k]) for k in (2, 4)], 2

    def plan(number, asked):
        if any(rows in asked["messages"][0]["content"] for rows in late):
            return Reply("late", seconds=0.6)
        return Reply(solution(asked, puzzles))

    with ChatStub(plan) as stub:
        _, card = ask(stub, puzzles, tmp_path / "a", timeout=0.25, retries=0)
    row = next(row for row in card["rows"] if row["stratum"] == "all")
    assert row["failed"] == slow and row["asked"] == 6 and row["answered"] == row["read"] == 6 - slow
    assert row["solved of read"]["value"] == row["solved of replies"]["value"] == 1
    assert card["status"] == "stopped"
    said = capsys.readouterr()
    assert "timeout: no reply within 0.25 s" in said.err and f"{slow} failed in all" in said.err
    with ChatStub(lambda number, asked: Reply(solution(asked, puzzles))) as stub:
        _, card = ask(stub, puzzles, tmp_path / "a", timeout=0.25, retries=0)
    assert len(stub.asked) == slow and card["status"] == "complete"


def grid(puzzle):
    return "\n".join(" ".join("_" if v == 0 else str(v) for v in row) for row in puzzle.givens.reshape(4, 4))


def test_kinds_of_replies_are_told_apart(puzzles, tmp_path, capsys):
    kinds = [
        Reply("r1c1 = 1\nr1c", finish="length"),
        Reply(None, message={"refusal": "I will not."}),
        Reply(""),
        Status(400, "This model's maximum context length is 100 tokens", error={"code": "context_length_exceeded"}),
        Reply("I cannot solve puzzles."),
        None,  # the right answer
    ]
    order = [puzzle.id for puzzle in takeback.read_puzzles(puzzles)]
    grids = [grid(puzzle) for puzzle in takeback.read_puzzles(puzzles)]

    def plan(number, asked):
        kind = kinds[next(k for k, rows in enumerate(grids) if rows in asked["messages"][0]["content"])]
        return kind or Reply(solution(asked, puzzles))

    with ChatStub(plan) as stub:
        lines, card = ask(stub, puzzles, tmp_path / "a")
    statuses = ["cut off", "refused", "empty", "failed", "answered", "answered"]
    assert [(line["instance"], line["status"]) for line in lines] == list(zip(order, statuses))
    row = next(row for row in card["rows"] if row["stratum"] == "all")
    counts = {name: row[name] for name in ("asked", "answered", "cut off", "no answer", "failed", "unread", "replies")}
    assert counts == dict(zip(counts, (6, 2, 1, 2, 1, 1, 5)))
    assert [row[name]["value"] for name in ("solved of read", "solved of replies")] == [1, 1 / 5]
    assert [row[name]["n"] for name in ("solved of read", "solved of replies")] == [1, 5]
    assert "context: HTTP 400" in capsys.readouterr().err
    with ChatStub(plan) as stub:
        lines, card = ask(stub, puzzles, tmp_path / "a", score_cut_off=True)
    assert next(row for row in card["rows"] if row["stratum"] == "all")["read"] == 2 and len(stub.asked) == 1


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (Status(401, f"Incorrect API key provided: {KEY}"), "HTTP 401: Incorrect API key provided: [key]"),
        (Status(404, "The model `m` does not exist"), "does not exist; the server has big-model, small-model"),
        (Raw(b"<html>It works!</html>", "text/html"), "answers with no JSON, it begins '<html>It works!</html>'"),
        (Raw(b'{"greeting": "hello"}'), "answers with no choices[0].message in it"),
        (Raw(b"[]"), "answers with no choices[0].message"),
        (Raw(b'{"choices": []}'), "answers with no choices[0].message"),
        (Raw(b'{"choices": [{"message": "text"}]}'), "answers with no choices[0].message"),
        (Raw(b'{"error": "model is gone"}'), "an error in place of a reply: model is gone"),
        (Status(422, "unknown field max_tokens"), "HTTP 422: unknown field max_tokens"),
        (Status(429, "pay", error={"code": "insufficient_quota"}), "HTTP 429: pay"),
    ],
    ids=str,
)
def test_a_server_that_is_of_no_use_is_one_line(said, line, puzzles, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with ChatStub(lambda number, asked: said) as stub:
        assert guarded(lambda: ask(stub, puzzles, tmp_path / "a")) == 2
    err = capsys.readouterr().err
    told = [text for text in err.splitlines() if text.startswith("takeback: ")]
    assert len(told) == 1 and line in told[0] and "Traceback" not in err
    assert len(stub.asked) == 1 and KEY not in err


def test_no_server_is_one_line(puzzles, tmp_path, capsys):
    with ChatStub(lambda number, asked: DROP) as stub:
        pass
    assert guarded(lambda: ask(stub, puzzles, tmp_path / "a")) == 2
    assert f"takeback: no server at {stub.url}" in capsys.readouterr().err


def test_a_server_that_goes_away_ends_the_asking_and_keeps_what_came(puzzles, tmp_path, capsys):
    with ChatStub(lambda n, asked: Reply(solution(asked, puzzles)) if n < 4 else DROP) as stub:
        assert guarded(lambda: ask(stub, puzzles, tmp_path / "a", samples=5, parallel=1, retries=0)) == 2
    assert len(stub.asked) == 4 + asking.IN_A_ROW
    said = capsys.readouterr()
    assert "dropped the connection" in said.err and "the same command goes on from there" in said.err
    assert len(list(journal.read(tmp_path / "a" / "replies.jsonl"))) == 4
    assert "m answer" in said.out  # what came is shown


def test_keys_are_sent_and_never_written(puzzles, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("THEIR_KEY", KEY)
    plans = [Reply(f"your key is {KEY}"), Status(500, f"bad {KEY}"), Raw(f"<p>{KEY}</p>".encode()), Reply("4 3 2 1")]
    with ChatStub(lambda number, asked: plans[number % 4]) as stub:
        ask(stub, puzzles, tmp_path / "a", key_from="THEIR_KEY", retries=0, samples=2)
    assert set(stub.keys) == {f"Bearer {KEY}"}
    files = [path for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert len(files) > 8 and all(KEY.encode() not in path.read_bytes() for path in files)
    said = capsys.readouterr()
    assert KEY not in said.out + said.err
    assert "your key is [key]" in (tmp_path / "a" / "transcripts.jsonl").read_text()


def test_a_server_without_keys_gets_none_of_ours(puzzles, tmp_path):
    with ChatStub(lambda number, asked: Reply("4 3 2 1")) as stub:
        ask(stub, puzzles, tmp_path / "a", count=1)
        with pytest.raises(BadInput, match="--key-from NOT_THERE: no such variable"):
            ask(stub, puzzles, tmp_path / "b", key_from="NOT_THERE")
    assert stub.keys == ["Bearer none"]


def test_what_was_reasoned_is_kept_and_scored_on_demand(puzzles, tmp_path):
    thought = "r1c1 = 1\nundo r1c1"
    forms = [{"reasoning_content": thought}, {"reasoning": thought}, {}]

    def plan(number, asked):
        text = solution(asked, puzzles)
        return Reply(text if number % 3 < 2 else f"<think>{thought}</think>\n{text}", message=forms[number % 3])

    with ChatStub(plan) as stub:
        ask(stub, puzzles, tmp_path / "a", parallel=1)
        plain = [record["text"] for record in journal.read(tmp_path / "a" / "transcripts.jsonl")]
        ask(stub, puzzles, tmp_path / "a", parallel=1, reasoning=True)
        both = [record["text"] for record in journal.read(tmp_path / "a" / "transcripts.jsonl")]
    assert len(stub.asked) == 6
    assert all("undo" not in text for text in plain) and all(text.startswith(thought) for text in both)


# ---- the budget


def test_the_budget_is_never_passed(puzzles, tmp_path, capsys):
    spent = []

    def plan(number, asked):
        reply = asked["max_tokens"]  # as long as a reply may be
        prompt = len(asked["messages"][0]["content"])
        spent.append(prompt + reply)
        return Reply(solution(asked, puzzles), usage=(prompt, reply), seconds=0.02)

    options = {"samples": 4, "max_tokens": 500, "parallel": 5}
    for budget, more in ((4_000, True), (4_000, False), (9_000, True), (1_000_000, True)):
        before = len(spent)
        with ChatStub(plan) as stub:
            _, card = ask(stub, puzzles, tmp_path / "a", token_budget=budget, **options)
        assert sum(spent) <= budget and card["tokens spent"] == sum(spent)
        assert (len(spent) > before) == more
        assert (card["status"] == "complete") == (budget == 1_000_000)
        err = capsys.readouterr().err
        assert ("a larger one goes on from here" in err) == (budget < 1_000_000)
    assert len(spent) == 24


def test_what_a_lost_request_may_have_cost_counts(puzzles, tmp_path):
    with ChatStub(lambda n, asked: DROP if n == 1 else Reply(solution(asked, puzzles), usage=None)) as stub:
        _, card = ask(stub, puzzles, tmp_path / "a", max_tokens=500, count=2, parallel=1)
    most = [record["most"] for record in journal.read(tmp_path / "a" / "requests.jsonl") if "most" in record]
    assert len(most) == 3 and card["tokens spent"] == sum(most)  # none was counted by the server
    with ChatStub(lambda n, asked: Status(503) if n == 1 else Reply(solution(asked, puzzles))) as stub:
        _, card = ask(stub, puzzles, tmp_path / "b", max_tokens=500, count=2, parallel=1)
    assert card["tokens spent"] == 30  # what was refused costs nothing


def test_a_budget_that_bears_nothing_asks_nothing(puzzles, tmp_path, capsys):
    with ChatStub(lambda number, asked: Reply("4 3 2 1")) as stub:
        ask(stub, puzzles, tmp_path / "a", token_budget=100)
    assert not stub.asked and "stopped: the next request may cost" in capsys.readouterr().err


# ---- killed, interrupted, torn


def command(stub, puzzles, out, *words):
    """The command as a process of its own."""
    line = [sys.executable, "-m", "experiments.cli.entry", "ask", "--endpoint", stub.url, "--model", "m", "--puzzles"]
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": paths}
    words = [*line, str(puzzles), "--out", str(out), "--style", "answer", "--workers", "1", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    heard = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731 (a shell's "&" has it ignored)
    return subprocess.Popen(words, env=environment, preexec_fn=heard, **pipes)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_stopped_asks_only_what_is_missing(number, puzzles, tmp_path):
    enough = threading.Event()

    def plan(place, asked):
        if place == 9:
            enough.set()
        return Reply(solution(asked, puzzles), seconds=0.05 if place < 9 else 30.0)

    with ChatStub(plan) as stub:
        process = command(stub, puzzles, tmp_path / "a", "--samples", "3", "--parallel", "2")
        assert enough.wait(120)
        time.sleep(0.3)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    if number == signal.SIGINT:
        assert process.returncode == 130 and "the same command goes on from there" in err.splitlines()[-1], err
    had = {record["key"] for record in journal.read(tmp_path / "a" / "replies.jsonl")}
    assert 8 <= len(had) < 18
    state = kept(tmp_path / "a", had)
    assert state.spent > 15 * len(had)  # what was under way may have cost all that it might
    with ChatStub(lambda place, asked: Reply(solution(asked, puzzles))) as stub:
        _, card = ask(stub, puzzles, tmp_path / "a", samples=3)
    assert len(stub.asked) == 18 - len(had) and card["status"] == "complete"
    keys = [record["key"] for record in journal.read(tmp_path / "a" / "replies.jsonl")]
    assert len(keys) == len(set(keys)) == 18


def test_half_a_line_is_cut_off_and_asked_again(puzzles, tmp_path):
    with ChatStub(lambda number, asked: Reply(solution(asked, puzzles))) as stub:
        ask(stub, puzzles, tmp_path / "a")
        file = tmp_path / "a" / "replies.jsonl"
        whole = file.read_bytes()
        file.write_bytes(whole[:-20])
        ask(stub, puzzles, tmp_path / "a")
        assert len(stub.asked) == 7
        records = list(journal.read(file))
        assert len(records) == 6 and len({record["key"] for record in records}) == 6
        file.write_bytes(b"{}\n" + whole)
        with pytest.raises(BadInput, match="not what takeback ask writes"):
            ask(stub, puzzles, tmp_path / "a")
        file.write_bytes(b"half\n" + whole)
        with pytest.raises(BadInput, match=r"replies.jsonl, line 1: not a record"):
            ask(stub, puzzles, tmp_path / "a")


def test_a_full_disk_loses_nothing_that_came(puzzles, tmp_path, monkeypatch):
    write = os.write

    def full(handle, data):
        if len(data) > 900 and Path(f"/proc/self/fd/{handle}").resolve().name == "replies.jsonl":
            writes.append(1)
            if len(writes) == 3:
                return write(handle, data[:100])  # what still fits
            if len(writes) > 3:
                raise OSError(28, "No space left on device")
        return write(handle, data)

    writes = []
    monkeypatch.setattr(journal.os, "write", full)
    stub = ChatStub(lambda number, asked: Reply(solution(asked, puzzles)))
    with stub, pytest.raises(BadInput, match=r"cannot write .*replies.jsonl: No space left"):
        ask(stub, puzzles, tmp_path / "a", parallel=1)
    assert len(list(journal.read(tmp_path / "a" / "replies.jsonl"))) == 2
    assert (tmp_path / "a" / "replies.jsonl").read_bytes().endswith(b"\n")


def test_two_at_once_in_a_folder_are_refused(puzzles, tmp_path):
    with ChatStub(lambda number, asked: Reply("4 3 2 1", seconds=1.5)) as stub:
        process = command(stub, puzzles, tmp_path / "a", "--count", "1")
        deadline = time.monotonic() + 120
        while not stub.asked and time.monotonic() < deadline:
            time.sleep(0.05)
        with pytest.raises(BadInput, match="is being written to by another takeback"):
            ask(stub, puzzles, tmp_path / "a")
        process.communicate(timeout=60)


def test_a_journal_keeps_what_is_added(tmp_path):
    path = tmp_path / "j.jsonl"
    for text in ("a", "é\udce9", "x" * 200_000):
        with Journal(path) as file:
            file.add({"text": text})
        with path.open("ab") as file:
            file.write(b'{"torn": "' + b"y" * 70_000)  # longer than a block of the search for the last line's end
    assert [record["text"] for record in journal.read(path)] == ["a", "é\udce9", "x" * 200_000]
    with pytest.raises(BadInput, match="cannot write"):
        Journal(tmp_path / "no" / "j.jsonl")


# ---- options and parts


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/", "http://localhost:8000/v1"),
        ("https://host/api/v1/", "https://host/api/v1"),
        ("http://host/v1/chat/completions", "http://host/v1"),
        ("http://[::1]:80", "http://[::1]:80/v1"),
    ],
)
def test_addresses(endpoint, url):
    assert base_url(endpoint) == url


@pytest.mark.parametrize(
    "endpoint", ["ftp://host", "http://", "http://user:pass@host/v1", "http://host/v1?key=sk-1", "http://host:port"]
)
def test_what_is_no_address_is_refused(endpoint):
    with pytest.raises(BadInput, match="--endpoint is") as fault:
        base_url(endpoint)
    assert "pass" not in str(fault.value) and "sk-1" not in str(fault.value)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"model": None}, "--model NAME is needed"),
        ({"endpoint": None}, "--endpoint URL is needed"),
        ({"puzzles": None}, "--puzzles FILE"),
        ({"samples": 0}, "--samples 0: at least 1"),
        ({"token_budget": 0}, "--token-budget 0"),
        ({"timeout": 0.0}, "--timeout 0"),
        ({"retries": -1}, "--retries"),
        ({"extra": "{"}, "--extra: not JSON"),
        ({"extra": "[]"}, "--extra: not a JSON object"),
        ({"extra": '{"messages": []}'}, "--extra: messages has an option of its own"),
        ({"extra": '{"stream": true}'}, "--extra: replies come whole"),
        ({"model": "a\nb"}, "--model: 1 to 150"),
        ({"compare": (Path("nowhere"),)}, "--compare nowhere: no such folder"),
        ({"puzzles": Path("nowhere.txt")}, "cannot read nowhere.txt"),
        ({"prompt": Path("nowhere.txt")}, "cannot read nowhere.txt"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, line, puzzles, tmp_path):
    plain = {"endpoint": "http://127.0.0.1:9", "model": "m", "puzzles": puzzles, "out": tmp_path / "a"}
    with pytest.raises(BadInput) as fault:
        main(Ask(**{**plain, **options}))
    assert line in str(fault.value) and not (tmp_path / "a").exists()


def test_without_the_client_it_is_one_line(puzzles, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(BadInput, match=r"the openai package is not installed: pip install 'takeback\[ask\]'"):
        Server("http://localhost", None, 1.0)


def test_extra_fields_are_sent_and_are_part_of_the_question(puzzles, tmp_path):
    with ChatStub(lambda number, asked: Reply("4 3 2 1")) as stub:
        ask(stub, puzzles, tmp_path / "a", count=1, extra='{"reasoning_effort": "low"}')
        ask(stub, puzzles, tmp_path / "a", count=1, length_field="max_completion_tokens")
    assert stub.asked[0]["reasoning_effort"] == "low" and "max_completion_tokens" not in stub.asked[0]
    assert stub.asked[1]["max_completion_tokens"] == 4096 and "max_tokens" not in stub.asked[1]


@pytest.mark.parametrize(
    ("content", "text", "thought"),
    [
        ("plain", "plain", ""),
        ("<think>a</think>b", "b", "a"),
        ("a</think>b", "b", "a"),
        ("<think>never ends", "", "never ends"),
        ([{"type": "text", "text": "b"}, {"type": "image"}], "b", ""),
        (None, "", ""),
    ],
)
def test_thought_and_text_are_parted(content, text, thought):
    reply = parsed(json.dumps({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}).encode())
    assert (reply.text, reply.reasoning) == (text, thought)
    assert reply.status == ("answered" if text else "empty")


@pytest.mark.parametrize("body", [b"", b"null", b"3", b'"text"', b'{"choices": {}}', b"[" * 100_000])
def test_what_is_no_reply_is_said_to_be_none(body):
    with pytest.raises(NoReply):
        parsed(body)
