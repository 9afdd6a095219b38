"""What MODULE:NAME or FILE.py:NAME on a command line names.

    >>> solver("my_solver.py:solve")                # the function
    >>> model("mypackage:Model")                    # an object of the class, or what the function returns

Every fault is one line, a BadInput.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from csp.errors import BadInput
from generators.models.interface import Model


def load(target: str) -> Any:
    """The object. The current folder, or the file's, is looked in first. Raises BadInput if there is none."""
    place, colon, name = target.rpartition(":")
    if not colon or not place or not name:
        raise BadInput(f"{target}: MODULE:NAME or FILE.py:NAME is needed, like mypackage.solvers:solve")
    folder = Path.cwd()
    if place.endswith(".py"):
        if not Path(place).is_file():
            raise BadInput(f"no file {place}")
        folder, place = Path(place).resolve().parent, Path(place).stem
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

    try:
        found = import_module(place)
    except ModuleNotFoundError as fault:
        missing = fault.name or place
        via = "" if place == missing or place.startswith(f"{missing}.") else f", which {place} imports"
        raise BadInput(f"no module {missing}{via}") from None
    except (Exception, SystemExit) as fault:
        raise BadInput(f"{place} cannot be imported: {type(fault).__name__}: {fault}") from None
    for part in name.split("."):
        if not hasattr(found, part):
            there = (
                ", ".join(known for known in vars(found) if not known.startswith("_"))
                if hasattr(found, "__dict__")
                else ""
            )
            raise BadInput(f"{place} has no {part!r}; it has {there[:200] or 'no names'}")
        found = getattr(found, part)
    return found


def solver(target: str) -> Callable:
    """A solver: what is named, or an object of it if it is a class of callable objects. Raises BadInput."""
    found = load(target)
    if inspect.isclass(found):
        found = _made(found, target)
    if not callable(found):
        raise BadInput(f"{target}: a {type(found).__name__} is not callable; a solver is a function of a puzzle")
    return found


def model(target: str) -> Model:
    """A model: what is named, or what it returns when it is called without arguments. Raises BadInput."""
    found = load(target)
    if inspect.isclass(found) or (callable(found) and not isinstance(found, Model)):
        found = _made(found, target)
    if not isinstance(found, Model):
        raise BadInput(f"{target}: a {type(found).__name__} is no model, which has a name and open(boards)")
    return found


def _made(factory: Callable, target: str) -> Any:
    try:
        return factory()
    except (Exception, SystemExit) as fault:
        raise BadInput(f"{target}() is called without arguments: {type(fault).__name__}: {fault}") from None
