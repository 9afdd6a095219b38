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
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from csp.errors import BadInput
from csp.seeds import key
from generators.models.hugging_face.network import hugging_face
from generators.models.interface import Model


def load(target: str) -> Any:
    """The object. The current folder, or the file's, is looked in first. Raises BadInput if there is none."""
    place, colon, name = target.rpartition(":")
    if not colon or not place or not name:
        raise BadInput(f"{target}: MODULE:NAME or FILE.py:NAME is needed, like mypackage.solvers:solve")
    found = _imported(place)
    for part in name.split("."):
        if not hasattr(found, part):
            there = ", ".join(known for known in getattr(found, "__dict__", ()) if not known.startswith("_"))
            raise BadInput(f"{place} has no {part!r}; it has {there[:200] or 'no names'}")
        found = getattr(found, part)
    return found


def _imported(place: str) -> ModuleType:
    """The module of that name, or of that file. Raises BadInput."""
    file = Path(place) if place.endswith(".py") else None
    folder = str(Path.cwd() if file is None else file.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return import_module(place) if file is None else _executed(file)
    except FileNotFoundError:
        raise BadInput(f"no file {place}") from None
    except ModuleNotFoundError as fault:
        missing = fault.name or place
        via = "" if place == missing or place.startswith(f"{missing}.") else f", which {place} imports"
        raise BadInput(f"no module {missing}{via}") from None
    except (Exception, SystemExit) as fault:
        raise BadInput(f"{place} cannot be imported: {type(fault).__name__}: {fault}") from None


def _executed(file: Path) -> ModuleType:
    """A file's module, whatever other module has its name."""
    name = file.stem if file.stem not in sys.modules else f"{file.stem}-{key('conform', file.resolve())}"
    spec = spec_from_file_location(name, file)
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def solver(target: str) -> Callable:
    """A solver: what is named, or an object of it if it is a class of callable objects. Raises BadInput."""
    found = load(target)
    if inspect.isclass(found):
        found = _made(found, target)
    if not callable(found):
        raise BadInput(
            f"{target} is not callable (its type is {type(found).__name__}); a solver is a function of a puzzle"
        )
    return found


def model(target: str) -> Model:
    """A model: what is named, or what it returns when it is called without arguments; hf:PATH is a Hugging Face one.
    Raises BadInput.
    """
    if target.startswith("hf:"):
        return hugging_face(target.removeprefix("hf:"))
    found = load(target)
    if inspect.isclass(found) or (callable(found) and not isinstance(found, Model)):
        found = _made(found, target)
    if not isinstance(found, Model):
        raise BadInput(f"{target} is no model (its type is {type(found).__name__}), which has a name and open(boards)")
    return found


def _made(factory: Callable, target: str) -> Any:
    try:
        return factory()
    except (Exception, SystemExit) as fault:
        raise BadInput(f"{target}() is called without arguments: {type(fault).__name__}: {fault}") from None
