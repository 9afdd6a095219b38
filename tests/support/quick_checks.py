"""Shapes and types checked at every call as jaxtyping does it, at less than half of its price.

Its import hook puts `@jaxtyping.jaxtyped(typechecker=...)` on every function. That decorator binds the signature and
checks all arguments twice, before the call and with what it returns: half of the time of a test that decodes. Here an
argument is checked once, in the same context (one `n` a call), and nothing is bound; a function without arrays needs no
context. tests/conftest.py imports this before the packages that are checked; tests/test_shapes.py sees that it is at
work.
"""

import functools
import inspect
import re
from dataclasses import is_dataclass

import jaxtyping
from beartype import BeartypeConf, beartype

THEIRS = jaxtyping.jaxtyped
#: Raises what jaxtyping raises, a TypeError: some code expects it of wrong types and turns it into a message.
CHECK = beartype(conf=BeartypeConf(violation_type=jaxtyping.TypeCheckError))


def jaxtyped(*, typechecker):
    return functools.partial(_decorated, typechecker)


def _decorated(typechecker, it):
    if inspect.isclass(it):
        if any(map(is_dataclass, it.__mro__[1:])):  # its __init__ has annotations that another module's names explain
            return THEIRS(typechecker=typechecker)(it)
        if is_dataclass(it) and "__init__" in vars(it):
            it.__init__ = _decorated(typechecker, it.__init__)
        return it

    # "batch {width}" is read from the bound arguments, and a generator's body runs after its call: leave those alone.
    if inspect.isgeneratorfunction(it) or any("{" in str(annotation) for annotation in it.__annotations__.values()):
        return THEIRS(typechecker=typechecker)(it)

    checked, context = CHECK(it), THEIRS("context")
    if not any(_of_arrays(annotation, it.__globals__) for annotation in it.__annotations__.values()):
        return checked

    @functools.wraps(it)
    def call(*args, **options):
        __tracebackhide__ = True
        with context:
            return checked(*args, **options)

    return call


def _of_arrays(annotation, names):
    """Whether an annotation, as text or evaluated, says the shape of an array, by its own words or by an alias."""
    words = re.findall(r"\w+", annotation) if isinstance(annotation, str) else [None]
    return any("jaxtyping" in repr(annotation if word is None else names.get(word)) for word in words)


jaxtyping.jaxtyped = jaxtyped  # the name that the import hook's code looks up
