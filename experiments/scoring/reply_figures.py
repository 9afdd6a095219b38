"""One reply as a handful of numbers, for other projects' harnesses: docs/served-models.md.

>>> figures("r1c2 = 3\\nundo r1c2", puzzle, index_from=1)["claimed"]
1.0
"""

from __future__ import annotations

from csp.problem import Instance
from experiments.scoring.scorer import TraceAnalysis, score_life
from experiments.scoring.take_backs import TakeBacks, judged, of_transcript
from experiments.scoring.transcripts import read
from solvers.oracles.pick import pick

#: What is said of a reply, in this order.
FIGURES = ("solved", "read", "need", "met", "unmet", "claimed", "done", "taken", "needless")


def figures(text: str, instance: Instance, index_from: int | None = None) -> dict[str, float | None]:
    """FIGURES of a reply: shares as 1 or 0, take-backs as numbers; None where the oracle, or the reply, says nothing.

    index_from: what rows, columns and nodes count from; None: found in the text.
    """
    said = read(text, instance, index_from=index_from)
    if said.nothing:
        return {name: 0.0 if name in ("solved", "read") else None for name in FIGURES}
    life = TraceAnalysis(said.trace, instance, pick(instance))
    score = score_life(life)
    counts: TakeBacks = judged(of_transcript(said, instance.givens), life)
    solved = score.solved and not said.altered  # a board that changes a given is no solution
    need = score.need
    shown = {
        "solved": solved,
        "read": True,
        "need": need,
        "met": None if need is None else need and solved,
        "unmet": None if need is None else need and not solved,
        "claimed": counts.claimed,
        "done": counts.done,
        "taken": counts.taken,
        "needless": counts.needless,
    }
    return {name: None if shown[name] is None else float(shown[name]) for name in FIGURES}
