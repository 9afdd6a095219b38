"""A reply as other projects' harnesses score it: need, met and unmet beside accuracy, for reasoning-gym and lm-eval."""

import json
import re
import sys
from pathlib import Path

import pytest

import takeback
from csp.io.instance_records import to_record, write_jsonl
from experiments.puzzle_files import reasoning_gym
from experiments.scoring.reply_figures import FIGURES, figures
from experiments.scoring.scorer import score
from experiments.scoring.transcripts import read

LM_EVAL = Path(__file__).parents[2] / "docs/examples/lm_eval"
sys.path.insert(0, str(LM_EVAL))
sys.path.insert(0, str(LM_EVAL.parent))
import scripted_models  # noqa: E402
import takeback_task  # noqa: E402

PUZZLES = [
    *[takeback.draw("sudoku4", seed=6, split="test", index=index) for index in range(4)],
    *[takeback.draw("colouring", seed=6, split="test", index=index) for index in range(3)],
]


def reply(model, puzzle):
    """What a scripted model writes."""
    return "\n".join(scripted_models.played(model, puzzle).lines)


@pytest.mark.parametrize("model", scripted_models.MODELS)
def test_figures_are_the_scorers(model):
    for puzzle in PUZZLES:
        script = scripted_models.played(model, puzzle)
        found = takeback.score_reply("\n".join(script.lines), puzzle)
        base = 1 if puzzle.family.startswith("sudoku") else 0
        expected = score(read("\n".join(script.lines), puzzle, index_from=base).trace, puzzle, takeback.pick(puzzle))
        assert tuple(found) == FIGURES and found["read"] == 1
        assert [found[name] for name in ("solved", "need", "met", "unmet")] == [
            expected.solved, expected.need, expected.met, expected.unmet,
        ]  # fmt: skip
        assert [found[name] for name in ("claimed", "done", "taken", "needless")] == [
            script.claimed, script.made, script.made, script.needless,
        ]  # fmt: skip


def test_a_reply_that_says_nothing_is_not_read():
    found = takeback.score_reply("I would rather not.", PUZZLES[0])
    assert (found["solved"], found["read"], found["need"], found["unmet"]) == (0, 0, None, None)


def test_a_board_that_changes_a_given_is_not_solved():
    puzzle = PUZZLES[0]
    swapped = puzzle.witness % 4 + 1  # right but for the givens
    rows = "\n".join(" ".join(map(str, row)) for row in swapped.reshape(4, 4))
    assert figures(rows, puzzle)["solved"] == 0


# ---- reasoning-gym


def test_reasoning_gyms_entries_report_need(few):
    for puzzle in (few["sudoku6"][0], few["colouring"][0]):
        item = json.loads(json.dumps(reasoning_gym.entry(puzzle)))
        right = reasoning_gym.report(item["answer"], item)
        assert (right["score"], right["solved"], right["met"], right["unmet"]) == (1.0, 1.0, 0.0, 0.0)
        for model in ("never", "search"):
            found = reasoning_gym.report(reply(model, puzzle), item)
            assert {name: found[name] for name in FIGURES} == takeback.score_reply(reply(model, puzzle), puzzle)
        for nothing in (None, "", "no"):
            assert reasoning_gym.report(nothing, item) == {
                **dict.fromkeys(FIGURES), "score": 0.0, "solved": 0.0, "read": 0.0,
            }  # fmt: skip


# ---- lm-evaluation-harness


@pytest.mark.parametrize("model", scripted_models.MODELS)
def test_the_tasks_results_are_the_figures(model):
    lines = write_jsonl(PUZZLES).splitlines()
    fields = {name for line in lines for name in json.loads(line)}
    shares = []
    for line, puzzle in zip(lines, PUZZLES):
        doc = dict.fromkeys(fields) | json.loads(line)  # as a loader gives it: every field in every line
        assert takeback_task.doc_to_text(doc) == takeback.prompt(puzzle, "steps")
        shares.append(takeback_task.process_results(doc, [reply(model, puzzle)]))
        found = takeback.score_reply(reply(model, puzzle), puzzle)
        assert shares[-1] == {name: found[name] for name in takeback_task.SHARES} | {"undecided": 0.0}
    assert sum(s["need"] for s in shares) == sum(s["met"] + s["unmet"] for s in shares)
    assert (sum(s["unmet"] for s in shares) == 0) == (model == "search")


def test_an_empty_reply_counts_nothing_in_the_task():
    doc = to_record(PUZZLES[0])
    assert takeback_task.process_results(doc, [""]) == dict.fromkeys((*takeback_task.SHARES, "undecided"), 0.0)


def test_the_task_names_what_the_function_gives():
    text = (LM_EVAL / "takeback_steps.yaml").read_text()
    metrics = re.findall(r"metric: (\w+)", text)
    assert metrics == list(takeback_task.process_results(to_record(PUZZLES[0]), [""]))
    for name in re.findall(r"!function takeback_task\.(\w+)", text):
        assert callable(getattr(takeback_task, name))
    command = re.search(r"--tasks (\w+)", text)[1]
    assert f"task: {command}\n" in text


def test_other_styles_are_refused():
    with pytest.raises(takeback.BadInput, match="no style 'poem'; there are steps, answer, free"):
        takeback.prompt(PUZZLES[0], "poem")
