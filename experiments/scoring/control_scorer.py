"""What the independent checker says of a steered trace, and where it could no longer reach its target."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Int

from csp.control_target import Target
from csp.trace import Trace
from solvers.oracles.pick import pick


def judged(trace: Trace, aim: Target, find_dead_end: bool = False) -> dict[str, Any]:
    """Of a trace's last board: control obeyed, valid, both; and what it cost.

    looks: also `dead`, the share of the free cells that stood when the first board was first beyond what any solution
    of the target extends (None: never). From there on only a retraction can help.
    """
    board = aim.plain.givens.copy()
    for _, place, value in trace.events:
        board[place] = value
    return {
        "target": aim.instance.id,
        "rarity": [aim.satisfying, aim.among],
        "control": bool(aim.controlled(board)),
        "valid": bool(aim.valid(board)),
        "both": bool(aim.instance.solved(board)),
        "parts": parts_obeyed(board, aim),
        "board": board.tolist(),
        "retractions": trace.retractions,
        "calls": trace.costs.calls,
        "flops": trace.costs.flops,
        "seconds": trace.costs.seconds,
        **({"dead": find_first_dead(trace, aim)} if find_dead_end else {}),
    }


def parts_obeyed(board: Int[np.ndarray, " n"], aim: Target) -> float | None:
    """Of the control's parts (the rules of one scope: a cage, a cell, a span), the share that a board obeys.

    On trees that is the F1 of cages: a board has as many as are asked, so that precision and recall are the same. None
    for a target without a control.
    """
    parts: dict[tuple[int, ...], bool] = {}
    for rule in aim.controls:
        parts[rule.scope] = parts.get(rule.scope, True) and not bool(rule.violated(board))
    return float(np.mean(list(parts.values()))) if parts else None


def find_first_dead(trace: Trace, aim: Target) -> float | None:
    """See judged. Only the commits before the first retraction are looked at: among them, once dead is always dead."""
    events = trace.events.array
    back = np.nonzero(events[:, 2] == 0)[0]
    first = events[: back[0]] if len(back) else events
    if not len(back) and trace.end == "solved":
        return None
    oracle = pick(aim.instance, "cp-sat")

    def dead(commits: int) -> bool:
        board = aim.plain.givens.copy()
        board[first[:commits, 1]] = first[:commits, 2]
        return oracle.solve(board) is None

    low, high = 0, len(first)  # the target can be reached from its givens
    if not dead(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if dead(middle) else (middle, high)
    return high / int((aim.plain.givens == 0).sum())
