"""Ctrl-C and SIGTERM, from the first moment of a command to its last: one line and 130 or 143, never a traceback.

    install()                                   # before anything is imported that takes a second
    with answered(): main(options)              # here a signal raises KeyboardInterrupt, or Terminated
    with interrupted_says("what was finished is kept"): ...      # what the line adds, said where it is known

It imports nothing that is slow, so that it can come first.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

#: What the line says of each.
WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived: like Ctrl-C, from the system rather than the keyboard."""


class _State:
    """answering: whether a signal raises, rather than ending the process; received: the last one; told: its line."""

    answering = False
    received: int | None = None
    told = False


def install() -> None:
    """Answer both signals in this process, unless they are ignored (nohup) or this is not its main thread."""
    with suppress(ValueError):  # of another thread than the main one
        for number in WORDS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _answer)


def _answer(number: int, frame: object) -> None:
    _State.received = number
    if _State.answering:
        raise Terminated if number == signal.SIGTERM else KeyboardInterrupt

    # Outside of the command's own work nothing is lost by ending here, and an exception would not do: raised in an
    # import it may come out as another one, raised in what runs at exit it is printed with its traceback.
    if not _State.told:
        with suppress(OSError):
            os.write(2, f"takeback: {WORDS[number]}\n".encode())
    os._exit(128 + number)


@contextmanager
def answered() -> Iterator[None]:
    """Within the block a signal raises in the main thread; after it, it ends the process at once."""
    _State.answering = True
    try:
        yield
    finally:
        _State.answering = False


def came() -> bool:
    """Whether a signal has arrived: then any fault may be what became of its exception."""
    return _State.received is not None


def ended(fault: BaseException) -> tuple[str, int]:
    """What to say of an interruption, and the exit code. From here on a further signal ends the process at once."""
    _State.answering, _State.told = False, True
    terminated = isinstance(fault, Terminated) or _State.received == signal.SIGTERM
    number = signal.SIGTERM if terminated else signal.SIGINT
    return "; ".join([WORDS[number], *getattr(fault, "__notes__", ())]), 128 + number


@contextmanager
def interrupted_says(words: str | Callable[[], str]) -> Iterator[None]:
    """If the block is interrupted, the line of that says so much more: what of the work is kept, say.

    Words that depend on how far it came are given as a function.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        stop.add_note(words if isinstance(words, str) else words())
        raise


def end_workers() -> None:
    """End joblib's worker processes, if there are any, so that none outlives this one or complains of its end."""
    loky = sys.modules.get("joblib.externals.loky.reusable_executor")
    executor = getattr(loky, "_executor", None)
    if executor is not None:
        executor.shutdown(wait=True, kill_workers=True)
