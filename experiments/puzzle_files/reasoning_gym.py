"""reasoning-gym's puzzles as instances, and its `score_answer` for ours. Needs the extra [reasoning-gym].

takeback instances from reasoning-gym graph_color --count 100 --out graphs.jsonl

>>> item = entry(instance)                # {"question", "answer", "metadata"}, as reasoning-gym's datasets give
>>> score_answer(item["answer"], item)
1.0
>>> report(reply, item)["unmet"]          # needed to take something back, and did not solve it
0.0
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from csp.errors import BadInput
from csp.families import colouring, sudoku
from csp.io import board_text, instance_records
from csp.problem import Instance
from experiments.scoring import reply_figures

DATASETS = ("sudoku", "mini_sudoku", "graph_color")
READABLE = 0.01  # what reasoning-gym's graph_color gives for an answer that can be read and is wrong


def draw(dataset: str, seed: int, count: int) -> list[Instance]:
    """Items 0 .. count - 1 of one of its datasets, with the dataset's default settings, ungraded.

    Raises BadInput for another dataset, or if reasoning-gym is not installed.
    """
    if dataset not in DATASETS:
        raise BadInput(f"no reasoning-gym dataset {dataset!r} is read here; there are {', '.join(DATASETS)}")
    try:
        import reasoning_gym
    except ImportError:
        raise BadInput("reasoning-gym is not installed: pip install -e '.[reasoning-gym]'") from None
    items = reasoning_gym.create_dataset(dataset, seed=seed, size=count)
    return [instance_of(items[index], f"reasoning-gym {dataset} seed {seed} {index}") for index in range(count)]


def instance_of(item: dict[str, Any], where: str = "entry") -> Instance:
    """The instance that an entry holds, theirs or ours. Raises BadInput for an entry without a puzzle in it."""
    about = item.get("metadata") or {}
    if "takeback" in about:
        return instance_records.from_record(about["takeback"], where)
    puzzle = about.get("puzzle")
    if isinstance(puzzle, dict) and {"vertices", "edges", "num_colors"} <= set(puzzle):
        problem = colouring.graph(len(puzzle["vertices"]), puzzle["edges"], puzzle["num_colors"])
        return Instance(problem, np.zeros(problem.n, dtype=np.int64), "colouring", where)
    if isinstance(puzzle, list):
        givens = np.array(puzzle, dtype=np.int64).reshape(-1)
        side = len(puzzle)
        return Instance(sudoku.board(side), givens, f"sudoku{side}", where)
    raise BadInput(f"{where}: metadata holds neither a grid nor a graph")


def entry(instance: Instance) -> dict[str, Any]:
    """The instance as an entry of reasoning-gym's form: a question, an answer if one is known, metadata. Raises
    BadInput for an instance that the form has no place for.
    """
    problem, witness = instance.problem, instance.witness
    if instance_records.is_plain(problem):
        units = "row, column and box" if problem.name.startswith("sudoku") else "row and column"
        question = (
            f"Fill this {problem.d}x{problem.d} grid so that every {units} holds each of "
            f"{sudoku.SYMBOLS[1]} to {sudoku.SYMBOLS[problem.d]} once; _ is blank:\n"
            f"{_grid(instance.givens, problem.d)}\n"
            "Answer with the filled grid only: values separated by spaces, one line a row."
        )
        answer = None if witness is None else _grid(witness, problem.d)
    elif instance_records.is_board(problem):
        raise BadInput(f"{instance.provenance}: a {problem.name} has rules that reasoning-gym does not ask about")
    else:
        given = {str(node): int(value) for node, value in enumerate(instance.givens) if value}
        question = (
            f"Colour the nodes 0 to {problem.n - 1} of this graph with colours 1 to {problem.d} so that joined nodes "
            f"differ.\nEdges: {[list(edge) for edge in colouring.edges(problem)]}\n"
            + (f"Given: {json.dumps(given)}\n" if given else "")
            + 'Answer with a JSON map of nodes to colours, like {"0": 1, "1": 2}.'
        )
        answer = None if witness is None else json.dumps({str(node): int(v) for node, v in enumerate(witness)})
    about = {"source_dataset": "takeback", "source_index": 0, "takeback": instance_records.to_record(instance)}
    return {"question": question, "answer": answer, "metadata": about}


def _grid(assignment: np.ndarray, side: int) -> str:
    rows = assignment.reshape(side, side)
    return "\n".join(" ".join(sudoku.SYMBOLS[v] if v else "_" for v in row) for row in rows)


def score_answer(answer: str | None, entry: dict[str, Any]) -> float:
    """1.0 for any right solution of the entry's puzzle (theirs or ours), 0.01 for one that can be read, else 0.0.

    Called like reasoning-gym's. Its graph_color gives the same; its sudoku instead compares with one stored solution,
    gives up to 0.9 for digits that agree, and takes off for length: here right is right, and nothing else is.
    """
    if not isinstance(answer, str):
        return 0.0
    instance = instance_of(entry)
    said = read_answer(answer, instance)
    if said is None:
        return 0.0
    return 1.0 if instance.solved(said) else READABLE


def report(reply: str | None, entry: dict[str, Any]) -> dict[str, float | None]:
    """What a whole reply shows beside its score: reply_figures.FIGURES, as takeback.score_reply gives them.

    The reply may hold moves and take-backs, not the answer alone: what is scored is the last board that it says.
    Need, met and unmet are None where nothing of it is understood.
    """
    instance = instance_of(entry)
    return {"score": score_answer(reply, entry)} | reply_figures.figures(
        reply or "", instance, index_from=int(instance_records.is_board(instance.problem))
    )


def read_answer(answer: str, instance: Instance) -> np.ndarray | None:
    """The complete assignment (n,) that an answer states, or None: a grid, or a JSON map of nodes to colours."""
    n, d = instance.problem.n, instance.problem.d
    if instance_records.is_plain(instance.problem):
        cleaned = [re.sub(r"[\s|]", "", line).upper().translate(board_text.BLANKS) for line in answer.splitlines()]
        rows = [row for row in cleaned if len(row) == d and all(s in sudoku.SYMBOLS[1 : d + 1] for s in row)]
        if len(rows) != d:
            return None
        return np.array([sudoku.SYMBOLS.index(symbol) for symbol in "".join(rows)], dtype=np.int64)
    try:
        said = json.loads(answer)
        values = [said[str(node)] for node in range(n)]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not all(isinstance(v, int) and not isinstance(v, bool) and 1 <= v <= d for v in values):
        return None
    return np.array(values, dtype=np.int64)
