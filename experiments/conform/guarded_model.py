"""A model under test, whose faults are told apart from everybody else's: exceptions, and answers of a wrong form.

>>> GuardedModel(model).open(boards).predict(rows, assignments)      # or raises ModelFailed, which says why
"""

from __future__ import annotations

from typing import Any

import numpy as np

from csp.errors import BadInput, one_line
from generators.boards import Boards
from generators.models.interface import Model, Moving, Prediction, Session


class ModelFailed(Exception):
    """A model under test raised an exception, or answered in a wrong form."""


class GuardedModel:
    """The model. BadInput goes through: so a model says that it cannot read some boards."""

    def __init__(self, model: Model):
        self.model, self.name = model, model.name

    def open(self, boards: Boards) -> Session:
        session = _tried(self.model.open, boards)
        return _GuardedMoving(session, boards) if isinstance(session, Moving) else _GuardedSession(session, boards)


class _GuardedSession:
    def __init__(self, session: Session, boards: Boards):
        self.session, self.boards = session, boards

    def predict(self, rows, assignments, commit_order=None, wanted=None) -> Prediction:
        answer = _tried(self.session.predict, rows, assignments, commit_order, wanted)
        if fault := _misshapen(answer, len(rows), assignments.shape[1], self.boards.d):
            raise ModelFailed(fault)
        return answer


class _GuardedMoving(_GuardedSession):
    def move(self, rows, sources) -> None:
        _tried(self.session.move, rows, sources)


def _tried(call: Any, *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except BadInput:
        raise
    except Exception as fault:
        text = f": {fault}" if str(fault) else ""
        raise ModelFailed(one_line(f"raised {type(fault).__name__}{text}")) from fault


def _misshapen(answer: Any, rows: int, width: int, d: int) -> str:
    """What is wrong with the form of a Prediction; "" if nothing is."""
    wanted = {"log_probs": (rows, width, d), "speaks": (rows, width), "tokens": (rows,), "flops": (rows,)}
    for name, shape in wanted.items():
        array = getattr(answer, name, None)
        if not isinstance(array, np.ndarray) or array.shape != shape:
            what = f"of shape {array.shape}" if isinstance(array, np.ndarray) else f"a {type(array).__name__}"
            return f"its answer's {name} is {what}, not an array of shape {shape}"
    return "" if answer.speaks.dtype == bool else "its answer's speaks is no array of bool"
