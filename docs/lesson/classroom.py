"""What the lessons share: boards to look at, predictions before results, exercises whose answers the lesson computes.

In a notebook a result waits for its prediction. As a script, and as a page that was exported (CLASSROOM=page), everything
runs; on the page results and answers are folded away until they are clicked.
"""

from __future__ import annotations

import os

import marimo as mo
import numpy as np

from takeback import Instance

PAGE = os.environ.get("CLASSROOM") == "page"


def waits() -> bool:
    """Whether somebody is there to predict."""
    return mo.running_in_notebook() and not PAGE


def predict(question: str, options: list[str]) -> mo.ui.radio:
    """A question to answer before the next cell is run."""
    return mo.ui.radio(options, label=f"**Predict.** {question}")


def result(prediction: mo.ui.radio, *shown):
    """What came out, once something was predicted."""
    mo.stop(waits() and prediction.value is None, mo.md("*Choose an answer above; then this cell runs.*"))
    said = [mo.md(f"You said: *{prediction.value}*.")] if prediction.value else []
    made = mo.vstack([*said, *(mo.md(one) if isinstance(one, str) else one for one in shown)])
    return mo.accordion({"What came out": made}) if PAGE else made


def exercise(question: str) -> mo.ui.text:
    """A question whose answer is typed."""
    return mo.ui.text(label=f"**Exercise.** {question}", placeholder="your answer")


def checked(typed: mo.ui.text, answer: object, why: str):
    """Whether it is right; the answer itself stays folded."""
    said = typed.value.strip().lower()
    verdict = "" if not said else "✓ right" if said == str(answer).lower() else "✗ not yet"
    return mo.vstack([mo.md(verdict), mo.accordion({"The answer": mo.md(f"{answer}. {why}")})])


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
            cells.append(f'<td style="width:2em;height:2em;text-align:center;border:1px solid #888;{look}">{shown}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    frame = "3px dashed #b84300" if lost else "3px solid #888"
    said = "no solution is left" if lost else "a solution is left"
    return mo.Html(
        f'<table style="border-collapse:collapse;border:{frame};font:1rem sans-serif">{"".join(rows)}</table>'
        f"<small>{'✕' if lost else '●'} {said}</small>"
    )


def percent(share: float, low: float, high: float, n: int) -> str:
    """A share with its interval and count."""
    return f"{100 * share:.0f} % [{100 * low:.0f}, {100 * high:.0f}], n = {n}"
