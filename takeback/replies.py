"""A language model's reply to a puzzle: what to ask, and what a reply shows. For harnesses of evaluation.

text = takeback.prompt(puzzle, "steps")             # what `takeback ask` sends
takeback.score_reply(reply, puzzle)["unmet"]        # needed to take something back, and did not solve it
"""

from __future__ import annotations

from csp.errors import BadInput
from csp.problem import Instance
from experiments.ask import prompts
from experiments.scoring import reply_figures


def prompt(puzzle: Instance, style: str = "steps") -> str:
    """What a model is asked about a puzzle, in a style of `takeback ask`: steps, answer or free.

    Raises BadInput for another style, and for a puzzle that is neither a board nor a graph.
    """
    if style not in prompts.STYLES:
        raise BadInput(f"no style {style!r}; there are {', '.join(prompts.STYLES)}")
    return prompts.prompt(prompts.readable(puzzle), prompts.template(style))


def score_reply(text: str, puzzle: Instance) -> dict[str, float | None]:
    """What a reply shows of the model, 1 or 0: solved, read (a move or an answer was understood), need (it entered a
    dead end), met (and solved it all the same), unmet (and did not); numbers: claimed (take-backs in words), done (of
    those), taken (values that left their cells), needless (of those, from a board that a solution extended).

    Rows, columns and nodes count as in `prompt`. need, met, unmet and needless are None where they are not known: of a
    reply that is not read, or where the oracle reached its limit.
    """
    return reply_figures.figures(text, prompts.readable(puzzle), prompts.counts_from(puzzle))
