"""The `takeback` command: one subcommand an experiment. Errors are one line and a non-zero exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from csp.errors import BadInput
from experiments.console import console
from solvers.oracle import Undecided

ABOUT = """takeback: does a generator that cannot take a token back hit a ceiling?

Sudoku and graph-colouring puzzles are solved by autoregressive and masked-diffusion networks and by solvers;
an exact oracle says when each of them went wrong, and what it would have had to take back."""


def guarded(job: Callable[[], None]) -> int:
    """Run a job; its exit code. What the user can put right is one line on standard error, no traceback."""
    try:
        job()
        sys.stdout.flush()
        return 0
    except (BadInput, Undecided) as fault:
        console.print(f"takeback: {fault}")
        return 3 if isinstance(fault, Undecided) else 2
    except KeyboardInterrupt:
        console.print("takeback: interrupted; what was finished is kept, and the same command goes on from there")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as fault:
        console.print(f"takeback: {fault.filename or 'system'}: {fault.strerror or fault}")
        return 2
    except MemoryError:
        console.print("takeback: out of memory; try a smaller --batch-size")
        return 2
    except Exception as fault:
        if os.environ.get("TAKEBACK_DEBUG"):
            raise
        text = str(fault).splitlines()[0] if str(fault) else ""
        console.print(f"takeback: internal error, {type(fault).__name__}: {text} (TAKEBACK_DEBUG=1 shows where)")
        return 70


def run(main: Callable[[Any], None], options: type, prog: str | None = None) -> None:
    """Parse the command line into options and run main on it; exits."""
    sys.exit(guarded(lambda: main(tyro.cli(options, prog=prog))))


Jobs = dict[str, tuple[type, Callable[[Any], None]]]


def dispatch(jobs: Jobs, prog: str, about: str, words: Sequence[str]) -> None:
    """Run the job that the words name, with the options that they give."""
    kinds = {name: options for name, (options, _) in jobs.items()}
    parsed = tyro.extras.subcommand_cli_from_dict(kinds, prog=prog, description=about, args=words)
    next(main for options, main in jobs.values() if isinstance(parsed, options))(parsed)


def _instances() -> Jobs:
    from experiments import instances, sweep

    return {
        "make": (instances.Make, instances.make),
        "grade": (instances.Grade, instances.grade),
        "convert": (instances.Convert, instances.convert),
        "from": (instances.From, instances.fetch),
        "sweep": (sweep.Sweep, sweep.main),
        "families": (instances.Families, instances.families),
    }


def _experiments() -> Jobs:
    from experiments import ceiling, train

    return {"ceiling": (ceiling.Ceiling, ceiling.main), "train": (train.Train, train.main)}


def entry() -> None:
    """The console script."""
    groups = {"instances": ("make, grade and convert puzzles that are known to need search", _instances)}

    def job() -> None:
        words = sys.argv[1:]
        if words and words[0] in groups:
            about, members = groups[words[0]]
            dispatch(members(), f"takeback {words[0]}", f"takeback {words[0]}: {about}.", words[1:])
        else:
            heads = "\n".join(f"  {name}: {about}; see `takeback {name} --help`" for name, (about, _) in groups.items())
            dispatch(_experiments(), "takeback", f"{ABOUT}\n\nCommand groups:\n{heads}", words)

    sys.exit(guarded(job))
