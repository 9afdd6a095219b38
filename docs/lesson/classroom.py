"""What the lessons share: boards to look at, predictions before results, exercises whose answers the lesson computes.

In a notebook a result waits for its prediction. As a script, and for a page (CLASSROOM=page, docs/lesson/pages.py),
everything runs; on the page results and answers are folded away until they are clicked.
"""

from __future__ import annotations

import os
from html import escape

import marimo as mo
import numpy as np

from experiments.scoring.statistics import proportion
from takeback import Instance, Score

PAGE = os.environ.get("CLASSROOM") == "page"


class Unasked(mo.Html):
    """A question on a page, where nobody can answer it."""

    value = ""


def predict(question: str, options: list[str]) -> mo.ui.radio | Unasked:
    """A question to answer before the next cell is run."""
    if not PAGE:
        return mo.ui.radio(options, label=f"**Predict.** {question}")
    items = "".join(f"<li>{escape(option)}</li>" for option in options)
    return Unasked(f"<p><b>Predict.</b> {escape(question)}</p><ul>{items}</ul>")


def result(prediction: mo.ui.radio | Unasked, *shown: str | mo.Html) -> mo.Html:
    """What came out, once something was predicted."""
    waits = mo.running_in_notebook() and not PAGE and prediction.value is None
    mo.stop(waits, mo.md("*Choose an answer above; then this cell runs.*"))
    said = [mo.md(f"You said: *{prediction.value}*.")] if prediction.value else []
    made = mo.vstack([*said, *(mo.md(one) if isinstance(one, str) else one for one in shown)])
    return folded("What came out", made) if PAGE else made


def exercise(question: str) -> mo.ui.text | Unasked:
    """A question whose answer is typed."""
    if PAGE:
        return Unasked(f"<p><b>Exercise.</b> {escape(question)}</p>")
    return mo.ui.text(label=f"**Exercise.** {question}", placeholder="your answer")


def checked(typed: mo.ui.text | Unasked, answer: object, why: str) -> mo.Html:
    """Whether it is right; the answer itself stays folded."""
    said = typed.value.strip().lower()
    verdict = mo.md("✓ right" if said == str(answer).lower() else "✗ not yet") if said else mo.md("")
    return mo.vstack([verdict, folded("The answer", mo.md(f"**{answer}.** {why}"))])


def folded(head: str, inside: mo.Html) -> mo.Html:
    """Shown when its head is clicked."""
    return mo.Html(f"<details><summary>{escape(head)}</summary>{inside.text}</details>")


def board(instance: Instance, state: np.ndarray, last: int | None = None, lost: bool = False):
    """A grid: givens bold, the last commit marked, a dashed frame around a board that is lost."""
    side = instance.problem.d
    rows = []
    for row in range(side):
        cells = []
        for cell in range(row * side, (row + 1) * side):
            look = "font-weight:700;background:#8883;" if instance.givens[cell] else ""
            look += "outline:3px solid #b84300;" if cell == last and lost else ""
            look += "outline:3px solid #0b5cad;" if cell == last and not lost else ""
            shown = state[cell] or "&nbsp;"
            look += "width:2em;height:2em;text-align:center;border:1px solid #888;"
            cells.append(f'<td style="{look}">{shown}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    frame = "3px dashed #b84300" if lost else "3px solid #888"
    said = "no solution is left" if lost else "a solution is left"
    return mo.Html(
        f'<table style="border-collapse:collapse;border:{frame};font:1rem sans-serif">{"".join(rows)}</table>'
        f"<small>{'✕' if lost else '●'} {said}</small>"
    )


def solved(scores: list[Score]) -> str:
    """The share that ended solved, in %, with its 95 % interval."""
    return share(sum(score.solved for score in scores), len(scores))


def share(hits: int, n: int) -> str:
    """In %, with its 95 % interval."""
    of = proportion(hits, n)
    return f"{100 * of.value:.0f} [{100 * of.low:.0f}, {100 * of.high:.0f}]"


def table(head: list[str], rows: list[list]) -> mo.Html:
    """Rows under a head; the first column is text, the others are figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return mo.md("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))
