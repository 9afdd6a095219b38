"""`takeback conform` without a process of its own."""

import sys

from experiments.cli import dispatch


def run(*words: str) -> int:
    """The exit code of `takeback conform WORDS`. Where modules are looked for is as before: processes that later tests
    start would look there too, and run what stands there.
    """
    about, members = dispatch.GROUPS["conform"]
    before = list(sys.path)
    try:
        return dispatch.guarded(lambda: dispatch.dispatch(members, "takeback conform", about, words))
    except SystemExit as end:
        return end.code
    finally:
        sys.path[:] = before
