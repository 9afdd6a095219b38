"""Steering a frozen AR or masked-diffusion net of complete boards towards targets, without training it again.

    >>> traces = steer(parse("ar:guide=exact"), nets, targets, seed=0)          # nets: models by kind

generators/control/spec.py has the words, generators/control/guided_decoding.py the loop,
generators/control/particles.py the searches. Traces depend on (target, steering, seed, number of the sample) alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from csp.control_target import Target
from csp.trace import Trace
from generators.control.guided_decoding import GuidedDecoding
from generators.control.particles import Particles, blanks_of
from generators.control.spec import Steering, parse
from generators.control.state import Nets

__all__ = ["Steering", "parse", "steer"]


def steer(steering: Steering, nets: Nets, targets: Sequence[Target], seed: int) -> list[Trace]:
    """One trace for each target (the same target several times gives several samples). nets: what steering.nets says.

    Raises BadInput if a net cannot read a board, or the guide has no exact counts.
    """
    made: dict[int, Trace] = {}
    for rows in batches(steering, targets):
        run = (GuidedDecoding if steering.search == "none" else Particles)(
            steering, nets, [targets[row] for row in rows], seed
        )
        while len(run.rows):
            run.step()
        made |= dict(zip(rows, run.traces()))
    return [made[row] for row in range(len(targets))]


def batches(steering: Steering, targets: Sequence[Target]) -> list[list[int]]:
    """Which targets run together: all, or in a search those with as many blank cells, whose boards keep step."""
    if steering.search == "none":
        return [list(range(len(targets)))]
    blanks = [blanks_of(target) for target in targets]
    return [[row for row, size in enumerate(blanks) if size == each] for each in sorted(set(blanks))]
