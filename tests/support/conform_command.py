"""`takeback conform` without a process of its own."""

from experiments.cli import dispatch


def run(*words: str) -> int:
    """The exit code of `takeback conform WORDS`."""
    about, members = dispatch.GROUPS["conform"]
    try:
        return dispatch.guarded(lambda: dispatch.dispatch(members, "takeback conform", about, words))
    except SystemExit as end:
        return end.code
