"""The console script. It imports nothing slow before signals are answered: torch alone takes seconds."""

from __future__ import annotations

from experiments.cli import signals


def entry() -> None:
    """Run the command line; exits."""
    signals.install()
    from experiments.cli.dispatch import entry

    entry()


if __name__ == "__main__":
    entry()
